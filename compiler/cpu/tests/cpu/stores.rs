//! Outputs stored into inputs: in place where that is safe, by a last copy where it is not, and always with the values
//! that the graph means.

use crate::support::{Compiled, Random, build, values};
use pfm_ir::{Builder, Role, TensorType, ValueId};
use pfm_ops as ops;
use pfm_plan::Place;

fn parameter(b: &mut Builder, name: &str, shape: &[usize]) -> ValueId {
    b.input(name, Role::Parameter { trainable: true }, TensorType::f32(shape))
}

fn check(c: &Compiled) {
    let mut random = Random::new(3);
    let types: Vec<TensorType> = c.graph.inputs.iter().map(|i| c.graph.ty(i.value).clone()).collect();
    let inputs: Vec<_> = types.iter().map(|t| values(t, 0.1, 1.0, &mut random)).collect();
    c.check(&inputs, 1e-5, &c.graph.name);
}

/// Arena buffers that groups use: none means that all was in place.
fn arena(c: &Compiled) -> usize {
    c.plan.arena_bytes
}

#[test]
fn an_update_is_in_place() {
    let mut b = Builder::new("update");
    let (w, g, m) = (parameter(&mut b, "w", &[50, 3]), parameter(&mut b, "g", &[50, 3]), parameter(&mut b, "m", &[50, 3]));
    let old = ops::scale(&mut b, m, 0.9);
    let new = ops::scale(&mut b, g, 0.1);
    let m2 = ops::add(&mut b, old, new);
    let step = ops::scale(&mut b, m2, 0.01);
    let w2 = ops::sub(&mut b, w, step);
    let zero = ops::constant(&mut b, 0.0, &[50, 3]);
    b.store("w", w2, "w");
    b.store("m", m2, "m");
    b.store("g", zero, "g");
    let c = build(&b.graph);
    assert_eq!(arena(&c), 0, "{}", pfm_plan::print(&c.plan));
    check(&c);
}

/// The zeros that gradients start from again are written by the loops that read them last, though they are one value of the graph.
#[test]
fn constants_are_written_by_the_last_reader() {
    let mut b = Builder::new("clip");
    let names = ["0", "1", "2"];
    let w: Vec<ValueId> = names.iter().map(|n| parameter(&mut b, &format!("w{n}"), &[40, 3])).collect();
    let g: Vec<ValueId> = names.iter().map(|n| parameter(&mut b, &format!("g{n}"), &[40, 3])).collect();
    let squares: Vec<ValueId> = g.iter().map(|g| ops::mul(&mut b, *g, *g)).collect();
    let sums: Vec<ValueId> = squares.iter().map(|s| ops::reduce_sum(&mut b, *s, &[0, 1])).collect();
    let norm = sums.into_iter().reduce(|x, y| ops::add(&mut b, x, y)).expect("there are three");
    let norm = ops::add_scalar(&mut b, norm, 1.0);
    let wide = ops::broadcast(&mut b, norm, &[40, 3], &[]);
    let zero = ops::constant(&mut b, 0.0, &[40, 3]);
    for (i, n) in names.iter().enumerate() {
        let step = ops::div(&mut b, g[i], wide);
        let new = ops::sub(&mut b, w[i], step);
        b.store(&format!("w{n}"), new, &format!("w{n}"));
        b.store(&format!("g{n}"), zero, &format!("g{n}"));
    }
    // Nobody reads this one in a loop over its own index.
    let turned = parameter(&mut b, "turned", &[3, 40]);
    let back = ops::permute(&mut b, turned, &[1, 0]);
    let half = ops::scale(&mut b, back, 0.5);
    b.output("half", half);
    let two = ops::constant(&mut b, 2.0, &[3, 40]);
    b.store("turned", two, "turned");
    let c = build(&b.graph);
    let loops: Vec<_> = c.plan.groups.iter().filter(|g| matches!(g.work, pfm_plan::Work::Loop(_))).collect();
    let text = pfm_plan::print(&c.plan);
    assert_eq!(loops.iter().filter(|g| g.work.stores().len() == 2).count(), 3, "{text}");
    assert_eq!(loops.iter().filter(|g| g.reads().is_empty()).count(), 1, "{text}");
    check(&c);
}

#[test]
fn a_gradient_accumulates_in_place() {
    let mut b = Builder::new("accumulate");
    let (x, w, g) = (parameter(&mut b, "x", &[20, 4]), parameter(&mut b, "w", &[4]), parameter(&mut b, "g", &[4]));
    let wide = ops::broadcast(&mut b, w, &[20, 4], &[1]);
    let y = ops::mul(&mut b, x, wide);
    let s = ops::reduce_sum(&mut b, y, &[0]);
    let g2 = ops::add(&mut b, g, s);
    b.store("g", g2, "g");
    check(&build(&b.graph));
}

#[test]
fn shifted_reads_are_not_overwritten() {
    let mut b = Builder::new("shift");
    let x = parameter(&mut b, "x", &[64]);
    let r = ops::flip(&mut b, x, &[0]);
    let y = ops::add(&mut b, x, r);
    b.store("x", y, "x");
    check(&build(&b.graph));
}

#[test]
fn inputs_can_be_exchanged() {
    let mut b = Builder::new("exchange");
    let (x, y) = (parameter(&mut b, "x", &[10]), parameter(&mut b, "y", &[10]));
    b.store("x", y, "x");
    b.store("y", x, "y");
    check(&build(&b.graph));
}

#[test]
fn exchanges_with_arithmetic() {
    let mut b = Builder::new("rotate");
    let (x, y, z) = (parameter(&mut b, "x", &[10]), parameter(&mut b, "y", &[10]), parameter(&mut b, "z", &[10]));
    let a = ops::scale(&mut b, y, 2.0);
    let c = ops::scale(&mut b, z, 3.0);
    b.store("x", a, "x");
    b.store("y", c, "y");
    b.store("z", x, "z");
    b.output("sum", x);
    check(&build(&b.graph));
}

#[test]
fn one_value_may_go_to_several_places() {
    let mut b = Builder::new("several");
    let (x, y) = (parameter(&mut b, "x", &[12]), parameter(&mut b, "y", &[12]));
    let s = ops::sin(&mut b, x);
    b.store("x", s, "x");
    b.store("y", s, "y");
    b.output("first", s);
    b.output("second", s);
    let flat = ops::reshape(&mut b, s, &[3, 4]);
    b.output("third", flat);
    b.output("old", y);
    check(&build(&b.graph));
}

#[test]
fn readers_come_before_the_store() {
    let mut b = Builder::new("order");
    let x = parameter(&mut b, "x", &[8, 8]);
    let y = ops::cos(&mut b, x);
    b.store("x", y, "x");
    let t = ops::permute(&mut b, x, &[1, 0]);
    let t = ops::exp(&mut b, t);
    let s = ops::reduce_sum(&mut b, t, &[0]);
    b.output("s", s);
    let c = build(&b.graph);
    let placed = c.plan.buffers.iter().filter(|b| matches!(b.place, Place::Input(0))).count();
    assert_eq!(placed, 2, "{}", pfm_plan::print(&c.plan));
    check(&c);
}
