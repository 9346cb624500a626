//! Attention on groups of four warps, for devices of capability 9.0: the tensor cores read shared memory by themselves while the
//! warps take exponents. Otherwise as the functions for single warps (`tensor`), whose results it has.

use super::{direct, tensor};
use crate::function::Function;
use crate::{Draft, Launch, Step};
use pfm_ir::DType;
use pfm_plan::Kernel;

/// Rows of a tile that all groups of a block share.
const COLUMNS: usize = 64;

/// The largest width of a head that registers hold.
pub const WIDEST: usize = 80;

/// Bytes of a matrix of `width` columns in units of 8, and of those in pairs.
struct Sizes {
    tile: usize,
    own: usize,
    units: (usize, usize),
    padded: (usize, usize),
}

impl Sizes {
    fn of(kernel: &Kernel, groups: usize) -> Sizes {
        let units = |operand: usize| kernel.operands[operand].shape[3].div_ceil(8);
        let (d, v) = (units(0), units(2));
        let padded = (d.next_multiple_of(2), v.next_multiple_of(2));
        Sizes { tile: COLUMNS * 16, own: groups * 64 * 16, units: (d, v), padded }
    }
}

pub fn draft(kernel: &Kernel) -> Draft {
    if kernel.op.name == "attend" { forward(kernel, 3) } else { backward(kernel) }
}

/// With this many groups of warps in a block.
pub fn forward(kernel: &Kernel, groups: usize) -> Draft {
    let at = kernel.operands.len();
    let s = Sizes::of(kernel, groups);
    let f = sized(kernel, groups, &[(COLUMNS, false), (8 * s.units.1, true)]);
    let f = f.writes("out", kernel.results[0].dtype, at).writes("lse", kernel.results[1].dtype, at + 1);
    let shared = s.tile * (2 * s.padded.0 + 3 * s.units.1) + s.padded.0 * s.own;
    let queries = kernel.operands[0].shape[2];
    let step = launch(f, include_str!("group_forward.cu"), kernel, queries.div_ceil(64 * groups), shared);
    Draft { steps: vec![Step::Launch(step)], scratch_bytes: 0 }
}

fn backward(kernel: &Kernel) -> Draft {
    let at = kernel.operands.len();
    let scratch = at + kernel.results.len();
    let (queries, keys) = (kernel.operands[0].shape[2], kernel.operands[1].shape[2]);
    let mut steps = vec![Step::Launch(tensor::delta(kernel, scratch))];

    let groups = 2;
    let s = Sizes::of(kernel, groups);
    let f = sized(kernel, groups, &[(COLUMNS, false), (8 * s.units.0, true)]);
    let f = f.reads("delta", DType::F32, scratch).writes("dq", kernel.results[0].dtype, at);
    let shared = (3 * s.tile + s.own) * (s.padded.0 + s.padded.1);
    steps.push(Step::Launch(launch(f, include_str!("group_query_grad.cu"), kernel, queries.div_ceil(64 * groups), shared)));

    let groups = 2;
    let s = Sizes::of(kernel, groups);
    let f = sized(kernel, groups, &[(COLUMNS, false), (8 * s.units.0, true), (8 * s.units.1, true)]);
    let f = f.after(&product_of_shared(COLUMNS)).reads("delta", DType::F32, scratch);
    let f = f.writes("dk", kernel.results[1].dtype, at + 1).writes("dv", kernel.results[2].dtype, at + 2);
    let shared = (3 * s.tile + s.own) * (s.padded.0 + s.padded.1) + 24 * COLUMNS;
    steps.push(Step::Launch(launch(f, include_str!("group_key_grad.cu"), kernel, keys.div_ceil(64 * groups), shared)));
    if kernel.attrs.get_bool("bias") {
        steps.push(direct::bias_grad(kernel));
    }
    let rows: usize = kernel.operands[0].shape[..3].iter().product();
    Draft { steps, scratch_bytes: 4 * rows }
}

/// Sizes and operands, and the products of a group (columns, right operand by columns) that the text uses.
fn sized(kernel: &Kernel, groups: usize, products: &[(usize, bool)]) -> Function {
    let mut products = products.to_vec();
    products.sort();
    products.dedup();
    let text: String = products.iter().map(|&(columns, by_columns)| product(columns, by_columns)).collect();
    direct::sized(kernel, "attend_group", 128 * groups).constant("GROUPS", groups).after(&text)
}

fn launch(f: Function, body: &str, kernel: &Kernel, blocks: usize, shared: usize) -> Launch {
    let q = &kernel.operands[0].shape;
    f.launch(&format!("{}{body}", include_str!("group_common.cu")), [blocks * q[0] * q[1], 1, 1], shared)
}

/// The instruction for 64 rows, this many columns and 16 products each: its operands are as many as its columns.
fn product(columns: usize, by_columns: bool) -> String {
    let values = columns / 2;
    let left = format!("{{{}}}", places(values, values + 4));
    let instruction = instruction(columns, &left, values + 4, by_columns);
    format!(
        "#ifndef PFM_SHIM\ntemplate <>\nPFM_INLINE void group_multiply<{columns}, {by_columns}>(float* d, const u32* a, u64 b, int keep) {{\n  asm volatile(\"{instruction}\"\n      : {}\n      : \"r\"(a[0]), \"r\"(a[1]), \"r\"(a[2]), \"r\"(a[3]), \"l\"(b), \"r\"(keep));\n}}\n#endif\n",
        outputs(values),
    )
}

/// The same with its left operand in shared memory.
fn product_of_shared(columns: usize) -> String {
    let values = columns / 2;
    let instruction = instruction(columns, &format!("%{values}"), values + 1, false);
    format!(
        "#ifndef PFM_SHIM\ntemplate <>\nPFM_INLINE void group_multiply_shared<{columns}>(float* d, u64 a, u64 b, int keep) {{\n  asm volatile(\"{instruction}\"\n      : {}\n      : \"l\"(a), \"l\"(b), \"r\"(keep));\n}}\n#endif\n",
        outputs(values),
    )
}

/// `right` is the position of the right operand; the flag whether to keep the sums follows it.
fn instruction(columns: usize, left: &str, right: usize, by_columns: bool) -> String {
    let by_columns = if left.starts_with('{') { format!("{}", usize::from(by_columns)) } else { format!("0, {}", usize::from(by_columns)) };
    format!(
        "{{ .reg .pred p; setp.ne.b32 p, %{}, 0; wgmma.mma_async.sync.aligned.m64n{columns}k16.f32.bf16.bf16 {{{}}}, {left}, %{right}, p, 1, 1, {by_columns}; }}",
        right + 1,
        places(0, columns / 2),
    )
}

fn places(from: usize, to: usize) -> String {
    (from..to).map(|i| format!("%{i}")).collect::<Vec<_>>().join(",")
}

fn outputs(values: usize) -> String {
    (0..values).map(|i| format!("\"+f\"(d[{i}])")).collect::<Vec<_>>().join(", ")
}
