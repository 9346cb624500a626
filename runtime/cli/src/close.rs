//! Closes a file: the text of an experiment under one profile and the settings of the command line, such that it runs the same
//! without options. The profile becomes the default, and the settings become part of it.

use pfm_diag::{FileId, Span};
use pfm_syntax::ast::{Block, Statement};

/// Text to put in place of a span; where it is empty, to insert.
type Edit = (usize, usize, String);

/// `profile` is None for the file as written, `sets` are `PATH=VALUE`.
pub fn close(text: &str, experiment: &str, profile: Option<&str>, sets: &[String]) -> String {
    let parsed = pfm_syntax::parse(FileId(0), text);
    let label = |b: &Block| b.label.as_ref().map(|l| l.text.clone()).unwrap_or_default();
    let mut edits: Vec<Edit> = vec![];
    for block in &parsed.file.experiments {
        if label(block) != experiment {
            edits.push((block.span.start as usize, block.span.end as usize, String::new()));
            continue;
        }
        let profiles =
            block.body.iter().filter_map(|s| if let Statement::Block(b) = s { (b.kind.text == "profile").then_some(b) } else { None });
        let mut placed = false;
        for p in profiles {
            let chosen = profile.is_some_and(|name| label(p) == name);
            mark(p, chosen, &mut edits);
            if chosen {
                amend(p, sets, &mut edits);
                placed = true;
            }
        }
        if !placed && !sets.is_empty() {
            let lines: String = sets.iter().map(|s| format!("{}\n", setting(s))).collect();
            edits.push(before_end(block.span, format!("\nprofile {} default {{\n{lines}}}\n", profile.unwrap_or("paper"))));
        }
    }
    let closed = apply(text, edits);
    pfm_syntax::format(&closed).unwrap_or(closed)
}

/// Makes a profile the default, or no longer so.
fn mark(profile: &Block, chosen: bool, edits: &mut Vec<Edit>) {
    match (&profile.modifier, &profile.label, chosen) {
        (Some(modifier), _, false) => edits.push((modifier.span.start as usize, modifier.span.end as usize, String::new())),
        (None, Some(label), true) => edits.push((label.span.end as usize, label.span.end as usize, " default".into())),
        _ => {}
    }
}

/// Writes settings into a profile; the last of a path counts, and replaces what the profile says of it.
fn amend(profile: &Block, sets: &[String], edits: &mut Vec<Edit>) {
    let path = |s: &String| s.split('=').next().unwrap_or(s).trim().to_string();
    let mut added = String::new();
    for (index, set) in sets.iter().enumerate() {
        if sets[index + 1..].iter().any(|later| path(later) == path(set)) {
            continue;
        }
        let same = |s: &Statement| matches!(s, Statement::Setting(s) if s.path.text() == path(set));
        match profile.body.iter().find(|s| same(s)) {
            Some(Statement::Setting(old)) => edits.push((old.span.start as usize, old.span.end as usize, setting(set))),
            _ => added.push_str(&format!("{}\n", setting(set))),
        }
    }
    if !added.is_empty() {
        edits.push(before_end(profile.span, format!("\n{added}")));
    }
}

fn setting(set: &str) -> String {
    set.split_once('=').map_or(set.to_string(), |(path, value)| format!("{} = {}", path.trim(), value.trim()))
}

/// Inserted before the closing brace of a block.
fn before_end(block: Span, text: String) -> Edit {
    let brace = block.end as usize - 1;
    (brace, brace, text)
}

fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|e| std::cmp::Reverse(e.0));
    let mut text = text.to_string();
    for (start, end, new) in edits {
        text.replace_range(start..end, &new);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "pfm 1\n\nexperiment a {\n  seed = 0\n  profile small default { seed = 1 }\n  profile large { seed = 2 }\n}\n\nexperiment b { seed = 5 }\n";

    #[test]
    fn the_chosen_profile_becomes_the_default() {
        let closed = close(FILE, "a", Some("large"), &[]);
        assert!(closed.contains("profile large default"), "{closed}");
        assert!(!closed.contains("profile small default") && !closed.contains("experiment b"), "{closed}");
    }

    #[test]
    fn settings_join_the_profile_and_replace_its_own() {
        let closed = close(FILE, "a", Some("small"), &["seed=7".into(), "x.y = 3".into()]);
        assert!(closed.contains("seed = 7") && closed.contains("x.y") && !closed.contains("seed = 1"), "{closed}");
        assert_eq!(close(&closed, "a", Some("small"), &[]), closed);
    }

    #[test]
    fn the_file_as_written_has_no_default() {
        assert!(!close(FILE, "a", None, &[]).contains("default"));
        assert!(close(FILE, "a", None, &["seed=7".into()]).contains("profile paper default"));
    }
}
