//! Plans of small graphs as text, and broken plans that the verifier must see.
//! With the environment variable PFM_BLESS set, the golden file is written instead of compared.

use pfm_ir::{Builder, Role, TensorType, ValueId};
use pfm_ops as ops;
use pfm_plan::{Access, Expr, Place, Plan, Work, plan, print, verify};

fn input(b: &mut Builder, name: &str, shape: &[usize]) -> ValueId {
    b.input(name, Role::Parameter { trainable: true }, TensorType::f32(shape))
}

/// Row-wise standardisation, a contraction, silu, and an accumulated sum stored in place.
fn graph() -> Builder {
    let mut b = Builder::new("small");
    let (x, w, g) = (input(&mut b, "x", &[6, 8]), input(&mut b, "w", &[8, 4]), input(&mut b, "g", &[4]));
    let sum = ops::reduce_sum(&mut b, x, &[1]);
    let mean = ops::scale(&mut b, sum, 0.125);
    let mean = ops::broadcast(&mut b, mean, &[6, 8], &[0]);
    let centred = ops::sub(&mut b, x, mean);
    let squares = ops::mul(&mut b, centred, centred);
    let variance = ops::reduce_sum(&mut b, squares, &[1]);
    let above = ops::add_scalar(&mut b, variance, 1e-5);
    let r = ops::rsqrt(&mut b, above);
    let r = ops::broadcast(&mut b, r, &[6, 8], &[0]);
    let n = ops::mul(&mut b, centred, r);
    let y = ops::contract(&mut b, n, w, &[0, 1], &[1, 2], &[0, 2]);
    let s = ops::sigmoid(&mut b, y);
    let silu = ops::mul(&mut b, y, s);
    let total = ops::reduce_sum(&mut b, silu, &[0]);
    let g2 = ops::add(&mut b, g, total);
    b.store("g", g2, "g");
    let turned = ops::permute(&mut b, silu, &[1, 0]);
    b.output("turned", turned);
    b
}

fn planned(b: &Builder) -> Plan {
    let plan = plan(&b.graph, &|_| 0);
    assert_eq!(verify(&plan), Vec::<String>::new(), "{}", print(&plan));
    plan
}

#[test]
fn a_small_plan_reads_as_expected() {
    let text = print(&planned(&graph()));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/small.plan");
    if std::env::var_os("PFM_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap());
}

/// The arena has no holes here, and what lives at the peak is all of it.
#[test]
fn the_peak_is_the_arena() {
    let plan = planned(&graph());
    let peak = pfm_plan::peak(&plan).expect("there are groups");
    let bytes = |b: &pfm_plan::BufferId| plan.buffers[b.0 as usize].bytes();
    assert_eq!(peak.bytes, peak.buffers.iter().map(bytes).sum::<usize>());
    let aligned: usize = peak.buffers.iter().map(|b| bytes(b).next_multiple_of(64)).sum();
    assert_eq!(plan.arena_bytes, aligned, "{}", print(&plan));
}

#[test]
fn planning_is_deterministic() {
    assert_eq!(planned(&graph()), planned(&graph()));
}

#[test]
fn scratch_lives_in_the_arena_for_one_group() {
    let plan = plan(&graph().graph, &|work| if matches!(work, Work::Kernel(_)) { 1000 } else { 0 });
    assert_eq!(verify(&plan), Vec::<String>::new());
    let kernel = plan.groups.iter().find(|g| matches!(g.work, Work::Kernel(_))).unwrap();
    let scratch = &plan.buffers[kernel.scratch.unwrap().0 as usize];
    assert_eq!((scratch.bytes(), scratch.live.0), (1000, scratch.live.1));
}

/// Long chains and thousands of nodes take time in proportion.
#[test]
fn large_graphs_are_planned() {
    let mut b = Builder::new("long");
    let x = input(&mut b, "x", &[16]);
    let mut v = x;
    for i in 0..2500 {
        let t = ops::sin(&mut b, v);
        let u = ops::add(&mut b, t, v);
        v = if i % 50 == 49 {
            let s = ops::reduce_sum(&mut b, u, &[0]);
            let s = ops::broadcast(&mut b, s, &[16], &[]);
            ops::mul(&mut b, u, s)
        } else {
            ops::scale(&mut b, u, 0.5)
        };
    }
    b.output("y", v);
    assert!(b.graph.nodes.len() > 8000);
    let plan = planned(&b);
    assert!(plan.groups.len() < 200, "{}", plan.groups.len());
}

fn broken(change: impl FnOnce(&mut Plan)) -> Vec<String> {
    let mut plan = planned(&graph());
    change(&mut plan);
    verify(&plan)
}

#[test]
fn the_verifier_sees_disorder() {
    let found = broken(|p| p.groups.swap(0, 1));
    assert!(found.iter().any(|m| m.contains("before it is written")), "{found:?}");
}

#[test]
fn the_verifier_sees_overlap() {
    let found = broken(|p| {
        for b in &mut p.buffers {
            if let Place::Arena(offset) = &mut b.place {
                *offset = 0;
            }
        }
    });
    assert!(found.iter().any(|m| m.contains("live together")), "{found:?}");
}

#[test]
fn the_verifier_sees_accesses_outside() {
    let found = broken(|p| {
        let Work::Reduce(r) = &mut p.groups[0].work else { panic!("the first group reduces") };
        let Expr::Load { access, .. } = &mut r.body[0] else { panic!("it loads first") };
        *access = Access { offset: 1, ..access.clone() };
    });
    assert!(found.iter().any(|m| m.contains("touches")), "{found:?}");
}

#[test]
fn the_verifier_sees_a_wrong_size() {
    let found = broken(|p| p.arena_bytes += 64);
    assert!(found.iter().any(|m| m.contains("the arena is")), "{found:?}");
}
