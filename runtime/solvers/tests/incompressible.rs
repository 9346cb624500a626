//! The staggered-grid core and the simulator `pdebench_incompressible`: exact decay of Taylor-Green vortices, budgets of energy and of
//! particles, bounds, and the layout of what is stored. With PFMC_HEAVY=1 in the environment finer grids run as well.

mod common;

use common::{assert_threads_change_nothing, heavy};
use std::f64::consts::PI;

use pfm_solvers::forced_flow::Driven;
use pfm_solvers::staggered::{Flow, Grid, Sides, Tracer, Wall, substeps};
use pfm_solvers::{Problem, Spacing};

fn unit_grid(n: usize) -> Grid {
    Grid::new([n, n], Sides::Walls, [1.0, 1.0], Spacing::Uniform)
}

fn vortices(flow: &mut Flow) {
    flow.set(|x, y| (PI * x).sin() * (PI * y).cos(), |x, y| -(PI * x).cos() * (PI * y).sin());
}

fn march(flow: &mut Flow, steps: usize, dt: f64) {
    for _ in 0..steps {
        for stage in substeps(dt) {
            flow.evaluate();
            flow.advance(&stage);
        }
    }
}

/// Largest errors of velocity and pressure after a Taylor-Green vortex between free-slip walls decayed by a third.
fn taylor_green(n: usize) -> (f64, f64) {
    let (viscosity, end) = (0.02, 1.0);
    let mut flow = Flow::new(unit_grid(n), viscosity, Wall::FreeSlip);
    vortices(&mut flow);
    let steps = 4 * n;
    march(&mut flow, steps, end / steps as f64);
    flow.evaluate();
    flow.settle_pressure();
    assert!(flow.divergence() < 1e-11, "{:e}", flow.divergence());
    let decay = (-2.0 * PI * PI * viscosity * end).exp();
    let grid = flow.grid();
    let mut errors = (0.0f64, 0.0f64);
    for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
        let (x, y) = (i as f64 * grid.width, grid.centres[j]);
        errors.0 = errors.0.max((flow.u[grid.at(i, j)] - decay * (PI * x).sin() * (PI * y).cos()).abs());
        let x = x + 0.5 * grid.width;
        let pressure = 0.25 * decay * decay * ((2.0 * PI * x).cos() + (2.0 * PI * y).cos());
        errors.1 = errors.1.max((flow.pressure[grid.at(i, j)] - pressure).abs());
    }
    errors
}

#[test]
fn taylor_green_vortices_decay() {
    let (coarse, fine) = (taylor_green(16), taylor_green(32));
    println!("errors {coarse:?} {fine:?}");
    assert!(fine.0 < 5e-4 && fine.1 < 2e-3);
    let orders = [(coarse.0 / fine.0).log2(), (coarse.1 / fine.1).log2()];
    assert!(orders.iter().all(|order| (order - 2.0).abs() < 0.15), "{orders:?}");
}

/// Without viscosity the scheme conserves energy in space; what is left is the third order of the time step.
#[test]
fn inviscid_flow_keeps_its_energy() {
    let drift = |steps: usize| {
        let mut flow = Flow::new(unit_grid(24), 0.0, Wall::FreeSlip);
        flow.set(
            |x, y| (PI * x).sin() * (PI * y).cos() + (2.0 * PI * x).sin() * (3.0 * PI * y).cos(),
            |x, y| -(PI * x).cos() * (PI * y).sin() - 2.0 / 3.0 * (2.0 * PI * x).cos() * (3.0 * PI * y).sin(),
        );
        let start = flow.energy();
        march(&mut flow, steps, 1.0 / steps as f64);
        (flow.energy() / start - 1.0).abs()
    };
    let (coarse, fine) = (drift(100), drift(200));
    println!("drift of energy {coarse:e} {fine:e}");
    assert!(fine < 1e-5 && (coarse / fine).log2() > 2.7);
}

/// A driven flow with smooth fields.
fn driven(n: usize) -> Driven {
    let grid = unit_grid(n);
    let half = 0.5 * grid.width;
    let particles = grid.at_centres(|x, y| (2.0 * PI * x).cos() + (3.0 * PI * x * y).sin());
    let force = [grid.at_centres(|x, y| (5.0 * (x - half) + 2.0 * y).sin()), grid.at_centres(|x, y| (4.0 * x - 3.0 * (y - half)).cos())];
    let mut flow = Flow::new(grid, 0.01, Wall::NoSlip);
    flow.set(|x, y| (PI * x).sin().powi(2) * (2.0 * PI * y).sin(), |x, y| -(PI * y).sin().powi(2) * (2.0 * PI * x).sin());
    Driven::new(flow, particles, force)
}

#[test]
fn the_budget_of_energy_closes() {
    let mismatch = |steps: usize| {
        let mut driven = driven(32);
        let dt = 0.2 / steps as f64;
        let power = |driven: &mut Driven| driven.power() + driven.flow.viscous_power();
        let start = driven.flow.energy();
        let (mut work, mut before) = (0.0, power(&mut driven));
        for _ in 0..steps {
            driven.step(dt);
            let after = power(&mut driven);
            work += 0.5 * dt * (before + after);
            before = after;
        }
        let change = driven.flow.energy() - start;
        ((change - work) / change).abs()
    };
    let (coarse, fine) = (mismatch(100), mismatch(200));
    println!("mismatch of the energy budget {coarse:e} {fine:e}");
    assert!(fine < 1e-4 && fine < 0.5 * coarse);
}

#[test]
fn particles_stay_within_bounds_and_in_the_box() {
    let mut driven = driven(48);
    let n = driven.flow.grid().cells[0];
    let bounds = |driven: &Driven| {
        let grid = driven.flow.grid();
        let values = (0..n * n).map(|at| driven.particles.values[grid.at(at / n, at % n)]);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (low, high) = bounds(&driven);
    let sum = driven.flow.grid().integral(&driven.particles.values);
    for frame in 1..=10 {
        driven.advance(0.1 * frame as f64).unwrap();
        let (now_low, now_high) = bounds(&driven);
        assert!(now_low >= low - 1e-12 && now_high <= high + 1e-12, "{now_low} {low} {now_high} {high}");
        assert!((driven.flow.grid().integral(&driven.particles.values) - sum).abs() < 1e-13);
        assert!(driven.flow.divergence() < 1e-11);
    }
}

/// A smooth blob that a divergence-free velocity carries around and, turned back halfway, to where it was.
#[test]
fn particles_are_carried_at_second_order() {
    let error = |n: usize| {
        let grid = unit_grid(n);
        let mut flow = Flow::new(grid.clone(), 0.0, Wall::FreeSlip);
        vortices(&mut flow);
        let blob = |x: f64, y: f64| (-40.0 * ((x - 0.5).powi(2) + (y - 0.3).powi(2))).exp();
        let mut tracer = Tracer::new(&grid, grid.at_centres(blob));
        for direction in [1.0, -1.0] {
            for velocity in [&mut flow.u, &mut flow.v] {
                velocity.iter_mut().for_each(|value| *value *= direction);
            }
            for _ in 0..4 * n {
                tracer.advance(&grid, [&flow.u, &flow.v], 0.5 / (4 * n) as f64);
            }
        }
        let exact = grid.at_centres(blob);
        let cells = (0..n * n).map(|at| grid.at(at / n, at % n));
        cells.map(|at| (tracer.values[at] - exact[at]).abs()).sum::<f64>() / (n * n) as f64
    };
    let (coarse, fine) = (error(32), error(64));
    println!("mean errors {coarse:e} {fine:e}");
    assert!((coarse / fine).log2() > 1.7);
}

/// The velocity at a point converges at second order in the time step.
#[test]
fn time_steps_are_of_second_order() {
    let state = |steps: usize| {
        let mut driven = driven(16);
        (0..steps).for_each(|_| driven.step(0.4 / steps as f64));
        [driven.flow.u, driven.flow.v].concat()
    };
    let exact = state(1600);
    let error = |steps| state(steps).iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let (coarse, fine) = (error(50), error(100));
    println!("errors of the time step {coarse:e} {fine:e}, order {:.2}", (coarse / fine).log2());
    assert!((coarse / fine).log2() > 1.7);
}

fn problem(grid: [usize; 2], frames: usize, index: u64) -> Problem {
    common::problem("pdebench_incompressible", 0, grid, frames, index)
}

#[test]
fn fields_are_laid_out_as_declared() {
    let grid = if heavy() { [128, 128] } else { [32, 32] };
    let frames = if heavy() { 200 } else { 21 };
    let trajectory = problem(grid, frames, 0).simulate().unwrap();
    let names: Vec<&str> = trajectory.fields.iter().map(|series| series.field.name).collect();
    assert_eq!(names, ["particles", "flow"]);
    let cells = grid[0] * grid[1];
    let [particles, flow] = [0, 1].map(|field| &trajectory.fields[field].values);
    assert_eq!([particles.len(), flow.len()], [frames * cells, frames * cells * 2]);
    let mean_square = |values: &[f32]| values.iter().map(|value| f64::from(value * value)).sum::<f64>() / cells as f64;
    for frame in [0, frames / 2, frames - 1] {
        let flow = mean_square(&flow[frame * cells * 2..(frame + 1) * cells * 2]);
        let particles = mean_square(&particles[frame * cells..(frame + 1) * cells]);
        println!("t = {:.3}: mean square of flow {flow:.3}, of particles {particles:.3}", trajectory.times[frame]);
        assert!(flow > 0.02 && flow < 2.0 && particles > 0.1 && particles < 3.0);
    }
    // Cell centres average the faces, which lowers the mean square of the start a little below 1.
    assert!((mean_square(&flow[..cells * 2]) - 1.0).abs() < 0.1);
    let sums = &trajectory.conserved[0].values;
    assert!(sums.iter().all(|sum| (sum - sums[0]).abs() < 1e-12));
}

#[test]
fn small_and_oblong_grids_run_and_threads_do_not_change_a_byte() {
    let problems = [problem([16, 16], 6, 0), problem([16, 24], 6, 1), problem([40, 20], 6, 2)];
    assert_threads_change_nothing(&problems);
}

#[test]
fn supersampling_keeps_the_flow() {
    let plain = problem([32, 32], 9, 0);
    let fine = Problem { supersampling: 2, ..plain.clone() }.simulate().unwrap();
    let plain = plain.simulate().unwrap();
    for (field, tolerance) in [(0, 0.1), (1, 0.02)] {
        let (a, b) = (&plain.fields[field].values, &fine.fields[field].values);
        let difference = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32;
        println!("field {field}: mean difference {difference}");
        assert!(difference < tolerance && difference > 0.0);
    }
}

#[test]
fn a_broken_state_is_named() {
    let mut driven = driven(16);
    let at = driven.flow.grid().at(3, 5);
    driven.particles.values[at] = f64::INFINITY;
    let cause = driven.advance(0.5).unwrap_err();
    assert!(cause.contains("the velocity is (") && cause.contains("in cell ("), "{cause}");
}
