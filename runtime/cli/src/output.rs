//! Where all printing goes: text for people, one JSON value for programs, diagnostics, and exit codes.

use pfm_diag::{Diagnostic, Sources};
use pfm_train::RunError;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    /// Diagnostics with errors, or a claim that failed.
    Errors = 1,
    /// Wrong arguments, a missing file, a missing device.
    Usage = 2,
    /// More memory is needed than there is.
    Memory = 4,
    /// Interrupted; the same command goes on.
    Interrupted = 5,
    Internal = 70,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Clone)]
pub struct Output {
    pub json: bool,
    colour: bool,
}

impl Output {
    pub fn new(json: bool, colour: Colour) -> Self {
        let wanted = match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        };
        Output { json, colour: wanted }
    }

    /// A line for people; silent under `--json`.
    pub fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            to_stdout(text.as_ref());
        }
    }

    /// The verb's one JSON value, with how it ended.
    pub fn value(&self, exit: Exit, mut value: serde_json::Value) {
        if self.json {
            value["version"] = 1.into();
            value["status"] = (exit as u8).into();
            to_stdout(&format!("{value:#}"));
        }
    }

    /// Something that is wrong outside the user's file: usage, the environment, a file that can't be read.
    pub fn fail(&self, exit: Exit, message: impl AsRef<str>) -> Exit {
        if self.json {
            self.value(exit, serde_json::json!({ "error": message.as_ref() }));
        } else {
            eprintln!("error: {}", message.as_ref());
        }
        exit
    }

    /// Ends a verb on diagnostics: to standard error, or as the JSON value.
    pub fn refuse(&self, diagnostics: &[Diagnostic], sources: &Sources) -> Exit {
        self.diagnostics(diagnostics, sources);
        self.value(Exit::Errors, serde_json::json!({ "diagnostics": diagnostics_value(diagnostics, sources) }));
        Exit::Errors
    }

    /// Ends a verb that ran on what stopped it.
    pub fn stopped(&self, error: &RunError, sources: &Sources) -> Exit {
        let diagnostic = error.diagnostic();
        let exit = exit_of(diagnostic.code);
        self.diagnostics(std::slice::from_ref(&diagnostic), sources);
        let help = diagnostic.help.as_ref().map(|h| &h.text);
        self.value(exit, serde_json::json!({ "error": diagnostic.message, "code": diagnostic.code, "help": help }));
        exit
    }

    /// Diagnostics to standard error. Under `--json` the caller puts them into its value instead.
    pub fn diagnostics(&self, diagnostics: &[Diagnostic], sources: &Sources) {
        if !self.json {
            for d in diagnostics {
                eprintln!("{}", pfm_diag::terminal(d, sources, self.colour));
            }
            summary(diagnostics);
        }
    }
}

/// How a run ends that this code stopped: places, files, devices and other processes are nothing that a change of the experiment would
/// mend.
fn exit_of(code: &str) -> Exit {
    let outside = matches!(code, "R0102" | "R0103" | "R0104" | "R0105" | "R0106" | "R0111" | "R0113" | "R0114");
    if outside { Exit::Usage } else { Exit::Errors }
}

/// A reader that has gone away, such as `head`, is no reason to stop a run.
fn to_stdout(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Diagnostics as part of a verb's JSON value.
pub fn diagnostics_value(diagnostics: &[Diagnostic], sources: &Sources) -> serde_json::Value {
    serde_json::from_str(&pfm_diag::json(diagnostics, sources)).expect("the renderer writes JSON")
}

fn summary(diagnostics: &[Diagnostic]) {
    let errors = diagnostics.iter().filter(|d| d.is_error()).count();
    let warnings = diagnostics.len() - errors;
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match (errors, warnings) {
        (0, 0) => {}
        (0, w) => eprintln!("{}", count(w, "warning")),
        (e, 0) => eprintln!("{}", count(e, "error")),
        (e, w) => eprintln!("{}, {}", count(e, "error"), count(w, "warning")),
    }
}

/// An internal error: says that it is ours, and where.
pub fn report_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
    let message = info.payload();
    let text = message.downcast_ref::<String>().map(String::as_str).or(message.downcast_ref::<&str>().copied()).unwrap_or("no message");
    eprintln!("internal error{place}: {text}\nThis is a defect of pfmc, not of your file. Please report it with the file and the command.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_fails_is_no_error_of_the_file() {
        for code in ["R0102", "R0104", "R0113", "R0114"] {
            assert_eq!(exit_of(code), Exit::Usage, "{code}");
        }
        assert_eq!([exit_of("R0101"), exit_of("R0109")], [Exit::Errors; 2]);
    }
}
