//! Reads the directory of one cell: what the run is about, its metrics and times, its events and the fields that it kept.

use crate::ReportError;
use pfm_train::{About, CellMetrics, EVENTS_FILE, Event, StageMetrics, StageTiming, read_events, short};
use safetensors::SafeTensors;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

pub(crate) struct Run {
    /// The label of this cell in tables and legends; no two runs of a report share it.
    pub name: String,
    pub about: About,
    pub metrics: CellMetrics,
    pub timing: Vec<StageTiming>,
    pub environment: serde_json::Value,
    pub events: Vec<Event>,
    /// By stage, of stages with a report.
    pub fields: Vec<(String, Fields)>,
    /// The experiment with every setting closed, as text.
    pub closed: String,
}

/// Reads the runs and names them by their cell, with the experiment or the key where that is not enough.
pub(crate) fn read_all(directories: &[PathBuf]) -> Result<Vec<Run>, ReportError> {
    let mut runs = directories.iter().map(|d| Run::read(d)).collect::<Result<Vec<Run>, ReportError>>()?;
    let longer: [fn(&Run) -> String; 2] = [
        |r| format!("{} {}", r.metrics.experiment, r.metrics.cell),
        |r| format!("{} {} {}", r.metrics.experiment, r.metrics.cell, short(&r.metrics.key)),
    ];
    for name in longer {
        let taken: Vec<String> = runs.iter().map(|r| r.name.clone()).collect();
        for run in &mut runs {
            if taken.iter().filter(|t| **t == run.name).count() > 1 {
                run.name = name(run);
            }
        }
    }
    Ok(runs)
}

/// Truth and prediction `[windows, height, width, fields]` of the last report point.
pub(crate) struct Fields {
    pub shape: [usize; 4],
    pub truth: Vec<f32>,
    pub prediction: Vec<f32>,
}

impl Run {
    pub fn read(directory: &Path) -> Result<Run, ReportError> {
        let metrics: CellMetrics = json(&directory.join("metrics.json"))?;
        let events_file = directory.join(EVENTS_FILE);
        let events = read_events(&events_file).map_err(|e| ReportError { path: events_file, cause: e.to_string() })?;
        let mut fields = vec![];
        for stage in &metrics.stages {
            let path = directory.join("pictures").join(format!("{}.safetensors", stage.name));
            if path.exists() {
                fields.push((stage.name.clone(), Fields::read(&path)?));
            }
        }
        let closed = directory.join("experiment.pfm");
        let closed = if closed.exists() { String::from_utf8_lossy(&bytes(&closed)?).into_owned() } else { String::new() };
        Ok(Run {
            name: metrics.cell.clone(),
            closed,
            about: json(&directory.join("about.json"))?,
            timing: json(&directory.join("timing.json"))?,
            environment: json(&directory.join("env.json"))?,
            metrics,
            events,
            fields,
        })
    }

    /// The numbers of a stage by its name.
    pub fn stage(&self, name: &str) -> Option<&StageMetrics> {
        self.metrics.stages.iter().find(|s| s.name == name)
    }

    pub fn fields_of(&self, stage: &str) -> Option<&Fields> {
        self.fields.iter().find(|(name, _)| name == stage).map(|(_, f)| f)
    }
}

impl Fields {
    fn read(path: &Path) -> Result<Fields, ReportError> {
        let bytes = bytes(path)?;
        let fail = |cause: String| ReportError { path: path.to_path_buf(), cause };
        let read = SafeTensors::deserialize(&bytes).map_err(|e| fail(e.to_string()))?;
        let tensor = |name: &str| -> Result<(Vec<usize>, Vec<f32>), ReportError> {
            let view = read.tensor(name).map_err(|e| fail(e.to_string()))?;
            let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("chunks of four")));
            Ok((view.shape().to_vec(), values.collect()))
        };
        let (shape, truth) = tensor("truth")?;
        let (other, prediction) = tensor("prediction")?;
        if shape != other {
            return Err(fail(format!("truth has shape {shape:?}, the prediction {other:?}")));
        }
        let shape = shape.try_into().map_err(|_| fail("fields are [windows, height, width, fields]".into()))?;
        Ok(Fields { shape, truth, prediction })
    }

    /// One field of one window, `[height, width]`, of the truth and of the prediction.
    pub fn pair(&self, window: usize, field: usize) -> (Vec<f32>, Vec<f32>) {
        let [_, height, width, fields] = self.shape;
        let size = height * width * fields;
        let take = |all: &[f32]| all[window * size..(window + 1) * size].iter().skip(field).step_by(fields).copied().collect();
        (take(&self.truth), take(&self.prediction))
    }
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, ReportError> {
    serde_json::from_slice(&bytes(path)?).map_err(|e| ReportError { path: PathBuf::from(path), cause: e.to_string() })
}

fn bytes(path: &Path) -> Result<Vec<u8>, ReportError> {
    std::fs::read(path).map_err(|e| ReportError { path: PathBuf::from(path), cause: e.to_string() })
}
