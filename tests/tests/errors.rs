//! Files with one mistake each, and everything that is said about it: `tests/errors/*.golden`. Set `PFMC_BLESS=1` to write the last
//! part of each file anew. A golden holds the file, perhaps other files that it uses, and the diagnostics. Where a diagnostic has an
//! edit, making it mends the file.

use pfm_compiler::{Checked, Request, World, check_all};
use pfm_diag::{Diagnostic, Fix, apply_fixes, code_info, terminal};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Stands between the files and what is said about them.
const MARK: &str = "==== diagnostics ====\n";
/// Begins another file: `==== file blocks.pfm ====`.
const FILE: &str = "==== file ";

/// The goldens that must be there at least.
const MANY: usize = 100;

fn goldens() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("errors");
    let entries = fs::read_dir(folder).expect("tests/errors is in the repository");
    let mut paths: Vec<PathBuf> =
        entries.map(|e| e.expect("an entry").path()).filter(|p| p.extension().is_some_and(|e| e == "golden")).collect();
    paths.sort();
    paths
}

/// A file's name begins with the codes that it shows: `E0101_american.golden`, `E0101_E0301_together.golden`.
fn codes_of(path: &Path) -> Vec<String> {
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    let is_code = |part: &&str| part.len() == 5 && part[1..].chars().all(|c| c.is_ascii_digit());
    stem.split('_').take_while(is_code).map(String::from).collect()
}

/// The files of a golden by name; the first is the one that is checked.
#[derive(Clone)]
struct Case {
    files: Vec<(String, String)>,
}

impl World for Case {
    fn read(&self, path: &str) -> Result<String, String> {
        let found = self.files.iter().find(|(name, _)| name == path);
        found.map(|(_, text)| text.clone()).ok_or("no such file".to_string())
    }
}

impl Case {
    fn read(golden: &str) -> Case {
        let mut parts = golden.split(FILE);
        let mut files = vec![("experiment.pfm".to_string(), parts.next().unwrap_or_default().to_string())];
        for part in parts {
            let (head, text) = part.split_once('\n').expect("a file begins after its head");
            files.push((head.trim_end_matches(" ====").to_string(), text.to_string()));
        }
        Case { files }
    }

    fn check(&self) -> Checked {
        let request = Request { profile: Some("paper".to_string()), ..Request::default() };
        check_all(&self.files[0].0, &self.files[0].1, &request, self)
    }

    /// The case after one edit.
    fn mended(&self, checked: &Checked, fix: &Fix) -> Case {
        let name = &checked.sources.file(fix.span.file).name;
        let mut case = self.clone();
        let file = case.files.iter_mut().find(|(n, _)| n == name).expect("an edit is of one of the user's files");
        file.1 = apply_fixes(&file.1, std::slice::from_ref(fix));
        case
    }
}

fn render(checked: &Checked) -> String {
    checked.diagnostics.iter().map(|d| terminal(d, &checked.sources, false)).collect::<Vec<_>>().join("\n")
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|n| n.to_str()).unwrap_or_default()
}

fn compare(path: &Path) -> Result<(), String> {
    let golden = fs::read_to_string(path).expect("readable");
    let (text, expected) = golden.split_once(MARK).unwrap_or((&golden, ""));
    let checked = Case::read(text).check();
    let rendered = render(&checked);
    let mut found: Vec<&str> = checked.diagnostics.iter().map(|d| d.code).collect();
    let mut wanted = codes_of(path);
    wanted.sort();
    found.sort_unstable();
    if wanted != found {
        return Err(format!("{}: found {found:?}\n{rendered}", name(path)));
    }
    let resolves = !checked.diagnostics.iter().any(|d| d.code.starts_with('E'));
    if checked.experiment.is_some() != resolves {
        return Err(format!("{}: an experiment comes exactly when there is no error", name(path)));
    }
    if std::env::var_os("PFMC_BLESS").is_some() {
        fs::write(path, format!("{text}{MARK}{rendered}")).expect("writable");
    } else if rendered != expected {
        return Err(format!("{}: now says\n{rendered}", name(path)));
    }
    Ok(())
}

#[test]
fn every_mistake_gets_its_one_answer() {
    let failures: Vec<String> = goldens().iter().filter_map(|p| compare(p).err()).collect();
    assert!(failures.is_empty(), "{} files differ\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn there_are_many_single_mistakes() {
    let single = goldens().iter().filter(|p| codes_of(p).len() == 1).count();
    assert!(single >= MANY, "{single} goldens of one mistake");
}

#[test]
fn every_code_shown_is_explained() {
    let codes: BTreeSet<String> = goldens().iter().flat_map(|p| codes_of(p)).collect();
    for code in codes {
        assert!(code_info(&code).is_some(), "{code} has a row in the table of codes");
    }
}

/// How often each code of an error is there. A claim may well fail once its file can be read.
fn errors(diagnostics: &[Diagnostic]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for d in diagnostics.iter().filter(|d| d.code.starts_with('E')) {
        *counts.entry(d.code).or_default() += 1;
    }
    counts
}

/// Every edit that is offered, made alone: the diagnostic is gone, and no error is there that was not there before.
#[test]
fn every_edit_mends_what_it_is_offered_for() {
    let mut tried = 0;
    let mut failures = vec![];
    for path in goldens() {
        let golden = fs::read_to_string(&path).expect("readable");
        let case = Case::read(golden.split_once(MARK).map_or(golden.as_str(), |(text, _)| text));
        let checked = case.check();
        for d in &checked.diagnostics {
            let Some(fix) = d.help.as_ref().and_then(|h| h.fix.as_ref()) else { continue };
            tried += 1;
            let after = case.mended(&checked, fix).check();
            let (before, now) = (errors(&checked.diagnostics), errors(&after.diagnostics));
            let same = |other: &Diagnostic| other.code == d.code && other.message == d.message;
            let gone = after.diagnostics.iter().filter(|o| same(o)).count() < checked.diagnostics.iter().filter(|o| same(o)).count();
            let grown: Vec<&str> = now.iter().filter(|(code, n)| before.get(*code).is_none_or(|m| *n > m)).map(|(code, _)| *code).collect();
            if !gone || !grown.is_empty() {
                failures.push(format!("{}: the edit of {} leaves\n{}", name(&path), d.code, render(&after)));
            }
        }
    }
    assert!(failures.is_empty(), "{} edits do not mend\n{}", failures.len(), failures.join("\n"));
    assert!(tried >= 30, "only {tried} edits are offered");
}
