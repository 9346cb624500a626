//! Files with one mistake each, and everything that is said about it: `tests/errors/*.golden`. Set `PFMC_BLESS=1` to write the
//! second half of each file anew.

mod support;

use pfm_hir::{ProfileChoice, Request};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use support::Case;

/// Stands between the file and what is said about it.
const MARK: &str = "==== diagnostics ====\n";

fn goldens() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/errors");
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

fn check(path: &Path) -> Result<(), String> {
    let golden = fs::read_to_string(path).expect("readable");
    let (text, expected) = golden.split_once(MARK).unwrap_or((&golden, ""));
    let case = Case::new("experiment.pfm", text);
    let request = Request { profile: ProfileChoice::AsWritten, ..Request::default() };
    let (experiment, diagnostics) = case.resolve(&request);
    let resolves = !diagnostics.iter().any(|d| d.code.starts_with('E') && !d.code.starts_with("E00"));
    let rendered = case.render(&diagnostics);
    let found: Vec<String> = diagnostics.iter().map(|d| d.code.to_string()).collect();
    let mut wanted = codes_of(path);
    let mut sorted = found.clone();
    wanted.sort();
    sorted.sort();
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    if wanted != sorted {
        return Err(format!("{name}: found {found:?}\n{rendered}"));
    }
    if experiment.is_some() != resolves {
        return Err(format!("{name}: an experiment comes exactly when there is no error"));
    }
    if std::env::var_os("PFMC_BLESS").is_some() {
        fs::write(path, format!("{text}{MARK}{rendered}")).expect("writable");
    } else if rendered != expected {
        return Err(format!("{name}: now says\n{rendered}"));
    }
    Ok(())
}

#[test]
fn every_mistake_gets_its_one_answer() {
    let failures: Vec<String> = goldens().iter().filter_map(|p| check(p).err()).collect();
    assert!(failures.is_empty(), "{} files differ\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_code_shown_is_explained() {
    let codes: BTreeSet<String> = goldens().iter().flat_map(|p| codes_of(p)).collect();
    assert!(codes.len() >= 20, "the mistakes of the field are shown");
    for code in codes {
        assert!(pfm_diag::code_info(&code).is_some(), "{code} has a row in the table of codes");
    }
}
