//! Where the cursor stands, read off the tokens before it: enclosing brackets, the statement so far, the word being written. Tokens
//! are there in any text, so this works where nothing parses.

use crate::workspace::Read;
use pfm_syntax::LeafKind;

/// An open bracket and what stands before it in its statement: `stage rollout {`, `optimiser = adamw(`.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub bracket: char,
    pub head: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Outermost first.
    pub frames: Vec<Frame>,
    /// Of the statement or argument, without the path being written.
    pub tokens: Vec<String>,
    /// Segments before the one being written: `tok.encoder.|` gives `tok`, `encoder`.
    pub path: Vec<String>,
    /// What is written of the last segment, and where it begins.
    pub word: String,
    pub start: usize,
}

impl Context {
    /// None in comments and texts, where there is nothing to complete.
    pub fn at(text: &str, offset: usize) -> Option<Context> {
        let tree = pfm_syntax::parse(Read::ID, text).tree;
        let mut context = Context { start: offset, ..Context::default() };
        // Tokens of the statement, with whether a blank stands before them.
        let mut line: Vec<(String, bool)> = vec![];
        let mut lines: Vec<Vec<(String, bool)>> = vec![];
        let mut blank = true;
        for leaf in tree.leaves() {
            let (start, end) = (leaf.span.start as usize, leaf.span.end as usize);
            if start >= offset {
                break;
            }
            let inside = offset < end || (offset == end && leaf.kind != LeafKind::Newline);
            let token = &text[start..end.min(offset)];
            match leaf.kind {
                LeafKind::Doc | LeafKind::Remark | LeafKind::OpenText if inside => return None,
                LeafKind::Text if offset < end => return None,
                LeafKind::Blank | LeafKind::Doc | LeafKind::Remark => blank = true,
                LeafKind::Newline => {
                    if context.frames.last().is_none_or(|f| f.bracket == '{') {
                        line.clear();
                    }
                    blank = true;
                }
                LeafKind::Mark => {
                    match token {
                        "{" | "[" | "(" => {
                            let head = line.iter().map(|(t, _)| t.clone()).collect();
                            context.frames.push(Frame { bracket: token.chars().next().unwrap_or('{'), head });
                            lines.push(std::mem::take(&mut line));
                        }
                        "}" | "]" | ")" => {
                            context.frames.pop();
                            line = lines.pop().unwrap_or_default();
                            // A block ends its statement, other brackets are part of it.
                            if token == "}" && !line.iter().any(|(t, _)| t == "=" || t == ":") || is_amendment(&line) {
                                line.clear();
                            } else {
                                line.push((token.to_string(), blank));
                            }
                        }
                        "," if is_mask(&line) => line.push((",".to_string(), blank)),
                        "," => line.clear(),
                        mark => line.push((mark.to_string(), blank)),
                    }
                    blank = false;
                }
                _ => {
                    if inside && leaf.kind == LeafKind::Word {
                        context.word = token.to_string();
                        context.start = start;
                        context.tokens = vec![];
                        break;
                    }
                    line.push((token.to_string(), blank));
                    blank = false;
                }
            }
        }
        let touching = !blank;
        context.path = path(&mut line, touching || !context.word.is_empty());
        context.tokens = line.into_iter().map(|(t, _)| t).collect();
        Some(context)
    }

    /// Words before the innermost bracket of the kind that opens a block.
    pub fn blocks(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter().filter(|f| f.bracket == '{' && f.head.last().is_none_or(|t| t != "=" && t != ":" && t != "{"))
    }

    /// The name before `=` or `:` of the statement or argument.
    pub fn setting(&self) -> Option<&str> {
        setting_of(&self.tokens)
    }
}

/// The last name before the first `=` or `:`.
pub fn setting_of(tokens: &[String]) -> Option<&str> {
    let sign = tokens.iter().position(|t| t == "=" || t == ":")?;
    tokens[..sign].last().map(String::as_str)
}

fn is_mask(line: &[(String, bool)]) -> bool {
    line.first().is_some_and(|(t, _)| t == "freeze" || t == "train") && line.get(1).is_none_or(|(t, _)| t != "=")
}

/// `data euler = euler_multi_quadrants { … }` has a `=` before its block.
fn is_amendment(line: &[(String, bool)]) -> bool {
    line.len() == 4 && line[2].0 == "=" && line[0].0.chars().all(|c| c.is_ascii_lowercase())
}

/// Takes the segments of a path that ends with a dot off the line.
fn path(line: &mut Vec<(String, bool)>, touching: bool) -> Vec<String> {
    let mut segments = vec![];
    if !touching {
        return segments;
    }
    while line.last().is_some_and(|(t, _)| t == ".") && line.len() > 1 {
        line.pop();
        if let Some((segment, blank)) = line.pop() {
            segments.insert(0, segment);
            if blank {
                break;
            }
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(marked: &str) -> Context {
        let offset = marked.find('|').expect("a cursor");
        Context::at(&marked.replacen('|', "", 1), offset).expect("no comment")
    }

    #[test]
    fn the_statement_so_far_is_seen() {
        let c = at("experiment a {\n  stage b {\n    run = 4 st|");
        assert_eq!((c.tokens, c.word.as_str()), (vec!["run".into(), "=".into(), "4".into()], "st"));
        assert_eq!(c.frames[1].head, ["stage", "b"]);
        let c = at("experiment a { mask m {\n freeze tok.**, core.bl| } }");
        assert_eq!(
            (c.tokens.as_slice(), c.path.as_slice()),
            (&["freeze", "tok", ".", "**", ","].map(String::from)[..], &["core".to_string()][..])
        );
        let c = at("experiment a { stage b { optimiser = adamw(lr: 1e-4, w|) } }");
        assert_eq!((c.frames[2].head.join(" "), c.tokens.len()), ("optimiser = adamw".into(), 0));
        let c = at("experiment a { data d = euler { window = 2 frames }\n |");
        assert_eq!((c.frames.len(), c.tokens.len()), (1, 0));
        assert_eq!(Context::at("# x", 3), None);
    }
}
