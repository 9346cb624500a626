//! `pfmc check`: every mistake of every file at once, and the safe fixes on request.

use crate::load::{self, Choice, Source};
use crate::output::{self, Exit, Output};
use pfm_compiler::Checked;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Files to check.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Profile to check under; the others' paths are checked too.
    #[arg(long)]
    profile: Option<String>,
    /// Override a setting, such as `rollout.optimiser.lr=1e-4`.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// Fail where a file means something else than the lock beside it says.
    #[arg(long, conflicts_with_all = ["profile", "sets", "fix"])]
    locked: bool,
    /// Apply the fixes that cannot change a meaning.
    #[arg(long)]
    fix: bool,
    /// Form of the diagnostics.
    #[arg(long, value_enum, default_value = "full")]
    format: Form,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Form {
    Full,
    /// One line each: `file:line:column: error[E0412]: …`.
    Short,
    /// Annotations for GitHub Actions.
    Github,
    /// One SARIF 2.1.0 log for all files, for code scanning.
    Sarif,
}

/// Rounds of fixes: one fix may show the next mistake.
const MOST_ROUNDS: usize = 8;

pub fn run(args: Args, out: &Output) -> Exit {
    let (mut worst, mut all, mut seen) = (Exit::Done, Vec::new(), Vec::new());
    for file in &args.files {
        let source =
            Source { file: file.clone(), choice: Choice { profile: args.profile.clone(), sets: args.sets.clone(), experiment: None } };
        let Ok(text) = load::read(file, out) else { return Exit::Usage };
        let mut checked = load::check_all(&source, &text);
        if args.fix {
            let (mended, fixed) = mend(&source, text.clone(), &mut checked);
            if fixed > 0 {
                if let Err(e) = std::fs::write(file, &mended) {
                    return out.fail(Exit::Usage, format!("cannot write {}: {e}", file.display()));
                }
                if args.format != Form::Sarif {
                    out.line(format!("{}: {fixed} fixed", file.display()));
                }
            }
        }
        if args.locked && checked.experiment.is_some() {
            checked.diagnostics.extend(crate::lock::check(file, &text));
        }
        match args.format {
            Form::Full => out.diagnostics(&checked.diagnostics, &checked.sources),
            Form::Short => checked.diagnostics.iter().for_each(|d| out.line(pfm_diag::short(d, &checked.sources))),
            Form::Github => checked.diagnostics.iter().for_each(|d| out.line(pfm_diag::github(d, &checked.sources))),
            Form::Sarif => {}
        }
        if pfm_diag::has_errors(&checked.diagnostics) {
            worst = Exit::Errors;
        } else if args.format == Form::Full {
            out.line(format!("{}: no errors", file.display()));
        }
        let value = serde_json::json!({ "file": file, "diagnostics": output::diagnostics_value(&checked.diagnostics, &checked.sources) });
        all.push(value);
        seen.push(checked);
    }
    if args.format == Form::Sarif {
        let files: Vec<_> = seen.iter().map(|c| (c.diagnostics.as_slice(), &c.sources)).collect();
        out.line(pfm_diag::sarif(&files, env!("CARGO_PKG_VERSION")));
    }
    out.value(worst, serde_json::json!({ "files": all }));
    worst
}

/// Makes the safe edits of the file itself, until there are none, and checks what comes out; the text and how many were made.
fn mend(source: &Source, mut text: String, checked: &mut Checked) -> (String, usize) {
    let mut count = 0;
    for _ in 0..MOST_ROUNDS {
        let fixes: Vec<_> = pfm_diag::safe_fixes(&checked.diagnostics).into_iter().filter(|f| f.span.file == checked.id()).collect();
        let mended = pfm_diag::apply_fixes(&text, &fixes);
        if mended == text {
            break;
        }
        count += fixes.len();
        *checked = load::check_all(source, &mended);
        text = mended;
    }
    (text, count)
}
