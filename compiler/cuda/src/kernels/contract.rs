//! Contractions as matrix products. Axes fall into batch, rows, columns and summed ones; where the axes of a role do not lie like
//! one axis in memory, a loop first rearranges the operand (or, last, the result). Dot products are folds instead.

use crate::loops;
use crate::{Draft, Gemm, Matrix, Step, Target};
use pfm_ir::{DType, Scalar};
use pfm_plan::{Access, Expr, ExprId, Fold, Kernel, Loop, Reduce, Store};

/// One axis of the contraction with its strides in x, y and the result; None where it is absent.
#[derive(Clone, Copy, Debug)]
struct Axis {
    size: usize,
    strides: [Option<usize>; 3],
}

/// Axes by role, each in the order in which they act as one.
#[derive(Clone, Debug)]
struct Roles {
    batch: Vec<Axis>,
    rows: Vec<Axis>,
    columns: Vec<Axis>,
    summed: Vec<Axis>,
}

/// Matrices with so few rows, columns or products are a matter of memory, for which a fold is as good.
const THIN: usize = 4;

const X: usize = 0;
const Y: usize = 1;
const OUT: usize = 2;

pub fn draft(kernel: &Kernel, _: &Target) -> Draft {
    let roles = Roles::of(kernel);
    let dtypes = [kernel.operands[0].dtype, kernel.operands[1].dtype, kernel.results[0].dtype];
    if [&roles.rows, &roles.columns, &roles.summed].iter().any(|axes| product(axes) <= THIN) {
        return fold(&roles, dtypes);
    }
    products(&roles, dtypes)
}

fn product(axes: &[Axis]) -> usize {
    axes.iter().map(|a| a.size).product()
}

impl Roles {
    fn of(kernel: &Kernel) -> Roles {
        let lists = [kernel.attrs.get_ints("x"), kernel.attrs.get_ints("y"), kernel.attrs.get_ints("out")];
        let shapes = [&kernel.operands[0].shape, &kernel.operands[1].shape, &kernel.results[0].shape];
        let axis = |label: i64| {
            let mut axis = Axis { size: 1, strides: [None; 3] };
            for t in [X, Y, OUT] {
                if let Some(at) = lists[t].iter().position(|l| *l == label) {
                    axis.size = shapes[t][at];
                    axis.strides[t] = Some(shapes[t][at + 1..].iter().product());
                }
            }
            axis
        };
        let all = |list: &[i64], has: [bool; 3]| -> Vec<Axis> {
            let axes = list.iter().map(|l| axis(*l));
            axes.filter(|a| a.size != 1 && [X, Y, OUT].iter().all(|t| a.strides[*t].is_some() == has[*t])).collect()
        };
        let x_order = all(lists[X], [true, true, false]);
        let y_order = all(lists[Y], [true, true, false]);
        // The order in which the larger operand needs no rearrangement.
        let larger = if shapes[X].iter().product::<usize>() >= shapes[Y].iter().product::<usize>() { x_order } else { y_order };
        Roles {
            batch: all(lists[OUT], [true, true, true]),
            rows: all(lists[OUT], [true, false, true]),
            columns: all(lists[OUT], [false, true, true]),
            summed: larger,
        }
    }
}

/// The stride of axes that lie in a tensor like one; any for an empty list.
fn stride(axes: &[Axis], tensor: usize) -> Option<usize> {
    let of = |axis: &Axis| axis.strides[tensor].expect("the tensor has the axes of its roles");
    let alike = axes.windows(2).all(|pair| of(&pair[0]) == of(&pair[1]) * pair[1].size);
    alike.then(|| axes.last().map_or(0, of))
}

/// The batch of matrices that a tensor is, if it is one as it lies; `first` and `second` are its rows and columns.
fn view(tensor: usize, dtype: DType, batch: &[Axis], first: &[Axis], second: &[Axis]) -> Option<Matrix> {
    let (step, row, column) = (stride(batch, tensor)?, stride(first, tensor)?, stride(second, tensor)?);
    let (rows, columns) = (product(first), product(second));
    let make = |leading, transposed| Some(Matrix { argument: tensor, dtype, offset: 0, leading, transposed, step });
    if (column == 1 || columns == 1) && (row >= columns || rows == 1) {
        return make(if rows == 1 { columns } else { row }, false);
    }
    if (row == 1 || rows == 1) && (column >= rows || columns == 1) {
        return make(if columns == 1 { rows } else { column }, true);
    }
    None
}

fn products(roles: &Roles, dtypes: [DType; 3]) -> Draft {
    let mut draft = Draft::default();
    let mut after = vec![];
    let sides = [(&roles.rows, &roles.summed), (&roles.summed, &roles.columns), (&roles.rows, &roles.columns)];
    let mut matrices = vec![];
    for (tensor, (first, second)) in sides.into_iter().enumerate() {
        let dtype = dtypes[tensor];
        // The library rounds to bf16 only products of bf16.
        let wide = tensor == OUT && dtype != dtypes[X] && dtype == DType::Bf16;
        if let Some(matrix) = view(tensor, dtype, &roles.batch, first, second).filter(|_| !wide) {
            matrices.push(matrix);
            continue;
        }
        let held = if wide { DType::F32 } else { dtype };
        let offset = draft.scratch_bytes.next_multiple_of(16) / held.size();
        let axes: Vec<Axis> = [&roles.batch[..], first, second].concat();
        let copy = rearrange(&axes, tensor, (held, dtype), offset, tensor == OUT);
        if tensor == OUT {
            after.extend(copy.steps)
        } else {
            draft.steps.extend(copy.steps)
        }
        draft.scratch_bytes = (offset + product(&axes)) * held.size();
        let (rows, columns) = (product(first), product(second));
        matrices.push(Matrix { argument: OUT + 1, dtype: held, offset, leading: columns, transposed: false, step: rows * columns });
    }
    let [a, b, c] = <[Matrix; 3]>::try_from(matrices).expect("there are three tensors");
    let (m, n) = (product(&roles.rows), product(&roles.columns));
    let (k, batch) = (product(&roles.summed), product(&roles.batch));
    let turned = |x: Matrix| Matrix { transposed: !x.transposed, ..x };
    // A result whose columns are contiguous is the transpose of the product of the transposes.
    let gemm = if c.transposed {
        Gemm { m: n, n: m, k, batch, a: turned(b), b: turned(a), c: turned(c) }
    } else {
        Gemm { m, n, k, batch, a, b, c }
    };
    draft.steps.push(Step::Gemm(gemm));
    draft.steps.extend(after);
    draft
}

/// Copies a tensor to working memory in the order of `axes`, or back from it, where it may have been wider.
fn rearrange(axes: &[Axis], tensor: usize, (held, dtype): (DType, DType), offset: usize, back: bool) -> Draft {
    let mut dense = vec![0; axes.len()];
    let mut step = 1;
    for (i, axis) in axes.iter().enumerate().rev() {
        dense[i] = step as i64;
        step *= axis.size;
    }
    let packed = (OUT + 1, Access { offset: offset as i64, strides: dense });
    let strides = axes.iter().map(|a| a.strides[tensor].expect("the tensor has these axes") as i64).collect();
    let own = (tensor, Access { offset: 0, strides });
    let (from, to) = if back { (packed, own) } else { (own, packed) };
    let mut body = vec![Expr::Load { buffer: from.0, access: from.1, dtype: held }];
    if held != dtype {
        body.push(Expr::Apply { scalar: Scalar::Cast, dtype, args: vec![ExprId(0)] });
    }
    let stores = vec![Store { buffer: to.0, access: to.1, value: ExprId(body.len() as u32 - 1) }];
    loops::draft_loop(&Loop { space: axes.iter().map(|a| a.size).collect(), body, stores })
}

/// Products without rows, columns or sums: a fold or a loop over all axes.
fn fold(roles: &Roles, dtypes: [DType; 3]) -> Draft {
    let axes: Vec<Axis> = [&roles.batch[..], &roles.rows, &roles.columns, &roles.summed].concat();
    let access = |tensor: usize| Access { offset: 0, strides: axes.iter().map(|a| a.strides[tensor].unwrap_or(0) as i64).collect() };
    let load = |tensor: usize| Expr::Load { buffer: tensor, access: access(tensor), dtype: dtypes[tensor] };
    let args = vec![ExprId(0), ExprId(1)];
    let mut body = vec![load(X), load(Y), Expr::Apply { scalar: Scalar::Mul, dtype: DType::F32, args }];
    if dtypes[OUT] == DType::Bf16 {
        body.push(Expr::Apply { scalar: Scalar::Cast, dtype: DType::Bf16, args: vec![ExprId(2)] });
    }
    let value = ExprId(body.len() as u32 - 1);
    let stores = vec![Store { buffer: OUT, access: access(OUT), value }];
    let space = axes.iter().map(|a| a.size).collect();
    let reduced = axes.iter().map(|a| a.strides[OUT].is_none()).collect();
    loops::draft_reduce(&Reduce { space, reduced, fold: Fold::Sum, body, stores }, OUT + 1)
}
