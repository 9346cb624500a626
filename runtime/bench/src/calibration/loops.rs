//! Generated loops: what a vector of each kind of work takes while everything lies in a cache, and how fast memory of several
//! sizes is gone through.

use super::micro::{Micro, Run, input};
use super::table::Table;
use pfm_cpu::Effort;
use pfm_ir::{Builder, ValueId};
use pfm_ops as ops;
use serde::{Deserialize, Serialize};

/// Seconds of one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// Of starting a function on the pool.
    pub launch: f64,
    /// Of a vector of each kind of work, as `pfm_cpu::Effort` counts it.
    pub light: f64,
    pub medium: f64,
    pub heavy: f64,
    pub gathered: f64,
    /// Of entering an innermost loop.
    pub row: f64,
}

impl Costs {
    /// Seconds on so many threads, with memory no hindrance.
    pub fn seconds(&self, e: &Effort, threads: usize) -> f64 {
        let busy = e.light * self.light + e.medium * self.medium + e.heavy * self.heavy + e.gathered * self.gathered + e.rows * self.row;
        // Tasks of equal size: the last round may leave threads idle.
        let tasks = e.tasks.max(1.0);
        let share = (tasks / threads as f64).ceil() / tasks;
        e.launches * self.launch + busy * share
    }

    pub fn is_whole(&self) -> bool {
        [self.launch, self.light, self.medium, self.heavy, self.gathered, self.row].iter().all(|c| c.is_finite() && *c >= 0.0)
    }
}

/// Values of an array of a loop that is to find its data in the caches of the cores.
const CACHED: usize = 1 << 16;

/// One kind of work after the other, each less what is known by then.
pub fn costs(micro: &Micro) -> Costs {
    let threads = micro.pool.threads();
    let mut costs = Costs { launch: micro.run(|b| chain(b, &[4], 1, shifted)).seconds, ..Costs::default() };
    let rest = |costs: &Costs, run: &Run, count: fn(&Effort) -> f64| {
        let e = run.effort.expect("a loop is generated code");
        let left = (run.seconds - costs.seconds(&e, threads)).max(0.0);
        left * threads as f64 / count(&e)
    };
    let flat = [CACHED];
    costs.light = rest(&costs, &micro.run(|b| chain(b, &flat, 12, shifted)), |e| e.light);
    costs.medium = rest(&costs, &micro.run(|b| chain(b, &flat, 4, ops::reciprocal)), |e| e.medium);
    costs.heavy = rest(&costs, &micro.run(|b| chain(b, &flat, 2, ops::sigmoid)), |e| e.heavy);
    costs.row = rest(&costs, &micro.run(rows), |e| e.rows);
    costs.gathered = rest(&costs, &micro.run(transposed), |e| e.gathered);
    costs
}

/// x, changed `times` times.
fn chain(b: &mut Builder, shape: &[usize], times: usize, f: fn(&mut Builder, ValueId) -> ValueId) -> Vec<ValueId> {
    let x = input(b, "x", shape);
    vec![(0..times).fold(x, |x, _| f(b, x))]
}

fn shifted(b: &mut Builder, x: ValueId) -> ValueId {
    ops::add_scalar(b, x, 0.5)
}

/// Short rows, which a factor for each keeps from being joined.
fn rows(b: &mut Builder) -> Vec<ValueId> {
    let shape = [CACHED / 16, 16];
    let (x, scale) = (input(b, "x", &shape), input(b, "scale", &shape[..1]));
    let scale = ops::broadcast(b, scale, &shape, &[0]);
    vec![ops::mul(b, x, scale)]
}

fn transposed(b: &mut Builder) -> Vec<ValueId> {
    let (x, y) = (input(b, "x", &[CACHED / 8, 8]), input(b, "y", &[8, CACHED / 8]));
    let x = ops::permute(b, x, &[1, 0]);
    vec![ops::add(b, x, y)]
}

/// Bytes a second of a sum of two arrays, by the bytes of all three.
pub fn streams(micro: &Micro) -> Table {
    let sizes: Vec<usize> = (18..=28).step_by(2).map(|n| 3 << n).collect();
    Table::fill(&[&sizes], |p| {
        let run = micro.run(|b| {
            let (x, y) = (input(b, "x", &[p[0] / 12]), input(b, "y", &[p[0] / 12]));
            vec![ops::add(b, x, y)]
        });
        Some(run.bytes / run.seconds)
    })
}
