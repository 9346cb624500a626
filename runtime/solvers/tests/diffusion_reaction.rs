//! The diffusion-reaction simulator against the exact decay of cosine modes, the fixed point and its linear rates, the statistics of
//! whole trajectories from an independent computation, and the layout of what is stored.

mod common;

use common::assert_threads_change_nothing;
use pfm_solvers::diffusion_reaction::{March, Medium, PDEBENCH, State};
use pfm_solvers::{Problem, SolverError};
use std::f64::consts::PI;

/// cos(m pi (x + 1) / 2) at the centres of n cells.
fn mode(m: usize, n: usize) -> Vec<f64> {
    (0..n).map(|i| (m as f64 * PI * (i as f64 + 0.5) / n as f64).cos()).collect()
}

/// A grid of n cells along `axis` and 16 along the other, holding `value` of the place along the axis.
fn spread(n: usize, axis: usize, value: impl Fn(usize) -> [f64; 2]) -> ([usize; 2], [f64; 2], State) {
    let cells = if axis == 0 { [n, 16] } else { [16, n] };
    let state = std::array::from_fn(|s| (0..n * 16).map(|at| value([at / cells[1], at % cells[1]][axis])[s]).collect());
    (cells, cells.map(|n| 2.0 / n as f64), state)
}

/// The share of mode m in a field on such a grid.
fn amplitude(field: &[f64], m: usize, n: usize, axis: usize) -> f64 {
    let columns = if axis == 0 { 16 } else { n };
    let mode = mode(m, n);
    let product: f64 = field.iter().enumerate().map(|(at, value)| value * mode[[at / columns, at % columns][axis]]).sum();
    product / (16.0 * mode.iter().map(|value| value * value).sum::<f64>())
}

#[test]
fn modes_decay_at_the_exact_rates() {
    let medium = Medium { reaction: None, ..PDEBENCH };
    for axis in [0, 1] {
        for m in [1, 4, 10] {
            let mut errors = Vec::new();
            for n in [64, 128] {
                let profile = mode(m, n);
                let (cells, spacing, start) = spread(n, axis, |i| [profile[i], profile[i]]);
                let mut march = March::new(medium, cells, spacing, start);
                march.advance(0.5);
                for (s, diffusion) in medium.diffusion.into_iter().enumerate() {
                    let rate = amplitude(&march.state()[s], m, n, axis).ln() / 0.5;
                    let discrete = -4.0 * diffusion / (2.0 / n as f64).powi(2) * (m as f64 * PI / (2.0 * n as f64)).sin().powi(2);
                    assert!((rate / discrete - 1.0).abs() < 1e-8, "mode {m}, {n} cells: {rate} {discrete}");
                    if s == 0 {
                        errors.push((rate / (-diffusion * (m as f64 * PI / 2.0).powi(2)) - 1.0).abs());
                    }
                }
            }
            assert!(((errors[0] / errors[1]).log2() - 2.0).abs() < 0.02, "{errors:?}");
        }
    }
}

#[test]
fn diffusion_alone_keeps_the_mean() {
    let start = problem([64, 64], 1, 0).simulate().unwrap();
    let state: State = std::array::from_fn(|s| start.fields[s].values.iter().map(|&value| f64::from(value)).collect());
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let before = state.each_ref().map(|values| mean(values));
    let mut march = March::new(Medium { reaction: None, ..PDEBENCH }, [64, 64], [2.0 / 64.0; 2], state);
    march.advance(5.0);
    for (before, after) in before.into_iter().zip(march.state()) {
        assert!((before - mean(after)).abs() < 1e-13);
    }
}

/// u* = v* = -k^(1/3).
fn fixed_point() -> f64 {
    -(5e-3f64.cbrt())
}

#[test]
fn the_fixed_point_is_fixed_and_a_spiral() {
    let star = fixed_point();
    assert!((star + 0.170997595).abs() < 1e-9);
    let (cells, spacing, start) = spread(16, 0, |_| [star, star]);
    let mut march = March::new(PDEBENCH, cells, spacing, start);
    march.advance(5.0);
    assert!(march.state().iter().flatten().all(|value| (value - star).abs() < 1e-14));

    let (cells, spacing, start) = spread(16, 0, |_| [star + 1e-7, star]);
    let mut march = March::new(PDEBENCH, cells, spacing, start);
    let (decay, turn) = (-0.04386, 0.29291);
    for time in [1.0f64, 2.5, 5.0] {
        march.advance(time);
        // (M - decay) / turn turns (1, 0) into the part in quadrature, with M = ((a, -1), (1, -1)) and a = 1 - 3 u*^2.
        let quadrature = [(0.912279468 - decay) / turn, 1.0 / turn];
        let (sine, cosine) = (turn * time).sin_cos();
        let exact = [cosine + quadrature[0] * sine, quadrature[1] * sine].map(|value| value * (decay * time).exp());
        for (found, exact) in march.state().iter().zip(exact) {
            let found = (found[7] - star) / 1e-7;
            assert!((found - exact).abs() < 2e-4, "t = {time}: {found} {exact}");
        }
    }
}

#[test]
fn patterns_grow_at_the_rates_of_turing() {
    let star = fixed_point();
    for (m, rate) in [(4, 0.104959), (8, 0.268465), (10, 0.265395)] {
        for axis in [0, 1] {
            let n = 128;
            let s = (m as f64 * PI / 2.0).powi(2);
            let profile = mode(m, n);
            let inhibitor = 1.0 / (rate + 1.0 + PDEBENCH.diffusion[1] * s);
            let start = |i: usize| [star + 1e-5 * profile[i], star + 1e-5 * inhibitor * profile[i]];
            let (cells, spacing, start) = spread(n, axis, start);
            let mut march = March::new(PDEBENCH, cells, spacing, start);
            march.advance(2.0);
            for (field, eigen) in march.state().iter().zip([1.0, inhibitor]) {
                let found = (amplitude(field, m, n, axis) / (1e-5 * eigen)).ln() / 2.0;
                assert!((found / rate - 1.0).abs() < 0.01, "mode {m}: {found}, exact {rate}");
            }
        }
    }
}

fn problem(grid: [usize; 2], frames: usize, index: u64) -> Problem {
    common::problem("pdebench_diffusion_reaction", 0, grid, frames, index)
}

/// Deviations of activator and inhibitor and the largest activator, at the times of an independent computation.
#[test]
fn noise_turns_into_patterns_of_the_known_strength() {
    let expected = [
        (1, [(0.50, 0.51), (0.19, 0.20), (1.6, 1.8)]),
        (20, [(0.19, 0.20), (0.057, 0.066), (0.57, 0.63)]),
        (50, [(0.244, 0.249), (0.112, 0.120), (0.58, 0.60)]),
        (100, [(0.327, 0.332), (0.170, 0.179), (0.61, 0.62)]),
    ];
    let deviation = |values: &[f32]| {
        let count = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        (values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count).sqrt()
    };
    for index in 0..3 {
        let trajectory = problem([128, 128], 101, index).simulate().unwrap();
        let [activator, inhibitor] = [0, 1].map(|s| &trajectory.fields[s].values);
        for start in [activator, inhibitor] {
            assert!((deviation(&start[..128 * 128]) - 1.0).abs() < 0.03);
        }
        for (frame, ranges) in expected {
            let cells = frame * 128 * 128..(frame + 1) * 128 * 128;
            let largest = activator[cells.clone()].iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
            let found = [deviation(&activator[cells.clone()]), deviation(&inhibitor[cells]), f64::from(largest)];
            println!("trajectory {index}, frame {frame}: {found:.4?}");
            for (value, (low, high)) in found.into_iter().zip(ranges) {
                assert!(value >= 0.92 * low && value <= 1.08 * high, "frame {frame}: {value} is not in {low}..{high}");
            }
        }
    }
}

/// The noise belongs to the problem, not to the grid: the flow on another grid is the same flow.
#[test]
fn other_grids_have_the_same_flow() {
    let run = |grid: [usize; 2], supersampling| {
        let problem = Problem { supersampling, ..problem(grid, 101, 0) };
        let trajectory = problem.simulate().unwrap();
        let values = &trajectory.fields[0].values;
        let cells = grid[0] * grid[1];
        [values[..cells].to_vec(), values[20 * cells..21 * cells].to_vec(), values[100 * cells..].to_vec()]
    };
    let distance = |a: &[f32], b: &[f32]| {
        let square: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        (square / a.iter().map(|&a| f64::from(a).powi(2)).sum::<f64>()).sqrt()
    };
    let (averaged, direct) = (run([128, 128], 2), run([128, 128], 1));
    let distances = [0, 1, 2].map(|k| distance(&averaged[k], &direct[k]));
    println!("{distances:?}");
    assert!(distances[0] < 1e-6 && distances[1] < 0.1 && distances[2] < 0.1, "{distances:?}");
    assert!(run([48, 16], 1).iter().flatten().all(|value| value.abs() < 5.0));
}

#[test]
fn threads_do_not_change_a_byte() {
    let problems: Vec<Problem> = (0..4).map(|k| problem([16, 32], 6, k)).collect();
    assert_threads_change_nothing(&problems);
}

#[test]
fn stored_fields() {
    let trajectory = problem([16, 24], 3, 0).simulate().unwrap();
    assert_eq!(trajectory.times, [0.0, 0.05, 0.1]);
    assert_eq!(trajectory.grid, [16, 24]);
    assert_eq!(trajectory.fields.iter().map(|series| series.field.name).collect::<Vec<_>>(), ["activator", "inhibitor"]);
    assert!(trajectory.fields.iter().all(|series| series.values.len() == 3 * 16 * 24));
    let request = Problem { frames: 0, ..problem([16, 16], 1, 0) };
    assert!(matches!(request.simulate(), Err(SolverError::Request(_))));
}
