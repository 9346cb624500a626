//! The specification of an einsum of two operands: labels sorted into batch, row (m), column (n) and summed (k) groups.
//! Axes of a group that follow one another in memory are merged, so most contractions end up as plain strided matrices.

/// One axis of a group with its stride in x, y and the result (0 where absent), in values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub size: usize,
    pub strides: [usize; 3],
}

/// Index of a tensor in `Axis::strides`.
pub(crate) const X: usize = 0;
pub(crate) const Y: usize = 1;
pub(crate) const OUT: usize = 2;

/// Axes that act as one, outermost first.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub axes: Vec<Axis>,
    pub size: usize,
}

impl Group {
    /// Merges neighbours whose strides agree in every tensor. An empty group has size 1.
    fn new(axes: Vec<Axis>) -> Group {
        let size = axes.iter().map(|a| a.size).product();
        let mut merged: Vec<Axis> = Vec::new();
        for axis in axes {
            match merged.last_mut() {
                Some(last) if (0..3).all(|t| last.strides[t] == axis.strides[t] * axis.size) => {
                    last.size *= axis.size;
                    last.strides = axis.strides;
                }
                _ => merged.push(axis),
            }
        }
        if merged.is_empty() {
            merged.push(Axis { size: 1, strides: [0; 3] });
        }
        Group { axes: merged, size }
    }

    /// The stride in a tensor if one stride serves the whole group.
    #[inline(always)]
    pub(crate) fn stride(&self, tensor: usize) -> Option<usize> {
        match self.axes[..] {
            [axis] => Some(axis.strides[tensor]),
            _ => None,
        }
    }

    /// Stride of the innermost axis.
    #[inline(always)]
    pub(crate) fn inner(&self, tensor: usize) -> usize {
        self.axes[self.axes.len() - 1].strides[tensor]
    }

    /// Where entry `index` of the group lies in a tensor.
    #[inline(always)]
    pub(crate) fn offset(&self, tensor: usize, mut index: usize) -> usize {
        let mut offset = 0;
        for axis in self.axes.iter().rev() {
            offset += index % axis.size * axis.strides[tensor];
            index /= axis.size;
        }
        offset
    }

    /// The stretches of entries `start .. start + count` along the innermost axis.
    #[inline(always)]
    pub(crate) fn runs(&self, tensor: usize, start: usize, count: usize) -> Runs<'_> {
        Runs { group: self, tensor, start, count, at: 0 }
    }
}

/// Iterator over (entries before this stretch, offset of its first, its length).
pub(crate) struct Runs<'a> {
    group: &'a Group,
    tensor: usize,
    start: usize,
    count: usize,
    at: usize,
}

impl Iterator for Runs<'_> {
    type Item = (usize, usize, usize);

    #[inline(always)]
    fn next(&mut self) -> Option<(usize, usize, usize)> {
        if self.at >= self.count {
            return None;
        }
        let inner = self.group.axes[self.group.axes.len() - 1].size;
        let (at, first) = (self.at, self.start + self.at);
        let length = (inner - first % inner).min(self.count - at);
        self.at += length;
        Some((at, self.group.offset(self.tensor, first), length))
    }
}

/// How the work is cut. Chosen from shapes alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cut {
    /// Few rows, and sums along neighbours in both operands: a task takes some columns, counted through the batches.
    Dots { some: usize },
    /// Many or tiny products: a task takes some batches, or some rows of one batch, and packs for itself.
    Batches { batches: usize, rows: usize },
    /// Few results and a long sum: a task takes a stretch of the sum, the partial results are added in order.
    Sums { chunks: usize },
    /// A large product: y is packed block by block for all tasks.
    Blocks { columns: usize, sums: usize },
}

/// What `contract` needs to know: made once from shapes and labels.
#[derive(Clone, Debug)]
pub struct ContractSpec {
    pub(crate) batch: Group,
    pub(crate) m: Group,
    pub(crate) n: Group,
    pub(crate) k: Group,
    /// The operands are exchanged, so that columns are what lies together in the result.
    pub(crate) swapped: bool,
    pub(crate) cut: Cut,
    pub(crate) lengths: [usize; 3],
}

/// Values of y packed at a time when all tasks share them.
const SHARED: usize = 1 << 19;
/// Rows of a task of `Cut::Blocks`.
pub(crate) const ROWS: usize = 96;
/// Columns of a task of `Cut::Blocks`.
pub(crate) const COLUMNS: usize = 512;

impl ContractSpec {
    /// `x_labels[i]` names axis i of x; the result has the axes `out_labels`. Panics if the labels break the rules of
    /// the op: each at most once per operand, equal sizes, every label in the other operand or in `out_labels`.
    pub fn new(x_shape: &[usize], x_labels: &[i64], y_shape: &[usize], y_labels: &[i64], out_labels: &[i64]) -> ContractSpec {
        let find = |labels: &[i64], label: i64| labels.iter().position(|&l| l == label);
        let size = |label: i64| match (find(x_labels, label), find(y_labels, label)) {
            (Some(i), Some(j)) => {
                assert_eq!(x_shape[i], y_shape[j], "label {label} has two sizes");
                x_shape[i]
            }
            (Some(i), None) => x_shape[i],
            (None, Some(j)) => y_shape[j],
            (None, None) => panic!("label {label} of the result is in no operand"),
        };
        let out_shape: Vec<usize> = out_labels.iter().map(|&l| size(l)).collect();
        let strides = [strides(x_shape), strides(y_shape), strides(&out_shape)];
        let axis = |label: i64| {
            let at = |labels, t: usize| find(labels, label).map_or(0, |i| strides[t][i]);
            Axis { size: size(label), strides: [at(x_labels, X), at(y_labels, Y), at(out_labels, OUT)] }
        };
        let (mut batch, mut m, mut n, mut k) = (vec![], vec![], vec![], vec![]);
        for &label in out_labels.iter().filter(|&&l| size(l) != 1) {
            match (find(x_labels, label), find(y_labels, label)) {
                (Some(_), Some(_)) => batch.push(axis(label)),
                (Some(_), None) => m.push(axis(label)),
                _ => n.push(axis(label)),
            }
        }
        let summed = |l: &&i64| find(out_labels, **l).is_none() && size(**l) != 1;
        for &label in y_labels.iter().filter(summed) {
            assert!(find(x_labels, label).is_some(), "label {label} is in one operand only");
            k.push(axis(label));
        }
        let swapped = match (m.last(), n.last()) {
            (Some(_), None) => true,
            (Some(m), Some(n)) => m.strides[OUT] < n.strides[OUT],
            _ => false,
        };
        if swapped {
            std::mem::swap(&mut m, &mut n);
            for axis in [&mut batch, &mut m, &mut n, &mut k].into_iter().flatten() {
                axis.strides.swap(X, Y);
            }
        }
        let [batch, m, n, k] = [batch, m, n, k].map(Group::new);
        ContractSpec {
            cut: cut(&batch, &m, &n, &k),
            batch,
            m,
            n,
            k,
            swapped,
            lengths: [x_shape, y_shape, &out_shape].map(|s| s.iter().product()),
        }
    }

    /// Floats of scratch that `contract` needs.
    pub fn scratch(&self) -> usize {
        match self.cut {
            Cut::Dots { .. } | Cut::Batches { .. } => 0,
            Cut::Sums { chunks } => chunks * self.batch.size * self.m.size * self.n.size,
            Cut::Blocks { columns, sums } => crate::block::padded(columns) * sums,
        }
    }

    /// Multiplications and additions of one call.
    pub fn operations(&self) -> usize {
        2 * self.batch.size * self.m.size * self.n.size * self.k.size
    }
}

fn cut(batch: &Group, m: &Group, n: &Group, k: &Group) -> Cut {
    let along = [X, Y].map(|t| k.stride(t)) == [Some(1); 2];
    let (batch, m, n, k) = (batch.size, m.size, n.size, k.size);
    if along && m <= 4 && k >= 32 && (n >= 64 || m * n == 1 && batch >= 4) {
        let some = ((1 << 15) / (k * m)).max(1);
        return Cut::Dots { some };
    }
    let work = m * n * k;
    if batch >= 4 || batch * work <= 1 << 17 {
        let batches = ((1 << 17) / work.max(1)).clamp(1, batch.max(1));
        let rows = if batches > 1 || batch >= 16 { m } else { 192 };
        return Cut::Batches { batches, rows };
    }
    let tasks = batch * m.div_ceil(ROWS) * n.div_ceil(COLUMNS);
    if tasks < 8 && k >= 1024 {
        let chunks = (k / 512).clamp(2, 16);
        return Cut::Sums { chunks };
    }
    let columns = n.min(4 * COLUMNS);
    let sums = (SHARED / crate::block::padded(columns)).min(k).max(1);
    Cut::Blocks { columns, sums }
}

/// Row-major strides.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i];
    }
    strides
}
