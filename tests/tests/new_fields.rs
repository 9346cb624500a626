//! A stage that adds fields to the vocabulary: of the weights that it takes, the rows of known fields come bit for bit from the earlier
//! stage, the new ones start as they are drawn and are trained. Through the compiler, the CPU back end and checkpoints on disk.

use pfm_compiler::{Alone, Options, Request, check};
use pfm_device::Pool;
use pfm_train::{Checkpoints, Device, Faults, Native, Places, Provider, Silent, Store, cell_work, run_cell};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const EXPERIMENT: &str = r#"pfm 1

use std.well.euler_multi_quadrants
use std.tokenisers.USED
use std.processors.svit

experiment growing {
  data first = euler_multi_quadrants {
    fields = [energy, density], window = 4 frames, context = 3 frames
    source = generate(grid: (16, 16), trajectories: 8, frames: 6 frames)
  }
  data second = first { fields = [density, pressure, momentum: vector] }
  tokeniser tok = TOKENISER
  processor core = svit { width = 16, heads = 2, blocks = 1 }
  model net { tokeniser = tok, processor = core }
  mask outside { freeze core.** }

  stage pretrain {
    train = net, data = first, objective = next_frame(loss: mse), optimiser = adamw(lr: 1e-2, weight_decay: 0), batch = 2 samples
    run = 2 steps
  }
  stage finetune = pretrain {
    data       = second
    weights    = pretrain.net
    new_fields = [momentum_x, pressure, momentum_y]
    mask       = outside
  }
}
"#;

const TOKENISERS: [(&str, usize); 2] = [
    ("patch { width = 16, fields = vocabulary([energy, density]), kernels = (2, 2, 2) }", 3),
    ("magvit_simple { level 1 { channels = 8, space = 4 }, bottleneck = 4, fields = vocabulary([energy, density]) }", 2),
];

type Tensors = BTreeMap<String, (Vec<usize>, Vec<u32>)>;

/// Bits of the parameters of a stage's checkpoint.
fn saved(checkpoints: &Checkpoints, step: u64) -> Tensors {
    let bytes = std::fs::read(checkpoints.path(step).join("parameters.safetensors")).expect("a checkpoint");
    let read = SafeTensors::deserialize(&bytes).expect("safetensors");
    let bits = |data: &[u8]| data.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().expect("four"))).collect();
    read.iter().map(|(name, view)| (name.to_string(), (view.shape().to_vec(), bits(view.data())))).collect()
}

fn held(store: &Store, names: &Tensors) -> Tensors {
    let entry = |name: &String| store.entries().iter().find(|e| e.name == *name).expect("a parameter");
    let bits = |e: &pfm_train::Entry| (e.shape.clone(), e.buffer.as_f32().iter().map(|v| v.to_bits()).collect());
    names.keys().map(|name| (name.clone(), bits(entry(name)))).collect()
}

/// The entries of one field along the axis that grew from two to five.
fn row(tensor: &(Vec<usize>, Vec<u32>), axis: usize, field: usize) -> Vec<u32> {
    let (shape, values) = tensor;
    let inner: usize = shape[axis + 1..].iter().product();
    values.iter().enumerate().filter(|(i, _)| i / inner % shape[axis] == field).map(|(_, v)| *v).collect()
}

#[test]
fn known_rows_are_kept_and_new_ones_are_trained() {
    for (tokeniser, grown) in TOKENISERS {
        let place = tempfile::tempdir().expect("a temporary directory");
        grows(
            &EXPERIMENT.replace("TOKENISER", tokeniser).replace("USED", tokeniser.split(' ').next().unwrap_or_default()),
            grown,
            place.path(),
        );
    }
}

fn grows(text: &str, wanted: usize, place: &Path) {
    let checked = check("growing.pfm", text, &Request::default(), &Alone);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let experiment = Arc::new(checked.experiment.expect("it resolves"));
    let data = place.join("data");
    for set in &experiment.data {
        let folders = pfm_train::folders(set, &data).expect("folders");
        for (spec, folder) in pfm_train::generated(set, 2).expect("generated data").iter().zip(folders) {
            pfm_data::generate(spec, &folder, &mut |_, _| {}).expect("data is made");
        }
    }
    let options = Options { verify: true, ..Options::default() };
    let mut native = Native {
        experiment: experiment.clone(),
        library: Arc::new(checked.library),
        data,
        pool: Arc::new(Pool::new(2)),
        options,
        device: Device::Cpu,
    };
    let work = cell_work(&experiment, &experiment.cells[0]);
    run_cell(&work, &place.join("runs"), &mut native, &Faults::none(), &mut Silent).expect("the cell runs");

    let [pretrain, finetune] = work.stages.as_slice() else { panic!("two stages") };
    let places = Places::new(&place.join("runs"), &work.experiment);
    let checkpoints = |key: &str| Checkpoints::at(places.stage(key).join("checkpoints"));
    let before = saved(&checkpoints(&pretrain.key), pretrain.steps);
    let after = saved(&checkpoints(&finetune.key), finetune.steps);
    let (programs, _) = native.open(finetune).expect("the stage opens");
    let mut store = Store::initial(programs.as_ref());
    let drawn = held(&store, &before);
    checkpoints(&pretrain.key).hand_over(&finetune.weights[0], &mut store).expect("weights are taken");
    let start = held(&store, &before);

    let mut growing = 0;
    for (name, old) in before.iter().filter(|(name, _)| name.starts_with("tok.")) {
        let (new, drawn, trained) = (&start[name], &drawn[name], &after[name]);
        if old.0 == new.0 {
            assert_eq!(old, new, "{name} is taken whole");
            continue;
        }
        growing += 1;
        let axis = old.0.iter().zip(&new.0).position(|(a, b)| a != b).expect("an axis grew");
        assert_eq!((old.0[axis], new.0[axis]), (2, 5), "{name}");
        for field in 0..2 {
            assert_eq!(row(old, axis, field), row(new, axis, field), "{name}: field {field} comes from pretraining");
        }
        // The second data set has no energy: its row has no gradient.
        assert_eq!(row(old, axis, 0), row(trained, axis, 0), "{name}: the row of a field that is not there stays");
        assert_ne!(row(old, axis, 1), row(trained, axis, 1), "{name}: the row of a known field goes on");
        for field in 2..5 {
            assert_eq!(row(drawn, axis, field), row(new, axis, field), "{name}: field {field} starts anew");
            assert_ne!(row(drawn, axis, field), row(trained, axis, field), "{name}: field {field} is trained");
        }
    }
    assert!(growing >= wanted, "{growing} tensors have rows of fields");
    let frozen = |tensors: &Tensors| -> Tensors {
        tensors.iter().filter(|(n, _)| n.starts_with("core.")).map(|(n, t)| (n.clone(), t.clone())).collect()
    };
    assert_eq!(frozen(&before), frozen(&after), "the mask holds for the grown model");
}
