//! Index maps: how the index of a value follows from the index of a group's space, and how views change that.
//! Every coordinate is an affine form of the space's index; a view composes with it or is not affine, and says so.

use crate::plan::Access;
use pfm_ir::{Class, Node, View};

/// An affine form `offset + sum of strides[i] * index[i]`.
pub type Affine = Access;

/// One affine form per axis of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Map {
    /// Rank of the space.
    rank: usize,
    axes: Vec<Affine>,
}

impl Map {
    /// The value has the space's shape and is read at the space's index.
    pub fn identity(rank: usize) -> Map {
        let axis = |i: usize| {
            let mut strides = vec![0; rank];
            strides[i] = 1;
            Affine { offset: 0, strides }
        };
        Map { rank, axes: (0..rank).map(axis).collect() }
    }

    /// The same space with other axes.
    fn with(&self, axes: Vec<Affine>) -> Map {
        Map { rank: self.rank, axes }
    }

    /// The coordinate along one axis of the value.
    pub fn axis(&self, axis: usize) -> &Affine {
        &self.axes[axis]
    }

    /// Element position in a dense row-major buffer of the given shape.
    pub fn linear(&self, shape: &[usize]) -> Access {
        let mut sum = zero(self.rank);
        let mut stride = 1;
        for (axis, &size) in self.axes.iter().zip(shape).rev() {
            add_scaled(&mut sum, axis, stride);
            stride *= size as i64;
        }
        sum
    }

    /// An access by this map's coordinates, as one by the index of its space.
    pub fn applied(&self, access: &Access) -> Access {
        let mut sum = Affine { offset: access.offset, ..zero(self.rank) };
        for (axis, stride) in self.axes.iter().zip(&access.strides) {
            add_scaled(&mut sum, axis, *stride);
        }
        sum
    }

    /// The map of a view's operand, from that of its result. None when it would not be affine, or the view has a condition.
    pub fn through(&self, node: &Node, operand: &[usize], result: &[usize]) -> Option<Map> {
        let Class::View(view) = node.op.class else { panic!("`{}` is a view", node.op.name) };
        match view {
            View::Permute => {
                let mut axes = self.axes.clone();
                for (i, a) in node.attrs.get_sizes("axes").into_iter().enumerate() {
                    axes[a] = self.axes[i].clone();
                }
                Some(self.with(axes))
            }
            View::Broadcast => Some(self.with(node.attrs.get_sizes("axes").into_iter().map(|a| self.axes[a].clone()).collect())),
            View::Slice => {
                let (start, step) = (node.attrs.get_ints("start"), node.attrs.get_ints("step"));
                Some(self.with((0..operand.len()).map(|i| scaled(&self.axes[i], step[i], start[i])).collect()))
            }
            View::Flip => {
                let mut axes = self.axes.clone();
                for a in node.attrs.get_sizes("axes") {
                    axes[a] = scaled(&self.axes[a], -1, operand[a] as i64 - 1);
                }
                Some(self.with(axes))
            }
            View::Reshape => self.through_reshape(operand, result),
            View::Pad | View::Concat => None,
        }
    }

    /// Each operand axis must be a product of neighbouring result axes.
    fn through_reshape(&self, operand: &[usize], result: &[usize]) -> Option<Map> {
        let mut axes = Vec::with_capacity(operand.len());
        let mut r = 0;
        for &size in operand {
            let mut form = zero(self.rank);
            let mut product = 1;
            while product < size {
                let n = *result.get(r)?;
                form = scaled(&form, n as i64, 0);
                add_scaled(&mut form, &self.axes[r], 1);
                product *= n;
                r += 1;
            }
            if product != size {
                return None;
            }
            axes.push(form);
        }
        Some(self.with(axes))
    }
}

/// Whether a reshape between these shapes composes with any map.
pub fn reshape_splits(operand: &[usize], result: &[usize]) -> bool {
    Map::identity(result.len()).through_reshape(operand, result).is_some()
}

/// Where elements of a view's operand lie in the result: the result's coordinates by the operand's index. None where that is not
/// affine, or the view repeats or leaves out elements.
pub fn stored_through(node: &Node, operand: &[usize], result: &[usize]) -> Option<Map> {
    let own = Map::identity(operand.len());
    match node.op.class {
        Class::View(View::Permute) => {
            let axes = node.attrs.get_sizes("axes");
            Some(own.with(axes.into_iter().map(|a| own.axes[a].clone()).collect()))
        }
        Class::View(View::Reshape) => own.through_reshape(result, operand),
        _ => None,
    }
}

fn zero(rank: usize) -> Affine {
    Affine { offset: 0, strides: vec![0; rank] }
}

fn scaled(a: &Affine, by: i64, plus: i64) -> Affine {
    Affine { offset: a.offset * by + plus, strides: a.strides.iter().map(|s| s * by).collect() }
}

fn add_scaled(sum: &mut Affine, a: &Affine, by: i64) {
    sum.offset += a.offset * by;
    for (s, t) in sum.strides.iter_mut().zip(&a.strides) {
        *s += t * by;
    }
}
