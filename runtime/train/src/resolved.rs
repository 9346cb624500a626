//! From the resolved experiment to the plain numbers that a run needs.

use crate::work::{About, CellWork, Handover, Layout, ReportWork, Sample, SetWork, StageWork, UnrollWork};
use pfm_hir::{Cell, Data, Experiment, ObjectiveKind, Report, SampleRule, Stage};

/// One cell's stages, and what the experiment says about it. `closed`, `lock`, `environment` and `about.facts` are blank, for
/// the caller to fill in.
pub fn cell_work(experiment: &Experiment, cell: &Cell) -> CellWork {
    let claims = experiment.claims.iter().map(|c| serde_json::to_value(c).expect("a claim is plain data"));
    CellWork {
        experiment: experiment.name.clone(),
        cell: cell.name.clone(),
        about: About {
            experiment: experiment.name.clone(),
            doc: experiment.doc.clone(),
            profile: experiment.profile.clone(),
            seed: experiment.seed,
            cell: cell.name.clone(),
            grid: cell.grid.clone(),
            labels: cell.labels.clone(),
            claims: claims.collect(),
            plots: experiment.reports.iter().filter_map(|r| r.plot.clone()).collect(),
            facts: vec![],
        },
        stages: cell.stages.iter().map(|s| stage_work(experiment, &experiment.stages[*s])).collect(),
        closed: String::new(),
        lock: String::new(),
        environment: serde_json::Value::Null,
    }
}

/// The numbers of one of the experiment's stages.
pub fn stage_work(experiment: &Experiment, stage: &Stage) -> StageWork {
    let weights = stage.weights.iter().map(|w| {
        let from = &experiment.stages[w.stage];
        Handover { part: w.part.clone(), stage: from.name.clone(), key: from.key.clone(), step: from.run, rows: w.rows.clone() }
    });
    StageWork {
        name: stage.name.clone(),
        id: stage.id,
        key: stage.key.clone(),
        seed: stage.seed,
        steps: stage.run,
        batch: stage.batch,
        accumulate: stage.accumulate,
        checkpoint: stage.checkpoint,
        variants: stage.variants.clone(),
        evaluation: experiment.models[stage.model].evaluation,
        reconstructs: stage.objective.kind == ObjectiveKind::Reconstruct,
        sets: stage.data.parts.iter().map(|d| set_work(&experiment.data[*d])).collect(),
        mixing: stage.data.weights.clone(),
        weights: weights.collect(),
        report: stage.report.map(|r| report_work(&experiment.reports[r])),
    }
}

fn set_work(data: &Data) -> SetWork {
    let layout = Layout { window: data.window, context: data.context, grid: data.grid.clone(), fields: data.fields.clone() };
    SetWork { name: data.name.clone(), layout, trajectories: data.trajectories }
}

fn report_work(report: &Report) -> ReportWork {
    ReportWork {
        name: report.name.clone(),
        at: report.at.clone(),
        every: report.every,
        metrics: report.metrics.iter().map(ToString::to_string).collect(),
        sample: match report.sample {
            SampleRule::All => Sample::All,
            SampleRule::Subsets { count, size } => Sample::Subsets { count, size },
        },
        unroll: report.unroll.as_ref().map(|u| UnrollWork { metric: u.metric.to_string(), horizons: u.horizons.clone(), sample: u.sample }),
    }
}
