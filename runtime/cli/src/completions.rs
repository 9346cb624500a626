//! `pfmc completions`: what a shell needs to complete verbs, options and files.

use crate::output::{Exit, Output};
use clap::CommandFactory;
use clap_complete::Shell;

#[derive(clap::Args)]
pub struct Args {
    /// The shell that will read it.
    shell: Shell,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "pfmc", &mut script);
    let script = String::from_utf8_lossy(&script);
    out.line(script.trim_end());
    out.value(Exit::Done, serde_json::json!({ "script": script }));
    Exit::Done
}
