//! The one way to lay out a file: two blanks per block, `=` of neighbouring settings in one column, spaces by the grammar and not
//! by the author. Line breaks inside a statement and single blank lines are the author's; every comment stays where it was.

mod lines;
mod spacing;

use crate::rules::Rule;
use crate::tree::{Element, Leaf, LeafKind, Node, Tree};
use lines::Lines;
use pfm_diag::{Diagnostic, FileId, has_errors};
use spacing::{Piece, is_atom, space_between};

/// A block that was written on one line stays on it up to this column.
const WIDTH: usize = 100;

/// The canonical text. A file with errors is not formatted: its diagnostics come back.
/// Formatting a formatted text changes nothing, and no text changes its meaning.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let parsed = crate::parse(FileId(0), text);
    if has_errors(&parsed.diagnostics) {
        return Err(parsed.diagnostics);
    }
    let mut formatter =
        Formatter { tree: &parsed.tree, lines: Lines::default(), last: None, indent: 0, open: vec![], first: 0, setting: false };
    formatter.body(&parsed.tree.root, false);
    Ok(formatter.lines.finish())
}

struct Formatter<'a> {
    tree: &'a Tree,
    lines: Lines,
    /// The last piece on the line that is being written.
    last: Option<Piece<'a>>,
    /// Of the statements of the body that is being written.
    indent: usize,
    /// Brackets of the statement that are open.
    open: Vec<Open>,
    /// The first line of the statement.
    first: usize,
    /// The statement is a setting, whose `=` is lined up.
    setting: bool,
}

/// An open bracket of a statement.
#[derive(Clone, Copy)]
struct Open {
    line: usize,
    /// The column behind the bracket.
    column: usize,
}

fn is_body(rule: Rule) -> bool {
    matches!(rule, Rule::items | Rule::code | Rule::members)
}

impl<'a> Formatter<'a> {
    fn text(&self, leaf: &Leaf) -> &'a str {
        self.tree.text(leaf.span)
    }

    /// The statements and comments of a body, one line each. `split`: they stood on one line and get one each.
    fn body(&mut self, body: &'a Node, split: bool) {
        let mut newlines = 1;
        let mut opened = false;
        let mut joins = false;
        for child in &body.children {
            match child {
                Element::Leaf(leaf) => match leaf.kind {
                    LeafKind::Newline => newlines += 1,
                    LeafKind::Doc | LeafKind::Remark if newlines == 0 || (!opened && newlines == 1 && body.kind != Rule::file) => {
                        self.lines.comment(self.text(leaf).trim_end());
                        joins = false;
                    }
                    LeafKind::Doc | LeafKind::Remark => {
                        self.gap(opened, newlines);
                        self.lines.open(self.indent);
                        self.lines.push(self.text(leaf).trim_end());
                        self.lines.close();
                        (newlines, opened, joins) = (0, true, false);
                    }
                    LeafKind::Mark if self.text(leaf) == "{" && body.kind != Rule::file => newlines = 1,
                    _ => {}
                },
                Element::Node(node) if node.kind == Rule::EOI => {}
                Element::Node(node) => {
                    let setting = node.kind == Rule::setting;
                    if !(setting && joins && newlines == 0 && !split && self.join(node)) {
                        self.gap(opened, newlines);
                        self.statement(node);
                    }
                    (newlines, opened, joins) = (0, true, setting);
                    if node.kind == Rule::edition {
                        self.lines.blank();
                        opened = false;
                        newlines = 1;
                    }
                }
            }
        }
    }

    /// One blank line where the author left some, but not at the beginning of a body.
    fn gap(&mut self, opened: bool, newlines: usize) {
        if opened && newlines > 1 {
            self.lines.blank();
        }
    }

    /// Writes a setting behind the one before it, as the author did, if it fits.
    fn join(&mut self, node: &'a Node) -> bool {
        let Some(text) = self.flat(node) else { return false };
        if self.lines.last_width() + text.chars().count() + 3 > WIDTH || self.lines.last_has_comment() {
            return false;
        }
        self.lines.append(&format!(",  {text}"));
        true
    }

    fn statement(&mut self, node: &'a Node) {
        self.last = None;
        self.open.clear();
        self.first = self.lines.open(self.indent);
        self.setting = node.kind == Rule::setting;
        self.node(node);
        self.lines.close();
        self.last = None;
        if self.lines.count() == self.first + 1
            && let Some(columns) = self.columns(node)
        {
            self.lines.table(self.first, columns);
        }
    }

    fn node(&mut self, node: &'a Node) {
        if is_atom(node.kind) {
            let text = self.tree.text(node.span);
            self.piece(Piece { text, parent: node.kind });
            return;
        }
        if is_body(node.kind) {
            self.braces(node);
            return;
        }
        let mut broken = false;
        for child in &node.children {
            match child {
                Element::Leaf(leaf) => match leaf.kind {
                    LeafKind::Blank => {}
                    LeafKind::Newline => broken = true,
                    LeafKind::Doc | LeafKind::Remark => {
                        if broken {
                            self.continue_line(false);
                            self.lines.push(self.text(leaf).trim_end());
                        } else {
                            self.lines.comment(self.text(leaf).trim_end());
                        }
                        broken = true;
                        self.last = None;
                    }
                    _ => {
                        let piece = Piece { text: self.text(leaf), parent: node.kind };
                        if std::mem::take(&mut broken) {
                            self.continue_line(piece.closes());
                        }
                        self.piece(piece);
                    }
                },
                Element::Node(inner) => {
                    let is_else = inner.kind == Rule::kw_else && !self.lines.last_has_comment();
                    if std::mem::take(&mut broken) && !is_else {
                        self.continue_line(false);
                    }
                    self.node(inner);
                }
            }
        }
    }

    fn piece(&mut self, piece: Piece<'a>) {
        if let Some(last) = self.last
            && space_between(last, piece)
        {
            self.lines.push(" ");
        }
        if self.setting && piece.parent == Rule::equals && self.open.is_empty() && self.lines.count() == self.first {
            self.lines.mark_equals();
        }
        self.lines.push(piece.text);
        if piece.opens() {
            self.open.push(Open { line: self.lines.count(), column: self.lines.width() });
        } else if piece.closes() {
            self.open.pop();
        }
        self.last = Some(piece);
    }

    /// Goes on with the statement on a new line: below the first entry of the open bracket, or two blanks further in.
    fn continue_line(&mut self, closes: bool) {
        let (indent, shifted) = match self.open.last() {
            None => (self.indent + 2, false),
            // Nothing stands behind the bracket: the entries hang below the line that opens it.
            Some(open) if self.lines.ends_at(open.line, open.column) => {
                let more = if closes { 0 } else { 2 };
                (self.lines.indent_of(open.line) + more, self.lines.is_shifted(open.line))
            }
            Some(open) => (open.column, (self.setting && open.line == self.first) || self.lines.is_shifted(open.line)),
        };
        self.lines.close();
        self.lines.open(indent);
        if shifted {
            self.lines.mark_shifted();
        }
        self.last = None;
    }

    /// `{ … }`: on one line if it was and fits, else one statement a line.
    fn braces(&mut self, body: &'a Node) {
        if self.last.is_some() {
            self.lines.push(" ");
        }
        let one_line = self.flat(body);
        if let Some(text) = &one_line
            && self.lines.width() + text.chars().count() <= WIDTH
        {
            self.lines.push(text);
        } else {
            self.lines.push("{");
            self.lines.close();
            let (open, first, indent) = (std::mem::take(&mut self.open), self.first, self.indent);
            self.indent = self.lines.indent_of(self.first) + 2;
            self.body(body, one_line.is_some());
            (self.open, self.first, self.indent) = (open, first, indent);
            self.lines.open(self.lines.indent_of(self.first));
            self.lines.push("}");
        }
        self.last = Some(Piece { text: "}", parent: body.kind });
    }

    /// The node on one line, or none if it has line ends or comments, or a mask's line beside another statement.
    fn flat(&self, node: &'a Node) -> Option<String> {
        let mut out = String::new();
        self.flat_into(node, &mut out, &mut None).then_some(out)
    }

    fn flat_into(&self, node: &'a Node, out: &mut String, last: &mut Option<Piece<'a>>) -> bool {
        if is_atom(node.kind) {
            put(out, last, Piece { text: self.tree.text(node.span), parent: node.kind });
            return true;
        }
        if is_body(node.kind) {
            if last.is_some() {
                out.push(' ');
            }
            *last = Some(Piece { text: "}", parent: node.kind });
            return self.flat_body(node, out);
        }
        for child in &node.children {
            match child {
                Element::Leaf(leaf) => match leaf.kind {
                    LeafKind::Blank => {}
                    LeafKind::Newline | LeafKind::Doc | LeafKind::Remark => return false,
                    _ => put(out, last, Piece { text: self.text(leaf), parent: node.kind }),
                },
                Element::Node(inner) => {
                    if !self.flat_into(inner, out, last) {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn flat_body(&self, body: &'a Node, out: &mut String) -> bool {
        let mut statements = vec![];
        for child in &body.children {
            match child {
                Element::Leaf(l) if matches!(l.kind, LeafKind::Newline | LeafKind::Doc | LeafKind::Remark) => return false,
                Element::Leaf(_) => {}
                Element::Node(node) => statements.push(node),
            }
        }
        let masks = statements.iter().any(|s| matches!(s.kind, Rule::freeze | Rule::train));
        if masks && statements.len() > 1 {
            return false;
        }
        let texts: Option<Vec<String>> = statements.iter().map(|s| self.flat(s)).collect();
        let Some(texts) = texts else { return false };
        if texts.is_empty() {
            out.push_str("{ }");
        } else {
            out.push_str(&format!("{{ {} }}", texts.join(", ")));
        }
        true
    }

    /// The columns of a line that lines up with lines of its kind: blocks of settings, and parameters.
    fn columns(&self, node: &'a Node) -> Option<lines::Columns> {
        match node.kind {
            Rule::block => self.block_columns(node),
            Rule::param => {
                let text = self.flat(node)?;
                let (name, rest) = text.split_once(" : ")?;
                let (axes, init) = rest.split_once(" ~ ")?;
                let cells = vec![name.to_string(), format!(": {axes}"), format!("~ {init}")];
                Some(lines::Columns { kind: "param".into(), cells, end: "" })
            }
            _ => None,
        }
    }

    fn block_columns(&self, node: &'a Node) -> Option<lines::Columns> {
        let (items, head) = node.children.split_last()?;
        let Element::Node(items) = items else { return None };
        if items.kind != Rule::items {
            return None;
        }
        let mut cells = vec![String::new()];
        let mut kind = String::new();
        let mut last = None;
        for part in head {
            if let Element::Node(n) = part {
                if n.kind == Rule::kind {
                    kind = self.flat(n)?;
                }
                self.flat_into(n, &mut cells[0], &mut last);
            }
        }
        cells[0].push_str(" {");
        for child in &items.children {
            if let Element::Node(setting) = child {
                if setting.kind != Rule::setting {
                    return None;
                }
                let text = self.flat(setting)?;
                kind.push_str(&format!(" {}", text.split(' ').next().unwrap_or("")));
                cells.push(format!("{text},"));
            }
        }
        if cells.len() < 3 {
            return None;
        }
        let end = cells.len() - 1;
        cells[end].pop();
        Some(lines::Columns { kind, cells, end: " }" })
    }
}

fn put<'a>(out: &mut String, last: &mut Option<Piece<'a>>, piece: Piece<'a>) {
    if last.is_some_and(|l| space_between(l, piece)) {
        out.push(' ');
    }
    out.push_str(piece.text);
    *last = Some(piece);
}
