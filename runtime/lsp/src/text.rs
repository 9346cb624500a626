//! Places in a text: bytes on our side, lines and code units on the editor's.

use lsp_types::{Position, PositionEncodingKind, Range};
use pfm_diag::Span;

/// What the editor counts columns in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    /// UTF-8 if the editor can, else what every editor can.
    pub fn agreed(offered: &[PositionEncodingKind]) -> Encoding {
        if offered.contains(&PositionEncodingKind::UTF8) { Encoding::Utf8 } else { Encoding::Utf16 }
    }

    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    fn units(self, text: &str) -> u32 {
        match self {
            Encoding::Utf8 => text.len() as u32,
            Encoding::Utf16 => text.encode_utf16().count() as u32,
        }
    }
}

/// A byte of the text; positions outside of it are moved to its nearest place.
pub fn offset(text: &str, position: Position, encoding: Encoding) -> usize {
    let mut start = 0;
    for _ in 0..position.line {
        match text[start..].find('\n') {
            Some(end) => start += end + 1,
            None => return text.len(),
        }
    }
    let line = text[start..].split('\n').next().unwrap_or("");
    let mut units = 0;
    for (at, ch) in line.char_indices() {
        if units >= position.character {
            return start + at;
        }
        units += encoding.units(&line[at..at + ch.len_utf8()]);
    }
    start + line.len()
}

pub fn position(text: &str, offset: usize, encoding: Encoding) -> Position {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    Position { line: before.matches('\n').count() as u32, character: encoding.units(&before[start..]) }
}

pub fn range(text: &str, span: Span, encoding: Encoding) -> Range {
    Range { start: position(text, span.start as usize, encoding), end: position(text, span.end as usize, encoding) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_there_and_back() {
        let text = "a\u{1F600}b\n\u{e4}x\n";
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                assert_eq!(offset(text, position(text, at, encoding), encoding), at);
            }
        }
        assert_eq!(position(text, 5, Encoding::Utf16), Position { line: 0, character: 3 });
        assert_eq!(position(text, 5, Encoding::Utf8), Position { line: 0, character: 5 });
    }

    #[test]
    fn places_outside_are_moved_inside() {
        let far = Position { line: 9, character: 9 };
        assert_eq!(offset("ab\ncd", far, Encoding::Utf16), 5);
        assert_eq!(offset("ab\ncd", Position { line: 0, character: 9 }, Encoding::Utf16), 2);
        assert_eq!(position("ab", 9, Encoding::Utf16), Position { line: 0, character: 2 });
    }
}
