//! The Euler simulator on the two-dimensional Riemann problems of Lax and Liu (1998): symmetry, and each of their interfaces, which is a
//! single wave, against the exact solution across it. With PFMC_HEAVY=1 in the environment at higher resolution.

mod common;
mod quadrants;
mod riemann;

use common::heavy;
use pfm_solvers::euler::Gas;
use pfm_solvers::finite_volume::{Cells, Edge, Limiter, March, Mesh};
use quadrants::quadrants;
use riemann::Exact;

const GAS: Gas = Gas { gamma: 1.4 };

/// Time of the published figure, and (pressure, density, u, v) north-east, north-west, south-west, south-east.
type Configuration = (f64, [[f64; 4]; 4]);

const THIRD: Configuration =
    (0.3, [[1.5, 1.5, 0.0, 0.0], [0.3, 0.5323, 1.206, 0.0], [0.029, 0.138, 1.206, 1.206], [0.3, 0.5323, 0.0, 1.206]]);
const FOURTH: Configuration =
    (0.25, [[1.1, 1.1, 0.0, 0.0], [0.35, 0.5065, 0.8939, 0.0], [1.1, 1.1, 0.8939, 0.8939], [0.35, 0.5065, 0.0, 0.8939]]);
const SIXTH: Configuration = (0.3, [[1.0, 1.0, 0.75, -0.5], [1.0, 2.0, 0.75, 0.5], [1.0, 1.0, -0.75, 0.5], [1.0, 3.0, -0.75, -0.5]]);
const TWELFTH: Configuration = (0.25, [[0.4, 0.5313, 0.0, 0.0], [1.0, 1.0, 0.7276, 0.0], [1.0, 0.8, 0.0, 0.0], [1.0, 1.0, 0.0, 0.7276]]);

fn march(n: usize, states: [[f64; 4]; 4], until: f64) -> [Cells<4>; 2] {
    let mesh = Mesh { cells: [n, n], spacing: [1.0 / n as f64; 2] };
    let start = quadrants(&GAS, n, states);
    let mut march = March::new(&GAS, mesh, [Edge::Open, Edge::Open], Limiter::MonotonisedCentral, 0.4, start).unwrap();
    march.advance(until).unwrap();
    [march.conserved().clone(), march.primitive().clone()]
}

/// These are symmetric under the exchange of x and y.
#[test]
fn symmetric_configurations_stay_symmetric() {
    let n = if heavy() { 200 } else { 48 };
    for (until, states) in [THIRD, FOURTH, TWELFTH] {
        let [[density, momentum_x, momentum_y, _], _] = march(n, states, until);
        for i in 0..n {
            for j in 0..n {
                assert!((density[i * n + j] - density[j * n + i]).abs() <= 1e-12);
                assert!((momentum_x[i * n + j] - momentum_y[j * n + i]).abs() <= 1e-12);
            }
        }
    }
}

/// Density along the outermost line of cells that crosses an interface, and the states on both sides of it: density, velocity
/// across the interface, pressure.
fn across(n: usize, [_, primitive]: &[Cells<4>; 2], states: [[f64; 4]; 4], interface: usize) -> (Vec<f64>, [[f64; 3]; 2]) {
    // Which states lie on the low and the high side, and whether the line runs along x: north, west, south, east.
    let (low, high, along_x, line) = [(1, 0, true, n - 1), (2, 1, false, 0), (2, 3, true, 0), (3, 0, false, n - 1)][interface];
    let density = (0..n).map(|k| primitive[0][if along_x { k * n + line } else { line * n + k }]).collect();
    let normal = |[pressure, density, u, v]: [f64; 4]| [density, if along_x { u } else { v }, pressure];
    (density, [normal(states[low]), normal(states[high])])
}

/// Mean distance from the exact density, relative to the jump, per interface; none where the density doesn't jump.
fn interface_errors(n: usize, states: [[f64; 4]; 4]) -> [Option<f64>; 4] {
    let until = 0.1;
    let end = march(n, states, until);
    std::array::from_fn(|interface| {
        let (density, [low, high]) = across(n, &end, states, interface);
        let exact = Exact::solve(GAS.gamma, low, high);
        let place = |k: usize| (k as f64 + 0.5) / n as f64 - 0.5;
        let error: f64 = density.iter().enumerate().map(|(k, value)| (value - exact.density(place(k) / until)).abs()).sum();
        let jump = (high[0] - low[0]).abs();
        if jump == 0.0 {
            assert!(error == 0.0, "a density that is the same on both sides stays");
        }
        (jump > 0.0).then_some(error / n as f64 / jump)
    })
}

/// Away from the middle every interface is one wave in one dimension, until the others reach it. Shocks and rarefactions come out
/// within a cell, contacts within two; all converge, contacts, which never steepen again, the slowest.
#[test]
fn interfaces_are_the_exact_waves() {
    for (name, (_, states), cells) in [("3", THIRD, 1.0), ("4", FOURTH, 1.0), ("6", SIXTH, 2.0), ("12", TWELFTH, 1.0)] {
        let errors = interface_errors(100, states);
        println!("configuration {name}: {errors:.5?}");
        assert!(errors.iter().flatten().all(|&error| error <= cells / 100.0), "configuration {name}: {errors:?}");
        if heavy() {
            let fine = interface_errors(400, states);
            println!("configuration {name}: {fine:.5?}");
            for (coarse, fine) in errors.iter().flatten().zip(fine.iter().flatten()) {
                // A contact at rest has no error at all.
                assert!(*fine == 0.0 || (coarse / fine).log2() / 2.0 >= 0.65, "configuration {name}: {coarse} {fine}");
            }
        }
    }
}

/// The interfaces of configuration 6 are contacts and slip lines: pressure arises in the middle alone, but for the pulse that leaves a
/// slip line at the start, when its two velocities mix in one cell and their difference turns into heat.
#[test]
fn contacts_keep_the_pressure() {
    let changes = |n: usize| {
        let [_, primitive] = march(n, SIXTH.1, 0.1);
        let offset = |k: usize| ((k as f64 + 0.5) / n as f64 - 0.5).abs();
        let outside = (0..n * n).filter(|at| offset(at / n).max(offset(at % n)) > 0.3);
        let changes: Vec<f64> = outside.map(|at| (primitive[3][at] - 1.0).abs()).collect();
        let largest = changes.iter().fold(0.0f64, |a, &b| a.max(b));
        (changes.iter().sum::<f64>() / changes.len() as f64, largest)
    };
    let (coarse, fine) = if heavy() { (changes(100), changes(400)) } else { (changes(50), changes(100)) };
    println!("pressure changes by (mean, at most) {coarse:.4?}, {fine:.4?}");
    assert!(fine.0 <= 0.004 && fine.1 <= 0.04, "{fine:?}");
    assert!(fine.0 < 0.7 * coarse.0 && fine.1 < 0.9 * coarse.1, "{coarse:?} {fine:?}");
}
