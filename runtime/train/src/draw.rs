//! Choices made by chance, each a pure function of what it is for. Nothing is carried from step to step, so resuming is a
//! jump and the order of evaluation never matters.

use std::ops::Range;

/// Which of `variants` the step (counted from 0) trains, uniformly.
pub fn variant(seed: u64, stage: u32, step: u64, variants: &[usize]) -> usize {
    assert!(!variants.is_empty(), "a stage trains at least one variant");
    variants[below(variants.len(), "variant", &[seed, u64::from(stage), step])]
}

/// Which of several data sets the step (counted from 0) trains on: each as often as its weight says.
pub fn data_set(seed: u64, stage: u32, step: u64, weights: &[u64]) -> usize {
    let total: u64 = weights.iter().sum();
    assert!(total > 0, "a stage trains on at least one window");
    if weights.len() == 1 {
        return 0;
    }
    let mut place = below(total as usize, "data", &[seed, u64::from(stage), step]) as u64;
    for (set, weight) in weights.iter().enumerate() {
        if place < *weight {
            return set;
        }
        place -= weight;
    }
    unreachable!("the place lies below the sum of the weights")
}

/// For each of these steps the data set that it trains on, and how many batches of it the steps from the very first on took before.
pub fn batches(seed: u64, stage: u32, weights: Vec<u64>, steps: Range<u64>) -> impl Iterator<Item = (usize, u64)> {
    let mut taken = vec![0u64; weights.len()];
    let skipped = steps.start as usize;
    let all = (0..steps.end).map(move |step| {
        let set = data_set(seed, stage, step, &weights);
        taken[set] += 1;
        (set, taken[set] - 1)
    });
    all.skip(skipped)
}

/// `size` different indices below `total`, sorted; all of them when there are not more. Subset number `which`.
pub fn subset(seed: u64, which: u64, size: usize, total: usize) -> Vec<usize> {
    let mut pool: Vec<usize> = (0..total).collect();
    let size = size.min(total);
    // The first `size` places of a Fisher-Yates shuffle.
    for place in 0..size {
        let pick = below(total - place, "subset", &[seed, which, place as u64]);
        pool.swap(place, place + pick);
    }
    pool.truncate(size);
    pool.sort_unstable();
    pool
}

/// At most `size` indices below `total`, evenly spread, sorted.
pub fn spread(size: usize, total: usize) -> Vec<usize> {
    let size = size.min(total);
    (0..size).map(|i| i * total / size).collect()
}

/// Uniform in `0..limit`.
fn below(limit: usize, purpose: &str, numbers: &[u64]) -> usize {
    let mut hasher = blake3::Hasher::new();
    hasher.update(purpose.as_bytes());
    for n in numbers {
        hasher.update(&n.to_le_bytes());
    }
    let bytes = hasher.finalize();
    let word = u64::from_le_bytes(bytes.as_bytes()[..8].try_into().expect("a hash has 32 bytes"));
    // The high half of the product: uniform up to limit / 2^64.
    ((u128::from(word) * limit as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_uniform_and_repeatable() {
        let mut counts = [0usize; 4];
        for step in 0..4000 {
            let v = variant(7, 2, step, &[0, 1, 2, 3]);
            assert_eq!(v, variant(7, 2, step, &[0, 1, 2, 3]));
            counts[v] += 1;
        }
        assert!(counts.iter().all(|&c| (900..1100).contains(&c)), "{counts:?}");
        let other: Vec<_> = (0..20).map(|s| variant(8, 2, s, &[0, 1, 2, 3])).collect();
        let this: Vec<_> = (0..20).map(|s| variant(7, 2, s, &[0, 1, 2, 3])).collect();
        assert_ne!(other, this);
    }

    #[test]
    fn data_sets_are_drawn_as_often_as_their_weights_say() {
        let mut counts = [0usize; 3];
        for step in 0..12_000 {
            let set = data_set(3, 9, step, &[1, 3, 8]);
            assert_eq!(set, data_set(3, 9, step, &[1, 3, 8]), "a pure function of the step");
            counts[set] += 1;
        }
        // Binomial with a standard deviation of at most 54.
        for (count, expected) in counts.into_iter().zip([1000usize, 3000, 8000]) {
            assert!(count.abs_diff(expected) < 250, "{counts:?}");
        }
        let drawn = |seed, stage| (0..50).map(|s| data_set(seed, stage, s, &[1, 1])).collect::<Vec<_>>();
        assert_ne!(drawn(0, 1), drawn(1, 1));
        assert_ne!(drawn(0, 1), drawn(0, 2));
        assert!((0..50).all(|s| data_set(0, 1, s, &[0, 4, 0]) == 1 && data_set(0, 1, s, &[7]) == 0));
    }

    #[test]
    fn batches_go_on_where_they_stopped() {
        let all: Vec<_> = batches(3, 9, vec![1, 2], 0..50).collect();
        for set in 0..2 {
            let numbers: Vec<u64> = all.iter().filter(|(s, _)| *s == set).map(|(_, n)| *n).collect();
            assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "each batch once, in order");
        }
        for from in [0, 1, 17, 49, 50] {
            assert_eq!(batches(3, 9, vec![1, 2], from..50).collect::<Vec<_>>(), all[from as usize..]);
        }
    }

    #[test]
    fn subsets_hold_different_indices() {
        let a = subset(0, 0, 10, 100);
        assert_eq!(a.len(), 10);
        assert!(a.windows(2).all(|w| w[0] < w[1]) && a[9] < 100);
        assert_ne!(a, subset(0, 1, 10, 100));
        assert_eq!(subset(0, 0, 10, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn spread_is_even() {
        assert_eq!(spread(4, 8), [0, 2, 4, 6]);
        assert_eq!(spread(64, 3), [0, 1, 2]);
        assert!(spread(5, 0).is_empty());
    }
}
