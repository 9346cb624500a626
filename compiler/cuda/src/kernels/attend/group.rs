//! Attention on groups of four warps, for devices of capability 9.0: the tensor cores read shared memory by themselves while the
//! warps take exponents. Otherwise as the functions for single warps (`tensor`), whose results it has.

use super::{direct, tensor};
use crate::function::Function;
use crate::{Draft, Step};
use pfm_ir::DType;
use pfm_plan::Kernel;

/// Queries or keys in shared memory at a time: of keys for the forward pass and the gradient of queries, of queries for that of keys,
/// where registers hold less.
const KEYS: usize = 128;
const QUERIES: usize = 96;

/// Bytes of a unit of 8 columns of one row.
const CELL: usize = 16;

/// The largest width of a head that registers hold.
pub const WIDEST: usize = 80;

/// A matrix as tiles in working memory.
#[derive(Clone, Copy)]
struct Packed {
    name: &'static str,
    /// Bytes before it.
    at: usize,
    tiles: usize,
    /// Rows of a tile.
    height: usize,
}

/// Lays matrices out one after the other in working memory.
struct Packer<'a> {
    kernel: &'a Kernel,
    steps: Vec<Step>,
    bytes: usize,
    scratch: usize,
}

impl Packer<'_> {
    fn pack(&mut self, name: &'static str, operand: usize, units: usize, height: usize, ones: bool) -> Packed {
        let ty = &self.kernel.operands[operand];
        let [n, heads, rows, width] = ty.shape[..] else { panic!("attention has operands of four axes") };
        let packed = Packed { name, at: self.bytes, tiles: rows.div_ceil(height), height };
        let f = Function::new("attend_pack", 256).reads("from", ty.dtype, operand).writes("packed", DType::I32, self.scratch);
        let f = f.constant("T", rows).constant("W", width).constant("UNITS", units).constant("TILES", packed.tiles);
        let f = f.constant("HEIGHT", height).constant("AT", packed.at / 4).flag("ONES", ones);
        let blocks = n * heads * packed.tiles;
        self.steps.push(Step::Launch(f.launch(include_str!("group_pack.cu"), [blocks, 1, 1], 0)));
        self.bytes += blocks * units * height * CELL;
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
    let keys = packer.pack("K", 1, d, KEYS, false);
    let values = packer.pack("V", 2, v, KEYS, !kernel.operands[2].shape[3].is_multiple_of(8));
    let f = sized(kernel, groups, KEYS, &[8 * v]);
    let f = placed(f, scratch, &[keys, values]);
    let f = f.writes("out", kernel.results[0].dtype, at).writes("lse", kernel.results[1].dtype, at + 1);
    let shared = CELL * (KEYS * (2 * d + 3 * v) + 64 * groups * d);
    let queries = kernel.operands[0].shape[2];
    packer.steps.push(launch(f, include_str!("group_forward.cu"), kernel, queries.div_ceil(64 * groups), shared));
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
    let matrices = [("Q", 0, paired_d, QUERIES), ("K", 1, paired_d, KEYS), ("V", 2, paired_v, KEYS), ("G", 5, paired_v, QUERIES)];
    let matrices = matrices.map(|(name, operand, units, height)| packer.pack(name, operand, units, height, false));
    let own = CELL * 64 * groups * (paired_d + paired_v);

    let f = placed(sized(kernel, groups, KEYS, &[8 * d]), scratch, &matrices);
    let f = f.reads("delta", DType::F32, scratch).writes("dq", kernel.results[0].dtype, at);
    let shared = own + CELL * KEYS * (3 * paired_d + 2 * paired_v);
    packer.steps.push(launch(f, include_str!("group_query_grad.cu"), kernel, queries.div_ceil(64 * groups), shared));

    let f = placed(sized(kernel, groups, QUERIES, &[8 * d, 8 * v]), scratch, &matrices).reads("delta", DType::F32, scratch);
    let f = f.writes("dk", kernel.results[1].dtype, at + 1).writes("dv", kernel.results[2].dtype, at + 2);
    let shared = own + QUERIES * (CELL * 3 * (paired_d + paired_v) + 24);
    packer.steps.push(launch(f, include_str!("group_key_grad.cu"), kernel, keys.div_ceil(64 * groups), shared));
    if kernel.attrs.get_bool("bias") {
        packer.steps.push(direct::bias_grad(kernel));
    }
    Draft { steps: packer.steps, scratch_bytes: packer.bytes }
}

/// Where packed matrices lie, in words, and their tiles.
fn placed(f: Function, scratch: usize, matrices: &[Packed]) -> Function {
    let mut f = f.reads("packed", DType::I32, scratch);
    for packed in matrices {
        let name = packed.name;
        f = f.constant(&format!("{name}_AT"), packed.at / 4);
        if name == "K" || name == "Q" {
            f = f.constant(&format!("{name}_TILES"), packed.tiles).constant(&format!("{name}_HEIGHT"), packed.height);
        }
    }
    f
}

/// Sizes and operands, and the products that the text uses: of matrices in shared memory, `columns` wide, and of registers with a
/// matrix by columns, of these widths.
fn sized(kernel: &Kernel, groups: usize, columns: usize, widths: &[usize]) -> Function {
    let mut widths = widths.to_vec();
    widths.sort();
    widths.dedup();
    let text: String = widths.iter().map(|&width| product(width)).collect();
    let f = direct::sized(kernel, "attend_group", 128 * groups).constant("GROUPS", groups).constant("COLUMNS", columns);
    f.after(&product_of_shared(columns)).after(&text)
}

fn launch(f: Function, body: &str, kernel: &Kernel, blocks: usize, shared: usize) -> Step {
    let q = &kernel.operands[0].shape;
    Step::Launch(f.launch(&format!("{}{body}", include_str!("group_common.cu")), [blocks * q[0] * q[1], 1, 1], shared))
}

/// The instruction for 64 rows, this many columns and 16 products each, with the left operand in registers and the right one by
/// columns: it has as many operands as columns.
fn product(columns: usize) -> String {
    let values = columns / 2;
    let left = format!("{{{}}}", places(values, values + 4));
    specialised(
        &format!("group_multiply<{columns}, true>(float* d, const u32* a, u64 b, int keep)"),
        &instruction(columns, &left, values + 4, "1"),
        values,
        "\"r\"(a[0]), \"r\"(a[1]), \"r\"(a[2]), \"r\"(a[3]), \"l\"(b), \"r\"(keep)",
    )
}

/// The same with both operands in shared memory, by rows.
fn product_of_shared(columns: usize) -> String {
    let values = columns / 2;
    specialised(
        &format!("group_multiply_shared<{columns}>(float* d, u64 a, u64 b, int keep)"),
        &instruction(columns, &format!("%{values}"), values + 1, "0, 0"),
        values,
        "\"l\"(a), \"l\"(b), \"r\"(keep)",
    )
}

fn specialised(head: &str, instruction: &str, values: usize, inputs: &str) -> String {
    let outputs: Vec<String> = (0..values).map(|i| format!("\"+f\"(d[{i}])")).collect();
    let outputs = outputs.join(", ");
    format!(
        "#ifndef PFM_SHIM\ntemplate <>\nPFM_INLINE void {head} {{\n  asm volatile(\"{instruction}\"\n      : {outputs}\n      : {inputs});\n}}\n#endif\n"
    )
}

/// `right` is the position of the right operand; the flag whether to keep the sums follows it.
fn instruction(columns: usize, left: &str, right: usize, transposed: &str) -> String {
    let (sums, keep) = (places(0, columns / 2), right + 1);
    format!(
        "{{ .reg .pred p; setp.ne.b32 p, %{keep}, 0; wgmma.mma_async.sync.aligned.m64n{columns}k16.f32.bf16.bf16 {{{sums}}}, {left}, %{right}, p, 1, 1, {transposed}; }}"
    )
}

fn places(from: usize, to: usize) -> String {
    (from..to).map(|i| format!("%{i}")).collect::<Vec<_>>().join(",")
}
