//! Writes the body of a nest at `width` neighbouring places along its last axis: loads, as wide as alignment allows,
//! operations, stores. The index of axis a is the variable `ia`.

use super::scalar::{self, Operand, register};
use crate::function::Function;
use pfm_ir::DType;
use pfm_plan::nest::Nest;
use pfm_plan::{Access, Expr};
use std::fmt::Write;

pub struct Cell<'n> {
    pub nest: &'n Nest,
    /// Neighbours along the last axis that one thread takes; divides its size unless the caller guards the rest.
    pub width: usize,
    /// Positions need 64 bits.
    pub long: bool,
}

/// How the value of a load is had: from memory, or by another expression of one place.
pub type Staged<'s> = &'s dyn Fn(usize) -> Option<String>;

/// No load is staged.
pub fn unstaged(_: usize) -> Option<String> {
    None
}

impl<'n> Cell<'n> {
    /// The widest cell that the last axis allows.
    pub fn new(nest: &'n Nest) -> Cell<'n> {
        let size = nest.axes[nest.axes.len() - 1].size;
        let mut width = wish(nest);
        while !size.is_multiple_of(width) {
            width /= 2;
        }
        Cell::of_width(nest, width)
    }

    pub fn of_width(nest: &'n Nest, width: usize) -> Cell<'n> {
        Cell { nest, width, long: is_long(nest) }
    }

    fn lane(&self) -> usize {
        self.nest.axes.len() - 1
    }

    /// The type of an index.
    pub fn index(&self) -> &'static str {
        if self.long { "long long" } else { "int" }
    }

    /// Declares a parameter `bN` for each buffer. `apart`: no two of them share memory unless they are the same.
    pub fn parameters(&self, mut f: Function, apart: bool) -> Function {
        let stores = self.nest.stores.iter().map(|s| (s.buffer, self.nest.body[s.value.0 as usize].dtype()));
        let stores: Vec<(usize, DType)> = stores.collect();
        let loads = self.nest.body.iter().filter_map(|e| match e {
            Expr::Load { buffer, dtype, .. } => Some((*buffer, *dtype)),
            _ => None,
        });
        let mut all: Vec<(usize, DType)> = loads.chain(stores.iter().copied()).collect();
        all.sort();
        all.dedup();
        for (buffer, dtype) in all {
            let written = stores.iter().any(|s| s.0 == buffer);
            f = f.memory(&format!("b{buffer}"), dtype, buffer, written, apart);
        }
        f
    }

    /// Declares the index of each of the `axes` from the number `from`, the last axis fastest; the lane axis counts in widths.
    pub fn decompose(&self, s: &mut String, indent: &str, from: &str, axes: &[usize]) {
        let kind = self.index();
        let unsigned = if self.long { "unsigned long long" } else { "u32" };
        if axes.is_empty() {
            return;
        }
        line(s, indent, &format!("{unsigned} rest_{from} = {from};"));
        for (n, &axis) in axes.iter().enumerate().rev() {
            let lane = axis == self.lane();
            let size = if lane { self.nest.axes[axis].size.div_ceil(self.width) } else { self.nest.axes[axis].size };
            let value = if n == 0 { format!("rest_{from}") } else { format!("rest_{from} % {size}u") };
            let scaled = if lane && self.width > 1 { format!("({kind})({value}) * {}", self.width) } else { format!("({kind})({value})") };
            line(s, indent, &format!("const {kind} i{axis} = {scaled};"));
            if n > 0 {
                line(s, indent, &format!("rest_{from} /= {size}u;"));
            }
        }
    }

    /// Whether the loads of an expression differ along the lane axis, so that they are kept as an array.
    fn is_run(&self, access: &Access) -> bool {
        access.strides[self.lane()] != 0
    }

    /// Declares what `load` fills: `xE`, with a first index when a thread takes several cells.
    pub fn declare(&self, s: &mut String, indent: &str, several: Option<usize>, staged: Staged) {
        for (e, access, dtype) in self.loads(staged) {
            let cells = several.map_or(String::new(), |n| format!("[{n}]"));
            let lanes = if self.is_run(access) { format!("[{}]", self.width) } else { String::new() };
            line(s, indent, &format!("{} x{e}{cells}{lanes};", held(dtype)));
        }
    }

    fn loads(&self, staged: Staged) -> Vec<(usize, &'n Access, DType)> {
        let each = self.nest.body.iter().enumerate().filter_map(|(e, expr)| match expr {
            Expr::Load { access, dtype, .. } if staged(e).is_none() => Some((e, access, *dtype)),
            _ => None,
        });
        each.collect()
    }

    /// Reads memory. `cell` is the index of the cell among several, such as `[u]`.
    pub fn load(&self, s: &mut String, indent: &str, cell: &str, staged: Staged) {
        for (e, access, dtype) in self.loads(staged) {
            let Expr::Load { buffer, .. } = &self.nest.body[e] else { panic!("a load is a load") };
            let at = self.position(access);
            let read = if dtype.is_float() { "as_float" } else { "" };
            let text = if !self.is_run(access) {
                format!("x{e}{cell} = {read}(b{buffer}[{at}]);")
            } else if access.strides[self.lane()] == 1 {
                format!("load_run<{}, {}>(x{e}{cell}, b{buffer} + ({at}));", self.width, self.alignment(access, dtype))
            } else {
                let stride = access.strides[self.lane()];
                format!("for (int v = 0; v < {}; v++) x{e}{cell}[v] = {read}(b{buffer}[{at} + v * ({stride})]);", self.width)
            };
            if text.starts_with("for") {
                line(s, indent, "#pragma unroll");
            }
            line(s, indent, &text);
        }
    }

    /// Opens a loop over the neighbours, variable `v`, and evaluates the body in it: expression E becomes `eE`.
    pub fn evaluate(&self, s: &mut String, indent: &str, cell: &str, staged: Staged) {
        line(s, indent, "#pragma unroll");
        line(s, indent, &format!("for (int v = 0; v < {}; v++) {{", self.width));
        let inner = format!("{indent}  ");
        for (e, expr) in self.nest.body.iter().enumerate() {
            let dtype = expr.dtype();
            let value = match expr {
                Expr::Constant { value, .. } => scalar::constant(*value, dtype),
                Expr::Load { access, .. } => {
                    let lane = if self.is_run(access) { "[v]" } else { "" };
                    staged(e).unwrap_or_else(|| format!("x{e}{cell}{lane}")) + if dtype == DType::Bool { " != 0" } else { "" }
                }
                Expr::Index { access, .. } => {
                    let lane = match access.strides[self.lane()] {
                        0 => String::new(),
                        stride => format!(" + v * ({stride})"),
                    };
                    format!("({})({}{lane})", register(dtype), self.position(access))
                }
                Expr::Apply { scalar, args, .. } => {
                    scalar::apply(*scalar, dtype, &args.iter().map(|a| self.operand(a.0)).collect::<Vec<_>>())
                }
            };
            line(s, &inner, &format!("const {} e{e} = {value};", register(dtype)));
        }
    }

    fn operand(&self, e: u32) -> Operand {
        let expr = &self.nest.body[e as usize];
        let constant = match expr {
            Expr::Constant { value, .. } => Some(*value),
            _ => None,
        };
        Operand { name: format!("e{e}"), dtype: expr.dtype(), constant }
    }

    /// Writes `yS[v]` of every store to memory.
    pub fn store(&self, s: &mut String, indent: &str) {
        for (n, store) in self.nest.stores.iter().enumerate() {
            let dtype = self.stored_type(n);
            let at = self.position(&store.access);
            match store.access.strides[self.lane()] {
                1 => line(
                    s,
                    indent,
                    &format!("store_run<{}, {}>(b{} + ({at}), y{n});", self.width, self.alignment(&store.access, dtype), store.buffer),
                ),
                stride => {
                    line(s, indent, "#pragma unroll");
                    line(
                        s,
                        indent,
                        &format!("for (int v = 0; v < {}; v++) put(b{} + ({at} + v * ({stride})), y{n}[v]);", self.width, store.buffer),
                    );
                }
            }
        }
    }

    pub fn stored_type(&self, store: usize) -> DType {
        self.nest.body[self.nest.stores[store].value.0 as usize].dtype()
    }

    /// Declares `yS` and nothing in it.
    pub fn declare_results(&self, s: &mut String, indent: &str) {
        for n in 0..self.nest.stores.len() {
            line(s, indent, &format!("{} y{n}[{}];", held(self.stored_type(n)), self.width));
        }
    }

    /// The position of an access at the first of the neighbours.
    pub fn position(&self, access: &Access) -> String {
        let mut text = String::new();
        for (axis, &stride) in access.strides.iter().enumerate() {
            let term = match stride {
                0 => continue,
                1 => format!("i{axis}"),
                _ if self.long => format!("i{axis} * ({stride}LL)"),
                _ => format!("i{axis} * ({stride})"),
            };
            text += &format!("{}{term}", if text.is_empty() { "" } else { " + " });
        }
        if access.offset != 0 || text.is_empty() {
            text += &format!("{}{}", if text.is_empty() { "" } else { " + " }, access.offset);
        }
        text
    }

    /// Elements that may be accessed at once: a power of two that divides every position, 16 bytes at most.
    fn alignment(&self, access: &Access, dtype: DType) -> usize {
        let mut n = self.width.min(16 / dtype.size());
        let lane = self.lane();
        let outer = access.strides[..lane].iter().chain([&access.offset]);
        let outer: Vec<i64> = outer.copied().collect();
        while outer.iter().any(|x| x % n as i64 != 0) {
            n /= 2;
        }
        n
    }
}

/// The C++ type that holds loaded and stored values: booleans are words in memory and on the way.
pub fn held(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "int",
        other => register(other),
    }
}

/// Neighbours that make 16 bytes of the narrowest contiguous access.
pub fn wish(nest: &Nest) -> usize {
    let lane = nest.axes.len() - 1;
    let loads = nest.body.iter().filter_map(|e| match e {
        Expr::Load { access, dtype, .. } => Some((access.strides[lane], *dtype)),
        _ => None,
    });
    let stores = nest.stores.iter().map(|s| (s.access.strides[lane], nest.body[s.value.0 as usize].dtype()));
    let runs = loads.chain(stores).filter(|x| x.0 == 1);
    runs.map(|x| 16 / x.1.size()).max().unwrap_or(1)
}

fn is_long(nest: &Nest) -> bool {
    let reach = |access: &Access| {
        let steps = access.strides.iter().zip(&nest.axes).map(|(stride, axis)| stride.abs() * axis.size as i64);
        access.offset.abs() + steps.sum::<i64>()
    };
    let loads = nest.body.iter().filter_map(|e| match e {
        Expr::Load { access, .. } | Expr::Index { access, .. } => Some(access),
        _ => None,
    });
    let most = loads.chain(nest.stores.iter().map(|s| &s.access)).map(reach).max().unwrap_or(0);
    // Leaves room for the places beyond the end that the last block computes and does not use.
    most.max(nest.elements() as i64) >= i64::from(i32::MAX) - (1 << 20)
}

pub fn line(s: &mut String, indent: &str, text: &str) {
    writeln!(s, "{indent}{text}").expect("writing to a string");
}
