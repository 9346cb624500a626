//! Ctrl-C and the end of a job's time: a run says that it can go on, and ends at once. Nothing has to be saved then, because
//! every file of a run is replaced whole or not at all.

use crate::output::{Exit, Output};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

const MESSAGE: &str = "interrupted: the same command goes on after the last checkpoint";

/// Watches from now on until the process ends. Where the system refuses a handler, a signal ends the process as it always does.
pub fn watch(out: &Output) {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
    let out = out.clone();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            if out.json {
                out.fail(Exit::Interrupted, MESSAGE);
            } else {
                eprintln!("\n{MESSAGE}");
            }
            // Not `std::process::exit`: that runs the exit handlers of C libraries under threads that still use them.
            signal_hook::low_level::exit(Exit::Interrupted as i32);
        }
    });
}
