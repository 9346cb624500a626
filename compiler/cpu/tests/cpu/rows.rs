//! Loops over rows of every length, with operands that change along the row, across rows, along both or not at all, in every element
//! type: the ends of rows, short rows and what is computed before a loop.

use crate::support::{Random, build_everywhere, values};
use pfm_ir::{Builder, DType, Role, TensorType, ValueId};
use pfm_ops as ops;

/// An operand of [rows, columns] that may be the same along either.
fn operand(b: &mut Builder, shape: &[usize; 2], along: [bool; 2], dtype: DType) -> ValueId {
    let axes: Vec<usize> = (0..2).filter(|a| along[*a]).collect();
    let own: Vec<usize> = axes.iter().map(|a| shape[*a]).collect();
    let name = format!("x{}", b.graph.inputs.len());
    let x = b.input(&name, Role::Data, TensorType::new(dtype, &own));
    ops::broadcast(b, x, shape, &axes)
}

/// Several results of one loop, in all element types.
fn graph(rows: usize, columns: usize) -> Builder {
    let mut b = Builder::new("rows");
    let shape = [rows, columns];
    let x = operand(&mut b, &shape, [true, true], DType::F32);
    let half = operand(&mut b, &shape, [true, true], DType::Bf16);
    let of_row = operand(&mut b, &shape, [true, false], DType::Bf16);
    let of_column = operand(&mut b, &shape, [false, true], DType::F32);
    let of_all = operand(&mut b, &shape, [false, false], DType::F32);
    let count = operand(&mut b, &shape, [true, true], DType::I32);
    let flag = operand(&mut b, &shape, [true, true], DType::Bool);

    let wide = ops::cast(&mut b, half, DType::F32);
    let row = ops::cast(&mut b, of_row, DType::F32);
    let gate = ops::sigmoid(&mut b, wide);
    let scale = ops::exp(&mut b, of_column);
    let shift = ops::tanh(&mut b, of_all);
    let product = ops::mul(&mut b, x, gate);
    let product = ops::mul(&mut b, product, scale);
    let sum = ops::add(&mut b, product, shift);
    let sum = ops::add(&mut b, sum, row);
    let log = ops::abs(&mut b, sum);
    let log = ops::add_scalar(&mut b, log, 1.0);
    let log = ops::log(&mut b, log);
    b.output("log", log);
    let narrow = ops::cast(&mut b, sum, DType::Bf16);
    b.output("narrow", narrow);
    let less = ops::less(&mut b, x, wide);
    let both = ops::and(&mut b, less, flag);
    b.output("both", both);
    let picked = ops::select(&mut b, both, x, row);
    let erf = ops::erf(&mut b, picked);
    b.output("erf", erf);
    let (i, j) = (ops::iota(&mut b, 0, &shape, DType::I32), ops::iota(&mut b, 1, &shape, DType::I32));
    let place = ops::mul(&mut b, i, count);
    let place = ops::sub(&mut b, place, j);
    b.output("place", place);
    let place = ops::cast(&mut b, place, DType::F32);
    let wave = ops::sin(&mut b, place);
    b.output("wave", wave);
    b
}

#[test]
fn rows_of_every_length() {
    let mut random = Random::new(7);
    let lengths = (1..=20).chain([31, 32, 33, 47, 48, 63, 64, 65, 79, 80, 81, 129]);
    for columns in lengths {
        for rows in [1, 3, 70] {
            let b = graph(rows, columns);
            let types = b.graph.inputs.iter().map(|i| b.graph.ty(i.value).clone());
            let inputs: Vec<_> = types.map(|ty| values(&ty, -2.0, 2.0, &mut random)).collect();
            for compiled in build_everywhere(&b.graph) {
                // One of the results is rounded to bf16.
                compiled.check(&inputs, 5e-3, &format!("[{rows}, {columns}]"));
            }
        }
    }
}

/// A row that tasks share: parts begin where they begin, and the last is partial.
#[test]
fn long_rows() {
    for columns in [1 << 12, (1 << 17) + 5, 300_007] {
        let mut b = Builder::new("row");
        let (x, y) = (b.input("x", Role::Data, TensorType::f32(&[columns])), b.input("y", Role::Data, TensorType::f32(&[columns])));
        let gate = ops::sigmoid(&mut b, x);
        let sum = ops::add(&mut b, gate, y);
        b.output("sum", sum);
        let mut random = Random::new(columns as u64);
        let inputs = [0, 1].map(|_| values(&TensorType::f32(&[columns]), -3.0, 3.0, &mut random));
        for compiled in build_everywhere(&b.graph) {
            compiled.check(&inputs, 1e-6, &format!("[{columns}]"));
        }
    }
}
