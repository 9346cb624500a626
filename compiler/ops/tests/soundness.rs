//! The verifier finds each property that a graph can break, and the reader of texts says where one goes wrong.
//! These tests of pfm-ir live here because they need operations.

use pfm_ir::{Attrs, Builder, Graph, NodeId, Output, Role, TensorType, ValueId, canonical, parse_text, print, print_plain, verify};
use pfm_ops::{add, exp, reduce_sum, sin};

/// Two nodes, an output and a store: y = x + w, w <- exp(w).
fn sound() -> Graph {
    let mut b = Builder::new("sound");
    let x = b.input("x", Role::Data, TensorType::f32(&[3]));
    let w = b.input("w", Role::Parameter { trainable: true }, TensorType::f32(&[3]));
    b.set_path("core");
    let sum = add(&mut b, x, w);
    let grown = exp(&mut b, w);
    b.output("y", sum);
    b.store("w", grown, "w");
    b.graph
}

fn broken(change: impl FnOnce(&mut Graph)) -> Vec<&'static str> {
    let mut graph = sound();
    assert_eq!(verify(&graph), vec![]);
    change(&mut graph);
    verify(&graph).into_iter().map(|e| e.property).collect()
}

#[test]
fn each_property_is_checked() {
    // A value that two nodes define, that nothing defines, or that does not exist.
    assert!(broken(|g| g.nodes[1].results[0] = g.nodes[0].results[0]).contains(&"V1"));
    assert!(broken(|g| g.inputs[1].value = g.inputs[0].value).contains(&"V1"));
    assert!(broken(|g| g.nodes[0].operands[0] = ValueId(99)).contains(&"V1"));
    assert!(broken(|g| g.values[0].node = Some(NodeId(0))).contains(&"V1"));
    // A use before the definition.
    assert_eq!(broken(|g| g.nodes[0].operands[0] = g.nodes[1].results[0]), ["V2"]);
    // An operand too few, an unknown attribute.
    assert_eq!(broken(|g| g.nodes[0].operands.truncate(1)), ["V3"]);
    assert_eq!(broken(|g| g.nodes[1].attrs = Attrs::new().int("axis", 0)), ["V3"]);
    // A type that is not the rule's, a broken shape rule.
    assert!(broken(|g| g.values[2].ty = TensorType::f32(&[4])).contains(&"V4"));
    assert!(broken(|g| g.values[0].ty = TensorType::f32(&[4])).contains(&"V4"));
    // Outputs of nothing, stores of another type, two stores into one input.
    assert!(broken(|g| g.outputs[0].value = ValueId(99)).contains(&"V5"));
    assert_eq!(broken(|g| g.outputs[1].into = Some(9)), ["V5"]);
    let twice = |g: &mut Graph| g.outputs.push(Output { name: "again".into(), ..g.outputs[1].clone() });
    assert_eq!(broken(twice), ["V5"]);
    let other = |g: &mut Graph| {
        let mut b = Builder::resume(std::mem::take(g));
        let sum = b.graph.nodes[0].results[0];
        let scalar = reduce_sum(&mut b, sum, &[0]);
        b.graph.outputs[1].value = scalar;
        b.output("grown", ValueId(3));
        *g = b.graph;
    };
    assert_eq!(broken(other), ["V5"]);
    // Two inputs or two outputs of one name.
    assert_eq!(broken(|g| g.inputs[0].name = "w".into()), ["V6"]);
    assert_eq!(broken(|g| g.outputs[0].name = "w".into()), ["V6"]);
    // A node that nothing needs.
    assert_eq!(broken(|g| g.outputs.truncate(1)), ["V7"]);
}

#[test]
fn errors_say_where() {
    let mut graph = sound();
    graph.outputs.truncate(1);
    assert_eq!(verify(&graph)[0].to_string(), "V7 at node 1: `exp` reaches no output");
}

const TEXT: &str = "\
graph sound
  data  %0 f32[3]  x
  param %1 f32[3]  w  train
  %2 = add %0, %1  f32[3]  ; core
  %3 = exp %1  f32[3]  ; core
  out   y %2
  store w %3 -> w
end
";

#[test]
fn texts_print_and_parse() {
    assert_eq!(print(&sound()), TEXT);
    assert_eq!(parse_text(TEXT, pfm_ops::lookup).expect("it parses"), canonical(sound()));
    assert_eq!(print_plain(&sound()), TEXT.replace("  ; core", ""));
}

#[test]
fn odd_names_and_values_survive() {
    let mut b = Builder::new("a \"name\", with \\ and\nlines");
    let x = b.input("x y", Role::State, TensorType::f32(&[6]));
    let g = b.input("core.w", Role::Gradient, TensorType::f32(&[6]));
    let f = b.input("core.w#m", Role::Parameter { trainable: false }, TensorType::f32(&[6]));
    b.set_path("core.blocks.2");
    let data = [-0.0, f64::INFINITY, f64::NEG_INFINITY, 1e-300, 0.1 + 0.2, f64::MAX];
    let l = pfm_ops::literal(&mut b, &data, &[6]);
    let sum = add(&mut b, x, g);
    let sum = add(&mut b, sum, f);
    let sum = add(&mut b, sum, l);
    b.output("", sum);
    let text = print(&b.graph);
    let parsed = parse_text(&text, pfm_ops::lookup).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(print(&parsed), text);
    assert_eq!(parsed, canonical(b.graph));
}

#[test]
fn broken_texts_are_refused() {
    let changes = [
        ("add %0", "plus %0"),
        ("add %0, %1", "add %0, %9"),
        ("add %0, %1", "add %0"),
        ("exp %1", "exp %1 axis=1"),
        ("exp %1  f32[3]", "exp %1  f32[4]"),
        ("-> w", "-> v"),
        ("out   y %2", "out   y %7"),
        ("f32[3]  x", "f64[3]  x"),
        ("f32[3]  x", "f32[3  x"),
        ("  train", "  sometimes"),
        ("graph", "graff"),
        ("end\n", ""),
    ];
    for (from, to) in changes {
        let text = TEXT.replacen(from, to, 1);
        assert_ne!(text, TEXT, "{from}");
        match parse_text(&text, pfm_ops::lookup) {
            Err(e) => assert!(!e.to_string().is_empty()),
            Ok(graph) => assert_ne!(verify(&graph), vec![], "{to}"),
        }
    }
}

#[test]
fn equal_graphs_are_equal_once_canonical() {
    let mut b = Builder::new("order");
    let x = b.input("x", Role::Data, TensorType::f32(&[2]));
    let s = sin(&mut b, x);
    // An input that is declared after a node gets its number before it.
    let y = b.input("y", Role::Data, TensorType::f32(&[2]));
    let sum = add(&mut b, s, y);
    b.output("z", sum);
    let parsed = parse_text(&print(&b.graph), pfm_ops::lookup).expect("it parses");
    assert_ne!(parsed, b.graph);
    assert_eq!(parsed, canonical(b.graph));
}
