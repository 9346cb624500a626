//! A loop whose stores run along one axis and some of whose loads run along another: a block reads tiles of 32 by 32 along the
//! loads' axis into shared memory and writes along the stores', so that both touch whole cache lines.

use super::cell::{Cell, line};
use crate::Launch;
use crate::function::Function;
use pfm_plan::nest::Nest;
use pfm_plan::{Access, Expr};

const TILE: usize = 32;
const BLOCK: usize = 256;
/// Runs shorter than this are not worth a tile.
const SHORT: usize = 12;
/// Loads that step further than this along the lanes waste most of each cache line.
const FAR: i64 = 4;

/// The axis along which loads are contiguous that jump along the last axis; None where nothing is gained.
pub fn crossing(nest: &Nest) -> Option<usize> {
    let lane = nest.axes.len() - 1;
    if nest.axes[lane].size < SHORT {
        return None;
    }
    nest.body.iter().find_map(|e| match e {
        Expr::Load { access, .. } if access.strides[lane].abs() > FAR => {
            (0..lane).find(|a| access.strides[*a].abs() == 1 && nest.axes[*a].size >= SHORT)
        }
        _ => None,
    })
}

pub fn launch(nest: &mut Nest, axis: usize) -> Launch {
    let lane = nest.axes.len() - 1;
    nest.move_axis(axis, lane - 1);
    let across = lane - 1;
    let cell = Cell::of_width(nest, 1);
    let crosses = |access: &Access| access.strides[lane].abs() > FAR && access.strides[across].abs() == 1;
    let staged = |e: usize| match &nest.body[e] {
        Expr::Load { access, .. } if crosses(access) => Some(format!("tile{e}[column][row]")),
        _ => None,
    };
    let tiles = |axis: usize| nest.axes[axis].size.div_ceil(TILE);
    let outer: usize = nest.axes[..across].iter().map(|a| a.size).product();
    let mut s = String::new();
    frame(&cell, &mut s, tiles(lane), tiles(across));
    for e in 0..nest.body.len() {
        if staged(e).is_some() {
            read_tile(&cell, &mut s, e);
        }
    }
    line(&mut s, "  ", "__syncthreads();");
    write_tile(&cell, &mut s, &staged);
    let f = cell.parameters(Function::new("transpose", BLOCK), false);
    f.launch(&s, [outer * tiles(across) * tiles(lane), 1, 1], 0)
}

/// Which tile the block has, and which column and first row of it the thread.
fn frame(cell: &Cell, s: &mut String, lane_tiles: usize, across_tiles: usize) {
    let across = cell.nest.axes.len() - 2;
    let kind = cell.index();
    line(s, "  ", &format!("const {kind} lane_tile = blockIdx.x % {lane_tiles}u * {TILE};"));
    line(s, "  ", &format!("const {kind} across_tile = blockIdx.x / {lane_tiles}u % {across_tiles}u * {TILE};"));
    line(s, "  ", &format!("const u32 outer = blockIdx.x / {}u;", lane_tiles * across_tiles));
    let axes: Vec<usize> = (0..across).collect();
    cell.decompose(s, "  ", "outer", &axes);
    line(s, "  ", &format!("const int column = threadIdx.x % {TILE}, first_row = threadIdx.x / {TILE};"));
}

/// Rows of the tile are places along the lanes, columns along the loads' axis.
fn read_tile(cell: &Cell, s: &mut String, e: usize) {
    let Expr::Load { buffer, access, dtype } = &cell.nest.body[e] else { panic!("only loads are staged") };
    let kind = cell.index();
    let lane = cell.nest.axes.len() - 1;
    let across = lane - 1;
    line(s, "  ", &format!("__shared__ {} tile{e}[{TILE}][{}];", super::cell::held(*dtype), TILE + 1));
    line(s, "  ", "#pragma unroll");
    line(s, "  ", &format!("for (int row = first_row; row < {TILE}; row += {}) {{", BLOCK / TILE));
    line(s, "    ", &format!("const {kind} i{lane} = lane_tile + row, i{across} = across_tile + column;"));
    let read = if dtype.is_float() { "as_float" } else { "" };
    let inside = inside(cell);
    line(s, "    ", &format!("if ({inside}) tile{e}[row][column] = {read}(b{buffer}[{}]);", cell.position(access)));
    line(s, "  ", "}");
}

fn inside(cell: &Cell) -> String {
    let lane = cell.nest.axes.len() - 1;
    format!("i{lane} < {} && i{} < {}", cell.nest.axes[lane].size, lane - 1, cell.nest.axes[lane - 1].size)
}

fn write_tile(cell: &Cell, s: &mut String, staged: super::cell::Staged) {
    let lane = cell.nest.axes.len() - 1;
    let kind = cell.index();
    line(s, "  ", "#pragma unroll");
    line(s, "  ", &format!("for (int row = first_row; row < {TILE}; row += {}) {{", BLOCK / TILE));
    line(s, "    ", &format!("const {kind} i{lane} = lane_tile + column, i{} = across_tile + row;", lane - 1));
    line(s, "    ", &format!("if ({}) {{", inside(cell)));
    cell.declare(s, "      ", None, staged);
    cell.load(s, "      ", "", staged);
    cell.declare_results(s, "      ");
    cell.evaluate(s, "      ", "", staged);
    for (n, store) in cell.nest.stores.iter().enumerate() {
        line(s, "      ", &format!("  y{n}[v] = e{};", store.value.0));
    }
    line(s, "      ", "}");
    cell.store(s, "      ");
    line(s, "    ", "}\n  }");
}
