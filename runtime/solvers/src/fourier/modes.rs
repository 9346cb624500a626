//! Which Fourier modes of a real periodic field are kept, how they are stored, and what needs no more than that: means over the box,
//! and the change to another grid.

use std::f64::consts::TAU;
use std::ops::Range;

use rustfft::num_complex::Complex;

/// The coefficients of a real field: one row per wave number along y = 0, 1 .. m; in a row the wave numbers along x = 0, 1 .. m,
/// -m .. -1. Those with a negative wave number along y are the conjugates of their mirror images.
pub type Spectrum = Vec<Complex<f64>>;

/// The kept modes of a periodic box.
#[derive(Clone, Debug, PartialEq)]
pub struct Modes {
    cells: [usize; 2],
    lengths: [f64; 2],
    largest: [usize; 2],
    /// 2 pi / length times the integer wave numbers, in storage order.
    x: Vec<f64>,
    y: Vec<f64>,
    /// 1 / k^2 of every mode, 0 for the mean.
    inverse_square: Vec<f64>,
}

impl Modes {
    /// The modes below a third of the cells along each axis.
    pub fn dealiased(cells: [usize; 2], lengths: [f64; 2]) -> Self {
        Self::new(cells, lengths, cells.map(|n| (n - 1) / 3))
    }

    /// The modes up to `largest` of a box of `cells` grid cells.
    fn new(cells: [usize; 2], lengths: [f64; 2], largest: [usize; 2]) -> Self {
        assert!((0..2).all(|axis| 2 * largest[axis] < cells[axis]), "modes {largest:?} of {cells:?} cells are their own mirror images");
        let unit = [TAU / lengths[0], TAU / lengths[1]];
        let upwards = |m: usize| (0..=m).map(|k| k as f64);
        let x: Vec<f64> = upwards(largest[0]).chain((1..=largest[0]).rev().map(|k| -(k as f64))).map(|k| k * unit[0]).collect();
        let y: Vec<f64> = upwards(largest[1]).map(|k| k * unit[1]).collect();
        let squares = y.iter().flat_map(|ky| x.iter().map(move |kx| kx * kx + ky * ky));
        let inverse_square = squares.map(|square| if square > 0.0 { 1.0 / square } else { 0.0 }).collect();
        Self { cells, lengths, largest, x, y, inverse_square }
    }

    /// The modes of these that a coarser grid of the same box shows.
    pub fn shown_on(&self, cells: [usize; 2]) -> Self {
        let largest = [0, 1].map(|axis| self.largest[axis].min((cells[axis] - 1) / 2));
        Self::new(cells, self.lengths, largest)
    }

    /// Grid cells along x and y.
    pub fn cells(&self) -> [usize; 2] {
        self.cells
    }

    /// Size of a grid cell along x and y.
    pub fn spacing(&self) -> [f64; 2] {
        [0, 1].map(|axis| self.lengths[axis] / self.cells[axis] as f64)
    }

    /// Number of grid points.
    pub fn points(&self) -> usize {
        self.cells[0] * self.cells[1]
    }

    /// The largest kept wave number along x and y, as an integer.
    pub fn largest(&self) -> [usize; 2] {
        self.largest
    }

    /// Wave numbers along x of a row, in storage order.
    pub fn x(&self) -> &[f64] {
        &self.x
    }

    /// Wave numbers along y of the rows.
    pub fn y(&self) -> &[f64] {
        &self.y
    }

    /// 1 / k^2 of every mode, 0 for the mean.
    pub(super) fn inverse_square(&self) -> &[f64] {
        &self.inverse_square
    }

    /// Number of stored coefficients.
    pub fn len(&self) -> usize {
        self.x.len() * self.y.len()
    }

    /// Whether no mode is kept: never, the mean always is.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The rows of a spectrum: the wave number along y, and where its coefficients lie.
    pub fn rows(&self) -> impl Iterator<Item = (f64, Range<usize>)> + '_ {
        let width = self.x.len();
        self.y.iter().enumerate().map(move |(row, &ky)| (ky, row * width..(row + 1) * width))
    }

    /// The zero field.
    pub fn zeros(&self) -> Spectrum {
        vec![Complex::default(); self.len()]
    }

    /// The mean over the box of the product of two fields (Parseval).
    pub fn mean_product(&self, a: &[Complex<f64>], b: &[Complex<f64>]) -> f64 {
        let row_sum = |row: Range<usize>| a[row.clone()].iter().zip(&b[row]).map(|(a, b)| a.re * b.re + a.im * b.im).sum::<f64>();
        // A row with ky > 0 stands for its mirror image as well.
        self.rows().map(|(ky, row)| if ky > 0.0 { 2.0 * row_sum(row) } else { row_sum(row) }).sum()
    }

    /// Multiplies each coefficient by `factor(kx, ky)`.
    pub fn scale(&self, spectrum: &mut [Complex<f64>], factor: impl Fn(f64, f64) -> f64) {
        for (ky, row) in self.rows() {
            for (value, &kx) in spectrum[row].iter_mut().zip(&self.x) {
                *value *= factor(kx, ky);
            }
        }
    }

    /// The field as modes of another grid of the same box: modes that the other lacks are dropped, those that it has in addition are
    /// zero. Grid values belong to cell centres, which lie elsewhere on another grid: the phases are turned by the shift between
    /// the first centres.
    pub fn moved_to(&self, spectrum: &[Complex<f64>], other: &Self) -> Spectrum {
        let shift = [0, 1].map(|axis| 0.5 * (other.spacing()[axis] - self.spacing()[axis]));
        let mut moved = other.zeros();
        for (row, &ky) in other.y.iter().enumerate().take(self.y.len()) {
            for (column, &kx) in other.x.iter().enumerate() {
                if let Some(from) = self.column_of(other.signed(column)) {
                    let turn = Complex::cis(kx * shift[0] + ky * shift[1]);
                    moved[row * other.x.len() + column] = spectrum[row * self.x.len() + from] * turn;
                }
            }
        }
        moved
    }

    /// The integer wave number along x that a column holds.
    fn signed(&self, column: usize) -> isize {
        if column <= self.largest[0] { column as isize } else { column as isize - self.x.len() as isize }
    }

    /// The column of an integer wave number along x, if it is kept.
    fn column_of(&self, wave_number: isize) -> Option<usize> {
        let kept = wave_number.unsigned_abs() <= self.largest[0];
        kept.then(|| wave_number.rem_euclid(self.x.len() as isize) as usize)
    }
}
