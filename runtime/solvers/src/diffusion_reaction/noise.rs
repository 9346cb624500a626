//! Initial conditions: independent normal values in each cell of a fixed grid of 128 x 128. Other grids get its averages over their
//! cells: noise drawn anew on each grid would lose more to diffusion the finer the grid, and so be another flow.

use super::march::State;
use crate::draw::Draw;

/// Cells per axis of the grid that the noise belongs to.
const NOISE_CELLS: usize = 128;

/// Activator and inhibitor on a grid of these cells.
pub(super) fn initial(draw: &mut Draw, cells: [usize; 2]) -> State {
    let [along_x, along_y] = cells.map(shares);
    std::array::from_fn(|_| {
        let noise: Vec<f64> = (0..NOISE_CELLS * NOISE_CELLS).map(|_| draw.normal()).collect();
        let average = |x: &[(usize, f64)], y: &[(usize, f64)]| {
            x.iter().map(|&(i, wx)| wx * y.iter().map(|&(j, wy)| wy * noise[i * NOISE_CELLS + j]).sum::<f64>()).sum()
        };
        along_x.iter().flat_map(|x| along_y.iter().map(move |y| average(x, y))).collect()
    })
}

/// The noise cells that each of `n` cells along an axis touches, each with its share of the cell.
fn shares(n: usize) -> Vec<Vec<(usize, f64)>> {
    let touched = |i: usize| {
        // In units of 1 / (n * NOISE_CELLS) of the axis, so that whole cells count as exactly one.
        let (low, high) = (i * NOISE_CELLS, (i + 1) * NOISE_CELLS);
        let share = |cell: usize| (high.min((cell + 1) * n) - low.max(cell * n)) as f64 / NOISE_CELLS as f64;
        (low / n..high.div_ceil(n)).map(|cell| (cell, share(cell))).collect()
    };
    (0..n).map(touched).collect()
}

#[cfg(test)]
mod tests {
    use super::{NOISE_CELLS, shares};

    #[test]
    fn shares_cover_each_cell_once() {
        assert_eq!(shares(NOISE_CELLS)[5], [(5, 1.0)]);
        assert_eq!(shares(64)[3], [(6, 0.5), (7, 0.5)]);
        assert_eq!(shares(256)[3], [(1, 1.0)]);
        for n in [16, 48, 100, 128, 200] {
            let mut of_noise = vec![0.0; NOISE_CELLS];
            for cell in shares(n) {
                assert!((cell.iter().map(|&(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-12);
                for (k, share) in cell {
                    assert!(share > 0.0);
                    of_noise[k] += share * NOISE_CELLS as f64 / n as f64;
                }
            }
            assert!(of_noise.iter().all(|share| (share - 1.0).abs() < 1e-12), "{n}");
        }
    }
}
