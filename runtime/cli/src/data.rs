//! `pfmc data`: make what an experiment needs, or look at what is there.

use crate::load::{self, Source};
use crate::output::{Exit, Output};
use crate::programs::{Place, make_data, needed};
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub enum Verb {
    /// Make the data that an experiment's profile says is to be made.
    Generate(Generate),
    /// Show fields, shapes, boundaries, parameters and statistics of data sets.
    Inspect(Inspect),
}

#[derive(clap::Args)]
pub struct Generate {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
pub struct Inspect {
    /// Folders of data sets in The Well's layout, or folders of such folders.
    #[arg(required = true)]
    folders: Vec<PathBuf>,
}

pub fn run(verb: Verb, out: &Output) -> Exit {
    match verb {
        Verb::Generate(args) => generate(args, out),
        Verb::Inspect(args) => inspect(args, out),
    }
}

fn generate(args: Generate, out: &Output) -> Exit {
    let loaded = match load::load(&args.source, out) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let cells: Vec<usize> = (0..loaded.experiment().cells.len()).collect();
    if let Err(exit) = make_data(&loaded, &cells, &args.place, out) {
        return exit;
    }
    let mut folders = Vec::new();
    for data in needed(loaded.experiment(), &cells) {
        match pfm_train::folders(data, &args.place.data) {
            Ok(found) => folders.extend(found),
            Err(e) => return out.fail(Exit::Usage, e.diagnostic().message),
        }
    }
    for folder in &folders {
        let missing = if holds_data(folder) { "" } else { " is not there: this profile reads it, and does not make it" };
        out.line(format!("{}{missing}", folder.display()));
    }
    out.value(Exit::Done, serde_json::json!({ "folders": folders }));
    Exit::Done
}

fn inspect(args: Inspect, out: &Output) -> Exit {
    let mut all = Vec::new();
    for folder in &args.folders.iter().flat_map(|f| data_sets(f)).collect::<Vec<_>>() {
        let found = match pfm_data::inspect(folder) {
            Ok(found) => serde_json::to_value(found).expect("an inspection is plain data"),
            Err(e) => return out.refuse(&[pfm_train::unusable(&e)], &pfm_diag::Sources::default()),
        };
        out.line(format!("{}\n{}", folder.display(), pfm_report::yaml(&found)));
        all.push(serde_json::json!({ "folder": folder, "inspection": found }));
    }
    out.value(Exit::Done, serde_json::json!({ "data": all }));
    Exit::Done
}

/// The folder itself where it holds data, or those inside it that do: made data lies one folder deeper than The Well's, because
/// its grid is part of its place.
fn data_sets(folder: &Path) -> Vec<PathBuf> {
    let found = inside(folder, 2);
    if found.is_empty() { vec![folder.to_path_buf()] } else { found }
}

fn inside(folder: &Path, deeper: usize) -> Vec<PathBuf> {
    if holds_data(folder) {
        return vec![folder.to_path_buf()];
    }
    let mut folders: Vec<PathBuf> = entries(folder).into_iter().filter(|p| p.is_dir()).collect();
    folders.sort();
    if deeper == 0 { vec![] } else { folders.iter().flat_map(|f| inside(f, deeper - 1)).collect() }
}

/// True where files or splits of a data set lie.
fn holds_data(folder: &Path) -> bool {
    let splits = |p: &Path| ["train", "valid", "test"].iter().any(|split| p.join(split).is_dir());
    let file = |p: &PathBuf| p.extension().is_some_and(|e| e == "hdf5" || e == "h5");
    splits(folder) || splits(&folder.join("data")) || entries(folder).iter().any(file)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).map(|found| found.flatten().map(|e| e.path()).collect()).unwrap_or_default()
}
