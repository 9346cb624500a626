//! Attention on groups of four warps, for devices of capability 9.0: the tensor cores read shared memory by themselves while the
//! warps take exponents. Otherwise as the functions for single warps (`tensor`), whose results it has.

use super::{direct, tensor};
use crate::function::Function;
use crate::{Draft, Step};
use pfm_ir::DType;
use pfm_plan::Kernel;

/// Rows of a tile, and bytes of a unit of 8 columns of it.
const TILE: usize = 64;
const UNIT: usize = TILE * 16;

/// The largest width of a head that registers hold.
pub const WIDEST: usize = 80;

/// A matrix as tiles in working memory.
#[derive(Clone, Copy)]
struct Packed {
    operand: usize,
    /// Units of a tile.
    units: usize,
    /// Bytes before it.
    at: usize,
    tiles: usize,
}

/// Lays matrices out one after the other in working memory.
struct Packer<'a> {
    kernel: &'a Kernel,
    steps: Vec<Step>,
    bytes: usize,
    scratch: usize,
}

impl Packer<'_> {
    /// `blocks` times `groups` tiles, at least: blocks read whole groups of tiles.
    fn pack(&mut self, operand: usize, units: usize, groups: usize, ones: bool) -> Packed {
        let ty = &self.kernel.operands[operand];
        let [n, heads, rows, width] = ty.shape[..] else { panic!("attention has operands of four axes") };
        let packed = Packed { operand, units, at: self.bytes, tiles: rows.div_ceil(TILE).next_multiple_of(groups) };
        let f = Function::new("attend_pack", 256).reads("from", ty.dtype, operand).writes("packed", DType::I32, self.scratch);
        let f = f.constant("T", rows).constant("W", width).constant("UNITS", units).constant("TILES", packed.tiles);
        let f = f.constant("AT", packed.at / 4).flag("ONES", ones);
        let blocks = n * heads * packed.tiles;
        self.steps.push(Step::Launch(f.launch(include_str!("group_pack.cu"), [blocks, 1, 1], 0)));
        self.bytes += blocks * units * UNIT;
        packed
    }
}

fn units(kernel: &Kernel, operand: usize) -> usize {
    kernel.operands[operand].shape[3].div_ceil(8)
}

pub fn draft(kernel: &Kernel) -> Draft {
    if kernel.op.name == "attend" { forward(kernel, 3) } else { backward(kernel, 2) }
}

/// With this many groups of warps in a block.
pub fn forward(kernel: &Kernel, groups: usize) -> Draft {
    let at = kernel.operands.len();
    let scratch = at + kernel.results.len();
    let (d, v) = (units(kernel, 1).next_multiple_of(2), units(kernel, 2));
    let mut packer = Packer { kernel, steps: vec![], bytes: 0, scratch };
    let keys = packer.pack(1, d, 1, false);
    let values = packer.pack(2, v, 1, !kernel.operands[2].shape[3].is_multiple_of(8));
    let f = sized(kernel, groups, &[(TILE, false), (8 * v, true)]);
    let f = placed(f, scratch, &[("K", keys), ("V", values)]);
    let f = f.writes("out", kernel.results[0].dtype, at).writes("lse", kernel.results[1].dtype, at + 1);
    let shared = UNIT * (2 * d + 3 * v + groups * d);
    let queries = kernel.operands[0].shape[2];
    packer.steps.push(launch(f, include_str!("group_forward.cu"), kernel, queries.div_ceil(TILE * groups), shared));
    Draft { steps: packer.steps, scratch_bytes: packer.bytes }
}

/// The same for the gradient.
pub fn backward(kernel: &Kernel, groups: usize) -> Draft {
    let at = kernel.operands.len();
    let scratch = at + kernel.results.len();
    let (queries, keys) = (kernel.operands[0].shape[2], kernel.operands[1].shape[2]);
    let (d, v) = (units(kernel, 1), units(kernel, 2));
    let (paired_d, paired_v) = (d.next_multiple_of(2), v.next_multiple_of(2));
    let rows: usize = kernel.operands[0].shape[..3].iter().product();
    let steps = vec![Step::Launch(tensor::delta(kernel, scratch))];
    let mut packer = Packer { kernel, steps, bytes: (4 * rows).next_multiple_of(128), scratch };
    let matrices = [("Q", 0, paired_d), ("K", 1, paired_d), ("V", 2, paired_v), ("G", 5, paired_v)];
    let matrices = matrices.map(|(name, operand, units)| (name, packer.pack(operand, units, groups, false)));
    let shared = UNIT * (3 + groups) * (paired_d + paired_v);

    let f = placed(sized(kernel, groups, &[(TILE, false), (8 * d, true)]), scratch, &matrices);
    let f = f.reads("delta", DType::F32, scratch).writes("dq", kernel.results[0].dtype, at);
    packer.steps.push(launch(f, include_str!("group_query_grad.cu"), kernel, queries.div_ceil(TILE * groups), shared));

    let f = sized(kernel, groups, &[(TILE, false), (8 * d, true), (8 * v, true)]).after(&product_of_shared(TILE));
    let f = placed(f, scratch, &matrices).reads("delta", DType::F32, scratch);
    let f = f.writes("dk", kernel.results[1].dtype, at + 1).writes("dv", kernel.results[2].dtype, at + 2);
    let shared = shared + 24 * TILE;
    packer.steps.push(launch(f, include_str!("group_key_grad.cu"), kernel, keys.div_ceil(TILE * groups), shared));
    if kernel.attrs.get_bool("bias") {
        packer.steps.push(direct::bias_grad(kernel));
    }
    Draft { steps: packer.steps, scratch_bytes: packer.bytes }
}

/// Where packed matrices lie, in words, and how many tiles those of queries and of keys have.
fn placed(f: Function, scratch: usize, matrices: &[(&str, Packed)]) -> Function {
    let mut f = f.reads("packed", DType::I32, scratch);
    for (name, packed) in matrices {
        f = f.constant(&format!("{name}_AT"), packed.at / 4);
        if packed.operand < 2 {
            f = f.constant(&format!("{name}_TILES"), packed.tiles);
        }
    }
    f
}

/// Sizes and operands, and the products of a group (columns, right operand by columns) that the text uses.
fn sized(kernel: &Kernel, groups: usize, products: &[(usize, bool)]) -> Function {
    let mut products = products.to_vec();
    products.sort();
    products.dedup();
    let text: String = products.iter().map(|&(columns, by_columns)| product(columns, by_columns)).collect();
    direct::sized(kernel, "attend_group", 128 * groups).constant("GROUPS", groups).after(&text)
}

fn launch(f: Function, body: &str, kernel: &Kernel, blocks: usize, shared: usize) -> Step {
    let q = &kernel.operands[0].shape;
    Step::Launch(f.launch(&format!("{}{body}", include_str!("group_common.cu")), [blocks * q[0] * q[1], 1, 1], shared))
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
