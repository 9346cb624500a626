//! Small definitions through the interpreter: Fourier transforms, layers of the standard library against sums written out, and
//! definitions that amend others.

use pfm_diag::{Diagnostic, FileId, Sources, Span};
use pfm_elaborate::{Elaborator, Library, NamedTensor, Options, Setting, bind};
use pfm_ir::{Builder, Role, Tensor, TensorType, interpret};
use pfm_syntax::ast::DefinitionKind;

/// The standard library with a text beside it.
fn library(text: &str) -> (Library, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let mut files: Vec<_> = pfm_stdlib::FILES.iter().map(|(name, text)| pfm_syntax::parse(sources.add(name, text), text).file).collect();
    let own = pfm_syntax::parse(sources.add("own.pfm", text), text);
    assert!(own.diagnostics.is_empty(), "{:?}", own.diagnostics);
    files.push(own.file);
    Library::new(&files, &sources)
}

/// What the block `own` gives for x, and its parameters' shapes; each parameter is `weights(path, shape)`.
fn run(text: &str, axes: &str, x: &Tensor, weights: impl Fn(&str, &[usize]) -> Tensor) -> (Vec<Tensor>, Vec<String>) {
    let (library, diagnostics) = library(text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let mut e = Elaborator::new(&library, Builder::new("own"), Options::default());
    let value = e.builder().input("x", Role::Data, TensorType::f32(&x.shape));
    let results = e.call(DefinitionKind::Block, "own", "own", &[NamedTensor::new(value, axes)], &[], None);
    let results = results.unwrap_or_else(|d| panic!("{d:#?}"));
    let shapes = e.parameters().iter().map(|p| format!("{} {:?}", p.path, p.shape)).collect();
    let mut b = e.finish();
    for (i, r) in results.iter().enumerate() {
        b.output(&format!("y{i}"), r.value);
    }
    let given = |i: &pfm_ir::Input| if i.name == "x" { x.clone() } else { weights(&i.name, b.shape(i.value)) };
    let inputs: Vec<Tensor> = b.graph.inputs.iter().map(given).collect();
    (interpret(&b.graph, &inputs), shapes)
}

/// Numbers without a pattern.
fn numbers(shape: &[usize], seed: f64) -> Tensor {
    let count: usize = shape.iter().product();
    Tensor::new(shape, (0..count).map(|i| ((i as f64 + seed) * 12.9898).sin() * 1.7).collect())
}

fn close(found: &Tensor, wanted: &[f64], bound: f64) {
    assert_eq!(found.data.len(), wanted.len());
    for (i, (f, w)) in found.data.iter().zip(wanted).enumerate() {
        assert!((f - w).abs() <= bound, "element {i}: {f} is not {w}");
    }
}

#[test]
fn a_transform_and_its_inverse_give_the_tensor_back() {
    let text = "pfm 1\n\nblock own(x: [b t *s c]) {\n  re, im = fourier(x, over: [t *s])\n  inverse_fourier(re, im, over: [t *s])\n}\n";
    let x = numbers(&[2, 3, 4, 5, 2], 0.3);
    let (y, _) = run(text, "b t h w c", &x, |_, _| unreachable!("no parameters"));
    close(&y[0], &x.data, 1e-9);
}

#[test]
fn modes_are_sums_of_waves() {
    let text = "pfm 1\n\nblock own(x: [b t *s c]) = fourier(x, over: [t])\n";
    let n = 5;
    let x = numbers(&[1, n, 1, 1, 1], 1.1);
    let (y, _) = run(text, "b t h w c", &x, |_, _| unreachable!("no parameters"));
    for (part, wave) in [f64::cos as fn(f64) -> f64, |a| -a.sin()].into_iter().enumerate() {
        let angle = |f: usize, i: usize| 2.0 * std::f64::consts::PI * (f * i) as f64 / n as f64;
        let wanted: Vec<f64> = (0..n).map(|f| (0..n).map(|i| x.data[i] * wave(angle(f, i))).sum()).collect();
        close(&y[part], &wanted, 1e-9);
    }
}

#[test]
fn gelu_has_its_values() {
    let text = "pfm 1\n\nblock own(x: [.. c]) -> [.. c] = gelu(x)\n";
    let x = Tensor::new(&[4], vec![-2.0, -0.5, 0.0, 1.0]);
    let (y, _) = run(text, "c", &x, |_, _| unreachable!("no parameters"));
    // x times the normal distribution's integral up to x.
    close(&y[0], &[-0.045_500_263_896_358_42, -0.154_268_769_363_442_3, 0.0, 0.841_344_746_068_542_9], 1e-7);
}

#[test]
fn a_depthwise_convolution_is_a_sum_over_its_taps() {
    let text = "pfm 1\n\nblock own(x: [b t *s c]) -> [b t *s c] = depthwise_conv(x, 3, time: 2)\n";
    let (t, h, w, c) = (3, 4, 5, 2);
    let x = numbers(&[1, t, h, w, c], 0.7);
    let (y, shapes) = run(text, "b t h w c", &x, |path, shape| numbers(shape, path.len() as f64));
    assert_eq!(shapes, ["own.depthwise_conv.weight [2, 2, 3, 3]", "own.depthwise_conv.bias [2]"]);
    let weight = numbers(&[c, 2, 3, 3], "own.depthwise_conv.weight".len() as f64).data;
    let bias = numbers(&[c], "own.depthwise_conv.bias".len() as f64).data;
    let at = |i: i64, j: i64, k: i64, ch: usize| {
        let inside = (0..t as i64).contains(&i) && (0..h as i64).contains(&j) && (0..w as i64).contains(&k);
        if inside { x.data[((i as usize * h + j as usize) * w + k as usize) * c + ch] } else { 0.0 }
    };
    let mut wanted = vec![];
    for (i, j, k, ch) in (0..t * h * w * c).map(|n| (n / c / w / h, n / c / w % h, n / c % w, n % c)) {
        let mut sum = bias[ch];
        for (a, b, d) in (0..18).map(|n| (n / 9, n / 3 % 3, n % 3)) {
            // In time a frame sees itself and the one before, in space both neighbours.
            let value = at(i as i64 + a as i64 - 1, j as i64 + b as i64 - 1, k as i64 + d as i64 - 1, ch);
            sum += value * weight[ch * 18 + a * 9 + b * 3 + d];
        }
        wanted.push(sum);
    }
    close(&y[0], &wanted, 1e-9);
}

const AMENDED: &str = "pfm 1

## Slow.
optimiser slow = adamw { lr = 1e-4, eps = 1e-6 }

optimiser slower = slow(lr: 1e-5)

tokeniser small = magvit_simple {
  level 1 { channels = 4 }
  level 2 { channels = 8, space = {2, 4} eval 2 }
  fields = vocabulary(well_61)
}

tokeniser narrow = small { level.2.channels = 6 }
";

#[test]
fn an_amendment_keeps_what_it_does_not_change() {
    let (library, diagnostics) = library(AMENDED);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let settings = |kind, name: &str| {
        let (instance, diagnostics) = bind(&library, kind, name, vec![], Span::new(FileId(0), 0, 0));
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        instance
    };
    let slower = settings(DefinitionKind::Optimiser, "slower").to_string();
    assert_eq!(slower, "slower(lr: 0.00001, betas: (0.9, 0.999), weight_decay: 0.01, eps: 0.000001)");
    let narrow = settings(DefinitionKind::Tokeniser, "narrow");
    let Some(Setting::List(levels)) = narrow.setting("levels") else { panic!("{narrow}") };
    let shown: Vec<String> = levels.iter().map(Setting::to_string).collect();
    assert_eq!(shown, ["{ channels = 4, time = 1, space = 2 }", "{ channels = 6, time = 1, space = {2, 4} eval 2 }"]);
    assert_eq!(library.definition(DefinitionKind::Optimiser, "slower").map(|d| d.doc.as_slice()), Some(&["Slow.".to_string()][..]));
}

#[test]
fn parameters_keep_their_comments() {
    let text =
        "pfm 1\n\nprocessor p(\n  ## Channels of the stream.\n  ## Any number.\n  width: int,\n  heads: int = 2,  # no doc\n) {\n}\n";
    let (library, _) = library(text);
    let params = &library.definition(DefinitionKind::Processor, "p").expect("defined").params;
    assert_eq!(params[0].doc, ["Channels of the stream.", "Any number."]);
    assert!(params[1].doc.is_empty());
}

#[test]
fn slots_follow_their_conditions_and_starts() {
    let text = "pfm 1\n\noptimiser o(lr: number = 1, most: int = 3) {\n  slot m ~ constant(0.5)\n  slot q[n] ~ ones if rank > 1 and n <= most\n\n  \
                fn phase(step) = if step % 4 == 0 { \"refresh\" } else { \"plain\" }\n  fn update(p, g, m, q) = (p, m, q)\n}\n";
    let (library, diagnostics) = library(text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let (optimiser, _) = bind(&library, DefinitionKind::Optimiser, "o", vec![], Span::new(FileId(0), 0, 0));
    let shown = |shape: &[usize]| -> Vec<String> {
        let slots = pfm_elaborate::slots(&library, &optimiser, shape).unwrap_or_else(|d| panic!("{d:?}"));
        slots.iter().map(|s| format!("{} {:?} {:?}", s.name, s.shape, s.init)).collect()
    };
    assert_eq!(shown(&[2, 4, 3]), ["m [2, 4, 3] Constant(0.5)", "q.0 [2, 2] Ones", "q.2 [3, 3] Ones"]);
    assert_eq!(shown(&[2]), ["m [2] Constant(0.5)"]);
    let phases: Vec<&str> = (1..=4).map(|step| pfm_elaborate::phase(&library, &optimiser, step).expect("a phase")).collect();
    assert_eq!(phases, ["plain", "plain", "plain", "refresh"]);
}
