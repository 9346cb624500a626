//! Places where a run can be made to die, so that recovery is tested and not hoped for. `PFMC_FAULT=after-step:7` kills the
//! process at the seventh passage of that point; the command line reads the variable once and passes the plan down.

use crate::RunError;
use pfm_diag::Diagnostic;
use std::cell::Cell;

/// Every point, in the order in which a run first meets them.
pub const POINTS: &[&str] = &[
    "after-data",
    "stage-start",
    "mid-step",
    "after-step",
    "events-flush",
    "checkpoint-begin",
    "checkpoint-write",
    "checkpoint-before-rename",
    "checkpoint-after-rename",
    "evaluation",
    "evaluation-write",
    "between-stages",
    "results-write",
    "report-write",
];

enum Action {
    Kill,
    Return,
}

/// At most one point, and how many passages of it are still to go.
pub struct Faults {
    point: Option<&'static str>,
    left: Cell<u64>,
    action: Action,
}

impl Faults {
    /// Never strikes.
    pub fn none() -> Faults {
        Faults { point: None, left: Cell::new(0), action: Action::Kill }
    }

    /// `name` or `name:count`, count from 1. An unknown name is a diagnostic: a test that never strikes proves nothing.
    pub fn parse(text: &str) -> Result<Faults, Box<Diagnostic>> {
        let (name, count) = text.split_once(':').unwrap_or((text, "1"));
        let point = POINTS.iter().find(|p| **p == name);
        match (point, count.parse::<u64>()) {
            (Some(point), Ok(count)) if count > 0 => Ok(Faults { point: Some(point), left: Cell::new(count), action: Action::Kill }),
            _ => Err(Box::new(
                Diagnostic::new("R0108", format!("`{text}` is not a fault point"))
                    .help(format!("write NAME or NAME:COUNT, with one of {}", POINTS.join(", "))),
            )),
        }
    }

    /// For tests inside one process: the point returns `RunError::Fault` instead of killing.
    pub fn returning(mut self) -> Faults {
        self.action = Action::Return;
        self
    }

    /// Passes `name`; dies here if this is the planned passage.
    ///
    /// # Panics
    /// If the name is missing from `POINTS`.
    pub fn point(&self, name: &'static str) -> Result<(), RunError> {
        assert!(POINTS.contains(&name), "fault point `{name}` is not in the list");
        if self.point != Some(name) || self.left.get() == 0 {
            return Ok(());
        }
        self.left.set(self.left.get() - 1);
        if self.left.get() > 0 {
            return Ok(());
        }
        match self.action {
            Action::Kill => kill(),
            Action::Return => Err(RunError::Fault(name)),
        }
    }
}

/// SIGKILL to this process: no destructor runs and no buffer is flushed, as when a machine is taken away.
fn kill() -> ! {
    // The signal is delivered before the call returns; abort covers a system that refuses it.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_once_at_the_planned_passage() {
        let faults = Faults::parse("after-step:3").expect("known point").returning();
        assert!(faults.point("after-step").is_ok());
        assert!(faults.point("mid-step").is_ok());
        assert!(faults.point("after-step").is_ok());
        assert!(matches!(faults.point("after-step"), Err(RunError::Fault("after-step"))));
        assert!(faults.point("after-step").is_ok());
    }

    #[test]
    fn refuses_unknown_points() {
        for text in ["after", "after-step:0", "after-step:x", ""] {
            assert_eq!(Faults::parse(text).err().map(|d| d.code), Some("R0108"));
        }
    }
}
