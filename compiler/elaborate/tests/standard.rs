//! The standard library as a whole: it parses, its models have the parameters and shapes that the papers state, and its
//! schedules give the printed numbers.

use pfm_diag::{FileId, Sources, Span};
use pfm_elaborate::{Elaborator, Instance, Library, NamedTensor, Options, Setting, bind, number};
use pfm_ir::{Builder, Role, TensorType};
use pfm_syntax::ast::{DefinitionKind, Name};

fn library() -> Library {
    let mut sources = Sources::default();
    let mut files = vec![];
    for (name, text) in pfm_stdlib::FILES {
        let parsed = pfm_syntax::parse(sources.add(name, text), text);
        assert!(parsed.diagnostics.is_empty(), "{name}: {:?}", parsed.diagnostics);
        files.push(parsed.file);
    }
    let (library, diagnostics) = Library::new(&files, &sources);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    library
}

fn nowhere() -> Span {
    Span::new(FileId(0), 0, 0)
}

fn instance(library: &Library, kind: DefinitionKind, name: &str, given: Vec<(&str, Setting)>) -> Instance {
    let label = |n: &str| Some(Name { text: n.to_string(), span: nowhere() });
    let given = given.into_iter().map(|(n, s)| (label(n), s, nowhere())).collect();
    let (instance, diagnostics) = bind(library, kind, name, given, nowhere());
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    instance
}

fn choice(options: &[f64]) -> Setting {
    Setting::Choice { options: options.iter().map(|v| Setting::Number(*v)).collect(), eval: 0, picked: None }
}

/// Widths 16, 32, 64, as in the paper, over the first `fields` names of the vocabulary.
fn tokeniser(library: &Library, fields: usize) -> Instance {
    let level = |channels: f64, time: Setting, space: Setting| {
        Setting::Record(vec![("channels".into(), Setting::Number(channels)), ("time".into(), time), ("space".into(), space)])
    };
    let levels = vec![
        level(16.0, Setting::Number(1.0), Setting::Number(2.0)),
        level(32.0, choice(&[1.0, 2.0]), choice(&[2.0, 4.0])),
        level(64.0, choice(&[1.0, 2.0]), choice(&[2.0, 4.0])),
    ];
    let names = (0..fields).map(|i| format!("f{i}")).collect();
    instance(
        library,
        DefinitionKind::Tokeniser,
        "magvit_simple",
        vec![("levels", Setting::List(levels)), ("fields", Setting::Vocabulary(names))],
    )
}

fn active(n: usize) -> [(&'static str, Setting); 1] {
    [("active", Setting::List((0..n).map(|i| Setting::Number(i as f64)).collect()))]
}

fn fail<T>(result: Result<T, Vec<pfm_diag::Diagnostic>>) -> T {
    result.unwrap_or_else(|d| panic!("{d:#?}"))
}

#[test]
fn the_tokeniser_has_the_stated_parameters_and_shapes() {
    let library = library();
    let whole = tokeniser(&library, 61);
    assert_eq!(whole.choices().len(), 4);
    let mut latents = vec![];
    for picks in (0..16).map(|i| [i / 8 % 2, i / 4 % 2, i / 2 % 2, i % 2]) {
        let tok = whole.picked(&picks);
        let mut e = Elaborator::new(&library, Builder::new("tok"), Options::default());
        let x = e.builder().input("x", Role::Data, TensorType::f32(&[1, 9, 512, 512, 5]));
        let x = NamedTensor::new(x, "b t h w c");
        let z = fail(e.call_member(&tok, "encode", "tok", &[("x", x)], &active(5), None)).remove(0);
        assert_eq!(z.axes.join(" "), "b t h w c");
        let factor = |i: usize, small: usize| if picks[i] == 0 { small } else { 2 * small };
        let (time, space) = (factor(0, 1) * factor(2, 1), 2 * factor(1, 2) * factor(3, 2));
        let latent = e.shape(&z);
        assert_eq!(latent, [1, 8 / time + 1, 512 / space, 512 / space, 18]);
        latents.push(latent);
        let y = fail(e.call_member(&tok, "decode", "tok", &[("z", z)], &active(5), None)).remove(0);
        assert_eq!(e.shape(&y), [1, 9, 512, 512, 5]);
        assert_eq!(y.axes.join(" "), "b t h w c");
        let count = |p: &pfm_elaborate::ParameterDecl| p.shape.iter().product::<usize>();
        assert_eq!(e.parameters().iter().map(count).sum::<usize>(), 5_131_151);
        let open = |p: &&pfm_elaborate::ParameterDecl| p.path.contains(".head.") || p.path.contains(".bottleneck.");
        assert_eq!(e.parameters().iter().filter(open).map(count).sum::<usize>(), 85_119);
    }
    assert_eq!(latents.len(), 16);
}

#[test]
fn the_processor_has_the_stated_parameters() {
    let library = library();
    let given = vec![("width", Setting::Number(1088.0)), ("heads", Setting::Number(16.0)), ("blocks", Setting::Number(6.0))];
    let core = instance(&library, DefinitionKind::Processor, "walrus", given);
    let mut e = Elaborator::new(&library, Builder::new("core"), Options::default());
    let z = e.builder().input("z", Role::Data, TensorType::f32(&[1, 3, 4, 4, 18]));
    let z = NamedTensor::new(z, "b t h w c");
    let out = |n: usize| [("out".to_string(), Setting::Number(n as f64))];
    let x = fail(e.call(DefinitionKind::Block, "linear", "link.in", &[z], &out(1088), None)).remove(0);
    let x = fail(e.call_member(&core, "apply", "core", &[("x", x)], &[], None)).remove(0);
    let z = fail(e.call(DefinitionKind::Block, "linear", "link.out", &[x], &out(18), None)).remove(0);
    assert_eq!(e.shape(&z), [1, 3, 4, 4, 18]);
    let total: usize = e.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum();
    assert_eq!(total, 99_572_498);
}

#[test]
fn the_schedule_is_the_printed_one() {
    let library = library();
    let epochs = |n: f64| Setting::Number(n);
    let given = vec![("warmup", epochs(4.0)), ("cooldown", epochs(4.0)), ("over", epochs(20.0))];
    let schedule = instance(&library, DefinitionKind::Schedule, "inverse_sqrt", given);
    let wanted = [
        (0.0, 0.1),
        (3.0, 0.775),
        (4.0, 1.0),
        (5.0, 0.9577551513),
        (10.0, 0.7923124121),
        (16.0, 0.6585658383),
        (17.0, 0.5930172805),
        (18.0, 0.2965086402),
        (19.0, 0.1736907401),
    ];
    for (epoch, factor) in wanted {
        let found = number(&library, DefinitionKind::Schedule, &schedule, &[("epoch", epoch), ("step", 0.0)]).expect("a number");
        assert!((found - factor).abs() < 1e-9, "epoch {epoch}: {found}");
    }
}

/// Remembered calls change nothing: parameters and shapes of every variant are those of an elaboration without memory.
#[test]
fn remembered_calls_give_the_same_parameters_and_shapes() {
    let library = library();
    let memo = pfm_elaborate::Memo::default();
    let instance = tokeniser(&library, 3);
    for picks in [[0, 0, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [1, 1, 1, 0]] {
        let instance = instance.picked(&picks);
        let run = |memo| {
            let mut builder = Builder::new("tok");
            let frames = builder.input("x", Role::Data, TensorType::f32(&[1, 9, 32, 32, 3]));
            let options = Options { memo, ..Options::default() };
            let mut e = Elaborator::new(&library, builder, options);
            let x = NamedTensor::new(frames, "b t h w c");
            let z = fail(e.call_member(&instance, "encode", "tok", &[("x", x)], &active(3), None));
            let y = fail(e.call_member(&instance, "decode", "tok", &[("z", z[0].clone())], &active(3), None));
            let reaches = pfm_elaborate::reaching(&e.builder().graph, 0, y[0].value);
            let parameters = e.parameters().to_vec();
            let reached: Vec<bool> = parameters.iter().map(|p| e.parameter_value(&p.path).is_some_and(|v| reaches.contains(&v))).collect();
            (e.shape(&z[0]), e.shape(&y[0]), parameters, reached)
        };
        assert_eq!(run(None), run(Some(&memo)));
    }
}
