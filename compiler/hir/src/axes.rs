//! Axes of a grid: settings of its stage, or a path into them, or into the blocks that the stage uses, each with labelled values.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Arg, Expr, ExprKind, Name, Path, Setting};

use crate::context::Context;
use crate::findings::Findings;
use crate::names::known_settings;
use crate::overrides::set_inside;
use crate::schema::Kind;
use crate::suggest::{any_of, listed, nearest};
use crate::tree::{Item, Tree};
use crate::units::{digits, quantity};
use crate::values::{noun, path};

/// One axis of a grid.
pub(crate) struct Axis {
    /// The path as written.
    pub name: String,
    pub path: Path,
    /// Labels and values.
    pub options: Vec<(Name, Expr)>,
}

/// The block that an axis reaches into besides its stage: `data.trajectories` names the stage's data, `core.width` a block.
fn block_of<'t>(tree: &'t Tree, stage: &Item, axis: &Path) -> Option<&'t Item> {
    let [first, _, ..] = axis.segments.as_slice() else { return None };
    if first.text == "data" {
        return stage.value("data").and_then(path).and_then(|name| tree.find(Kind::Data, &name.text()));
    }
    let kinds = [Kind::Data, Kind::Tokeniser, Kind::Processor, Kind::Model];
    kinds.iter().find_map(|kind| tree.find(*kind, &first.text))
}

/// The grid's axes, those over whole settings of the stage first.
pub(crate) fn axes(context: &Context, tree: &Tree, grid: &Item, stage: &Item, findings: &mut Findings) -> Vec<Axis> {
    let whole = grid.settings.iter().map(|e| (Path { segments: vec![e.name.clone()], span: e.name.span }, &e.value));
    let inner = grid.amendments.iter().map(|a| (a.path.clone(), &a.value));
    let mut out = vec![];
    for (path, value) in whole.chain(inner) {
        if let Some(diagnostic) = unknown_axis(context, tree, stage, &path) {
            findings.push(diagnostic);
            continue;
        }
        let ExprKind::List(args) = &value.kind else {
            findings.push(
                Diagnostic::new("E0204", format!("axis `{}` is a list with labels, found {}", path.text(), noun(value)))
                    .at(value.span, noun(value))
                    .help("write `[label: value, other: value]`"),
            );
            continue;
        };
        if let Some(options) = options(&path, args, findings) {
            out.push(Axis { name: path.text(), path, options });
        }
    }
    out
}

/// An axis names a setting of the stage, or one of a block.
fn unknown_axis(context: &Context, tree: &Tree, stage: &Item, axis: &Path) -> Option<Diagnostic> {
    let library = context.input.library;
    let of_stage: Vec<&str> = Kind::Stage.settings().iter().map(|s| s.name).collect();
    let (block, name, known) = match block_of(tree, stage, axis) {
        Some(block) => (block, &axis.segments[1], known_settings(tree, library, block)),
        None => (stage, &axis.segments[0], of_stage),
    };
    let level = block.levels.iter().any(|l| l.word == name.text);
    if level || known.contains(&name.text.as_str()) {
        return None;
    }
    let what = format!("{} `{}`", block.kind.word(), block.label.text);
    let d = Diagnostic::new("E0701", format!("{what} has no setting `{}`", name.text))
        .at(name.span, "an axis names a setting of the stage")
        .also(block.label.span, format!("the {}", block.kind.word()));
    Some(match nearest(&name.text, &known).as_slice() {
        [] => d.help(format!("settings are {}", any_of(&known))),
        [near, ..] => d.fix(format!("did you mean `{near}`?"), name.span, *near, false),
    })
}

fn options(axis: &Path, args: &[Arg], findings: &mut Findings) -> Option<Vec<(Name, Expr)>> {
    let mut out: Vec<(Name, Expr)> = vec![];
    let before = findings.errors();
    for arg in args {
        let Some(name) = arg.name.clone().or_else(|| own_label(&arg.value)) else {
            findings.push(
                Diagnostic::new("E0702", format!("a value of axis `{}` has no label", axis.text()))
                    .at(arg.value.span, "reports need a name for it")
                    .help("write `label: value`"),
            );
            // One without a label tells for all.
            break;
        };
        match out.iter().find(|(n, _)| n.text == name.text) {
            Some((first, _)) => findings.push(
                Diagnostic::new("E0103", format!("axis `{}` has the label `{}` twice", axis.text(), name.text))
                    .at(name.span, "again here")
                    .also(first.span, "first here")
                    .help("give them different labels"),
            ),
            None => out.push((name, arg.value.clone())),
        }
    }
    (findings.errors() == before && !out.is_empty()).then_some(out)
}

/// A number is its own label.
fn own_label(value: &Expr) -> Option<Name> {
    quantity(value).and_then(Result::ok).map(|q| Name { text: digits(q.value), span: value.span })
}

/// What a label is called where one is named: a name, or a number.
pub(crate) fn label_text(value: &Expr) -> String {
    path(value).map(Path::text).or_else(|| own_label(value).map(|n| n.text)).unwrap_or_default()
}

/// True for the axis itself, and for the last name of its path.
pub(crate) fn names_axis(axis: &str, name: &str) -> bool {
    axis == name || axis.rsplit('.').next() == Some(name)
}

/// Sets an axis to one of its values. True when that changed a block other than the stage.
pub(crate) fn change(tree: &mut Tree, stage: &str, axis: &Axis, option: usize, findings: &mut Findings) -> bool {
    let value = axis.options[option].1.clone();
    let Some(stage) = tree.find(Kind::Stage, stage) else { return false };
    let block = block_of(tree, stage, &axis.path).map(|block| (block.kind, block.label.text.clone()));
    let segments = &axis.path.segments[usize::from(block.is_some())..];
    let (kind, name) = block.clone().unwrap_or((Kind::Stage, stage.label.text.clone()));
    let target = tree.items.iter_mut().find(|i| i.kind == kind && i.label.text == name);
    let target = target.expect("the block was found in this tree");
    match segments {
        [name] => target.set(name.clone(), value),
        _ => {
            let path = Path { segments: segments.to_vec(), span: axis.path.span };
            set_inside(target, &Setting { path, span: axis.path.span, value }, findings);
        }
    }
    block.is_some()
}

/// Pairs of axis and label that each `skip` names.
pub(crate) fn skips(grid: &Item, axes: &[Axis], mistakes: bool, findings: &mut Findings) -> Vec<Vec<(String, String)>> {
    let mut out = vec![];
    for (args, span) in &grid.skip {
        let mut pairs = vec![];
        for arg in args {
            let Some(name) = &arg.name else {
                findings.push(
                    Diagnostic::new("E0702", "`skip` names axes and labels").at(*span, "no axis here").help("write `skip [axis: label]`"),
                );
                continue;
            };
            if let Some(pair) = label(axes, mistakes, name, &arg.value, findings) {
                pairs.push(pair);
            }
        }
        out.push(pairs);
    }
    out
}

fn label(axes: &[Axis], mistakes: bool, written: &Name, value: &Expr, findings: &mut Findings) -> Option<(String, String)> {
    let name = written.text.as_str();
    let known: Vec<&str> = axes.iter().map(|a| a.name.as_str()).collect();
    let Some(axis) = axes.iter().find(|a| names_axis(&a.name, name)) else {
        // An axis with a mistake of its own is not missed again.
        if !mistakes {
            let d = Diagnostic::new("E0702", format!("the grid has no axis `{name}`")).at(written.span, "not an axis");
            findings.push(near_or_all(d, written.span, name, &known, "axes"));
        }
        return None;
    };
    let labels: Vec<&str> = axis.options.iter().map(|(n, _)| n.text.as_str()).collect();
    let text = label_text(value);
    if !labels.contains(&text.as_str()) {
        let d = Diagnostic::new("E0702", format!("axis `{name}` has no label `{text}`")).at(value.span, "not a label");
        findings.push(near_or_all(d, value.span, &text, &labels, "labels"));
        return None;
    }
    Some((axis.name.clone(), text))
}

/// The nearest of the known names as an edit, or all of them.
pub(crate) fn near_or_all(d: Diagnostic, at: Span, name: &str, known: &[&str], what: &str) -> Diagnostic {
    match nearest(name, known).as_slice() {
        [] if known.is_empty() => d,
        [] => d.help(format!("{what} are {}", listed(known, "and"))),
        [near, ..] => d.fix(format!("did you mean `{near}`?"), at, *near, false),
    }
}
