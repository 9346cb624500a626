//! The Euler simulator against exact and published results: the Riemann problem, Sod's tube, the isentropic vortex, conservation,
//! symmetry, and the statistics of the random data sets. With PFMC_HEAVY=1 in the environment the slow resolutions run as well.

mod common;
mod quadrants;
mod riemann;

use common::heavy;
use pfm_solvers::euler::Gas;
use pfm_solvers::finite_volume::{Cells, Edge, Law, Limiter, March, Mesh};
use pfm_solvers::{Problem, SolverError, Trajectory, simulate_all};
use quadrants::quadrants;
use riemann::Exact;

const SOD: ([f64; 3], [f64; 3]) = ([1.0, 0.0, 1.0], [0.125, 0.0, 0.1]);

fn close(value: f64, expected: f64, relative: f64) {
    assert!((value - expected).abs() <= relative * expected.abs().max(1e-3), "{value} is not {expected}");
}

#[test]
fn exact_riemann_solutions() {
    let cases: [([f64; 3], [f64; 3], [f64; 4]); 5] = [
        (SOD.0, SOD.1, [0.303130178, 0.927452620, 0.426319428, 0.265573712]),
        ([1.0, -2.0, 0.4], [1.0, 2.0, 0.4], [0.001893873, 0.0, 0.021852118, 0.021852118]),
        ([1.0, 0.0, 1000.0], [1.0, 0.0, 0.01], [460.893787, 19.5974514, 0.575062298, 5.99924070]),
        ([1.0, 0.0, 0.01], [1.0, 0.0, 100.0], [46.0950442, -6.19632825, 5.99241686, 0.575112790]),
        ([5.99924, 19.5975, 460.894], [5.99242, -6.19633, 46.0950], [1691.64696, 8.68977441, 14.2823500, 31.0426416]),
    ];
    for (left, right, [pressure, velocity, density_left, density_right]) in cases {
        let exact = Exact::solve(1.4, left, right);
        let (l, r) = exact.star_densities();
        close(exact.pressure, pressure, 2e-6);
        assert!((exact.velocity - velocity).abs() <= 2e-8 * velocity.abs().max(1.0));
        close(l, density_left, 2e-6);
        close(r, density_right, 2e-6);
    }
    let sod = Exact::solve(1.4, SOD.0, SOD.1);
    close(sod.wave_speeds(false).0, -1.18321596, 1e-8);
    close(sod.wave_speeds(false).1, -0.07027281, 1e-6);
    close(sod.wave_speeds(true).0, 1.75215573, 1e-8);
    for (gamma, pressure, velocity, shock) in [
        (1.13, 0.316917505, 1.04604303, 1.65895664),
        (1.76, 0.291401090, 0.816013204, 1.87645092),
        (5.0 / 3.0, 0.293945188, 0.841194852, 1.84447337),
    ] {
        let exact = Exact::solve(gamma, SOD.0, SOD.1);
        close(exact.pressure, pressure, 1e-8);
        close(exact.velocity, velocity, 1e-8);
        close(exact.wave_speeds(true).0, shock, 1e-8);
    }
}

/// Density after Sod's tube ran to t = 0.2 with n cells along `axis`.
fn sod(n: usize, axis: usize) -> Vec<f64> {
    let gas = Gas { gamma: 1.4 };
    let mut mesh = Mesh { cells: [1, 1], spacing: [1e30, 1e30] };
    mesh.cells[axis] = n;
    mesh.spacing[axis] = 1.0 / n as f64;
    let mut start: Cells<4> = Default::default();
    for i in 0..n {
        let [density, _, pressure] = if 2 * i < n { SOD.0 } else { SOD.1 };
        for (variable, value) in start.iter_mut().zip(gas.conserved([density, 0.0, 0.0, pressure])) {
            variable.push(value);
        }
    }
    let edges = [Edge::Open, Edge::Open];
    let mut march = March::new(&gas, mesh, edges, Limiter::MonotonisedCentral, 0.4, start).unwrap();
    march.advance(0.2).unwrap();
    march.conserved()[0].clone()
}

#[test]
fn sod_converges() {
    let exact = Exact::solve(1.4, SOD.0, SOD.1);
    let mut cases = vec![(100, 4.91e-3), (200, 2.58e-3)];
    if heavy() {
        cases.extend([(400, 1.43e-3), (800, 8.17e-4)]);
    }
    let mut errors = Vec::new();
    for (n, published) in cases {
        let density = sod(n, 0);
        let error = density.iter().enumerate().map(|(i, value)| {
            let x = (i as f64 + 0.5) / n as f64;
            (value - exact.density((x - 0.5) / 0.2)).abs() / n as f64
        });
        let error: f64 = error.sum();
        println!("Sod, N = {n}: {error:.3e}, published {published:e}");
        assert!(error <= 1.2 * published, "N = {n}: {error:e} > {published:e}");
        errors.push(error);
    }
    for pair in errors.windows(2) {
        assert!((pair[0] / pair[1]).log2() >= 0.8, "rate of {errors:?}");
    }
}

#[test]
fn both_axes_are_the_same() {
    for (x, y) in sod(100, 0).iter().zip(sod(100, 1)) {
        assert!((x - y).abs() <= 1e-14);
    }
}

/// Cell averages of the isentropic vortex centred in a box of length 10, by three-point Gauss quadrature.
fn vortex(gas: &Gas, n: usize) -> Cells<4> {
    const POINTS: [(f64, f64); 3] = [(-0.7745966692414834, 5.0 / 18.0), (0.0, 8.0 / 18.0), (0.7745966692414834, 5.0 / 18.0)];
    let h = 10.0 / n as f64;
    let mut cells: Cells<4> = Default::default();
    for i in 0..n {
        for j in 0..n {
            let mut average = [0.0; 4];
            for (a, weight_x) in POINTS {
                for (b, weight_y) in POINTS {
                    let x = (i as f64 + 0.5 + 0.5 * a) * h - 5.0;
                    let y = (j as f64 + 0.5 + 0.5 * b) * h - 5.0;
                    let r2 = x * x + y * y;
                    let (beta, pi) = (5.0, std::f64::consts::PI);
                    let swirl = beta / (2.0 * pi) * (0.5 * (1.0 - r2)).exp();
                    let heat = 1.0 - (gas.gamma - 1.0) * beta * beta / (8.0 * gas.gamma * pi * pi) * (1.0 - r2).exp();
                    let density = heat.powf(1.0 / (gas.gamma - 1.0));
                    let state = gas.conserved([density, 1.0 - swirl * y, 1.0 + swirl * x, density * heat]);
                    for (sum, value) in average.iter_mut().zip(state) {
                        *sum += weight_x * weight_y * value;
                    }
                }
            }
            for (variable, value) in cells.iter_mut().zip(average) {
                variable.push(value);
            }
        }
    }
    cells
}

fn vortex_error(n: usize) -> f64 {
    let gas = Gas { gamma: 1.4 };
    let start = vortex(&gas, n);
    let mesh = Mesh { cells: [n, n], spacing: [10.0 / n as f64; 2] };
    let edges = [Edge::Periodic, Edge::Periodic];
    let mut march = March::new(&gas, mesh, edges, Limiter::MonotonisedCentral, 0.4, start.clone()).unwrap();
    march.advance(10.0).unwrap();
    let error: f64 = march.conserved()[0].iter().zip(&start[0]).map(|(a, b)| (a - b).abs()).sum();
    error / (n * n) as f64
}

#[test]
fn vortex_is_second_order() {
    let (coarse, fine) = (vortex_error(32), vortex_error(64));
    println!("vortex: {coarse:.3e} {fine:.3e}, order {:.2}", (coarse / fine).log2());
    assert!(coarse <= 1.2 * 7.14e-3 && fine <= 1.2 * 1.436e-3, "{coarse:e} {fine:e}");
    assert!((coarse / fine).log2() >= 1.9);
    if heavy() {
        let finest = vortex_error(128);
        println!("vortex: {finest:.3e}, order {:.2}", (fine / finest).log2());
        assert!((fine / finest).log2() >= 1.9, "{fine:e} {finest:e}");
    }
}

fn problem(name: &str, set: usize, grid: usize, frames: usize, index: u64) -> Problem {
    common::problem(name, set, [grid, grid], frames, index)
}

#[test]
fn periodic_flow_conserves() {
    let trajectory = problem("euler_multi_quadrants_periodicBC", 5, 32, 101, 0).simulate().unwrap();
    let scale: f64 = trajectory.conserved[0].values[0];
    for sums in &trajectory.conserved {
        for value in &sums.values {
            let drift = (value - sums.values[0]).abs();
            assert!(drift <= 5e-13 * scale.max(sums.values[0].abs()), "{}: {drift:e}", sums.name);
        }
    }
}

/// Marches the same gas from `start` and from its image; `image` maps cell (i, j) and a state to theirs in the image.
fn commutes(image: impl Fn(usize, usize, [f64; 4]) -> (usize, usize, [f64; 4])) {
    let n = 32;
    let gas = Gas { gamma: 1.4 };
    let mesh = Mesh { cells: [n, n], spacing: [1.0 / n as f64; 2] };
    let original = quadrants(&gas, n, [[1.5, 1.5, 0.3, 0.1], [0.3, 0.5, 1.2, 0.0], [0.1, 0.2, 1.0, 0.8], [0.3, 0.6, 0.0, 1.1]]);
    let map = |cells: &Cells<4>| {
        let mut mapped: Cells<4> = std::array::from_fn(|_| vec![0.0; n * n]);
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let state = std::array::from_fn(|v| cells[v][i * n + j]);
            let (i, j, state) = image(i, j, state);
            for (variable, value) in mapped.iter_mut().zip(state) {
                variable[i * n + j] = value;
            }
        }
        mapped
    };
    let run = |start: Cells<4>| {
        let edges = [Edge::Open, Edge::Open];
        let mut march = March::new(&gas, mesh, edges, Limiter::MonotonisedCentral, 0.4, start).unwrap();
        march.advance(0.2).unwrap();
        march.conserved().clone()
    };
    let (a, b) = (map(&run(original.clone())), run(map(&original)));
    for (x, y) in a.iter().flatten().zip(b.iter().flatten()) {
        assert!((x - y).abs() <= 1e-12, "{x} {y}");
    }
}

#[test]
fn rotation_and_mirror_commute_with_evolution() {
    let n = 32;
    commutes(|i, j, [r, u, v, e]| (n - 1 - j, i, [r, -v, u, e]));
    commutes(|i, j, [r, u, v, e]| (n - 1 - i, j, [r, -u, v, e]));
}

#[test]
fn threads_do_not_change_a_byte() {
    let problems: Vec<Problem> = (0..5).map(|k| problem("euler_multi_quadrants_openBC", 2 * k, 16, 11, k as u64)).collect();
    let run = |threads| {
        let mut all: Vec<Trajectory> = Vec::new();
        simulate_all(&problems, threads, &mut |index, result| {
            assert_eq!(index, all.len());
            all.push(result.unwrap());
            true
        });
        all
    };
    let (one, two) = (run(1), run(2));
    assert_eq!(one.len(), problems.len());
    assert_eq!(one, two);
    assert_ne!(one[0].fields, one[1].fields);
}

#[test]
fn a_consumer_can_stop() {
    let problems: Vec<Problem> = (0..6).map(|k| problem("euler_multi_quadrants_openBC", 0, 8, 3, k)).collect();
    let mut seen = 0;
    simulate_all(&problems, 2, &mut |_, _| {
        seen += 1;
        seen < 2
    });
    assert_eq!(seen, 2);
}

/// The same draw, computed on a finer grid and averaged, is close to the direct computation, and its first frame is equal.
#[test]
fn supersampling_keeps_the_flow() {
    let plain = problem("euler_multi_quadrants_openBC", 5, 16, 3, 0);
    let fine = Problem { supersampling: 2, ..plain.clone() };
    let (plain, fine) = (plain.simulate().unwrap(), fine.simulate().unwrap());
    let (a, b) = (&plain.fields[1].values, &fine.fields[1].values);
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b).take(16 * 16) {
        assert!((x - y).abs() < 1e-6);
    }
    assert_ne!(a, b);
}

#[test]
fn impossible_requests_and_states_are_errors() {
    let mut wrong = problem("euler_multi_quadrants_openBC", 0, 16, 3, 0);
    wrong.grid = vec![16];
    assert!(matches!(wrong.simulate(), Err(SolverError::Request(_))));
    let gas = Gas { gamma: 1.4 };
    let mesh = Mesh { cells: [1, 2], spacing: [1.0, 1.0] };
    let start: Cells<4> = [vec![1.0, 1.0], vec![0.0, 0.0], vec![0.0, 0.0], vec![1.0, f64::NAN]];
    let failed = March::new(&gas, mesh, [Edge::Open, Edge::Open], Limiter::MinMod, 0.4, start);
    assert!(failed.err().is_some_and(|breakdown| breakdown.cause.contains("cell (0, 1)")));
}

/// Means and standard deviations over time and ensemble near The Well's published statistics (Euler, both boundary kinds).
#[test]
fn statistics_resemble_the_well() {
    // density, energy, pressure: (mean, deviation); momentum: deviation.
    let targets = [
        ("euler_multi_quadrants_openBC", [(0.903, 0.655), (3.00, 3.07), (0.898, 0.80)], 0.53),
        ("euler_multi_quadrants_periodicBC", [(0.914, 0.535), (3.03, 3.26), (0.929, 0.782)], 0.412),
    ];
    let (grid, per_set) = if heavy() { (64, 10) } else { (24, 8) };
    for (name, scalars, momentum) in targets {
        let problems: Vec<Problem> = (0..10 * per_set).map(|k| problem(name, k % 10, grid, 101, (k / 10) as u64)).collect();
        let mut moments = [[0.0f64; 3]; 4];
        simulate_all(&problems, 2, &mut |_, result| {
            let trajectory = result.unwrap();
            for (sums, series) in moments.iter_mut().zip(&trajectory.fields) {
                for &value in &series.values {
                    let value = f64::from(value);
                    *sums = [sums[0] + 1.0, sums[1] + value, sums[2] + value * value];
                }
            }
            true
        });
        let [energy, density, pressure, vector] = moments.map(|[count, sum, square]| {
            let mean = sum / count;
            (mean, (square / count - mean * mean).sqrt())
        });
        println!("{name}: density {density:?} energy {energy:?} pressure {pressure:?} momentum {vector:?}");
        for ((mean, deviation), (target_mean, target_deviation)) in [density, energy, pressure].into_iter().zip(scalars) {
            assert!((mean / target_mean - 1.0).abs() <= 0.2, "{name}: mean {mean}, published {target_mean}");
            assert!((deviation / target_deviation - 1.0).abs() <= 0.3, "{name}: deviation {deviation}, published {target_deviation}");
        }
        assert!((vector.1 / momentum - 1.0).abs() <= 0.3, "{name}: momentum {}, published {momentum}", vector.1);
    }
}
