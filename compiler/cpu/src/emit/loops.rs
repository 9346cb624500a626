//! A plain loop nest: outer axes one inside the other, vectors along the last. The range of the outermost axis
//! is a parameter, so that threads can share it.

use super::evaluate::{At, Shape};
use super::vector::Vectors;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value};
use pfm_plan::nest::Nest;

/// `range` is that of the outermost axis. When it is also the lane axis, `begin` is a multiple of four, and so is `end`
/// unless it is the size.
pub fn emit_loop(v: &mut Vectors, nest: &Nest, table: Value, range: (Value, Value)) {
    let shape = Shape::new(nest);
    let at = shape.start(v, table);
    if shape.lane == 0 {
        row_part(v, &shape, &at, range);
    } else {
        level(v, &shape, &at, 0, range);
    }
}

fn level(v: &mut Vectors, shape: &Shape, at: &At, axis: usize, range: (Value, Value)) {
    v.repeat((range.0, range.1, 1), false, &[], &mut |v, index, _| {
        let at = shape.step(v, at, axis, index);
        if axis + 1 == shape.lane {
            row(v, shape, &at);
        } else {
            let inner = (v.i64(0), v.i64(shape.size(axis + 1) as i64));
            level(v, shape, &at, axis + 1, inner);
        }
        vec![]
    });
}

/// The whole lane axis.
fn row(v: &mut Vectors, shape: &Shape, at: &At) {
    let size = shape.size(shape.lane);
    let full = size / 4 * 4;
    let row = Row::new(v, shape, at);
    if full == 4 {
        let zero = v.i64(0);
        row.point(v, zero, 4);
    } else if full > 0 {
        let (start, end) = (v.i64(0), v.i64(full as i64));
        row.vectors(v, start, end, false);
    }
    if full < size {
        let j = v.i64(full as i64);
        row.point(v, j, size - full);
    }
}

/// A part of a lane axis that is also the outermost.
fn row_part(v: &mut Vectors, shape: &Shape, at: &At, (begin, end): (Value, Value)) {
    let size = shape.size(0);
    let row = Row::new(v, shape, at);
    if size.is_multiple_of(4) {
        row.vectors(v, begin, end, false);
        return;
    }
    let full = v.b.ins().band_imm_s(end, !3);
    row.vectors(v, begin, full, true);
    let last = v.b.ins().icmp_imm_s(IntCC::Equal, end, size as i64);
    v.when(last, &mut |v| {
        let j = v.i64((size / 4 * 4) as i64);
        row.point(v, j, size % 4);
    });
}

/// The lane axis with what does not change along it.
struct Row<'a, 'n> {
    shape: &'a Shape<'n>,
    at: &'a At,
    known: Vec<Option<Value>>,
}

impl<'a, 'n> Row<'a, 'n> {
    fn new(v: &mut Vectors, shape: &'a Shape<'n>, at: &'a At) -> Self {
        let varies = shape.varies(shape.lane);
        let mut known = shape.nothing_known();
        let zero = v.i64(0);
        shape.evaluate(v, at, zero, 4, |e| !varies[e], &mut known);
        for (e, value) in known.iter_mut().enumerate() {
            if !shape.keep(e) {
                *value = None;
            }
        }
        Row { shape, at, known }
    }

    fn vectors(&self, v: &mut Vectors, start: Value, end: Value, guarded: bool) {
        v.repeat((start, end, 4), guarded, &[], &mut |v, j, _| {
            self.point(v, j, 4);
            vec![]
        });
    }

    fn point(&self, v: &mut Vectors, j: Value, lanes: usize) {
        let mut known = self.known.clone();
        self.shape.evaluate(v, self.at, j, lanes, |_| true, &mut known);
        for (i, store) in self.shape.nest.stores.iter().enumerate() {
            let value = known[store.value.0 as usize].expect("the body is evaluated");
            self.shape.store(v, self.at, i, j, lanes, value);
        }
    }
}
