//! What a name, a value or a glob means, as Markdown beside the cursor.

mod block;
mod rate;
mod setting;

use crate::text;
use crate::workspace::{Read, Workspace};
use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position, Uri};
use pfm_diag::Span;
use pfm_elaborate::Library;
use pfm_hir::{Kind, Symbol, glob_matches, named_by};
use pfm_syntax::ast::{Body, Definition, DefinitionKind, File, MaskTerm, Path, Statement};

/// How many names of a list are shown.
const SHOWN: usize = 10;

pub fn at(workspace: &mut Workspace, uri: &Uri, position: Position) -> Option<Hover> {
    let (read, offset) = workspace.at(uri, position)?;
    let good = workspace.good(&read.path);
    let view = View { now: &read, good: good.as_deref() };
    let (span, value) = view.hover(offset)?;
    let range = Some(text::range(&read.text, span, workspace.encoding));
    Some(Hover { contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }), range })
}

/// A file as it stands, and as it was when it last resolved.
pub(crate) struct View<'a> {
    pub now: &'a Read,
    pub good: Option<&'a Read>,
}

impl View<'_> {
    fn hover(&self, offset: u32) -> Option<(Span, String)> {
        if let Some(glob) = glob_at(&self.now.file, offset)
            && glob.segments.first().is_none_or(|first| offset > first.span.end || glob.segments.len() == 1)
        {
            return Some((glob.span, self.glob(glob)?));
        }
        let named = self.now.symbols.at(offset).and_then(|o| Some((o.span, self.symbol(&o.symbol, offset)?)));
        named.or_else(|| self.place(offset)).or_else(|| self.word(offset))
    }

    fn symbol(&self, symbol: &Symbol, offset: u32) -> Option<String> {
        match symbol {
            Symbol::Experiment(name) => self.about_experiment(name),
            Symbol::Block { experiment, kind, name } => self.block(experiment, *kind, name),
            Symbol::Label { grid, axis, label, .. } => self.label(grid, axis, label),
            Symbol::Definition { kind, name } => {
                let definition = self.library().definition(*kind, name)?;
                let about = self.definition(definition, self.library().module_of(definition));
                let place = self.now.symbols.place_at(offset).filter(|p| matches!(p.name.as_str(), "schedule" | "optimiser"));
                let rate = place.and_then(|p| self.rate(p)).map(|r| format!("\n\n{r}")).unwrap_or_default();
                Some(about + &rate)
            }
            Symbol::Member { kind, path } => {
                let member = member(self.library(), *kind, path)?;
                Some(self.definition(member, path.rsplit_once('.').map_or("", |(outer, _)| outer)))
            }
            Symbol::Parameter { kind, of, name } => self
                .now
                .symbols
                .place_at(offset)
                .filter(|p| p.name == *name)
                .map(|p| self.setting(p))
                .or_else(|| self.about_parameter(*kind, of, name)),
            Symbol::Local { of, name, .. } => Some(format!("`{name}`, bound in `{of}`")),
            Symbol::Axis { of, name, .. } => Some(format!("`{name}`, an axis of `{of}`; in code, its size")),
            Symbol::Builtin(name) => builtin(name),
            Symbol::File(path) => Some(format!("definitions of `{path}`")),
        }
    }

    pub fn library(&self) -> &Library {
        &self.now.checked.library
    }

    fn definition(&self, definition: &Definition, home: &str) -> String {
        let mut out = fenced(&pfm_hir::signature(definition, &self.now.checked.sources));
        if !definition.doc.is_empty() {
            out.push_str(&format!("\n\n{}", prose(&definition.doc)));
        }
        out + &format!("\n\nin `{home}`")
    }

    /// A parameter as it is written, and what it is for.
    fn about_parameter(&self, kind: DefinitionKind, of: &str, name: &str) -> Option<String> {
        let definition = member(self.library(), kind, of)?;
        let parameter = definition.params.iter().find(|p| p.name.text == name)?;
        let mut out = fenced(&pfm_hir::parameter(parameter, &self.now.checked.sources));
        if !parameter.doc.is_empty() {
            out.push_str(&format!("\n\n{}", prose(&parameter.doc)));
        }
        Some(out + &format!("\n\nof `{of}`"))
    }

    /// A word that means something by itself: a kind of block, a unit.
    fn word(&self, offset: u32) -> Option<(Span, String)> {
        let span = word_span(self.now, offset)?;
        let word = &self.now.text[span.start as usize..span.end as usize];
        if let Some((_, what)) = pfm_hir::unit_words().find(|(unit, _)| *unit == word) {
            return Some((span, format!("`{word}`: {what}")));
        }
        if let Some(known) = pfm_syntax::WORDS.iter().find(|w| w.word == word) {
            let settings = Kind::of_word(word).map_or(&[][..], Kind::settings);
            let settings: Vec<String> = settings.iter().map(|s| format!("\n- `{}`: {}", s.name, s.doc)).collect();
            return Some((span, format!("{}\n\n{}\n{}", fenced(known.form), known.doc, settings.join(""))));
        }
        let definition = named_by_word(self.library(), word)?;
        Some((span, self.definition(definition, self.library().module_of(definition))))
    }

    fn glob(&self, glob: &Path) -> Option<String> {
        let experiment = self.now.experiment().or_else(|| self.good?.experiment())?;
        let mut found: Vec<(&str, usize)> = vec![];
        for p in experiment.models.iter().flat_map(|m| &m.parameters) {
            if glob_matches(glob, &p.path) && found.iter().all(|(path, _)| *path != p.path) {
                found.push((&p.path, p.count()));
            }
        }
        let weights: usize = found.iter().map(|(_, n)| n).sum();
        let mut out =
            format!("`{}` matches {} of {} parameters, {} weights", glob.text(), found.len(), parameters(experiment), grouped(weights));
        for (path, count) in found.iter().take(SHOWN) {
            out.push_str(&format!("\n- `{path}` {}", grouped(*count)));
        }
        if found.len() > SHOWN {
            out.push_str(&format!("\n- … and {} more", found.len() - SHOWN));
        }
        Some(out)
    }
}

fn parameters(experiment: &pfm_hir::Experiment) -> usize {
    let mut paths: Vec<&str> = experiment.models.iter().flat_map(|m| &m.parameters).map(|p| p.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.len()
}

/// A definition, or the one inside it that the path leads to.
pub(crate) fn member<'l>(library: &'l Library, kind: DefinitionKind, path: &str) -> Option<&'l Definition> {
    let mut names = path.split('.');
    let mut definition = library.definition(kind, names.next()?)?;
    for name in names {
        let Body::Members { definitions, .. } = &definition.body else { return None };
        definition = definitions.iter().find(|d| d.name.text == name)?;
    }
    Some(definition)
}

fn named_by_word<'l>(library: &'l Library, word: &str) -> Option<&'l Definition> {
    let kinds = ["optimiser", "schedule", "loss", "metrics"].iter().flat_map(|s| named_by(s));
    kinds.filter_map(|k| library.definition(*k, word)).next()
}

fn glob_at(file: &File, offset: u32) -> Option<&Path> {
    fn of(statements: &[Statement], offset: u32) -> Option<&Path> {
        statements.iter().find_map(|s| match s {
            Statement::Block(block) => of(&block.body, offset),
            Statement::Freeze(MaskTerm { globs, except, .. }) | Statement::Train(MaskTerm { globs, except, .. }) => {
                globs.iter().chain(except).find(|g| g.span.start <= offset && offset <= g.span.end)
            }
            _ => None,
        })
    }
    file.experiments.iter().find_map(|e| of(&e.body, offset))
}

/// The letters, digits and marks of a name around a byte.
fn word_span(read: &Read, offset: u32) -> Option<Span> {
    let letter = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'%';
    let bytes = read.text.as_bytes();
    let at = (offset as usize).min(bytes.len());
    let start = at - bytes[..at].iter().rev().take_while(|b| letter(b)).count();
    let end = at + bytes[at..].iter().take_while(|b| letter(b)).count();
    (start < end).then(|| Span::new(Read::ID, start, end))
}

fn builtin(name: &str) -> Option<String> {
    let builtin = pfm_elaborate::builtins().find(|b| b.name == name)?;
    Some(format!("{}\n\n{}\n\nbuilt in", fenced(&builtin.signature()), builtin.doc))
}

pub(crate) fn fenced(code: &str) -> String {
    format!("```pfm\n{code}\n```")
}

pub(crate) fn prose(doc: &[String]) -> String {
    doc.iter().map(|l| l.trim()).collect::<Vec<_>>().join(" ").trim().to_string()
}

/// `5131151` as `5,131,151`.
pub(crate) fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}
