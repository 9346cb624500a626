//! Globs over the printed parameter tree: `*` is one segment, `**` any number, `{0..2}` the numbers 0, 1, 2. A glob that names
//! a module means every parameter under it.

use pfm_syntax::ast::{Name, Path};

/// True when the glob names the parameter or a module above it.
pub fn matches(glob: &Path, parameter: &str) -> bool {
    under(&glob.segments, Some(parameter))
}

/// The pattern matches some leading part of the path, of which None is left at its end.
fn under(pattern: &[Name], path: Option<&str>) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return true };
    if first.text == "**" {
        if rest.first().is_some_and(|next| next.text == "**") {
            return under(rest, path);
        }
        let mut at = path;
        while !under(rest, at) {
            let Some(here) = at else { return false };
            at = below(here).1;
        }
        return true;
    }
    path.is_some_and(|path| {
        let (segment, below) = below(path);
        segment_matches(&first.text, segment) && under(rest, below)
    })
}

/// The first segment and what follows it.
fn below(path: &str) -> (&str, Option<&str>) {
    path.split_once('.').map_or((path, None), |(segment, rest)| (segment, Some(rest)))
}

/// One segment against one pattern, where `*` may also stand for part of a name (`block*`).
pub(crate) fn segment_matches(pattern: &str, segment: &str) -> bool {
    if let Some(inner) = pattern.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
        return in_braces(inner, segment);
    }
    match pattern.split_once('*') {
        None => pattern == segment,
        Some((before, after)) => segment
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).any(|n| rest.is_char_boundary(n) && segment_matches(after, &rest[n..]))),
    }
}

/// `0..2` or `encoder, decoder`.
fn in_braces(inner: &str, segment: &str) -> bool {
    if let Some((first, last)) = inner.split_once("..") {
        let ends = (first.trim().parse::<usize>(), last.trim().parse::<usize>(), segment.parse::<usize>());
        return matches!(ends, (Ok(a), Ok(b), Ok(n)) if a <= n && n <= b);
    }
    inner.split(',').any(|one| one.trim() == segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pfm_diag::{FileId, Span};

    fn glob(text: &str) -> Path {
        let span = Span::new(FileId(0), 0, 0);
        // Braces hold a `..` of their own, so the text is cut by hand here.
        let mut segments = vec![String::new()];
        let mut depth = 0;
        for ch in text.chars() {
            match ch {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if ch == '.' && depth == 0 {
                segments.push(String::new());
            } else if let Some(last) = segments.last_mut() {
                last.push(ch);
            }
        }
        Path { segments: segments.into_iter().map(|text| Name { text, span }).collect(), span }
    }

    #[test]
    fn a_module_means_everything_under_it() {
        assert!(matches(&glob("tok.encoder.head"), "tok.encoder.head.weight"));
        assert!(matches(&glob("tok.*.bottleneck"), "tok.decoder.bottleneck.bias"));
        assert!(!matches(&glob("tok.encoder.head"), "tok.encoder.headroom.weight"));
        assert!(matches(&glob("**.norm"), "core.blocks.0.spatial.norm.weight"));
        assert!(matches(&glob("tok.**"), "tok.encoder.head.weight"));
        assert!(!matches(&glob("tok.**"), "core.blocks.0.norm"));
        assert!(matches(&glob("core.blocks.{0..2}"), "core.blocks.2.norm.weight"));
        assert!(!matches(&glob("core.blocks.{0..2}"), "core.blocks.3.norm.weight"));
        assert!(matches(&glob("**.**.**.weight"), "tok.encoder.head.weight"));
        assert!(!matches(&glob("tok.encoder.head.weight.x"), "tok.encoder.head.weight"));
    }
}
