//! A user's own definitions, one of every kind, in files beside an experiment that lies outside of the repository: they are
//! found, checked and run by the program as it is.

use std::path::Path;
use std::process::Command;

const EXPERIMENT: &str = r#"pfm 1

use "parts.pfm"

experiment own {
  data gas = small_quadrants { source = generate(grid: (16, 16), trajectories: 6, frames: 14 frames) }
  tokeniser tok = pooled { width = 6 }
  tokeniser pyramid = small_pyramid { level 2 { channels = 8 } }
  processor core = still { width = 8 }
  processor wide = wider
  model net { tokeniser = tok, processor = core }
  model other { tokeniser = pyramid, processor = wide }
  stage rollout {
    train = net, data = gas, objective = next_frame(loss: huber(delta: 0.5)), optimiser = momentum(lr: 1e-2)
    schedule = halving(every: 1 epochs), batch = 2 samples, epoch = 2 batches, run = 6 steps
  }
  stage second {
    train = other, data = gas, objective = next_frame(loss: huber), optimiser = gentle, batch = 2 samples, run = 2 steps
  }
  report scores over rollout { every = 3 steps, metrics = [largest_error(power: 2)], sample = all }
}
"#;

const PARTS: &str = r#"pfm 1

use "deeper/layers.pfm"

vocabulary gas = [energy, density, pressure, momentum_x, momentum_y]

data small_quadrants = euler_multi_quadrants { datasets = [euler_multi_quadrants_openBC], context = 8 frames, window = 9 frames }

## The largest error of a frame to a power.
metric largest_error(truth: [b t *s c], pred: [b t *s c], power: number = 1) -> [b t c] = max(abs(truth - pred), over: [*s])^power

loss huber(truth: [.. c], pred: [.. c], delta: number = 1) {
  off = abs(truth - pred)
  mean(where(off < delta, off * off / 2, delta * (off - delta / 2)))
}

schedule halving(every: epochs) = 0.5^(epoch // every)

optimiser momentum(
  lr: number,
  ## What is kept of the last step.
  keep: number = 0.9,
) {
  slot last ~ zeros
  fn update(p, g, last, step, rate) {
    moved = keep * last + g
    (p - rate * moved, moved)
  }
}

optimiser gentle = adamw(lr: 1e-4) { betas = (0.8, 0.9) }

tokeniser pooled(width: int, fields: vocabulary = vocabulary(gas)) {
  block encode(x: [b t *s c]) -> [b t *s z] = x |> patches(2) |> linear(width) as encoder
  block decode(z: [b t *s c]) -> [b t *s f] = z |> linear(4 * count(fields)) as decoder |> spread(2)
}

tokeniser small_pyramid = magvit_simple {
  level 1 { channels = 4, time = 1, space = 2 }
  level 2 { channels = 6, time = 1, space = 2 }
  bottleneck = 4
  groups     = 2
  fields     = vocabulary(gas)
}

processor still(width: int) {
  block apply(x: [b t *s c]) -> [b t *s c] = x + (x |> gated as gate)
}

processor wider = still { width = 12 }
"#;

const LAYERS: &str = r#"pfm 1

block gated(x: [.. c]) -> [.. c] {
  weight : param [c] ~ ones
  x * weight * sigmoid(x |> linear(c) as map)
}

## Neighbours of every place as channels.
fn patches(x: [b t *s c], n: int) -> [b t *s (c * n^rank([*s]))] {
  for a in [*s] {
    x = x |> split_axis(a, into: [a a'], sizes: [size(x, a) // n, n])
  }
  merge_axes(x, axes: [*s' c], into: c) |> order([b t *s c])
}

fn spread(x: [b t *s c], n: int) -> [b t *s (c // n^rank([*s]))] {
  x = x |> split_axis(c, into: [*s' c], sizes: each([*s], n) + [c // n^rank([*s])])
  for a in [*s] {
    x = merge_axes(x, axes: [a a'], into: a)
  }
  order(x, [b t *s c])
}
"#;

fn pfmc(folder: &Path, args: &[&str]) -> (bool, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_pfmc")).args(args).current_dir(folder).output().expect("pfmc runs");
    (out.status.success(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

#[test]
fn definitions_of_every_kind_come_from_files_beside_the_experiment() {
    let place = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(place.path().join("deeper")).expect("a folder");
    for (name, text) in [("own.pfm", EXPERIMENT), ("parts.pfm", PARTS), ("deeper/layers.pfm", LAYERS)] {
        std::fs::write(place.path().join(name), text).expect("writable");
    }
    let (done, said) = pfmc(place.path(), &["check", "own.pfm"]);
    assert!(done && said.contains("no errors") && !said.contains("warning"), "{said}");
    let (done, said) = pfmc(place.path(), &["run", "own.pfm"]);
    assert!(done, "{said}");
    let metrics = std::fs::read_to_string(place.path().join("runs/own/latest/metrics.json")).expect("results");
    let metrics: serde_json::Value = serde_json::from_str(&metrics).expect("JSON");
    let value = metrics["results"]["largest_error"].as_f64().unwrap_or_else(|| panic!("{metrics}"));
    assert!(value.is_finite() && value > 0.0, "{value}");
}
