//! The full form for people: heading, source lines with all labels, help and notes. miette draws the source lines;
//! the heading and what follows are written here, so that they have the one shape that the language promises.

use super::severity_word;
use crate::{Diagnostic, FileId, Label, Severity, SourceFile, Sources};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use std::fmt;

/// Several lines, the last one ended. Labels in other files than the primary one are drawn after it, file by file.
pub fn terminal(diagnostic: &Diagnostic, sources: &Sources, color: bool) -> String {
    let paint = Paint { color };
    let heading = format!("{}[{}]", severity_word(diagnostic.severity), diagnostic.code);
    let mut out = format!("{}: {}\n", paint.heading(&heading, diagnostic.severity), paint.bold(&diagnostic.message));
    for file in files(diagnostic) {
        out.push_str(&snippet(diagnostic, file, sources, color));
    }
    if let Some(help) = &diagnostic.help {
        line(&mut out, &paint.cyan("help"), &help.text);
    }
    for note in &diagnostic.notes {
        line(&mut out, &paint.cyan("note"), note);
    }
    out
}

/// `  help: text`, further lines of the text indented below it.
fn line(out: &mut String, word: &str, text: &str) {
    let text = text.replace('\n', "\n        ");
    out.push_str(&format!("  {word}: {text}\n"));
}

struct Paint {
    color: bool,
}

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_string() }
    }

    fn heading(&self, text: &str, severity: Severity) -> String {
        match severity {
            Severity::Error => self.with("1;31", text),
            Severity::Warning => self.with("1;33", text),
        }
    }

    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn cyan(&self, text: &str) -> String {
        self.with("36", text)
    }
}

/// The files of the labels, the primary one first.
fn files(diagnostic: &Diagnostic) -> Vec<FileId> {
    let mut files = vec![];
    for label in labels(diagnostic) {
        if !files.contains(&label.span.file) {
            files.push(label.span.file);
        }
    }
    files
}

fn labels(diagnostic: &Diagnostic) -> impl Iterator<Item = &Label> {
    diagnostic.primary.iter().chain(&diagnostic.secondary)
}

fn snippet(diagnostic: &Diagnostic, file: FileId, sources: &Sources, color: bool) -> String {
    let source = sources.file(file);
    let labels = labels(diagnostic)
        .enumerate()
        .filter(|(_, l)| l.span.file == file)
        .map(|(i, l)| {
            let range = l.span.start as usize..l.span.end as usize;
            let primary = i == 0 && diagnostic.primary.is_some();
            if primary {
                LabeledSpan::new_primary_with_span(Some(l.text.clone()), range)
            } else {
                LabeledSpan::new_with_span(Some(l.text.clone()), range)
            }
        })
        .collect();
    let drawing = Drawing { source: WholeLines(source.clone()), labels };
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut drawn = String::new();
    GraphicalReportHandler::new_themed(theme)
        .with_width(120)
        .with_links(false)
        .with_primary_span_start()
        .with_context_lines(0)
        .without_syntax_highlighting()
        .render_report(&mut drawn, &drawing)
        .expect("writing to a string does not fail");
    // The first line is miette's own heading, which is empty here.
    let lines: Vec<&str> = drawn.lines().skip(1).map(str::trim_end).collect();
    let place = diagnostic.primary.as_ref().filter(|l| l.span.file == file).map(|l| {
        let (line, column) = source.line_column(l.span.start as usize);
        format!("{}:{line}:{column}", source.name)
    });
    one_frame(&lines, place.as_deref())
}

/// Draws the frames that miette makes of distant lines as one, headed by the primary place. Frames whose line numbers differ in
/// width stay apart.
fn one_frame(lines: &[&str], place: Option<&str>) -> String {
    let margin = |l: &str| l.len() - l.trim_start().len();
    let is_head = |l: &str| l.trim_start().starts_with("╭─[");
    let heads: Vec<&str> = lines.iter().copied().filter(|l| is_head(l)).collect();
    let same = heads.iter().all(|h| margin(h) == margin(heads[0]));
    let primary = heads.iter().find(|h| place.is_some_and(|p| h.contains(p)));
    let mut out = String::new();
    let mut headed = false;
    for (i, line) in lines.iter().enumerate() {
        let is_tail = line.trim_start().starts_with("╰──") && margin(line) == heads.first().map_or(0, |h| margin(h));
        let inner_tail = is_tail && lines.get(i + 1).is_some_and(|next| is_head(next));
        if same && inner_tail {
            out.push_str(&format!("{}·\n", " ".repeat(margin(line))));
        } else if same && is_head(line) {
            if !headed {
                out.push_str(&format!("{}\n", primary.unwrap_or(line)));
            }
            headed = true;
        } else {
            out.push_str(&format!("{line}\n"));
        }
    }
    out
}

/// What miette needs to draw source lines with labels.
#[derive(Debug)]
struct Drawing {
    source: WholeLines,
    labels: Vec<LabeledSpan>,
}

impl fmt::Display for Drawing {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Drawing {}

impl miette::Diagnostic for Drawing {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// Gives miette the whole lines of a label, without lines around them, and the label's own column for the heading.
#[derive(Debug)]
struct WholeLines(SourceFile);

impl SourceCode for WholeLines {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        _lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let text = &self.0.text;
        let (start, end) = (span.offset(), span.offset() + span.len());
        if end > text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let first = text[..start].rfind('\n').map_or(0, |n| n + 1);
        let last = text[end..].find('\n').map_or(text.len(), |n| end + n);
        let lines = &text[first..last];
        let (line, column) = self.0.line_column(start);
        Ok(Box::new(MietteSpanContents::new_named(
            self.0.name.clone(),
            lines.as_bytes(),
            (first, last - first).into(),
            line - 1,
            column - 1,
            lines.matches('\n').count() + 1,
        )))
    }
}
