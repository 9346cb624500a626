//! The record of a run: one JSON object a line, appended and flushed every second and before every checkpoint. After a kill,
//! what lies beyond the checkpoint that training goes on from is cut off, so that no step is recorded twice.

use crate::{Faults, RunError, durable};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Name of the log in a stage's and a cell's directory.
pub const EVENTS_FILE: &str = "events.rank0.jsonl";

const FLUSH_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Steps done when it happened.
    pub step: u64,
    pub stage: String,
    pub cell: String,
    /// `loss`, `rate`, `gradient_norm`, `curve.vrmse`, `report.vrmse`, `warning`, …
    pub name: String,
    /// Null where the number is not finite or there is none.
    pub value: Option<f64>,
    pub unit: String,
    /// Words, for events that are not a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Seconds since 1970; the only field that differs between equal runs.
    pub time: f64,
}

pub struct EventLog {
    path: PathBuf,
    writer: BufWriter<File>,
    flushed: Instant,
    stage: String,
    cell: String,
}

impl EventLog {
    /// Opens the log of a stage that goes on after `done` steps. Keeps the events that `keep` accepts, drops the rest and
    /// any torn last line.
    pub fn open(directory: &Path, stage: &str, cell: &str, keep: impl Fn(&Event) -> bool) -> Result<EventLog, RunError> {
        let path = directory.join(EVENTS_FILE);
        let kept: Vec<Event> = read_events(&path)?.into_iter().filter(keep).collect();
        durable::write(&path, &lines(&kept))?;
        let file = OpenOptions::new().append(true).open(&path).map_err(|e| RunError::file("open", &path, &e))?;
        Ok(EventLog { path, writer: BufWriter::new(file), flushed: Instant::now(), stage: stage.to_string(), cell: cell.to_string() })
    }

    pub fn number(&mut self, step: u64, name: &str, value: f64, unit: &str, faults: &Faults) -> Result<(), RunError> {
        let value = value.is_finite().then_some(value);
        self.push(step, name, value, unit, None, faults)
    }

    pub fn words(&mut self, step: u64, name: &str, text: &str, faults: &Faults) -> Result<(), RunError> {
        self.push(step, name, None, "", Some(text.to_string()), faults)
    }

    fn push(
        &mut self,
        step: u64,
        name: &str,
        value: Option<f64>,
        unit: &str,
        text: Option<String>,
        faults: &Faults,
    ) -> Result<(), RunError> {
        let event = Event {
            step,
            stage: self.stage.clone(),
            cell: self.cell.clone(),
            name: name.to_string(),
            value,
            unit: unit.to_string(),
            text,
            time: now(),
        };
        let written = self.writer.write_all(&lines(std::slice::from_ref(&event)));
        written.map_err(|e| RunError::file("write", &self.path, &e))?;
        if self.flushed.elapsed() >= FLUSH_EVERY {
            self.flush(faults)?;
        }
        Ok(())
    }

    /// Hands everything to the disk.
    pub fn flush(&mut self, faults: &Faults) -> Result<(), RunError> {
        faults.point("events-flush")?;
        let flushed = self.writer.flush().and_then(|()| self.writer.get_ref().sync_data());
        self.flushed = Instant::now();
        flushed.map_err(|e| RunError::file("write", &self.path, &e))
    }
}

/// The whole events of a log; a line that does not parse ends it. None exist yet: an empty list.
pub fn read_events(path: &Path) -> Result<Vec<Event>, RunError> {
    let bytes = durable::read(path)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().map_while(|l| serde_json::from_str(l).ok()).collect())
}

pub(crate) fn lines(events: &[Event]) -> Vec<u8> {
    let mut text = String::new();
    for event in events {
        text.push_str(&serde_json::to_string(event).expect("an event is plain data"));
        text.push('\n');
    }
    text.into_bytes()
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |d| (d.as_secs_f64() * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_the_checkpoint_and_drops_a_torn_line() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let faults = Faults::none();
        let mut log = EventLog::open(place.path(), "s", "c", |_| true).expect("opens");
        for step in 1..=5 {
            log.number(step, "loss", 1.0 / step as f64, "", &faults).expect("writes");
        }
        log.number(5, "gradient_norm", f64::NAN, "", &faults).expect("writes");
        log.flush(&faults).expect("flushes");
        drop(log);
        let path = place.path().join(EVENTS_FILE);
        let mut torn = std::fs::read(&path).expect("reads");
        torn.extend_from_slice(b"{\"step\":6,\"sta");
        std::fs::write(&path, torn).expect("writes");
        assert_eq!(read_events(&path).expect("reads").len(), 6);
        drop(EventLog::open(place.path(), "s", "c", |e| e.step <= 3).expect("opens"));
        let steps: Vec<u64> = read_events(&path).expect("reads").iter().map(|e| e.step).collect();
        assert_eq!(steps, [1, 2, 3]);
    }
}
