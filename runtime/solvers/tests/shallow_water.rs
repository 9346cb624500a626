//! The shallow-water simulator against the exact solutions of straight dams, the radial solution of round ones, and what must hold
//! exactly: mass, symmetry, water at rest. With PFMC_HEAVY=1 in the environment the radial solution is computed more finely.

mod common;
mod dam_break;

use common::{assert_threads_change_nothing, heavy};
use dam_break::{Stoker, radial, ritter};
use pfm_solvers::finite_volume::{Cells, Edge, Limiter, March, Mesh};
use pfm_solvers::shallow_water::{PDEBENCH, Water, round_dam};
use pfm_solvers::{Problem, SolverError};

const EDGES: [Edge; 2] = [Edge::Open, Edge::Open];

#[test]
fn exact_dam_breaks() {
    // g, heights; height and velocity in the middle, speed of the shock.
    let cases = [
        (1.0, 2.0, 1.0, [1.453840892, 0.416920631, 1.335569959]),
        (1.0, 1.0, 0.1, [0.396174817, 0.741151611, 0.991392877]),
        (1.0, 1.0, 0.5, [0.726920446, 0.294807405, 0.944390575]),
        (9.81, 10.0, 5.0, [7.269204462, 2.919933039, 9.353758392]),
    ];
    for (g, left, right, expected) in cases {
        let exact = Stoker::solve(g, left, right);
        for (value, expected) in [exact.height, exact.velocity, exact.shock].into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-9, "{value} {expected}");
        }
    }
    let (head, tail) = Stoker::solve(1.0, 2.0, 1.0).rarefaction();
    assert!((head + 2f64.sqrt()).abs() < 1e-9 && (tail + 0.788832616).abs() < 1e-9);
    assert!((Stoker::solve(1.0, 1.0, 0.1).rarefaction().1 - 0.111727416).abs() < 1e-9);
    assert!((ritter(1.0, 2.0, 0.0).0 - 8.0 / 9.0).abs() < 1e-12);
}

/// A straight dam in the middle of [-1, 1] between two heights, with n cells along `axis`, after a time; primitive values.
fn straight_dam(water: Water, n: usize, axis: usize, [left, right]: [f64; 2], until: f64) -> Cells<3> {
    let mut mesh = Mesh { cells: [1, 1], spacing: [1e30, 1e30] };
    mesh.cells[axis] = n;
    mesh.spacing[axis] = 2.0 / n as f64;
    let start: Cells<3> = [(0..n).map(|i| if 2 * i < n { left } else { right }).collect(), vec![0.0; n], vec![0.0; n]];
    let mut march = March::new(&water, mesh, EDGES, Limiter::MonotonisedCentral, 0.45, start).unwrap();
    march.advance(until).unwrap();
    march.primitive().clone()
}

fn place(i: usize, n: usize) -> f64 {
    (2 * i + 1) as f64 / n as f64 - 1.0
}

/// Mean distance of the heights from the exact ones, relative to the jump.
fn stoker_error(water: Water, n: usize, heights: [f64; 2], until: f64) -> f64 {
    let exact = Stoker::solve(water.gravity, heights[0], heights[1]);
    let found = straight_dam(water, n, 0, heights, until);
    let error: f64 = found[0].iter().enumerate().map(|(i, h)| (h - exact.height_at(place(i, n) / until)).abs()).sum();
    error / n as f64 / (heights[0] - heights[1])
}

#[test]
fn straight_dams_converge_to_the_exact_solution() {
    for (gravity, heights, until) in [(1.0, [2.0, 1.0], 0.5), (1.0, [1.0, 0.1], 0.5), (1.0, [1.0, 0.5], 0.5), (9.81, [10.0, 5.0], 0.07)] {
        let water = Water { gravity };
        let errors = [200, 400, 800].map(|n| stoker_error(water, n, heights, until));
        println!("g {gravity}, {heights:?}: {errors:.5?}");
        assert!(errors[2] < 1e-3, "{errors:?}");
        assert!(errors.windows(2).all(|pair| (pair[0] / pair[1]).log2() > 0.8), "{errors:?}");
        // The middle state, half way between the tail of the rarefaction and the shock.
        let exact = Stoker::solve(gravity, heights[0], heights[1]);
        let middle = 0.5 * (exact.rarefaction().1.max(0.0) + exact.shock) * until;
        let found = straight_dam(water, 800, 0, heights, until);
        let at = (0.5 * (middle + 1.0) * 800.0) as usize;
        assert!((found[0][at] / exact.height - 1.0).abs() < 1e-3, "{} {}", found[0][at], exact.height);
        assert!((found[1][at] / exact.velocity - 1.0).abs() < 2e-3, "{} {}", found[1][at], exact.velocity);
    }
}

#[test]
fn both_axes_are_the_same() {
    let [x, y] = [0, 1].map(|axis| straight_dam(PDEBENCH, 100, axis, [2.0, 1.0], 0.3));
    assert_eq!(x[0], y[0]);
    assert_eq!(x[1], y[2]);
}

/// Water runs over a bed that is all but dry.
#[test]
fn dry_bed() {
    let (n, until) = (800, 0.3);
    let found = straight_dam(PDEBENCH, n, 0, [1.0, 1e-8], until);
    let mut error = 0.0;
    for (i, (&h, &u)) in found[0].iter().zip(&found[1]).enumerate() {
        let (height, velocity) = ritter(1.0, 1.0, place(i, n) / until);
        error += (h - height).abs() / n as f64;
        if height > 0.02 {
            assert!((u - velocity).abs() < 0.02, "u at {}: {u} {velocity}", place(i, n));
        }
    }
    println!("mean error {error:.3e}");
    assert!(error < 1e-3, "{error}");
    let at_dam = 0.5 * (found[0][n / 2 - 1] + found[0][n / 2]);
    assert!((at_dam - 4.0 / 9.0).abs() < 2e-3, "{at_dam}");
    // The tip, which is thin, lags: where the water is this deep, and where it should be.
    for (depth, lag) in [(1e-2, 0.03), (1e-3, 0.07)] {
        let front = (0..n).rev().find(|&i| found[0][i] > depth).map(|i| place(i, n) / until).unwrap();
        let exact = 2.0 - 3.0 * f64::sqrt(depth);
        println!("depth {depth}: {front}, exact {exact}");
        assert!((front - exact).abs() < lag, "{front} {exact}");
    }
}

/// Height at radius r, between the centres of the cells of `radial`.
fn at_radius(heights: &[f64], r: f64) -> f64 {
    let place = r / 2.5 * heights.len() as f64 - 0.5;
    let (i, share) = (place as usize, place.fract());
    heights[i] * (1.0 - share) + heights[i + 1] * share
}

/// Where the bore has risen half way from 1 to its crest.
fn front(heights: &[f64]) -> f64 {
    let crest = heights.iter().skip(heights.len() * 2 / 5).fold(0.0, |a: f64, &b| a.max(b));
    let at = heights.iter().rposition(|&h| h > 0.5 * (1.0 + crest)).unwrap();
    (at as f64 + 1.0) * 2.5 / heights.len() as f64
}

/// Independently computed heights on 8,000 cells.
struct Published {
    dam: f64,
    time: f64,
    /// At these radii.
    heights: &'static [(f64, f64)],
    front: f64,
}

const RADIAL: [Published; 4] = [
    Published { dam: 0.5, time: 1.0, heights: &[(0.25, 0.6451), (0.5, 0.7685), (1.0, 1.0733), (1.5, 1.2073)], front: 1.737 },
    Published { dam: 0.3, time: 1.0, heights: &[(0.25, 0.9678), (0.5, 0.8201), (1.0, 1.0383), (1.5, 1.1924)], front: 1.507 },
    Published { dam: 0.7, time: 1.0, heights: &[(0.25, 0.4716), (0.5, 0.7581), (1.0, 1.1043), (1.5, 1.2204)], front: 1.956 },
    Published { dam: 0.5, time: 0.5, heights: &[(0.25, 0.7942), (0.5, 1.1346), (1.0, 1.2875)], front: 1.136 },
];

#[test]
fn radial_reference() {
    let (cells, tolerance) = if heavy() { (8000, 1e-3) } else { (1000, 1.2e-2) };
    for Published { dam, time: until, heights, front: bore } in RADIAL {
        let found = radial(cells, dam, until);
        println!(
            "dam {dam}, t {until}: {:?}, front {}",
            heights.iter().map(|&(r, _)| at_radius(&found, r)).collect::<Vec<_>>(),
            front(&found)
        );
        for &(r, height) in heights {
            // Next to the bore the height falls by the whole jump within a few cells.
            if (r - bore).abs() > 0.02 {
                assert!((at_radius(&found, r) / height - 1.0).abs() < tolerance, "r {r}: {} {height}", at_radius(&found, r));
            }
        }
        assert!((front(&found) - bore).abs() < 0.005, "{} {bore}", front(&found));
    }
}

/// Mean height over the cells of a round dam's flow whose centre is near radius r, with the middle of the box in the middle.
fn ring(height: &[f64], mesh: &Mesh, r: f64) -> f64 {
    let near: Vec<f64> = (0..mesh.len())
        .filter_map(|at| {
            let offset = |axis: usize, at: usize| (at as f64 + 0.5 - 0.5 * mesh.cells[axis] as f64) * mesh.spacing[axis];
            let distance = offset(0, at / mesh.cells[1]).hypot(offset(1, at % mesh.cells[1]));
            ((distance - r).abs() < 0.5 * mesh.spacing[0]).then_some(height[at])
        })
        .collect();
    near.iter().sum::<f64>() / near.len() as f64
}

fn box_mesh(n: usize) -> Mesh {
    Mesh { cells: [n, n], spacing: [5.0 / n as f64; 2] }
}

fn round(n: usize, dam: f64, until: f64) -> Cells<3> {
    let mesh = box_mesh(n);
    let mut march = March::new(&PDEBENCH, mesh, EDGES, Limiter::MonotonisedCentral, 0.45, round_dam(&mesh, dam)).unwrap();
    march.advance(until).unwrap();
    march.conserved().clone()
}

/// The radius of the disc that holds as much water as the cells behind a dam with a sharp edge do.
fn held(mesh: &Mesh, dam: f64) -> f64 {
    let high = round_dam(mesh, dam)[0].iter().filter(|&&h| h > 1.5).count() as f64;
    (high * mesh.spacing[0] * mesh.spacing[1] / std::f64::consts::PI).sqrt()
}

#[test]
fn round_dams_follow_the_radial_solution() {
    for Published { dam, time: until, front: bore, .. } in RADIAL {
        // A small dam is few cells wide, and its water passes the centre before it comes out: it needs the finer grid.
        for (n, tolerance) in [(128, if dam < 0.4 { 0.015 } else { 0.01 }), (256, 0.01)] {
            let mesh = box_mesh(n);
            let found = round(n, dam, until);
            let reference = radial(1000, held(&mesh, dam), until);
            for r in [0.5, 1.0] {
                let (found, exact) = (ring(&found[0], &mesh, r), at_radius(&reference, r));
                println!("dam {dam}, t {until}, {n} cells, r {r}: {found:.4}, radial {exact:.4}");
                assert!((found / exact - 1.0).abs() < tolerance, "dam {dam}, t {until}, {n} cells, r {r}: {found} {exact}");
            }
            let row: Vec<f64> = (0..n / 2).map(|i| found[0][(n / 2 + i) * n + n / 2]).collect();
            println!("front {}, radial {bore}", front(&row));
            assert!((front(&row) - bore).abs() < 2.0 * mesh.spacing[0], "front {} {bore}", front(&row));
        }
    }
}

fn problem(grid: [usize; 2], frames: usize, index: u64) -> Problem {
    common::problem("pdebench_shallow_water", 0, grid, frames, index)
}

#[test]
fn mass_is_kept() {
    for index in 0..4 {
        let trajectory = problem([64, 64], 101, index).simulate().unwrap();
        let mass = &trajectory.conserved[0].values;
        for value in mass {
            assert!((value / mass[0] - 1.0).abs() <= 1e-13, "{value} {}", mass[0]);
        }
    }
}

#[test]
fn all_eight_symmetries_of_the_square_hold() {
    for n in [48, 49] {
        let [height, x, y] = round(n, 0.5, 1.0);
        for i in 0..n {
            for j in 0..n {
                let (at, mirrored, swapped) = (i * n + j, (n - 1 - i) * n + j, j * n + i);
                assert!((height[at] - height[mirrored]).abs() <= 1e-12 && (height[at] - height[swapped]).abs() <= 1e-12);
                assert!((x[at] + x[mirrored]).abs() <= 1e-12 && (x[at] - y[swapped]).abs() <= 1e-12);
            }
        }
    }
}

#[test]
fn a_lake_at_rest_stays_exactly_at_rest() {
    let mesh = box_mesh(16);
    let start: Cells<3> = [vec![1.3; 256], vec![0.0; 256], vec![0.0; 256]];
    let mut march = March::new(&PDEBENCH, mesh, EDGES, Limiter::MonotonisedCentral, 0.45, start.clone()).unwrap();
    march.advance(1.0).unwrap();
    assert_eq!(*march.conserved(), start);
}

#[test]
fn threads_do_not_change_a_byte() {
    let problems: Vec<Problem> = (0..4).map(|k| problem([24, 16], 11, k)).collect();
    assert_threads_change_nothing(&problems);
}

#[test]
fn stored_fields() {
    let trajectory = problem([16, 24], 3, 0).simulate().unwrap();
    assert_eq!(trajectory.times, [0.0, 0.01, 0.02]);
    assert_eq!(trajectory.grid, [16, 24]);
    assert_eq!(trajectory.fields.iter().map(|series| series.field.name).collect::<Vec<_>>(), ["height"]);
    assert_eq!(trajectory.fields[0].values.len(), 3 * 16 * 24);
    assert!(trajectory.fields[0].values[..16 * 24].iter().all(|&h| h == 1.0 || h == 2.0));
    let fine = Problem { supersampling: 4, ..problem([16, 16], 1, 0) }.simulate().unwrap();
    assert!(fine.fields[0].values.iter().any(|&h| h > 1.0 && h < 2.0));
}

#[test]
fn impossible_requests_and_states_are_errors() {
    assert!(matches!(Problem { frames: 0, ..problem([16, 16], 1, 0) }.simulate(), Err(SolverError::Request(_))));
    for bad in [0.0, -1.0, f64::NAN] {
        let mesh = Mesh { cells: [1, 2], spacing: [1.0, 1.0] };
        let start: Cells<3> = [vec![1.0, bad], vec![0.0; 2], vec![0.0; 2]];
        let failed = March::new(&PDEBENCH, mesh, EDGES, Limiter::MinMod, 0.45, start);
        assert!(failed.err().is_some_and(|breakdown| breakdown.cause.contains("cell (0, 1)")));
    }
}
