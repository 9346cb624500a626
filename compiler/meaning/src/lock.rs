//! Locks: a meaning as readable, stable text, and the diagnostics of a file that means something else than its lock says.

use crate::{Change, Meaning, Profile, Read};
use pfm_diag::{Diagnostic, Span};

/// Differences that one diagnostic shows; the rest are counted.
const SHOWN: usize = 24;

/// The text of a lock. Keys are sorted, so that what did not change does not move.
pub fn to_text(meaning: &Meaning, file: &str) -> String {
    let head = format!("# What {file} means, written by `pfmc lock {file}` and compared by `pfmc check --locked {file}`.\n");
    let mut short = meaning.clone();
    profiles(&mut short).for_each(shorten);
    head + &serde_saphyr::to_string(&short).expect("a meaning is plain data")
}

/// Reads a lock back; None when it is no lock of this form.
pub fn from_text(text: &str) -> Option<Meaning> {
    let mut meaning: Meaning = serde_saphyr::from_str(text).ok()?;
    profiles(&mut meaning).for_each(lengthen);
    Some(meaning)
}

fn profiles(meaning: &mut Meaning) -> impl Iterator<Item = &mut Profile> {
    meaning.experiments.values_mut().flat_map(|e| e.profiles.values_mut())
}

/// A cell's stage says only what it does not say as the file writes it.
fn shorten(profile: &mut Profile) {
    let whole = profile.stages.clone();
    for (name, stage) in &mut profile.stages {
        let main = name.split_once(" of ").and_then(|(main, _)| Some((main, whole.get(main)?)));
        if let Some((main, other)) = main.filter(|(_, other)| other.settings.keys().eq(stage.settings.keys())) {
            stage.settings.retain(|path, value| other.settings.get(path) != Some(value));
            stage.like = Some(main.to_string());
        }
    }
}

fn lengthen(profile: &mut Profile) {
    let short = profile.stages.clone();
    for stage in profile.stages.values_mut() {
        let Some(other) = stage.like.take().and_then(|main| short.get(&main)) else { continue };
        let own = std::mem::replace(&mut stage.settings, other.settings.clone());
        stage.settings.extend(own);
    }
}

/// The file means something else than its lock says.
pub fn differs(file: &str, lock: &str, read: &Read, changes: &[Change]) -> Diagnostic {
    let count = if changes.len() == 1 { "1 change".to_string() } else { format!("{} changes", changes.len()) };
    let mut d = Diagnostic::new("F0903", format!("{file} means something else than its lock says: {count}"));
    let mut places: Vec<Span> = changes.iter().filter_map(|c| read.places.get(c.path.as_ref()?)).copied().collect();
    places.sort();
    places.dedup();
    let own = read.place.map(|p| p.file);
    let mut places = places.into_iter().filter(|p| Some(p.file) == own);
    d.primary = places.next().or(read.place).map(|span| pfm_diag::Label { span, text: "changed".to_string() });
    for place in places.take(3) {
        d = d.also(place, "changed");
    }
    for change in changes.iter().take(SHOWN) {
        d = d.note(change.to_string());
    }
    if changes.len() > SHOWN {
        d = d.note(format!("and {} more: `pfmc diff {lock} {file}` shows all", changes.len() - SHOWN));
    }
    d.help(format!("if it is meant, write `pfmc lock {file}`"))
}

/// There is no lock to compare with.
pub fn missing(file: &str, lock: &str, read: &Read) -> Diagnostic {
    let d = Diagnostic::new("F0904", format!("{file} has no lock")).help(format!("write one with `pfmc lock {file}`"));
    match read.place {
        Some(place) => d.at(place, format!("no {lock} pins what this means")),
        None => d,
    }
}

/// The lock cannot be read.
pub fn unreadable(file: &str, lock: &str, read: &Read) -> Diagnostic {
    let d = Diagnostic::new("F0904", format!("{lock} is no lock that this compiler reads"));
    let d = d.help(format!("write it anew with `pfmc lock {file}`, after looking at what it should say"));
    match read.place {
        Some(place) => d.at(place, "locked by it"),
        None => d,
    }
}
