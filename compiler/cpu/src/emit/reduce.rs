//! Sums and maxima. Along a reduced lane axis several vector accumulators run side by side and are added in a fixed tree;
//! along a kept one a block of accumulators covers neighbouring results while the reduced axes go by, so that memory is
//! read in order. The order of additions depends on the shape alone.

use super::evaluate::{At, Known, Shape};
use super::lanes::{Binary, Lanes};
use super::vector::Vectors;
use cranelift_codegen::ir::types::{F32X4, I32X4};
use cranelift_codegen::ir::{InstBuilder, Value};
use pfm_ir::DType;
use pfm_plan::Fold;
use pfm_plan::nest::Nest;

/// Axes come as kept ones, reduced ones, then the lane axis of either kind. `range` is that of axis 0 when that is a kept
/// axis other than the lanes; without such an axis the whole reduction is one task.
pub fn emit_reduce(v: &mut Vectors, nest: &Nest, table: Value, range: (Value, Value)) {
    let shape = Shape::new(nest);
    let at = shape.start(v, table);
    let kept = nest.axes[..shape.lane].iter().take_while(|a| !a.reduced).count();
    let reducer = Reducer { shape: &shape, kept, fold: nest.fold.expect("a reduction folds") };
    if kept == 0 {
        reducer.results(v, &at);
    } else {
        reducer.level(v, &at, 0, range);
    }
}

struct Reducer<'a, 'n> {
    shape: &'a Shape<'n>,
    /// Outer kept axes: 0 .. kept; reduced ones: kept .. lane.
    kept: usize,
    fold: Fold,
}

/// What stands inside the reduced loops: from accumulators to accumulators.
type Inner<'a> = &'a mut dyn FnMut(&mut Vectors, &At, &[Value]) -> Vec<Value>;

/// Start of some lanes relative to the block, and how many count.
type Point = (i64, usize);

impl Reducer<'_, '_> {
    fn level(&self, v: &mut Vectors, at: &At, axis: usize, range: (Value, Value)) {
        v.repeat((range.0, range.1, 1), false, &[], &mut |v, index, _| {
            let at = self.shape.step(v, at, axis, index);
            if axis + 1 == self.kept {
                self.results(v, &at);
            } else {
                let inner = (v.i64(0), v.i64(self.shape.size(axis + 1) as i64));
                self.level(v, &at, axis + 1, inner);
            }
            vec![]
        });
    }

    /// All results below the outer kept axes.
    fn results(&self, v: &mut Vectors, at: &At) {
        if self.shape.nest.axes[self.shape.lane].reduced {
            self.row(v, at);
        } else {
            self.columns(v, at);
        }
    }

    fn stores(&self) -> usize {
        self.shape.nest.stores.len()
    }

    fn dtype(&self) -> DType {
        self.shape.stored_type(0)
    }

    /// Stores a result. Sums are made in f32, so those of bfloat16 are rounded here.
    fn store(&self, v: &mut Vectors, at: &At, store: usize, (j, lanes): (Value, usize), sum: Value) {
        let sum = if self.dtype() == DType::Bf16 { v.round_to_bf16(sum) } else { sum };
        self.shape.store(v, at, store, j, lanes, sum);
    }

    fn identity(&self, v: &mut Vectors) -> Value {
        match (self.fold, self.dtype()) {
            (Fold::Sum, DType::F32 | DType::Bf16) => v.float(0.0),
            (Fold::Max, DType::F32 | DType::Bf16) => v.float(f32::NEG_INFINITY),
            (Fold::Sum, _) => v.int(0),
            (Fold::Max, _) => v.int(i32::MIN),
        }
    }

    fn combine(&self, v: &mut Vectors, x: Value, y: Value) -> Value {
        match (self.fold, self.dtype()) {
            (Fold::Sum, DType::F32 | DType::Bf16) => v.add(x, y),
            (Fold::Max, DType::F32 | DType::Bf16) => v.max(x, y),
            (Fold::Sum, _) => v.int_add(x, y),
            (Fold::Max, _) => v.binary(Binary::IntMax, x, y),
        }
    }

    /// Loops over reduced axes `axis .. lane`, carrying the accumulators.
    fn over_reduced(&self, v: &mut Vectors, at: &At, axis: usize, carried: &[Value], inner: Inner, end: usize) -> Vec<Value> {
        if axis == end {
            return inner(v, at, carried);
        }
        let (start, stop) = (v.i64(0), v.i64(self.shape.size(axis) as i64));
        v.repeat((start, stop, 1), false, carried, &mut |v, index, held| {
            let at = self.shape.step(v, at, axis, index);
            self.over_reduced(v, &at, axis + 1, held, inner, end)
        })
    }

    /// Adds the body at some points to their accumulators.
    fn add_points(&self, v: &mut Vectors, at: &At, j: Value, points: &[Point], known: &[Known], sums: &[Value]) -> Vec<Value> {
        let mut next = sums.to_vec();
        for (p, (offset, lanes)) in points.iter().enumerate() {
            let j = v.b.ins().iadd_imm_s(j, *offset);
            let mut known = known[p].clone();
            self.shape.evaluate(v, at, j, *lanes, |_| true, &mut known);
            for (s, store) in self.shape.nest.stores.iter().enumerate() {
                let mut x = known[store.value.0 as usize].expect("the body is evaluated");
                if self.shape.nest.axes[self.shape.lane].reduced && *lanes < 4 {
                    x = self.mask(v, x, *lanes);
                }
                let a = p * self.stores() + s;
                next[a] = self.combine(v, next[a], x);
            }
        }
        next
    }

    /// Lanes beyond the count become the identity.
    fn mask(&self, v: &mut Vectors, x: Value, lanes: usize) -> Value {
        let words = [0, 1, 2, 3].map(|k| if k < lanes { u32::MAX } else { 0 });
        let mask = v.words(words, I32X4);
        let identity = self.identity(v);
        v.select(mask, x, identity)
    }

    /// What is known before a loop along `axis`.
    fn before(&self, v: &mut Vectors, at: &At, j: Value, lanes: usize, axis: usize) -> Known {
        let varies = self.shape.varies(axis);
        let mut known = self.shape.nothing_known();
        self.shape.evaluate(v, at, j, lanes, |e| !varies[e], &mut known);
        for (e, value) in known.iter_mut().enumerate() {
            if !self.shape.keep(e) {
                *value = None;
            }
        }
        known
    }

    /// How many points are evaluated side by side.
    fn width(&self, most: usize, available: usize) -> usize {
        let weight = self.shape.nest.weight() * self.stores();
        (48 / weight.max(1)).clamp(1, most).min(available.max(1))
    }

    /// One result from a reduced lane axis.
    fn row(&self, v: &mut Vectors, at: &At) {
        let size = self.shape.size(self.shape.lane);
        let vectors = size / 4;
        let width = self.width(4, vectors);
        let identity = self.identity(v);
        let zero = vec![identity; width * self.stores()];
        let sums = self.over_reduced(v, at, self.kept, &zero, &mut |v, at, sums| self.row_once(v, at, sums, width, size), self.shape.lane);
        let zero = v.i64(0);
        for s in 0..self.stores() {
            let parts: Vec<Value> = (0..width).map(|p| sums[p * self.stores() + s]).collect();
            let sum = self.fold_lanes(v, parts);
            self.store(v, at, s, (zero, 1), sum);
        }
    }

    /// One pass along the lane axis.
    fn row_once(&self, v: &mut Vectors, at: &At, sums: &[Value], width: usize, size: usize) -> Vec<Value> {
        let vectors = size / 4;
        let full = vectors / width * width;
        let zero = v.i64(0);
        let known = self.before(v, at, zero, 4, self.shape.lane);
        let known = vec![known; width];
        let mut sums = sums.to_vec();
        let points: Vec<Point> = (0..width as i64).map(|p| (4 * p, 4)).collect();
        if full > 0 {
            let end = v.i64(4 * full as i64);
            sums =
                v.repeat((zero, end, 4 * width as i64), false, &sums, &mut |v, j, held| self.add_points(v, at, j, &points, &known, held));
        }
        let mut rest: Vec<Point> = (full..vectors).map(|p| (4 * (p - full) as i64, 4)).collect();
        if !size.is_multiple_of(4) {
            rest.push((4 * (vectors - full) as i64, size % 4));
        }
        let j = v.i64(4 * full as i64);
        for chunk in rest.chunks(width) {
            sums = self.add_points(v, at, j, chunk, &known, &sums);
        }
        sums
    }

    /// Accumulators to one, then its lanes to the first.
    fn fold_lanes(&self, v: &mut Vectors, mut parts: Vec<Value>) -> Value {
        while parts.len() > 1 {
            let half = parts.len().div_ceil(2);
            for p in half..parts.len() {
                parts[p - half] = self.combine(v, parts[p - half], parts[p]);
            }
            parts.truncate(half);
        }
        let ty = if self.dtype().is_float() { F32X4 } else { I32X4 };
        let all = parts[0];
        let lanes: Vec<Value> = (0..4u8)
            .map(|k| {
                let lane = v.b.ins().extractlane(all, k);
                v.b.ins().splat(ty, lane)
            })
            .collect();
        let left = self.combine(v, lanes[0], lanes[2]);
        let right = self.combine(v, lanes[1], lanes[3]);
        self.combine(v, left, right)
    }

    /// Results along a kept lane axis: full blocks in a loop, then what remains.
    fn columns(&self, v: &mut Vectors, at: &At) {
        let size = self.shape.size(self.shape.lane);
        let vectors = size / 4;
        let width = self.width(8, vectors);
        let blocks = vectors / width;
        let points: Vec<Point> = (0..width as i64).map(|p| (4 * p, 4)).collect();
        if blocks > 0 {
            let (start, end) = (v.i64(0), v.i64((4 * width * blocks) as i64));
            v.repeat((start, end, 4 * width as i64), false, &[], &mut |v, j, _| {
                self.block(v, at, j, &points);
                vec![]
            });
        }
        let done = blocks * width;
        let mut rest: Vec<Point> = (done..vectors).map(|p| (4 * (p - done) as i64, 4)).collect();
        if !size.is_multiple_of(4) {
            rest.push((4 * (vectors - done) as i64, size % 4));
        }
        if !rest.is_empty() {
            let j = v.i64(4 * done as i64);
            self.block(v, at, j, &rest);
        }
    }

    /// One block of neighbouring results.
    fn block(&self, v: &mut Vectors, at: &At, j: Value, points: &[Point]) {
        let identity = self.identity(v);
        let zero = vec![identity; points.len() * self.stores()];
        let last = self.shape.lane - 1;
        let sums = self.over_reduced(
            v,
            at,
            self.kept,
            &zero,
            &mut |v, at, sums| {
                let known: Vec<Known> = points
                    .iter()
                    .map(|(offset, lanes)| {
                        let j = v.b.ins().iadd_imm_s(j, *offset);
                        self.before(v, at, j, *lanes, last)
                    })
                    .collect();
                let (start, end) = (v.i64(0), v.i64(self.shape.size(last) as i64));
                v.repeat((start, end, 1), false, sums, &mut |v, index, held| {
                    let at = self.shape.step(v, at, last, index);
                    self.add_points(v, &at, j, points, &known, held)
                })
            },
            last,
        );
        for (p, (offset, lanes)) in points.iter().enumerate() {
            let j = v.b.ins().iadd_imm_s(j, *offset);
            for s in 0..self.stores() {
                self.store(v, at, s, (j, *lanes), sums[p * self.stores() + s]);
            }
        }
    }
}
