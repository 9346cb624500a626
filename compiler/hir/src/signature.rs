//! The head of a definition as text, for hover and the reference.

use pfm_diag::Sources;
use pfm_syntax::ast::Definition;

/// `block linear(x: [.. c], out: int, bias: bool = true) -> [.. out]`: what stands before the body, on one line.
pub fn signature(definition: &Definition, sources: &Sources) -> String {
    let text = sources.text(definition.span);
    let start = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
    let text = &text[start..];
    let (mut depth, mut end) = (0usize, text.len());
    for (at, ch) in text.char_indices() {
        match ch {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '{' | '=' if depth == 0 => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let words = text[..end].split_whitespace().collect::<Vec<_>>().join(" ");
    words.replace("( ", "(").replace(" )", ")")
}
