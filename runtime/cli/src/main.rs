//! `pfmc`: the command line. One file per verb; this file only knows their names, the shared options and the exit codes.

mod apply;
mod bench;
mod calibration;
mod check;
mod completions;
mod data;
mod device;
mod diff;
mod doc;
mod doctor;
mod explain;
mod export;
mod format;
mod grid;
mod interrupt;
mod load;
mod lock;
mod lsp;
mod memory;
mod output;
mod plan;
mod processor;
mod programs;
mod report;
mod run;

use clap::{Parser, Subcommand};
use output::Exit;

/// A check is mostly small values that live briefly: this allocator takes a third off its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A language and compiler for foundation models of physics.
///
/// Exit codes: 0 done; 1 errors in the file, a failed claim or a difference; 2 wrong usage or environment; 4 more
/// memory needed than there is; 5 interrupted, can be resumed;
/// 70 internal error.
#[derive(Parser)]
#[command(name = "pfmc", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// Print one JSON value instead of text.
    #[arg(long, global = true)]
    json: bool,
    /// Colour diagnostics and bars: by default only on a terminal.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: output::Colour,
}

#[derive(Subcommand)]
enum Verb {
    /// Find every mistake in files without running anything.
    Check(check::Args),
    /// Rewrite files in the canonical form, keeping comments.
    Fmt(format::Args),
    /// Show parameters, shapes, cost, memory, and what would run.
    Plan(plan::Args),
    /// Run an experiment, one of its cells, or a whole grid; goes on where it stopped.
    Run(run::Args),
    /// Measure what training steps of a stage take, and where their time and memory go.
    Bench(bench::Args),
    /// Say what this machine has for running programs, why something is missing, and whether a CUDA device computes what it should.
    Doctor(doctor::Args),
    /// Write down what files mean, to be compared by `check --locked`.
    Lock(lock::Args),
    /// Compare what two files, locks or runs mean.
    Diff(diff::Args),
    /// Show the cells of the grids, or write each as a file of its own.
    #[command(subcommand)]
    Grid(grid::Verb),
    /// Make a report of finished or running cells.
    Report(report::Args),
    /// Run a model of an experiment on a tensor.
    Apply(apply::Args),
    /// Write a run's weights as safetensors.
    Export(export::Args),
    /// Make or look at data.
    #[command(subcommand)]
    Data(data::Verb),
    /// Explain a diagnostic code, a word or a function, or a file's settings, parameters and graphs.
    Explain(explain::Args),
    /// Write the reference of the language: settings, standard library, built-in functions, operations, diagnostics.
    Doc(doc::Args),
    /// Serve an editor over standard input and output: the language server protocol.
    Lsp(lsp::Args),
    /// Print what a shell needs to complete `pfmc` commands.
    Completions(completions::Args),
}

fn main() -> std::process::ExitCode {
    // Damaged data files end a process of their own, not this one.
    pfm_data::isolate_reading();
    std::panic::set_hook(Box::new(output::report_panic));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if !error.use_stderr() {
                let _ = error.print();
                return Exit::Done.into();
            }
            if std::env::args_os().any(|a| a == "--json") {
                return output::Output::new(true, output::Colour::Never)
                    .fail(Exit::Usage, error.to_string().trim_start_matches("error: ").trim())
                    .into();
            }
            let _ = error.print();
            return Exit::Usage.into();
        }
    };
    let out = output::Output::new(cli.json, cli.color);
    let exit = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match cli.verb {
        Verb::Check(args) => check::run(args, &out),
        Verb::Fmt(args) => format::run(args, &out),
        Verb::Plan(args) => plan::run(args, &out),
        Verb::Run(args) => run::run(args, &out),
        Verb::Bench(args) => bench::run(args, &out),
        Verb::Doctor(args) => doctor::run(args, &out),
        Verb::Lock(args) => lock::run(args, &out),
        Verb::Diff(args) => diff::run(args, &out),
        Verb::Grid(verb) => grid::run(verb, &out),
        Verb::Report(args) => report::run(args, &out),
        Verb::Apply(args) => apply::run(args, &out),
        Verb::Export(args) => export::run(args, &out),
        Verb::Data(verb) => data::run(verb, &out),
        Verb::Explain(args) => explain::run(args, &out),
        Verb::Doc(args) => doc::run(args, &out),
        Verb::Lsp(args) => lsp::run(args, &out),
        Verb::Completions(args) => completions::run(args, &out),
    }));
    exit.unwrap_or_else(|_| {
        out.value(Exit::Internal, serde_json::json!({ "error": "internal error; standard error says where" }));
        Exit::Internal
    })
    .into()
}
