//! The head of a definition as text, for hover and the reference.

use pfm_diag::Sources;
use pfm_syntax::ast::{Definition, Parameter};

/// `bias: bool = true`: a parameter as it is written, on one line.
pub fn parameter(parameter: &Parameter, sources: &Sources) -> String {
    let span = pfm_diag::Span { start: parameter.name.span.start, ..parameter.span };
    sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `block linear(x: [.. c], out: int, bias: bool = true) -> [.. out]`: what stands before the body, on one line and without comments.
pub fn signature(definition: &Definition, sources: &Sources) -> String {
    let text = without_comments(sources.text(definition.span));
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

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split('#').next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}
