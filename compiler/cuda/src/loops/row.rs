//! Folds where memory is contiguous along a folded axis: a few threads share a result, each folding every so many cells, and
//! exchange what they found by shuffles; a whole block, and parts of it, where results are few.

use super::cell::{Cell, held, line, unstaged};
use super::column::shift;
use super::reduce::{Arranged, BUSY, folded, identity, unroll};
use crate::Launch;
use crate::function::Function;

const BLOCK: usize = 256;
const WARP: usize = 32;
/// Results from which on a few threads for each fill the device.
const PLENTY: usize = 1 << 16;

struct Cut {
    /// Threads of a result.
    team: usize,
    results: usize,
    /// Cells of a result.
    places: usize,
}

fn cut(arranged: &Arranged, cell: &Cell) -> Cut {
    let axes = &arranged.nest.axes;
    let results: usize = axes.iter().filter(|a| !a.reduced).map(|a| a.size).product();
    let places = axes.iter().filter(|a| a.reduced).map(|a| a.size).product::<usize>() / cell.width;
    let few = results < BUSY || places >= 4 * BLOCK;
    let team = if few && places >= BLOCK { BLOCK } else { team(places, results) };
    Cut { team, results, places }
}

/// Threads of a result whose cells are few: as many as leave the fewest idle in the last round, but enough to read whole sectors and
/// to fill the device.
fn team(places: usize, results: usize) -> usize {
    let most = places.next_power_of_two().min(WARP);
    let least = if results >= PLENTY { most.min(4) } else { most };
    let slots = |team: usize| places.div_ceil(team) * team;
    let sizes = (0..6).map(|n| 1 << n).filter(|t| (least..=most).contains(t));
    sizes.min_by_key(|t| (slots(*t), WARP - t)).unwrap_or(most)
}

pub fn parts(arranged: &Arranged) -> usize {
    let cut = cut(arranged, &Cell::new(&arranged.nest));
    if cut.team < BLOCK {
        return 1;
    }
    let wanted = (BUSY / cut.results).min(cut.places / (BLOCK * 4)).max(1);
    cut.places.div_ceil(chunk(&cut, wanted))
}

fn chunk(cut: &Cut, parts: usize) -> usize {
    cut.places.div_ceil(parts).next_multiple_of(cut.team)
}

pub fn launch(arranged: &Arranged, parts: usize) -> Launch {
    let nest = &arranged.nest;
    let cell = Cell::new(nest);
    let cut = cut(arranged, &cell);
    let each = BLOCK / cut.team;
    let mut s = String::new();
    line(&mut s, "  ", &format!("const u32 member = threadIdx.x % {}u;", cut.team));
    line(&mut s, "  ", &format!("const u32 result = blockIdx.x * {each} + threadIdx.x / {}u;", cut.team));
    line(&mut s, "  ", &format!("const bool mine = result < {};", cut.results));
    let axes = |reduced: bool| -> Vec<usize> { (0..nest.axes.len()).filter(|a| nest.axes[*a].reduced == reduced).collect() };
    cell.decompose(&mut s, "  ", "result", &axes(false));
    fold(&cell, &cut, parts, &axes(true), &mut s);
    exchange(&cell, &cut, &mut s);
    finish(arranged, &cell, &cut, parts, &mut s);
    let f = cell.parameters(Function::new("row", BLOCK), true);
    f.launch(&s, [cut.results.div_ceil(each), parts, 1], 0)
}

fn fold(cell: &Cell, cut: &Cut, parts: usize, folded_axes: &[usize], s: &mut String) {
    let nest = cell.nest;
    for n in 0..nest.stores.len() {
        let dtype = cell.stored_type(n);
        line(s, "  ", &format!("{} y{n} = {};", held(dtype), identity(nest.fold, dtype)));
    }
    let chunk = chunk(cut, parts);
    line(s, "  ", &format!("const u32 begin = blockIdx.y * {chunk}, end = min({}u, begin + {chunk});", cut.places));
    line(s, "  ", "if (mine) {");
    line(s, "    ", &format!("#pragma unroll {}", unroll(nest)));
    line(s, "    ", &format!("for (u32 place = begin + member; place < end; place += {}) {{", cut.team));
    cell.decompose(s, "      ", "place", folded_axes);
    cell.declare(s, "      ", None, &unstaged);
    cell.load(s, "      ", "", &unstaged);
    cell.evaluate(s, "      ", "", &unstaged);
    for (n, store) in nest.stores.iter().enumerate() {
        line(s, "        ", &format!("y{n} = {};", folded(nest.fold, &format!("y{n}"), &format!("e{}", store.value.0))));
    }
    line(s, "      ", "}\n    }\n  }");
}

/// Folds over the threads of a result.
fn exchange(cell: &Cell, cut: &Cut, s: &mut String) {
    let fold = cell.nest.fold;
    let stores = cell.nest.stores.len();
    if cut.team > 1 {
        line(s, "  ", "#pragma unroll");
        line(s, "  ", &format!("for (int d = {}; d > 0; d /= 2) {{", cut.team.min(WARP) / 2));
        for n in 0..stores {
            let text = folded(fold, &format!("y{n}"), &format!("__shfl_xor_sync(0xffffffffu, y{n}, d)"));
            line(s, "    ", &format!("y{n} = {text};"));
        }
        line(s, "  ", "}");
    }
    if cut.team <= WARP {
        return;
    }
    let warps = cut.team / WARP;
    for n in 0..stores {
        line(s, "  ", &format!("__shared__ {} shared{n}[{warps}];", held(cell.stored_type(n))));
        line(s, "  ", &format!("if (threadIdx.x % {WARP} == 0) shared{n}[threadIdx.x / {WARP}] = y{n};"));
    }
    line(s, "  ", "__syncthreads();");
    for n in 0..stores {
        line(s, "  ", &format!("y{n} = shared{n}[0];"));
        line(s, "  ", "#pragma unroll");
        line(s, "  ", &format!("for (int w = 1; w < {warps}; w++) y{n} = {};", folded(fold, &format!("y{n}"), &format!("shared{n}[w]"))));
    }
}

fn finish(arranged: &Arranged, cell: &Cell, cut: &Cut, parts: usize, s: &mut String) {
    line(s, "  ", "if (mine && member == 0) {");
    if parts > 1 {
        shift(arranged, cut.results, s);
    }
    for (n, store) in cell.nest.stores.iter().enumerate() {
        line(s, "    ", &format!("put(b{} + ({}), y{n});", store.buffer, cell.position(&store.access)));
    }
    line(s, "  ", "}");
}
