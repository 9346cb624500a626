//! The Fourier core against direct sums and closed forms: transform, derivatives, inverse Laplacian, velocity, strain, Stokes flow,
//! and the change of grid.

use std::f64::consts::{PI, TAU};

use pfm_solvers::fourier::{Complex, Modes, Spectrum, Transform};

const LENGTHS: [f64; 2] = [1.0, 2.0];

/// Grid values at the cell centres.
fn sample(modes: &Modes, field: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let ([nx, ny], [dx, dy]) = (modes.cells(), modes.spacing());
    (0..nx * ny).map(|at| field(((at / ny) as f64 + 0.5) * dx, ((at % ny) as f64 + 0.5) * dy)).collect()
}

fn modes_of(modes: &Modes, field: impl Fn(f64, f64) -> f64) -> Spectrum {
    let mut spectrum = modes.zeros();
    Transform::new(modes).to_modes(&sample(modes, field), &mut spectrum);
    spectrum
}

fn values_of(modes: &Modes, spectrum: &Spectrum) -> Vec<f64> {
    let mut values = vec![f64::NAN; modes.points()];
    Transform::new(modes).to_grid(spectrum, &mut values);
    values
}

fn assert_close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (at, (x, y)) in a.iter().zip(b).enumerate() {
        assert!((x - y).abs() <= tolerance, "{at}: {x} {y}");
    }
}

/// Even and odd numbers of points, blocks that do not divide them, and both ways against the defining sums.
#[test]
fn transforms_are_the_defining_sums() {
    for cells in [[8, 8], [16, 12], [9, 15], [10, 7], [21, 16], [4, 4]] {
        let modes = Modes::dealiased(cells, LENGTHS);
        let noise = |x: f64, y: f64| (37.0 * x + 11.0 * y * y).sin() + (5.0 * x * y).cos();
        let values = sample(&modes, noise);
        let spectrum = modes_of(&modes, noise);
        let [nx, ny] = cells;
        for (row, &ky) in modes.y().iter().enumerate() {
            for (column, &kx) in modes.x().iter().enumerate() {
                // The phase at the first point is zero: points are counted from it.
                let [dx, dy] = modes.spacing();
                let sum: Complex<f64> =
                    (0..nx * ny).map(|at| Complex::cis(-(kx * dx * (at / ny) as f64 + ky * dy * (at % ny) as f64)) * values[at]).sum();
                let error = spectrum[row * modes.x().len() + column] - sum / (nx * ny) as f64;
                assert!(error.norm() <= 1e-14, "{cells:?} ({kx}, {ky}): {error}");
            }
        }
        // What is kept comes back, and it is the part of the field that is kept.
        let kept = values_of(&modes, &spectrum);
        let mut again = modes.zeros();
        Transform::new(&modes).to_modes(&kept, &mut again);
        assert!(spectrum.iter().zip(&again).all(|(a, b)| (a - b).norm() <= 1e-14), "{cells:?}");
    }
}

#[test]
fn derivatives_and_inverse_laplacian_are_exact() {
    let modes = Modes::dealiased([24, 32], LENGTHS);
    let (a, b) = (TAU * 3.0, PI * 5.0);
    let field = modes_of(&modes, |x, y| (a * x).sin() * (b * y).cos() + 0.25);
    let along_x = sample(&modes, |x, y| a * (a * x).cos() * (b * y).cos());
    let along_y = sample(&modes, |x, y| -b * (a * x).sin() * (b * y).sin());
    assert_close(&values_of(&modes, &modes.derivative(0, &field)), &along_x, 1e-13 * a);
    assert_close(&values_of(&modes, &modes.derivative(1, &field)), &along_y, 1e-13 * b);
    let inverse = sample(&modes, |x, y| -(a * x).sin() * (b * y).cos() / (a * a + b * b));
    assert_close(&values_of(&modes, &modes.inverse_laplacian(&field)), &inverse, 1e-15);
}

/// From a velocity without divergence to vorticity and back; the strain rate is that of the velocity's derivatives.
#[test]
fn vorticity_holds_the_whole_flow() {
    let modes = Modes::dealiased([32, 48], LENGTHS);
    let (a, b) = (TAU * 2.0, PI * 3.0);
    // The stream function sin(ax) cos(by) + cos(2ax + by), and a mean.
    let u = modes_of(&modes, |x, y| -b * (a * x).sin() * (b * y).sin() - b * (2.0 * a * x + b * y).sin() + 0.3);
    let v = modes_of(&modes, |x, y| -a * (a * x).cos() * (b * y).cos() + 2.0 * a * (2.0 * a * x + b * y).sin() - 0.7);
    let vorticity = modes.vorticity([&u, &v]);
    let [mut u_again, mut v_again, mut xx, mut xy] = std::array::from_fn(|_| modes.zeros());
    modes.velocity(&vorticity, [0.3, -0.7], [&mut u_again, &mut v_again]);
    let far = |a: &Spectrum, b: &Spectrum| a.iter().zip(b).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
    assert!(far(&u, &u_again) <= 1e-13 && far(&v, &v_again) <= 1e-13);
    modes.strain_rate(&vorticity, [&mut xx, &mut xy]);
    assert!(far(&xx, &modes.derivative(0, &u)) <= 1e-12);
    let shear: Spectrum = modes.derivative(1, &u).iter().zip(modes.derivative(0, &v)).map(|(a, b)| 0.5 * (a + b)).collect();
    assert!(far(&xy, &shear) <= 1e-12);
}

/// Stokes flow balances its stress: the curl of lap u + div S vanishes.
#[test]
fn stokes_flow_balances_the_stress() {
    let modes = Modes::dealiased([32, 32], LENGTHS);
    let xx = modes_of(&modes, |x, y| (TAU * x).sin() * (PI * y).cos() + (TAU * 2.0 * x).cos());
    let xy = modes_of(&modes, |x, y| (TAU * 3.0 * x + PI * y).cos());
    let mut vorticity = modes.zeros();
    modes.stokes_vorticity([&xx, &xy], &mut vorticity);
    let plus = |a: Spectrum, b: Spectrum| -> Spectrum { a.iter().zip(&b).map(|(a, b)| a + b).collect() };
    let minus: Spectrum = xx.iter().map(|value| -value).collect();
    let force_x = plus(modes.derivative(0, &xx), modes.derivative(1, &xy));
    let force_y = plus(modes.derivative(0, &xy), modes.derivative(1, &minus));
    let curl = modes.vorticity([&force_x, &force_y]);
    // -lap w = curl of the force.
    let expected: Spectrum = modes.inverse_laplacian(&curl).iter().map(|value| -value).collect();
    assert!(vorticity.iter().zip(&expected).all(|(a, b)| (a - b).norm() <= 1e-14));
    assert!(vorticity.iter().any(|value| value.norm() > 0.01));
}

/// A field on a fine grid and on a coarse one, whose cell centres lie elsewhere, is the same function of the place.
#[test]
fn a_change_of_grid_keeps_the_function() {
    let field = |x: f64, y: f64| 0.5 + (TAU * 3.0 * x + PI * 2.0 * y).sin() + (TAU * x - PI * 4.0 * y).cos();
    for (fine, coarse) in [([48, 32], [16, 16]), ([32, 32], [32, 32]), ([33, 45], [11, 15])] {
        let fine = Modes::dealiased(fine, LENGTHS);
        let coarse = fine.shown_on(coarse);
        let moved = fine.moved_to(&modes_of(&fine, field), &coarse);
        assert_close(&values_of(&coarse, &moved), &sample(&coarse, field), 2e-14);
    }
    // What the coarse grid can't show is dropped, not folded.
    let fine = Modes::dealiased([48, 48], LENGTHS);
    let coarse = fine.shown_on([8, 8]);
    let moved = fine.moved_to(&modes_of(&fine, |x, _| (TAU * 5.0 * x).sin()), &coarse);
    assert!(moved.iter().all(|value| value.norm() <= 1e-15));
}
