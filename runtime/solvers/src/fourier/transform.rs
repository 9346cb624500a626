//! The transform between the kept modes of a real field and its values on the grid. Along y, two neighbouring grid lines are the
//! real and imaginary part of one complex line, which halves that work; along x only the kept modes are transformed. Lines are
//! transposed a few at a time, while they lie in the nearest cache. All buffers are made once.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::modes::Modes;

/// Pairs of grid lines that are transposed together: their neighbours along x fill two cache lines.
const PAIRS: usize = 4;

/// A planned transform; values on the grid are stored at i * cells\[1\] + j, spectra as `Spectrum` says.
pub struct Transform {
    cells: [usize; 2],
    largest: [usize; 2],
    /// From modes to the grid, per axis.
    backward: [Arc<dyn Fft<f64>>; 2],
    /// From the grid to modes, per axis.
    forward: [Arc<dyn Fft<f64>>; 2],
    /// One line along x per wave number along y.
    lines: Vec<Complex<f64>>,
    /// `PAIRS` pairs of grid lines along y.
    pairs: Vec<Complex<f64>>,
    /// From one line or pair to the next: their length and a gap. The gap makes blocks of lines whole, and keeps lines of a length
    /// that is a power of two out of each other's place in the cache.
    stride: [usize; 2],
    scratch: Vec<Complex<f64>>,
}

impl Transform {
    /// Plans the transform of these modes.
    pub fn new(modes: &Modes) -> Self {
        let (cells, largest) = (modes.cells(), modes.largest());
        let mut planner = FftPlanner::new();
        let backward = cells.map(|n| planner.plan_fft_inverse(n));
        let forward = cells.map(|n| planner.plan_fft_forward(n));
        let scratch = backward.iter().chain(&forward).map(|plan| plan.get_inplace_scratch_len()).max().unwrap_or(0);
        let stride = cells.map(|n| (n + 1).next_multiple_of(2 * PAIRS));
        let zeros = |len| vec![Complex::default(); len];
        Self {
            cells,
            largest,
            backward,
            forward,
            lines: zeros((largest[1] + 1) * stride[0]),
            pairs: zeros(PAIRS * stride[1]),
            stride,
            scratch: zeros(scratch),
        }
    }

    /// The field's values on the grid.
    pub fn to_grid(&mut self, spectrum: &[Complex<f64>], values: &mut [f64]) {
        let [nx, ny] = self.cells;
        assert_eq!(values.len(), nx * ny, "one value per grid point");
        self.spread(spectrum);
        for line in self.lines.chunks_exact_mut(self.stride[0]) {
            self.backward[0].process_with_scratch(&mut line[..nx], &mut self.scratch);
        }
        for (block, values) in values.chunks_mut(2 * PAIRS * ny).enumerate() {
            self.gather_pairs(2 * PAIRS * block);
            for (pair, values) in self.pairs.chunks_exact_mut(self.stride[1]).zip(values.chunks_mut(2 * ny)) {
                let pair = &mut pair[..ny];
                self.backward[1].process_with_scratch(pair, &mut self.scratch);
                let (even, odd) = values.split_at_mut(ny);
                for (value, z) in even.iter_mut().zip(&*pair) {
                    *value = z.re;
                }
                // The last line of an odd number has no neighbour.
                for (value, z) in odd.iter_mut().zip(&*pair) {
                    *value = z.im;
                }
            }
        }
    }

    /// The kept modes of grid values.
    pub fn to_modes(&mut self, values: &[f64], spectrum: &mut [Complex<f64>]) {
        let [nx, ny] = self.cells;
        assert_eq!(values.len(), nx * ny, "one value per grid point");
        for (block, values) in values.chunks(2 * PAIRS * ny).enumerate() {
            for (pair, values) in self.pairs.chunks_exact_mut(self.stride[1]).zip(values.chunks(2 * ny)) {
                let pair = &mut pair[..ny];
                let (even, odd) = values.split_at(ny);
                for (z, &value) in pair.iter_mut().zip(even) {
                    *z = Complex::new(value, 0.0);
                }
                for (z, &value) in pair.iter_mut().zip(odd) {
                    z.im = value;
                }
                self.forward[1].process_with_scratch(pair, &mut self.scratch);
            }
            self.scatter_pairs(2 * PAIRS * block);
        }
        for line in self.lines.chunks_exact_mut(self.stride[0]) {
            self.forward[0].process_with_scratch(&mut line[..nx], &mut self.scratch);
        }
        self.keep(spectrum);
    }

    /// Copies the modes into lines along x, with zeros in place of those that are not kept.
    fn spread(&mut self, spectrum: &[Complex<f64>]) {
        let (nx, m) = (self.cells[0], self.largest[0]);
        assert_eq!(spectrum.len(), (2 * m + 1) * (self.largest[1] + 1), "one coefficient per kept mode");
        for (line, row) in self.lines.chunks_exact_mut(self.stride[0]).zip(spectrum.chunks_exact(2 * m + 1)) {
            let (upwards, downwards) = row.split_at(m + 1);
            line[..=m].copy_from_slice(upwards);
            line[m + 1..nx - m].fill(Complex::default());
            line[nx - m..nx].copy_from_slice(downwards);
            line[nx..].fill(Complex::default());
        }
    }

    /// The reverse of `spread`. Lines hold twice the sum over the grid; the row with wave number 0 along y is its own mirror image,
    /// which rounding must not undo.
    fn keep(&self, spectrum: &mut [Complex<f64>]) {
        let (nx, m) = (self.cells[0], self.largest[0]);
        assert_eq!(spectrum.len(), (2 * m + 1) * (self.largest[1] + 1), "one coefficient per kept mode");
        let share = 0.5 / (nx * self.cells[1]) as f64;
        for (line, row) in self.lines.chunks_exact(self.stride[0]).zip(spectrum.chunks_exact_mut(2 * m + 1)) {
            let (upwards, downwards) = row.split_at_mut(m + 1);
            for (to, from) in upwards.iter_mut().zip(&line[..=m]) {
                *to = from * share;
            }
            for (to, from) in downwards.iter_mut().zip(&line[nx - m..nx]) {
                *to = from * share;
            }
        }
        spectrum[0].im = 0.0;
        for k in 1..=m {
            let mean = (spectrum[k] + spectrum[2 * m + 1 - k].conj()) * 0.5;
            spectrum[k] = mean;
            spectrum[2 * m + 1 - k] = mean.conj();
        }
    }

    /// Forms the complex lines along y of the grid lines from `first` on: f + i g of two real lines f and g has at -k the
    /// coefficient conj(f_k) + i conj(g_k).
    fn gather_pairs(&mut self, first: usize) {
        let (ny, m) = (self.cells[1], self.largest[1]);
        for (k, line) in self.lines.chunks_exact(self.stride[0]).enumerate() {
            let block = &line[first..first + 2 * PAIRS];
            for (z, fg) in self.pairs.chunks_exact_mut(self.stride[1]).zip(block.chunks_exact(2)) {
                let (f, g) = (fg[0], fg[1]);
                if k == 0 {
                    z[0] = Complex::new(f.re, g.re);
                } else {
                    z[k] = Complex::new(f.re - g.im, f.im + g.re);
                    z[ny - k] = Complex::new(f.re + g.im, g.re - f.im);
                }
            }
        }
        for z in self.pairs.chunks_exact_mut(self.stride[1]) {
            z[m + 1..ny - m].fill(Complex::default());
        }
    }

    /// The reverse of `gather_pairs`; leaves twice the coefficients.
    fn scatter_pairs(&mut self, first: usize) {
        let ny = self.cells[1];
        for (k, line) in self.lines.chunks_exact_mut(self.stride[0]).enumerate() {
            let block = &mut line[first..first + 2 * PAIRS];
            let mirrored = if k == 0 { 0 } else { ny - k };
            for (z, fg) in self.pairs.chunks_exact(self.stride[1]).zip(block.chunks_exact_mut(2)) {
                let (z, mirror) = (z[k], z[mirrored]);
                fg[0] = Complex::new(z.re + mirror.re, z.im - mirror.im);
                fg[1] = Complex::new(z.im + mirror.im, mirror.re - z.re);
            }
        }
    }
}
