//! Two meanings, and what differs between them, in words. What follows from another difference is not told again, and what is
//! the same under several profiles or in several cells is told once.

use crate::shown::{bytes, flops, grouped};
use crate::{Experiment, Meaning, Model, Profile, Settings, Stage};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Edition,
    Experiment,
    Definition,
    Data,
    Setting,
    Trained,
    Parameters,
    Shapes,
    Cells,
    Report,
    Claim,
    Program,
    Cost,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    pub subject: Subject,
    /// The setting, where it is one: `rollout.optimiser.lr`.
    pub path: Option<String>,
    /// `rollout.optimiser.lr 5e-5 → 1e-4`.
    pub text: String,
    /// The profiles under which it differs; empty where it does under all.
    pub under: Vec<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if self.under.is_empty() { Ok(()) } else { write!(f, "  (under {})", self.under.join(", ")) }
    }
}

/// Differences, sorted by subject; costs are compared where both sides know them. Names of experiments matter only where a file
/// has several.
pub fn compare(before: &Meaning, after: &Meaning) -> Vec<Change> {
    let mut found = Found::default();
    if before.edition != after.edition {
        found.add(Subject::Edition, None, format!("edition {} → {}", before.edition, after.edition));
    }
    for (name, hash) in &after.definitions {
        if before.definitions.get(name).is_some_and(|old| old != hash) {
            found.add(Subject::Definition, None, format!("the definition of `{name}` says something else"));
        }
    }
    match (before.experiments.values().next(), after.experiments.values().next()) {
        (Some(a), Some(b)) if before.experiments.len() == 1 && after.experiments.len() == 1 => found.experiments(a, b),
        _ => {
            let names: BTreeSet<&String> = before.experiments.keys().chain(after.experiments.keys()).collect();
            for name in names {
                match (before.experiments.get(name), after.experiments.get(name)) {
                    (Some(a), Some(b)) => found.experiments(a, b),
                    (None, _) => found.add(Subject::Experiment, None, format!("experiment `{name}` is new")),
                    (_, None) => found.add(Subject::Experiment, None, format!("experiment `{name}` is gone")),
                }
            }
        }
    }
    found.list()
}

/// Differences by what they say, with the profiles under which they hold.
#[derive(Default)]
struct Found {
    /// The profile that is being compared.
    profile: String,
    profiles: BTreeSet<String>,
    /// Differences told so far, repeats included.
    told: usize,
    all: BTreeMap<(Subject, Option<String>, String), BTreeSet<String>>,
}

impl Found {
    fn add(&mut self, subject: Subject, path: Option<String>, text: String) {
        self.told += 1;
        self.all.entry((subject, path, text)).or_default().insert(self.profile.clone());
    }

    fn list(self) -> Vec<Change> {
        let profiles = self.profiles;
        let under = |held: BTreeSet<String>| if held == profiles { vec![] } else { held.into_iter().filter(|p| !p.is_empty()).collect() };
        self.all.into_iter().map(|((subject, path, text), held)| Change { subject, path, text, under: under(held) }).collect()
    }

    fn experiments(&mut self, a: &Experiment, b: &Experiment) {
        self.profiles = b.profiles.keys().filter(|p| a.profiles.contains_key(*p)).cloned().collect();
        self.keys("profile", Subject::Experiment, &a.profiles, &b.profiles);
        for (name, b) in &b.profiles {
            if let Some(a) = a.profiles.get(name) {
                self.profile = name.clone();
                self.profile(a, b);
            }
        }
        self.profile.clear();
    }

    fn profile(&mut self, a: &Profile, b: &Profile) {
        let before = self.told;
        self.keys("data", Subject::Data, &a.data, &b.data);
        for (name, b) in &b.data {
            if let Some(a) = a.data.get(name) {
                self.settings(Subject::Data, name, a, b);
            }
        }
        self.keys("part", Subject::Setting, &a.parts, &b.parts);
        for (name, b) in &b.parts {
            if let Some(a) = a.parts.get(name) {
                self.settings(Subject::Setting, name, a, b);
            }
        }
        self.keys("model", Subject::Parameters, &a.models, &b.models);
        for (name, b) in &b.models {
            if let Some(a) = a.models.get(name) {
                self.model(name, a, b);
            }
        }
        self.stages(a, b);
        self.keys("cell", Subject::Cells, &a.cells, &b.cells);
        for (name, b) in &b.cells {
            let runs = |stages: &Vec<String>| stages.iter().map(|s| base(s)).collect::<Vec<_>>().join(", ");
            if let Some(a) = a.cells.get(name).filter(|a| runs(a) != runs(b)) {
                self.add(Subject::Cells, None, format!("cell `{name}` runs {} → {}", runs(a), runs(b)));
            }
        }
        self.keys("report", Subject::Report, &a.reports, &b.reports);
        for (name, b) in &b.reports {
            if let Some(a) = a.reports.get(name) {
                self.settings(Subject::Report, name, &a.settings, &b.settings);
            }
        }
        for claim in b.claims.iter().filter(|c| !a.claims.contains(c)) {
            self.add(Subject::Claim, None, format!("a claim is new: `{claim}`"));
        }
        for claim in a.claims.iter().filter(|c| !b.claims.contains(c)) {
            self.add(Subject::Claim, None, format!("a claim is gone: `{claim}`"));
        }
        self.hashes(self.told > before, a, b);
    }

    /// What is on one side only.
    fn keys<T>(&mut self, what: &str, subject: Subject, a: &BTreeMap<String, T>, b: &BTreeMap<String, T>) {
        for name in b.keys().filter(|n| !a.contains_key(*n)) {
            self.add(subject, None, format!("{what} `{name}` is new"));
        }
        for name in a.keys().filter(|n| !b.contains_key(*n)) {
            self.add(subject, None, format!("{what} `{name}` is gone"));
        }
    }

    fn settings(&mut self, subject: Subject, block: &str, a: &Settings, b: &Settings) {
        for (path, text) in differing(a, b) {
            let path = format!("{block}.{path}");
            self.add(subject, Some(path.clone()), format!("{path} {text}"));
        }
    }

    fn model(&mut self, name: &str, a: &Model, b: &Model) {
        if a.of != b.of {
            self.add(Subject::Setting, Some(format!("{name}.link")), format!("`{name}` is made of {} → {}", a.of, b.of));
        }
        let parts: BTreeSet<&String> = a.parameters.keys().chain(b.parameters.keys()).collect();
        let mut told = false;
        for part in parts {
            let count = |m: &Model| m.parameters.get(part).copied().unwrap_or(0);
            if count(a) != count(b) {
                told = true;
                let text = format!("`{part}` has {} → {} parameters", grouped(count(a) as usize), grouped(count(b) as usize));
                self.add(Subject::Parameters, None, text);
            }
        }
        if a.tree != b.tree && !told {
            self.add(Subject::Parameters, None, format!("parameters of `{name}` have other paths, shapes or initial values"));
        }
        self.shapes(name, a, b);
    }

    fn shapes(&mut self, name: &str, a: &Model, b: &Model) {
        if a.shapes.is_empty() || b.shapes.is_empty() {
            return;
        }
        if a.shapes.len() != b.shapes.len() {
            self.add(Subject::Shapes, None, format!("`{name}` has {} → {} choices of compression", a.shapes.len(), b.shapes.len()));
        }
        if a.evaluation != b.evaluation {
            self.add(Subject::Shapes, None, format!("`{name}` is evaluated with {} → {}", a.evaluation, b.evaluation));
        }
        let changed: Vec<_> = b.shapes.iter().filter(|(label, shape)| a.shapes.get(*label).is_some_and(|old| old != *shape)).collect();
        if let Some((label, shape)) = changed.first() {
            let more = if changed.len() > 1 { format!(", and {} more choices", changed.len() - 1) } else { String::new() };
            self.add(Subject::Shapes, None, format!("latent of `{name}` for {label} is {} → {shape}{more}", a.shapes[*label]));
        }
    }

    /// Stages are compared cell by cell. What differs in all cells that have a stage is told once; in some of them, with their names.
    fn stages(&mut self, a: &Profile, b: &Profile) {
        let written = |p: &Profile| -> BTreeMap<String, ()> { p.stages.keys().map(|n| (base(n).to_string(), ())).collect() };
        self.keys("stage", Subject::Cells, &written(a), &written(b));
        let mut told: BTreeMap<Told, Vec<&str>> = BTreeMap::new();
        let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
        for (cell, names) in &b.cells {
            for name in names {
                let before = a.cells.get(cell).and_then(|old| old.iter().find(|n| base(n) == base(name)));
                let Some((old, new)) = before.and_then(|n| a.stages.get(n)).zip(b.stages.get(name)) else { continue };
                *compared.entry(base(name)).or_default() += 1;
                for change in stage(base(name), old, new) {
                    told.entry((base(name), change)).or_default().push(cell);
                }
            }
        }
        for ((name, (subject, path, text)), cells) in told {
            let all = compared.get(name) == Some(&cells.len());
            let cells: Vec<&str> = cells.iter().map(|c| c.rsplit('/').next().unwrap_or(c)).collect();
            let place = if all { String::new() } else { format!(" (in {})", cells.join(", ")) };
            self.add(subject, path, format!("{text}{place}"));
        }
    }

    /// Hashes differ and nothing that has a name does.
    fn hashes(&mut self, told: bool, a: &Profile, b: &Profile) {
        let defined = self.all.keys().any(|(subject, ..)| *subject == Subject::Definition);
        if told || defined {
            return;
        }
        for (name, b) in &b.stages {
            let Some(a) = a.stages.get(name) else { continue };
            for (what, a, b) in [("program", &a.program, &b.program), ("data plan", &a.data, &b.data), ("way of running", &a.run, &b.run)] {
                if a != b {
                    self.add(Subject::Program, None, format!("the {what} of `{name}` is another"));
                }
            }
        }
        for (name, b) in &b.reports {
            if a.reports.get(name).is_some_and(|a| a.key != b.key) {
                self.add(Subject::Report, None, format!("report `{name}` is another"));
            }
        }
    }
}

/// The stage's name in the file.
fn base(name: &str) -> &str {
    name.split_once(" of ").map_or(name, |(base, _)| base)
}

/// Settings that differ, with `OLD → NEW`. Where a call is another, its arguments are not told.
fn differing(a: &Settings, b: &Settings) -> Vec<(String, String)> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let other = |name: &str| {
        let definition = name != "definition" && a.get("definition") != b.get("definition");
        let above = name.match_indices('.').map(|(at, _)| &name[..at]);
        definition || above.into_iter().any(|n| (a.contains_key(n) || b.contains_key(n)) && a.get(n) != b.get(n))
    };
    let names = names.into_iter().filter(|n| a.get(*n) != b.get(*n) && !other(n));
    names.map(|n| (n.clone(), format!("{} → {}", or_nothing(a.get(n)), or_nothing(b.get(n))))).collect()
}

fn or_nothing(value: Option<&String>) -> &str {
    value.map_or("nothing", String::as_str)
}

/// Of a stage by its name: subject, setting and words.
type Told<'n> = (&'n str, Words);
type Words = (Subject, Option<String>, String);

fn stage(name: &str, a: &Stage, b: &Stage) -> Vec<Words> {
    let mut out: Vec<Words> = vec![];
    for (path, text) in differing(&a.settings, &b.settings) {
        // A mask is what it trains, not its name.
        if path == "mask" && a.trains == b.trains {
            continue;
        }
        let path = format!("{name}.{path}");
        out.push((Subject::Setting, Some(path.clone()), format!("{path} {text}")));
    }
    if a.trains != b.trains {
        out.push((Subject::Trained, Some(format!("{name}.mask")), trained(name, a, b)));
    }
    if let (Some(x), Some(y)) = (&a.cost, &b.cost) {
        if x.flops != y.flops {
            let (old, new) = apart(flops(x.flops), flops(y.flops), x.flops as usize, y.flops as usize, "FLOP");
            out.push((Subject::Cost, None, format!("a step of `{name}` takes {old} → {new}")));
        }
        if x.memory() != y.memory() {
            let (old, new) = apart(bytes(x.memory()), bytes(y.memory()), x.memory(), y.memory(), "B");
            out.push((Subject::Cost, None, format!("`{name}` needs {old} → {new} of memory")));
        }
        if x.graphs != y.graphs && a.program == b.program {
            out.push((Subject::Program, None, format!("graphs of `{name}` are lowered another way by this compiler")));
        }
    }
    out
}

/// Two amounts in words, or in full where the words are the same.
fn apart(old: String, new: String, a: usize, b: usize, unit: &str) -> (String, String) {
    if old == new { (grouped(a), format!("{} {unit}", grouped(b))) } else { (old, new) }
}

/// `mask `mostly_frozen` freezes 4 more tensors (tok 85,119 → 83,001 trainable), now frozen: tok.encoder.head`.
fn trained(name: &str, a: &Stage, b: &Stage) -> String {
    let mask = |s: &Stage| s.settings.get("mask").cloned().unwrap_or_default();
    let who = match mask(b).as_str() {
        "none" => format!("`{name}`"),
        mask => format!("mask `{mask}`"),
    };
    let fewer = a.trained_tensors.abs_diff(b.trained_tensors);
    let tensors = if fewer == 1 { "tensor" } else { "tensors" };
    let verb = match (a.trained_tensors > b.trained_tensors, mask(b) == "none") {
        (_, _) if fewer == 0 => format!("trains other {tensors}"),
        (true, true) => format!("trains {fewer} fewer {tensors}"),
        (true, false) => format!("freezes {fewer} more {tensors}"),
        (false, true) => format!("trains {fewer} more {tensors}"),
        (false, false) => format!("freezes {fewer} fewer {tensors}"),
    };
    let parts: BTreeSet<&String> = a.trained.keys().chain(b.trained.keys()).collect();
    let count = |s: &Stage, part: &String| s.trained.get(part).copied().unwrap_or(0);
    let parts = parts.into_iter().filter(|p| count(a, p) != count(b, p));
    let counts: Vec<String> = parts.map(|p| format!("{p} {} → {}", grouped(count(a, p) as usize), grouped(count(b, p) as usize))).collect();
    let counts = if counts.is_empty() { String::new() } else { format!(" ({} trainable)", counts.join(", ")) };
    format!("{who} {verb}{counts}{}{}", listed("frozen", &a.trains, &b.trains), listed("trained", &b.trains, &a.trains))
}

/// Modules of one list that the other does not cover.
fn listed(what: &str, of: &[String], other: &[String]) -> String {
    let covers = |m: &String, path: &String| path.strip_prefix(m.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('.'));
    let gone: Vec<&str> = of.iter().filter(|path| !other.iter().any(|m| covers(m, path))).map(String::as_str).collect();
    match gone.len() {
        0 => String::new(),
        1..=4 => format!(", now {what}: {}", gone.join(", ")),
        n => format!(", now {what}: {}, and {} more", gone[..3].join(", "), n - 3),
    }
}
