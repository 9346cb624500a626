//! Folds where memory is contiguous along kept axes: a thread folds the same few neighbours at many places, the threads of a
//! block share the places, and a tree over shared memory folds what they found.

use super::cell::{Cell, held, line, unstaged};
use super::reduce::{Arranged, BUSY, folded, identity, unroll};
use crate::Launch;
use crate::function::Function;

const BLOCK: usize = 256;
/// Cells of neighbours side by side in a block that has several rows.
const WIDE: usize = 64;
/// Folds that are shorter than this have a thread for each column.
const LONG: usize = 32;

/// How a launch is cut: threads side by side and in rows, blocks along the columns, places to fold.
struct Cut {
    across: usize,
    rows: usize,
    blocks: usize,
    outer: usize,
    columns: usize,
    places: usize,
}

impl Cut {
    /// Whole warps; the last may have threads without work.
    fn threads(&self) -> usize {
        (self.across * self.rows).next_multiple_of(32)
    }
}

fn cut(arranged: &Arranged, cell: &Cell) -> Cut {
    let axes = &arranged.nest.axes;
    let (rest, trailing) = axes.split_at(axes.len() - arranged.trailing);
    let columns = trailing.iter().map(|a| a.size).product::<usize>() / cell.width;
    let places: usize = rest.iter().filter(|a| a.reduced).map(|a| a.size).product();
    let outer: usize = rest.iter().filter(|a| !a.reduced).map(|a| a.size).product();
    if places < LONG {
        return Cut { across: BLOCK, rows: 1, blocks: (outer * columns).div_ceil(BLOCK), outer, columns, places };
    }
    let blocks = columns.div_ceil(WIDE);
    let across = columns.div_ceil(blocks);
    Cut { across, rows: (BLOCK / across).min(places), blocks, outer, columns, places }
}

/// Parts that a fold is split into.
pub fn parts(arranged: &Arranged) -> usize {
    let cell = Cell::new(&arranged.nest);
    let cut = cut(arranged, &cell);
    if cut.places < LONG {
        return 1;
    }
    let wanted = (BUSY / (cut.blocks * cut.outer)).min(cut.places / (cut.rows * 4)).max(1);
    cut.places.div_ceil(chunk(&cut, wanted))
}

fn chunk(cut: &Cut, parts: usize) -> usize {
    cut.places.div_ceil(parts).next_multiple_of(cut.rows)
}

pub fn launch(arranged: &Arranged, parts: usize) -> Launch {
    let nest = &arranged.nest;
    let cell = Cell::new(nest);
    let cut = cut(arranged, &cell);
    let flat = cut.places < LONG;
    let mut s = String::new();
    place(arranged, &cell, &cut, flat, &mut s);
    fold(arranged, &cell, &cut, parts, &mut s);
    if cut.rows > 1 {
        tree(&cell, &cut, &mut s);
    }
    finish(arranged, &cell, &cut, parts, &mut s);
    let grid = if flat { cut.blocks } else { cut.blocks * cut.outer };
    let f = cell.parameters(Function::new("column", cut.threads()), true);
    f.launch(&s, [grid, parts, 1], 0)
}

/// The column of the thread and its indices of kept axes.
fn place(arranged: &Arranged, cell: &Cell, cut: &Cut, flat: bool, s: &mut String) {
    let axes = &arranged.nest.axes;
    let first_trailing = axes.len() - arranged.trailing;
    if flat {
        line(s, "  ", &format!("const u32 flat = blockIdx.x * {BLOCK} + threadIdx.x;"));
        line(s, "  ", &format!("const u32 column = flat % {}u, outer = flat / {}u;", cut.columns, cut.columns));
        line(s, "  ", &format!("const bool mine = outer < {};", cut.outer));
        line(s, "  ", "const u32 row = 0;");
    } else {
        line(s, "  ", &format!("const u32 row = threadIdx.x / {}u;", cut.across));
        line(s, "  ", &format!("const u32 column = blockIdx.x % {}u * {} + threadIdx.x % {}u;", cut.blocks, cut.across, cut.across));
        line(s, "  ", &format!("const u32 outer = blockIdx.x / {}u;", cut.blocks));
        line(s, "  ", &format!("const bool mine = column < {} && row < {};", cut.columns, cut.rows));
    }
    let outer: Vec<usize> = (0..first_trailing).filter(|a| !axes[*a].reduced).collect();
    let trailing: Vec<usize> = (first_trailing..axes.len()).collect();
    cell.decompose(s, "  ", "outer", &outer);
    cell.decompose(s, "  ", "column", &trailing);
}

fn fold(arranged: &Arranged, cell: &Cell, cut: &Cut, parts: usize, s: &mut String) {
    let nest = &arranged.nest;
    for n in 0..nest.stores.len() {
        let dtype = cell.stored_type(n);
        line(s, "  ", &format!("{} y{n}[{}];", held(dtype), cell.width));
        line(s, "  ", "#pragma unroll");
        line(s, "  ", &format!("for (int v = 0; v < {}; v++) y{n}[v] = {};", cell.width, identity(nest.fold, dtype)));
    }
    let chunk = chunk(cut, parts);
    line(s, "  ", &format!("const u32 begin = blockIdx.y * {chunk}, end = min({}u, begin + {chunk});", cut.places));
    line(s, "  ", "if (mine) {");
    line(s, "    ", &format!("#pragma unroll {}", unroll(nest)));
    line(s, "    ", &format!("for (u32 place = begin + row; place < end; place += {}) {{", cut.rows));
    let folded_axes: Vec<usize> = (0..nest.axes.len() - arranged.trailing).filter(|a| nest.axes[*a].reduced).collect();
    cell.decompose(s, "      ", "place", &folded_axes);
    cell.declare(s, "      ", None, &unstaged);
    cell.load(s, "      ", "", &unstaged);
    cell.evaluate(s, "      ", "", &unstaged);
    for (n, store) in nest.stores.iter().enumerate() {
        line(s, "        ", &format!("y{n}[v] = {};", folded(nest.fold, &format!("y{n}[v]"), &format!("e{}", store.value.0))));
    }
    line(s, "      ", "}\n    }\n  }");
}

/// Folds the rows of a block, half of them at a time.
fn tree(cell: &Cell, cut: &Cut, s: &mut String) {
    let (threads, width) = (cut.threads(), cell.width);
    let each = |s: &mut String, indent: &str, text: &str| {
        line(s, indent, "#pragma unroll");
        line(s, indent, &format!("for (int v = 0; v < {width}; v++) {text}"));
    };
    let stores = cell.nest.stores.len();
    for n in 0..stores {
        line(s, "  ", &format!("__shared__ {} shared{n}[{}];", held(cell.stored_type(n)), threads * width));
        each(s, "  ", &format!("shared{n}[v * {threads} + threadIdx.x] = y{n}[v];"));
    }
    line(s, "  ", "__syncthreads();");
    line(s, "  ", "#pragma unroll");
    line(s, "  ", &format!("for (int rows = {}; rows > 1; rows = (rows + 1) / 2) {{", cut.rows));
    line(s, "    ", "const int half = (rows + 1) / 2;");
    line(s, "    ", "if (row + half < rows) {");
    for n in 0..stores {
        let other = format!("shared{n}[v * {threads} + threadIdx.x + half * {}]", cut.across);
        let text = folded(cell.nest.fold, &format!("y{n}[v]"), &other);
        each(s, "      ", &format!("shared{n}[v * {threads} + threadIdx.x] = y{n}[v] = {text};"));
    }
    line(s, "    ", "}");
    line(s, "    ", "__syncthreads();");
    line(s, "  ", "}");
}

fn finish(arranged: &Arranged, cell: &Cell, cut: &Cut, parts: usize, s: &mut String) {
    line(s, "  ", "if (mine && row == 0) {");
    if parts > 1 {
        shift(arranged, cut.outer * cut.columns * cell.width, s);
    }
    cell.store(s, "    ");
    line(s, "  ", "}");
}

/// Moves the first addresses to the part of this block.
pub fn shift(arranged: &Arranged, results: usize, s: &mut String) {
    let mut buffers: Vec<usize> = arranged.nest.stores.iter().map(|s| s.buffer).collect();
    buffers.dedup();
    for b in buffers {
        line(s, "    ", &format!("b{b} += (long long)blockIdx.y * {results};"));
    }
}
