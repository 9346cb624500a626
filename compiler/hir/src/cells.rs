//! Grids are data: every combination of labels is a cell, the same stages with some settings of one stage replaced. Stages with
//! the same content are one stage, so what no axis touches runs once.

use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::Path;

use crate::axes::{Axis, axes, change, skips};
use crate::closed::{self, Closed, Pool};
use crate::context::Context;
use crate::experiment::{Cell, Grid, Stage};
use crate::findings::Findings;
use crate::frozen::{self, Frozen};
use crate::growth;
use crate::schema::Kind;
use crate::stages::{World, unknown_name};
use crate::suggest::listed;
use crate::tree::{Item, Tree};
use crate::units::prose;
use crate::weights::{Produced, sources};

/// Stages, each once; cells, `main` first; grids.
#[derive(Default)]
pub(crate) struct Plan {
    pub stages: Vec<Stage>,
    pub cells: Vec<Cell>,
    pub grids: Vec<Grid>,
    /// Parts that stages freeze at random values, over all cells.
    frozen: Vec<Frozen>,
}

/// What all cells share.
pub(crate) struct Base<'a> {
    pub context: &'a Context<'a>,
    pub seed: u64,
}

/// The tree of one cell, and its blocks.
struct Here<'a> {
    tree: &'a Tree,
    closed: &'a Closed,
    stages: &'a [Item],
}

/// Closes all stages of the file and of every cell.
pub(crate) fn close(base: &Base, tree: &Tree, closed: &Closed, pool: &mut Pool, findings: &mut Findings) -> Plan {
    let mut plan = Plan::default();
    let stages: Vec<Item> = tree.of(Kind::Stage).cloned().collect();
    let Some(order) = order(&stages, findings) else {
        return plan;
    };
    let main = Cell { name: "main".to_string(), grid: None, labels: vec![], stages: vec![] };
    let here = Here { tree, closed, stages: &stages };
    close_cell(base, &here, pool, &mut plan, &order, main, findings);
    for grid in tree.of(Kind::Grid) {
        close_grid(base, &here, pool, &mut plan, grid, findings);
    }
    frozen::warn(&plan.frozen, &plan.cells, findings);
    plan
}

/// Closes the stages of a cell, in order, and adds the cell. False when one of them has mistakes.
fn close_cell(base: &Base, here: &Here, pool: &Pool, plan: &mut Plan, order: &[usize], mut cell: Cell, findings: &mut Findings) -> bool {
    let world = World {
        context: base.context,
        tree: here.tree,
        data: &here.closed.data,
        models: &here.closed.models,
        grown: &here.closed.grown,
        all_data: &pool.data,
        all_models: &pool.models,
        seed: base.seed,
        reach: &base.context.reach,
    };
    let mut produced = Produced::new();
    for &index in order {
        let item = &here.stages[index];
        let closed = world.close(item, &produced, &plan.stages, findings);
        if let Some(stage) = &closed {
            let source = |earlier: usize| &pool.models[plan.stages[earlier].model];
            plan.frozen.extend(frozen::find(item, stage, &pool.models[stage.model], &source, plan.cells.len()));
        }
        let closed = closed.map(|stage| add(&mut plan.stages, stage));
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

fn close_grid(base: &Base, here: &Here, pool: &mut Pool, plan: &mut Plan, grid: &Item, findings: &mut Findings) {
    let stages = here.stages;
    let Some(over) = stage_over(grid, stages, findings) else { return };
    let before = findings.errors();
    let axes = axes(base.context, here.tree, grid, &stages[over], findings);
    let skips = skips(grid, &axes, findings.errors() > before, findings);
    too_many_cells(grid, &axes, findings);
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
        // A later one that hits the same cell removes nothing.
        hits.iter().take(1).for_each(|s| skipped[*s] = true);
        if !hits.is_empty() {
            continue;
        }
        let mut tree = here.tree.clone();
        let mut blocks_changed = false;
        for (axis, index) in axes.iter().zip(&combination) {
            blocks_changed |= change(&mut tree, &stages[over].label.text, axis, *index, findings);
            // The model of a stage that adds fields is its own.
            blocks_changed |= match axis.path.segments.as_slice() {
                [only] if only.text == growth::SETTING => true,
                [only] => ["train", "data"].contains(&only.text.as_str()) && growth::written(&stages[over]).is_some(),
                _ => false,
            };
        }
        let own = blocks_changed.then(|| closed::close(base.context, &tree, pool, findings));
        let stages: Vec<Item> = tree.of(Kind::Stage).cloned().collect();
        let Some(order) = order(&stages, findings) else { return };
        let needed = needed(&stages, over);
        let order: Vec<usize> = order.into_iter().filter(|i| needed.contains(i)).collect();
        let name = labels.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>().join("-");
        let cell = Cell { name, grid: Some(grid.label.text.clone()), labels, stages: vec![] };
        let cell_here = Here { tree: &tree, closed: own.as_ref().unwrap_or(here.closed), stages: &stages };
        whole &= close_cell(base, &cell_here, pool, plan, &order, cell, findings);
    }
    for (index, (_, span)) in grid.skip.iter().enumerate() {
        if !skipped[index] {
            findings.push(Diagnostic::new("W0703", "this `skip` removes no cell").at(*span, "matches no combination").help("remove it"));
        }
    }
    if whole {
        report_equal(plan, first, &axes, grid, findings);
    }
    plan.grids.push(Grid {
        name: grid.label.text.clone(),
        over: stages[over].label.text.clone(),
        axes: axes.iter().map(|a| (a.name.clone(), a.options.iter().map(|(n, _)| n.text.clone()).collect())).collect(),
        cells: (first..plan.cells.len()).collect(),
    });
}

/// Cells of one grid.
const MOST_CELLS: usize = 4096;

fn too_many_cells(grid: &Item, axes: &[Axis], findings: &mut Findings) {
    let count: f64 = axes.iter().map(|a| a.options.len() as f64).product();
    if count > MOST_CELLS as f64 {
        findings.push(
            Diagnostic::new("E0703", format!("grid `{}` has {} cells", grid.label.text, prose(count)))
                .at(grid.label.span, format!("{} axes, whose values multiply", axes.len()))
                .help(format!("vary fewer settings at once: at most {} cells are taken", prose(MOST_CELLS as f64))),
        );
    }
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

/// Indices into the options of each axis, the last axis fastest.
fn combinations(axes: &[Axis]) -> Vec<Vec<usize>> {
    let mut out = vec![vec![]];
    for axis in axes {
        out = out.into_iter().flat_map(|head| (0..axis.options.len()).map(move |i| head.iter().copied().chain([i]).collect())).collect();
    }
    out
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

/// Axes whose values change no work; then cells that are the same work for another reason.
fn report_equal(plan: &Plan, first: usize, axes: &[Axis], grid: &Item, findings: &mut Findings) {
    let cells = &plan.cells[first..];
    let dead: Vec<&Axis> = axes.iter().filter(|axis| is_dead(cells, axis)).collect();
    for axis in &dead {
        let labels: Vec<&str> = axis.options.iter().map(|(n, _)| n.text.as_str()).collect();
        findings.push(
            Diagnostic::new("W0703", format!("axis `{}` changes nothing", axis.name))
                .at(axis.path.span, format!("{} give the same work", listed(&labels, "and")))
                .help("remove the axis, or give it values that differ"),
        );
    }
    let mut pairs = vec![];
    for (i, cell) in cells.iter().enumerate() {
        let along_dead = |other: &Cell| {
            let differ = cell.labels.iter().zip(&other.labels).filter(|(a, b)| a != b);
            differ.into_iter().all(|((axis, _), _)| dead.iter().any(|d| d.name == *axis))
        };
        let twin = cells[..i].iter().find(|other| other.stages == cell.stages && !along_dead(other));
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

/// True when cells that differ in this axis alone are the same work, and there are some.
fn is_dead(cells: &[Cell], axis: &Axis) -> bool {
    let mut pairs = 0;
    for (i, cell) in cells.iter().enumerate() {
        let only_here = |other: &&Cell| cell.labels.iter().zip(&other.labels).all(|(a, b)| (a == b) != (a.0 == axis.name));
        for twin in cells[..i].iter().filter(only_here) {
            if twin.stages != cell.stages {
                return false;
            }
            pairs += 1;
        }
    }
    pairs > 0
}

/// The stage that a report without a stage of its own watches: the one under the grid of its name, else the last.
pub(crate) fn default_stage(tree: &Tree, report: &str) -> Option<String> {
    let of_grid = tree.find(Kind::Grid, report).and_then(|g| g.over.as_ref()).map(Path::text);
    of_grid.or_else(|| tree.of(Kind::Stage).last().map(|s| s.label.text.clone()))
}
