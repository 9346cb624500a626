//! The house rules that a machine can check: file sizes, opening sentences, layers, purity of the compiler, complete tables.

use std::fs;
use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace").to_path_buf()
}

/// Every hand-written Rust file of the workspace, sorted.
fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the workspace").map(|e| e.expect("an entry").path()) {
            let name = entry.file_name().and_then(|n| n.to_str()).unwrap_or("");
            if entry.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(entry);
            } else if name.ends_with(".rs") {
                files.push(entry);
            }
        }
    }
    files.sort();
    assert!(files.len() > 100, "the walk found the workspace");
    files
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("inside the workspace").display().to_string()
}

/// Source without what stands in `#[cfg(test)]` modules, which close a file here.
fn shipped(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

fn check(rule: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn files_are_short() {
    let long = rust_files().into_iter().filter_map(|f| {
        let lines = fs::read_to_string(&f).expect("readable").lines().count();
        (lines > LONGEST_FILE).then(|| format!("{} has {lines} lines", relative(&f)))
    });
    check("no file over 600 lines", long.collect());
}

#[test]
fn files_open_with_sentences() {
    let bare = rust_files().into_iter().filter(|f| !fs::read_to_string(f).expect("readable").starts_with("//!"));
    check("every file opens with a `//!` that a newcomer can read", bare.map(|f| relative(&f)).collect());
}

#[test]
fn the_compiler_is_pure() {
    let banned =
        ["std::fs", "std::env", "std::time", "std::net", "HashMap", "HashSet", ".unwrap()", "println!", "todo!", "unimplemented!", "dbg!"];
    let mut found = Vec::new();
    for file in rust_files() {
        let name = relative(&file);
        let core = name.starts_with("compiler/") || name.starts_with("grammar/src");
        if !core || name.contains("/tests/") || name.contains("/examples/") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("readable");
        for (i, line) in shipped(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            found.extend(banned.iter().filter(|b| code.contains(**b)).map(|b| format!("{name}:{}: {b}", i + 1)));
        }
    }
    check("no I/O, clock, environment, hash iteration or unwrap in the compiler", found);
}

#[test]
fn unsafe_code_stays_where_it_may() {
    let allowed = ["runtime/device/", "compiler/kernels/", "compiler/cpu/"];
    let mut found = Vec::new();
    for file in rust_files() {
        let name = relative(&file);
        let text = fs::read_to_string(&file).expect("readable");
        if text.contains("unsafe_code)]") && !allowed.iter().any(|a| name.starts_with(a)) && !name.starts_with("tests/") {
            found.push(name);
        }
    }
    check("`unsafe` lives in runtime/device, compiler/kernels and compiler/cpu", found);
}

/// A crate may use only those that stand above it in the member list of the workspace.
#[test]
fn no_layer_looks_back() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace manifest");
    let members: Vec<String> = manifest
        .lines()
        .skip_while(|l| !l.starts_with("members"))
        .skip(1)
        .take_while(|l| !l.starts_with(']'))
        .filter_map(|l| l.split('"').nth(1).map(str::to_string))
        .collect();
    let mut above: Vec<String> = Vec::new();
    let mut back = Vec::new();
    for member in &members {
        let text = fs::read_to_string(root().join(member).join("Cargo.toml")).expect("a member's manifest");
        let name = text.lines().find_map(|l| l.strip_prefix("name = \"")).map(|l| l.trim_end_matches('"').to_string());
        let dependencies = text.split("[dev-dependencies]").next().unwrap_or("").split("[dependencies]").nth(1).unwrap_or("");
        for line in dependencies.lines().filter(|l| l.starts_with("pfm-")) {
            let used = line.split([' ', '.', '=']).next().unwrap_or("").to_string();
            if !above.contains(&used) {
                back.push(format!("{member} uses {used}"));
            }
        }
        above.extend(name);
    }
    check("crates use only what stands above them", back);
}

#[test]
fn every_code_is_explained() {
    let mut missing = Vec::new();
    let mut last = "";
    for row in pfm_diag::CODES {
        if row.code <= last {
            missing.push(format!("{} is out of order", row.code));
        }
        last = row.code;
        if row.explanation.len() < 80 {
            missing.push(format!("{} needs a real explanation", row.code));
        }
    }
    check("the table of codes is sorted and explained", missing);
}

/// A letter for the kind and four digits.
fn is_code(word: &str) -> bool {
    word.len() == 5 && word.starts_with(['E', 'W', 'R', 'F']) && word[1..].bytes().all(|b| b.is_ascii_digit())
}

/// Codes right after the mark, wherever it stands.
fn codes_after<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    text.match_indices(mark).filter_map(|(at, _)| text.get(at + mark.len()..at + mark.len() + 5)).filter(|w| is_code(w)).collect()
}

/// Definitions of the standard library, which give codes at the head of their requirements.
fn definitions() -> Vec<(String, String)> {
    pfm_stdlib::FILES.iter().map(|m| (m.0.to_string(), m.1.to_string())).collect()
}

#[test]
fn every_code_used_is_in_the_table() {
    let rust = rust_files().into_iter().map(|file| {
        let text = fs::read_to_string(&file).expect("readable");
        (relative(&file), shipped(&text).to_string())
    });
    let mut unknown = Vec::new();
    for (name, text) in rust.chain(definitions()) {
        let used = codes_after(&text, "\"");
        unknown.extend(used.into_iter().filter(|code| pfm_diag::code_info(code).is_none()).map(|code| format!("{name}: {code}")));
    }
    check("codes come from the table", unknown);
}

/// Errors of the experiment tier that no golden shows: they need a second file, a definition with a mistake, data or a device.
const WITHOUT_GOLDEN: &[&str] = &["E0510", "E0604", "E0801", "E0802", "E0804", "E0805", "E0806"];

/// A golden shows a code as `error[E0101]`, `warning[W0110]`.
#[test]
fn goldens_and_the_table_agree() {
    let mut offences = Vec::new();
    let mut shown: Vec<String> = Vec::new();
    for entry in fs::read_dir(root().join("tests/errors")).expect("the goldens of errors") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("readable");
        for code in ["error[", "warning["].iter().flat_map(|mark| codes_after(&text, mark)) {
            if pfm_diag::code_info(code).is_none() {
                offences.push(format!("{}: {code} is not in the table", relative(&path)));
            }
            shown.push(code.to_string());
        }
    }
    let experiment_tier = |code: &str| code.starts_with('E') && ("E0101".."E1000").contains(&code);
    for code in pfm_diag::CODES.iter().map(|row| row.code).filter(|code| experiment_tier(code)) {
        match (shown.iter().any(|s| s == code), WITHOUT_GOLDEN.contains(&code)) {
            (false, false) => offences.push(format!("{code} has no golden in tests/errors")),
            (true, true) => offences.push(format!("{code} has a golden: take it from WITHOUT_GOLDEN")),
            _ => {}
        }
    }
    check("goldens show codes of the table, and the experiment tier has goldens", offences);
}
