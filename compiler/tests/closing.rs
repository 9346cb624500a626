//! Files of cells: each resolves alone to the same work as its cell in the file that it comes from, and keeps what was said there.

use pfm_compiler::{Alone, Checked, Request, World, check};
use std::path::Path;

/// A folder of texts.
struct Folder(Vec<(&'static str, &'static str)>);

impl World for Folder {
    fn read(&self, path: &str) -> Result<String, String> {
        let found = self.0.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| text.to_string()).ok_or_else(|| "no such file".to_string())
    }
}

fn resolved(text: &str, request: &Request, world: &dyn World) -> Checked {
    let checked = check("a.pfm", text, request, world);
    let said: Vec<String> = checked.diagnostics.iter().map(|d| pfm_diag::short(d, &checked.sources)).collect();
    assert!(said.is_empty(), "{}\n{text}", said.join("\n"));
    checked
}

/// Names and keys of a cell's stages.
fn work(checked: &Checked, cell: usize) -> Vec<(String, String)> {
    let experiment = checked.experiment.as_ref().expect("it resolved");
    experiment.cells[cell].stages.iter().map(|s| &experiment.stages[*s]).map(|s| (s.name.clone(), s.key.clone())).collect()
}

/// Every cell of the file, closed, after the checks that all must pass.
fn cells(text: &str, request: &Request, world: &dyn World) -> Vec<String> {
    let checked = resolved(text, request, world);
    let experiment = checked.experiment.as_ref().expect("it resolved");
    let mut out = vec![];
    for (index, cell) in experiment.cells.iter().enumerate() {
        let closed = checked.closed(cell, &["A note.".to_string()]);
        assert_eq!(closed, checked.closed(cell, &["A note.".to_string()]), "expanding twice gives the same bytes");
        let alone = resolved(&closed, &Request::default(), &Alone);
        assert_eq!(work(&alone, 0), work(&checked, index), "cell {} is the same work\n{closed}", cell.name);
        let own = alone.experiment.as_ref().expect("it resolved");
        let reports = |e: &pfm_hir::Experiment| -> Vec<String> {
            let here: Vec<&str> = cell.stages.iter().map(|s| experiment.stages[*s].name.as_str()).collect();
            e.reports.iter().filter(|r| here.contains(&r.stage.as_str())).map(|r| r.key.clone()).collect()
        };
        assert_eq!(reports(own), reports(experiment), "cell {} is reported alike", cell.name);
        assert!(own.grids.is_empty() && own.cells.len() == 1 && own.profiles.is_empty());
        assert_eq!(alone.closed(&own.cells[0], &[]), closed, "a closed file is closed");
        assert_eq!(pfm_syntax::format(&closed).as_deref(), Ok(closed.as_str()), "and formatted");
        out.push(closed);
    }
    out
}

fn indomain() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/indomain.pfm");
    std::fs::read_to_string(path).expect("the experiment is in the repository")
}

fn profile(name: &str) -> Request {
    Request { profile: Some(name.to_string()), ..Request::default() }
}

#[test]
fn every_cell_of_the_study_is_a_file_under_every_profile() {
    for name in ["paper", "laptop", "study", "smoke"] {
        assert_eq!(cells(&indomain(), &profile(name), &Alone).len(), 4);
    }
}

/// The other experiments, as they are written and under the profile that they call default: the first and last cells of each grid.
#[test]
fn cells_of_every_experiment_are_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
    let mut files: Vec<_> = std::fs::read_dir(&folder).expect("experiments").map(|e| e.expect("an entry").path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "pfm") && !f.ends_with("indomain.pfm"));
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    struct Beside(std::path::PathBuf);
    impl World for Beside {
        fn read(&self, path: &str) -> Result<String, String> {
            std::fs::read_to_string(self.0.join(path)).map_err(|e| e.to_string())
        }
    }
    let mut seen = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        for request in [profile("paper"), Request::default()] {
            let checked = check("a.pfm", &text, &request, &Beside(folder.clone()));
            // Whether every experiment resolves is another test's question.
            let Some(experiment) = &checked.experiment else { continue };
            seen += 1;
            let ends = experiment.grids.iter().flat_map(|g| [g.cells.first(), g.cells.last()]).flatten().copied();
            for index in std::iter::once(0).chain(ends) {
                let cell = &experiment.cells[index];
                let closed = checked.closed(cell, &[]);
                let alone = check("a.pfm", &closed, &Request::default(), &Alone);
                // What the whole file is warned of may be so of a cell too.
                let known: Vec<&str> = checked.diagnostics.iter().map(|d| d.code).collect();
                let new: Vec<_> = alone.diagnostics.iter().filter(|d| !known.contains(&d.code)).collect();
                assert!(new.is_empty(), "{}: cell {}: {new:?}\n{closed}", file.display(), cell.name);
                assert_eq!(work(&alone, 0), work(&checked, index), "{}: cell {}\n{closed}", file.display(), cell.name);
                assert!(!closed.contains("use \"") && !closed.contains("profile "), "{closed}");
            }
        }
    }
    assert!(seen >= 6, "{seen} experiments were seen");
}

#[test]
fn comments_stay_and_what_is_not_needed_goes() {
    let files = cells(&indomain(), &profile("laptop"), &Alone);
    let [main, scratch, trainable, frozen] = files.as_slice() else { panic!("the file and three cells") };
    for file in &files {
        assert!(file.contains("## A note.\n## In-domain tokeniser pretraining"), "{file}");
        assert!(file.contains("# statistics from the context only") && file.contains("report table5 over rollout"), "{file}");
        assert!(!file.contains("grid table5") && !file.contains("profile "), "{file}");
    }
    assert!(
        !scratch.contains("stage pretrain") && !scratch.contains("mostly_frozen") && scratch.contains("weights   = random"),
        "{scratch}"
    );
    assert!(!trainable.contains("mostly_frozen") && trainable.contains("mask      = none"), "{trainable}");
    assert!(frozen.contains("freeze tok.** except"), "{frozen}");
    assert!(main.contains("max_precond_dim: 512"), "{main}");
}

#[test]
fn claims_follow_their_cell() {
    let files = cells(&indomain(), &profile("paper"), &Alone);
    let claims = |file: &str| -> Vec<String> { file.lines().filter(|l| l.contains("expect ")).map(|l| l.trim().to_string()).collect() };
    let count = "expect trainable(tok, in: rollout) == 85_119 params";
    assert_eq!(claims(&files[0]), [count]);
    assert!(claims(&files[1]).is_empty() && claims(&files[2]).is_empty(), "the count speaks of the masked stage");
    assert_eq!(claims(&files[3]), [count, "expect vrmse <= 0.162 within 10 %"]);
    assert_eq!(claims(&cells(&indomain(), &profile("laptop"), &Alone)[3]), [count], "claims of other profiles are left out");
}

#[test]
fn the_command_line_is_written_down() {
    let sets = ["seed=7", "rollout.optimiser.lr=1e-3", "tok.level.2.channels=24", "core.order=time_space", "rollout.accumulate=2"];
    let request = Request { profile: Some("smoke".into()), sets: sets.map(String::from).to_vec(), ..Request::default() };
    let text = indomain().replace("expect trainable", "# expect trainable");
    let file = &cells(&text, &request, &Alone)[0];
    for written in ["seed = 7", "lr: 1e-3", "channels = 24", "order = time_space", "accumulate = 2"] {
        assert!(file.contains(written), "{written}\n{file}");
    }
}

const BLOCKS: &str = r#"pfm 1

use std.metrics.neps

## Half of the mean squared error.
loss half(truth: [.. c], pred: [.. c]) = 0.5 * both(truth, pred)  # its own

fn both(truth, pred) = mean((truth - pred)^2)

loss unused(truth: [.. c], pred: [.. c]) = mean(truth - pred)
"#;

/// Parts amend each other, a mask is inherited, a stage copies the stage that the grid varies, and the loss is in another file.
const AMENDED: &str = r#"pfm 1

use std.well.{euler_multi_quadrants}
use std.tokenisers.magvit_simple
use std.processors.walrus
use std.metrics.{vrmse, neps}
use "blocks.pfm"

experiment amended {  # head
  data euler = euler_multi_quadrants { source = generate(grid: (32, 32), trajectories: 4) }
  tokeniser big = magvit_simple {
    level 1 { channels = 16, space = 2 }
    level 2 { channels = 16 }
    fields = vocabulary(well_61)  # all of them
  }
  # A smaller one.
  tokeniser tok = big {
    level 2.0 { channels = 8 }
    bottleneck = 6
  }
  processor core = walrus { width = 16, heads = 2, blocks = 1 }
  model net { tokeniser = tok, processor = core }
  mask heads { freeze tok.** except tok.encoder.head }
  mask less = heads { freeze core.** }

  stage first {
    train = tok, data = euler, objective = reconstruct(loss: half), optimiser = adamw(lr: 1e-3), batch = 2 samples, run = 4 steps
  }

  stage second = first {
    train     = net
    objective = next_frame(loss: mae)
    weights   = first.tok
    optimiser.weight_decay = 0.5  # more
    mask      = less
    allow     = frozen_random
  }
  stage third = second {
    weights = second
    seed    = 3
  }

  grid sweep over second {
    optimiser.lr = [low: 1e-4, high: 1e-2]
    weights      = [first: first.tok, none: random]
    mask         = [all: none, some: heads]
    skip [weights: none, mask: some]
  }

  report sweep { metrics = [vrmse] }
  report last over third { metrics = [neps(bands: 2)], every = 2 steps }
  expect sweepless < 1
  profile quick default { second.optimiser.lr = 2e-4, *.batch = 4 samples, big.groups = 4 }
}
"#;

#[test]
fn amendments_and_used_files_are_written_out() {
    let text = AMENDED.replace("level 2.0", "level 2").replace("  expect sweepless < 1\n", "");
    let files = cells(&text, &Request::default(), &Folder(vec![("blocks.pfm", BLOCKS)]));
    assert_eq!(files.len(), 1 + 2 * 3);
    for file in &files {
        assert!(file.contains("experiment amended {  # head\n"), "{file}");
        assert!(!file.contains("blocks.pfm") && !file.contains("big") && !file.contains("unused"), "{file}");
        assert!(file.contains("# A smaller one.\n  tokeniser tok = magvit_simple {") && file.contains("groups     = 4"), "{file}");
        assert!(file.contains("fields     = vocabulary(well_61)"), "{file}");
        assert_eq!(file.contains("## Half of the mean squared error.\nloss half"), file.contains("stage first"), "{file}");
        assert_eq!(file.contains("fn both"), file.contains("stage first"), "{file}");
    }
    assert!(files[0].contains("freeze core.**") && files[0].contains("freeze tok.** except tok.encoder.head"), "{}", files[0]);
    assert!(files[1].contains("adamw(lr: 1e-4, weight_decay: 0.5)"), "{}", files[1]);
}

/// A file of parts: every kind of definition is amended alike.
const PARTS: &str = r#"pfm 1

metric wide_neps = neps { bands = 5 }
metric wider_neps = wide_neps(7)
loss low_neps = scaled { factor = 0.5 }
loss scaled(truth: [.. c], pred: [.. c], factor: number = 1) = factor * mean((truth - pred)^2)
schedule gentle = inverse_sqrt { warmup = 1 epochs, cooldown = 1 epochs }
schedule gentler = gentle { over = 9 epochs, start = 0.5 }
optimiser slow = adamw { lr = 1e-5 }
block thin = mlp { expand = c // 8 }
fn halved = times { by = 0.5 }
fn times(x, by) = x * by
processor mixer(width: int) {
  block apply(x: [b t *s c]) = x + halved(x |> thin)
}
processor mixed = mixer { width = 16 }
"#;

const OF_PARTS: &str = r#"pfm 1

use std.well.euler_multi_quadrants
use std.tokenisers.magvit_simple
use "parts.pfm"

experiment parts {
  data euler = euler_multi_quadrants { source = generate(grid: (32, 32), trajectories: 4) }
  tokeniser tok = magvit_simple { level 1 { channels = 8, space = 4 }, bottleneck = 6, fields = vocabulary(well_61) }
  processor core = mixed
  model net { tokeniser = tok, processor = core }
  stage only {
    train     = net
    data      = euler
    objective = next_frame(loss: low_neps)
    optimiser = slow
    schedule  = gentle
    batch     = 2 samples
    epoch     = 2 batches
    run       = 8 steps
  }
  grid sweep over only {
    schedule      = [one: gentle, other: gentler(start: 0.25)]
    optimiser.lr  = [1e-5, 1e-4]
    objective     = [low: next_frame(loss: low_neps), high: next_frame(loss: low_neps(factor: 2))]
  }
  report sweep { metrics = [wide_neps, wider_neps] }
  expect wide_neps.2[schedule: one] < 1
  profile quick { only.optimiser.lr = 2e-5, only.schedule = gentler, sweep.metrics = [wide_neps(bands: 4), wider_neps] }
}
"#;

#[test]
fn every_kind_of_definition_is_amended_and_written_out() {
    let world = Folder(vec![("parts.pfm", PARTS)]);
    for request in [Request::default(), profile("quick")] {
        let files = cells(OF_PARTS, &request, &world);
        assert_eq!(files.len(), 1 + 2 * 2 * 2);
        for file in &files {
            for part in
                ["metric wider_neps = wide_neps(7)", "fn halved = times { by = 0.5 }", "fn times", "block thin = mlp", "loss scaled"]
            {
                assert!(file.contains(part), "{part} is needed in\n{file}");
            }
        }
    }
    let checked = resolved(OF_PARTS, &Request::default(), &world);
    let experiment = checked.experiment.as_ref().expect("it resolved");
    let stage = &experiment.stages[experiment.cells[0].stages[0]];
    assert_eq!(stage.objective.loss.to_string(), "low_neps(factor: 0.5)");
    assert_eq!(stage.optimiser.to_string(), "slow(lr: 0.00001, betas: (0.9, 0.999), weight_decay: 0.01, eps: 0.00000001)");
    let schedules: Vec<String> = experiment.stages.iter().filter_map(|s| s.schedule.as_ref()).map(ToString::to_string).collect();
    // The horizon is the run's four epochs where no amendment gives one.
    assert!(schedules.contains(&"gentle(warmup: 1, cooldown: 1, over: 4, start: 0.1, offset: 128)".to_string()), "{schedules:?}");
    assert!(schedules.contains(&"gentler(warmup: 1, cooldown: 1, over: 9, start: 0.25, offset: 128)".to_string()), "{schedules:?}");
    assert_eq!(
        experiment.reports[0].metrics.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["wide_neps(bands: 5)", "wider_neps(bands: 7)"]
    );
    let shape = |path: &str| experiment.models[stage.model].parameters.iter().find(|p| p.path == path).map(|p| p.shape.clone());
    assert_eq!(shape("core.thin.up.weight"), Some(vec![32, 16]));
    let row = |path: &str| experiment.origins.iter().find(|o| o.path == path).map(|o| (o.value.clone(), o.origin.clone()));
    assert_eq!(row("only.schedule.warmup"), Some(("1".to_string(), "parts.pfm:7".to_string())));
    assert_eq!(row("only.optimiser.lr"), Some(("0.00001".to_string(), "parts.pfm:9".to_string())));
}

#[test]
fn epochs_that_nothing_is_counted_in_go() {
    let text =
        indomain().replace("    epoch     = 2_100 batches\n    run       = 29_400 steps", "    epoch = 2_100 batches, run = 29_400 steps");
    let files = cells(&text, &profile("laptop"), &Alone);
    assert!(!files.is_empty() && files.iter().all(|text| !text.contains("epoch =")), "{files:?}");
}
