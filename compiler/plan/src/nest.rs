//! The loop nest behind a loop or a reduction: the same index space with axes dropped, merged, split and put in the order
//! that memory likes. Accesses follow along; the code emitters see only the result.

use crate::plan::{Access, Expr, Fold, Loop, Reduce, Store};

/// An index space with the accesses over it; axes go from the outermost loop to the innermost.
#[derive(Clone, Debug)]
pub struct Nest {
    pub axes: Vec<Axis>,
    pub body: Vec<Expr>,
    pub stores: Vec<Store>,
    /// How reduced axes fold; none in a plain loop.
    pub fold: Option<Fold>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    pub size: usize,
    pub reduced: bool,
}

impl Nest {
    pub fn of_loop(work: &Loop) -> Nest {
        let axis = |size: &usize| Axis { size: *size, reduced: false };
        Nest { axes: work.space.iter().map(axis).collect(), body: work.body.clone(), stores: work.stores.clone(), fold: None }
    }

    pub fn of_reduce(work: &Reduce) -> Nest {
        let axes = work.space.iter().zip(&work.reduced);
        Nest {
            axes: axes.map(|(size, reduced)| Axis { size: *size, reduced: *reduced }).collect(),
            body: work.body.clone(),
            stores: work.stores.clone(),
            fold: Some(work.fold),
        }
    }

    pub fn elements(&self) -> usize {
        self.axes.iter().map(|a| a.size).product()
    }

    /// Rough cost of one element, in simple operations.
    pub fn weight(&self) -> usize {
        let heavy = |e: &Expr| match e {
            Expr::Apply { scalar, .. } => {
                use pfm_ir::Scalar::*;
                match scalar {
                    Exp | Log | Sin | Cos | Tanh | Erf | Sigmoid => 12,
                    Pow => 24,
                    Div | Sqrt | Rsqrt | Reciprocal => 4,
                    _ => 1,
                }
            }
            Expr::Load { .. } => 1,
            _ => 0,
        };
        1 + (self.body.iter().map(heavy).sum::<usize>() + self.stores.len()) / 2
    }

    fn accesses(&self) -> impl Iterator<Item = &Access> {
        let loads = self.body.iter().filter_map(access);
        loads.chain(self.stores.iter().map(|s| &s.access))
    }

    fn each_access(&mut self, mut change: impl FnMut(&mut Access)) {
        for e in &mut self.body {
            if let Expr::Load { access, .. } | Expr::Index { access, .. } = e {
                change(access);
            }
        }
        for s in &mut self.stores {
            change(&mut s.access);
        }
    }

    /// Adds an innermost axis of size one.
    pub fn add_unit(&mut self, reduced: bool) {
        self.axes.push(Axis { size: 1, reduced });
        self.each_access(|access| access.strides.push(0));
    }

    /// Leaves out axes of size one.
    pub fn drop_units(&mut self) {
        let kept: Vec<usize> = (0..self.axes.len()).filter(|a| self.axes[*a].size != 1).collect();
        self.reorder(&kept);
    }

    /// Axis i becomes the old axis `order[i]`; axes that are left out have size one.
    pub fn reorder(&mut self, order: &[usize]) {
        self.axes = order.iter().map(|a| self.axes[*a]).collect();
        self.each_access(|access| {
            access.strides = order.iter().map(|a| access.strides[*a]).collect();
        });
    }

    /// Makes one axis of neighbours that every access steps through alike.
    pub fn merge(&mut self) {
        let mut a = 0;
        while a + 1 < self.axes.len() {
            let inner = self.axes[a + 1].size as i64;
            let alike =
                self.axes[a].reduced == self.axes[a + 1].reduced && self.accesses().all(|x| x.strides[a] == x.strides[a + 1] * inner);
            if alike {
                self.axes[a].size *= self.axes[a + 1].size;
                self.axes.remove(a + 1);
                self.each_access(|x| {
                    x.strides.remove(a);
                });
            } else {
                a += 1;
            }
        }
    }

    /// Splits an axis into (size / inner, inner), neighbours in this order. `inner` divides the size.
    pub fn split(&mut self, axis: usize, inner: usize) {
        let whole = self.axes[axis];
        assert_eq!(whole.size % inner, 0, "an axis is split evenly");
        self.axes[axis].size = whole.size / inner;
        self.axes.insert(axis + 1, Axis { size: inner, ..whole });
        self.each_access(|x| {
            let stride = x.strides[axis];
            x.strides[axis] = stride * inner as i64;
            x.strides.insert(axis + 1, stride);
        });
    }

    /// Moves one axis to another position.
    pub fn move_axis(&mut self, from: usize, to: usize) {
        let mut order: Vec<usize> = (0..self.axes.len()).collect();
        let axis = order.remove(from);
        order.insert(to, axis);
        self.reorder(&order);
    }

    /// The axis that vectors should run along: the one on which most accesses are contiguous.
    pub fn vector_axis(&self) -> usize {
        let score = |a: usize| {
            let loads = self.body.iter().filter_map(|e| match e {
                Expr::Load { access, .. } => Some((access, 4)),
                _ => None,
            });
            // Stores of a reduction happen once per result.
            let store = if self.fold.is_some() { 1 } else { 6 };
            let all = loads.chain(self.stores.iter().map(|s| (&s.access, store)));
            let sum: usize = all
                .map(|(access, weight)| match access.strides[a] {
                    1 => 2 * weight,
                    0 => weight,
                    _ => 0,
                })
                .sum();
            let size = self.axes[a].size;
            if size < 4 { sum * size / 8 } else { sum }
        };
        (0..self.axes.len()).max_by_key(|a| (score(*a), *a)).expect("a nest has an axis")
    }
}

fn access(e: &Expr) -> Option<&Access> {
    match e {
        Expr::Load { access, .. } | Expr::Index { access, .. } => Some(access),
        _ => None,
    }
}

/// The divisor of `n` within `low..=high` that is nearest to `wish` by ratio; multiples of `step` only.
pub fn divisor(n: usize, low: usize, high: usize, wish: usize, step: usize) -> Option<usize> {
    (low..=high.min(n)).filter(|d| n.is_multiple_of(*d) && d.is_multiple_of(step)).min_by_key(|d| (*d).max(wish) * 1000 / (*d).min(wish))
}
