//! `pfmc data`: make what an experiment needs, or look at what is there.

use crate::load::{self, Source};
use crate::output::{Exit, Output};
use crate::programs::{Place, make_data};
use std::path::PathBuf;

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
    /// Folders of data sets, in The Well's layout.
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
    if let Err(exit) = make_data(&loaded, &args.place, out) {
        return exit;
    }
    let mut folders = Vec::new();
    for data in &loaded.experiment().data {
        match pfm_train::folders(data, &args.place.data) {
            Ok(found) => folders.extend(found),
            Err(e) => return out.fail(Exit::Usage, e.diagnostic().message),
        }
    }
    folders.iter().for_each(|f| out.line(format!("{}", f.display())));
    out.value(Exit::Done, serde_json::json!({ "folders": folders }));
    Exit::Done
}

fn inspect(args: Inspect, out: &Output) -> Exit {
    let mut all = Vec::new();
    for folder in &args.folders {
        let found = match pfm_data::inspect(folder) {
            Ok(found) => serde_json::to_value(found).expect("an inspection is plain data"),
            Err(e) => return out.fail(Exit::Usage, e.to_string()),
        };
        out.line(format!("{}\n{}", folder.display(), pfm_report::yaml(&found)));
        all.push(serde_json::json!({ "folder": folder, "inspection": found }));
    }
    out.value(Exit::Done, serde_json::json!({ "data": all }));
    Exit::Done
}
