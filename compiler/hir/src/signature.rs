//! The head of a definition as text, for hover and the reference.

use pfm_diag::Sources;
use pfm_syntax::ast::{Definition, Parameter};

/// `bias: bool = true`: a parameter as it is written, on one line.
pub fn parameter(parameter: &Parameter, sources: &Sources) -> String {
    let words = |span| sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = words(pfm_diag::Span { start: parameter.name.span.start, ..parameter.span });
    match &parameter.default {
        // An amendment gives the default, in another place.
        Some(default) if !parameter.span.contains(default.span) => {
            let head = whole.split(" =").next().unwrap_or(&whole);
            format!("{head} = {}", words(default.span))
        }
        _ => whole,
    }
}

/// `block linear(x: [.. c], out: int, bias: bool = true) -> [.. out]`: what stands before the body, on one line and without comments.
/// `metric wide = neps` of an amendment.
pub fn signature(definition: &Definition, sources: &Sources) -> String {
    if let Some(base) = &definition.base {
        return format!("{} {} = {}", pfm_elaborate::kind_word(definition.kind), definition.name.text, base.text());
    }
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
