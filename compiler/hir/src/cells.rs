//! Grids are data: every combination of labels is a cell, the same stages with some settings of one stage replaced. Stages with
//! the same content are one stage, so what no axis touches runs once.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Arg, ExprKind, Name, Path, Setting};

use crate::experiment::{Cell, Grid, Stage};
use crate::findings::Findings;
use crate::overrides::set_inside;
use crate::schema::Kind;
use crate::stages::{World, unknown_name};
use crate::suggest::{any_of, listed, nearest};
use crate::tree::{Item, Tree};
use crate::values::{noun, path};
use crate::weights::{Produced, sources};

/// Stages, each once; cells, `main` first; grids.
#[derive(Default)]
pub(crate) struct Plan {
    pub stages: Vec<Stage>,
    pub cells: Vec<Cell>,
    pub grids: Vec<Grid>,
}

/// One axis of a grid.
struct Axis {
    name: String,
    path: Path,
    options: Vec<(Name, pfm_syntax::ast::Expr)>,
}

/// Closes all stages of the file and of every cell.
pub(crate) fn close(world: &World, findings: &mut Findings) -> Plan {
    let mut plan = Plan::default();
    let stages: Vec<Item> = world.tree.of(Kind::Stage).cloned().collect();
    let Some(order) = order(&stages, findings) else {
        return plan;
    };
    let main = Cell { name: "main".to_string(), grid: None, labels: vec![], stages: vec![] };
    close_cell(world, &mut plan, &stages, &order, main, findings);
    for grid in world.tree.of(Kind::Grid) {
        close_grid(world, &mut plan, grid, &stages, findings);
    }
    plan
}

/// Closes the stages of a cell, in order, and adds the cell. False when one of them has mistakes.
fn close_cell(world: &World, plan: &mut Plan, stages: &[Item], order: &[usize], mut cell: Cell, findings: &mut Findings) -> bool {
    let mut produced = Produced::new();
    for &index in order {
        let item = &stages[index];
        let closed = world.close(item, &produced, &plan.stages, &cell.name, findings).map(|stage| add(&mut plan.stages, stage));
        cell.stages.extend(closed);
        produced.insert(item.label.text.clone(), closed);
    }
    let whole = cell.stages.len() == order.len();
    plan.cells.push(cell);
    whole
}

/// The index of the stage, added unless the same work is there already.
fn add(stages: &mut Vec<Stage>, stage: Stage) -> usize {
    match stages.iter().position(|s| s.key == stage.key) {
        Some(index) => index,
        None => {
            stages.push(stage);
            stages.len() - 1
        }
    }
}

/// Stages so that each comes after those that it takes weights from; None when they form a circle.
fn order(stages: &[Item], findings: &mut Findings) -> Option<Vec<usize>> {
    let mut order = vec![];
    for index in 0..stages.len() {
        visit(stages, index, &mut vec![], &mut order, findings)?;
    }
    Some(order)
}

fn visit(stages: &[Item], index: usize, above: &mut Vec<usize>, order: &mut Vec<usize>, findings: &mut Findings) -> Option<()> {
    if order.contains(&index) {
        return Some(());
    }
    if let Some(start) = above.iter().position(|i| *i == index) {
        findings.push(cycle(stages, &above[start..]));
        return None;
    }
    above.push(index);
    for parent in parents(stages, index) {
        visit(stages, parent, above, order, findings)?;
    }
    above.pop();
    order.push(index);
    Some(())
}

fn parents(stages: &[Item], index: usize) -> Vec<usize> {
    let named = stages[index].value("weights").map(sources).unwrap_or_default();
    named.iter().filter_map(|p| stages.iter().position(|s| s.label.text == p.segments[0].text)).collect()
}

fn cycle(stages: &[Item], round: &[usize]) -> Diagnostic {
    let weights = |i: usize| stages[i].value("weights").map_or(stages[i].label.span, |e| e.span);
    let names: Vec<&str> = round.iter().chain(&round[..1]).map(|i| stages[*i].label.text.as_str()).collect();
    let mut spans: Vec<Span> = round.iter().map(|i| weights(*i)).collect();
    spans.sort();
    let mut d =
        Diagnostic::new("E0602", "stages take weights from each other in a circle").at(spans[0], "needs a stage that needs this one");
    for span in &spans[1..] {
        d = d.also(*span, "part of the circle");
    }
    d.help("start one of them from `weights = random`").note(names.join(" → "))
}

fn close_grid(world: &World, plan: &mut Plan, grid: &Item, stages: &[Item], findings: &mut Findings) {
    let Some(over) = stage_over(grid, stages, findings) else { return };
    let before = findings.errors();
    let axes = axes(grid, &stages[over], findings);
    let skips = skips(grid, &axes, findings);
    if findings.errors() > before || axes.is_empty() {
        return;
    }
    let first = plan.cells.len();
    let mut skipped = vec![false; grid.skip.len()];
    let mut whole = true;
    for combination in combinations(&axes) {
        let labels: Vec<(String, String)> =
            axes.iter().zip(&combination).map(|(axis, i)| (axis.name.clone(), axis.options[*i].0.text.clone())).collect();
        let hits: Vec<usize> = (0..skips.len()).filter(|s| skips[*s].iter().all(|pair| labels.contains(pair))).collect();
        hits.iter().for_each(|s| skipped[*s] = true);
        if !hits.is_empty() {
            continue;
        }
        let mut changed = stages.to_vec();
        for (axis, index) in axes.iter().zip(&combination) {
            change(&mut changed[over], axis, *index, findings);
        }
        let Some(order) = order(&changed, findings) else { return };
        let needed = needed(&changed, over);
        let order: Vec<usize> = order.into_iter().filter(|i| needed.contains(i)).collect();
        let name = labels.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>().join("-");
        let cell = Cell { name, grid: Some(grid.label.text.clone()), labels, stages: vec![] };
        whole &= close_cell(world, plan, &changed, &order, cell, findings);
    }
    for (index, (_, span)) in grid.skip.iter().enumerate() {
        if !skipped[index] {
            findings.push(Diagnostic::new("W0703", "this `skip` removes no cell").at(*span, "matches no combination").help("remove it"));
        }
    }
    if whole {
        report_equal(plan, first, grid, findings);
    }
    plan.grids.push(Grid {
        name: grid.label.text.clone(),
        over: stages[over].label.text.clone(),
        axes: axes.iter().map(|a| (a.name.clone(), a.options.iter().map(|(n, _)| n.text.clone()).collect())).collect(),
        cells: (first..plan.cells.len()).collect(),
    });
}

fn stage_over(grid: &Item, stages: &[Item], findings: &mut Findings) -> Option<usize> {
    let known: Vec<&str> = stages.iter().map(|s| s.label.text.as_str()).collect();
    let Some(over) = &grid.over else {
        findings.push(
            Diagnostic::new("E0107", format!("grid `{}` does not say which stage it varies", grid.label.text))
                .at(grid.label.span, "no `over` here")
                .help(format!("write `grid {} over {} {{ … }}`", grid.label.text, known.last().unwrap_or(&"STAGE"))),
        );
        return None;
    };
    let found = known.iter().position(|k| *k == over.text());
    if found.is_none() {
        findings.push(unknown_name("stage", &over.text(), over.span, &known));
    }
    found
}

/// The grid's axes: settings of the stage, with labelled values.
fn axes(grid: &Item, stage: &Item, findings: &mut Findings) -> Vec<Axis> {
    let known: Vec<&str> = Kind::Stage.settings().iter().map(|s| s.name).collect();
    let whole = grid.settings.iter().map(|e| (Path { segments: vec![e.name.clone()], span: e.name.span }, &e.value));
    let inner = grid.amendments.iter().map(|a| (a.path.clone(), &a.value));
    let mut out = vec![];
    for (path, value) in whole.chain(inner) {
        let first = &path.segments[0];
        if !known.contains(&first.text.as_str()) {
            let d = Diagnostic::new("E0701", format!("stage `{}` has no setting `{}`", stage.label.text, first.text))
                .at(first.span, "an axis names a setting of the stage")
                .also(stage.label.span, "the stage");
            findings.push(match nearest(&first.text, &known).as_slice() {
                [] => d.help(format!("settings are {}", any_of(&known))),
                [near, ..] => d.fix(format!("did you mean `{near}`?"), first.span, *near, false),
            });
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

fn options(axis: &Path, args: &[Arg], findings: &mut Findings) -> Option<Vec<(Name, pfm_syntax::ast::Expr)>> {
    let mut out: Vec<(Name, pfm_syntax::ast::Expr)> = vec![];
    let before = findings.errors();
    for arg in args {
        match &arg.name {
            None => findings.push(
                Diagnostic::new("E0702", format!("a value of axis `{}` has no label", axis.text()))
                    .at(arg.value.span, "reports need a name for it")
                    .help("write `label: value`"),
            ),
            Some(name) => match out.iter().find(|(n, _)| n.text == name.text) {
                Some((first, _)) => findings.push(
                    Diagnostic::new("E0103", format!("axis `{}` has the label `{}` twice", axis.text(), name.text))
                        .at(name.span, "again here")
                        .also(first.span, "first here")
                        .help("give them different labels"),
                ),
                None => out.push((name.clone(), arg.value.clone())),
            },
        }
    }
    (findings.errors() == before && !out.is_empty()).then_some(out)
}

/// Pairs of axis and label that each `skip` names.
fn skips(grid: &Item, axes: &[Axis], findings: &mut Findings) -> Vec<Vec<(String, String)>> {
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
            if let Some(pair) = label(axes, &name.text, name.span, &arg.value, findings) {
                pairs.push(pair);
            }
        }
        out.push(pairs);
    }
    out
}

fn label(axes: &[Axis], name: &str, at: Span, value: &pfm_syntax::ast::Expr, findings: &mut Findings) -> Option<(String, String)> {
    let known: Vec<&str> = axes.iter().map(|a| a.name.as_str()).collect();
    let Some(axis) = axes.iter().find(|a| a.name == name) else {
        // An axis with a mistake of its own is not missed again.
        if !axes.is_empty() {
            findings.push(
                Diagnostic::new("E0702", format!("the grid has no axis `{name}`"))
                    .at(at, "not an axis")
                    .help(format!("axes are {}", listed(&known, "and"))),
            );
        }
        return None;
    };
    let labels: Vec<&str> = axis.options.iter().map(|(n, _)| n.text.as_str()).collect();
    let text = path(value).map(Path::text).unwrap_or_default();
    if !labels.contains(&text.as_str()) {
        findings.push(
            Diagnostic::new("E0702", format!("axis `{name}` has no label `{text}`"))
                .at(value.span, "not a label")
                .help(format!("labels are {}", listed(&labels, "and"))),
        );
        return None;
    }
    Some((name.to_string(), text))
}

/// Indices into the options of each axis, the last axis fastest.
fn combinations(axes: &[Axis]) -> Vec<Vec<usize>> {
    let mut out = vec![vec![]];
    for axis in axes {
        out = out.into_iter().flat_map(|head| (0..axis.options.len()).map(move |i| head.iter().copied().chain([i]).collect())).collect();
    }
    out
}

fn change(stage: &mut Item, axis: &Axis, option: usize, findings: &mut Findings) {
    let value = axis.options[option].1.clone();
    match axis.path.segments.as_slice() {
        [name] => stage.set(name.clone(), value),
        _ => {
            let setting = Setting { path: axis.path.clone(), span: axis.path.span, value };
            set_inside(stage, &setting, findings);
        }
    }
}

/// The stage, those that it needs, and those that need it (with what they need).
fn needed(stages: &[Item], over: usize) -> Vec<usize> {
    let mut below = vec![over];
    loop {
        let next = (0..stages.len()).find(|i| !below.contains(i) && parents(stages, *i).iter().any(|p| below.contains(p)));
        match next {
            Some(index) => below.push(index),
            None => break,
        }
    }
    let mut all = below;
    let mut at = 0;
    while at < all.len() {
        for parent in parents(stages, all[at]) {
            if !all.contains(&parent) {
                all.push(parent);
            }
        }
        at += 1;
    }
    all
}

fn report_equal(plan: &Plan, first: usize, grid: &Item, findings: &mut Findings) {
    let mut pairs = vec![];
    for (i, cell) in plan.cells.iter().enumerate().skip(first) {
        let twin = plan.cells[first..i].iter().find(|other| other.stages == cell.stages);
        pairs.extend(twin.map(|twin| format!("`{}` and `{}`", twin.name, cell.name)));
    }
    if pairs.is_empty() {
        return;
    }
    findings.push(
        Diagnostic::new("W0703", format!("cells {} are the same work", pairs.join(", ")))
            .at(grid.label.span, "runs it once")
            .help("remove one label, or use `skip`"),
    );
}

/// The stage that a report without a stage of its own watches: the one under the grid of its name, else the last.
pub(crate) fn default_stage(tree: &Tree, report: &str) -> Option<String> {
    let of_grid = tree.find(Kind::Grid, report).and_then(|g| g.over.as_ref()).map(Path::text);
    of_grid.or_else(|| tree.of(Kind::Stage).last().map(|s| s.label.text.clone()))
}
