//! Rates that were measured at the points of a grid, and what they say of points between: straight lines in logarithms, and the
//! nearest border beyond it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The rising sizes of each axis of the grid.
    pub axes: Vec<Vec<f64>>,
    /// FLOPs a second (bytes where there are none), row-major.
    pub rates: Vec<f64>,
}

impl Table {
    /// Measures at each point of the grid. Where `measure` finds a point too large, the last smaller one along the last axis stands.
    pub fn fill(axes: &[&[usize]], mut measure: impl FnMut(&[usize]) -> Option<f64>) -> Table {
        let count: usize = axes.iter().map(|a| a.len()).product();
        let mut rates: Vec<f64> = Vec::with_capacity(count);
        for mut index in 0..count {
            let mut point = vec![0; axes.len()];
            for (p, axis) in point.iter_mut().zip(axes).rev() {
                *p = axis[index % axis.len()];
                index /= axis.len();
            }
            let rate = measure(&point).unwrap_or_else(|| *rates.last().expect("the smallest point is measured"));
            rates.push(rate);
        }
        Table { axes: axes.iter().map(|a| a.iter().map(|s| *s as f64).collect()).collect(), rates }
    }

    /// The rate at a point.
    ///
    /// # Panics
    /// If it has another number of coordinates than the grid.
    pub fn at(&self, point: &[f64]) -> f64 {
        assert_eq!(point.len(), self.axes.len(), "one coordinate per axis");
        self.between(point, 0, 0).exp2()
    }

    /// The logarithm of the rate along the axes from `axis` on, below the entry `index` of the axes before.
    fn between(&self, point: &[f64], axis: usize, index: usize) -> f64 {
        let Some(sizes) = self.axes.get(axis) else { return self.rates[index].log2() };
        let x = point[axis].clamp(sizes[0], sizes[sizes.len() - 1]);
        let above = sizes.partition_point(|s| *s < x);
        let at = |i: usize| self.between(point, axis + 1, index * sizes.len() + i);
        if above == 0 {
            return at(0);
        }
        let share = (x / sizes[above - 1]).log2() / (sizes[above] / sizes[above - 1]).log2();
        (1.0 - share) * at(above - 1) + share * at(above)
    }

    /// Whether the grid is sound: a file may have been edited.
    pub fn is_whole(&self) -> bool {
        let rising = |a: &Vec<f64>| !a.is_empty() && a[0] > 0.0 && a.is_sorted_by(|x, y| x < y);
        let count: usize = self.axes.iter().map(Vec::len).product();
        self.axes.iter().all(rising) && self.rates.len() == count && self.rates.iter().all(|r| r.is_finite() && *r > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_on_lines_in_logarithms_and_stops_at_borders() {
        let t = Table::fill(&[&[1, 4], &[2, 8, 32]], |p| Some((p[0] * p[1]) as f64));
        assert!(t.is_whole());
        for (point, rate) in [([1.0, 2.0], 2.0), ([2.0, 8.0], 16.0), ([4.0, 16.0], 64.0), ([100.0, 1.0], 8.0), ([0.5, 1000.0], 32.0)] {
            assert!((t.at(&point) - rate).abs() < 1e-9 * rate, "{point:?}: {}", t.at(&point));
        }
    }

    #[test]
    fn what_is_too_large_is_as_the_last_smaller() {
        let t = Table::fill(&[&[1, 2], &[1, 10, 100]], |p| (p[1] < 100).then(|| (p[0] * 10 + p[1]) as f64));
        assert_eq!(t.rates, [11.0, 20.0, 20.0, 21.0, 30.0, 30.0]);
        assert!(!Table { rates: vec![1.0], ..t }.is_whole());
    }
}
