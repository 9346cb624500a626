//! Seeded damage to texts: the same seed makes the same text. Bytes are thrown in, tokens deleted, doubled, swapped and replaced,
//! numbers and names changed, lines moved, files cut off or joined.

/// xorshift64*: small, and the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        // Neighbouring seeds start far apart.
        let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Dice((z ^ (z >> 31)) | 1)
    }

    /// A number below `sides`, which is at least 1.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides.max(1)
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.roll(of.len())]
    }
}

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "0.5",
    "1e-30",
    "1e30",
    "1e308",
    "1e999",
    "4_294_967_296",
    "9_007_199_254_740_993",
    "65_537",
    "1_000_000",
    "999_999_999_999",
    "0.1",
    "1024",
    "64",
    "00",
    "1__0",
];

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
    " steps",
    "{1, 2} eval 2",
    "none",
    "freeze tok.**",
    "profile p default {",
    "use std.",
    "random",
    "[a: 1, b: 2]",
    "expect ",
];

/// A text made from one of the samples by a few cuts and changes.
pub fn text(dice: &mut Dice, samples: &[&str]) -> String {
    let sample = samples[dice.roll(samples.len())];
    if dice.roll(20) == 0 {
        return noise(dice);
    }
    let other = samples[dice.roll(samples.len())];
    let mut pieces = tokens(sample);
    for _ in 0..1 + dice.roll(4) {
        change(dice, &mut pieces, other);
    }
    let mut text = pieces.concat();
    if dice.roll(8) == 0 {
        bytes(dice, &mut text);
    }
    text
}

/// Words, numbers, runs of blanks, and single other characters.
fn tokens(text: &str) -> Vec<&str> {
    let class = |c: char| match c {
        _ if c.is_ascii_alphabetic() || c == '_' => 0,
        _ if c.is_ascii_digit() => 1,
        ' ' => 2,
        _ => 3,
    };
    let mut out = vec![];
    let mut start = 0;
    let mut last = 4;
    for (at, c) in text.char_indices() {
        let here = class(c);
        let goes_on = here == last && here != 3 || last == 0 && here == 1 || last == 1 && c == '_';
        if !goes_on && at > start {
            out.push(&text[start..at]);
            start = at;
        }
        if !goes_on {
            last = here;
        }
    }
    out.push(&text[start..]);
    out
}

fn change<'t>(dice: &mut Dice, pieces: &mut Vec<&'t str>, other: &'t str) {
    let at = dice.roll(pieces.len());
    let to = dice.roll(pieces.len());
    let is_word = |t: &&str| t.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_number = |t: &&str| t.starts_with(|c: char| c.is_ascii_digit());
    let near = |pieces: &[&str], is: &dyn Fn(&&str) -> bool| (at..pieces.len()).chain(0..at).find(|i| is(&pieces[*i]));
    match dice.roll(12) {
        0 => drop(pieces.remove(at)),
        1 => pieces.insert(at, pieces[at]),
        2 => pieces.swap(at, to),
        3 | 4 => {
            if let Some(i) = near(pieces, &is_number) {
                pieces[i] = dice.pick(NUMBERS);
            }
        }
        5 | 6 => {
            // A name becomes another name of the same text.
            let names: Vec<&str> = pieces.iter().copied().filter(|t| is_word(t)).collect();
            if let Some(i) = near(pieces, &is_word) {
                pieces[i] = dice.pick(&names);
            }
        }
        7 => pieces.insert(at, dice.pick(PIECES)),
        8 => pieces[at] = dice.pick(PIECES),
        9 => {
            // Some lines once more, elsewhere.
            let end = (at + 1 + dice.roll(60)).min(pieces.len());
            let some: Vec<&str> = pieces[at..end].to_vec();
            pieces.splice(to..to, some);
        }
        10 => {
            let theirs = tokens(other);
            let from = dice.roll(theirs.len());
            let end = (from + 1 + dice.roll(40)).min(theirs.len());
            pieces.splice(at..at, theirs[from..end].iter().copied());
        }
        _ => pieces.truncate(at.max(1)),
    }
    if pieces.is_empty() {
        pieces.push("\n");
    }
}

/// A few characters of the text replaced by others.
fn bytes(dice: &mut Dice, text: &mut String) {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + dice.roll(6) {
        if chars.is_empty() {
            return;
        }
        let at = dice.roll(chars.len());
        chars[at] = char::from(dice.roll(128) as u8);
    }
    *text = chars.into_iter().collect();
}

/// A text of characters and pieces without sense.
fn noise(dice: &mut Dice) -> String {
    let mut out = String::new();
    for _ in 0..dice.roll(120) {
        match dice.roll(3) {
            0 => out.push_str(dice.pick(PIECES)),
            1 => out.push_str(dice.pick(NUMBERS)),
            _ => out.push(char::from(dice.roll(128) as u8)),
        }
    }
    out
}
