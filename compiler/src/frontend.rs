//! Text to experiment: parse the user's file and those that it uses, join them with the standard library, resolve.

use crate::used;
use pfm_diag::{Diagnostic, FileId, Sources, Span};
use pfm_elaborate::Library;
use pfm_hir::{Cell, Experiment, Input, Other, ProfileChoice};
use pfm_lower::Context;
use pfm_syntax::ast::{Definition, File};
use std::sync::LazyLock;

/// What lies outside of the compiler: the texts of files that a file uses.
pub trait World {
    /// The text of a file, by its path as the command line would name it, or why it cannot be read.
    fn read(&self, path: &str) -> Result<String, String>;
}

/// A world without other files.
pub struct Alone;

impl World for Alone {
    fn read(&self, _: &str) -> Result<String, String> {
        Err("no other files can be read here".to_string())
    }
}

/// How the user wants a file closed, in the words of the command line.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub experiment: Option<String>,
    /// None: the profile that the file calls default.
    pub profile: Option<String>,
    /// `path=value`, each checked like a setting of the file.
    pub sets: Vec<String>,
}

/// What is known about a file once it has been read.
pub struct Checked {
    pub sources: Sources,
    pub library: Library,
    /// None when errors keep the file from being an experiment.
    pub experiment: Option<Experiment>,
    /// All of them, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    file: File,
    others: Vec<Other>,
    wanted: pfm_hir::Request,
}

impl Checked {
    /// What lowering reads.
    ///
    /// # Panics
    /// If the file did not resolve.
    pub fn context(&self) -> Context<'_> {
        Context { experiment: self.experiment.as_ref().expect("the file resolved"), library: &self.library }
    }

    /// The text of a file that runs one cell without options and without other files. `notes` are put above its experiment.
    ///
    /// # Panics
    /// If the file did not resolve.
    pub fn closed(&self, cell: &Cell, notes: &[String]) -> String {
        let input = Input { sources: &self.sources, file: &self.file, others: &self.others, library: &self.library, broken: &[] };
        pfm_hir::closed(&input, &self.wanted, self.experiment.as_ref().expect("the file resolved"), cell, notes)
    }

    /// The file itself, in `sources`.
    pub fn id(&self) -> FileId {
        self.file.id
    }

    /// Names of the file's experiments.
    pub fn experiments(&self) -> Vec<&str> {
        let named = self.file.experiments.iter().filter(|b| b.kind.text == "experiment");
        named.filter_map(|b| b.label.as_ref()).map(|l| l.text.as_str()).collect()
    }

    /// The first name of an experiment, to point at.
    pub fn place(&self) -> Option<pfm_diag::Span> {
        self.file.experiments.iter().find_map(|b| b.label.as_ref()).map(|l| l.span)
    }

    /// Edition of the language that the file is written in.
    pub fn edition(&self) -> u32 {
        self.file.edition.map_or(1, |(edition, _)| edition)
    }
}

/// Reads a file's text. `name` is what diagnostics call it, and where the paths of its `use` lines start.
pub fn check(name: &str, text: &str, request: &Request, world: &dyn World) -> Checked {
    close(name, text, request, world, &pfm_hir::resolve)
}

/// As `check`, for a file that may hold several experiments: all of them are resolved, and the first one comes back.
pub fn check_all(name: &str, text: &str, request: &Request, world: &dyn World) -> Checked {
    close(name, text, request, world, &|input, request| {
        let (experiments, diagnostics) = pfm_hir::resolve_all(input, request);
        (experiments.into_iter().next(), diagnostics)
    })
}

type Resolve = dyn Fn(&Input, &pfm_hir::Request) -> (Option<Experiment>, Vec<Diagnostic>);

fn close(name: &str, text: &str, request: &Request, world: &dyn World, resolve: &Resolve) -> Checked {
    let mut sources = Sources::default();
    let standard = standard(&mut sources);
    let (user, mut diagnostics) = pfm_syntax::read(sources.add(name, text), text);
    let sets = sets(request, &mut sources, &mut diagnostics);
    let others = used::read(&user, &mut sources, &mut diagnostics, world);
    let broken: Vec<_> = diagnostics.iter().filter(|d| d.is_error()).filter_map(|d| d.primary.as_ref()).map(|l| l.span).collect();
    let files = standard.iter().chain([&user]).chain(others.iter().map(|other| &other.file));
    let (library, found) = Library::new(files, &sources);
    diagnostics.extend(found);
    let profile = request.profile.clone().map_or(ProfileChoice::Default, ProfileChoice::Named);
    let wanted = pfm_hir::Request { experiment: request.experiment.clone(), profile, sets };
    let input = Input { sources: &sources, file: &user, others: &others, library: &library, broken: &broken };
    let (experiment, found) = resolve(&input, &wanted);
    diagnostics.extend(found.into_iter().filter(|d| !follows(d, &input)));
    let experiment = experiment.filter(|_| !broken_text(&diagnostics));
    diagnostics.sort_by_key(|d| d.primary.as_ref().map(|l| (l.span.file, l.span.start)));
    Checked { sources, library, experiment, diagnostics, file: user, others, wanted }
}

/// True for what only follows from a statement that could not be read: it is about a definition with such a statement, or misses a
/// name that stands on the line of one.
fn follows(d: &Diagnostic, input: &Input) -> bool {
    let files = std::iter::once(input.file).chain(input.others.iter().map(|o| &o.file));
    let within = |outer: Span, inner: Span| outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end;
    let labels = || d.primary.iter().chain(&d.secondary).map(|l| l.span);
    let about = |definition: &Definition| {
        input.broken.iter().any(|b| within(definition.span, *b)) && labels().any(|label| within(definition.span, label))
    };
    let misses = matches!(d.code, "E0104" | "E1003" | "E1004");
    let name = d.message.split('`').nth(1).filter(|_| misses);
    let on_line = |broken: &Span| {
        let text = &input.sources.file(broken.file).text;
        let start = text[..broken.start as usize].rfind('\n').map_or(0, |n| n + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        name.is_some_and(|name| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name))
    };
    !input.broken.is_empty() && (files.flat_map(|f| &f.definitions).any(about) || input.broken.iter().any(on_line))
}

/// A file with errors of its own is no experiment; a claim that fails leaves one.
fn broken_text(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.is_error() && d.code.starts_with('E'))
}

/// The standard library's files, which parse: a test says so. Their ids are the same everywhere, so that one reading serves every
/// file that a process checks.
fn standard(sources: &mut Sources) -> &'static [File] {
    static READ: LazyLock<Vec<File>> = LazyLock::new(|| {
        let mut sources = Sources::default();
        pfm_stdlib::FILES.iter().map(|(name, text)| pfm_syntax::read(sources.add_library(name, text), text).0).collect()
    });
    for (name, text) in pfm_stdlib::FILES {
        sources.add_library(name, text);
    }
    &READ
}

fn sets(request: &Request, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>) -> Vec<(String, pfm_syntax::ast::Expr)> {
    let mut sets = vec![];
    for text in &request.sets {
        let (setting, found) = pfm_syntax::parse_setting(sources.add("--set", text), text);
        diagnostics.extend(found);
        sets.extend(setting.map(|s| (s.path.text(), s.value)));
    }
    sets
}
