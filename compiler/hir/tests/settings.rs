//! Every setting that an experiment can have changes what it is meant to change: the program, the data plan, the way of running or
//! a report. The settings are enumerated from the language and from the definitions that the experiment uses, so that a new one
//! fails here until it says what it changes. What has no meaning (comments, layout, order, names) changes nothing.

mod support;

use pfm_hir::{EXPERIMENT, Experiment, Kind, ProfileChoice, Request};
use pfm_syntax::ast::{Body, DefinitionKind, Statement};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use support::Case;

/// Blocks beside those of the in-domain experiment, on which settings can be changed alone.
const BESIDE: &str = r"
  data more = euler_multi_quadrants { normalise = rms(per: [sample, field], floor: 1e-6) }
  tokeniser small = magvit_simple { level 1 { channels = 8 }, bottleneck = 16, fields = vocabulary(well_61) }
  tokeniser wide  = magvit_simple { level 1 { channels = 16 }, bottleneck = 16, fields = vocabulary(well_61) }
  processor thin  = walrus { width = 16, heads = 2, blocks = 1 }
  processor deep  = walrus { width = 16, heads = 2, blocks = 2 }
  model plain { tokeniser = small, processor = thin }
  model other { tokeniser = small, processor = deep }
  stage again { train = small, data = more, objective = reconstruct(loss: mse), optimiser = adamw(lr: 1e-3), batch = 4 samples, run = 10 steps }
  stage free {
    train = plain, data = euler, objective = next_frame(loss: mae), optimiser = adamw(lr: 1e-3), batch = 4 samples, run = 10 steps
  }
  grid rates over free { optimiser.lr = [1e-3, 2e-3] }
  report rates { metrics = [vrmse] }
";

/// What a change of a setting changes: program (P), data plan (D), run (N), report (R).
const CHANGES: &[(&str, &str, &str)] = &[
    ("seed", "7", "PD"),
    ("data.window", "more.window = 11 frames", "D"),
    ("data.context", "more.context = 8 frames", "D"),
    ("data.normalise", "more.normalise = rms(per: [sample, field], floor: 1e-5)", "D"),
    ("data.source", "more.source = generate(grid: (512, 512), trajectories: 5)", "D"),
    ("data.trajectories", "more.trajectories = 7", "D"),
    ("data.datasets", "more.datasets = [euler_multi_quadrants_openBC]", "D"),
    ("data.fields", "more.fields = [density, energy, pressure, momentum: vector]", "D"),
    ("data.grid", "more.grid = (256, 256)", "D"),
    ("data.frames", "more.frames = 50 frames", "D"),
    ("model.tokeniser", "plain.tokeniser = wide", "P"),
    ("model.processor", "plain.processor = deep", "P"),
    ("model.link", "plain.link = none", "P"),
    ("stage.train", "free.train = other", "P"),
    ("stage.data", "again.data = euler", "D"),
    ("stage.objective", "free.objective = next_frame(loss: mse)", "P"),
    ("stage.objective.units", "free.objective = next_frame(loss: mae, units: physical)", "P"),
    ("stage.optimiser", "free.optimiser = soap(lr: 1e-3)", "P"),
    ("stage.schedule", "free.schedule = inverse_sqrt(warmup: 1 epochs, cooldown: 1 epochs, over: 9 epochs)", "P"),
    ("stage.clip", "free.clip = 2.0", "P"),
    ("stage.batch", "free.batch = 8 samples", "PD"),
    ("stage.accumulate", "free.accumulate = 2", "P"),
    ("stage.epoch", "rollout.epoch = 2_000 batches", "P"),
    ("stage.run", "rollout.run = 30_000 steps", "PD"),
    ("stage.weights", "rollout.weights = random", "P"),
    ("stage.new_fields", "rollout.new_fields = [salinity]", "P"),
    ("stage.mask", "rollout.mask = none", "P"),
    ("stage.precision", "rollout.precision = bf16", "P"),
    ("stage.parallel", "free.parallel = ddp", "N"),
    ("stage.parallel.devices", "free.parallel = ddp(devices: 2)", "N"),
    ("stage.checkpoint", "free.checkpoint = 3 steps", "N"),
    ("stage.allow", "free.allow = frozen_random", "N"),
    ("stage.seed", "free.seed = 1", "PD"),
    ("report.at", "table5.at = [10_500 steps]", "R"),
    ("report.every", "table5.every = 2_000 steps", "R"),
    ("report.metrics", "table5.metrics = [vrmse]", "R"),
    ("report.sample", "table5.sample = all", "R"),
    ("report.unroll", "table5.unroll = none", "R"),
    ("report.plot", "rates.plot = lines(x: optimiser.lr, y: vrmse)", "R"),
    ("report.unroll.horizons", "table5.unroll.horizons = [1, 2]", "R"),
    ("report.unroll.sample", "table5.unroll.sample = 16", "R"),
    ("magvit_simple.levels.channels", "small.level.1.channels = 24", "P"),
    ("magvit_simple.levels.time", "small.level.1.time = 2", "P"),
    ("magvit_simple.levels.space", "small.level.1.space = {2, 4} eval 2", "P"),
    ("magvit_simple.bottleneck", "small.bottleneck = 12", "P"),
    ("magvit_simple.fields", "small.fields = vocabulary([energy, density, pressure, momentum_x, momentum_y])", "P"),
    ("magvit_simple.groups", "small.groups = 4", "P"),
    ("magvit_simple.res_per_level", "small.res_per_level = 2", "P"),
    ("magvit_simple.res_bias", "small.res_bias = true", "P"),
    ("magvit_simple.kernel_resize", "small.kernel_resize = linear", "P"),
    ("magvit_simple.time_phase", "small.time_phase = last", "P"),
    ("walrus.width", "core.width = 544", "P"),
    ("walrus.heads", "core.heads = 8", "P"),
    ("walrus.blocks", "core.blocks = 5", "P"),
    ("walrus.drop_path", "core.drop_path = 0 .. 0.1", "P"),
    ("walrus.order", "core.order = time_space", "P"),
    ("walrus.expand", "core.expand = 2", "P"),
    ("walrus.buckets", "core.buckets = 16", "P"),
    ("walrus.max_frequency", "core.max_frequency = 128", "P"),
    ("soap.lr", "pretrain.optimiser.lr = 1e-4", "P"),
    ("soap.betas", "pretrain.optimiser.betas = (0.9, 0.95)", "P"),
    ("soap.weight_decay", "pretrain.optimiser.weight_decay = 0.1", "P"),
    ("soap.eps", "pretrain.optimiser.eps = 1e-6", "P"),
    ("soap.frequency", "pretrain.optimiser.frequency = 5", "P"),
    ("soap.max_precond_dim", "pretrain.optimiser.max_precond_dim = 512", "P"),
    ("adamw.lr", "rollout.optimiser.lr = 1e-4", "P"),
    ("adamw.betas", "rollout.optimiser.betas = (0.9, 0.95)", "P"),
    ("adamw.weight_decay", "rollout.optimiser.weight_decay = 0.1", "P"),
    ("adamw.eps", "rollout.optimiser.eps = 1e-6", "P"),
    ("inverse_sqrt.warmup", "rollout.schedule.warmup = 5 epochs", "P"),
    ("inverse_sqrt.cooldown", "rollout.schedule.cooldown = 5 epochs", "P"),
    ("inverse_sqrt.over", "rollout.schedule.over = 90 epochs", "P"),
    ("inverse_sqrt.start", "rollout.schedule.start = 0.2", "P"),
    ("inverse_sqrt.offset", "rollout.schedule.offset = 64", "P"),
    ("neps.bands", "table5.metrics = [vrmse, neps(bands: 4)]", "R"),
];

fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/indomain.pfm");
    let text = fs::read_to_string(path).expect("the experiment is in the repository");
    text.replacen("  report table5 {", &format!("{BESIDE}\n  report table5 {{"), 1)
}

/// The experiment as written, with some settings of the command line.
fn resolve(text: &str, sets: &[&str]) -> Result<Experiment, String> {
    let mut case = Case::new("indomain.pfm", text);
    let mut request = Request { profile: ProfileChoice::AsWritten, ..Request::default() };
    for set in sets {
        let (path, value) = set.split_once(" = ").unwrap_or(("seed", set));
        let (value, _) = pfm_syntax::parse_expr(case.sources.add("--set", value), value);
        request.sets.push((path.to_string(), value.expect("a value")));
    }
    let (experiment, diagnostics) = case.resolve(&request);
    let errors: Vec<_> = diagnostics.into_iter().filter(|d| d.code.starts_with('E')).collect();
    experiment.filter(|_| errors.is_empty()).ok_or_else(|| case.render(&errors))
}

/// Hashes of each aspect, by the stage or report that has it.
fn hashes(experiment: &Experiment) -> BTreeMap<char, Vec<String>> {
    let main = || experiment.cells[0].stages.iter().map(|s| &experiment.stages[*s].identity);
    BTreeMap::from([
        ('P', main().map(|i| i.program.clone()).collect()),
        ('D', main().map(|i| i.data.clone()).collect()),
        ('N', main().map(|i| i.run.clone()).collect()),
        ('R', experiment.reports.iter().map(|r| r.key.clone()).collect()),
    ])
}

/// Every setting of the language, and every parameter of a definition that the experiment uses.
fn all(experiment: &Experiment) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = EXPERIMENT.iter().map(|s| s.name.to_string()).collect();
    for kind in Kind::ALL {
        all.extend(kind.settings().iter().map(|s| format!("{}.{}", kind.word(), s.name)));
    }
    let library = support::standard();
    let facts = library.iter().find(|d| d.kind == DefinitionKind::Data && d.name.text == "euler_multi_quadrants").expect("it is there");
    let Body::Settings(facts) = &facts.body else { panic!("data states facts") };
    all.extend(facts.iter().map(|s| match s {
        Statement::Setting(setting) => format!("data.{}", setting.path.text()),
        _ => panic!("data states facts"),
    }));
    let parts = experiment.models.iter().flat_map(|m| [Some(&m.tokeniser), m.processor.as_ref()]).flatten().map(|p| &p.instance);
    let stages = experiment.stages.iter().flat_map(|s| [Some(&s.optimiser), s.schedule.as_ref(), Some(&s.objective.loss)]).flatten();
    let reports = experiment.reports.iter().flat_map(|r| r.metrics.iter().chain(r.unroll.iter().map(|u| &u.metric)));
    for instance in parts.chain(stages).chain(reports) {
        for (name, value) in &instance.settings {
            let path = format!("{}.{name}", instance.definition);
            match value {
                pfm_elaborate::Setting::List(items) => {
                    let Some(pfm_elaborate::Setting::Record(fields)) = items.first() else { panic!("{path} is a list of something") };
                    all.extend(fields.iter().map(|(field, _)| format!("{path}.{field}")));
                }
                _ => {
                    all.insert(path);
                }
            }
        }
    }
    all
}

#[test]
fn every_setting_changes_what_it_should() {
    let before = resolve(&text(), &[]).unwrap_or_else(|said| panic!("{said}"));
    let known: BTreeSet<String> = CHANGES.iter().map(|c| c.0).map(String::from).collect();
    let untold: Vec<_> = all(&before).into_iter().filter(|s| !known.contains(s)).collect();
    assert!(untold.is_empty(), "say in CHANGES what these change: {untold:?}");
    let hashes_before = hashes(&before);
    let mut wrong = vec![];
    for (name, set, expected) in CHANGES {
        let after = match resolve(&text(), &[set]) {
            Ok(after) => hashes(&after),
            Err(said) => {
                wrong.push(format!("{name}: {said}"));
                continue;
            }
        };
        let changed: String = "PDNR".chars().filter(|aspect| after[aspect] != hashes_before[aspect]).collect();
        if changed != *expected {
            wrong.push(format!("{name} changes {changed:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The text with its blocks in the other order, comments and blank lines everywhere.
fn rewritten(text: &str) -> String {
    let parsed = pfm_syntax::parse(pfm_diag::FileId(0), text);
    let experiment = &parsed.file.experiments[0];
    let span = |s: &Statement| match s {
        Statement::Block(b) => b.span,
        Statement::Setting(s) => s.span,
        Statement::Expect(e) => e.span,
        _ => panic!("not in an experiment"),
    };
    let mut body: Vec<String> = experiment.body.iter().map(span).map(|s| text[s.start as usize..s.end as usize].to_string()).collect();
    body.reverse();
    let start = experiment.body.first().map(span).expect("a statement").start as usize;
    let body: String = body.iter().map(|s| format!("\n\n# why {}\n{}  # here", s.len(), s.replace('\n', "\n\n"))).collect();
    format!("{}{body}\n}}\n", &text[..start])
}

#[test]
fn comments_layout_order_and_names_change_nothing() {
    let before = resolve(&text(), &[]).unwrap_or_else(|said| panic!("{said}"));
    let sorted = |e: &Experiment| -> Vec<(String, String)> {
        let mut all: Vec<_> = e.stages.iter().map(|s| (s.key.clone(), s.identity.run.clone())).collect();
        all.extend(e.reports.iter().map(|r| (r.key.clone(), String::new())));
        all.sort();
        all
    };
    let names = ["mostly_frozen", "scratch", "in_domain", "trainable", "frozen", "euler", "net", "indomain"];
    let mut renamed = text();
    for name in names {
        // Names, and not the words of the language that contain or equal them.
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let mut out = String::new();
        let mut rest = renamed.as_str();
        while let Some(at) = rest.find(name) {
            let (head, tail) = rest.split_at(at);
            let after = &tail[name.len()..];
            let whole = !head.ends_with(word) && !after.starts_with(word) && !after.starts_with('(');
            out.push_str(head);
            out.push_str(&if whole { format!("{name}_2") } else { name.to_string() });
            rest = after;
        }
        out.push_str(rest);
        renamed = out;
    }
    assert!(renamed.contains("mask mostly_frozen_2 {") && renamed.contains("[scratch_2: random"), "{renamed}");
    for text in [rewritten(&text()), renamed] {
        let after = resolve(&text, &[]).unwrap_or_else(|said| panic!("{said}\n{text}"));
        assert_eq!(sorted(&before), sorted(&after), "{text}");
    }
}

#[test]
fn every_default_shows_where_it_stands() {
    let experiment = resolve(&text(), &[]).unwrap_or_else(|said| panic!("{said}"));
    for origin in &experiment.origins {
        let (_, line) = origin.origin.rsplit_once(':').unwrap_or_else(|| panic!("{} comes from {}", origin.path, origin.origin));
        assert!(line.parse::<u32>().is_ok_and(|n| n > 0), "{} comes from {}", origin.path, origin.origin);
    }
    let origin = |path: &str| experiment.origins.iter().find(|o| o.path == path).map(|o| (o.value.as_str(), o.origin.as_str()));
    // Each parameter of each definition that the experiment uses has a row; those that it does not write name the line of the library.
    let library = support::standard();
    let mut shown = 0;
    let used = [
        (DefinitionKind::Tokeniser, "magvit_simple", "tok"),
        (DefinitionKind::Processor, "walrus", "core"),
        (DefinitionKind::Optimiser, "soap", "pretrain.optimiser"),
        (DefinitionKind::Optimiser, "adamw", "free.optimiser"),
        (DefinitionKind::Schedule, "inverse_sqrt", "rollout.schedule"),
        (DefinitionKind::Metric, "vrmse", "table5.metrics.vrmse"),
        (DefinitionKind::Metric, "neps", "table5.metrics.neps"),
    ];
    for (kind, name, path) in used {
        let definition = library.iter().find(|d| d.kind == kind && d.name.text == name).expect("it is there");
        let is_tensor = |p: &&pfm_syntax::ast::Parameter| matches!(p.ty, Some(pfm_syntax::ast::TypeExpr::Tensor(..)));
        for parameter in definition.params.iter().filter(|p| !is_tensor(p) && p.name.text != "levels") {
            let row = format!("{path}.{}", parameter.name.text);
            let (_, from) = origin(&row).unwrap_or_else(|| panic!("{row} is not shown"));
            shown += usize::from(from.starts_with("std/"));
        }
    }
    assert!(shown >= 12, "{shown} defaults of the library are shown");
    assert_eq!(origin("small.level.1.time").map(|o| o.0), Some("1"));
    assert!(origin("small.level.1.space").is_some_and(|o| o.1.starts_with("std/tokenisers/magvit_simple.pfm:")));
    // Settings of the language name the line that declares them.
    let schema = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema.rs")).expect("the table of settings");
    for (path, origin) in
        experiment.origins.iter().filter_map(|o| Some((&o.path, o.origin.strip_prefix("language, compiler/hir/src/schema.rs:")?)))
    {
        let line = schema.lines().nth(origin.parse::<usize>().expect("a line") - 1).unwrap_or_default();
        let name = path.rsplit('.').next().unwrap_or_default();
        assert!(line.contains(&format!("\"{name}\"")), "{path} stands in line {origin}: {line}");
    }
}
