//! A measurement beside earlier ones, of this program or of any other that writes the same few keys: `seconds.median`,
//! `cpu_seconds.median`, `memory.above`, and `stage`. What makes two results different things, such as another device, is said.

use crate::Bench;
use serde::Serialize;
use serde_json::Value;

/// What another measurement says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Other {
    pub name: String,
    pub median: f64,
    pub cpu: Option<f64>,
    pub above: Option<f64>,
    /// Ours over theirs: below 1 is faster or smaller.
    pub time_ratio: f64,
    pub cpu_ratio: Option<f64>,
    pub memory_ratio: Option<f64>,
    /// What makes the two different things, such as another number of threads.
    pub unlike: Vec<String>,
}

/// An earlier result, read.
pub struct Earlier {
    name: String,
    value: Value,
    median: f64,
}

impl Earlier {
    /// The error says what is missing.
    pub fn read(name: &str, text: &str) -> Result<Earlier, String> {
        let value: Value = serde_json::from_str(text).map_err(|e| format!("{name} is not JSON: {e}"))?;
        let median = number(&value, ["seconds", "median"]).filter(|m| *m > 0.0);
        let median = median.ok_or_else(|| format!("{name} is not what `pfmc bench --json` writes: it has no `seconds.median`"))?;
        Ok(Earlier { name: name.to_string(), value, median })
    }
}

/// Sets ours beside an earlier result.
pub fn compare(ours: &Bench, earlier: &Earlier) -> Other {
    let (cpu, above) = (number(&earlier.value, ["cpu_seconds", "median"]), number(&earlier.value, ["memory", "above"]));
    let ratio = |ours: f64, theirs: Option<f64>| theirs.filter(|t| *t > 0.0).map(|t| ours / t);
    Other {
        name: earlier.name.clone(),
        median: earlier.median,
        cpu,
        above,
        time_ratio: ours.seconds.median / earlier.median,
        cpu_ratio: ratio(ours.cpu_seconds.median, cpu),
        memory_ratio: ours.memory.above.and_then(|m| ratio(m as f64, above)),
        unlike: unlike(ours, &earlier.value),
    }
}

/// Another program may say `cuda` where this one says `cuda:0 (NAME)`.
fn alike(ours: &Value, theirs: &Value) -> bool {
    let starts = |ours: &str, theirs: &str| ours.strip_prefix(theirs).is_some_and(|rest| rest.starts_with([' ', ':']));
    ours == theirs || ours.as_str().zip(theirs.as_str()).is_some_and(|(ours, theirs)| starts(ours, theirs))
}

fn number(value: &Value, keys: [&str; 2]) -> Option<f64> {
    value.get(keys[0])?.get(keys[1])?.as_f64()
}

fn unlike(ours: &Bench, theirs: &Value) -> Vec<String> {
    let ours = serde_json::json!({
        "stage": ours.stage, "choice": ours.choice, "batch": ours.batch, "threads": ours.threads, "parameters": ours.parameters,
        "device": ours.device, "precision": ours.precision,
    });
    let differs = |(key, value): (&String, &Value)| {
        let other = theirs.get(key).filter(|o| !alike(value, o))?;
        Some(format!("{key} {other}, not {value}"))
    };
    ours.as_object().expect("an object").iter().filter_map(differs).collect()
}
