//! Attention on tensor cores: bf16 products, f32 sums, no scores in memory. The gradient of queries and that of keys and values are
//! functions of their own, each of which rebuilds the weights, so that every sum has a fixed order.

use super::direct;
use crate::function::Function;
use crate::{Draft, Launch, Step};
use pfm_ir::DType;
use pfm_plan::Kernel;

const WARPS: usize = 4;
/// Keys, or queries, in shared memory at a time.
const BLOCK: usize = 64;

/// The largest width of a head that registers hold.
pub const WIDEST: usize = 128;

struct Sizes {
    heads: usize,
    queries: usize,
    keys: usize,
    /// Bytes from one row to the next in shared memory, of q and k, and of v.
    strides: (usize, usize),
    /// Rows of a warp in 16s.
    rows: usize,
}

impl Sizes {
    fn of(kernel: &Kernel) -> Sizes {
        let (q, v) = (&kernel.operands[0].shape, &kernel.operands[2].shape);
        let stride = |width: usize| (width.div_ceil(8) | 1) * 16;
        let rows = if q[3].max(v[3]) <= 72 { 2 } else { 1 };
        Sizes { heads: q[0] * q[1], queries: q[2], keys: v[2], strides: (stride(q[3]), stride(v[3])), rows }
    }

    fn block_rows(&self) -> usize {
        WARPS * 16 * self.rows
    }

    fn row_bytes(&self) -> usize {
        self.strides.0 + self.strides.1
    }
}

pub fn draft(kernel: &Kernel) -> Draft {
    if kernel.op.name == "attend" { forward(kernel) } else { backward(kernel) }
}

fn forward(kernel: &Kernel) -> Draft {
    let s = Sizes::of(kernel);
    let at = kernel.operands.len();
    let f = sized(kernel, &s).writes("out", kernel.results[0].dtype, at).writes("lse", kernel.results[1].dtype, at + 1);
    let f = f.constant("KEYS", BLOCK).constant("GROUP", 2);
    let shared = 2 * BLOCK * s.row_bytes() + s.block_rows() * s.strides.0;
    let grid = s.queries.div_ceil(s.block_rows()) * s.heads;
    Draft { steps: vec![Step::Launch(launch(f, include_str!("tensor_forward.cu"), grid, shared))], scratch_bytes: 0 }
}

fn backward(kernel: &Kernel) -> Draft {
    let s = Sizes::of(kernel);
    let at = kernel.operands.len();
    let scratch = at + kernel.results.len();
    let rows = s.heads * s.queries;
    let mut steps = vec![Step::Launch(delta(kernel, scratch))];

    let f = sized(kernel, &s).reads("delta", DType::F32, scratch).writes("dq", kernel.results[0].dtype, at).constant("KEYS", BLOCK);
    let shared = 2 * BLOCK * s.row_bytes() + s.block_rows() * s.row_bytes();
    let grid = s.queries.div_ceil(s.block_rows()) * s.heads;
    steps.push(Step::Launch(launch(f, include_str!("tensor_query_grad.cu"), grid, shared)));

    let f = sized(kernel, &s).reads("delta", DType::F32, scratch).constant("QUERIES", BLOCK);
    let f = f.writes("dk", kernel.results[1].dtype, at + 1).writes("dv", kernel.results[2].dtype, at + 2);
    let shared = 2 * BLOCK * (s.row_bytes() + 8) + s.block_rows() * s.row_bytes();
    let grid = s.keys.div_ceil(s.block_rows()) * s.heads;
    steps.push(Step::Launch(launch(f, include_str!("tensor_key_grad.cu"), grid, shared)));
    if kernel.attrs.get_bool("bias") {
        steps.push(direct::bias_grad(kernel));
    }
    Draft { steps, scratch_bytes: 4 * rows }
}

/// The sum of dout out of each query, into the working memory.
pub fn delta(kernel: &Kernel, scratch: usize) -> Launch {
    let v = &kernel.operands[3].shape;
    let rows = v[0] * v[1] * v[2];
    let f = Function::new("attend_delta", 256).constant("ROWS", rows).constant("DV", v[3]);
    let f = f.reads("out", kernel.operands[3].dtype, 3).reads("dout", kernel.operands[5].dtype, 5).writes("delta", DType::F32, scratch);
    f.launch(include_str!("tensor_delta.cu"), [rows.div_ceil(8), 1, 1], 0)
}

fn sized(kernel: &Kernel, s: &Sizes) -> Function {
    let residents = if s.rows == 2 { 2 } else { 1 };
    let f = direct::sized(kernel, "attend_tensor", 32 * WARPS).residents(residents);
    f.constant("WARPS", WARPS).constant("MT", s.rows)
}

fn launch(f: Function, body: &str, grid: usize, shared: usize) -> Launch {
    f.launch(&format!("{}{body}", include_str!("tensor_common.cu")), [grid, 1, 1], shared)
}
