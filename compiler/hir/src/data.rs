//! Data blocks: a definition's facts (data sets, fields, grid, frames) under the experiment's settings (window, context,
//! normalisation, source). `source = generate(…)` changes the grid and the number of frames to those that are made here.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Arg, Body, Definition, DefinitionKind, Expr, ExprKind, Statement};

use crate::context::Context;
use crate::experiment::{Data, Normalise, Source};
use crate::findings::Findings;
use crate::stages::unknown_name;
use crate::suggest::{any_of, nearest};
use crate::tree::Item;
use crate::units::{Dimension, prose};
use crate::values::{self, call, is_word, items, path, wrong_form};

const RMS_FLOOR: f64 = 1e-7;
const STANDARD_FLOOR: f64 = 1e-4;

/// Closes a data block; None when it has mistakes.
pub(crate) fn close(context: &Context, item: &Item, findings: &mut Findings) -> Option<Data> {
    let base = item.base.as_ref()?;
    // A name that is not a definition was reported when blocks were flattened.
    context.input.library.definition(DefinitionKind::Data, &base.text())?;
    let definition = context.scope.definition(DefinitionKind::Data, &base.text(), base.span, findings)?;
    let before = findings.errors();
    let reader = Reader { item, definition };
    let datasets = reader.texts("datasets", findings);
    let mut grid = reader.grid(findings);
    let fields = reader.fields(grid.as_ref().map_or(2, Vec::len), findings);
    let mut frames = reader.frames("frames", None, findings);
    let window = reader.frames("window", Some(10), findings);
    let context_frames = reader.frames("context", Some(9), findings);
    let normalise = reader.value("normalise").map_or(Some(Normalise::Rms { floor: RMS_FLOOR }), |e| normalise(e, findings));
    let trajectories = reader.value("trajectories").filter(|e| !is_word(e, "all")).map(|e| values::plain_whole(e, "trajectories", 1));
    let trajectories = trajectories.map(|n| findings.keep(n).map(|n| n as usize));
    let source = reader.value("source").map_or(Some(Made::directory()), |e| source(e, findings));
    if let Some(made) = &source {
        if let Some((sizes, span)) = &made.grid {
            check_rank(sizes, *span, grid.as_deref(), findings);
            grid = Some(sizes.clone());
        }
        frames = made.frames.or(frames);
    }
    if let (Some(window), Some(context_frames), Some(frames)) = (window, context_frames, frames) {
        check_lengths(&reader, window, context_frames, frames, findings);
    }
    if findings.errors() > before {
        return None;
    }
    Some(Data {
        name: item.label.text.clone(),
        definition: base.text(),
        datasets: datasets?,
        fields: fields?,
        grid: grid?,
        frames: frames?,
        window: window?,
        context: context_frames?,
        source: source?.source,
        trajectories: trajectories.flatten(),
        normalise: normalise?,
    })
}

/// Settings of the block over the facts of the definition.
struct Reader<'a> {
    item: &'a Item,
    definition: &'a Definition,
}

impl<'a> Reader<'a> {
    fn value(&self, name: &str) -> Option<&'a Expr> {
        let stated = match &self.definition.body {
            Body::Settings(statements) => statements.iter().find_map(|s| match s {
                Statement::Setting(setting) if setting.path.text() == name => Some(&setting.value),
                _ => None,
            }),
            _ => None,
        };
        let default = self.definition.params.iter().find(|p| p.name.text == name).and_then(|p| p.default.as_ref());
        self.item.value(name).or(stated).or(default)
    }

    fn span(&self, name: &str) -> Span {
        self.value(name).map_or(self.item.label.span, |e| e.span)
    }

    fn needed(&self, name: &str, findings: &mut Findings) -> Option<&'a Expr> {
        let found = self.value(name);
        if found.is_none() {
            findings.push(
                Diagnostic::new("E0502", format!("data `{}` does not state its `{name}`", self.definition.name.text))
                    .at(self.item.label.span, "used here")
                    .also(self.definition.name.span, "defined here")
                    .help(format!("add `{name} = …` to the definition")),
            );
        }
        found
    }

    fn texts(&self, name: &str, findings: &mut Findings) -> Option<Vec<String>> {
        let expr = self.needed(name, findings)?;
        let mut out = vec![];
        for one in items(expr) {
            match (&one.kind, path(one)) {
                (ExprKind::Text(text), _) => out.push(text.clone()),
                (_, Some(word)) => out.push(word.text()),
                _ => {
                    findings.push(wrong_form(name, "a list of names", one, "write names or texts"));
                    return None;
                }
            }
        }
        if out.is_empty() {
            findings.push(self.empty(name, "there is nothing to read", "[euler_multi_quadrants_openBC]", expr));
            return None;
        }
        Some(out)
    }

    fn empty(&self, name: &str, why: &str, example: &str, expr: &Expr) -> Diagnostic {
        let d = Diagnostic::new("E0502", format!("data `{}` has no {name}", self.item.label.text)).at(expr.span, why);
        let d = if expr.span.file == self.item.span.file { d } else { d.also(self.item.label.span, "used here") };
        d.help(format!("name at least one, such as `{name} = {example}`"))
    }

    /// Channel names; `momentum: vector` stands for its components.
    fn fields(&self, rank: usize, findings: &mut Findings) -> Option<Vec<String>> {
        let expr = self.needed("fields", findings)?;
        let ExprKind::List(args) = &expr.kind else {
            findings.push(wrong_form("fields", "a list of names", expr, "write `[density, pressure]`"));
            return None;
        };
        let mut out = vec![];
        for arg in args {
            out.extend(channels(arg, rank, findings)?);
        }
        if out.is_empty() {
            findings.push(self.empty("fields", "a model needs at least one channel", "[density, pressure]", expr));
            return None;
        }
        Some(out)
    }

    fn grid(&self, findings: &mut Findings) -> Option<Vec<usize>> {
        sizes(self.needed("grid", findings)?, findings)
    }

    fn frames(&self, name: &str, default: Option<usize>, findings: &mut Findings) -> Option<usize> {
        let expr = match (self.value(name), default) {
            (Some(expr), _) => expr,
            (None, Some(default)) => return Some(default),
            (None, None) => self.needed(name, findings)?,
        };
        findings.keep(values::whole(expr, name, &[Dimension::Frames], 1)).map(|(n, _)| n as usize)
    }
}

fn channels(arg: &Arg, rank: usize, findings: &mut Findings) -> Option<Vec<String>> {
    let components = &["x", "y", "z"][..rank.min(3)];
    match (&arg.name, path(&arg.value).map(|p| p.text())) {
        (None, Some(name)) => Some(vec![name]),
        (Some(name), Some(kind)) if kind == "scalar" => Some(vec![name.text.clone()]),
        (Some(name), Some(kind)) if kind == "vector" => Some(components.iter().map(|c| format!("{}_{c}", name.text)).collect()),
        (Some(name), Some(kind)) if kind == "tensor" => {
            let pairs = components.iter().flat_map(|a| components.iter().map(move |b| format!("{}_{a}{b}", name.text)));
            Some(pairs.collect())
        }
        _ => {
            findings.push(wrong_form("fields", "a list of names", &arg.value, "write `density`, or `momentum: vector`"));
            None
        }
    }
}

/// Grid sizes, `(64, 64)`.
fn sizes(expr: &Expr, findings: &mut Findings) -> Option<Vec<usize>> {
    let parts: Vec<&Expr> = match &expr.kind {
        ExprKind::Tuple(parts) => parts.iter().collect(),
        ExprKind::List(args) => args.iter().map(|a| &a.value).collect(),
        _ => vec![],
    };
    if !(2..=3).contains(&parts.len()) {
        findings.push(wrong_form("grid", "two or three sizes", expr, "write `(64, 64)`"));
        return None;
    }
    parts.into_iter().map(|e| findings.keep(values::plain_whole(e, "grid", 1)).map(|n| n as usize)).collect()
}

fn check_rank(sizes: &[usize], span: Span, grid: Option<&[usize]>, findings: &mut Findings) {
    let Some(grid) = grid.filter(|g| g.len() != sizes.len()) else { return };
    findings.push(
        Diagnostic::new("E0208", format!("this data has {} spatial axes, the grid has {}", grid.len(), sizes.len()))
            .at(span, format!("{} sizes", sizes.len()))
            .help(format!("write {} sizes", grid.len())),
    );
}

fn normalise(expr: &Expr, findings: &mut Findings) -> Option<Normalise> {
    let Some((callee, args)) = call(expr) else {
        findings.push(wrong_form("normalise", "a rule", expr, "write `rms(per: [sample, field])`"));
        return None;
    };
    let rule: fn(f64) -> Normalise = match callee.text().as_str() {
        "rms" => |floor| Normalise::Rms { floor },
        "standard" => |floor| Normalise::Standard { floor },
        other => {
            findings.push(unknown_name("normalisation", other, callee.span, &["rms", "standard"]));
            return None;
        }
    };
    let mut floor = if callee.text() == "rms" { RMS_FLOOR } else { STANDARD_FLOOR };
    for arg in args {
        match arg.name.as_ref().map(|n| n.text.as_str()) {
            Some("floor") => floor = findings.keep(values::positive(&arg.value, "floor"))?,
            Some("per") => check_per(&arg.value, findings)?,
            _ => {
                findings.push(unknown_argument(&callee.text(), arg, &["per", "floor"]));
                return None;
            }
        }
    }
    Some(rule(floor))
}

/// Statistics over anything but the sample and the field would look at other samples.
fn check_per(expr: &Expr, findings: &mut Findings) -> Option<()> {
    let words: Vec<String> = items(expr).into_iter().filter_map(path).map(|p| p.text()).collect();
    let mut sorted = words.clone();
    sorted.sort();
    if sorted == ["field", "sample"] {
        return Some(());
    }
    findings.push(Diagnostic::new("E0505", "statistics are taken per sample and field only").at(expr.span, "another rule here").fix(
        "write `[sample, field]`",
        expr.span,
        "[sample, field]",
        false,
    ));
    None
}

/// What `source` says.
struct Made {
    source: Source,
    grid: Option<(Vec<usize>, Span)>,
    frames: Option<usize>,
}

impl Made {
    fn directory() -> Made {
        Made { source: Source::Directory, grid: None, frames: None }
    }
}

fn source(expr: &Expr, findings: &mut Findings) -> Option<Made> {
    if is_word(expr, "directory") {
        return Some(Made::directory());
    }
    let Some((callee, args)) = call(expr).filter(|(c, _)| c.text() == "generate") else {
        findings.push(wrong_form("source", "`directory` or `generate(…)`", expr, "write `generate(grid: (64, 64), trajectories: 80)`"));
        return None;
    };
    let (mut made, mut trajectories, mut seed) = (Made::directory(), None, 0);
    let before = findings.errors();
    for arg in args {
        let value = &arg.value;
        match arg.name.as_ref().map(|n| n.text.as_str()) {
            Some("grid") => made.grid = sizes(value, findings).map(|g| (g, value.span)),
            Some("trajectories") => trajectories = findings.keep(values::plain_whole(value, "trajectories", 1)),
            Some("seed") => seed = findings.keep(values::plain_whole(value, "seed", 0)).unwrap_or(0),
            Some("frames") => {
                made.frames = findings.keep(values::whole(value, "frames", &[Dimension::Frames], 2)).map(|(n, _)| n as usize);
            }
            _ => findings.push(unknown_argument("generate", arg, &["grid", "trajectories", "frames", "seed"])),
        }
    }
    if findings.errors() > before {
        return None;
    }
    let Some(trajectories) = trajectories else {
        findings.push(
            Diagnostic::new("E0107", "`generate` does not say how many trajectories")
                .at(callee.span, "no `trajectories:` here")
                .help("write `generate(grid: (64, 64), trajectories: 80)`"),
        );
        return None;
    };
    made.source = Source::Generate { trajectories: trajectories as usize, seed };
    Some(made)
}

pub(crate) fn unknown_argument(callee: &str, arg: &Arg, known: &[&str]) -> Diagnostic {
    let Some(name) = &arg.name else {
        return Diagnostic::new("E0102", format!("arguments of `{callee}` have names"))
            .at(arg.value.span, "no name here")
            .help(format!("name it: {}", any_of(known)));
    };
    let d = Diagnostic::new("E0102", format!("`{callee}` has no argument `{}`", name.text)).at(name.span, "unknown argument");
    match nearest(&name.text, known).as_slice() {
        [] => d.help(format!("it takes {}", any_of(known))),
        [near, ..] => d.fix(format!("did you mean `{near}`?"), name.span, *near, true),
    }
}

fn check_lengths(reader: &Reader, window: usize, context: usize, frames: usize, findings: &mut Findings) {
    if context > window {
        findings.push(
            Diagnostic::new("E0208", format!("a context of {context} frames does not fit in a window of {window}"))
                .at(reader.span("context"), "frames that the model sees")
                .also(reader.span("window"), "frames of one sample")
                .help(format!("write `window = {} frames`", context + 1)),
        );
    } else if window > frames {
        findings.push(
            Diagnostic::new("E0208", format!("a window of {window} frames is longer than a trajectory of {}", prose(frames as f64)))
                .at(reader.span("window"), "frames of one sample")
                .also(reader.span("source"), format!("trajectories have {frames} frames"))
                .help("make trajectories longer, or the window shorter"),
        );
    }
}
