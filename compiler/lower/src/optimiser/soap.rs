//! SOAP (Vyas et al. 2024): Adam in the eigenbasis of Shampoo's factors, in the order of the reference implementation.
//!
//! A tensor of two or more axes gets a factor for each axis of 2 to `max_precond_dim` entries; others are plain Adam.
//! The first gradient only makes the factors; each later one steps in the rotated basis; every `frequency` steps the bases
//! are refreshed by one QR iteration, with the second moments permuted (not rotated) along.

use super::{Step, scaled_by};
use crate::unit::UpdatePhase;
use pfm_elaborate::{Instance, Setting};
use pfm_ir::{Builder, ValueId};
use pfm_ops as ops;

/// Settings of one stage's SOAP.
#[derive(Clone, Debug)]
pub struct Soap {
    pub betas: (f64, f64),
    pub weight_decay: f64,
    pub eps: f64,
    pub frequency: u64,
    pub max_precond_dim: usize,
}

impl Soap {
    /// From the settings of the stage's `optimiser = soap(…)`.
    pub fn from_settings(instance: &Instance) -> Self {
        let number = |name: &str| {
            let value = instance.setting(name).and_then(Setting::number);
            value.unwrap_or_else(|| panic!("soap has the number `{name}`"))
        };
        let Some(Setting::Tuple(betas)) = instance.setting("betas") else { panic!("soap has two betas") };
        let beta = |i: usize| betas[i].number().expect("a beta is a number");
        Soap {
            betas: (beta(0), beta(1)),
            weight_decay: number("weight_decay"),
            eps: number("eps"),
            frequency: number("frequency") as u64,
            max_precond_dim: number("max_precond_dim") as usize,
        }
    }

    /// Optimiser slots of one parameter, with their shapes; all start at zero.
    pub fn slots(&self, shape: &[usize]) -> Vec<(String, Vec<usize>)> {
        let mut slots = vec![("m".to_string(), shape.to_vec()), ("v".to_string(), shape.to_vec())];
        for axis in self.axes(shape) {
            let n = shape[axis];
            slots.push((format!("q.{axis}"), vec![n, n]));
            slots.push((format!("gg.{axis}"), vec![n, n]));
        }
        slots
    }

    /// New parameter and slots. Those that a phase leaves alone come back as they were.
    pub fn update(&self, b: &mut Builder, s: &Step) -> (ValueId, Vec<ValueId>) {
        let shape = b.shape(s.parameter).to_vec();
        let axes = self.axes(&shape);
        match s.phase {
            UpdatePhase::First => self.first(b, s, &axes),
            UpdatePhase::Plain => self.later(b, s, &axes, false),
            UpdatePhase::Refresh => self.later(b, s, &axes, true),
        }
    }

    /// Axes that have a factor.
    pub fn axes(&self, shape: &[usize]) -> Vec<usize> {
        let eligible = |&a: &usize| shape.len() > 1 && (2..=self.max_precond_dim).contains(&shape[a]);
        (0..shape.len()).filter(eligible).collect()
    }

    /// Makes the factors and their eigenbases; nothing moves.
    fn first(&self, b: &mut Builder, s: &Step, axes: &[usize]) -> (ValueId, Vec<ValueId>) {
        let mut slots = s.slots.to_vec();
        for (k, &axis) in axes.iter().enumerate() {
            let outer = outer(b, s.gradient, axis);
            let gg = ops::scale(b, outer, 1.0 - self.betas.1);
            let (_, q) = ops::eigh(b, gg);
            slots[2 + 2 * k] = q;
            slots[3 + 2 * k] = gg;
        }
        (s.parameter, slots)
    }

    fn later(&self, b: &mut Builder, s: &Step, axes: &[usize], refresh: bool) -> (ValueId, Vec<ValueId>) {
        let (beta1, beta2) = self.betas;
        let qs: Vec<ValueId> = (0..axes.len()).map(|k| s.slots[2 + 2 * k]).collect();

        let rotated = rotate(b, s.gradient, axes, &qs, Direction::Into);
        let m = ema(b, s.slots[0], rotated, beta1);
        let square = ops::mul(b, rotated, rotated);
        let v = ema(b, s.slots[1], square, beta2);

        let root = ops::sqrt(b, v);
        let denominator = ops::add_scalar(b, root, self.eps);
        let direction = ops::div(b, m, denominator);
        let direction = rotate(b, direction, axes, &qs, Direction::OutOf);
        let size = self.step_size(b, s);
        let moved = scaled_by(b, direction, size);
        let p = ops::sub(b, s.parameter, moved);
        let decay = ops::scale(b, s.rate, self.weight_decay);
        let shrink = scaled_by(b, p, decay);
        let p = ops::sub(b, p, shrink);

        let mut slots = s.slots.to_vec();
        (slots[0], slots[1]) = (m, v);
        for (k, &axis) in axes.iter().enumerate() {
            let outer = outer(b, s.gradient, axis);
            slots[3 + 2 * k] = ema(b, s.slots[3 + 2 * k], outer, beta2);
        }
        if refresh && !axes.is_empty() {
            let original = rotate(b, m, axes, &qs, Direction::OutOf);
            let mut fresh = Vec::new();
            for (k, &axis) in axes.iter().enumerate() {
                let (q, order) = refresh_basis(b, qs[k], slots[3 + 2 * k]);
                slots[1] = ops::gather(b, slots[1], order, axis);
                slots[2 + 2 * k] = q;
                fresh.push(q);
            }
            slots[0] = rotate(b, original, axes, &fresh, Direction::Into);
        }
        (p, slots)
    }

    /// `rate * sqrt(1 - beta2^t) / (1 - beta1^t)` with t = step - 1: the first gradient was no step.
    fn step_size(&self, b: &mut Builder, s: &Step) -> ValueId {
        let t = ops::add_scalar(b, s.step, -1.0);
        let c1 = one_minus_power(b, self.betas.0, t);
        let c2 = one_minus_power(b, self.betas.1, t);
        let root = ops::sqrt(b, c2);
        let ratio = ops::div(b, root, c1);
        ops::mul(b, s.rate, ratio)
    }
}

fn one_minus_power(b: &mut Builder, beta: f64, t: ValueId) -> ValueId {
    let base = ops::constant(b, beta, &[]);
    let power = ops::pow(b, base, t);
    let negative = ops::neg(b, power);
    ops::add_scalar(b, negative, 1.0)
}

/// `beta * old + (1 - beta) * new`.
fn ema(b: &mut Builder, old: ValueId, new: ValueId, beta: f64) -> ValueId {
    let old = ops::scale(b, old, beta);
    let new = ops::scale(b, new, 1.0 - beta);
    ops::add(b, old, new)
}

/// The gradient contracted with itself over every axis but one.
fn outer(b: &mut Builder, g: ValueId, axis: usize) -> ValueId {
    let (rank, kept) = (b.shape(g).len() as i64, axis as i64);
    let x: Vec<i64> = (0..rank).collect();
    let mut y = x.clone();
    y[axis] = rank;
    ops::contract(b, g, g, &x, &y, &[kept, rank])
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    /// By the transposed bases: original to eigenbasis.
    Into,
    OutOf,
}

fn rotate(b: &mut Builder, mut x: ValueId, axes: &[usize], qs: &[ValueId], direction: Direction) -> ValueId {
    let rank = b.shape(x).len() as i64;
    let labels: Vec<i64> = (0..rank).collect();
    for (&axis, &q) in axes.iter().zip(qs) {
        let mut out = labels.clone();
        out[axis] = rank;
        let old = axis as i64;
        let basis = if direction == Direction::Into { [old, rank] } else { [rank, old] };
        x = ops::contract(b, x, q, &labels, &basis, &out);
    }
    x
}

/// One power iteration with QR, columns sorted by descending Rayleigh quotient; also the order, for the second moments.
fn refresh_basis(b: &mut Builder, q: ValueId, gg: ValueId) -> (ValueId, ValueId) {
    let image = ops::contract(b, gg, q, &[0, 1], &[1, 2], &[0, 2]);
    let weighted = ops::mul(b, q, image);
    let quotients = ops::reduce_sum(b, weighted, &[0]);
    let order = ops::argsort(b, quotients, true);
    let sorted = ops::gather(b, image, order, 1);
    let (q, _) = ops::qr(b, sorted);
    (q, order)
}
