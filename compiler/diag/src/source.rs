//! Source files by id, and spans into them.

use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Bytes `start..end` of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Span { file, start: start as u32, end: end as u32 }
    }

    pub fn contains(self, inner: Span) -> bool {
        self.file == inner.file && self.start <= inner.start && inner.end <= self.end
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

#[derive(Clone, Debug)]
pub struct SourceFile {
    /// As the user wrote it on the command line, or `std/...` for the standard library.
    pub name: String,
    pub text: Arc<str>,
    /// Where each line begins.
    lines: Arc<[u32]>,
}

impl SourceFile {
    fn new(name: &str, text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at as u32 + 1);
        SourceFile { name: name.to_string(), text: Arc::from(text), lines: std::iter::once(0).chain(ends).collect() }
    }

    /// 1-based line and column (in characters) of a byte offset.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start as usize <= offset);
        let column = self.text[self.lines[line - 1] as usize..offset].chars().count() + 1;
        (line, column)
    }
}

/// All files of one compilation.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    own: Vec<SourceFile>,
    library: Vec<SourceFile>,
}

/// Ids of library files begin here: they do not depend on how many files a user has, and come after them in any order.
const LIBRARY: u32 = 1 << 16;

impl Sources {
    pub fn add(&mut self, name: &str, text: &str) -> FileId {
        self.own.push(SourceFile::new(name, text));
        assert!(self.own.len() <= LIBRARY as usize, "fewer files than ids");
        FileId(self.own.len() as u32 - 1)
    }

    /// A file that comes with the compiler.
    pub fn add_library(&mut self, name: &str, text: &'static str) -> FileId {
        self.library.push(SourceFile::new(name, text));
        FileId(LIBRARY + self.library.len() as u32 - 1)
    }

    pub fn file(&self, id: FileId) -> &SourceFile {
        match id.0.checked_sub(LIBRARY) {
            Some(n) => &self.library[n as usize],
            None => &self.own[id.0 as usize],
        }
    }

    pub fn text(&self, span: Span) -> &str {
        &self.file(span.file).text[span.start as usize..span.end as usize]
    }

    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        let own = self.own.iter().zip(0..);
        own.chain(self.library.iter().zip(LIBRARY..)).map(|(file, id)| (FileId(id), file))
    }
}
