//! Transforms of one row that make the second difference along x diagonal: the real Fourier transform between periodic sides, the cosine
//! transform for values at centres between walls, the sine transform for values at corners that vanish on the walls.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustdct::{DctPlanner, TransformType2And3};

use super::grid::{Grid, Sides};

/// Where the values of a row lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At centres, with zero slope at side walls.
    Centre,
    /// At corners, zero on side walls.
    Corner,
}

enum Kind {
    Fourier(Arc<dyn RealToComplex<f64>>, Arc<dyn ComplexToReal<f64>>, Vec<Complex<f64>>),
    Cosine(Arc<dyn TransformType2And3<f64>>),
    /// The real Fourier transform of the row and its mirror image with the other sign. rustdct 0.7 has a sine transform that reads two
    /// values of its scratch space without writing them first, and so lets rounding errors grow from call to call.
    Sine(Arc<dyn RealToComplex<f64>>, Vec<Complex<f64>>),
}

/// The transform of rows of one grid.
pub(super) struct Rows {
    kind: Kind,
    /// Column of the first value in a row of the grid's arrays, and number of values.
    first: usize,
    count: usize,
    /// Scale of a transform and its inverse.
    normalisation: f64,
    /// Minus the second difference of each coefficient.
    pub eigenvalues: Vec<f64>,
    buffer: Vec<f64>,
    scratch: Vec<f64>,
    complex_scratch: Vec<Complex<f64>>,
}

impl Rows {
    pub fn new(grid: &Grid, place: Place) -> Self {
        let n = grid.cells[0];
        let eigenvalue = |angle: f64| (2.0 * (0.5 * angle).sin() / grid.width).powi(2);
        let mut complex_scratch = Vec::new();
        let mut scratch = Vec::new();
        let (kind, first, count, normalisation, eigenvalues) = match (grid.sides, place) {
            (Sides::Periodic, _) => {
                let mut planner = RealFftPlanner::new();
                let (forward, inverse) = (planner.plan_fft_forward(n), planner.plan_fft_inverse(n));
                complex_scratch = vec![Complex::default(); forward.get_scratch_len().max(inverse.get_scratch_len())];
                let half: Vec<f64> = (0..=n / 2).map(|k| eigenvalue(2.0 * PI * k as f64 / n as f64)).collect();
                // Real parts first, then imaginary parts.
                let both = half.repeat(2);
                (Kind::Fourier(forward.clone(), inverse, forward.make_output_vec()), 1, n, 1.0 / n as f64, both)
            }
            (Sides::Walls, Place::Centre) => {
                let plan = DctPlanner::new().plan_dct2(n);
                scratch.resize(plan.get_scratch_len(), 0.0);
                let values = (0..n).map(|k| eigenvalue(PI * k as f64 / n as f64)).collect();
                (Kind::Cosine(plan), 1, n, 2.0 / n as f64, values)
            }
            (Sides::Walls, Place::Corner) => {
                let plan = RealFftPlanner::new().plan_fft_forward(2 * n);
                complex_scratch = plan.make_scratch_vec();
                let values = (1..n).map(|k| eigenvalue(PI * k as f64 / n as f64)).collect();
                (Kind::Sine(plan.clone(), plan.make_output_vec()), 2, n - 1, 2.0 / n as f64, values)
            }
        };
        Self { kind, first, count, normalisation, eigenvalues, buffer: vec![0.0; 2 * n], scratch, complex_scratch }
    }

    /// Coefficients of a row of an array.
    pub fn forward(&mut self, row: &[f64], coefficients: &mut [f64]) {
        let row = &row[self.first..][..self.count];
        match &mut self.kind {
            Kind::Fourier(plan, _, spectrum) => {
                let buffer = &mut self.buffer[..self.count];
                buffer.copy_from_slice(row);
                plan.process_with_scratch(buffer, spectrum, &mut self.complex_scratch).expect("buffers were made by the plan");
                let (real, imaginary) = coefficients.split_at_mut(spectrum.len());
                for (k, value) in spectrum.iter().enumerate() {
                    (real[k], imaginary[k]) = (value.re, value.im);
                }
            }
            Kind::Cosine(plan) => {
                coefficients.copy_from_slice(row);
                plan.process_dct2_with_scratch(coefficients, &mut self.scratch);
            }
            Kind::Sine(plan, spectrum) => sine(&**plan, row, coefficients, &mut self.buffer, spectrum, &mut self.complex_scratch),
        }
    }

    /// The row that has these coefficients, which are lost.
    pub fn inverse(&mut self, coefficients: &mut [f64], row: &mut [f64]) {
        let row = &mut row[self.first..][..self.count];
        match &mut self.kind {
            Kind::Fourier(_, plan, spectrum) => {
                let last = spectrum.len() - 1;
                let (real, imaginary) = coefficients.split_at(spectrum.len());
                for (k, value) in spectrum.iter_mut().enumerate() {
                    *value = Complex::new(real[k], imaginary[k]);
                }
                spectrum[0].im = 0.0;
                if self.count.is_multiple_of(2) {
                    spectrum[last].im = 0.0;
                }
                let buffer = &mut self.buffer[..self.count];
                plan.process_with_scratch(spectrum, buffer, &mut self.complex_scratch).expect("buffers were made by the plan");
                row.copy_from_slice(buffer);
            }
            Kind::Cosine(plan) => {
                plan.process_dct3_with_scratch(coefficients, &mut self.scratch);
                row.copy_from_slice(coefficients);
            }
            Kind::Sine(plan, spectrum) => sine(&**plan, coefficients, row, &mut self.buffer, spectrum, &mut self.complex_scratch),
        }
        row.iter_mut().for_each(|value| *value *= self.normalisation);
    }
}

/// target_k = sum over j of source_j sin(pi j k / n), j and k = 1 ... n - 1.
fn sine(
    plan: &dyn RealToComplex<f64>,
    source: &[f64],
    target: &mut [f64],
    buffer: &mut [f64],
    spectrum: &mut [Complex<f64>],
    scratch: &mut [Complex<f64>],
) {
    let n = source.len() + 1;
    (buffer[0], buffer[n]) = (0.0, 0.0);
    for (j, value) in source.iter().enumerate() {
        (buffer[1 + j], buffer[2 * n - 1 - j]) = (*value, -value);
    }
    plan.process_with_scratch(buffer, spectrum, scratch).expect("buffers were made by the plan");
    target.iter_mut().zip(&spectrum[1..]).for_each(|(target, value)| *target = -0.5 * value.im);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::Spacing;

    /// Each transform is inverted by its inverse, again and again, and makes the second difference a product.
    #[test]
    fn transforms_make_the_second_difference_diagonal() {
        for n in [16, 20, 31, 48] {
            for (sides, place) in [(Sides::Periodic, Place::Centre), (Sides::Walls, Place::Centre), (Sides::Walls, Place::Corner)] {
                let grid = Grid::new([n, 2], sides, [1.0, 1.0], Spacing::Uniform);
                let mut rows = Rows::new(&grid, place);
                let mut coefficients = vec![0.0; rows.eigenvalues.len()];
                let mut row: Vec<f64> = (0..n + 2).map(|i| ((i * i) as f64).sin()).collect();
                for _ in 0..40 {
                    match place {
                        Place::Centre => grid.wrap(&mut row, 1.0),
                        Place::Corner => grid.wrap_lines(&mut row),
                    }
                    let difference = |i: usize| (2.0 * row[i] - row[i - 1] - row[i + 1]) / (grid.width * grid.width);
                    let first = if place == Place::Corner { 2 } else { 1 };
                    let expected: Vec<f64> = (first..=n).map(difference).collect();
                    let mut solved = row.clone();
                    rows.forward(&row, &mut coefficients);
                    coefficients.iter_mut().zip(&rows.eigenvalues).for_each(|(value, eigenvalue)| *value *= eigenvalue);
                    rows.inverse(&mut coefficients, &mut solved);
                    let largest = expected.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
                    for (value, expected) in solved[first..].iter().zip(&expected) {
                        assert!((value - expected).abs() < 1e-12 * largest, "{n} {sides:?} {place:?}: {value} {expected}");
                    }
                    row = solved.iter().map(|value| value / largest).collect();
                }
            }
        }
    }
}
