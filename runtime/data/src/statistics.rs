//! Statistics of a data set's training split, in The Well's definition and file format: population moments per component over
//! samples, time and space, of the fields and of their differences from frame to frame.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::{DataError, write_text};
use crate::moments::Moments;
use crate::scan::{ChannelScan, TrajectoryScan, scan};

/// One statistic of a field: a number, one per component, or one per pair of components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Scalar(f64),
    Vector(Vec<f64>),
    Tensor(Vec<Vec<f64>>),
}

impl Value {
    /// All its numbers, row by row.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Self::Scalar(number) => vec![*number],
            Self::Vector(row) => row.clone(),
            Self::Tensor(rows) => rows.concat(),
        }
    }
}

/// The content of `stats.yaml`: each map goes from a field's name to its statistic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    pub mean: BTreeMap<String, Value>,
    /// Of frame(t + 1) - frame(t); only fields that change in time are listed.
    pub mean_delta: BTreeMap<String, Value>,
    /// sqrt(E[x^2]).
    pub rms: BTreeMap<String, Value>,
    pub rms_delta: BTreeMap<String, Value>,
    /// sqrt(E[x^2] - E[x]^2).
    pub std: BTreeMap<String, Value>,
    pub std_delta: BTreeMap<String, Value>,
}

impl Statistics {
    /// Reads every frame of the data set once, on several threads; the result is the same for any number of them.
    ///
    /// # Errors
    /// A file that can't be read.
    pub fn compute(dataset: &Dataset, threads: usize) -> Result<Self, DataError> {
        Ok(Self::of(dataset, &scan(dataset, threads, &mut |_, _| ())?))
    }

    /// The statistics of a data set that was scanned whole.
    pub(crate) fn of(dataset: &Dataset, scans: &[TrajectoryScan]) -> Self {
        let channels = dataset.fields().len();
        let merged = |moments: fn(&ChannelScan) -> Moments| -> Vec<Moments> {
            let of = |c: usize| scans.iter().fold(Moments::default(), |all, scan| all.merge(moments(&scan.channels[c])));
            (0..channels).map(of).collect()
        };
        Self::collect(dataset, &merged(|channel| channel.values), &merged(|channel| channel.deltas))
    }

    fn collect(dataset: &Dataset, values: &[Moments], deltas: &[Moments]) -> Self {
        let mut statistics = Self::default();
        let mut first = 0;
        for field in &dataset.files()[0].fields {
            let of = |moments: &[Moments], statistic: fn(&Moments) -> f64| {
                let components: Vec<f64> = moments[first..first + field.components].iter().map(statistic).collect();
                match field.order {
                    0 => Value::Scalar(components[0]),
                    1 => Value::Vector(components),
                    _ => Value::Tensor(components.chunks(dataset.grid().len()).map(<[f64]>::to_vec).collect()),
                }
            };
            let name = || field.name.clone();
            statistics.mean.insert(name(), of(values, Moments::mean));
            statistics.rms.insert(name(), of(values, Moments::rms));
            statistics.std.insert(name(), of(values, Moments::std));
            if field.time_varying {
                statistics.mean_delta.insert(name(), of(deltas, Moments::mean));
                statistics.rms_delta.insert(name(), of(deltas, Moments::rms));
                statistics.std_delta.insert(name(), of(deltas, Moments::std));
            }
            first += field.components;
        }
        statistics
    }

    /// The six maps with their names, in alphabetical order.
    pub(crate) fn sections(&self) -> [(&'static str, &BTreeMap<String, Value>); 6] {
        [
            ("mean", &self.mean),
            ("mean_delta", &self.mean_delta),
            ("rms", &self.rms),
            ("rms_delta", &self.rms_delta),
            ("std", &self.std),
            ("std_delta", &self.std_delta),
        ]
    }

    /// The text of `stats.yaml`: keys in alphabetical order, four decimals in scientific notation.
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        for (name, fields) in self.sections() {
            let _ = writeln!(text, "{name}:{}", if fields.is_empty() { " {}" } else { "" });
            for (field, value) in fields {
                let _ = match value {
                    Value::Scalar(x) => writeln!(text, "  {field}: {}", scientific(*x)),
                    Value::Vector(row) => writeln!(text, "  {field}:{}", list(row, "  - ", "  - ")),
                    Value::Tensor(rows) => {
                        let rows: String = rows.iter().map(|row| list(row, "  - - ", "    - ")).collect();
                        writeln!(text, "  {field}:{rows}")
                    }
                };
            }
        }
        text
    }

    /// Writes `stats.yaml`, at once and whole.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(&self, path: &Path) -> Result<(), DataError> {
        write_text(path, &self.to_yaml())
    }

    /// Reads `stats.yaml`.
    ///
    /// # Errors
    /// The file can't be read or lacks a key.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let text = std::fs::read_to_string(path).map_err(|cause| DataError::path(path, cause))?;
        serde_saphyr::from_str(&text).map_err(|cause| DataError::path(path, cause))
    }
}

/// A YAML list, one entry a line: the first after `first`, the others after `next`.
fn list(row: &[f64], first: &str, next: &str) -> String {
    let lead = |i| if i == 0 { first } else { next };
    row.iter().enumerate().map(|(i, x)| format!("\n{}{}", lead(i), scientific(*x))).collect()
}

/// Four decimals and an exponent of at least two digits with its sign, as Python's `.4E` writes; what is not finite as YAML writes it.
fn scientific(x: f64) -> String {
    let text = format!("{x:.4E}");
    let Some((digits, exponent)) = text.split_once('E') else {
        return if x.is_nan() { ".nan".into() } else { format!("{}.inf", if x < 0.0 { "-" } else { "" }) };
    };
    let exponent: i32 = exponent.parse().expect("the exponent is a whole number");
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}E{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::scientific;

    #[test]
    fn numbers_look_like_python() {
        assert_eq!(scientific(0.90297), "9.0297E-01");
        assert_eq!(scientific(-31.0), "-3.1000E+01");
        assert_eq!(scientific(0.0), "0.0000E+00");
        assert_eq!(scientific(1e-123), "1.0000E-123");
        assert_eq!([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(scientific), [".nan", ".inf", "-.inf"]);
    }
}
