//! The viscous compressible simulator against exact damped waves and stresses, and what must hold for every flow: conservation, second
//! order of friction in time, the same bytes from any number of threads.

mod common;

use common::{assert_threads_change_nothing, problem};
use std::f64::consts::PI;

use pfm_solvers::compressible::{Friction, PDEBENCH, Viscosity, ViscousMarch};
use pfm_solvers::finite_volume::{Cells, Law, Mesh};
use pfm_solvers::{Problem, system};

const K: f64 = 2.0 * PI;

/// A periodic unit square with `n` cells along `axis` and 4 along the other.
fn strip(n: usize, axis: usize) -> Mesh {
    let cells = if axis == 0 { [n, 4] } else { [4, n] };
    Mesh { cells, spacing: cells.map(|n| 1.0 / n as f64) }
}

/// Conserved variables from primitive ones at the centre of each cell.
fn cells(mesh: &Mesh, primitive: impl Fn(f64, f64) -> [f64; 4]) -> Cells<4> {
    let mut cells: Cells<4> = Default::default();
    for at in 0..mesh.len() {
        let (i, j) = (at / mesh.cells[1], at % mesh.cells[1]);
        let [x, y] = [(i, 0), (j, 1)].map(|(i, axis)| (i as f64 + 0.5) * mesh.spacing[axis]);
        for (variable, value) in cells.iter_mut().zip(PDEBENCH.conserved(primitive(x, y))) {
            variable.push(value);
        }
    }
    cells
}

/// Exchanges the parts of x and y for waves along y.
fn turned(axis: usize, [density, u, v, pressure]: [f64; 4]) -> [f64; 4] {
    if axis == 0 { [density, u, v, pressure] } else { [density, v, u, pressure] }
}

/// Sine and cosine share of the first wave along `axis`.
fn first_wave(values: &[f64], mesh: &Mesh, axis: usize) -> (f64, f64) {
    let angle = |at: usize| K * ([at / mesh.cells[1], at % mesh.cells[1]][axis] as f64 + 0.5) * mesh.spacing[axis];
    let share = |part: fn(f64) -> f64| {
        let product: f64 = values.iter().enumerate().map(|(at, value)| value * part(angle(at))).sum();
        2.0 * product / values.len() as f64
    };
    (share(f64::sin), share(f64::cos))
}

#[test]
fn sound_has_the_exact_speed_and_damping() {
    let (density, pressure, amplitude) = (1.2, 0.8, 1e-4);
    let viscosity = Viscosity { shear: 0.01, bulk: 0.01 };
    let sound = (PDEBENCH.gamma * pressure / density).sqrt();
    let damping = K * K * viscosity.along() / (2.0 * density);
    let frequency = ((K * sound).powi(2) - damping * damping).sqrt();
    for axis in [0, 1] {
        let mesh = strip(64, axis);
        // The damped wave that runs to the right, u = amplitude cos(k x - frequency t) exp(-damping t); density and pressure are
        // -i k u / s of theirs with s = -damping - i frequency.
        let share = K / (damping * damping + frequency * frequency);
        let start = cells(&mesh, |x, y| {
            let angle = K * [x, y][axis];
            let change = amplitude * share * (frequency * angle.cos() - damping * angle.sin());
            turned(axis, [density * (1.0 + change), amplitude * angle.cos(), 0.0, pressure * (1.0 + PDEBENCH.gamma * change)])
        });
        let mut march = ViscousMarch::new(&PDEBENCH, viscosity, mesh, start).unwrap();
        let before = first_wave(&march.flow().primitive()[3], &mesh, axis);
        let time = 1.0;
        march.advance(time).unwrap();
        let after = first_wave(&march.flow().primitive()[3], &mesh, axis);
        let length = |(sine, cosine): (f64, f64)| sine.hypot(cosine);
        let decay = (length(before) / length(after)).ln() / time;
        let turns = (frequency * time / (2.0 * PI)).round();
        let phase = after.0.atan2(after.1) - before.0.atan2(before.1);
        let phase = phase - 2.0 * PI * (phase / (2.0 * PI)).round() + 2.0 * PI * turns;
        println!("axis {axis}: speed {} exact {} ({sound}), damping {decay} exact {damping}", phase / time / K, frequency / K);
        assert!((phase / time / K / sound - 1.0).abs() < 0.005, "{} {sound}", phase / time / K);
        assert!((phase / time / frequency - 1.0).abs() < 0.005);
        assert!((decay / damping - 1.0).abs() < 0.02, "{decay} {damping}");
    }
}

#[test]
fn shear_decays_at_the_exact_rate() {
    for (axis, shear, density) in [(0, 0.01, 0.7), (1, 0.01, 0.7), (0, 0.1, 1.3), (1, 0.1, 1.3)] {
        let mesh = strip(64, axis);
        let start = cells(&mesh, |x, y| turned(axis, [density, 0.0, 1e-3 * (K * [x, y][axis]).sin(), 1.0]));
        let mut march = ViscousMarch::new(&PDEBENCH, Viscosity { shear, bulk: shear }, mesh, start).unwrap();
        march.advance(0.5).unwrap();
        let amplitude = first_wave(&march.flow().primitive()[2 - axis], &mesh, axis).0;
        let (rate, exact) = ((1e-3 / amplitude).ln() / 0.5, shear * K * K / density);
        println!("axis {axis}, eta {shear}: {rate}, exact {exact}");
        assert!((rate / exact - 1.0).abs() < 0.002, "{rate} {exact}");
    }
}

/// Rates of change by friction of a flow with all gradients, against the stress written out, at n cells an axis: largest errors of
/// the momenta and of the energy.
fn stress_errors(n: usize) -> [f64; 3] {
    let viscosity = Viscosity { shear: 0.3, bulk: 0.7 };
    let mesh = Mesh { cells: [n, n + 8], spacing: [1.0 / n as f64, 1.0 / (n + 8) as f64] };
    let density = |x: f64, y: f64| 1.0 + 0.5 * (K * (x + y)).sin();
    let start = cells(&mesh, |x, y| [density(x, y), (K * x).sin() * (K * y).cos(), 0.5 * (K * x).cos(), 2.0]);
    let mut after = start.clone();
    let dt = 1e-8;
    Friction::new(viscosity, mesh).apply(dt, &mut after);
    assert_eq!(start[0], after[0]);
    let Viscosity { shear, bulk } = viscosity;
    let mut errors = [0.0f64; 3];
    for at in 0..mesh.len() {
        let [x, y] = [at / mesh.cells[1], at % mesh.cells[1]].map(|i| i as f64 + 0.5);
        let ((sx, cx), (sy, cy)) = ((K * x * mesh.spacing[0]).sin_cos(), (K * y * mesh.spacing[1]).sin_cos());
        let (u, v) = (sx * cy, 0.5 * cx);
        let [u_x, u_y, v_x] = [K * cx * cy, -K * sx * sy, -0.5 * K * sx];
        let swelling = u_x;
        let along_x = -2.0 * shear * K * K * u - (bulk + shear / 3.0) * K * K * sx * cy;
        let along_y = -shear * K * K * v - (bulk + shear / 3.0) * K * K * cx * sy;
        let pull = 2.0 * shear * u_x + (bulk - 2.0 / 3.0 * shear) * swelling;
        let power = u * along_x + v * along_y + pull * u_x + shear * (u_y + v_x).powi(2);
        for (k, exact) in [along_x, along_y, power].into_iter().enumerate() {
            errors[k] = errors[k].max(((after[k + 1][at] - start[k + 1][at]) / dt - exact).abs());
        }
    }
    errors
}

#[test]
fn stress_is_second_order() {
    let (coarse, fine) = (stress_errors(32), stress_errors(64));
    println!("{coarse:?} {fine:?}");
    for (coarse, fine) in coarse.into_iter().zip(fine) {
        assert!((coarse / fine).log2() > 1.7, "{coarse} {fine}");
        assert!(fine < 0.3, "{fine}");
    }
}

/// The decay of a shear wave in a time far beyond explicit steps, in so many steps of friction, against that of the discrete Laplacian.
#[test]
fn friction_is_second_order_in_time() {
    let mesh = strip(256, 0);
    let (shear, time) = (0.1, 0.05);
    let exact = (-time * shear * (2.0 / mesh.spacing[0] * (0.5 * K * mesh.spacing[0]).sin()).powi(2)).exp();
    let error = |steps: usize| {
        let mut state = cells(&mesh, |x, _| [1.0, 0.0, (K * x).sin(), 1.0]);
        let mut friction = Friction::new(Viscosity { shear, bulk: shear }, mesh);
        (0..steps).for_each(|_| friction.apply(time / steps as f64, &mut state));
        (first_wave(&state[2], &mesh, 0).0 / exact / first_wave(&cells(&mesh, |x, _| [1.0, 0.0, (K * x).sin(), 1.0])[2], &mesh, 0).0 - 1.0)
            .abs()
    };
    let errors = [2, 4, 8].map(error);
    println!("{errors:?}");
    assert!(errors.windows(2).all(|pair| (pair[0] / pair[1]).log2() > 1.8), "{errors:?}");
    assert!(errors[0] < 1e-3);
}

const SYSTEMS: [(&str, usize); 3] = [("pdebench_compressible_128", 4), ("pdebench_compressible_512", 2), ("pdebench_turbulent", 2)];

#[test]
fn every_set_conserves_mass_momentum_and_energy() {
    for (name, sets) in SYSTEMS {
        for set in 0..sets {
            let trajectory = problem(name, set, [32, 32], 21, 1).simulate().unwrap();
            let [mass, energy] = [0, 3].map(|k| trajectory.conserved[k].values[0]);
            // Momenta add up to nearly nothing: their scale is that of a fluid which moves as fast as sound.
            let scales = [mass, (mass * energy).sqrt(), (mass * energy).sqrt(), energy];
            for (sums, scale) in trajectory.conserved.iter().zip(scales) {
                for value in &sums.values {
                    let drift = (value - sums.values[0]).abs() / scale;
                    assert!(drift <= 1e-13, "{name} {}: {} drifts by {drift:e}", trajectory.steps, sums.name);
                }
            }
        }
    }
}

/// Friction alone turns motion into heat and keeps their sum.
#[test]
fn friction_heats() {
    let mesh = Mesh { cells: [32, 24], spacing: [1.0 / 32.0, 1.0 / 24.0] };
    let mut state = cells(&mesh, |x, y| [1.0 + 0.5 * (K * (x + y)).sin(), (K * y).sin(), (K * x).cos(), 1.0]);
    let total = |state: &Cells<4>| state[3].iter().sum::<f64>();
    let heat = |state: &Cells<4>| (0..mesh.len()).map(|at| PDEBENCH.primitive(state.each_ref().map(|v| v[at]))[3]).sum::<f64>();
    let (energy, mut warmth) = (total(&state), heat(&state));
    let mut friction = Friction::new(Viscosity { shear: 0.05, bulk: 0.0 }, mesh);
    for _ in 0..20 {
        friction.apply(0.02, &mut state);
        assert!((total(&state) / energy - 1.0).abs() < 1e-13);
        assert!(heat(&state) > warmth);
        warmth = heat(&state);
    }
}

#[test]
fn threads_do_not_change_a_byte() {
    let problems: Vec<Problem> = (0..4).map(|k| problem("pdebench_compressible_128", k % 4, [24, 16], 5, k as u64)).collect();
    assert_threads_change_nothing(&problems);
}

#[test]
fn stored_fields() {
    for (name, sets) in SYSTEMS {
        let problem = Problem { supersampling: 2, ..problem(name, 1, [16, 24], 3, 0) };
        assert_eq!((problem.system.parameter_sets)(&problem.grid).len(), sets);
        assert_eq!(problem.system.parameters, ["M", "eta", "zeta"]);
        let trajectory = problem.simulate().unwrap();
        assert_eq!(trajectory.times, [0.0, 0.05, 0.1]);
        let names: Vec<&str> = trajectory.fields.iter().map(|series| series.field.name).collect();
        assert_eq!(names, ["density", "pressure", "velocity"]);
        let sizes: Vec<usize> = trajectory.fields.iter().map(|series| series.values.len()).collect();
        assert_eq!(sizes, [3 * 16 * 24, 3 * 16 * 24, 2 * 3 * 16 * 24]);
        assert!(trajectory.fields[..2].iter().flat_map(|series| &series.values).all(|&value| value > 0.0));
    }
    let labels: Vec<String> =
        (system("pdebench_compressible_128").unwrap().parameter_sets)(&[64, 64]).into_iter().map(|set| set.label).collect();
    assert_eq!(labels, ["M_0.1_eta_0.01_zeta_0.01", "M_0.1_eta_0.1_zeta_0.1", "M_1_eta_0.01_zeta_0.01", "M_1_eta_0.1_zeta_0.1"]);
}

#[test]
fn what_is_not_a_gas_is_refused_with_its_cell() {
    let mesh = strip(16, 1);
    let mut start = cells(&mesh, |_, _| [1.0, 0.0, 0.0, 1.0]);
    start[3][18] = -1.0;
    let failed = ViscousMarch::new(&PDEBENCH, Viscosity { shear: 0.1, bulk: 0.1 }, mesh, start);
    assert!(failed.err().is_some_and(|breakdown| breakdown.cause.contains("cell (1, 2)")));
}
