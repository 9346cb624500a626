//! Definitions that stand in files beside the experiment.

use pfm_compiler::{Checked, Request, World, check};
use std::collections::BTreeMap;

/// Files by path.
struct Folder(BTreeMap<&'static str, &'static str>);

impl World for Folder {
    fn read(&self, path: &str) -> Result<String, String> {
        self.0.get(path).map(|text| text.to_string()).ok_or_else(|| "no such file".to_string())
    }
}

const EXPERIMENT: &str = r#"pfm 1

use "parts/still.pfm"
use std.well.euler_multi_quadrants
use std.tokenisers.magvit_simple

experiment small {
  data euler = euler_multi_quadrants { source = generate(grid: (32, 32), trajectories: 4) }
  tokeniser tok = magvit_simple { level 1 { channels = 8 }, fields = vocabulary([energy, density, pressure, momentum_x, momentum_y]) }
  processor core = still { width = 8 }
  model net { tokeniser = tok, processor = core }
  stage rollout {
    train = net, data = euler, objective = next_frame(loss: mae), optimiser = adamw(lr: 1e-3), batch = 2 samples, run = 2 steps
  }
}
"#;

const STILL: &str = r#"pfm 1

use "deeper/gate.pfm"

processor still(width: int) {
  block apply(x: [b t *s c]) -> [b t *s c] { x |> gate as gate }
}
"#;

const GATE: &str = r#"pfm 1

use "../still.pfm"

block gate(x: [.. c]) -> [.. c] {
  weight : param [c] ~ ones
  x * weight
}
"#;

fn checked(files: &[(&'static str, &'static str)]) -> Checked {
    check("exp/small.pfm", EXPERIMENT, &Request::default(), &Folder(files.iter().copied().collect()))
}

#[test]
fn definitions_come_from_files_used_by_files() {
    let checked = checked(&[("exp/parts/still.pfm", STILL), ("exp/parts/deeper/gate.pfm", GATE)]);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let experiment = checked.experiment.expect("it resolves");
    assert!(experiment.models[1].parameters.iter().any(|p| p.path == "core.gate.weight"));
}

#[test]
fn a_file_that_is_not_there_is_named_where_it_is_used() {
    let checked = checked(&[("exp/parts/still.pfm", STILL)]);
    let found: Vec<_> = checked.diagnostics.iter().filter(|d| d.code == "E0105").collect();
    assert_eq!(found.len(), 1, "{:?}", checked.diagnostics);
    let place = found[0].primary.as_ref().expect("a place").span;
    assert_eq!(checked.sources.file(place.file).name, "exp/parts/still.pfm");
    assert!(found[0].message.contains("exp/parts/deeper/gate.pfm"));
}
