//! Locks: a meaning as readable, stable text, and the diagnostics of a file that means something else than its lock says.

use crate::{Change, Meaning, Read};
use pfm_diag::{Diagnostic, Span};

/// Differences that one diagnostic shows; the rest are counted.
const SHOWN: usize = 24;

/// The text of a lock. Keys are sorted, so that what did not change does not move.
pub fn to_text(meaning: &Meaning, file: &str) -> String {
    let head = format!("# What {file} means, written by `pfmc lock {file}` and compared by `pfmc check --locked {file}`.\n");
    head + &serde_saphyr::to_string(meaning).expect("a meaning is plain data")
}

/// Reads a lock back; None when it is no lock of this form.
pub fn from_text(text: &str) -> Option<Meaning> {
    serde_saphyr::from_str(text).ok()
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
