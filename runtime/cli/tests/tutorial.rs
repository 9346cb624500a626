//! The tutorial as its reader goes through it: files are written, commands typed, and what they print is what the page shows. Commands
//! that train print times, so there only their success counts. `PFMC_BLESS=1` writes what is printed into the page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fenced block: its info string, its lines, and where they stand.
struct Fence {
    info: String,
    first: usize,
    lines: Vec<String>,
}

fn fences(page: &[String]) -> Vec<Fence> {
    let mut out: Vec<Fence> = vec![];
    let mut open = false;
    for (number, line) in page.iter().enumerate() {
        match (line.strip_prefix("```"), open) {
            (Some(info), false) => {
                out.push(Fence { info: info.to_string(), first: number + 1, lines: vec![] });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => out.last_mut().expect("a fence is open").lines.push(line.clone()),
            (None, false) => {}
        }
    }
    out
}

/// `pfm FILE` writes a file, `pfm FILE use` adds below its last `use`, `pfm FILE add` at the end of its experiment.
fn write(folder: &Path, info: &str, lines: &[String]) {
    let words: Vec<&str> = info.split_whitespace().collect();
    let [_, name, how @ ..] = words.as_slice() else { return };
    let path = folder.join(name);
    let mut text: Vec<String> = fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_string).collect();
    match how {
        [] => text = lines.to_vec(),
        ["use"] => {
            let after = text.iter().rposition(|l| l.starts_with("use ")).expect("a `use` is there") + 1;
            text.splice(after..after, lines.iter().cloned());
        }
        ["add"] => {
            let end = text.iter().rposition(|l| l == "}").expect("the experiment ends");
            let added = [&[String::new()], lines].concat();
            text.splice(end..end, added);
        }
        other => panic!("{other:?} is no way to write a file"),
    }
    fs::write(path, text.join("\n") + "\n").expect("it is written");
}

/// The commands of a block with what they print, as the page should show it.
fn typed(folder: &Path, lines: &[String]) -> Vec<String> {
    let programs = Path::new(env!("CARGO_BIN_EXE_pfmc")).parent().expect("a folder").display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut out = vec![];
    let commands: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].starts_with("$ ")).collect();
    for (n, &at) in commands.iter().enumerate() {
        let command = &lines[at][2..];
        let done =
            Command::new("sh").args(["-c", &format!("{command} 2>&1")]).current_dir(folder).env("PATH", &path).output().expect("a shell");
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(matches!(done.status.code(), Some(0 | 1)), "{command}: {printed}");
        out.push(lines[at].clone());
        if command.starts_with("pfmc run") {
            assert!(done.status.success(), "{command}: {printed}");
            let shown = &lines[at + 1..commands.get(n + 1).copied().unwrap_or(lines.len())];
            // A first blessing needs something to show.
            out.extend(if shown.is_empty() { printed.lines().map(str::to_string).collect() } else { shown.to_vec() });
        } else {
            out.extend(printed.lines().map(|l| l.trim_end().to_string()));
        }
    }
    while out.last().is_some_and(String::is_empty) {
        out.pop();
    }
    out
}

/// Lines without the keys of stages, which change with the texts of the definitions that a stage runs.
fn masked(lines: &[String]) -> String {
    let key = |word: &str| word.len() == 8 && word.chars().all(|c| c.is_ascii_hexdigit());
    let hide = |line: &String| {
        line.split_inclusive(|c: char| !c.is_alphanumeric())
            .map(|w| if key(w.trim_end_matches(|c: char| !c.is_alphanumeric())) { "KEY" } else { w })
            .collect::<String>()
    };
    lines.iter().map(hide).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_tutorial_is_what_happens() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/tutorial.md");
    let mut page: Vec<String> = fs::read_to_string(&path).expect("the tutorial").lines().map(str::to_string).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let bless = std::env::var_os("PFMC_BLESS").is_some();
    let (mut moved, mut commands) = (0isize, 0);
    for fence in fences(&page.clone()) {
        if fence.info.starts_with("pfm ") {
            write(folder.path(), &fence.info, &fence.lines);
        } else if fence.info == "console" {
            let seen = typed(folder.path(), &fence.lines);
            commands += 1;
            if bless {
                let first = (fence.first as isize + moved) as usize;
                page.splice(first..first + fence.lines.len(), seen.iter().cloned());
                moved += seen.len() as isize - fence.lines.len() as isize;
            } else {
                assert_eq!(masked(&seen), masked(&fence.lines), "docs/tutorial.md:{}: run the tests with PFMC_BLESS=1", fence.first + 1);
            }
        }
    }
    assert!(commands > 5, "the commands were found");
    if bless {
        fs::write(path, page.join("\n") + "\n").expect("it is written");
    }
}
