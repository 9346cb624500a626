//! The thermals simulator against miniWeather's own checks (mass and its energy measure of a single bubble), extrema of the collision
//! from an independent computation, symmetry, rest, conservation, and the layout of what is stored. With PFMC_HEAVY=1 in the
//! environment the full times and the finest grid run as well.

mod common;

use common::{assert_threads_change_nothing, heavy};
use pfm_solvers::thermals::atmosphere::{
    GAMMA, GAS_CONSTANT, GROUND_PRESSURE, HEAT_AT_CONSTANT_PRESSURE, HEAT_AT_CONSTANT_VOLUME, PRESSURE_FACTOR, REST_TEMPERATURE,
};
use pfm_solvers::thermals::{Bubble, EXTENT, March, collision};
use pfm_solvers::{Problem, SolverError};

/// The sums that miniWeather reports: mass, and rho |u|^2 + rho c_v T (no half, no potential energy).
fn reported(march: &March, cells: [usize; 2]) -> [f64; 2] {
    let [density, momentum_x, momentum_z, heat] = march.conserved();
    let area = EXTENT[0] / cells[0] as f64 * EXTENT[1] / cells[1] as f64;
    let mut sums = [0.0; 2];
    for at in 0..density.len() {
        let pressure = PRESSURE_FACTOR * heat[at].powf(GAMMA);
        let exner = (GROUND_PRESSURE / pressure).powf(GAS_CONSTANT / HEAT_AT_CONSTANT_PRESSURE);
        let temperature = heat[at] / density[at] / exner;
        let motion = (momentum_x[at].powi(2) + momentum_z[at].powi(2)) / density[at];
        sums[0] += density[at] * area;
        sums[1] += (motion + density[at] * HEAT_AT_CONSTANT_VOLUME * temperature) * area;
    }
    sums
}

/// miniWeather's test: one warm bubble of 3 K, 100 x 50 cells, 400 s. Its own check accepts changes of mass below 1e-13 and of energy
/// below 4.5e-5, downwards.
#[test]
fn a_single_bubble_passes_the_checks_of_miniweather() {
    let cells = [100, 50];
    let mut march = March::new(cells, &[Bubble { centre: [10e3, 2e3], radius: 2e3, amplitude: 3.0 }]);
    let [mass, energy] = reported(&march, cells);
    assert!((mass / 1.52576073e8 - 1.0).abs() < 1e-8 && (energy / 2.83364078e13 - 1.0).abs() < 1e-8, "{mass:e} {energy:e}");
    march.advance(400.0).unwrap();
    assert_eq!(march.steps(), 600);
    let [mass_after, energy_after] = reported(&march, cells);
    let (d_mass, d_te) = (mass_after / mass - 1.0, energy_after / energy - 1.0);
    println!("d_mass {d_mass:e}, d_te {d_te:e}");
    assert!(d_mass.abs() < 1e-13, "{d_mass:e}");
    assert!((d_te / -4.1415e-5 - 1.0).abs() < 2e-5 && d_te.abs() < 4.5e-5, "{d_te:e}");
}

/// Smallest and largest deviation of potential temperature, velocity along x, velocity along z.
fn extrema(march: &March) -> [[f64; 2]; 3] {
    let [density, momentum_x, momentum_z, heat] = march.conserved();
    let range = |value: &dyn Fn(usize) -> f64| {
        (0..density.len()).map(value).fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)])
    };
    [
        range(&|at| heat[at] / density[at] - REST_TEMPERATURE),
        range(&|at| momentum_x[at] / density[at]),
        range(&|at| momentum_z[at] / density[at]),
    ]
}

/// Extrema at 200, 400 and 700 s: warming, largest speed along x, and where known speed along z.
fn collides(cells: [usize; 2], until: usize, expected: [([f64; 2], f64, Option<[f64; 2]>); 3], change: f64) {
    let mut march = March::new(cells, &collision());
    let [mass, energy] = march.sums();
    let te = reported(&march, cells)[1];
    for (k, (warming, along_x, along_z)) in expected.into_iter().enumerate().take(until) {
        march.advance([200.0, 400.0, 700.0][k]).unwrap();
        let found = extrema(&march);
        println!("{cells:?} {found:?}");
        // Later than 200 s small differences grow; the published values agree to 10 % only there.
        let tolerance = [0.01, 0.05, 0.1][k];
        let near = |value: f64, expected: f64| assert!((value / expected - 1.0).abs() <= tolerance, "{value} is not {expected}");
        near(found[0][0], warming[0]);
        near(found[0][1], warming[1]);
        near(found[1][1], along_x);
        if let Some([low, high]) = along_z {
            near(found[2][0], low);
            near(found[2][1], high);
        }
        let [mass_now, energy_now] = march.sums();
        println!("mass {:e}, energy {:e}", mass_now / mass - 1.0, energy_now / energy - 1.0);
        assert!((mass_now / mass - 1.0).abs() < 1e-13);
        assert!((energy_now / energy - 1.0).abs() < 1e-4);
    }
    if until == 3 {
        let d_te = reported(&march, cells)[1] / te - 1.0;
        println!("d_te {d_te:e}");
        assert!((d_te / change - 1.0).abs() < 0.02, "{d_te:e}");
    }
}

#[test]
fn extrema_of_the_collision() {
    let coarse = [([-17.53, 19.57], 35.04, None), ([-13.01, 13.73], 42.91, None), ([-7.88, 8.18], 26.27, None)];
    collides([100, 50], 3, coarse, 2.9e-4);
    let fine = [
        ([-19.44, 19.99], 35.07, Some([-35.96, 39.57])),
        ([-21.09, 20.20], 47.92, Some([-17.14, 49.81])),
        ([-7.35, 12.87], 39.75, Some([-22.13, 25.46])),
    ];
    collides([256, 128], if heavy() { 3 } else { 1 }, fine, 4.52e-4);
}

#[test]
fn energy_measure_of_the_collision_on_a_middle_grid() {
    if !heavy() {
        println!("skipped: set PFMC_HEAVY=1");
        return;
    }
    let cells = [200, 100];
    let mut march = March::new(cells, &collision());
    let before = reported(&march, cells)[1];
    march.advance(700.0).unwrap();
    let d_te = reported(&march, cells)[1] / before - 1.0;
    println!("d_te {d_te:e}");
    assert!((d_te / 4.35e-4 - 1.0).abs() < 0.02, "{d_te:e}");
}

#[test]
fn left_and_right_stay_mirror_images() {
    let [nx, nz] = [100, 50];
    let mut march = March::new([nx, nz], &collision());
    march.advance(700.0).unwrap();
    let [density, momentum_x, momentum_z, heat] = march.perturbations();
    let scale = |values: &[f64]| values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    for (values, sign) in [(density, 1.0), (momentum_x, -1.0), (momentum_z, 1.0), (heat, 1.0)] {
        let scale = scale(values);
        for i in 0..nx {
            for k in 0..nz {
                let (left, right) = (values[i * nz + k], values[(nx - 1 - i) * nz + k]);
                assert!((left - sign * right).abs() <= 1e-9 * scale, "{i} {k}: {left} {right}");
            }
        }
    }
}

#[test]
fn air_at_rest_stays_at_rest() {
    let mut march = March::new([32, 64], &[]);
    march.advance(100.0).unwrap();
    let largest = march.perturbations()[2].iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    assert_eq!(largest, 0.0);
}

fn problem(grid: [usize; 2], frames: usize, index: u64) -> Problem {
    common::problem("miniweather_thermals", 0, grid, frames, index)
}

#[test]
fn threads_do_not_change_a_byte() {
    let problems: Vec<Problem> = (0..4).map(|k| problem([32, 16], 11, k)).collect();
    assert_threads_change_nothing(&problems);
}

/// Totals, not perturbations; x first and height last; air thins with height; warm air below cold air.
#[test]
fn stored_fields_are_totals_in_x_and_height() {
    for grid in [[64, 64], [64, 16], [16, 48]] {
        let trajectory = problem(grid, 5, 0).simulate().unwrap();
        assert_eq!(trajectory.times, [0.0, 7.0, 14.0, 21.0, 28.0]);
        let [density, temperature, wind] = &trajectory.fields[..] else { panic!("three fields") };
        let cells = grid[0] * grid[1];
        assert_eq!([density.values.len(), temperature.values.len(), wind.values.len()], [5 * cells, 5 * cells, 10 * cells]);
        assert_eq!([density.field.name, temperature.field.name, wind.field.name], ["air_density", "potential_temperature", "wind"]);
        for column in density.values[..cells].chunks_exact(grid[1]) {
            assert!(column[0] > 1.0 && column.windows(2).all(|pair| pair[0] > pair[1]) && column[grid[1] - 1] < 0.5);
        }
        let first = &temperature.values[..cells];
        let place = |better: fn(f32, f32) -> bool| (1..cells).fold(0, |best, at| if better(first[at], first[best]) { at } else { best });
        let (warmest, coldest) = (place(|a, b| a > b), place(|a, b| a < b));
        assert!(first[warmest] > 305.0 && first[coldest] < 295.0, "{} {}", first[warmest], first[coldest]);
        assert!(warmest % grid[1] < grid[1] / 2 && coldest % grid[1] >= grid[1] / 2);
        // Air rises where it is warm and sinks where it is cold.
        let later = |at: usize| wind.values[8 * cells + 2 * at + 1];
        assert!(later(warmest) > 0.0 && later(coldest) < 0.0);
    }
}

/// The same draw computed on a finer grid and averaged stays close to the direct computation.
#[test]
fn supersampling_keeps_the_flow() {
    let plain = problem([64, 32], 5, 1);
    let fine = Problem { supersampling: 2, ..plain.clone() };
    let (plain, fine) = (plain.simulate().unwrap(), fine.simulate().unwrap());
    let [a, b] = [&plain, &fine].map(|trajectory| &trajectory.fields[1].values);
    assert_eq!(a.len(), b.len());
    let furthest = a.iter().zip(b).fold(0.0f32, |furthest, (x, y)| furthest.max((x - y).abs()));
    assert!(furthest > 0.0 && furthest < 1.0, "{furthest}");
}

/// A bubble colder than air can be ends in an error that says where, not in values that are not numbers.
#[test]
fn unphysical_air_is_an_error() {
    let mut march = March::new([32, 16], &[Bubble { centre: [10e3, 2e3], radius: 2e3, amplitude: -1e3 }]);
    let cause = march.advance(7.0).unwrap_err();
    assert!(cause.starts_with("cell (") && cause.contains("density"), "{cause}");
    let request = Problem { grid: vec![32], ..problem([32, 16], 3, 0) };
    assert!(matches!(request.simulate(), Err(SolverError::Request(_))));
}
