//! Claims on metrics, judged over the cells that were run. A term that names no label of an axis stands for every cell, and
//! the claim must hold for every pair of cells that its two sides match.

use crate::CellMetrics;
use serde::{Deserialize, Serialize};

/// As `pfm_hir::Claim` serialises.
#[derive(Deserialize)]
struct Claim {
    text: String,
    left: Term,
    comparison: String,
    right: Term,
    within: Option<f64>,
    active: bool,
}

#[derive(Deserialize)]
enum Term {
    /// None: not one number, such as an empty list, which is decided when the file is checked.
    Number(Option<f64>),
    Memory {},
    Metric {
        factor: f64,
        name: String,
        labels: Vec<(String, String)>,
        /// The report point; None is the last.
        #[serde(default)]
        at: Option<u64>,
    },
}

/// A claim and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// As written.
    pub text: String,
    /// None: these cells can't decide it, or it applies under another profile.
    pub passed: Option<bool>,
    /// The numbers of the pair of cells that is furthest from holding, or why there is none.
    pub found: Option<String>,
}

impl Judged {
    pub fn failed(&self) -> bool {
        self.passed == Some(false)
    }

    /// `ok`, `FAILED`, or `-` for an undecided one.
    pub fn mark(&self) -> &'static str {
        match self.passed {
            Some(true) => "ok",
            Some(false) => "FAILED",
            None => "-",
        }
    }
}

/// Judges claims, each a `pfm_hir::Claim` or what it serialises to, by the metrics of the cells.
///
/// # Panics
/// If a claim has another form.
pub fn judge<C: Serialize>(claims: &[C], cells: &[&CellMetrics]) -> Vec<Judged> {
    let read = |claim: &C| -> Claim {
        let value = serde_json::to_value(claim).expect("a claim is plain data");
        serde_json::from_value(value).expect("claims have the form that the resolved experiment gives them")
    };
    claims.iter().map(|c| judged(&read(c), cells)).collect()
}

fn judged(claim: &Claim, cells: &[&CellMetrics]) -> Judged {
    let (passed, found) = match claim.active {
        false => (None, "applies under another profile".to_string()),
        true => decide(claim, cells),
    };
    Judged { text: claim.text.clone(), passed, found: Some(found) }
}

fn decide(claim: &Claim, cells: &[&CellMetrics]) -> (Option<bool>, String) {
    let sides = values(&claim.left, cells).and_then(|l| Ok((l, values(&claim.right, cells)?)));
    let (left, right) = match sides {
        Ok(sides) => sides,
        Err(reason) => return (None, reason),
    };
    let mut worst: Option<(f64, String)> = None;
    for (left_name, l) in &left {
        for (right_name, r) in &right {
            let (Some(l), Some(r)) = (l, r) else {
                let name = if l.is_none() { left_name } else { right_name };
                return (Some(false), format!("{name} has no value: it diverged or is undefined"));
            };
            let margin = margin(*l, &claim.comparison, *r, claim.within.unwrap_or(0.0));
            let text = format!("{}{} {} {}{}", number(*l), of(left_name), claim.comparison, number(*r), of(right_name));
            if worst.as_ref().is_none_or(|(m, _)| margin < *m) {
                worst = Some((margin, text));
            }
        }
    }
    let (margin, text) = worst.expect("each side has a value");
    let strict = claim.comparison == "<" || claim.comparison == ">";
    (Some(margin > 0.0 || margin == 0.0 && !strict), text)
}

fn of(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" ({name})") }
}

/// How far the comparison is from failing; negative where it fails.
fn margin(left: f64, comparison: &str, right: f64, within: f64) -> f64 {
    let room = within * right.abs();
    match comparison {
        "<" | "<=" => right + room - left,
        ">" | ">=" => left - right + room,
        _ => room - (left - right).abs(),
    }
}

type Named = (String, Option<f64>);

/// The values that a term stands for, by cell.
fn values(term: &Term, cells: &[&CellMetrics]) -> Result<Vec<Named>, String> {
    let (factor, name, labels, at) = match term {
        Term::Number(Some(n)) => return Ok(vec![(String::new(), Some(*n))]),
        Term::Number(None) => return Err("decided when the file was checked".to_string()),
        Term::Memory {} => return Err("decided by `pfmc plan`".to_string()),
        Term::Metric { factor, name, labels, at } => (factor, name, labels, at),
    };
    let mut found = vec![];
    for cell in cells.iter().filter(|c| labels.iter().all(|l| c.labels.contains(l))) {
        let results = match at {
            None => Some(cell.results.clone()),
            Some(step) => cell.at(*step),
        };
        let Some(value) = results.as_ref().and_then(|r| r.get(name)) else {
            let place = at.map(|step| format!(" at step {step}")).unwrap_or_default();
            return Err(format!("no report of cell {} computes `{name}`{place}", cell.cell));
        };
        found.push((cell.cell.clone(), value.map(|v| factor * v)));
    }
    match found.is_empty() {
        true => Err("no cell that was run has its labels".to_string()),
        false => Ok(found),
    }
}

/// A measured number for people: four significant digits.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size != 0.0 && !(1e-4..1e6).contains(&size) {
        return format!("{value:.3e}");
    }
    let before = if size < 1.0 { 0 } else { size.log10().floor() as usize + 1 };
    let leading = if size < 1.0 && size > 0.0 { (-size.log10()).floor() as usize } else { 0 };
    let text = format!("{value:.*}", (4 + leading).saturating_sub(before));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn cell(name: &str, labels: &[(&str, &str)], results: &[(&str, Option<f64>)]) -> CellMetrics {
        CellMetrics {
            experiment: "waves".into(),
            profile: None,
            cell: name.into(),
            labels: labels.iter().map(|(a, l)| (a.to_string(), l.to_string())).collect(),
            key: "k".into(),
            results: results.iter().map(|(n, v)| (n.to_string(), *v)).collect(),
            baselines: BTreeMap::new(),
            stages: vec![],
        }
    }

    fn claim(left: &serde_json::Value, comparison: &str, right: &serde_json::Value) -> serde_json::Value {
        json!({ "text": "t", "left": left, "comparison": comparison, "right": right, "within": null, "active": true })
    }

    #[test]
    fn tolerances_are_relative_to_the_right() {
        assert!(margin(0.17, "<=", 0.162, 0.1) > 0.0);
        assert!(margin(0.18, "<=", 0.162, 0.1) < 0.0);
        assert!(margin(0.15, ">=", 0.162, 0.1) > 0.0);
        assert!(margin(1.005, "==", 1.0, 0.01) > 0.0);
        assert_eq!(margin(2.0, "==", 2.0, 0.0), 0.0);
    }

    #[test]
    fn a_claim_holds_for_every_pair_of_cells() {
        let a = cell("a", &[("tok", "frozen")], &[("vrmse", Some(0.5))]);
        let b = cell("b", &[("tok", "trainable")], &[("vrmse", Some(0.25))]);
        let c = cell("c", &[("tok", "trainable")], &[("vrmse", None)]);
        let of = |labels: serde_json::Value| json!({ "Metric": { "factor": 1.0, "name": "vrmse", "labels": labels } });
        let (frozen, trainable) = (of(json!([["tok", "frozen"]])), of(json!([["tok", "trainable"]])));
        let claims = [
            claim(&trainable, "<", &frozen),
            claim(&of(json!([])), "<", &json!({ "Number": 0.4 })),
            claim(&of(json!([])), "<", &json!({ "Number": 0.5 })),
        ];
        let judged = judge(&claims, &[&a, &b]);
        assert_eq!(judged.iter().map(Judged::mark).collect::<Vec<_>>(), ["ok", "FAILED", "FAILED"]);
        assert_eq!(judged[0].found.as_deref(), Some("0.25 (b) < 0.5 (a)"));
        assert_eq!(judged[1].found.as_deref(), Some("0.5 (a) < 0.4"));
        // A cell that diverged fails; one that was not run leaves the claim open.
        assert!(judge(&claims[..1], &[&a, &c])[0].failed());
        assert_eq!(judge(&claims[..1], &[&a])[0].passed, None);
    }

    #[test]
    fn a_claim_may_be_about_a_report_point() {
        let summary = |value| crate::Summary { name: "vrmse".into(), value: Some(value), ..crate::Summary::default() };
        let point = |step: u64, value: f64| crate::Evaluation {
            step,
            curve: vec![],
            curve_windows: 0,
            whole: Some(crate::Whole { windows: 1, subsets: 1, model: vec![summary(value)], baselines: vec![], unroll: None }),
            sets: vec![],
        };
        let mut a = cell("a", &[], &[("vrmse", Some(0.25))]);
        a.stages.push(crate::StageMetrics {
            name: "rollout".into(),
            key: "k".into(),
            steps: 20,
            samples_per_step: 1,
            skipped_steps: 0,
            weights: "w".into(),
            report: None,
            fields: vec![],
            sets: vec![],
            evaluations: vec![point(10, 0.5), point(20, 0.25)],
        });
        let of = |at: Option<u64>| json!({ "Metric": { "factor": 1.0, "name": "vrmse", "labels": [], "at": at } });
        let half = json!({ "Number": 0.5 });
        let claims = [claim(&of(Some(10)), "==", &half), claim(&of(None), "==", &half), claim(&of(Some(15)), "==", &half)];
        let judged = judge(&claims, &[&a]);
        assert_eq!(judged.iter().map(|j| j.passed).collect::<Vec<_>>(), [Some(true), Some(false), None]);
    }

    #[test]
    fn numbers_have_four_digits() {
        let all = [0.162, 1.0, 0.0, 123456.0, 0.0123456, 12.3456, -0.5, 1e-9].map(number);
        assert_eq!(all, ["0.162", "1", "0", "123456", "0.01235", "12.35", "-0.5", "1.000e-9"]);
    }
}
