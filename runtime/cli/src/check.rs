//! `pfmc check`: every mistake of every file at once, and the safe fixes on request.

use crate::load::{self, Source};
use crate::output::{self, Exit, Output};
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
}

pub fn run(args: Args, out: &Output) -> Exit {
    let (mut worst, mut all) = (Exit::Done, Vec::new());
    for file in &args.files {
        let source = Source { file: file.clone(), profile: args.profile.clone(), sets: args.sets.clone(), experiment: None };
        let Ok(text) = load::read(file, out) else { return Exit::Usage };
        let mut checked = load::check(&source, &text);
        if args.fix {
            let fixes: Vec<_> = checked.diagnostics.iter().filter_map(|d| d.help.as_ref()?.fix.clone()).filter(|f| f.safe).collect();
            if !fixes.is_empty() {
                let mended = pfm_diag::apply_fixes(&text, &fixes);
                if let Err(e) = std::fs::write(file, &mended) {
                    return out.fail(Exit::Usage, format!("cannot write {}: {e}", file.display()));
                }
                out.line(format!("{}: {} fixed", file.display(), fixes.len()));
                checked = load::check(&source, &mended);
            }
        }
        if args.locked && checked.experiment.is_some() {
            checked.diagnostics.extend(crate::lock::check(file, &text));
        }
        match args.format {
            Form::Full => out.diagnostics(&checked.diagnostics, &checked.sources),
            Form::Short => checked.diagnostics.iter().for_each(|d| out.line(pfm_diag::short(d, &checked.sources))),
            Form::Github => checked.diagnostics.iter().for_each(|d| out.line(pfm_diag::github(d, &checked.sources))),
        }
        if pfm_diag::has_errors(&checked.diagnostics) {
            worst = Exit::Errors;
        } else if args.format == Form::Full {
            out.line(format!("{}: no errors", file.display()));
        }
        all.push(serde_json::json!({ "file": file, "diagnostics": output::diagnostics_value(&checked.diagnostics, &checked.sources) }));
    }
    out.value(worst, serde_json::json!({ "files": all }));
    worst
}
