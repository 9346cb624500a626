//! The liquid-metal simulator against published and independent results: the lid-driven cavity without a field, Hartmann flow, the
//! quasi-static limit, the cavity with induction, Alfven waves and the budget of energy. With PFMC_HEAVY=1 in the environment the finer
//! grids and higher Reynolds numbers run as well.

mod common;

use common::heavy;
use std::f64::consts::PI;

use pfm_solvers::cavity::{Induction, MagneticWall, Magnetism, Metal};
use pfm_solvers::staggered::{Flow, Grid, Sides, Wall};
use pfm_solvers::{Problem, Spacing, Trajectory, simulate_all, system};

fn unit_grid(n: usize) -> Grid {
    Grid::new([n, n], Sides::Walls, [1.0, 1.0], Spacing::Uniform)
}

fn lid_driven(n: usize, reynolds: f64, magnetism: impl FnOnce(&Grid) -> Magnetism) -> Metal {
    let grid = unit_grid(n);
    let magnetism = magnetism(&grid);
    let mut flow = Flow::new(grid, 1.0 / reynolds, Wall::NoSlip);
    flow.move_lid(|_| 1.0);
    Metal::new(flow, magnetism)
}

fn quasi_static(interaction: f64, direction: [f64; 2]) -> impl FnOnce(&Grid) -> Magnetism {
    move |_| Magnetism::QuasiStatic { interaction, direction }
}

/// A quantity at `at` by the cubic through the four nearest of these points.
fn sample(points: &[(f64, f64)], at: f64) -> f64 {
    let after = points.partition_point(|(x, _)| *x < at);
    let window = &points[after.saturating_sub(2).min(points.len() - 4)..][..4];
    let weight = |k: usize| (0..4).filter(|&m| m != k).map(|m| (at - window[m].0) / (window[k].0 - window[m].0)).product::<f64>();
    (0..4).map(|k| weight(k) * window[k].1).sum()
}

/// u over y on the vertical centre line, and v over x on the horizontal one, walls included.
fn centre_lines(flow: &Flow) -> [Vec<(f64, f64)>; 2] {
    let grid = flow.grid();
    let n = grid.cells[0];
    let line = |ends: [f64; 2], value: &dyn Fn(usize) -> f64| {
        let inner = (0..n).map(|k| ((k as f64 + 0.5) / n as f64, value(k)));
        [(0.0, ends[0])].into_iter().chain(inner).chain([(1.0, ends[1])]).collect()
    };
    [line([0.0, 1.0], &|j| flow.u[grid.at(n / 2, j)]), line([0.0, 0.0], &|i| flow.v[grid.at(i, n / 2)])]
}

/// Smallest value of the stream function, and of u on the vertical centre line.
fn minima(flow: &Flow) -> (f64, f64) {
    let grid = flow.grid();
    let n = grid.cells[0];
    let mut least = 0.0f64;
    for i in 1..n {
        let mut stream = 0.0;
        for j in 0..n {
            stream += flow.u[grid.at(i, j)] * grid.heights[j];
            least = least.min(stream);
        }
    }
    (least, centre_lines(flow)[0].iter().fold(0.0, |least, (_, u)| u.min(least)))
}

const HEIGHTS: [f64; 15] =
    [0.9766, 0.9688, 0.9609, 0.9531, 0.8516, 0.7344, 0.6172, 0.5, 0.4531, 0.2813, 0.1719, 0.1016, 0.0703, 0.0625, 0.0547];
const LENGTHS: [f64; 15] =
    [0.9688, 0.9609, 0.9531, 0.9453, 0.9063, 0.8594, 0.8047, 0.5, 0.2344, 0.2266, 0.1563, 0.0938, 0.0781, 0.0703, 0.0625];

/// Tables I and II of Ghia, Ghia and Shin (1982): Reynolds number, u at `HEIGHTS`, v at `LENGTHS`, smallest stream function. One value of
/// v at Re 400 is a misprint.
const GHIA: [(f64, [f64; 15], [f64; 15], f64); 3] = [
    (
        100.0,
        [
            0.84123, 0.78871, 0.73722, 0.68717, 0.23151, 0.00332, -0.13641, -0.20581, -0.21090, -0.15662, -0.10150, -0.06434, -0.04775,
            -0.04192, -0.03717,
        ],
        [
            -0.05906, -0.07391, -0.08864, -0.10313, -0.16914, -0.22445, -0.24533, 0.05454, 0.17527, 0.17507, 0.16077, 0.12317, 0.10890,
            0.10091, 0.09233,
        ],
        -0.103423,
    ),
    (
        400.0,
        [
            0.75837, 0.68439, 0.61756, 0.55892, 0.29093, 0.16256, 0.02135, -0.11477, -0.17119, -0.32726, -0.24299, -0.14612, -0.10338,
            -0.09266, -0.08186,
        ],
        [
            -0.12146,
            -0.15663,
            -0.19254,
            -0.22847,
            f64::NAN,
            -0.44993,
            -0.38598,
            0.05186,
            0.30174,
            0.30203,
            0.28124,
            0.22965,
            0.20920,
            0.19713,
            0.18360,
        ],
        -0.113909,
    ),
    (
        1000.0,
        [
            0.65928, 0.57492, 0.51117, 0.46604, 0.33304, 0.18719, 0.05702, -0.06080, -0.10648, -0.27805, -0.38289, -0.29730, -0.22220,
            -0.20196, -0.18109,
        ],
        [
            -0.21388, -0.27669, -0.33714, -0.39188, -0.51550, -0.42665, -0.31966, 0.02526, 0.32235, 0.33075, 0.37095, 0.32627, 0.30353,
            0.29012, 0.27485,
        ],
        -0.117929,
    ),
];

fn ghia(case: usize, n: usize, until: f64) {
    let (reynolds, u, v, stream) = &GHIA[case];
    let mut metal = lid_driven(n, *reynolds, quasi_static(0.0, [0.0, 1.0]));
    metal.advance(until).unwrap();
    assert!(metal.flow.divergence() < 1e-12, "{:e}", metal.flow.divergence());
    let lines = centre_lines(&metal.flow);
    let error = |line: &[(f64, f64)], places: &[f64], values: &[f64]| {
        let errors = places.iter().zip(values).filter(|(_, value)| value.is_finite()).map(|(at, value)| (sample(line, *at) - value).abs());
        errors.fold(0.0, f64::max)
    };
    let errors = [error(&lines[0], &HEIGHTS, u), error(&lines[1], &LENGTHS, v)];
    let (least_stream, least_u) = minima(&metal.flow);
    println!("Re {reynolds}, {n}^2: errors of u, v {errors:.4?}; stream function {least_stream:.6} ({stream}), u {least_u:.5}");
    // The published v at Re 1000 is itself 0.012 off the spectral minimum -0.5271 of Botella and Peyret (1998).
    assert!(errors[0] < 0.006 && errors[1] < if case == 2 { 0.014 } else { 0.01 }, "{errors:?}");
    if case == 2 {
        assert!((least_u / -0.3885698 - 1.0).abs() < 0.02, "{least_u}, Botella and Peyret -0.3885698");
    }
    assert!((least_stream / stream - 1.0).abs() < 0.01, "{least_stream}");
}

#[test]
fn lid_driven_cavity_is_that_of_ghia_ghia_and_shin() {
    ghia(0, 64, 15.0);
    if heavy() {
        ghia(0, 128, 25.0);
        ghia(1, 128, 60.0);
        ghia(2, 128, 120.0);
    }
}

/// Steady cavities at Re 100 and 64^2 cells in the quasi-static limit: (Ha, direction, u, stream function), an independent computation.
#[test]
fn quasi_static_fields_slow_the_cavity() {
    let table = [(10.0, [1.0, 0.0], -0.1916, -0.07783), (10.0, [0.0, 1.0], -0.1131, -0.07027), (0.0, [1.0, 0.0], -0.2128, -0.10318)];
    let fine = [(30.0, [1.0, 0.0], -0.2195, -0.04970), (30.0, [0.0, 1.0], -0.0378, -0.02900)];
    let count = if heavy() { 5 } else { 2 };
    for (hartmann, direction, u, stream) in table.into_iter().chain(fine).take(count) {
        let mut metal = lid_driven(64, 100.0, quasi_static(hartmann * hartmann / 100.0, direction));
        metal.advance(15.0).unwrap();
        let (least_stream, least_u) = minima(&metal.flow);
        println!("Ha {hartmann} {direction:?}: u {least_u:.4} ({u}), stream function {least_stream:.5} ({stream})");
        assert!((least_u / u - 1.0).abs() < 0.02 && (least_stream / stream - 1.0).abs() < 0.01);
    }
}

/// A cavity at Re 100 under a field along y, with induction and conducting walls: u, stream function and largest field at t = 15.
fn induced(n: usize, magnetic_reynolds: f64, field: f64) -> (f64, f64, f64) {
    let mut metal = lid_driven(n, 100.0, |grid| {
        let induction = Induction::new(grid, 1.0 / magnetic_reynolds, 1.0, [0.0, field], MagneticWall::Conducting);
        Magnetism::Induced(Box::new(induction))
    });
    metal.advance(15.0).unwrap();
    assert!(metal.flow.divergence() < 1e-12);
    let largest = metal.induced_field().iter().flatten().fold(0.0f64, |largest, b| largest.max(b.abs()));
    let (stream, u) = minima(&metal.flow);
    println!("Rm {magnetic_reynolds} B0 {field} {n}^2: u {u:.4}, stream function {stream:.4}, |b| {largest:.3}");
    (u, stream, largest)
}

/// An independent coarse computation at Rm 50 and B0 0.3 within its 5 %.
#[test]
fn induced_fields_slow_the_cavity() {
    let table = [(48, -0.0562, -0.0412), (64, -0.0569, -0.0417)];
    for (n, u, stream) in table.into_iter().take(if heavy() { 2 } else { 1 }) {
        let (our_u, our_stream, largest) = induced(n, 50.0, 0.3);
        assert!((our_u / u - 1.0).abs() < 0.05 && (our_stream / stream - 1.0).abs() < 0.05);
        // The field peaks in the corners under the lid, the more the finer the grid.
        assert!(largest > 0.15 && largest < 0.4);
    }
}

/// At Rm 10 and B0 1 that computation, on 48^2 cells, has -0.0349 and -0.0269, 5 and 6 % off ours. Ours is the same on fewer and on more
/// cells, and is what the quasi-static cavity at Ha = 31.6 tends to, which on 48^2 cells has -0.0347 and -0.0269: in a steady state nothing
/// but the velocity drives a current, and the induced field is a tenth of the external one.
#[test]
fn strong_fields_give_the_quasi_static_cavity() {
    let (u, stream, largest) = induced(48, 10.0, 1.0);
    for n in if heavy() { vec![32, 96] } else { vec![32] } {
        let (other_u, other_stream, _) = induced(n, 10.0, 1.0);
        assert!((other_u / u - 1.0).abs() < 0.02 && (other_stream / stream - 1.0).abs() < 0.005);
    }
    let quasi = [32, 64].map(|n| {
        let mut metal = lid_driven(n, 100.0, quasi_static(10.0, [0.0, 1.0]));
        metal.advance(6.0).unwrap();
        minima(&metal.flow)
    });
    // Both grids give the limit of the second-order error.
    let limit = |coarse: f64, fine: f64| fine + (fine - coarse) / 3.0;
    let (static_stream, static_u) = (limit(quasi[0].0, quasi[1].0), limit(quasi[0].1, quasi[1].1));
    println!("quasi-static on 32^2, 64^2: {quasi:.4?}, limit: u {static_u:.4}, stream function {static_stream:.4}");
    assert!((static_u / u - 1.0).abs() < 0.015 && (static_stream / stream - 1.0).abs() < 0.015);
    assert!((u / -0.0349 - 1.0).abs() < 0.06 && (stream / -0.0269 - 1.0).abs() < 0.07 && largest < 0.15);
}

/// A channel of half-width 1 with a field across it.
fn channel(ny: usize, reynolds: f64, magnetic_reynolds: f64, field: f64, walls: (Wall, MagneticWall)) -> Metal {
    let grid = Grid::new([4, ny], Sides::Periodic, [4.0, 2.0], Spacing::Uniform);
    let induction = Induction::new(&grid, 1.0 / magnetic_reynolds, 1.0, [0.0, field], walls.1);
    Metal::new(Flow::new(grid, 1.0 / reynolds, walls.0), Magnetism::Induced(Box::new(induction)))
}

/// Largest error of Hartmann flow at Ha = 10 relative to the largest velocity, and the error of the mean velocity.
fn hartmann(ny: usize, wall: MagneticWall) -> (f64, f64) {
    let (hartmann, reynolds, magnetic_reynolds): (f64, f64, f64) = (10.0, 2.0, 2.0);
    let field = hartmann / (reynolds * magnetic_reynolds).sqrt();
    let mut metal = channel(ny, reynolds, magnetic_reynolds, field, (Wall::NoSlip, wall));
    metal.drive = 1.0 / reynolds;
    metal.advance(6.0).unwrap();
    let speed = match wall {
        MagneticWall::Conducting => 1.0 / (hartmann * hartmann),
        MagneticWall::Insulating => 1.0 / (hartmann * hartmann.tanh()),
    };
    let grid = metal.flow.grid();
    let (mut error, mut mean) = (0.0f64, 0.0);
    let [induced, _] = metal.induced_field();
    for j in 0..ny {
        let y = grid.centres[j] - 1.0;
        let u = metal.flow.u[grid.at(1, j)];
        error = error.max((u / speed - (1.0 - (hartmann * y).cosh() / hartmann.cosh())).abs());
        mean += u / ny as f64;
        if wall == MagneticWall::Insulating {
            let profile = (hartmann * y).sinh() / (hartmann * hartmann.cosh()) - y * hartmann.tanh() / hartmann;
            error = error.max((induced[ny + j] / (magnetic_reynolds * field * speed) - profile).abs());
        }
    }
    (error, (mean / (speed * (1.0 - hartmann.tanh() / hartmann)) - 1.0).abs())
}

#[test]
fn hartmann_flow_between_conducting_and_insulating_walls() {
    for wall in [MagneticWall::Conducting, MagneticWall::Insulating] {
        let (coarse, fine) = (hartmann(60, wall), hartmann(120, wall));
        println!("{wall:?}: 60 cells {coarse:?}, 120 cells {fine:?}, order {:.2}", (coarse.0 / fine.0).log2());
        assert!(fine.0 < 0.01 && fine.1 < 0.01);
        assert!((coarse.0 / fine.0).log2() > 1.7);
    }
}

/// A standing Alfven wave along the field: u = eps cos(k y) exp(-g t) (cos(w t) - (c / w) sin(w t)), with the mean damping g of both
/// diffusivities and w^2 = (k B0)^2 - c^2, c half the difference of their rates.
#[test]
fn alfven_waves_have_their_frequency_and_damping() {
    for (reynolds, magnetic_reynolds) in [(200.0, 200.0), (400.0, 50.0)] {
        let error = |ny: usize| {
            let (field, end, size) = (1.0, 3.0, 1e-3);
            let k = PI;
            let mut metal = channel(ny, reynolds, magnetic_reynolds, field, (Wall::FreeSlip, MagneticWall::Insulating));
            metal.flow.set(|_, y| size * (k * y).cos(), |_, _| 0.0);
            metal.advance(end).unwrap();
            let damping = 0.5 * k * k * (1.0 / reynolds + 1.0 / magnetic_reynolds);
            let skew = 0.5 * k * k * (1.0 / reynolds - 1.0 / magnetic_reynolds);
            let frequency = (k * k * field * field - skew * skew).sqrt();
            let phase = frequency * end;
            let amplitude = (-damping * end).exp() * (phase.cos() - skew / frequency * phase.sin());
            let grid = metal.flow.grid();
            let errors = (0..ny).map(|j| (metal.flow.u[grid.at(2, j)] / size - amplitude * (k * grid.centres[j]).cos()).abs());
            errors.fold(0.0, f64::max)
        };
        let (coarse, fine) = (error(32), error(64));
        println!("Re {reynolds} Rm {magnetic_reynolds}: errors {coarse:e} {fine:e}");
        assert!(fine < 2e-3 && (coarse / fine).log2() > 1.7);
    }
}

/// Between resting conducting walls kinetic and magnetic energy are lost to viscosity and resistance only.
#[test]
fn the_budget_of_energy_closes() {
    let grid = unit_grid(32);
    let induction = Induction::new(&grid, 0.02, 1.0, [0.4, 0.3], MagneticWall::Conducting);
    let mut flow = Flow::new(grid, 0.01, Wall::NoSlip);
    flow.set(|x, y| (PI * x).sin().powi(2) * (2.0 * PI * y).sin(), |x, y| -(PI * y).sin().powi(2) * (2.0 * PI * x).sin());
    let mut metal = Metal::new(flow, Magnetism::Induced(Box::new(induction)));
    let balance = |metal: &mut Metal| {
        metal.evaluate();
        let Magnetism::Induced(induction) = &metal.magnetism else { panic!("the field is induced") };
        let (magnetic, loss) = induction.energy_and_loss(metal.flow.grid());
        (metal.flow.energy() + magnetic, metal.flow.viscous_power() - loss, magnetic)
    };
    let (start, mut power, _) = balance(&mut metal);
    let (mut change, mut most_magnetic) = (0.0, 0.0f64);
    let dt = 1e-3;
    for _ in 0..500 {
        metal.step(dt);
        let (_, after, magnetic) = balance(&mut metal);
        change += 0.5 * dt * (power + after);
        power = after;
        most_magnetic = most_magnetic.max(magnetic);
    }
    let (end, ..) = balance(&mut metal);
    println!("energy {start:.6} to {end:.6}, losses {change:.6}; magnetic up to {most_magnetic:.4}");
    assert!(most_magnetic > 0.02 * start);
    assert!(((end - start - change) / change).abs() < 1e-4);
}

/// The induced field comes from a potential: through the faces of each cell as much enters as leaves.
#[test]
fn the_induced_field_has_no_divergence() {
    let mut metal =
        lid_driven(24, 100.0, |grid| Magnetism::Induced(Box::new(Induction::new(grid, 0.02, 1.0, [0.2, 0.3], MagneticWall::Conducting))));
    metal.advance(1.0).unwrap();
    let Magnetism::Induced(induction) = &metal.magnetism else { panic!("the field is induced") };
    let (grid, a) = (metal.flow.grid(), &induction.potential);
    let face_x = |i, j| a[grid.at(i, j + 1)] - a[grid.at(i, j)];
    let face_y = |i, j| a[grid.at(i, j)] - a[grid.at(i + 1, j)];
    let mut largest = 0.0f64;
    for (i, j) in (0..24).flat_map(|i| (0..24).map(move |j| (i, j))) {
        let divergence: f64 = face_x(i + 1, j) - face_x(i, j) + face_y(i, j + 1) - face_y(i, j);
        assert!(divergence.abs() <= 1e-17);
        largest = largest.max(face_x(i, j).abs());
    }
    assert!(largest > 1e-4);
    // No field passes a conducting wall.
    assert!((0..24).all(|k| face_x(0, k) == 0.0 && face_x(24, k) == 0.0 && face_y(k, 0) == 0.0 && face_y(k, 24) == 0.0));
}

fn problem(set: usize, grid: [usize; 2], frames: usize) -> Problem {
    common::problem("liquid_metal_cavity", set, grid, frames, 0)
}

#[test]
fn fields_are_laid_out_as_declared() {
    let trajectory = problem(0, [32, 32], 4).simulate().unwrap();
    let names: Vec<&str> = trajectory.fields.iter().map(|series| series.field.name).collect();
    assert_eq!(names, ["metal_velocity", "induced_field"]);
    for (time, expected) in trajectory.times.iter().zip([0.1, 0.2, 0.3, 0.4]) {
        assert!((time - expected).abs() < 1e-12);
    }
    assert!(trajectory.fields.iter().all(|series| series.values.len() == 4 * 32 * 32 * 2));
    // The lid, the end of the fast axis, drags the fluid along x from the first frame on.
    let velocity = &trajectory.fields[0].values;
    let u = |i: usize, j: usize| velocity[2 * (i * 32 + j)];
    assert!(u(16, 31) > 0.3 && u(16, 15).abs() < 0.1);
    assert!(trajectory.fields[1].values.iter().any(|&b| b.abs() > 1e-4));
}

#[test]
fn parameter_sets_are_those_that_a_grid_resolves() {
    let system = system("liquid_metal_cavity").unwrap();
    let sets = |n: usize| (system.parameter_sets)(&[n, n]);
    assert!(sets(16).len() >= 9 && sets(16).len() < sets(64).len() && sets(512).len() == 108);
    let first: Vec<f64> = sets(128).iter().take(12).map(|set| set.values[0]).collect();
    assert!([100.0, 200.0, 400.0, 1000.0].iter().all(|reynolds| first.contains(reynolds)), "{first:?}");
    let mut labels: Vec<String> = sets(64).into_iter().map(|set| set.label).collect();
    labels.sort();
    labels.dedup();
    assert_eq!(labels.len(), sets(64).len());
}

#[test]
fn small_oblong_and_supersampled_grids_run_and_threads_do_not_change_a_byte() {
    let supersampled = Problem { supersampling: 2, ..problem(2, [16, 16], 5) };
    let problems = [problem(0, [16, 16], 5), problem(2, [16, 16], 5), problem(4, [40, 20], 5), supersampled];
    let run = |threads| {
        let mut all: Vec<Trajectory> = Vec::new();
        simulate_all(&problems, threads, &mut |_, result| {
            all.push(result.unwrap());
            true
        });
        all
    };
    let (one, two) = (run(1), run(2));
    assert_eq!(one, two);
    let difference = |field: usize| {
        let (a, b) = (&one[1].fields[field].values, &one[3].fields[field].values);
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32
    };
    println!("mean differences {} {}", difference(0), difference(1));
    assert!(difference(0) > 0.0 && difference(0) < 0.02 && difference(1) < 0.02);
}

#[test]
fn a_broken_state_is_named() {
    let mut broken = problem(0, [16, 16], 3);
    broken.parameters.values[2] = f64::NAN;
    let message = broken.simulate().unwrap_err().to_string();
    assert!(message.contains("liquid_metal_cavity") && message.contains("broke down at t = "), "{message}");
}
