//! Random graphs: shapes, constants and composites that the passes have something to do with.

use pfm_ir::{Builder, DType, Role, TensorType, ValueId};
use pfm_ops as ops;

/// Numbers below a bound, the same in every run of one seed.
pub struct Random {
    seed: u32,
    count: u32,
}

impl Random {
    pub fn new(seed: u32) -> Random {
        Random { seed, count: 0 }
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.count += 1;
        ops::draw([self.seed, 1, 0, 0], 0, 0, self.count)[0] as usize % bound
    }
}

/// Adds one random node or composite over existing f32 values, all of which stay within a few units.
fn grow(b: &mut Builder, pool: &[ValueId], random: &mut Random) -> ValueId {
    let x = pool[random.below(pool.len())];
    let shape = b.shape(x).to_vec();
    let rank = shape.len();
    let same: Vec<ValueId> = pool.iter().copied().filter(|v| b.shape(*v) == shape).collect();
    let y = same[random.below(same.len())];
    let axis = random.below(rank.max(1));
    match random.below(16) {
        choice @ 0..=7 => pointwise(b, x, y, choice),
        8 if rank > 1 => {
            let mut order: Vec<usize> = (0..rank).collect();
            order.rotate_left(1 + random.below(rank - 1));
            ops::permute(b, x, &order)
        }
        9 if rank > 0 => ops::flip(b, x, &[axis]),
        10 if rank > 0 && shape[axis] > 1 => ops::slice_axis(b, x, axis, random.below(shape[axis] - 1), shape[axis]),
        11 if rank > 0 => {
            let mean = ops::mean(b, x, &[axis]);
            ops::broadcast_like(b, mean, &[axis], &shape)
        }
        12 if rank > 0 => {
            let (mut low, mut high) = (vec![0; rank], vec![0; rank]);
            (low[axis], high[axis]) = (random.below(3), random.below(2));
            ops::pad(b, x, &low, &high, &vec![random.below(2); rank], 0.25)
        }
        13 if rank > 0 => ops::softmax(b, x, axis),
        14 if rank > 0 => ops::normalise(b, x, &[axis], 0.1, random.below(2) == 0),
        15 if rank > 0 => ops::concat(b, &[x, y], axis),
        _ => {
            let flat = ops::reshape(b, x, &[shape.iter().product()]);
            let sum = ops::reduce_sum(b, flat, &[]);
            let one = ops::reshape(b, sum, &shape);
            ops::square(b, one)
        }
    }
}

fn pointwise(b: &mut Builder, x: ValueId, y: ValueId, choice: usize) -> ValueId {
    match choice {
        0 => ops::tanh(b, x),
        1 => {
            let n = ops::neg(b, y);
            ops::add(b, x, n)
        }
        2 => ops::max(b, x, y),
        3 => {
            let once = ops::scale(b, x, 0.5);
            ops::scale(b, once, -1.5)
        }
        4 => {
            let t = ops::sin(b, y);
            ops::mul(b, x, t)
        }
        5 => {
            let zero = ops::constant_like(b, x, 0.0);
            let below = ops::less(b, x, zero);
            ops::select(b, below, zero, y)
        }
        6 => {
            let two = ops::constant_like(b, x, 2.0);
            let power = ops::pow(b, x, two);
            let above = ops::add_scalar(b, power, 1.0);
            let root = ops::sqrt(b, above);
            ops::reciprocal(b, root)
        }
        _ => {
            let shape = b.shape(x).to_vec();
            let place = if shape.is_empty() { ops::constant(b, 3.0, &[]) } else { ops::iota(b, 0, &shape, DType::F32) };
            let wave = ops::cos(b, place);
            let still = ops::scale(b, wave, 0.0);
            let sum = ops::add(b, x, still);
            ops::mul(b, sum, wave)
        }
    }
}

/// A graph over one to three inputs whose outputs are the last values made.
pub fn random_graph(seed: u32, nodes: usize) -> Builder {
    let mut random = Random::new(seed);
    let mut b = Builder::new("random");
    let mut pool = vec![];
    for i in 0..1 + random.below(3) {
        let shape: Vec<usize> = (0..random.below(4)).map(|_| 1 + random.below(4)).collect();
        pool.push(b.input(&format!("x{i}"), Role::Data, TensorType::f32(&shape)));
    }
    for _ in 0..nodes {
        let recent = pool[pool.len().saturating_sub(6)..].to_vec();
        let v = grow(&mut b, &recent, &mut random);
        if b.ty(v).elements() <= 256 {
            pool.push(v);
        }
    }
    for (i, v) in pool.iter().rev().take(3).enumerate() {
        b.output(&format!("y{i}"), *v);
    }
    b
}
