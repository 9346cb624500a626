//! GitHub annotations: one workflow command per diagnostic, shown at its line of a pull request.
//! Escapes follow GitHub's runner: `%`, line ends, and in properties also `:` and `,`.

use super::severity_word;
use crate::{Diagnostic, Sources};

/// `::error file=…,line=…,col=…,endLine=…,endColumn=…,title=E0412::message`, without a line end.
pub fn github(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut properties = vec![];
    if let Some(label) = &diagnostic.primary {
        let file = sources.file(label.span.file);
        let (line, column) = file.line_column(label.span.start as usize);
        let (end_line, end_column) = file.line_column(label.span.end as usize);
        properties.push(format!("file={}", property(&file.name)));
        properties.push(format!("line={line},col={column}"));
        properties.push(format!("endLine={end_line},endColumn={end_column}"));
    }
    properties.push(format!("title={}", diagnostic.code));
    let mut message = diagnostic.message.clone();
    if let Some(label) = &diagnostic.primary {
        message.push_str(&format!("\n{}", label.text));
    }
    if let Some(help) = &diagnostic.help {
        message.push_str(&format!("\nhelp: {}", help.text));
    }
    for note in &diagnostic.notes {
        message.push_str(&format!("\nnote: {note}"));
    }
    format!("::{} {}::{}", severity_word(diagnostic.severity), properties.join(","), data(&message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
