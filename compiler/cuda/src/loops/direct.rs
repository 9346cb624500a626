//! A plain loop: each thread takes cells of neighbours along the axis on which memory is contiguous, blocks of threads lie
//! beside each other. Loops that read across that axis go through shared memory instead (`tiled`).

use super::cell::{Cell, line, unstaged, wish};
use super::tiled;
use crate::function::Function;
use crate::{Draft, Step};
use pfm_plan::nest::{Axis, Nest};
use pfm_plan::{Expr, Loop};

const BLOCK: usize = 256;
/// Cells from which on a thread takes several: there are more than threads on any device.
const MANY: usize = 1 << 20;

pub fn draft(work: &Loop) -> Draft {
    let mut nest = Nest::of_loop(work);
    nest.drop_units();
    if nest.axes.is_empty() {
        nest.add_unit(false);
    }
    let lanes = nest.vector_axis();
    nest.move_axis(lanes, nest.axes.len() - 1);
    nest.merge();
    let launch = match tiled::crossing(&nest) {
        Some(axis) => tiled::launch(&mut nest, axis),
        None => launch(&nest),
    };
    Draft { steps: vec![Step::Launch(launch)], scratch_bytes: 0 }
}

fn launch(nest: &Nest) -> crate::Launch {
    let Axis { size, .. } = nest.axes[nest.axes.len() - 1];
    // A single axis may end within a cell: its last places are done one by one.
    let ragged = nest.axes.len() == 1 && !size.is_multiple_of(wish(nest)) && size > BLOCK;
    let cell = if ragged { Cell::of_width(nest, wish(nest)) } else { Cell::new(nest) };
    let cells = nest.elements() / size * (size / cell.width);
    let each = if cells >= MANY { unroll(nest) } else { 1 };
    let mut s = String::new();
    one_thread(&cell, cells, each, &mut s);
    let mut blocks = cells.div_ceil(BLOCK * each);
    if ragged {
        rest(nest, &cell, cells, &mut s);
        blocks = blocks.max(1);
    }
    let f = cell.parameters(Function::new("loop", BLOCK), false);
    f.launch(&s, [blocks, 1, 1], 0)
}

/// Cells of a thread: enough loads under way without crowding its registers.
fn unroll(nest: &Nest) -> usize {
    match nest.body.iter().filter(|e| matches!(e, Expr::Load { .. })).count() {
        0..=2 => 4,
        3..=4 => 2,
        _ => 1,
    }
}

fn one_thread(cell: &Cell, cells: usize, each: usize, s: &mut String) {
    let unsigned = if cell.long { "unsigned long long" } else { "u32" };
    let axes: Vec<usize> = (0..cell.nest.axes.len()).collect();
    line(s, "  ", &format!("const {unsigned} first = ({unsigned})blockIdx.x * {} + threadIdx.x;", BLOCK * each));
    cell.declare(s, "  ", Some(each), &unstaged);
    let open = |s: &mut String| {
        line(s, "  ", "#pragma unroll");
        line(s, "  ", &format!("for (int u = 0; u < {each}; u++) {{"));
        line(s, "    ", &format!("const {unsigned} place = first + u * {BLOCK};"));
        line(s, "    ", &format!("if (place < {cells}) {{"));
        cell.decompose(s, "      ", "place", &axes);
    };
    open(s);
    cell.load(s, "      ", "[u]", &unstaged);
    line(s, "    ", "}\n  }");
    open(s);
    finish(cell, s, "      ", "[u]");
    line(s, "    ", "}\n  }");
}

/// Evaluates and stores one cell.
fn finish(cell: &Cell, s: &mut String, indent: &str, which: &str) {
    cell.declare_results(s, indent);
    cell.evaluate(s, indent, which, &unstaged);
    for (n, store) in cell.nest.stores.iter().enumerate() {
        line(s, indent, &format!("  y{n}[v] = e{};", store.value.0));
    }
    line(s, indent, "}");
    cell.store(s, indent);
}

/// The places after the last whole cell of a single axis, by the first threads.
fn rest(nest: &Nest, whole: &Cell, cells: usize, s: &mut String) {
    let cell = Cell { nest, width: 1, long: whole.long };
    let (done, size) = (cells * whole.width, nest.axes[0].size);
    line(s, "  ", &format!("if (blockIdx.x == 0 && threadIdx.x < {}) {{", size - done));
    line(s, "    ", &format!("const {} i0 = {done} + threadIdx.x;", cell.index()));
    let mut inner = String::new();
    cell.declare(&mut inner, "    ", None, &unstaged);
    cell.load(&mut inner, "    ", "", &unstaged);
    finish(&cell, &mut inner, "    ", "");
    s.push_str(&inner);
    line(s, "  ", "}");
}
