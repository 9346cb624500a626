//! The processors of `experiments/custom`, each defined in its experiment's file alone: they pass the check without a remark, and
//! train on generated data through the compiler and the CPU back end, every parameter with a gradient.

use pfm_compiler::{Alone, Checked, Options, Request, check};
use pfm_device::Pool;
use pfm_syntax::ast::{DefinitionKind, File};
use pfm_train::{Device, Native, Programs, Provider, Store, cell_work};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const STEPS: u64 = 3;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/custom");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).expect("the folder").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    files
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn checked(path: &Path) -> Checked {
    let request = Request { profile: Some("smoke".into()), ..Request::default() };
    let checked = check(&path.display().to_string(), &text(path), &request, &Alone);
    assert!(checked.diagnostics.is_empty(), "{}: {:?}", path.display(), checked.diagnostics);
    checked
}

fn parsed(path: &Path) -> File {
    pfm_syntax::parse(pfm_diag::FileId(0), &text(path)).file
}

#[test]
fn each_processor_is_short_and_its_own() {
    for path in files() {
        let file = parsed(&path);
        let processor = file.definitions.iter().find(|d| d.kind == DefinitionKind::Processor).expect("a processor is defined");
        let lines = text(&path)[processor.span.start as usize..processor.span.end as usize].lines().count();
        assert!(lines <= 40, "{}: {lines} lines", path.display());
        let model = &checked(&path).experiment.expect("it resolves").models[1];
        let used = model.processor.as_ref().expect("a processor").instance.definition.clone();
        assert_eq!(used, processor.name.text, "{}", path.display());
    }
}

#[test]
fn each_trains_and_every_parameter_has_a_gradient() {
    for path in files() {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let Checked { library, experiment, .. } = checked(&path);
        let experiment = Arc::new(experiment.expect("it resolves"));
        let place = tempfile::tempdir().expect("a temporary directory");
        for data in &experiment.data {
            let folders = pfm_train::folders(data, place.path()).expect("folders");
            for (spec, folder) in pfm_train::generated(data, 2).expect("generated data").iter().zip(folders) {
                pfm_data::generate(spec, &folder, &mut |_, _| {}).expect("data is made");
            }
        }
        let mut native = Native {
            experiment: experiment.clone(),
            library: Arc::new(library),
            data: place.path().to_path_buf(),
            pool: Arc::new(Pool::new(2)),
            options: Options { verify: true, ..Options::default() },
            device: Device::Cpu,
        };
        let work = cell_work(&experiment, &experiment.cells[0]);
        let stage = work.stages.last().expect("a stage");
        let (mut programs, mut samples) = native.open(stage).expect("the stage opens");
        let mut store = Store::initial(programs.as_ref());
        let layout = &stage.sets[0].layout;
        let frame = layout.grid.iter().product::<usize>() * layout.fields.len();
        let mut window = vec![0.0; stage.batch * layout.window * frame];
        for step in 0..STEPS {
            samples.batch(0, step, &mut window).expect("a batch");
            let loss = programs.accumulate(0, 0, &window, [0, stage.id as i32, step as i32, 0], &mut store).expect("runs");
            assert!(loss.is_finite() && loss > 0.0, "{name}, step {step}: loss {loss}");
            check_gradients(&name, programs.as_ref(), &store);
            let rate = programs.rate(step);
            let norm = programs.update(step + 1, rate, &mut store).expect("runs");
            assert!(norm.is_finite() && norm > 0.0, "{name}, step {step}: norm {norm}");
        }
    }
}

fn check_gradients(name: &str, programs: &dyn Programs, store: &Store) {
    let core = programs.parameters().iter().filter(|p| p.path.starts_with("core.")).count();
    assert!(core > 4, "{name}: {core} parameters");
    for p in programs.parameters() {
        assert!(p.trainable, "{name}: {} is trained", p.path);
        let gradient = store.values(&format!("grad:{}", p.path));
        assert!(gradient.iter().all(|g| g.is_finite()), "{name}: the gradient of {} is finite", p.path);
        assert!(gradient.iter().any(|g| *g != 0.0), "{name}: the gradient of {} is not zero", p.path);
    }
}
