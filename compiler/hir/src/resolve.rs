//! From parsed files to the resolved experiment. Reads as the list of what is decided, in order; every step reports all that it
//! finds and goes on with what is sound.

use std::collections::BTreeMap;

use pfm_diag::Diagnostic;
use pfm_elaborate::Instance;
use pfm_syntax::ast::Block;

use crate::experiment::{Data, Experiment, Model};
use crate::findings::Findings;
use crate::input::{Input, Request};
use crate::models::{self, DataPlace, Placed};
use crate::names::Scope;
use crate::schema::Kind;
use crate::suggest::{any_of, nearest};
use crate::tree::{Item, Tree};
use crate::{
    amend, blocks, cells, claims, code, data, definitions, identity, origins, parts, profiles, reports, stages, tree, unused, values,
};

/// What every step reads.
pub(crate) struct Context<'a> {
    pub input: Input<'a>,
    pub scope: Scope<'a>,
}

/// Resolves one experiment under one profile. Pure: no files, clock or environment. The experiment is absent when there was an
/// error; warnings and failed claims on structure come with it. Diagnostics are sorted by place.
pub fn resolve(input: &Input, request: &Request) -> (Option<Experiment>, Vec<Diagnostic>) {
    let mut findings = Findings::default();
    let scope = Scope::new(input, &mut findings);
    let context = Context { input: *input, scope };
    let experiment = choose(input, request, &mut findings).and_then(|block| close(&context, block, request, &mut findings));
    let failed = findings.has_breaking_errors();
    (experiment.filter(|_| !failed), findings.into_sorted())
}

/// The experiment that was asked for, or the only one.
fn choose<'a>(input: &Input<'a>, request: &Request, findings: &mut Findings) -> Option<&'a Block> {
    let experiments: Vec<&Block> = input.file.experiments.iter().filter(|b| b.kind.text == "experiment").collect();
    let name = |b: &&'a Block| b.label.as_ref().map_or("", |l| l.text.as_str());
    let names: Vec<&str> = experiments.iter().map(name).collect();
    match (&request.experiment, experiments.as_slice()) {
        (None, [only]) => return Some(only),
        (None, []) => {
            // A file with a syntax error may hold one that could not be read.
            if input.broken.is_empty() {
                findings.push(Diagnostic::new("E0113", "the file has no experiment").help("write `experiment NAME { … }`"));
            }
        }
        (None, many) => findings.push(
            Diagnostic::new("E0113", format!("the file has {} experiments", many.len()))
                .at(many[1].kind.span, "a second one")
                .also(many[0].kind.span, "the first")
                .help(format!("say which: {}", any_of(&names))),
        ),
        (Some(wanted), _) => {
            let found = names.iter().position(|n| n == wanted);
            if found.is_none() {
                let d = Diagnostic::new("E0113", format!("the file has no experiment `{wanted}`"));
                findings.push(match nearest(wanted, &names).as_slice() {
                    [] => d.help(format!("it has {}", any_of(&names))),
                    [near, ..] => d.help(format!("did you mean `{near}`?")),
                });
            }
            return found.map(|index| experiments[index]);
        }
    }
    None
}

fn close(context: &Context, block: &Block, request: &Request, findings: &mut Findings) -> Option<Experiment> {
    let library = context.input.library;
    let mut tree = tree::build(block, findings);
    let profile = profiles::apply(&mut tree, library, request, findings);
    amend::flatten(&mut tree, library, findings);
    blocks::check(context, &tree, findings);
    definitions::check(context, findings);
    let seed = tree.settings.iter().find(|e| e.name.text == "seed");
    let seed = match seed.map(|e| values::plain_whole(&e.value, "seed", 0)) {
        None => 0,
        Some(Ok(seed)) => seed,
        Some(Err(d)) => {
            findings.push(d);
            0
        }
    };

    let (all_data, data) = close_data(context, &tree, findings);
    let parts = close_parts(context, &tree, findings);
    let (all_models, models) = close_models(context, &tree, &parts, &all_data, &data, findings);
    let world = stages::World {
        context,
        tree: &tree,
        data: &data,
        models: &models,
        all_data: &all_data,
        all_models: &all_models,
        seed,
        code: identity::own_code(&context.input),
    };
    let mut plan = cells::close(&world, findings);
    let reports: Vec<_> = tree.of(Kind::Report).filter_map(|item| reports::close(context, &tree, item, findings)).collect();
    for stage in &mut plan.stages {
        stage.report = reports.iter().position(|r| r.stage == stage.name);
    }
    let main: Vec<_> = plan.cells.iter().take(1).flat_map(|c| &c.stages).map(|i| &plan.stages[*i]).collect();
    reports::check_steps(&tree, &reports, &main, findings);
    let world = claims::World {
        context,
        tree: &tree,
        models: &all_models,
        stages: &plan.stages,
        cells: &plan.cells,
        grids: &plan.grids,
        reports: &reports,
        profile: profile.as_deref(),
    };
    code::Code { context, tree: &tree, data: &all_data, models: &all_models }.check(&plan.stages, &reports, findings);
    let claims = tree.expects.iter().filter_map(|e| world.close(e, findings)).collect();
    unused::check(context, &tree, findings);

    let block = profile.as_deref().and_then(|p| tree.find(Kind::Profile, p)).map(|p| p.span);
    let instances = instances(&tree, &parts, &plan);
    let origins = origins::list(context, &tree, profile.as_deref().zip(block), &instances, &main);
    Some(Experiment {
        name: tree.name.text.clone(),
        doc: tree.doc.clone(),
        profile,
        seed,
        data: all_data,
        models: all_models,
        stages: plan.stages,
        cells: plan.cells,
        grids: plan.grids,
        reports,
        claims,
        origins,
    })
}

type Index = BTreeMap<String, Option<usize>>;

fn close_data(context: &Context, tree: &Tree, findings: &mut Findings) -> (Vec<Data>, Index) {
    let (mut all, mut index) = (vec![], Index::new());
    for item in tree.of(Kind::Data) {
        let closed = data::close(context, item, findings);
        index.insert(item.label.text.clone(), closed.is_some().then_some(all.len()));
        all.extend(closed);
    }
    (all, index)
}

fn close_parts(context: &Context, tree: &Tree, findings: &mut Findings) -> BTreeMap<String, Option<Placed>> {
    let items = tree.items.iter().filter(|i| matches!(i.kind, Kind::Tokeniser | Kind::Processor));
    let mut out = BTreeMap::new();
    for item in items {
        let placed = parts::close(context, item, findings).map(|part| placed(item, part));
        out.insert(item.label.text.clone(), placed);
    }
    out
}

fn placed(item: &Item, part: crate::experiment::Part) -> Placed {
    let base = item.base.as_ref().map_or(item.label.span, |b| b.span);
    let settings = item.settings.iter().map(|e| (e.name.text.clone(), e.value.span)).collect();
    Placed { part, label: item.label.span, base, settings }
}

/// Every tokeniser alone and every model block, each on the data of the stages that train it.
fn close_models(
    context: &Context,
    tree: &Tree,
    parts: &BTreeMap<String, Option<Placed>>,
    all_data: &[Data],
    data: &Index,
    findings: &mut Findings,
) -> (Vec<Model>, Index) {
    let (mut all, mut index) = (vec![], Index::new());
    let sets = |name: &str| model_data(tree, name, all_data, data);
    for item in tree.of(Kind::Tokeniser) {
        let name = &item.label.text;
        let closed = parts[name].as_ref().and_then(|tokeniser| {
            let plan = models::Plan { name, tokeniser, processor: None, linked: false, link_span: item.label.span };
            close_on(context, &plan, &sets(name), findings)
        });
        index.insert(name.clone(), closed.is_some().then_some(all.len()));
        all.extend(closed);
    }
    for item in tree.of(Kind::Model) {
        let closed = close_model(context, item, parts, &index, &sets(&item.label.text), findings);
        index.insert(item.label.text.clone(), closed.is_some().then_some(all.len()));
        all.extend(closed);
    }
    (all, index)
}

fn close_model(
    context: &Context,
    item: &Item,
    parts: &BTreeMap<String, Option<Placed>>,
    models: &Index,
    data: &[DataPlace],
    findings: &mut Findings,
) -> Option<Model> {
    let mut part = |setting: &str| -> Option<&Placed> {
        let expr = item.value(setting)?;
        let Some(name) = values::path(expr) else {
            findings.push(values::wrong_form(setting, &format!("the name of a {setting}"), expr, "write a name"));
            return None;
        };
        match parts.get(&name.text()) {
            Some(part) => part.as_ref(),
            None => {
                let known: Vec<&str> = parts.keys().map(String::as_str).collect();
                findings.push(stages::unknown_name(setting, &name.text(), name.span, &known));
                None
            }
        }
    };
    let (tokeniser, processor) = (part("tokeniser"), part("processor"));
    let link = item.value("link");
    let linked = match link {
        None => true,
        Some(expr) if values::is_word(expr, "linear") => true,
        Some(expr) if values::is_word(expr, "none") => false,
        Some(expr) => {
            findings.push(values::wrong_form("link", "`linear` or `none`", expr, "write `linear`"));
            return None;
        }
    };
    let (tokeniser, processor) = (tokeniser?, processor?);
    // What is wrong with the tokeniser alone was reported there.
    models.get(&tokeniser.part.name).copied().flatten()?;
    let link_span = link.map_or(item.label.span, |e| e.span);
    let plan = models::Plan { name: &item.label.text, tokeniser, processor: Some(processor), linked, link_span };
    close_on(context, &plan, data, findings)
}

/// Checks the model on all its data; its latent shapes are those of the first.
fn close_on(context: &Context, plan: &models::Plan, data: &[DataPlace], findings: &mut Findings) -> Option<Model> {
    let mut closed: Vec<Option<Model>> = data.iter().map(|d| models::close(context, plan, d, findings)).collect();
    if closed.iter().any(Option::is_none) || closed.is_empty() {
        return None;
    }
    closed.swap_remove(0)
}

/// Data of the stages that train a model, or train one that holds it as a part; else all data.
fn model_data<'d>(tree: &Tree, name: &str, all: &'d [Data], index: &Index) -> Vec<DataPlace<'d>> {
    let names = |expr: Option<&pfm_syntax::ast::Expr>| expr.and_then(values::path).map(|p| p.text());
    let holds =
        |model: &str| model == name || tree.find(Kind::Model, model).is_some_and(|m| names(m.value("tokeniser")).as_deref() == Some(name));
    let mut found: Vec<usize> = vec![];
    for stage in tree.of(Kind::Stage) {
        let trains = names(stage.value("train")).is_some_and(|t| holds(&t));
        let data = names(stage.value("data")).and_then(|d| index.get(&d).copied().flatten());
        if let (true, Some(data)) = (trains, data)
            && !found.contains(&data)
        {
            found.push(data);
        }
    }
    if found.is_empty() {
        found.extend((!all.is_empty()).then_some(0));
    }
    found.into_iter().map(|i| data_place(tree, &all[i])).collect()
}

fn data_place<'d>(tree: &Tree, data: &'d Data) -> DataPlace<'d> {
    let item = tree.find(Kind::Data, &data.name).expect("closed data comes from a block");
    let span = |name: &str| item.value(name).map_or(item.label.span, |e| e.span);
    DataPlace { data, grid: span("source"), context: span("context") }
}

/// Closed definitions by the path of the setting that holds them.
fn instances(tree: &Tree, parts: &BTreeMap<String, Option<Placed>>, plan: &cells::Plan) -> Vec<(String, Instance)> {
    let mut out: Vec<(String, Instance)> = parts.values().flatten().map(|p| (p.part.name.clone(), p.part.instance.clone())).collect();
    let main = plan.cells.first().map_or(&[][..], |c| c.stages.as_slice());
    for stage in main.iter().map(|i| &plan.stages[*i]).filter(|s| tree.find(Kind::Stage, &s.name).is_some()) {
        out.push((format!("{}.optimiser", stage.name), stage.optimiser.clone()));
        out.push((format!("{}.objective.loss", stage.name), stage.objective.loss.clone()));
        if let Some(schedule) = &stage.schedule {
            out.push((format!("{}.schedule", stage.name), schedule.clone()));
        }
    }
    out
}
