//! From metric values per sample, frame and field to the numbers of a table: plain means, with undefined entries left out and
//! counted, and entries whose prediction is not finite counted as diverged, which leaves no mean at all.

use crate::Measured;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One metric output, or one band of it, on one set of windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// `vrmse`, `neps.low`.
    pub name: String,
    /// Mean over the subsets of each subset's mean; None if nothing is defined or something diverged.
    pub value: Option<f64>,
    /// Standard deviation of the subsets' means (divided by their number less one), where there are several.
    pub deviation: Option<f64>,
    pub subsets: Vec<Option<f64>>,
    /// Over all subsets, in the order of the data's fields and of the predicted frames.
    pub by_field: Vec<Option<f64>>,
    pub by_frame: Vec<Option<f64>>,
    pub counted: u64,
    /// Undefined entries, such as a frame of the truth without variance.
    pub left_out: u64,
    pub diverged: u64,
}

/// Metric values by window.
#[derive(Default)]
pub(crate) struct Table {
    outputs: Vec<Output>,
    /// Per window and output: `[frames, fields, bands]`.
    rows: BTreeMap<usize, Vec<Vec<f32>>>,
}

struct Output {
    name: String,
    frames: usize,
    fields: usize,
    bands: usize,
}

impl Table {
    /// Adds the first `windows.len()` samples of one `measure` call on `samples` samples.
    pub fn add(&mut self, windows: &[usize], measured: &[Measured], samples: usize) {
        if self.outputs.is_empty() {
            self.outputs = measured.iter().map(Output::of).collect();
        }
        for (place, window) in windows.iter().enumerate() {
            let row = measured.iter().map(|m| sample(m, place, samples).to_vec()).collect();
            self.rows.insert(*window, row);
        }
    }

    /// Adds one more frame to each window's rows; for forecasts, which are measured frame by frame.
    pub fn add_frame(&mut self, windows: &[usize], measured: &[Measured], samples: usize) {
        let frames =
            windows.first().and_then(|w| self.rows.get(w)).map_or(0, |row| row.first().map_or(0, |v| v.len() / self.outputs[0].entry()));
        if self.outputs.is_empty() {
            self.outputs = measured.iter().map(Output::of).collect();
        }
        for output in &mut self.outputs {
            output.frames = output.frames.max(frames + 1);
        }
        for (place, window) in windows.iter().enumerate() {
            let row = self.rows.entry(*window).or_insert_with(|| vec![vec![]; measured.len()]);
            for (values, m) in row.iter_mut().zip(measured) {
                values.extend_from_slice(sample(m, place, samples));
            }
        }
    }

    /// One summary per output and band, over the frames `from..to`.
    pub fn summaries(&self, subsets: &[Vec<usize>], frames: Option<(usize, usize)>) -> Vec<Summary> {
        let mut all = vec![];
        for (at, output) in self.outputs.iter().enumerate() {
            let (from, to) = frames.unwrap_or((0, output.frames));
            for band in 0..output.bands {
                all.push(self.summary(at, band, subsets, from..to));
            }
        }
        all
    }

    fn summary(&self, at: usize, band: usize, subsets: &[Vec<usize>], frames: std::ops::Range<usize>) -> Summary {
        let output = &self.outputs[at];
        let mut fields = vec![Mean::default(); output.fields];
        let mut by_frame = vec![Mean::default(); frames.len()];
        let mut total = Mean::default();
        let mut means = vec![];
        for subset in subsets {
            let mut mean = Mean::default();
            for window in subset {
                let row = &self.rows.get(window).expect("every window of a subset was measured")[at];
                for (place, frame) in frames.clone().enumerate() {
                    for (field, of_field) in fields.iter_mut().enumerate() {
                        let value = row[(frame * output.fields + field) * output.bands + band];
                        mean.add(value);
                        of_field.add(value);
                        by_frame[place].add(value);
                        total.add(value);
                    }
                }
            }
            means.push(mean.value());
        }
        let value = Mean::of(&means);
        Summary {
            name: output.band_name(band),
            value,
            deviation: deviation(&means, value),
            subsets: means,
            by_field: fields.iter().map(Mean::value).collect(),
            by_frame: by_frame.iter().map(Mean::value).collect(),
            counted: total.counted,
            left_out: total.left_out,
            diverged: total.diverged,
        }
    }
}

impl Output {
    fn of(measured: &Measured) -> Output {
        let size = |axis: usize| measured.shape.get(axis).copied().unwrap_or(1);
        Output { name: measured.name.clone(), frames: size(1), fields: size(2), bands: measured.shape.iter().skip(3).product() }
    }

    /// Values of one frame of one sample.
    fn entry(&self) -> usize {
        self.fields * self.bands
    }

    fn band_name(&self, band: usize) -> String {
        match self.bands {
            1 => self.name.clone(),
            3 => format!("{}.{}", self.name, ["low", "mid", "high"][band]),
            _ => format!("{}.{band}", self.name),
        }
    }
}

fn sample(measured: &Measured, place: usize, samples: usize) -> &[f32] {
    let size = measured.values.len() / samples;
    &measured.values[place * size..(place + 1) * size]
}

#[derive(Clone, Default)]
struct Mean {
    sum: f64,
    counted: u64,
    left_out: u64,
    diverged: u64,
}

impl Mean {
    fn add(&mut self, value: f32) {
        if value.is_nan() {
            self.left_out += 1;
        } else if value.is_infinite() {
            self.diverged += 1;
        } else {
            self.sum += f64::from(value);
            self.counted += 1;
        }
    }

    fn value(&self) -> Option<f64> {
        (self.counted > 0 && self.diverged == 0).then(|| self.sum / self.counted as f64)
    }

    /// Mean of means; None if one is missing.
    fn of(means: &[Option<f64>]) -> Option<f64> {
        let known: Option<Vec<f64>> = means.iter().copied().collect();
        known.filter(|k| !k.is_empty()).map(|k| k.iter().sum::<f64>() / k.len() as f64)
    }
}

/// Standard deviation of the subsets' means, where there are several.
pub(crate) fn deviation(means: &[Option<f64>], mean: Option<f64>) -> Option<f64> {
    let mean = mean.filter(|_| means.len() > 1)?;
    let squares: f64 = means.iter().flatten().map(|m| (m - mean).powi(2)).sum();
    Some((squares / (means.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, shape: &[usize], values: &[f32]) -> Measured {
        Measured { name: name.into(), shape: shape.to_vec(), values: values.to_vec() }
    }

    #[test]
    fn means_leave_out_the_undefined_and_count_it() {
        let mut table = Table::default();
        // Two windows, one frame, two fields; the second sample's first field is undefined.
        table.add(&[3, 8], &[measured("vrmse", &[2, 1, 2], &[1.0, 2.0, f32::NAN, 6.0])], 2);
        let s = &table.summaries(&[vec![3, 8]], None)[0];
        assert_eq!(s.value, Some(3.0));
        assert_eq!(s.by_field, [Some(1.0), Some(4.0)]);
        assert_eq!((s.counted, s.left_out, s.diverged), (3, 1, 0));
        let s = &table.summaries(&[vec![3], vec![8]], None)[0];
        assert_eq!(s.subsets, [Some(1.5), Some(6.0)]);
        assert_eq!(s.value, Some(3.75));
        assert_eq!(s.deviation, Some((2.0 * 2.25f64.powi(2)).sqrt()));
    }

    #[test]
    fn bands_have_names_and_divergence_leaves_no_mean() {
        let mut table = Table::default();
        let values = [1.0, 2.0, 3.0, f32::INFINITY, 4.0, 5.0];
        table.add(&[0], &[measured("neps", &[1, 2, 1, 3], &values)], 1);
        let all = table.summaries(&[vec![0]], None);
        let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["neps.low", "neps.mid", "neps.high"]);
        assert_eq!((all[0].value, all[0].diverged), (None, 1));
        assert_eq!(all[1].value, Some(3.0));
        assert_eq!(all[1].by_frame, [Some(2.0), Some(4.0)]);
    }

    #[test]
    fn frames_add_up_to_ranges() {
        let mut table = Table::default();
        for (frame, value) in [1.0f32, 2.0, 6.0].into_iter().enumerate() {
            let values = [value, 10.0 * frame as f32];
            table.add_frame(&[0, 1], &[measured("vrmse", &[2, 1, 1], &values)], 2);
        }
        let s = &table.summaries(&[vec![0, 1]], Some((1, 3)))[0];
        assert_eq!(s.by_frame, [Some(6.0), Some(13.0)]);
        assert_eq!(s.value, Some(9.5));
    }
}
