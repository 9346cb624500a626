//! The open files: their texts, what the compiler says of each, and the last experiment that resolved.

use crate::place::{self, Standard};
use crate::text::{self, Encoding};
use lsp_types::{Location, Position, Range, Uri};
use pfm_compiler::{Checked, Request, World};
use pfm_diag::{FileId, Span};
use pfm_hir::{Experiment, Symbols};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Everything that is open.
pub struct Workspace {
    pub encoding: Encoding,
    pub standard: Standard,
    /// Profile to read experiments under; None: the one that a file calls default.
    pub profile: Option<String>,
    texts: BTreeMap<String, Open>,
}

struct Open {
    text: String,
    version: i32,
    read: Option<Rc<Read>>,
    /// Readings for experiments that are not the first of the file.
    further: BTreeMap<String, Rc<Read>>,
    /// The last reading that gave an experiment.
    good: Option<Rc<Read>>,
}

impl Open {
    fn forget(&mut self) {
        self.read = None;
        self.further.clear();
    }
}

/// A file as the compiler reads it.
pub struct Read {
    pub path: String,
    pub text: String,
    pub checked: Checked,
    pub file: pfm_syntax::ast::File,
    pub symbols: Symbols,
    /// The files that it uses, and their names.
    pub used: Vec<pfm_syntax::ast::File>,
    pub others: Vec<Symbols>,
}

impl Read {
    /// The file itself is the first of its sources.
    pub const ID: FileId = FileId(0);

    pub fn experiment(&self) -> Option<&Experiment> {
        self.checked.experiment.as_ref()
    }

    /// Experiment blocks of this file, then of those that it uses.
    pub fn experiments(&self) -> impl Iterator<Item = &pfm_syntax::ast::Block> {
        self.file.experiments.iter().chain(self.used.iter().flat_map(|f| &f.experiments))
    }
}

/// The files of this machine under what is open and not yet saved.
struct Desk<'a>(&'a BTreeMap<String, Open>);

impl World for Desk<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        match self.0.get(path) {
            Some(open) => Ok(open.text.clone()),
            None => std::fs::read_to_string(path).map_err(|e| e.to_string()),
        }
    }
}

impl Workspace {
    pub fn new(encoding: Encoding, profile: Option<String>) -> Workspace {
        Workspace { encoding, standard: Standard::new(), profile, texts: BTreeMap::new() }
    }

    pub fn open(&mut self, uri: &Uri, version: i32, text: String) {
        let path = place::path_of(uri);
        let good = self.texts.remove(&path).and_then(|old| old.good);
        self.texts.insert(path.clone(), Open { text, version, read: None, further: BTreeMap::new(), good });
        self.forget_readers_of(&path);
    }

    pub fn close(&mut self, uri: &Uri) {
        let path = place::path_of(uri);
        self.texts.remove(&path);
        self.forget_readers_of(&path);
    }

    /// Changes part of a text, or all of it.
    pub fn change(&mut self, uri: &Uri, version: i32, range: Option<Range>, new: &str) {
        let path = place::path_of(uri);
        let Some(open) = self.texts.get_mut(&path) else { return };
        match range {
            None => open.text = new.to_string(),
            Some(range) => {
                let start = text::offset(&open.text, range.start, self.encoding);
                let end = text::offset(&open.text, range.end, self.encoding).max(start);
                open.text.replace_range(start..end, new);
            }
        }
        open.version = version;
        open.forget();
        self.forget_readers_of(&path);
    }

    /// Files that use the one that changed, or that wait for it to be there, are read anew.
    fn forget_readers_of(&mut self, path: &str) {
        for open in self.texts.values_mut() {
            let uses = |r: &Rc<Read>| {
                r.checked.sources.files().any(|(_, f)| f.name == path) || r.checked.diagnostics.iter().any(|d| d.code == "E0105")
            };
            if open.read.as_ref().is_some_and(uses) {
                open.forget();
            }
        }
    }

    /// Reads everything anew when next asked: files that are not open may have changed.
    pub fn forget(&mut self) {
        self.texts.values_mut().for_each(Open::forget);
    }

    /// Open files that were not read since something changed, with their versions.
    pub fn stale(&self) -> Vec<(String, i32)> {
        self.texts.iter().filter(|(_, o)| o.read.is_none()).map(|(path, o)| (path.clone(), o.version)).collect()
    }

    /// The file as it stands.
    pub fn read(&mut self, path: &str) -> Option<Rc<Read>> {
        if let Some(read) = &self.texts.get(path)?.read {
            return Some(read.clone());
        }
        let text = self.texts.get(path)?.text.clone();
        let read = Rc::new(read(path, text, &self.request(None), &Desk(&self.texts)));
        let open = self.texts.get_mut(path)?;
        open.read = Some(read.clone());
        if read.experiment().is_some() {
            open.good = Some(read.clone());
        }
        Some(read)
    }

    fn request(&self, experiment: Option<String>) -> Request {
        Request { experiment, profile: self.profile.clone(), ..Request::default() }
    }

    /// The file as read for one of its experiments.
    fn read_for(&mut self, path: &str, experiment: &str) -> Option<Rc<Read>> {
        let open = self.texts.get(path)?;
        if let Some(read) = open.further.get(experiment) {
            return Some(read.clone());
        }
        let request = self.request(Some(experiment.to_string()));
        let read = Rc::new(read(path, open.text.clone(), &request, &Desk(&self.texts)));
        self.texts.get_mut(path)?.further.insert(experiment.to_string(), read.clone());
        Some(read)
    }

    /// The file as it was when it last was an experiment.
    pub fn good(&self, path: &str) -> Option<Rc<Read>> {
        self.texts.get(path)?.good.clone()
    }

    /// The file at a place of the editor, read for the experiment there, with the byte there.
    pub fn at(&mut self, uri: &Uri, position: Position) -> Option<(Rc<Read>, u32)> {
        let read = self.read(&place::path_of(uri))?;
        let offset = text::offset(&read.text, position, self.encoding) as u32;
        let further = read.file.experiments.iter().skip(1).find(|e| e.span.start <= offset && offset <= e.span.end);
        let experiment = further.and_then(|e| e.label.as_ref()).map(|l| l.text.clone());
        let read = experiment.and_then(|name| self.read_for(&read.path, &name)).unwrap_or(read);
        Some((read, offset))
    }

    /// Where an editor finds a span. Spans in the standard library are in its readable copy; those of the command line nowhere.
    pub fn location(&self, read: &Read, span: Span) -> Option<Location> {
        let file = read.checked.sources.file(span.file);
        let path = if file.name.starts_with("std/") { self.standard.path(&file.name)? } else { file.name.clone() };
        Some(Location { uri: place::uri_of(&path)?, range: text::range(&file.text, span, self.encoding) })
    }
}

fn read(path: &str, text: String, request: &Request, world: &dyn World) -> Read {
    let check = if request.experiment.is_some() { pfm_compiler::check } else { pfm_compiler::check_all };
    let checked = check(path, &text, request, world);
    let (file, _) = pfm_syntax::read(Read::ID, &text);
    let used = checked.sources.files().filter(|(id, f)| *id != Read::ID && !f.name.starts_with("std/") && f.name.ends_with(".pfm"));
    let used: Vec<_> = used.map(|(id, f)| pfm_syntax::read(id, &f.text).0).collect();
    let all: Vec<_> = used.iter().collect();
    let symbols = Symbols::of(&file, &all, &checked.library);
    let others = used.iter().map(|f| Symbols::of(f, &all, &checked.library)).collect();
    Read { path: path.to_string(), text, checked, file, symbols, used, others }
}
