//! Reading through the HDF5 library where it can do no harm. On damaged files the library may crash, hang or take all memory, so a
//! program that calls `isolate_reading` first thing in `main` lets a second process, started from the same executable, read headers
//! and whatever values can't be read straight from the file. Its end, or its silence, becomes an error that names the file.
//!
//! Other programs, such as tests of what is read, use the library in place.

mod process;
mod protocol;
mod serve;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::DataError;
use process::{Lost, Process};
pub(crate) use protocol::{Answer, Request, Selection};

/// The only argument of a reading process.
const ARGUMENT: &str = "__read-data";
/// Reading processes that are kept for later.
const KEPT: usize = 4;

static ISOLATED: AtomicBool = AtomicBool::new(false);
/// Processes that wait for a request.
static IDLE: Mutex<Vec<Process>> = Mutex::new(Vec::new());

/// To be called first thing in `main`. In a reading process it serves requests and never returns; in any other it has this
/// program start reading processes from now on.
pub fn isolate_reading() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|argument| argument == ARGUMENT) && arguments.next().is_none() {
        serve::serve();
        std::process::exit(0);
    }
    ISOLATED.store(true, Ordering::Release);
}

/// Has a request answered, by a reading process where reading is isolated.
///
/// # Errors
/// What is asked for can't be read, or the process ended or fell silent over it.
pub(crate) fn ask(path: &Path, request: &Request) -> Result<Answer, DataError> {
    let outcome = if ISOLATED.load(Ordering::Acquire) { ask_process(path, request)? } else { serve::answer(request) };
    outcome.map_err(|fault| match fault.object {
        Some(object) => DataError::object(path, object, fault.cause),
        None => DataError::path(path, fault.cause),
    })
}

fn ask_process(path: &Path, request: &Request) -> Result<protocol::Outcome, DataError> {
    let kept = lock().pop();
    let fresh = kept.is_none();
    let started = || Process::start().map_err(|cause| DataError::path(path, format!("no reading process can be started: {cause}")));
    let (mut process, mut result);
    process = kept.map_or_else(started, Ok)?;
    result = process.ask(request);
    // A process that waited may have been ended from outside; only what a fresh one does is the file's doing.
    if !fresh && matches!(result, Err(Lost::Ended(_))) {
        process = started()?;
        result = process.ask(request);
    }
    match result {
        Ok(outcome) => {
            let mut idle = lock();
            if idle.len() < KEPT {
                idle.push(process);
            }
            Ok(outcome)
        }
        Err(lost) => Err(DataError::path(path, lost)),
    }
}

fn lock() -> std::sync::MutexGuard<'static, Vec<Process>> {
    IDLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
