//! The order in which training sees the windows: a fresh permutation for every pass over the data, computed and not stored. It is a
//! pure function of (seed, stage, step), so resuming a run is a jump and every window is seen exactly once a pass.

/// Rounds of the Feistel network; four are enough for a pseudo-random permutation, two more cost nothing here.
const ROUNDS: usize = 6;

/// The windows of the batch that optimiser step `step` (counted from 0) uses.
///
/// Batches follow each other through one endless sequence: sample n = step * batch + k of the run is place n mod `windows` of pass
/// n / `windows`. A batch may therefore span two passes.
///
/// # Panics
/// There are no windows.
pub fn sample_order(seed: u64, stage_id: u64, step: u64, batch: usize, windows: usize) -> Vec<usize> {
    assert!(windows > 0, "sampling needs at least one window");
    let first = step * batch as u64;
    let mut pass = None;
    (first..first + batch as u64)
        .map(|sample| {
            let (number, place) = (sample / windows as u64, sample % windows as u64);
            if pass.as_ref().is_none_or(|(current, _)| *current != number) {
                pass = Some((number, Permutation::new(seed, stage_id, number, windows as u64)));
            }
            let (_, permutation) = pass.as_ref().expect("set above");
            permutation.image(place) as usize
        })
        .collect()
}

/// One of several processes that share the windows of every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub rank: u64,
    /// How many there are.
    pub ranks: u64,
}

/// The windows of one process' share of an optimiser step, `batch` of them. All shares of a step together are what one process would
/// take with the batches of all, so that each window still comes once a pass, whatever their number.
///
/// # Panics
/// There are no windows, or the rank is not below the number of ranks.
pub fn shard_order(seed: u64, stage_id: u64, step: u64, batch: usize, windows: usize, shard: Shard) -> Vec<usize> {
    assert!(shard.rank < shard.ranks, "rank {} of {}", shard.rank, shard.ranks);
    sample_order(seed, stage_id, step * shard.ranks + shard.rank, batch, windows)
}

/// A keyed permutation of 0 .. n: a balanced Feistel network on the next even number of bits, applied again while it leaves the
/// range (cycle walking; fewer than four applications on average).
struct Permutation {
    size: u64,
    half_bits: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    fn new(seed: u64, stage: u64, pass: u64, size: u64) -> Self {
        let bits = u64::BITS - (size - 1).leading_zeros();
        let mut hash = blake3::Hasher::new();
        hash.update(b"sample order");
        for part in [seed, stage, pass] {
            hash.update(&part.to_le_bytes());
        }
        let mut stream = hash.finalize_xof();
        let keys = std::array::from_fn(|_| {
            let mut key = [0; 8];
            stream.fill(&mut key);
            u64::from_le_bytes(key)
        });
        Self { size, half_bits: bits.div_ceil(2).max(1), keys }
    }

    fn image(&self, place: u64) -> u64 {
        let mut value = self.network(place);
        while value >= self.size {
            value = self.network(value);
        }
        value
    }

    fn network(&self, value: u64) -> u64 {
        let mask = (1u64 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        (left << self.half_bits) | right
    }
}

/// The finaliser of SplitMix64: every input bit reaches every output bit.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::{Shard, sample_order, shard_order};

    #[test]
    fn every_window_once_a_pass() {
        for windows in [1, 2, 3, 5, 16, 17, 92, 1000] {
            let mut passes = Vec::new();
            for pass in 0..3 {
                let mut order = Vec::new();
                for step in 0..windows as u64 {
                    order.extend(sample_order(7, 1, pass * windows as u64 + step, 1, windows));
                }
                let mut sorted = order.clone();
                sorted.sort_unstable();
                assert_eq!(sorted, (0..windows).collect::<Vec<_>>());
                passes.push(order);
            }
            assert!(windows < 16 || (passes[0] != passes[1] && passes[1] != passes[2]));
        }
    }

    #[test]
    fn batches_cut_one_sequence() {
        let all: Vec<usize> = (0..30).flat_map(|step| sample_order(3, 0, step, 1, 13)).collect();
        let batched: Vec<usize> = (0..10).flat_map(|step| sample_order(3, 0, step, 3, 13)).collect();
        assert_eq!(all, batched);
        assert_eq!(sample_order(3, 0, 7, 3, 13), batched[21..24]);
    }

    #[test]
    fn ranks_share_each_step() {
        for ranks in [1, 2, 3, 8] {
            for step in 0..7 {
                let share = |rank| shard_order(5, 2, step, 4, 29, Shard { rank, ranks });
                let all: Vec<usize> = (0..ranks).flat_map(share).collect();
                assert_eq!(all, sample_order(5, 2, step, 4 * ranks as usize, 29));
            }
        }
    }

    #[test]
    fn seed_and_stage_matter() {
        let order = |seed, stage| sample_order(seed, stage, 0, 100, 100);
        assert_ne!(order(0, 0), order(1, 0));
        assert_ne!(order(0, 0), order(0, 1));
        assert_ne!(order(0, 0), (0..100).collect::<Vec<_>>());
    }
}
