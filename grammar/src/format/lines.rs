//! The lines of a formatted file before and after they are lined up: `=` of settings, columns of like lines, comments at line ends.

const WIDTH: usize = 100;

/// A name so much longer than the median of its run does not move the `=` of the others.
const OUTLIER: usize = 6;

#[derive(Default)]
pub struct Lines {
    done: Vec<Line>,
    current: Option<Line>,
}

#[derive(Clone, Default)]
struct Line {
    indent: usize,
    text: String,
    comment: Option<String>,
    /// Bytes of the text before the `=` that is lined up.
    equals: Option<usize>,
    /// A line that goes on below a place behind that `=`, and moves with it.
    shifted: bool,
    columns: Option<Columns>,
}

/// A line cut where it lines up with its neighbours of the same kind.
#[derive(Clone)]
pub struct Columns {
    pub kind: String,
    pub cells: Vec<String>,
    pub end: &'static str,
}

impl Line {
    fn width(&self) -> usize {
        self.indent + self.text.chars().count()
    }
}

impl Lines {
    /// Begins a line and says which it is.
    pub fn open(&mut self, indent: usize) -> usize {
        self.current = Some(Line { indent, ..Line::default() });
        self.done.len()
    }

    pub fn close(&mut self) {
        self.done.extend(self.current.take());
    }

    /// Lines that are finished.
    pub fn count(&self) -> usize {
        self.done.len()
    }

    pub fn blank(&mut self) {
        self.done.push(Line::default());
    }

    fn line(&mut self) -> &mut Line {
        self.current.as_mut().expect("a line is being written")
    }

    pub fn push(&mut self, text: &str) {
        self.line().text.push_str(text);
    }

    /// Adds to the last finished line.
    pub fn append(&mut self, text: &str) {
        let last = self.done.last_mut().expect("a line was written");
        last.text.push_str(text);
    }

    /// A comment at the end of the line that is being written, or of the last one.
    pub fn comment(&mut self, text: &str) {
        let line = match &mut self.current {
            Some(line) => line,
            None => self.done.last_mut().expect("a comment at a line's end follows a line"),
        };
        line.comment = Some(text.to_string());
    }

    pub fn last_has_comment(&self) -> bool {
        let line = self.current.as_ref().or(self.done.last());
        line.is_some_and(|l| l.comment.is_some())
    }

    pub fn last_width(&self) -> usize {
        self.done.last().map_or(0, Line::width)
    }

    /// Of the line that is being written.
    pub fn width(&self) -> usize {
        self.current.as_ref().map_or(0, Line::width)
    }

    pub fn indent_of(&self, line: usize) -> usize {
        self.done.get(line).or(self.current.as_ref()).map_or(0, |l| l.indent)
    }

    pub fn is_shifted(&self, line: usize) -> bool {
        self.done.get(line).or(self.current.as_ref()).is_some_and(|l| l.shifted)
    }

    /// True when the line, so far, ends at the column.
    pub fn ends_at(&self, line: usize, column: usize) -> bool {
        self.done.get(line).or(self.current.as_ref()).is_some_and(|l| l.width() == column)
    }

    pub fn mark_equals(&mut self) {
        let line = self.line();
        line.equals = line.equals.or(Some(line.text.len()));
    }

    pub fn mark_shifted(&mut self) {
        self.line().shifted = true;
    }

    pub fn table(&mut self, line: usize, columns: Columns) {
        self.done[line].columns = Some(columns);
    }

    /// The whole text, lined up.
    pub fn finish(mut self) -> String {
        while self.done.last().is_some_and(|l| l.text.is_empty()) {
            self.done.pop();
        }
        self.line_up_equals();
        self.line_up_columns();
        self.line_up_comments();
        let mut out = String::new();
        for line in &self.done {
            if !line.text.is_empty() {
                out.push_str(&" ".repeat(line.indent));
                out.push_str(line.text.trim_end());
            }
            out.push('\n');
        }
        out
    }

    /// Settings of one block without a blank line or another statement between them; comments don't part them.
    fn line_up_equals(&mut self) {
        let mut run: Vec<usize> = vec![];
        for i in 0..=self.done.len() {
            let line = self.done.get(i);
            let goes_on = line.is_some_and(|l| match run.first() {
                None => l.equals.is_some(),
                Some(first) => {
                    let indent = self.done[*first].indent;
                    l.shifted || l.indent > indent || (l.indent == indent && (l.equals.is_some() || l.text.starts_with(['#', ')', ']'])))
                }
            });
            if goes_on {
                run.push(i);
                continue;
            }
            let begins = line.is_some_and(|l| l.equals.is_some());
            self.pad_equals(&run);
            run.clear();
            if begins {
                run.push(i);
            }
        }
    }

    fn pad_equals(&mut self, run: &[usize]) {
        let indent = run.first().map_or(0, |i| self.done[*i].indent);
        let aligned = |l: &Line| l.equals.filter(|_| l.indent == indent && !l.shifted);
        let mut widths: Vec<usize> = run.iter().filter_map(|i| aligned(&self.done[*i])).collect();
        widths.sort();
        let Some(median) = widths.get(widths.len() / 2) else { return };
        let widest = widths.iter().rfind(|w| **w <= median + OUTLIER).copied().unwrap_or(*median);
        let mut pad = 0;
        for i in run {
            let line = &mut self.done[*i];
            if let Some(at) = aligned(line) {
                pad = widest.saturating_sub(at);
                line.text.insert_str(at, &" ".repeat(pad));
            } else if line.shifted {
                line.indent += pad;
            }
        }
    }

    fn line_up_columns(&mut self) {
        let kind = |l: &Line| l.columns.as_ref().map(|c| (l.indent, c.kind.clone(), c.cells.len()));
        let mut start = 0;
        while start < self.done.len() {
            let first = kind(&self.done[start]);
            let mut end = start + 1;
            while first.is_some() && end < self.done.len() && kind(&self.done[end]) == first {
                end += 1;
            }
            if end - start > 1 {
                set_columns(&mut self.done[start..end]);
            }
            start = end;
        }
    }

    fn line_up_comments(&mut self) {
        let mut start = 0;
        while start < self.done.len() {
            let mut end = start;
            while end < self.done.len() && self.done[end].comment.is_some() {
                end += 1;
            }
            let column = self.done[start..end].iter().map(Line::width).max().unwrap_or(0) + 2;
            for line in &mut self.done[start..end] {
                let pad = column - line.width();
                let comment = line.comment.take().expect("the run has comments");
                line.text.push_str(&format!("{}{comment}", " ".repeat(pad)));
            }
            start = end.max(start + 1);
        }
    }
}

fn set_columns(lines: &mut [Line]) {
    let rows: Vec<Columns> = lines.iter().filter_map(|l| l.columns.clone()).collect();
    let width = |cell: &String| cell.chars().count();
    let cells = rows[0].cells.len();
    let widths: Vec<usize> = (0..cells).map(|c| rows.iter().map(|r| width(&r.cells[c])).max().unwrap_or(0)).collect();
    let texts: Vec<String> = rows
        .iter()
        .map(|row| {
            let padded: Vec<String> = row.cells[..cells - 1].iter().zip(&widths).map(|(cell, w)| format!("{cell:w$}")).collect();
            format!("{} {}{}", padded.join(" "), row.cells[cells - 1], row.end)
        })
        .collect();
    if lines.iter().zip(&texts).any(|(l, t)| l.indent + t.chars().count() > WIDTH) {
        return;
    }
    for (line, text) in lines.iter_mut().zip(texts) {
        line.text = text;
    }
}
