//! The shear flow simulator against exact solutions (Taylor-Green vortices, pure diffusion), the growth rates of shear layers by linear
//! theory, conservation, and an independent computation. With PFMC_HEAVY=1 in the environment the slow parts run as well.

mod common;

use common::{assert_threads_change_nothing, heavy};
use std::f64::consts::{PI, TAU};

use pfm_solvers::fourier::{Complex, Modes, Spectrum, Transform};
use pfm_solvers::shear_flow::{Flow, Layers};
use pfm_solvers::{Problem, SolverError, simulate_all, system};

const LENGTHS: [f64; 2] = [1.0, 2.0];

/// Modes of a field given at (x, y) with y measured from the middle of the box.
fn modes_of(modes: &Modes, field: impl Fn(f64, f64) -> f64) -> Spectrum {
    let ([nx, ny], [dx, dy]) = (modes.cells(), modes.spacing());
    let middle = 0.5 * dy * ny as f64;
    let values: Vec<f64> = (0..nx * ny).map(|at| field(((at / ny) as f64 + 0.5) * dx, ((at % ny) as f64 + 0.5) * dy - middle)).collect();
    let mut spectrum = modes.zeros();
    Transform::new(modes).to_modes(&values, &mut spectrum);
    spectrum
}

/// The largest distance of a field from its exact values on the grid.
fn error(modes: &Modes, field: &Spectrum, exact: impl Fn(f64, f64) -> f64) -> f64 {
    let difference: Spectrum = field.iter().zip(modes_of(modes, exact)).map(|(a, b)| a - b).collect();
    let mut values = vec![0.0; modes.points()];
    Transform::new(modes).to_grid(&difference, &mut values);
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}

#[test]
fn taylor_green_vortices_decay_exactly() {
    let (viscosity, a) = (0.01, TAU);
    let modes = Modes::dealiased([32, 64], LENGTHS);
    let u = modes_of(&modes, |x, z| (a * x).cos() * (a * z).sin());
    let w = modes_of(&modes, |x, z| -(a * x).sin() * (a * z).cos());
    let tracer = modes.zeros();
    let mut flow = Flow::new(modes.clone(), [viscosity, viscosity], 0.5, [&u, &w], tracer);
    flow.advance(1.0).unwrap();
    let amplitude = (-2.0 * a * a * viscosity).exp();
    assert!((amplitude - 0.454040739).abs() <= 1e-9);
    let [u, w] = flow.velocity();
    let errors = [
        error(&modes, &u, |x, z| amplitude * (a * x).cos() * (a * z).sin()),
        error(&modes, &w, |x, z| -amplitude * (a * x).sin() * (a * z).cos()),
        error(&modes, &flow.pressure(), |x, z| -0.25 * amplitude * amplitude * ((2.0 * a * x).cos() + (2.0 * a * z).cos())),
    ];
    println!("Taylor-Green: {errors:?}");
    assert!(errors.iter().all(|error| *error <= 1e-13), "{errors:?}");
}

#[test]
fn a_tracer_mode_diffuses_exactly() {
    let modes = Modes::dealiased([16, 32], LENGTHS);
    let wave = |x: f64, z: f64| (TAU * 2.0 * x + PI * 3.0 * z).cos();
    let tracer = modes_of(&modes, |x, z| 0.2 + wave(x, z));
    let (still, uniform) = (modes.zeros(), modes_of(&modes, |_, _| 1.0));
    let rate = 0.03 * ((TAU * 2.0).powi(2) + (PI * 3.0).powi(2));
    let mut flow = Flow::new(modes.clone(), [0.01, 0.03], 0.5, [&still, &still], tracer.clone());
    let mut carried = Flow::new(modes.clone(), [0.01, 0.03], 0.01, [&uniform, &still], tracer);
    for flow in [&mut flow, &mut carried] {
        flow.advance(0.1).unwrap();
    }
    let decayed = (-rate * 0.1f64).exp();
    let exact = error(&modes, flow.tracer(), |x, z| 0.2 + decayed * wave(x, z));
    let moved = error(&modes, carried.tracer(), |x, z| 0.2 + decayed * wave(x - 0.1, z));
    println!("diffusion {exact:e}, diffusion and transport {moved:e}");
    assert!(exact <= 1e-13, "{exact:e}");
    assert!(moved <= 1e-9, "{moved:e}");
}

/// The growth rate of small disturbances, one wave to the box, of two shear layers `thickness` thick, which it moves to the same
/// side (`sides` 1) or to opposite ones (-1).
fn growth_rate(wave_number: f64, thickness: f64, sides: f64, viscosity: f64, window: (f64, f64)) -> f64 {
    let modes = Modes::dealiased([8, 512], [TAU / wave_number, 2.0]);
    let layers = |z: f64| 0.5 * (1.0 + ((z - 0.5) / thickness).tanh() - ((z + 0.5) / thickness).tanh());
    let bump = |z: f64| (-(z / thickness).powi(2)).exp();
    let u = modes_of(&modes, |_, z| layers(z));
    let w = modes_of(&modes, |x, z| 1e-9 * (wave_number * x).sin() * (bump(z - 0.5) + sides * bump(z + 0.5)));
    let tracer = modes.zeros();
    let mut flow = Flow::new(modes.clone(), [viscosity, viscosity], 0.1, [&u, &w], tracer);
    let [start, end] = [window.0, window.1].map(|time| {
        flow.advance(time).unwrap();
        let [_, w] = flow.velocity();
        modes.mean_product(&w, &w)
    });
    0.5 * (end / start).ln() / (window.1 - window.0)
}

/// The single tanh layer of Michalke (1964), for which two layers far apart stand: rates in units of velocity over thickness.
#[test]
fn a_single_layer_grows_as_linear_theory_says() {
    for (wave, rate) in [(0.4446, 0.18970), (0.2, 0.13949), (0.6, 0.17300), (0.8, 0.10773)] {
        // Long waves feel the other layer, short ones need a fine grid.
        let thickness = if wave < 0.4 { 0.025 } else { 0.05 };
        let time = thickness / 0.5 / rate;
        let found = growth_rate(wave / thickness, thickness, 1.0, 0.0, (8.0 * time, 12.0 * time)) * thickness / 0.5;
        println!("single layer, k delta = {wave}: {found:.5}, theory {rate}");
        assert!((found / rate - 1.0).abs() <= 0.002, "k delta = {wave}: {found}, theory {rate}");
    }
}

/// The data set's two layers by the linear eigenproblem: width, waves in the box, and the rates of disturbances that move both layers to
/// the same side and to opposite sides. The data set starts with the latter.
#[test]
fn the_published_layers_grow_as_linear_theory_says() {
    let cases = [
        (0.5, 1, [1.76585, 1.75828]),
        (0.5, 2, [1.66486, 1.66479]),
        (1.0, 1, [0.84192, 0.82334]),
        (0.25, 1, [2.37073, 2.36741]),
        (0.25, 2, [3.52318, 3.52315]),
        (0.25, 3, [3.78120, 3.78120]),
    ];
    for (width, waves, rates) in cases {
        for (sides, rate) in [1.0, -1.0].into_iter().zip(rates) {
            // Friction would thicken the layers: the theory holds them fixed.
            let found = growth_rate(TAU * f64::from(waves), width / 10.0, sides, 1e-8, (8.0 / rate, 12.0 / rate));
            println!("width {width}, {waves} waves, sides {sides}: {found:.5}, theory {rate}");
            assert!((found / rate - 1.0).abs() <= 0.002, "width {width}, {waves} waves, sides {sides}: {found}, theory {rate}");
        }
    }
}

/// A smooth flow of a few large waves, with a tracer.
fn smooth(modes: &Modes) -> [Spectrum; 3] {
    let u = modes_of(modes, |x, z| 0.5 + (PI * z).sin() + 0.5 * (PI * 2.0 * z).cos() * (TAU * x).sin());
    let w = modes_of(modes, |x, z| 0.1 - (PI * 2.0 * z).sin() * (TAU * x).cos() * 0.5 + 0.3 * (TAU * x).sin());
    let tracer = modes_of(modes, |x, z| 0.2 + (TAU * x).cos() * (PI * z).sin());
    [u, w, tracer]
}

/// Relative drifts of energy and enstrophy over unit time without friction, and the largest drifts of the means.
fn drifts(courant: f64) -> ([f64; 2], f64) {
    let modes = Modes::dealiased([64, 64], LENGTHS);
    let [u, w, tracer] = smooth(&modes);
    let mut flow = Flow::new(modes.clone(), [0.0, 0.0], courant, [&u, &w], tracer);
    let measure = |flow: &Flow| {
        let [u, w] = flow.velocity();
        let energy = modes.mean_product(&u, &u) + modes.mean_product(&w, &w);
        ([energy, modes.mean_product(flow.vorticity(), flow.vorticity())], [flow.tracer()[0].re, u[0].re, w[0].re, flow.vorticity()[0].re])
    };
    let (before, means) = measure(&flow);
    flow.advance(1.0).unwrap();
    let (after, means_after) = measure(&flow);
    let mean_drift = means.iter().zip(means_after).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    ([0, 1].map(|at| (after[at] / before[at] - 1.0).abs()), mean_drift)
}

#[test]
fn flow_without_friction_conserves() {
    let (coarse, mean_coarse) = drifts(0.1);
    let (fine, mean_fine) = drifts(0.05);
    println!("energy and enstrophy drift {coarse:?}, with half the step {fine:?}; means {mean_coarse:e} {mean_fine:e}");
    assert!(mean_coarse.max(mean_fine) <= 1e-14);
    for (coarse, fine) in coarse.into_iter().zip(fine) {
        assert!(fine <= 1e-8, "{fine:e}");
        assert!(coarse / fine >= 14.0 || fine <= 1e-13, "{coarse:e} {fine:e}");
    }
}

/// The variance of the tracer falls by 2 D times its mean squared gradient.
#[test]
fn the_tracer_variance_has_its_budget() {
    let modes = Modes::dealiased([64, 64], LENGTHS);
    let [u, w, tracer] = smooth(&modes);
    let diffusivity = 2e-3;
    let mut flow = Flow::new(modes.clone(), [1e-3, diffusivity], 0.25, [&u, &w], tracer);
    let variance = |flow: &Flow| modes.mean_product(flow.tracer(), flow.tracer());
    let loss = |flow: &Flow| {
        let gradient = [0, 1].map(|axis| modes.derivative(axis, flow.tracer()));
        2.0 * diffusivity * gradient.iter().map(|part| modes.mean_product(part, part)).sum::<f64>()
    };
    // Simpson's rule over the loss.
    let (before, intervals, width) = (variance(&flow), 200, 1.0 / 200.0);
    let mut lost = loss(&flow);
    for point in 1..=intervals {
        flow.advance(f64::from(point) * width).unwrap();
        let weight = if point == intervals { 1.0 } else { f64::from(2 + 2 * (point % 2)) };
        lost += weight * loss(&flow);
    }
    let (fall, lost) = (before - variance(&flow), lost * width / 3.0);
    println!("variance fell by {fall}, budget {lost}");
    assert!(fall > 0.01 && (fall / lost - 1.0).abs() <= 1e-7, "{fall} {lost}");
}

fn problem(parameters: usize, grid: [usize; 2], frames: usize, index: u64) -> Problem {
    common::problem("shear_flow", parameters, grid, frames, index)
}

/// Root mean squares of the velocity and the largest tracer value at t = 4 from two layers, two blobs, width 0.5, Re = 1e4, Sc = 1.
fn at_four(cells: [usize; 2]) -> [f64; 3] {
    let modes = Modes::dealiased(cells, LENGTHS);
    let [u, w, tracer] = Layers { shears: 2, blobs: 2, width: 0.5, shift: 0.0 }.modes(&modes);
    let mut flow = Flow::new(modes.clone(), [1e-4, 1e-4], 0.5, [&u, &w], tracer);
    flow.advance(4.0).unwrap();
    let [u, w] = flow.velocity();
    let largest = error(&modes, flow.tracer(), |_, _| 0.0);
    [modes.mean_product(&u, &u).sqrt(), modes.mean_product(&w, &w).sqrt(), largest]
}

/// Against an independent computation of the same flow (pseudo-spectral, 128 x 256).
#[test]
fn rolled_up_layers_agree_with_another_code() {
    let [u, w, largest] = at_four(if heavy() { [128, 256] } else { [96, 192] });
    println!("t = 4: rms u {u:.5} (.44840), rms w {w:.5} (.13910), largest tracer {largest:.4} (.5012)");
    assert!((u / 0.44840 - 1.0).abs() <= 0.002 && (w / 0.13910 - 1.0).abs() <= 0.01, "{u} {w}");
    assert!(largest <= 0.52, "{largest}");
}

#[test]
fn fields_are_laid_out_as_declared() {
    let trajectory = problem(0, [16, 24], 3, 0).simulate().unwrap();
    let names: Vec<(&str, usize)> = trajectory.fields.iter().map(|series| (series.field.name, series.values.len())).collect();
    let cells = 3 * 16 * 24;
    assert_eq!(names, [("tracer", cells), ("pressure", cells), ("velocity", 2 * cells)]);
    assert_eq!(trajectory.times, [0.0, 0.1, 0.2]);
    // The mean flow and the mean tracer are constant.
    for sums in &trajectory.conserved {
        assert!(sums.values.iter().all(|value| (value - sums.values[0]).abs() <= 1e-14), "{}", sums.name);
    }
    // The tracer starts as the velocity along x, from which only the divergence is removed; in every frame the velocity has none.
    let modes = Modes::dealiased([16, 24], LENGTHS);
    let frame = &trajectory.fields[2].values[2 * 2 * 16 * 24..];
    let [u, v] = [0, 1].map(|component| {
        let values: Vec<f64> = frame.iter().skip(component).step_by(2).map(|&value| f64::from(value)).collect();
        let mut spectrum = modes.zeros();
        Transform::new(&modes).to_modes(&values, &mut spectrum);
        spectrum
    });
    let divergence = modes.derivative(0, &u).iter().zip(modes.derivative(1, &v)).map(|(a, b)| (a + b).norm()).fold(0.0, f64::max);
    assert!(divergence <= 1e-6, "{divergence:e}");
    assert!(v.iter().any(|value: &Complex<f64>| value.norm() > 1e-3));
}

/// Every published shape that the grid resolves comes once; later trajectories differ from each other.
#[test]
fn initial_conditions_are_distinct() {
    for (grid, published) in [([16, 16], 4), ([64, 64], 12), ([64, 128], 20), ([128, 256], 28), ([256, 512], 36), ([512, 1024], 40)] {
        let shapes = |set| -> Vec<Layers> { (0..50).map(|index| Layers::of(&problem(set, grid, 1, index))).collect() };
        let (first, second) = (shapes(0), shapes(1));
        for (at, shape) in first.iter().enumerate() {
            assert!(!first[..at].contains(shape), "{grid:?} {at}");
            assert_eq!(at < published, shape.shift == 0.0 && [0.25, 0.5, 1.0, 2.0, 4.0].contains(&shape.width), "{grid:?} {at}: {shape:?}");
            assert!((0.25..=4.0).contains(&shape.width) && shape.width / f64::from(shape.shears) >= 0.8 / grid[1] as f64);
        }
        assert_ne!(first, second);
    }
}

#[test]
fn parameter_sets_follow_the_grid() {
    let system = system("shear_flow").unwrap();
    let reynolds = |grid: [usize; 2]| {
        let mut numbers: Vec<f64> = (system.parameter_sets)(&grid).iter().map(|set| set.values[0]).collect();
        numbers.dedup();
        numbers
    };
    assert_eq!(reynolds([64, 128]), [300.0, 1e3, 3e3]);
    assert_eq!(reynolds([128, 256]), [1e3, 3e3, 1e4]);
    assert_eq!(reynolds([1024, 2048]), [1e4, 5e4, 1e5, 5e5]);
    assert_eq!((system.parameter_sets)(&[1024, 2048]).len(), 28);
    assert_eq!(reynolds([4, 4]), [10.0]);
    assert_eq!((system.parameter_sets)(&[128, 256])[8].label, "Reynolds_10000_Schmidt_2");
}

#[test]
fn threads_do_not_change_a_byte() {
    let problems: Vec<Problem> = (0..4).map(|k| problem(k, [32, 32], 6, k as u64)).collect();
    assert_threads_change_nothing(&problems);
}

/// The same draw on a grid twice as fine, cut to the modes of the output: the same flow where both resolve it.
#[test]
fn supersampling_keeps_the_flow() {
    let mut plain = problem(0, [48, 96], 11, 0);
    plain.parameters.values = vec![200.0, 1.0];
    let fine = Problem { supersampling: 2, ..plain.clone() };
    let (plain, fine) = (plain.simulate().unwrap(), fine.simulate().unwrap());
    for (a, b) in plain.fields.iter().zip(&fine.fields) {
        let last = a.values.len() / 11 * 10;
        let far = a.values[last..].iter().zip(&b.values[last..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{}: {far:e}", a.field.name);
        assert!(far <= 0.01, "{}: {far}", a.field.name);
    }
    assert_ne!(plain.fields, fine.fields);
}

#[test]
fn a_flow_that_is_not_resolved_is_an_error() {
    let mut wrong = problem(0, [64, 128], 150, 0);
    wrong.parameters.values = vec![1e6, 10.0];
    let shape = |index| Layers::of(&Problem { index, ..wrong.clone() });
    wrong.index = (0..20).find(|&index| shape(index).width == 1.0 && shape(index).blobs == 5).unwrap();
    let outcome = wrong.simulate();
    assert!(matches!(outcome, Err(SolverError::Breakdown { .. })));
    let message = outcome.unwrap_err().to_string();
    assert!(message.contains("shear_flow") && message.contains("does not resolve"), "{message}");
    let modes = Modes::dealiased([8, 8], LENGTHS);
    let wild = modes_of(&modes, |x, _| if x > 0.5 { f64::NAN } else { 0.0 });
    let mut flow = Flow::new(modes.clone(), [0.1, 0.1], 0.5, [&modes.zeros(), &wild], modes.zeros());
    assert!(flow.advance(1.0).is_err_and(|breakdown| breakdown.cause.contains("not finite")));
}

/// Deviations over time and ensemble beside The Well's. Its set also has thinner layers and larger Reynolds numbers, which stir more: the
/// flow along the layers is to be near, that across them and the pressure of the same size.
#[test]
fn statistics_resemble_the_well() {
    if !heavy() {
        return println!("set PFMC_HEAVY=1 to compare statistics");
    }
    let problems: Vec<Problem> = (0..12).map(|k| problem(6 + k % 3, [128, 256], 200, k as u64)).collect();
    let mut moments = [[0.0f64; 3]; 4];
    simulate_all(&problems, 2, &mut |_, result| {
        let trajectory = result.unwrap();
        let velocity = &trajectory.fields[2].values;
        let parts: [Vec<f32>; 2] = [0, 1].map(|component| velocity.iter().skip(component).step_by(2).copied().collect());
        for (sums, values) in moments.iter_mut().zip([&trajectory.fields[0].values, &trajectory.fields[1].values, &parts[0], &parts[1]]) {
            for value in values.iter().map(|&value| f64::from(value)) {
                *sums = [sums[0] + 1.0, sums[1] + value, sums[2] + value * value];
            }
        }
        true
    });
    let published = [("tracer", 0.358, 0.85), ("pressure", 0.082, 0.35), ("velocity x", 0.402, 0.85), ("velocity y", 0.104, 0.5)];
    for ((name, published, least), [count, sum, square]) in published.into_iter().zip(moments) {
        let deviation = (square / count - (sum / count).powi(2)).sqrt();
        println!("{name}: deviation {deviation:.3}, published {published}");
        assert!((least..=1.1).contains(&(deviation / published)), "{name}: {deviation}, published {published}");
    }
}
