//! `pfmc fmt`: the canonical form of a file.

use crate::load;
use crate::output::{Exit, Output};
use std::io::Read;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Files to format; `-` reads standard input and writes standard output.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Change nothing; exit 1 if a file is not in the canonical form.
    #[arg(long)]
    check: bool,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let (mut worst, mut changed) = (Exit::Done, Vec::new());
    for file in &args.files {
        let piped = file.as_os_str() == "-";
        let text = if piped { standard_input(out) } else { load::read(file, out) };
        let Ok(text) = text else { return Exit::Usage };
        let formatted = match pfm_syntax::format(&text) {
            Ok(formatted) => formatted,
            Err(diagnostics) => {
                let mut sources = pfm_diag::Sources::default();
                sources.add(&file.display().to_string(), &text);
                out.diagnostics(&diagnostics, &sources);
                worst = Exit::Errors;
                continue;
            }
        };
        if piped && !args.check {
            print!("{formatted}");
            continue;
        }
        if formatted == text {
            continue;
        }
        changed.push(file.clone());
        if args.check {
            out.line(format!("{} is not formatted", file.display()));
            worst = Exit::Errors;
        } else if let Err(e) = std::fs::write(file, &formatted) {
            return out.fail(Exit::Usage, format!("cannot write {}: {e}", file.display()));
        } else {
            out.line(format!("{} formatted", file.display()));
        }
    }
    out.value(worst, serde_json::json!({ "changed": changed }));
    worst
}

fn standard_input(out: &Output) -> Result<String, Exit> {
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map(|_| text).map_err(|e| out.fail(Exit::Usage, format!("cannot read standard input: {e}")))
}
