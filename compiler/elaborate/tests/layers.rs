//! Each layer of the standard library and both metrics against stored tensors of an independent implementation: values and
//! the gradients of every parameter, by the interpreter in f64. Then causality: a latent frame knows nothing of later frames.

use pfm_diag::{Diagnostic, FileId, Sources, Span};
use pfm_elaborate::{Elaborator, Instance, Library, NamedTensor, Options, Setting, bind};
use pfm_ir::{Attrs, Builder, Role, Tensor, TensorType, ValueId, interpret};
use pfm_syntax::ast::{DefinitionKind, Name};
use std::{collections::BTreeMap, fs, path::PathBuf};

type Tensors = BTreeMap<String, Tensor>;
type Answer = Result<Vec<NamedTensor>, Vec<Diagnostic>>;

fn stored(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/layers").join(file);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The tensors of a file whose names begin with `prefix`, without it.
fn tensors(file: &str, prefix: &str) -> Tensors {
    let bytes = stored(file);
    let read = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let mut found = Tensors::new();
    for (name, view) in read.tensors() {
        if let Some(name) = name.strip_prefix(prefix) {
            let numbers = view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four bytes")));
            let data: Vec<f32> = numbers.collect();
            found.insert(name.to_string(), Tensor::from_f32(view.shape(), &data));
        }
    }
    found
}

fn library() -> Library {
    let mut sources = Sources::default();
    let mut files = vec![];
    for (name, text) in pfm_stdlib::FILES {
        files.push(pfm_syntax::parse(sources.add(name, text), text).file);
    }
    let (library, diagnostics) = Library::new(&files, &sources);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    library
}

fn instance(library: &Library, kind: DefinitionKind, name: &str, given: Vec<(&str, Setting)>) -> Instance {
    let nowhere = Span::new(FileId(0), 0, 0);
    let label = |n: &str| Some(Name { text: n.to_string(), span: nowhere });
    let given = given.into_iter().map(|(n, s)| (label(n), s, nowhere)).collect();
    let (instance, diagnostics) = bind(library, kind, name, given, nowhere);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    instance
}

fn one(answer: Answer) -> NamedTensor {
    answer.unwrap_or_else(|d| panic!("{d:#?}")).remove(0)
}

fn number(v: usize) -> Setting {
    Setting::Number(v as f64)
}

/// The option at `picked` of a choice; evaluation would take the last.
fn choice(options: &[usize], picked: usize) -> Setting {
    Setting::Choice { options: options.iter().map(|v| number(*v)).collect(), eval: options.len() - 1, picked: Some(picked) }
}

fn level(channels: usize, time: Setting, space: Setting) -> Setting {
    Setting::Record(vec![("channels".into(), number(channels)), ("time".into(), time), ("space".into(), space)])
}

/// Norms of 4 groups, a vocabulary of 6 fields, two levels that compress (1, 2) and (2, 2) by default.
fn tokeniser(library: &Library) -> Instance {
    let levels = vec![level(4, number(1), number(2)), level(8, choice(&[1, 2], 1), choice(&[2, 4], 0))];
    let names = (0..6).map(|i| format!("f{i}")).collect();
    let given = vec![("levels", Setting::List(levels)), ("fields", Setting::Vocabulary(names)), ("groups", number(4))];
    instance(library, DefinitionKind::Tokeniser, "magvit_simple", given)
}

fn processor(library: &Library) -> Instance {
    let given = vec![("width", number(48)), ("heads", number(3)), ("blocks", number(1))];
    instance(library, DefinitionKind::Processor, "walrus", given)
}

fn permuted(e: &mut Elaborator, x: ValueId, axes: [usize; 5]) -> ValueId {
    e.builder().op(&pfm_ops::PERMUTE, &[x], Attrs::new().ints("axes", &axes))
}

/// The largest absolute difference; NaN counts as infinite.
fn difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.shape, b.shape);
    let each = a.data.iter().zip(&b.data).map(|(a, b)| (a - b).abs());
    each.fold(0.0, |most: f64, d| if d.is_nan() { f64::INFINITY } else { most.max(d) })
}

fn largest(t: &Tensor) -> f64 {
    t.data.iter().fold(0.0, |m, v| m.max(v.abs()))
}

/// A layer stored channels first, as tokeniser layers are. Definitions see channels last.
fn check_channels_first(file: &str, prefix: &str, layer: impl FnOnce(&mut Elaborator, NamedTensor) -> Answer) {
    check(file, prefix, |e, x| {
        let x = permuted(e, x, [0, 2, 3, 4, 1]);
        let y = one(layer(e, NamedTensor::new(x, "b t h w c")));
        permuted(e, y.value, [0, 4, 1, 2, 3])
    });
}

/// A residual branch stored without its residual, which the definition adds.
fn check_branch(file: &str, layer: impl FnOnce(&mut Elaborator, NamedTensor) -> Answer) {
    check(file, "", |e, x| {
        let y = one(layer(e, NamedTensor::new(x, "b t h w c")));
        e.builder().op(&pfm_ops::SUB, &[y.value, x], Attrs::new())
    });
}

/// `layer` makes y from x, with its parameters under `layer`. Values and gradients are compared with those of the file.
fn check(file: &str, prefix: &str, layer: impl FnOnce(&mut Elaborator, ValueId) -> ValueId) {
    let stored = tensors(file, prefix);
    let library = library();
    let mut e = Elaborator::new(&library, Builder::new("layer"), Options::default());
    let x = e.builder().input("layer.x", Role::Data, TensorType::f32(&stored["x"].shape));
    let y = layer(&mut e, x);
    let mut b = e.finish();
    let wrt: Vec<(String, ValueId)> = b.graph.inputs.iter().map(|i| (i.name["layer.".len()..].to_string(), i.value)).collect();
    let dy = b.input("layer.dy", Role::Data, TensorType::f32(&stored["dy"].shape));
    let product = b.op(&pfm_ops::MUL, &[y, dy], Attrs::new());
    let loss = b.op(&pfm_ops::REDUCE_SUM, &[product], Attrs::new().ints("axes", &[0, 1, 2, 3, 4]));
    let gradients = pfm_transform::gradients(&mut b, loss, &wrt.iter().map(|(_, v)| *v).collect::<Vec<_>>());
    b.output("y", y);
    for ((name, _), gradient) in wrt.iter().zip(gradients) {
        b.output(&format!("d{name}"), gradient.unwrap_or_else(|| panic!("{file} {prefix}: the loss depends on {name}")));
    }
    let known = stored.keys().filter(|n| stored.contains_key(&format!("d{n}")) && *n != "y").count();
    assert_eq!(known, wrt.len(), "{file} {prefix}: x and every stored parameter is declared");
    let inputs: Vec<Tensor> = b.graph.inputs.iter().map(|i| stored[&i.name["layer.".len()..]].clone()).collect();
    let found: Tensors = b.graph.outputs.iter().map(|o| o.name.clone()).zip(interpret(&b.graph, &inputs)).collect();
    let floor = 1e-3 * found.iter().filter(|(n, _)| *n != "y").map(|(n, _)| largest(&stored[n])).fold(0.0, f64::max);
    for (name, tensor) in &found {
        let wanted = &stored[name];
        let bound = if name == "y" { 2e-5 * largest(wanted).max(1.0) } else { 1e-4 * largest(wanted).max(floor) };
        let difference = difference(tensor, wanted);
        assert!(difference <= bound, "{file} {prefix}{name}: {difference:e} > {bound:e}");
    }
}

#[test]
fn causal_conv() {
    check_channels_first("causal_conv.safetensors", "", |e, x| {
        e.call(DefinitionKind::Block, "causal_conv", "layer", &[x], &[("out".to_string(), number(5))], None)
    });
}

#[test]
fn group_norm_of_each_frame() {
    check_channels_first("frame_norm.safetensors", "", |e, x| {
        e.call(DefinitionKind::Block, "group_norm", "layer", &[x], &[("groups".to_string(), number(4))], None)
    });
}

#[test]
fn residual_block() {
    let tok = tokeniser(&library());
    check_channels_first("res_block.safetensors", "", |e, x| {
        e.call_member(&tok, "res", "layer", &[("x", x)], &[("out", number(12))], None)
    });
}

#[test]
fn adaptive_heads() {
    let tok = tokeniser(&library());
    let active = || ("active", Setting::List([1, 2, 5].map(number).to_vec()));
    check_channels_first("adaptive_heads.safetensors", "in.", |e, x| {
        e.call_member(&tok, "adaptive_in", "layer", &[("x", x)], &[("out", number(4)), active()], None)
    });
    check_channels_first("adaptive_heads.safetensors", "out.", |e, x| {
        e.call_member(&tok, "adaptive_out", "layer", &[("x", x)], &[active()], None)
    });
}

/// A layer of chosen factors with base (2, 4), at each of its four choices.
fn check_flexible(file: &str, member: &str) {
    let tok = tokeniser(&library());
    for (t, time) in [1, 2].iter().enumerate() {
        for (s, space) in [2, 4].iter().enumerate() {
            check_channels_first(file, &format!("t{time}s{space}."), |e, x| {
                let factors = [("time", choice(&[1, 2], t)), ("space", choice(&[2, 4], s))];
                e.call_member(&tok, member, "layer", &[("x", x)], &factors, None)
            });
        }
    }
}

#[test]
fn flexible_down() {
    check_flexible("flex_down.safetensors", "flex_down");
}

#[test]
fn flexible_up() {
    check_flexible("flex_up.safetensors", "flex_up");
}

#[test]
fn attention_over_a_frame_beside_the_feed_forward() {
    let core = processor(&library());
    check_branch("space_block.safetensors", |e, x| e.call_member(&core, "space", "layer", &[("x", x)], &[("drop", number(0))], None));
}

#[test]
fn attention_over_time() {
    let core = processor(&library());
    check_branch("time_block.safetensors", |e, x| e.call_member(&core, "time", "layer", &[("x", x)], &[("drop", number(0))], None));
}

/// The metric of a case of the file, of axes `axes`.
fn metric(name: &str, case: &str, axes: &str) -> Tensor {
    let stored = tensors("metrics.safetensors", &format!("{case}."));
    let library = library();
    let mut e = Elaborator::new(&library, Builder::new("metric"), Options::default());
    let inputs = ["true", "pred"].map(|n| stored[n].clone());
    let given = ["true", "pred"].map(|n| {
        let value = e.builder().input(n, Role::Data, TensorType::f32(&stored[n].shape));
        NamedTensor::new(value, "b t h w c")
    });
    let value = one(e.call(DefinitionKind::Metric, name, "", &given, &[], None));
    assert_eq!(value.axes.join(" "), axes);
    let mut b = e.finish();
    b.output(name, value.value);
    interpret(&b.graph, &inputs).remove(0)
}

/// `wanted` is nested in the order [batch][frame][field].
fn check_metric(what: &str, wanted: &serde_json::Value, found: impl Fn([usize; 3]) -> f64) {
    for (b, t, c) in (0..12).map(|i| (i / 6, i / 2 % 3, i % 2)) {
        let wanted = wanted[b][t][c].as_f64().expect("a number");
        let found = found([b, t, c]);
        assert!((found - wanted).abs() <= 1e-5 * wanted.abs(), "{what} {b} {t} {c}: {found}, not {wanted}");
    }
}

#[test]
fn metrics() {
    let wanted: serde_json::Value = serde_json::from_slice(&stored("metrics.json")).expect("JSON");
    for case in ["square", "tie", "oblong"] {
        let vrmse = metric("vrmse", case, "b t c");
        assert_eq!(vrmse.shape, [2, 3, 2]);
        check_metric(&format!("vrmse {case}"), &wanted[case]["vrmse"], |at| vrmse.at(&at));
        let neps = metric("neps", case, "b t c band");
        assert_eq!(neps.shape, [2, 3, 2, 3]);
        for band in 0..3 {
            let wanted = &wanted[case]["neps"][band];
            check_metric(&format!("neps {case} {band}"), wanted, |[b, t, c]| neps.at(&[b, t, c, band]));
        }
    }
}

/// With time compressed twice, latent frame n ends at frame 2 n. A change of frame k must show in the frame that holds it and
/// must not in those that end before k.
#[test]
fn latent_frames_know_nothing_of_later_frames() {
    let library = library();
    let tok = tokeniser(&library);
    let shape = [1, 7, 8, 8, 3];
    let mut e = Elaborator::new(&library, Builder::new("encode"), Options::default());
    let x = e.builder().input("x", Role::Data, TensorType::f32(&shape));
    let active = [("active", Setting::List([0, 3, 4].map(number).to_vec()))];
    let z = one(e.call_member(&tok, "encode", "tok", &[("x", NamedTensor::new(x, "b t h w c"))], &active, None));
    let mut b = e.finish();
    b.output("z", z.value);
    // Any numbers without a pattern.
    let mut state = 1.0_f64;
    let mut draw = || {
        state = (state * 16807.0) % 2147483647.0;
        state / 2147483647.0 - 0.5
    };
    let mut inputs: Vec<Tensor> = b.graph.inputs.iter().map(|i| Tensor::from_fn(b.shape(i.value), |_| draw())).collect();
    let plain = interpret(&b.graph, &inputs).remove(0);
    assert_eq!(plain.shape, [1, 4, 2, 2, 18]);
    let (frame, latent) = (8 * 8 * 3, 2 * 2 * 18);
    for k in 0..shape[1] {
        let before = inputs[0].clone();
        inputs[0].data[k * frame..(k + 1) * frame].iter_mut().for_each(|v| *v += draw());
        let found = interpret(&b.graph, &inputs).remove(0);
        inputs[0] = before;
        let holds = k.div_ceil(2);
        assert_eq!(found.data[..holds * latent], plain.data[..holds * latent], "frame {k} reaches back");
        let part = holds * latent..(holds + 1) * latent;
        assert_ne!(found.data[part.clone()], plain.data[part], "frame {k} is seen");
    }
}
