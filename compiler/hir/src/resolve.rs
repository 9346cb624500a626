//! From parsed files to the resolved experiment. Reads as the list of what is decided, in order; every step reports all that it
//! finds and goes on with what is sound.

use pfm_diag::Diagnostic;
use pfm_elaborate::Instance;
use pfm_syntax::ast::{Block, Statement};

use crate::closed::{self, PartIndex, Pool};
use crate::context::Context;
use crate::experiment::{Experiment, Report};
use crate::findings::Findings;
use crate::input::{Input, ProfileChoice, Request};
use crate::schema::Kind;
use crate::suggest::{any_of, nearest};
use crate::tree::Tree;
use crate::{amend, bases, blocks, cells, claims, code, definitions, epochs, origins, profiles, reports, unused, values};

/// Resolves one experiment under one profile. Pure: no files, clock or environment. The experiment is absent when there was an
/// error; warnings and failed claims on structure come with it. Diagnostics are sorted by place.
pub fn resolve(input: &Input, request: &Request) -> (Option<Experiment>, Vec<Diagnostic>) {
    let mut findings = Findings::default();
    let (context, chain) = open(input, request, &mut findings);
    definitions::check(&context, &mut findings);
    let experiment = close(&context, &chain, request, &mut findings);
    context.scope.report_unused(input, &mut findings);
    let failed = findings.has_breaking_errors();
    (experiment.filter(|_| !failed), findings.into_sorted())
}

/// The experiment that was asked for with those that it amends, and what they can see.
pub(crate) fn open<'a>(input: &Input<'a>, request: &Request, findings: &mut Findings) -> (Context<'a>, Vec<bases::Place<'a>>) {
    let block = choose(input, request, findings);
    let chain = block.map_or(vec![], |block| bases::chain(input, block, findings));
    (Context::new(input, &[&chain], findings), chain)
}

/// Resolves every experiment of a file, or the one that was asked for, and says everything that is wrong with any of them. A file
/// of definitions alone is sound.
pub fn resolve_all(input: &Input, request: &Request) -> (Vec<Experiment>, Vec<Diagnostic>) {
    let blocks: Vec<&Block> = experiments(input);
    let alone = blocks.len() == 1 || (blocks.is_empty() && input.file.definitions.is_empty());
    if request.experiment.is_some() || alone {
        let (experiment, diagnostics) = resolve(input, request);
        return (experiment.into_iter().collect(), diagnostics);
    }
    let mut findings = Findings::default();
    let chains: Vec<_> = blocks.iter().map(|block| bases::chain(input, block, &mut findings)).collect();
    let context = Context::new(input, &chains.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut findings);
    definitions::check(&context, &mut findings);
    let mut closed = vec![];
    for (i, (block, chain)) in blocks.iter().zip(&chains).enumerate() {
        let same = |other: &&&Block| name_of(other) == name_of(block);
        if let Some(first) = blocks[..i].iter().find(same) {
            findings.push(
                Diagnostic::new("E0103", format!("`{}` is declared twice", name_of(block)))
                    .at(block.label.as_ref().unwrap_or(&block.kind).span, "an experiment here")
                    .also(first.label.as_ref().unwrap_or(&first.kind).span, "already an experiment here")
                    .help("rename one of them"),
            );
        }
        let request = Request { profile: profile_for(block, &blocks, request), ..request.clone() };
        closed.extend(close(&context, chain, &request, &mut findings));
    }
    context.scope.report_unused(input, &mut findings);
    let failed = findings.has_breaking_errors();
    if failed {
        closed.clear();
    }
    (closed, findings.into_sorted())
}

/// A profile that was asked for holds in the experiments that have it; the others are checked as they are by default.
fn profile_for(block: &Block, all: &[&Block], request: &Request) -> ProfileChoice {
    let has = |block: &Block, name: &str| {
        block
            .body
            .iter()
            .any(|s| matches!(s, Statement::Block(b) if b.kind.text == "profile" && b.label.as_ref().is_some_and(|l| l.text == name)))
    };
    match &request.profile {
        ProfileChoice::Named(name) if !has(block, name) && all.iter().any(|b| has(b, name)) => ProfileChoice::Default,
        choice => choice.clone(),
    }
}

fn experiments<'a>(input: &Input<'a>) -> Vec<&'a Block> {
    input.file.experiments.iter().filter(|b| b.kind.text == "experiment").collect()
}

fn name_of(block: &Block) -> &str {
    block.label.as_ref().map_or("", |l| l.text.as_str())
}

/// The experiment that was asked for, or the only one.
fn choose<'a>(input: &Input<'a>, request: &Request, findings: &mut Findings) -> Option<&'a Block> {
    let experiments = experiments(input);
    let names: Vec<&str> = experiments.iter().map(|b| name_of(b)).collect();
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

/// The experiment's blocks under its profile, none of which amends another; and the name of the profile.
pub(crate) fn flat(context: &Context, chain: &[bases::Place], request: &Request, findings: &mut Findings) -> (Tree, Option<String>) {
    let library = context.input.library;
    let mut tree = bases::build(chain, library, findings);
    let profile = profiles::apply(&mut tree, library, request, findings);
    amend::flatten(&mut tree, library, findings);
    (tree, profile)
}

fn close(context: &Context, chain: &[bases::Place], request: &Request, findings: &mut Findings) -> Option<Experiment> {
    // What a base that is not there would give is not missed again.
    chain.last().filter(|(block, _)| block.base.is_none())?;
    let before = findings.errors();
    let (tree, profile) = flat(context, chain, request, findings);
    blocks::check(context, &tree, findings);
    let seed = tree.settings.iter().find(|e| e.name.text == "seed");
    let seed = match seed.map(|e| values::plain_whole(&e.value, "seed", 0)) {
        None => 0,
        Some(Ok(seed)) => seed,
        Some(Err(d)) => {
            findings.push(d);
            0
        }
    };

    let mut pool = Pool::default();
    let closed = closed::close(context, &tree, &mut pool, findings);
    let base = cells::Base { context, seed };
    let mut plan = cells::close(&base, &tree, &closed, &mut pool, findings);
    let reports: Vec<_> =
        tree.of(Kind::Report).filter_map(|item| reports::close(context, &tree, item, &plan.grids, &context.reach, findings)).collect();
    for stage in &mut plan.stages {
        stage.report = reports.iter().position(|r| r.stage == stage.name);
    }
    let main: Vec<_> = plan.cells.iter().take(1).flat_map(|c| &c.stages).map(|i| &plan.stages[*i]).collect();
    reports::check_stages(&tree, &reports, findings);
    reports::check_steps(&tree, &reports, &main, findings);
    let world = claims::World {
        context,
        tree: &tree,
        models: &pool.models,
        data: &pool.data,
        stages: &plan.stages,
        cells: &plan.cells,
        grids: &plan.grids,
        reports: &reports,
        profile: profile.as_deref(),
    };
    code::Code { context, tree: &tree, data: &pool.data, models: &pool.models }.check(&plan.stages, &reports, findings);
    let claims = tree.expects.iter().filter_map(|e| world.close(e, findings)).collect();
    unused::check(context, &tree, findings.errors() > before, findings);
    let as_written = Request { profile: ProfileChoice::AsWritten, sets: vec![], ..request.clone() };
    let (written, _) = flat(context, chain, &as_written, &mut Findings::default());
    epochs::check(context, &written, findings.errors() > 0 || findings.has_breaking_errors(), findings);
    definitions::warn(context, findings.errors() > before, findings);

    let block = profile.as_deref().and_then(|p| tree.find(Kind::Profile, p)).map(|p| p.span);
    let mut instances = instances(&tree, &closed.parts, &plan);
    let metric = |r: &Report, m: &Instance| (format!("{}.metrics.{}", r.name, m.definition), m.clone());
    instances.extend(reports.iter().flat_map(|r| r.metrics.iter().map(|m| metric(r, m))));
    let origins = origins::list(context, &tree, profile.as_deref().zip(block), &instances, &main);
    Some(Experiment {
        name: tree.name.text.clone(),
        doc: tree.doc.clone(),
        profile,
        profiles: tree.names(Kind::Profile).into_iter().map(String::from).collect(),
        seed,
        data: pool.data,
        models: pool.models,
        stages: plan.stages,
        cells: plan.cells,
        grids: plan.grids,
        reports,
        claims,
        origins,
    })
}

/// Closed definitions by the path of the setting that holds them.
fn instances(tree: &Tree, parts: &PartIndex, plan: &cells::Plan) -> Vec<(String, Instance)> {
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
