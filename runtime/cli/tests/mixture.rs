//! A stage that trains on two data sets with other fields, grids and lengths: it learns from both, reports each and their mean, and
//! ends with the same bytes after kills.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

const TEXT: &str = "pfm 1

use std.well.{euler_multi_quadrants_open, euler_multi_quadrants_periodic}
use std.tokenisers.magvit_simple
use std.processors.walrus
use std.metrics.{vrmse, neps}

experiment mixed {
  data closed = euler_multi_quadrants_periodic {
    fields = [density, momentum: vector]
    source = generate(grid: (32, 16), trajectories: 4, frames: 13 frames)
  }
  data open = euler_multi_quadrants_open { source = generate(grid: (16, 16), trajectories: 4, frames: 10 frames) }
  data both = mix([open, closed], weights: [1, 2]) { window = 6 frames, context = 5 frames }
  tokeniser tok = magvit_simple {
    level 1 { channels = 8, time = {1, 2} eval 2, space = {2, 4} eval 2 }
    bottleneck = 6
    fields     = vocabulary(well_61)
  }
  processor core = walrus { width = 16, heads = 2, blocks = 1 }
  model net { tokeniser = tok, processor = core }
  stage pretrain {
    train = tok, data = both, objective = reconstruct(loss: mse), optimiser = adamw(lr: 1e-3), batch = 2 samples, run = 5 steps
    checkpoint = 2 steps
  }
  stage rollout {
    train = net, data = both, weights = pretrain.tok, objective = next_frame(loss: mae), optimiser = adamw(lr: 1e-3)
    batch = 2 samples, run = 9 steps, checkpoint = 2 steps
  }
  report rollout {
    every = 3 steps, metrics = [vrmse, neps(bands: 3)], sample = subsets(count: 2, size: 2)
    unroll = vrmse(horizons: [1, 2 .. 3], sample: 2)
  }
}
";

fn command(place: &Path, runs: &str) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_pfmc"));
    c.arg("run").arg(place.join("mixed.pfm")).arg("--runs").arg(place.join(runs)).arg("--data").arg(place.join("data"));
    c.env_remove("PFMC_FAULT").stdout(Stdio::null()).stderr(Stdio::null());
    c
}

/// Weights and metrics of a run, by their path.
fn outcome(runs: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![runs.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the run") {
            let path = entry.expect("an entry").path();
            if path.is_symlink() {
                continue;
            }
            let name = path.strip_prefix(runs).expect("inside").display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".safetensors") || name.ends_with("metrics.json") {
                files.insert(name, std::fs::read(&path).expect("readable"));
            }
        }
    }
    files
}

#[test]
fn a_mixture_trains_reports_each_set_and_resumes_to_the_same_bytes() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let place = place.path();
    std::fs::write(place.join("mixed.pfm"), TEXT).expect("writes");
    assert!(command(place, "first").status().expect("pfmc runs").success());
    let expected = outcome(&place.join("first"));

    let metrics = expected.iter().find(|(name, _)| name.ends_with("metrics.json")).expect("metrics");
    let metrics: serde_json::Value = serde_json::from_slice(metrics.1).expect("JSON");
    let value = |name: &str| metrics["results"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {}", metrics["results"]));
    let mean = (value("open.vrmse") + value("closed.vrmse")) / 2.0;
    assert!((value("vrmse") - mean).abs() < 1e-12);
    assert_ne!(value("open.vrmse"), value("closed.vrmse"));
    assert!(value("closed.unroll.vrmse.2-3") > 0.0 && value("unroll.vrmse.1") > 0.0);
    let sets = &metrics["stages"][1]["evaluations"][2]["sets"];
    assert_eq!((sets[0]["name"].as_str(), sets[1]["name"].as_str()), (Some("open"), Some("closed")));
    assert_eq!(sets[0]["whole"]["model"][0]["by_field"].as_array().map(Vec::len), Some(5));
    assert_eq!(sets[1]["whole"]["model"][0]["by_field"].as_array().map(Vec::len), Some(3));

    for (number, fault) in ["after-step:1", "after-step:4", "mid-step:8", "after-step:10", "evaluation:3"].iter().enumerate() {
        let runs = format!("killed-{number}");
        let killed = command(place, &runs).env("PFMC_FAULT", fault).status().expect("pfmc runs");
        assert!(!killed.success(), "{fault} is passed");
        assert!(command(place, &runs).status().expect("pfmc runs").success(), "{fault}: goes on");
        assert!(outcome(&place.join(&runs)) == expected, "{fault}: other bytes");
    }
}
