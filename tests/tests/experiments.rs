//! The experiments of the repository: each passes the check under every profile, with the cells, counts and stages that its paper
//! states. What the files claim of counts and tokens is decided by the check itself.

use pfm_compiler::{Checked, Options, Request, World, check};
use pfm_device::Pool;
use pfm_hir::{Cell, Experiment, Weights};
use pfm_train::{Device, Faults, Native, Silent, cell_work, run_cell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files as the command line reads them.
struct Disk;

impl World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|e| e.to_string())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments")
}

fn checked(path: &Path, text: &str, profile: Option<&str>) -> Checked {
    let request = Request { profile: profile.map(String::from), ..Request::default() };
    check(&path.display().to_string(), text, &request, &Disk)
}

fn resolved(name: &str, profile: Option<&str>) -> Experiment {
    let path = folder().join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let checked = checked(&path, &text, profile);
    let said: Vec<String> = checked.diagnostics.iter().map(|d| pfm_diag::terminal(d, &checked.sources, false)).collect();
    assert!(said.is_empty(), "{name} under {profile:?}:\n{}", said.join("\n"));
    checked.experiment.expect("nothing was said, so it resolves")
}

fn cells(experiment: &Experiment) -> Vec<&str> {
    experiment.cells.iter().map(|c| c.name.as_str()).collect()
}

fn cell<'e>(experiment: &'e Experiment, name: &str) -> &'e Cell {
    experiment.cells.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no cell {name} in {:?}", cells(experiment)))
}

fn stages<'e>(experiment: &'e Experiment, cell: &Cell) -> Vec<&'e str> {
    cell.stages.iter().map(|s| experiment.stages[*s].name.as_str()).collect()
}

#[test]
fn every_file_passes_as_written_and_under_its_default_profile() {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder()).expect("the folder of experiments") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        if !name.ends_with(".pfm") {
            continue;
        }
        let written = resolved(&name, Some("paper"));
        let default = resolved(&name, None);
        assert_eq!(written.profile, None, "{name}");
        assert!(default.profile.is_some(), "{name} has a default profile");
        assert!(!written.claims.is_empty() && !written.grids.is_empty(), "{name} has a grid and claims");
        seen += 1;
    }
    assert!(seen >= 7, "{seen} experiments");
}

#[test]
fn sizes_to_measure_speed_on_share_their_stages() {
    for name in ["S", "M", "L"] {
        let size = resolved(&format!("bench/{name}.pfm"), None);
        assert_eq!((size.name.as_str(), size.claims.len()), (name, 2), "two counts, which the check has found right");
        assert_eq!(stages(&size, cell(&size, "main")), ["tokeniser", "soap", "rollout"]);
        let whole = |s: &pfm_hir::Stage| s.trainable.iter().all(|t| *t) && size.models[s.model].variants.len() == 16;
        assert!(size.stages.iter().all(whole), "{name}: all is trained");
    }
}

#[test]
fn table5_has_its_five_rows_and_two_pretrainings() {
    let table5 = resolved("table5.pfm", Some("paper"));
    let rows = ["scratch-trainable", "in_domain-trainable", "in_domain-frozen", "out_of_domain-trainable", "out_of_domain-frozen"];
    assert_eq!(cells(&table5)[1..], rows);
    assert_eq!(stages(&table5, cell(&table5, "scratch-trainable")), ["rollout"]);
    assert_eq!(stages(&table5, cell(&table5, "in_domain-frozen")), ["pretrain", "rollout"]);
    assert_eq!(stages(&table5, cell(&table5, "out_of_domain-frozen")), ["pretrain_others", "rollout"]);
    assert_eq!(table5.stages.len(), 7, "two pretrainings and five rollouts, each once");
    let others = &table5.stages.iter().find(|s| s.name == "pretrain_others").expect("the stage").data;
    let names: Vec<&str> = others.parts.iter().map(|d| table5.data[*d].name.as_str()).collect();
    assert_eq!((names.as_slice(), &others.weights), (&["rayleigh_benard", "active_matter", "shear_flow"][..], &Weights::Equal));
    let channels: Vec<usize> = others.parts.iter().map(|d| table5.data[*d].fields.len()).collect();
    assert_eq!(channels, [4, 11, 4]);
    // The latent of each system in evaluation, with one set of weights.
    let tok = &table5.models[0];
    let evaluation = &tok.variants[tok.evaluation];
    let shapes: Vec<(&str, &[usize])> = evaluation.further.iter().map(|f| (f.data.as_str(), f.latent.as_slice())).collect();
    assert_eq!(evaluation.latent, [3, 64, 64, 18]);
    assert_eq!(shapes, [("rayleigh_benard", &[3, 64, 16, 18][..]), ("active_matter", &[3, 32, 32, 18]), ("shear_flow", &[3, 32, 64, 18])]);
}

#[test]
fn data_of_the_well_has_its_fields_in_the_order_of_the_files() {
    let table5 = resolved("table5.pfm", Some("paper"));
    let data = |name: &str| table5.data.iter().find(|d| d.name == name).expect("the data");
    assert_eq!(data("rayleigh_benard").fields, ["buoyancy", "pressure", "velocity_x", "velocity_y"]);
    assert_eq!(data("shear_flow").fields, ["tracer", "pressure", "velocity_x", "velocity_y"]);
    let active = "concentration velocity_x velocity_y D_xx D_xy D_yx D_yy E_xx E_xy E_yx E_yy";
    assert_eq!(data("active_matter").fields, active.split(' ').collect::<Vec<_>>());
    let sizes = |name: &str| (data(name).grid.clone(), data(name).frames);
    assert_eq!(sizes("rayleigh_benard"), (vec![512, 128], 200));
    assert_eq!(sizes("shear_flow"), (vec![256, 512], 200));
    assert_eq!(sizes("active_matter"), (vec![256, 256], 81));
    // The union of the four systems is 18 channels, each with a row of its own among the 61.
    let mut all: Vec<&String> = table5.data.iter().flat_map(|d| &d.fields).collect();
    all.sort();
    all.dedup();
    let vocabulary = &table5.models[0].vocabulary;
    assert_eq!((all.len(), vocabulary.len()), (18, 61));
    assert!(all.iter().all(|f| vocabulary.iter().filter(|v| v == f).count() == 1));
    let shared: Vec<&String> = data("euler").fields.iter().filter(|f| data("shear_flow").fields.contains(f)).collect();
    assert_eq!(shared, ["pressure"], "all that Euler shares with the others");
}

#[test]
fn freezing_amends_the_experiment_of_another_file() {
    let freezing = resolved("freezing.pfm", Some("paper"));
    assert_eq!(cells(&freezing), ["main", "trainable", "frozen"]);
    let base = resolved("indomain.pfm", Some("paper"));
    let key = |e: &Experiment, name: &str| e.stages.iter().find(|s| s.name == name).expect("the stage").key.clone();
    assert_eq!(key(&freezing, "pretrain"), key(&base, "pretrain"), "the pretraining of Table 5 is the same work");
    assert_ne!(key(&freezing, "rollout"), key(&base, "rollout"));
    assert!(freezing.stages.iter().filter(|s| s.name == "rollout").all(|s| s.run == 210_000));
    assert_eq!(resolved("freezing.pfm", None).profile.as_deref(), Some("laptop"), "profiles come with the base");
}

#[test]
fn grids_reach_into_the_data_of_a_stage() {
    let thermals = resolved("matey_thermals.pfm", Some("paper"));
    assert_eq!(thermals.grids[0].cells.len(), 36);
    let used = |name: &str| {
        let stage = &thermals.stages[*cell(&thermals, name).stages.last().expect("a stage")];
        thermals.data[stage.data.parts[0]].trajectories
    };
    assert_eq!((used("pretrained-prepost-1"), used("init-all-96")), (Some(1), Some(96)));
    let pretrainings: Vec<_> = thermals.stages.iter().filter(|s| s.name == "pretrain").collect();
    assert_eq!(pretrainings.len(), 1, "one pretraining for all cells");
    assert!(thermals.models.iter().filter(|m| m.adaptive.is_some()).count() == 2, "the adapted tokeniser and its model");
    assert_eq!(thermals.reports[0].plot.as_ref().map(|p| p.x.as_str()), Some("data.trajectories"));
}

/// MATEY's parts on data that is made here: uniform patches with each processor, and patches of which every one is split.
const PATCHES: &str = "pfm 1

use std.well.euler_multi_quadrants_open
use std.tokenisers.{patch, adaptive_patch}
use std.processors.{avit, svit, vit_all2all}
use std.metrics.nrmse

experiment patches {
  data air = euler_multi_quadrants_open {
    window = 5 frames, context = 4 frames, normalise = standard(per: [sample, field], floor: 1e-4)
    source = generate(grid: (32, 32), trajectories: 4, frames: 8 frames), trajectories = 1
  }
  tokeniser even = patch { width = 16, kernels = (2, 2, 2), fields = vocabulary(well_61) }
  tokeniser split = adaptive_patch { width = 16, coarse = (4, 2, 2), fine = (2, 2, 1), fields = vocabulary(well_61) }
  tokeniser mixed = split { scheme = mixed }
  tokeniser some = mixed { refine = 0.4 }
  tokeniser small = even { kernels = (2, 2, 1) }
  processor axial = avit { width = 16, heads = 2, blocks = 1, start = 0.1 }
  processor parts = svit { width = 16, heads = 2, blocks = 1, start = 0.1 }
  processor full  = vit_all2all { width = 16, heads = 2, blocks = 1, start = 0.1 }
  model a { tokeniser = even, processor = axial, link = none }
  model s { tokeniser = even, processor = parts, link = none }
  model f { tokeniser = even, processor = full, link = none }
  model m { tokeniser = split, processor = full, link = none }
  model w { tokeniser = mixed, processor = full, link = none }
  model p { tokeniser = some, processor = parts, link = none }
  stage fit {
    train = a, data = air, objective = next_frame(loss: nmse, units: physical), optimiser = adamw(lr: 1e-2)
    schedule = cosine(warmup: 2 steps), batch = 2 samples, run = 40 steps
  }
  grid kinds over fit { train = [axial: a, parts: s, full: f, split: m, mixed: w] }
  report kinds { metrics = [nrmse], sample = all }
  expect tokens(even) == 64
  expect tokens(split) == 272
  expect tokens(mixed) == 256
  expect tokens(some) == 256
  expect parameters(mixed) == parameters(small)
  expect parameters(some) == parameters(split)
  expect parameters(p) > parameters(some)
}
";

#[test]
fn patches_and_their_processors_train() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let checked = checked(Path::new("patches.pfm"), PATCHES, None);
    let said: Vec<String> = checked.diagnostics.iter().map(|d| pfm_diag::terminal(d, &checked.sources, false)).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    let experiment = Arc::new(checked.experiment.expect("it resolves"));
    let data = place.path().join("data");
    for set in &experiment.data {
        let specs = pfm_train::generated(set, 2).expect("a known system");
        for (spec, folder) in specs.iter().zip(pfm_train::folders(set, &data).expect("places")) {
            pfm_data::generate(spec, &folder, &mut |_, _| {}).expect("generates");
        }
    }
    let library = Arc::new(checked.library);
    let mut native = Native {
        experiment: experiment.clone(),
        library,
        data,
        pool: Arc::new(Pool::new(2)),
        options: Options::default(),
        device: Device::Cpu,
    };
    for &index in &experiment.grids[0].cells {
        let work = cell_work(&experiment, &experiment.cells[index]);
        let result = run_cell(&work, place.path(), &mut native, &Faults::none(), &mut Silent).expect("runs");
        let events = pfm_train::read_events(&result.directory.join(pfm_train::EVENTS_FILE)).expect("reads");
        let losses: Vec<f64> = events.iter().filter(|e| e.name == "loss").filter_map(|e| e.value).collect();
        let mean = |l: &[f64]| l.iter().sum::<f64>() / l.len() as f64;
        assert_eq!(losses.len(), 40);
        // Many fine patches learn slower.
        let fallen = if work.cell.contains("mixed") { 0.8 } else { 0.6 };
        assert!(mean(&losses[35..]) < fallen * mean(&losses[..5]), "{}: {losses:?}", work.cell);
        let nrmse = result.metrics.results["nrmse"].expect("a value");
        assert!(nrmse > 0.0 && nrmse < 1.5, "{}: {nrmse}", work.cell);
    }
}
