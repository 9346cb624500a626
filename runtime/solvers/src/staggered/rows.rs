//! Transforms of one row that make the second difference along x diagonal: the real Fourier transform between periodic sides, the cosine
//! transform for values at centres between walls, the sine transform for values at corners that vanish on the walls.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustdct::{DctPlanner, Dst1, TransformType2And3};

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
    Sine(Arc<dyn Dst1<f64>>),
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
                let plan = DctPlanner::new().plan_dst1(n - 1);
                scratch.resize(plan.get_scratch_len(), 0.0);
                let values = (1..n).map(|k| eigenvalue(PI * k as f64 / n as f64)).collect();
                (Kind::Sine(plan), 2, n - 1, 2.0 / n as f64, values)
            }
        };
        Self { kind, first, count, normalisation, eigenvalues, buffer: vec![0.0; n], scratch, complex_scratch }
    }

    /// Coefficients of a row of an array.
    pub fn forward(&mut self, row: &[f64], coefficients: &mut [f64]) {
        let row = &row[self.first..][..self.count];
        match &mut self.kind {
            Kind::Fourier(plan, _, spectrum) => {
                self.buffer.copy_from_slice(row);
                plan.process_with_scratch(&mut self.buffer, spectrum, &mut self.complex_scratch).expect("buffers were made by the plan");
                let (real, imaginary) = coefficients.split_at_mut(spectrum.len());
                for (k, value) in spectrum.iter().enumerate() {
                    (real[k], imaginary[k]) = (value.re, value.im);
                }
            }
            Kind::Cosine(plan) => {
                coefficients.copy_from_slice(row);
                plan.process_dct2_with_scratch(coefficients, &mut self.scratch);
            }
            Kind::Sine(plan) => {
                coefficients.copy_from_slice(row);
                plan.process_dst1_with_scratch(coefficients, &mut self.scratch);
            }
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
                plan.process_with_scratch(spectrum, &mut self.buffer, &mut self.complex_scratch).expect("buffers were made by the plan");
                row.copy_from_slice(&self.buffer);
            }
            Kind::Cosine(plan) => {
                plan.process_dct3_with_scratch(coefficients, &mut self.scratch);
                row.copy_from_slice(coefficients);
            }
            Kind::Sine(plan) => {
                plan.process_dst1_with_scratch(coefficients, &mut self.scratch);
                row.copy_from_slice(coefficients);
            }
        }
        row.iter_mut().for_each(|value| *value *= self.normalisation);
    }
}
