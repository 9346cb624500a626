//! A bar with step, loss, pace and time left on a terminal; plain lines, one every ten seconds, in a pipe.

use crate::output::Output;
use indicatif::ProgressBar;
use pfm_diag::{Diagnostic, Sources};
use pfm_train::{Progress, StepReport};
use std::time::{Duration, Instant};

const QUIET: Duration = Duration::from_secs(10);

pub struct Shown<'a> {
    out: &'a Output,
    stage: String,
    bar: ProgressBar,
    spoke: Option<Instant>,
}

impl<'a> Shown<'a> {
    pub fn new(out: &'a Output) -> Self {
        Shown { out, stage: String::new(), bar: crate::programs::bar(out), spoke: None }
    }

    fn say(&self, line: String) {
        let out = self.out;
        self.bar.suspend(|| out.line(line));
    }

    /// True when a plain line is due.
    fn due(&mut self) -> bool {
        let due = self.bar.is_hidden() && self.spoke.is_none_or(|t| t.elapsed() >= QUIET);
        if due {
            self.spoke = Some(Instant::now());
        }
        due
    }
}

impl Progress for Shown<'_> {
    fn stage(&mut self, name: &str, done: u64, total: u64) {
        self.stage = name.to_string();
        self.spoke = None;
        self.bar.set_length(total);
        self.bar.set_position(done);
        match done {
            0 => self.say(format!("{name}: {total} steps")),
            _ if done == total => self.say(format!("{name}: done before, {total} steps")),
            _ => self.say(format!("{name}: goes on after step {done} of {total}")),
        }
    }

    fn step(&mut self, r: &StepReport) {
        let text = format!("{} loss {:.5} {:.2} steps/s", self.stage, r.loss, r.steps_per_second);
        self.bar.set_position(r.step);
        self.bar.set_message(text.clone());
        if r.step == r.total || self.due() {
            self.say(format!("{text} step {}/{} {} left", r.step, r.total, clock(r.seconds_left)));
        }
    }

    fn evaluating(&mut self, done: usize, total: usize) {
        self.bar.set_message(format!("{} evaluating {done}/{total}", self.stage));
        if self.due() {
            self.say(format!("{} evaluating {done}/{total}", self.stage));
        }
    }

    fn result(&mut self, step: u64, name: &str, value: Option<f64>) {
        let value = value.map_or("undefined".to_string(), |v| format!("{v:.5}"));
        self.say(format!("{} after step {step}: {name} {value}", self.stage));
    }

    fn warning(&mut self, warning: &Diagnostic) {
        let out = self.out;
        self.bar.suspend(|| out.diagnostics(std::slice::from_ref(warning), &Sources::default()));
    }
}

/// Seconds as `1:02:03` or `2:03`.
fn clock(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s / 3600 {
        0 => format!("{}:{:02}", s / 60, s % 60),
        h => format!("{h}:{:02}:{:02}", s / 60 % 60, s % 60),
    }
}
