//! What running verbs share: threads, the data directory, making data that an experiment asks for, and what no back end does.

use crate::load::Loaded;
use crate::output::{Exit, Output};
use indicatif::{ProgressBar, ProgressStyle};
use pfm_data::GenerateSpec;
use pfm_diag::{Diagnostic, Span};
use pfm_hir::{Data, Experiment};
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// One thread per core.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[derive(clap::Args, Clone)]
pub struct Place {
    /// Where data sets lie, each a folder of files in The Well's layout or one that docs/data.md lists; made data goes there too.
    #[arg(long, default_value = "data")]
    pub data: PathBuf,
    /// Threads to use; the results do not depend on it.
    #[arg(long)]
    pub threads: Option<usize>,
}

impl Place {
    pub fn threads(&self) -> usize {
        self.threads.unwrap_or_else(default_threads).max(1)
    }
}

/// Makes what the experiment's profile says is to be made for some cells and is not there.
pub fn make_data(loaded: &Loaded, cells: &[usize], place: &Place, out: &Output) -> Result<(), Exit> {
    let mut all = vec![];
    // A set that nothing can make is told before others are made.
    for data in needed(loaded.experiment(), cells) {
        all.extend(wanted(data, place, out)?);
    }
    all.iter().try_for_each(|(spec, folder)| make(spec, folder, out))
}

/// The data that the stages of these cells train on, each once.
pub fn needed<'e>(experiment: &'e Experiment, cells: &[usize]) -> Vec<&'e Data> {
    let stages = cells.iter().flat_map(|c| &experiment.cells[*c].stages).map(|s| &experiment.stages[*s]);
    let indices: BTreeSet<usize> = stages.flat_map(|s| s.data.parts.iter().copied()).collect();
    indices.into_iter().map(|d| &experiment.data[d]).collect()
}

fn wanted(data: &Data, place: &Place, out: &Output) -> Result<Vec<(GenerateSpec, PathBuf)>, Exit> {
    let told = |e: pfm_train::RunError| out.fail(Exit::Usage, e.diagnostic().message);
    let specs = pfm_train::generated(data, place.threads()).map_err(told)?;
    let folders = pfm_train::folders(data, &place.data).map_err(told)?;
    Ok(specs.into_iter().zip(folders).collect())
}

/// Makes one data set where it isn't there, with a bar.
pub fn make(spec: &GenerateSpec, folder: &Path, out: &Output) -> Result<(), Exit> {
    let bar = bar(out);
    bar.set_message(format!("making {} {:?}", spec.system, spec.grid));
    let summary = pfm_data::generate(spec, folder, &mut |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    match summary {
        Ok(s) if s.written > 0 => {
            out.line(format!("made {} trajectories of {} {:?} in {}", s.trajectories, spec.system, spec.grid, folder.display()));
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(e) => Err(out.fail(Exit::Usage, e.to_string())),
    }
}

/// A bar on a terminal, nothing elsewhere.
pub fn bar(out: &Output) -> ProgressBar {
    if out.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} [{bar:32}] {pos}/{len} {eta}").expect("the template is well formed");
    ProgressBar::new(1).with_style(style.progress_chars("━╸ "))
}

/// What stages, by index, ask for and no back end does yet.
pub fn refusals(experiment: &Experiment, stages: &[usize]) -> Vec<Diagnostic> {
    let all = stages.iter().map(|s| &experiment.stages[*s]);
    let mut places: Vec<Span> = all.filter_map(|s| experiment.models[s.model].adaptive).collect();
    places.sort();
    places.dedup();
    let adaptive = places.into_iter().map(|place| {
        Diagnostic::new("E0804", "adaptive tokens are not there yet")
            .at(place, "makes the number of tokens depend on the data")
            .help("write `refine = 0`, which splits every patch; `check` and `plan` take it as it is")
    });
    adaptive.chain(several_devices(experiment, stages)).collect()
}

/// Stages whose batch is to be shared among devices, of which the back end has one.
fn several_devices(experiment: &Experiment, stages: &[usize]) -> Vec<Diagnostic> {
    let stages = stages.iter().map(|s| &experiment.stages[*s]);
    let mut refused: Vec<Diagnostic> = vec![];
    for stage in stages.filter(|s| s.parallel.devices > 1) {
        let message = format!("stage `{}` asks for {} devices, the back end has one", stage.name, stage.parallel.devices);
        let d = Diagnostic::new("E0806", message)
            .help(format!("write `parallel = {}`; `check` and `plan` take it as it is", stage.parallel.way));
        let d = at_setting(experiment, &format!("{}.parallel", stage.name), d, "more than one device");
        if !refused.contains(&d) {
            refused.push(d);
        }
    }
    refused
}

/// The diagnostic at the place where the file sets something.
pub fn at_setting(experiment: &Experiment, path: &str, d: Diagnostic, label: &str) -> Diagnostic {
    match experiment.origins.iter().find(|o| o.path == path).and_then(|o| o.span) {
        Some(span) => d.at(span, label),
        None => d,
    }
}
