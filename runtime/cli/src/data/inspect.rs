//! `pfmc data inspect`: what is in data sets, as text and as a page of pictures.

use super::{bytes, crossed, data_sets, refuse};
use crate::output::{Exit, Output};
use pfm_data::{Inspection, Sample};
use pfm_report::{Sheet, Strip};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    /// Folders of data sets, or folders of such folders.
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// Also draw a contact sheet: one HTML page with each field over time.
    #[arg(long, value_name = "PAGE")]
    html: Option<PathBuf>,
    /// Pictures over time in each strip of the page.
    #[arg(long, default_value_t = 6)]
    pictures: usize,
    /// Files of which the page shows a trajectory.
    #[arg(long, default_value_t = 3)]
    files: usize,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let mut all = Vec::new();
    let mut sheets = Vec::new();
    for folder in &data_sets(&args.folders) {
        let found = match pfm_data::inspect(folder) {
            Ok(found) => found,
            Err(e) => return refuse(&e, out),
        };
        let value = serde_json::to_value(&found).expect("an inspection is plain data");
        out.line(format!("{}\n{}", folder.display(), pfm_report::yaml(&value)));
        all.push(serde_json::json!({ "folder": folder, "inspection": value }));
        if args.html.is_some() {
            match pfm_data::samples(folder, args.files, args.pictures) {
                Ok(samples) => sheets.push(sheet(folder, &found, samples)),
                Err(e) => return refuse(&e, out),
            }
        }
    }
    if let Some(page) = &args.html {
        if let Err(e) = std::fs::write(page, pfm_report::contact_sheet(&sheets)) {
            return out.fail(Exit::Usage, format!("cannot write {}: {e}", page.display()));
        }
        out.line(format!("pictures in {}", page.display()));
    }
    out.value(Exit::Done, serde_json::json!({ "data": all, "html": args.html }));
    Exit::Done
}

fn sheet(folder: &Path, found: &Inspection, samples: Vec<Sample>) -> Sheet {
    let split = |split: &pfm_data::SplitInspection| {
        let text = format!("{} trajectories of {} frames, {}", split.trajectories, split.frames, bytes(split.bytes as f64));
        (split.split.unwrap_or("files").to_string(), text)
    };
    let mut facts = vec![("folder".to_string(), folder.display().to_string()), ("grid".into(), crossed(&found.grid))];
    facts.extend(found.interval.map(|interval| ("interval".to_string(), format!("{interval:.6}"))));
    facts.extend(found.splits.iter().map(split));
    let strip = |sample: Sample| Strip {
        group: format!("{}, trajectory {}", sample.file, sample.trajectory),
        field: sample.field,
        frames: sample.times.into_iter().zip(sample.frames).collect(),
        width: sample.width,
    };
    Sheet { title: found.dataset_name.clone(), facts, strips: samples.into_iter().map(strip).collect() }
}
