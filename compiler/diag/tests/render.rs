//! Each renderer's whole output for the diagnostic that the language's description draws.

use pfm_diag::*;

const TEXT: &str = "\
experiment a {
  tokeniser tok = magvit_simple {
    bottleneck = 18
  }
  processor core = walrus { width = 1088 }
  model net { tokeniser = tok, processor = core, link = none }
}
";

fn sample() -> (Diagnostic, Sources) {
    let mut sources = Sources::default();
    let file = sources.add("a.pfm", TEXT);
    let at = |what: &str| {
        let start = TEXT.find(what).expect("the text has it");
        Span::new(file, start, start + what.len())
    };
    let diagnostic = Diagnostic::new("E0412", "channel counts differ between `tok` and `core`")
        .at(at("link = none"), "nothing joins them here")
        .also(at("18"), "`tok` ends with 18 channels")
        .also(at("1088"), "`core` expects 1088 channels")
        .fix("write `link = linear`", at("link = none"), "link = linear", true)
        .note("`pfmc explain E0412`");
    (diagnostic, sources)
}

#[test]
fn for_a_terminal() {
    let (diagnostic, sources) = sample();
    assert_eq!(terminal(&diagnostic, &sources, false), include_str!("terminal.txt"));
}

#[test]
fn one_line() {
    let (diagnostic, sources) = sample();
    assert_eq!(short(&diagnostic, &sources), "a.pfm:6:50: error[E0412]: channel counts differ between `tok` and `core`");
}

#[test]
fn for_tools() {
    let (diagnostic, sources) = sample();
    let text = json(&[diagnostic], &sources);
    assert_eq!(format!("{text}\n"), include_str!("report.json"));
}

#[test]
fn for_github() {
    let (diagnostic, sources) = sample();
    assert_eq!(
        github(&diagnostic, &sources),
        "::error file=a.pfm,line=6,col=50,endLine=6,endColumn=61,title=E0412::channel counts differ \
         between `tok` and `core`%0Anothing joins them here%0Ahelp: write `link = linear`%0A\
         note: `pfmc explain E0412`"
    );
}

#[test]
fn without_a_place() {
    let found = Diagnostic::new("W0205", "the run is short").help("make it longer");
    let sources = Sources::default();
    assert_eq!(short(&found, &sources), "warning[W0205]: the run is short");
    assert_eq!(terminal(&found, &sources, false), "warning[W0205]: the run is short\n  help: make it longer\n");
}

#[test]
fn labels_in_two_files() {
    let mut sources = Sources::default();
    let a = sources.add("a.pfm", "x = 1\n");
    let b = sources.add("std/b.pfm", "y = 2\n");
    let found = Diagnostic::new("E0101", "two").at(Span::new(a, 0, 1), "here").also(Span::new(b, 0, 1), "there");
    let text = terminal(&found, &sources, false);
    assert!(text.contains("a.pfm:1:1") && text.contains("std/b.pfm:1:1"), "{text}");
}

#[test]
fn fixes_are_applied_once_and_never_overlap() {
    let file = FileId(0);
    let fix = |start, end, replacement: &str| Fix { span: Span::new(file, start, end), replacement: replacement.into(), safe: true };
    let fixes = [fix(4, 5, "="), fix(0, 0, "pfm 1\n"), fix(4, 5, "="), fix(4, 6, "?")];
    assert_eq!(apply_fixes("abc : d", &fixes), "pfm 1\nabc = d");
}

#[test]
fn codes_are_sorted_and_explained() {
    assert!(CODES.windows(2).all(|w| w[0].code < w[1].code));
    assert!(CODES.iter().all(|c| !c.title.is_empty() && c.explanation.len() > 40));
    assert!(code_info("E0001").is_some());
}
