//! `pfmc data`: which data there can be, making them, looking at them, checking them, their statistics, rewriting them.

mod convert;
mod generate;
mod inspect;
mod list;
mod statistics;
mod verify;

use crate::output::{Exit, Output};
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub enum Verb {
    /// List the simulators with what their data take, and the data sets that are there.
    List(list::Args),
    /// Make the data that an experiment's profile says is to be made, or the data of one simulator.
    Generate(generate::Args),
    /// Show fields, shapes, boundaries, parameters and statistics of data sets, and pictures of them as a page.
    Inspect(inspect::Args),
    /// Read every value of data sets and say what is wrong with them.
    Verify(verify::Args),
    /// Compute the statistics of the training split and write them as The Well's `stats.yaml`.
    Stats(statistics::Args),
    /// Rewrite a data set, of any layout that is read, as contiguous files of The Well's layout, which load fastest.
    Convert(convert::Args),
}

pub fn run(verb: Verb, out: &Output) -> Exit {
    match verb {
        Verb::List(args) => list::run(&args, out),
        Verb::Generate(args) => generate::run(args, out),
        Verb::Inspect(args) => inspect::run(args, out),
        Verb::Verify(args) => verify::run(args, out),
        Verb::Stats(args) => statistics::run(args, out),
        Verb::Convert(args) => convert::run(args, out),
    }
}

/// The data sets in some folders, each a folder that holds data itself. Those without any stay, for the error that follows.
fn data_sets(folders: &[PathBuf]) -> Vec<PathBuf> {
    folders.iter().flat_map(|folder| inside_or_itself(folder)).collect()
}

/// The folder itself where it holds data, or those inside it that do: made data lies one folder deeper than The Well's, because
/// its grid is part of its place.
fn inside_or_itself(folder: &Path) -> Vec<PathBuf> {
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
    let file = |p: &PathBuf| p.extension().is_some_and(|e| pfm_data::EXTENSIONS.iter().any(|known| e == *known));
    splits(folder) || splits(&folder.join("data")) || entries(folder).iter().any(file)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).map(|found| found.flatten().map(|e| e.path()).collect()).unwrap_or_default()
}

/// Data that can't be used, as the diagnostic that a run would give.
fn refuse(error: &pfm_data::DataError, out: &Output) -> Exit {
    out.refuse(&[pfm_train::unusable(error)], &pfm_diag::Sources::default())
}

/// Cells per axis on the command line: `64x64`.
#[derive(Clone, Debug, PartialEq)]
struct Grid(Vec<usize>);

impl std::str::FromStr for Grid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let cells = |part: &str| part.trim().parse().ok().filter(|&n: &usize| n > 0);
        text.split(['x', ',']).map(cells).collect::<Option<_>>().map(Grid).ok_or_else(|| format!("`{text}` is no grid; write `64x64`"))
    }
}

/// Cells per axis, as `Grid` reads them.
fn crossed(grid: &[usize]) -> String {
    grid.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}

/// Bytes in the unit that fits.
fn bytes(count: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let step = (0..units.len() - 1).take_while(|&k| count >= 1000f64.powi(k as i32 + 1)).count();
    format!("{:.*} {}", usize::from(step > 0), count / 1000f64.powi(step as i32), units[step])
}

/// Seconds in the unit that fits.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.1} s"),
        s if s < 5400.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Grid, bytes, crossed, duration};

    #[test]
    fn sizes_read_well() {
        let grid = |text: &str| text.parse().map(|Grid(cells)| cells);
        assert_eq!((grid("64x32").unwrap(), grid("16, 8, 4").unwrap()), (vec![64, 32], vec![16, 8, 4]));
        assert!(grid("64x").unwrap_err().contains("64x64") && grid("0x4").is_err());
        assert_eq!(crossed(&[64, 32]), "64x32");
        assert_eq!([12.0, 999.0, 1e3, 2.5e9].map(bytes), ["12 B", "999 B", "1.0 kB", "2.5 GB"]);
        assert_eq!([3.0, 120.0, 7200.0].map(duration), ["3.0 s", "2.0 min", "2.0 h"]);
    }
}
