//! `pfmc lsp`: the language server, started by editors.

use crate::output::{Exit, Output};

#[derive(clap::Args)]
pub struct Args {
    /// Speak over standard input and output, which is the only way; editors often say so.
    #[arg(long, hide = true)]
    stdio: bool,
}

pub fn run(_: Args, out: &Output) -> Exit {
    match pfm_lsp::stdio() {
        Ok(()) => Exit::Done,
        Err(why) => out.fail(Exit::Usage, format!("the conversation with the editor broke off: {why}")),
    }
}
