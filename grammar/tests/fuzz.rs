//! Random damage: whatever is done to a file, reading ends in time, prints back every byte and labels only what is there.

use pfm_diag::{FileId, Sources, Span, terminal};
use pfm_syntax::{format, parse, parse_expr};
use std::time::{Duration, Instant};

const SAMPLES: &[&str] = &[include_str!("files/indomain.pfm"), include_str!("files/definitions.pfm"), include_str!("files/forms.pfm")];

const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "#",
    "##",
    "=",
    ":",
    ",",
    "|>",
    "\n",
    "->",
    " if ",
    " else ",
    " as ",
    "*",
    "**",
    "..",
    "'",
    "é",
    "\u{FEFF}",
    "\r\n",
    "for i in 0 .. 3 {",
    "block f(",
    "stage ",
    "pfm 1\n",
    "not ",
    "-",
    "^",
    "\0",
    "eval",
    "%",
    "~",
];

/// xorshift64: the same damage on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }

    /// A place between two characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.roll(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

fn check(text: &str) {
    let parsed = parse(FileId(0), text);
    assert_eq!(parsed.tree.print(), text);
    let mut sources = Sources::default();
    sources.add("a.pfm", text);
    let whole = |s: Span| assert!(text.get(s.start as usize..s.end as usize).is_some(), "{s:?} of {text:?}");
    for d in &parsed.diagnostics {
        for label in d.primary.iter().chain(&d.secondary) {
            whole(label.span);
        }
        if let Some(fix) = d.help.as_ref().and_then(|h| h.fix.as_ref()) {
            whole(fix.span);
        }
    }
    if let Some(d) = parsed.diagnostics.first() {
        terminal(d, &sources, false);
    }
    if let Ok(once) = format(text) {
        assert_eq!(format(&once).as_ref(), Ok(&once), "of {text:?}");
    }
    for b in &parsed.file.experiments {
        whole(b.span);
    }
    for d in &parsed.file.definitions {
        whole(d.span);
    }
}

fn damage(dice: &mut Dice, text: &mut String) {
    let (a, b) = (dice.place(text), dice.place(text));
    let (a, b) = (a.min(b), a.max(b));
    let near = (a + dice.roll(12)).min(text.len());
    let near = (near..=text.len()).find(|n| text.is_char_boundary(*n)).unwrap_or(a);
    match dice.roll(6) {
        0 => text.replace_range(a..near, ""),
        1 | 2 => text.insert_str(a, PIECES[dice.roll(PIECES.len())]),
        3 => {
            let piece = text[a..near].to_string();
            text.insert_str(b, &piece);
        }
        4 => text.replace_range(a..near, PIECES[dice.roll(PIECES.len())]),
        _ => text.truncate(b),
    }
}

#[test]
fn damaged_files() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let start = Instant::now();
    for round in 0..4000 {
        let sample = SAMPLES[round % SAMPLES.len()];
        let (from, length) = (dice.place(sample), dice.roll(900));
        let mut text: String = sample[from..].chars().take(length).collect();
        if round % 20 == 0 {
            text = sample.to_string();
        }
        for _ in 0..1 + dice.roll(6) {
            damage(&mut dice, &mut text);
        }
        check(&text);
    }
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

/// Blanks, line ends, commas and comments where they may stand: the layout stays one layout.
#[test]
fn scattered_blanks() {
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let mut formatted = 0;
    for round in 0..1500 {
        let mut text = SAMPLES[round % SAMPLES.len()].to_string();
        for _ in 0..1 + dice.roll(4) {
            let at = dice.place(&text);
            text.insert_str(at, ["\n", " ", "\n\n", " # remark\n", ", ", "\n  ## doc\n", "    "][dice.roll(7)]);
        }
        formatted += usize::from(format(&text).is_ok());
        check(&text);
    }
    assert!(formatted > 250, "a fair share still formats: {formatted}");
}

#[test]
fn towers() {
    let start = Instant::now();
    let pieces = [
        "(",
        "[",
        "{",
        "f(",
        "if a {",
        "[(",
        "f(x) as a[",
        "-",
        "not ",
        "a ^ ",
        "a + ",
        "\"",
        "##\n",
        "a = if b {\n",
        "stage a {",
        "block f(x) {",
        "x = [(",
        "[a (",
        "x |> ",
        "a.",
        "for i in n {\n",
        "data x = f(",
        "}",
        ")",
        "a, ",
        "else if a { b } ",
        "if a { b } else ",
    ];
    for piece in pieces {
        for tail in ["", "x", "x) *s]", "} garbage", "]"] {
            let tower = piece.repeat(600) + tail;
            check(&tower);
            check(&std::format!("pfm 1\nexperiment a {{\n x = {tower}\n}}\n"));
            check(&std::format!("pfm 1\nfn f(x) {{\n x = {tower}\n}}\n"));
            parse_expr(FileId(0), &tower);
        }
    }
    for (open, close) in [("[(", ") *s]"), ("f(x) as a[", ", 1]"), ("if a { ", " } else { b } c"), ("{ a = ", "} c")] {
        let tower = open.repeat(20) + "x ~" + &close.repeat(20);
        check(&std::format!("pfm 1\nexperiment a {{\n x = {tower}\n}}\n"));
        check(&std::format!("pfm 1\nfn f(x) {{\n x = {tower}\n}}\n"));
    }
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
