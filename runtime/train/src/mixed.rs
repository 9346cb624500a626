//! The evaluation of a stage that trains on several data sets: each on its own, and the plain means of their numbers.

use crate::evaluate::{Baseline, Evaluation, SetEvaluation, Whole};
use crate::summary::{Summary, deviation};
use crate::unroll::{Range, Unrolled};

/// One data set alone stands for the stage; of several, the means over them.
pub(crate) fn joined(step: u64, mut sets: Vec<SetEvaluation>) -> Evaluation {
    if sets.len() == 1 {
        let only = sets.remove(0);
        return Evaluation { step, curve: only.curve, curve_windows: only.curve_windows, whole: only.whole, sets };
    }
    let curves: Vec<&[Summary]> = sets.iter().map(|s| s.curve.as_slice()).collect();
    let curve = means(&curves);
    let wholes: Option<Vec<&Whole>> = sets.iter().map(|s| s.whole.as_ref()).collect();
    let whole = wholes.map(|w| mean_whole(&w));
    Evaluation { step, curve, curve_windows: sets.iter().map(|s| s.curve_windows).sum(), whole, sets }
}

fn mean_whole(sets: &[&Whole]) -> Whole {
    let of = |take: fn(&Whole) -> &[Summary]| means(&sets.iter().map(|w| take(w)).collect::<Vec<_>>());
    let baselines = sets[0].baselines.iter().enumerate().map(|(at, baseline)| {
        let each: Vec<&[Summary]> = sets.iter().map(|w| w.baselines[at].metrics.as_slice()).collect();
        Baseline { name: baseline.name.clone(), metrics: means(&each) }
    });
    Whole {
        windows: sets.iter().map(|w| w.windows).sum(),
        subsets: sets[0].subsets,
        model: of(|w| &w.model),
        baselines: baselines.collect(),
        unroll: mean_unrolled(sets),
    }
}

/// Over the ranges that the trajectories of every set are long enough for.
fn mean_unrolled(sets: &[&Whole]) -> Option<Unrolled> {
    let each: Vec<&Unrolled> = sets.iter().map(|w| w.unroll.as_ref()).collect::<Option<_>>()?;
    let same = |u: &&Unrolled, r: &Range| u.ranges.iter().any(|o| (o.from, o.to) == (r.from, r.to));
    let shared = each[0].ranges.iter().filter(|r| each.iter().all(|u| same(u, r)));
    let ranges = shared.map(|r| {
        let found: Vec<&Range> = each.iter().flat_map(|u| u.ranges.iter().filter(|o| (o.from, o.to) == (r.from, r.to))).collect();
        let of = |take: fn(&Range) -> &[Summary]| means(&found.iter().map(|r| take(r)).collect::<Vec<_>>());
        Range { from: r.from, to: r.to, model: of(|r| &r.model), persistence: of(|r| &r.persistence) }
    });
    let ranges: Vec<Range> = ranges.collect();
    let mut too_long: Vec<(usize, usize)> = each.iter().flat_map(|u| u.too_long.iter().copied()).collect();
    too_long.sort_unstable();
    too_long.dedup();
    let of = |take: fn(&Unrolled) -> &[Summary]| means(&each.iter().map(|u| take(u)).collect::<Vec<_>>());
    let (model, persistence) = (of(|u| &u.model), of(|u| &u.persistence));
    Some(Unrolled { starts: each.iter().map(|u| u.starts).sum(), ranges, too_long, model, persistence })
}

/// The mean of each summary that all sets have. Fields differ between sets, so there is no value by field.
fn means(sets: &[&[Summary]]) -> Vec<Summary> {
    let names = sets[0].iter().map(|s| &s.name);
    let found = names.filter_map(|name| sets.iter().map(|s| s.iter().find(|o| o.name == *name)).collect::<Option<Vec<_>>>());
    found.map(|each| mean(&each)).collect()
}

fn mean(each: &[&Summary]) -> Summary {
    let value = mean_of(each.iter().map(|s| s.value));
    let subsets = columns(&each.iter().map(|s| s.subsets.as_slice()).collect::<Vec<_>>());
    Summary {
        name: each[0].name.clone(),
        value,
        deviation: deviation(&subsets, value),
        subsets,
        by_field: vec![],
        by_frame: columns(&each.iter().map(|s| s.by_frame.as_slice()).collect::<Vec<_>>()),
        counted: each.iter().map(|s| s.counted).sum(),
        left_out: each.iter().map(|s| s.left_out).sum(),
        diverged: each.iter().map(|s| s.diverged).sum(),
    }
}

/// Means entry by entry, as far as the shortest list goes.
fn columns(lists: &[&[Option<f64>]]) -> Vec<Option<f64>> {
    let length = lists.iter().map(|l| l.len()).min().unwrap_or(0);
    (0..length).map(|at| mean_of(lists.iter().map(|l| l[at]))).collect()
}

/// None if one is missing.
fn mean_of(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let known: Vec<f64> = values.collect::<Option<_>>()?;
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(name: &str, value: Option<f64>, subsets: &[Option<f64>]) -> Summary {
        let subsets = subsets.to_vec();
        Summary { name: name.into(), value, by_frame: subsets.clone(), subsets, counted: 2, ..Summary::default() }
    }

    fn set(name: &str, value: Option<f64>) -> SetEvaluation {
        let one = summary("vrmse", value, &[value, value.map(|v| v + 2.0)]);
        let whole = Whole {
            windows: 3,
            subsets: 2,
            model: vec![one.clone(), summary("neps.low", Some(1.0), &[])],
            baselines: vec![Baseline { name: "mean".into(), metrics: vec![one.clone()] }],
            unroll: None,
        };
        SetEvaluation { name: name.into(), curve: vec![one], curve_windows: 4, whole: Some(whole) }
    }

    #[test]
    fn means_are_over_sets_whatever_their_sizes() {
        let joined = joined(7, vec![set("a", Some(1.0)), set("b", Some(3.0))]);
        assert_eq!((joined.step, joined.curve_windows, joined.sets.len()), (7, 8, 2));
        let whole = joined.whole.expect("both sets have one");
        assert_eq!(whole.model[0].value, Some(2.0));
        assert_eq!(whole.model[0].subsets, [Some(2.0), Some(4.0)]);
        assert_eq!((whole.model[0].counted, whole.windows), (4, 6));
        assert_eq!(whole.baselines[0].metrics[0].value, Some(2.0));
    }

    #[test]
    fn a_set_without_a_value_leaves_no_mean() {
        let joined = joined(1, vec![set("a", Some(1.0)), set("b", None)]);
        assert_eq!(joined.curve[0].value, None);
        assert_eq!(joined.whole.expect("both sets have one").model[1].value, Some(1.0));
    }

    #[test]
    fn one_set_is_left_as_it_is() {
        let only = set("a", Some(1.0));
        let joined = joined(1, vec![only.clone()]);
        assert_eq!((joined.curve, joined.whole), (only.curve, only.whole));
        assert!(joined.sets.is_empty());
    }
}
