//! A few frames of a data set as pictures: the first axis goes right, the second up.

use std::path::Path;

use crate::dataset::{Dataset, Split, data_files};
use crate::error::DataError;

/// One channel of one trajectory over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The file's name, and the trajectory's number in it.
    pub file: String,
    pub trajectory: usize,
    pub field: String,
    pub times: Vec<f64>,
    /// Per time the rows of the picture from the top, each `width` values.
    pub frames: Vec<Vec<f32>>,
    pub width: usize,
}

/// All channels of the first trajectory of up to `files` files, at up to `frames` times; both are spread evenly over what is there. A
/// data set of three axes shows its middle plane.
///
/// # Errors
/// Nothing there, or a file that can't be read.
pub fn samples(dir: &Path, files: usize, frames: usize) -> Result<Vec<Sample>, DataError> {
    let split = Split::ALL.into_iter().find(|&split| data_files(dir, split).is_ok()).unwrap_or(Split::Train);
    let dataset = Dataset::open(dir, split)?;
    let index = dataset.windows(1, 1);
    let mut all = Vec::new();
    let mut first = 0;
    let chosen = spread(dataset.files().len(), files);
    for (f, file) in dataset.files().iter().enumerate() {
        if chosen.contains(&f) {
            let times = spread(file.frames, frames);
            let mut read = Vec::new();
            for &t in &times {
                let mut values = vec![0.0; dataset.window_size(&index)];
                dataset.read_window(&index, first + t, &mut values)?;
                read.push(values);
            }
            for (c, field) in dataset.fields().iter().enumerate() {
                let picture = |values: &Vec<f32>| picture(values, dataset.grid(), dataset.fields().len(), c);
                all.push(Sample {
                    file: file.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                    trajectory: 0,
                    field: field.name.clone(),
                    times: times.iter().map(|&t| file.times[t]).collect(),
                    frames: read.iter().map(picture).collect(),
                    width: dataset.grid()[0],
                });
            }
        }
        first += file.trajectories * file.frames;
    }
    Ok(all)
}

/// Up to `count` of 0..n, evenly spread, with both ends.
fn spread(n: usize, count: usize) -> Vec<usize> {
    let count = count.min(n);
    (0..count).map(|k| if count > 1 { k * (n - 1) / (count - 1) } else { 0 }).collect()
}

/// Channel `c` of a frame [*grid, channels] as rows from the top.
fn picture(values: &[f32], grid: &[usize], channels: usize, c: usize) -> Vec<f32> {
    let (nx, ny) = (grid[0], grid.get(1).copied().unwrap_or(1));
    let depth: usize = grid.iter().skip(2).product();
    let at = |i: usize, j: usize| values[((i * ny + j) * depth + depth / 2) * channels + c];
    (0..ny).rev().flat_map(|j| (0..nx).map(move |i| at(i, j))).collect()
}

#[cfg(test)]
mod tests {
    use super::{picture, spread};

    #[test]
    fn frames_are_spread_evenly() {
        assert_eq!(spread(101, 5), [0, 25, 50, 75, 100]);
        assert_eq!((spread(2, 5), spread(7, 1), spread(0, 3)), (vec![0, 1], vec![0], vec![]));
    }

    #[test]
    fn the_first_axis_goes_right_and_the_second_up() {
        // Two by three cells, two channels; the second channel counts cells.
        let values: Vec<f32> = (0..6).flat_map(|cell| [0.0, cell as f32]).collect();
        assert_eq!(picture(&values, &[2, 3], 2, 1), [2.0, 5.0, 1.0, 4.0, 0.0, 3.0]);
        assert_eq!(picture(&values, &[6], 2, 1), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    }
}
