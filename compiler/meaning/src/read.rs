//! From a file's text to its meaning: it is resolved once for each experiment and profile, and every fact is written down.

use crate::shown::{arguments, hash, instance, number};
use crate::{Experiment, Meaning, Model, Profile, Report, Settings, Stage, cost};
use pfm_compiler::{Checked, Request, World, check};
use pfm_diag::{Diagnostic, Sources, Span};
use pfm_hir::{Normalise, ObjectiveKind, SampleRule, Source, Units, Weights};
use std::collections::BTreeMap;

/// Which stages are planned: all, none, or those whose program is not one of these.
pub enum Costs<'a> {
    All,
    None,
    Except(&'a [String]),
}

/// A file's meaning, and where its settings stand.
pub struct Read {
    pub meaning: Meaning,
    pub sources: Sources,
    /// Warnings of the file under its default profile.
    pub diagnostics: Vec<Diagnostic>,
    /// The place of each setting, by its path.
    pub places: BTreeMap<String, Span>,
    /// The first name in the file, to point at.
    pub place: Option<Span>,
}

/// Reads a file under one profile, or under all of them. The error is what keeps it from having a meaning.
pub fn read(name: &str, text: &str, profile: Option<&str>, costs: &Costs, world: &dyn World) -> Result<Read, (Sources, Vec<Diagnostic>)> {
    let names: Vec<String> = check(name, text, &Request::default(), world).experiments().into_iter().map(String::from).collect();
    // A file without an experiment, or with a broken one, says so when it is read without a name.
    let wanted: Vec<Option<String>> = if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
    let mut read: Option<Read> = None;
    for experiment in wanted {
        let first = resolved(name, text, &Request { experiment: experiment.clone(), profile: None, sets: vec![] }, world)?;
        let experiment = first.experiment.as_ref().expect("it resolved").name.clone();
        // The name that it goes under, and the one that the file knows.
        let profiles: Vec<(String, String)> = match profile {
            Some(profile) => vec![(profile.to_string(), known(&first, profile))],
            None => all(&first).into_iter().map(|p| (p.clone(), p)).collect(),
        };
        let read = read.get_or_insert_with(|| Read {
            meaning: Meaning {
                compiler: env!("CARGO_PKG_VERSION").to_string(),
                edition: first.edition(),
                definitions: Settings::new(),
                experiments: BTreeMap::new(),
            },
            sources: first.sources.clone(),
            diagnostics: first.diagnostics.clone(),
            places: BTreeMap::new(),
            place: first.place(),
        });
        let mut closed = BTreeMap::new();
        for (name_of, profile) in profiles {
            let request = Request { experiment: Some(experiment.clone()), profile: Some(profile), sets: vec![] };
            let checked = resolved(name, text, &request, world)?;
            places(&checked, &mut read.places);
            closed.insert(name_of, facts(&checked, costs, &mut read.meaning.definitions).map_err(|d| (checked.sources.clone(), d))?);
        }
        read.meaning.experiments.insert(experiment, Experiment { profiles: closed });
    }
    Ok(read.expect("a file that resolves has an experiment"))
}

fn resolved(name: &str, text: &str, request: &Request, world: &dyn World) -> Result<Checked, (Sources, Vec<Diagnostic>)> {
    let checked = check(name, text, request, world);
    // A claim that fails takes no meaning away.
    match checked.experiment {
        None => Err((checked.sources, checked.diagnostics)),
        Some(_) => Ok(checked),
    }
}

/// The profiles of the file, the file as written first.
fn all(checked: &Checked) -> Vec<String> {
    let own = &checked.experiment.as_ref().expect("it resolved").profiles;
    let mut all = vec!["paper".to_string()];
    all.extend(own.iter().filter(|p| *p != "paper").cloned());
    all
}

/// A file without profiles is what it is under any name.
fn known(checked: &Checked, profile: &str) -> String {
    let own = &checked.experiment.as_ref().expect("it resolved").profiles;
    if own.is_empty() { "paper".to_string() } else { profile.to_string() }
}

fn places(checked: &Checked, out: &mut BTreeMap<String, Span>) {
    let experiment = checked.experiment.as_ref().expect("it resolved");
    for origin in &experiment.origins {
        if let Some(span) = origin.span {
            out.entry(origin.path.clone()).or_insert(span);
        }
    }
}

fn facts(checked: &Checked, costs: &Costs, definitions: &mut Settings) -> Result<Profile, Vec<Diagnostic>> {
    let experiment = checked.experiment.as_ref().expect("it resolved");
    let names = stage_names(experiment);
    let called = Called {
        data: called(experiment.data.iter().map(|d| d.name.as_str())),
        models: called(experiment.models.iter().map(|m| m.name.as_str())),
    };
    let mut stages = BTreeMap::new();
    for (stage, name) in experiment.stages.iter().zip(&names) {
        definitions.extend(stage.identity.definitions.iter().cloned());
        let mut facts = self::stage(experiment, stage, &called);
        let planned = match costs {
            Costs::All => true,
            Costs::None => false,
            Costs::Except(known) => !known.contains(&stage.identity.program),
        };
        if planned {
            facts.cost = Some(cost(&checked.context(), stage)?);
        }
        stages.insert(name.clone(), facts);
    }
    let cell = |c: &pfm_hir::Cell| {
        let key = c.grid.as_ref().map_or(c.name.clone(), |g| format!("{g}/{}", c.name));
        (key, c.stages.iter().map(|s| names[*s].clone()).collect())
    };
    definitions.extend(experiment.reports.iter().flat_map(|r| r.definitions.iter().cloned()));
    Ok(Profile {
        data: called.data.iter().cloned().zip(experiment.data.iter().map(data)).collect(),
        parts: parts(experiment),
        models: models(experiment, &called),
        stages,
        cells: experiment.cells.iter().map(cell).collect(),
        reports: experiment.reports.iter().map(|r| (r.name.clone(), report(r))).collect(),
        claims: experiment.claims.iter().filter(|c| c.active).map(|c| claim(&c.text)).collect(),
    })
}

/// Names of data and models. A grid that changes a block makes several of one name; `core (2)` is the second.
struct Called {
    data: Vec<String>,
    models: Vec<String>,
}

fn called<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let name = |name: &'n str| {
        let count = seen.entry(name).or_default();
        *count += 1;
        if *count == 1 { name.to_string() } else { format!("{name} ({count})") }
    };
    names.map(name).collect()
}

/// A claim's words, without layout and without the profiles that it holds under: here it does.
fn claim(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let on = words.iter().position(|w| *w == "on").unwrap_or(words.len());
    words[..on].join(" ")
}

/// `rollout`, and `rollout of CELL` for those that `main` does not have.
fn stage_names(experiment: &pfm_hir::Experiment) -> Vec<String> {
    let mut names = vec![String::new(); experiment.stages.len()];
    for cell in &experiment.cells {
        for &index in &cell.stages {
            if names[index].is_empty() {
                let name = &experiment.stages[index].name;
                names[index] = if cell.grid.is_none() { name.clone() } else { format!("{name} of {}", cell.name) };
            }
        }
    }
    names
}

fn data(data: &pfm_hir::Data) -> Settings {
    let words = |list: &[String]| format!("[{}]", list.join(", "));
    let source = match &data.source {
        Source::Directory => "directory".to_string(),
        Source::Generate { trajectories, seed } => format!("generate(trajectories: {trajectories}, seed: {seed})"),
    };
    let normalise = match data.normalise {
        Normalise::Rms { floor } => format!("rms(floor: {})", number(floor)),
        Normalise::Standard { floor } => format!("standard(floor: {})", number(floor)),
    };
    let grid: Vec<String> = data.grid.iter().map(usize::to_string).collect();
    [
        ("definition", data.definition.clone()),
        ("datasets", words(&data.datasets)),
        ("fields", words(&data.fields)),
        ("grid", format!("({})", grid.join(", "))),
        ("frames", number(data.frames as f64)),
        ("window", number(data.window as f64)),
        ("context", number(data.context as f64)),
        ("source", source),
        ("trajectories", data.trajectories.map_or("all".into(), |n| number(n as f64))),
        ("normalise", normalise),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .into()
}

fn parts(experiment: &pfm_hir::Experiment) -> BTreeMap<String, Settings> {
    let parts = experiment.models.iter().flat_map(|m| [Some(&m.tokeniser), m.processor.as_ref()]).flatten();
    let settings = |part: &pfm_hir::Part| {
        let mut settings = Settings::from([("definition".to_string(), part.instance.definition.clone())]);
        arguments("", &part.instance, &mut settings);
        settings
    };
    let mut distinct: Vec<(&str, Settings)> = vec![];
    for (name, settings) in parts.map(|part| (part.name.as_str(), settings(part))) {
        if !distinct.iter().any(|(n, s)| *n == name && *s == settings) {
            distinct.push((name, settings));
        }
    }
    let names = called(distinct.iter().map(|(name, _)| *name));
    names.into_iter().zip(distinct.into_iter().map(|(_, settings)| settings)).collect()
}

fn models(experiment: &pfm_hir::Experiment, called: &Called) -> BTreeMap<String, Model> {
    let mut models: BTreeMap<String, Model> = called.models.iter().cloned().zip(experiment.models.iter().map(model)).collect();
    for (model, name) in experiment.models.iter().zip(&called.models).filter(|(m, _)| m.processor.is_some()) {
        let alone = models.get(&model.tokeniser.name).map(|m| m.shapes.clone());
        if let Some(facts) = models.get_mut(name).filter(|m| Some(&m.shapes) == alone.as_ref()) {
            facts.shapes.clear();
        }
    }
    models
}

fn model(model: &pfm_hir::Model) -> Model {
    let of = match &model.processor {
        None => model.tokeniser.name.clone(),
        Some(p) => format!("{}, {}, link {}", model.tokeniser.name, p.name, if model.linked { "linear" } else { "none" }),
    };
    let tree: Vec<String> = model.parameters.iter().map(|p| format!("{} {:?} {:?}", p.path, p.shape, p.init)).collect();
    let sizes = |latent: &[usize]| latent.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
    let latent = |v: &pfm_hir::Variant| {
        let further = v.further.iter().map(|f| format!("; {} on {}", sizes(&f.latent), f.data));
        sizes(&v.latent) + &further.collect::<String>()
    };
    Model {
        of,
        parameters: counts(model, |_| true),
        tensors: model.parameters.len() as u64,
        tree: hash(&tree.join("\n"), 16),
        shapes: model.variants.iter().map(|v| (v.label.clone(), latent(v))).collect(),
        evaluation: model.variants[model.evaluation].label.clone(),
    }
}

/// Numbers of the chosen parameters, by part.
fn counts(model: &pfm_hir::Model, chosen: impl Fn(usize) -> bool) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for (index, parameter) in model.parameters.iter().enumerate() {
        let part = parameter.path.split('.').next().unwrap_or_default().to_string();
        *counts.entry(part).or_default() += if chosen(index) { parameter.count() as u64 } else { 0 };
    }
    counts
}

fn stage(experiment: &pfm_hir::Experiment, stage: &pfm_hir::Stage, called: &Called) -> Stage {
    let model = &experiment.models[stage.model];
    let mut settings = Settings::new();
    let mut set = |name: &str, value: String| {
        settings.insert(name.to_string(), value);
    };
    let objective = match stage.objective.kind {
        ObjectiveKind::Reconstruct => "reconstruct",
        ObjectiveKind::NextFrame => "next_frame",
    };
    let weights = |h: &pfm_hir::Handover| {
        let grown = if h.rows.is_empty() { String::new() } else { format!(" ({} fields of {})", h.rows.len(), model.vocabulary.len()) };
        format!("{} of {}{grown}", h.part, experiment.stages[h.stage].name)
    };
    let parts: Vec<&str> = stage.data.parts.iter().map(|d| called.data[*d].as_str()).collect();
    let data = match (&stage.data.weights, parts.as_slice()) {
        (_, [only]) => only.to_string(),
        (Weights::Equal, parts) => format!("mix([{}], weights: equal)", parts.join(", ")),
        (Weights::BySize, parts) => format!("mix([{}], weights: by_size)", parts.join(", ")),
        (Weights::Given(weights), parts) => format!("mix([{}], weights: {weights:?})", parts.join(", ")),
    };
    set("train", called.models[stage.model].clone());
    set("data", data);
    set("objective", objective.to_string());
    set("objective.units", if stage.objective.units == Units::Physical { "physical" } else { "normalised" }.into());
    set("clip", stage.clip.map_or("none".into(), number));
    set("batch", format!("{} samples", number(stage.batch as f64)));
    set("accumulate", number(stage.accumulate as f64));
    set("epoch", format!("{} batches", number(stage.epoch as f64)));
    set("run", format!("{} steps", number(stage.run as f64)));
    set("weights", or_word(stage.weights.iter().map(weights), "random"));
    if !stage.new_fields.is_empty() {
        set("new_fields", stage.new_fields.join(", "));
    }
    set("mask", stage.mask.clone().unwrap_or("none".into()));
    set("parallel", stage.parallel.to_string());
    set("precision", stage.precision.name().to_string());
    set("checkpoint", format!("{} steps", number(stage.checkpoint as f64)));
    set("allow", or_word(stage.allow.iter().cloned(), "none"));
    set("seed", stage.seed.to_string());
    instance("objective.loss", &stage.objective.loss, &mut settings);
    instance("optimiser", &stage.optimiser, &mut settings);
    match &stage.schedule {
        Some(schedule) => instance("schedule", schedule, &mut settings),
        None => {
            settings.insert("schedule".into(), "constant".into());
        }
    }
    Stage {
        key: stage.key.clone(),
        program: stage.identity.program.clone(),
        data: stage.identity.data.clone(),
        run: stage.identity.run.clone(),
        like: None,
        settings,
        trained: counts(model, |i| stage.trainable[i]),
        trained_tensors: stage.trainable.iter().filter(|t| **t).count() as u64,
        trains: modules(model, &stage.trainable),
        cost: None,
    }
}

fn or_word(items: impl Iterator<Item = String>, word: &str) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { word.to_string() } else { items.join(", ") }
}

/// The trained part of the tree in few words: modules of which all is trained, and single tensors.
fn modules(model: &pfm_hir::Model, trainable: &[bool]) -> Vec<String> {
    let mut out: Vec<String> = vec![];
    for (parameter, _) in model.parameters.iter().zip(trainable).filter(|(_, t)| **t) {
        let path = &parameter.path;
        if out.iter().any(|m| within(path, m)) {
            continue;
        }
        let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
        let whole = |prefix: &str| model.parameters.iter().zip(trainable).all(|(p, t)| *t || !within(&p.path, prefix));
        let module = ends.map(|end| &path[..end]).find(|prefix| whole(prefix)).unwrap_or(path);
        out.push(module.to_string());
    }
    out.sort();
    out
}

/// Whether a path is the module or lies in it.
fn within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn report(report: &pfm_hir::Report) -> Report {
    let mut settings = Settings::new();
    let steps: Vec<String> = report.at.iter().map(|s| number(*s as f64)).collect();
    settings.insert("over".into(), report.stage.clone());
    settings.insert("at".into(), format!("[{}]", steps.join(", ")));
    settings.insert("every".into(), report.every.map_or("none".into(), |s| format!("{} steps", number(s as f64))));
    settings.insert("metrics".into(), report.metrics.iter().map(|m| m.definition.clone()).collect::<Vec<_>>().join(", "));
    for metric in &report.metrics {
        instance(&format!("metrics.{}", metric.definition), metric, &mut settings);
    }
    let sample = match report.sample {
        SampleRule::All => "all".to_string(),
        SampleRule::Subsets { count, size } => format!("subsets(count: {count}, size: {})", number(size as f64)),
    };
    settings.insert("sample".into(), sample);
    let unroll = report.unroll.as_ref().map(|u| {
        let one = |(a, b): &(usize, usize)| if a == b { a.to_string() } else { format!("{a} .. {b}") };
        let horizons: Vec<String> = u.horizons.iter().map(one).collect();
        format!("{}(horizons: [{}], sample: {})", u.metric, horizons.join(", "), number(u.sample as f64))
    });
    settings.insert("unroll".into(), unroll.unwrap_or("none".into()));
    let plot = report.plot.as_ref().map(|p| {
        let colour = p.colour.as_ref().map(|c| format!(", colour: {c}")).unwrap_or_default();
        format!("lines(x: {}, y: {}{colour})", p.x, p.y)
    });
    settings.insert("plot".into(), plot.unwrap_or("none".into()));
    Report { key: report.key.clone(), settings }
}
