//! Models: a tokeniser alone, or tokeniser, links and processor together, run once through the elaborator for every
//! combination of choices. That gives the parameter tree, the latent shapes, and every error of shape before data is read.

use std::collections::BTreeMap;

use pfm_diag::{Diagnostic, Span};
use pfm_elaborate::{Elaborator, Instance, NamedTensor, Options, Setting};
use pfm_ir::{Builder, DType, Role, TensorType, ValueId};
use pfm_syntax::ast::DefinitionKind;

use crate::context::Context;
use crate::derivatives;
use crate::experiment::{Data, Model, ModelKind, Parameter, Part, Variant};
use crate::findings::Findings;
use crate::growth::{self, Tuned};
use crate::remedies::Trial;
use crate::units::prose;

/// A part and the place of its block, for errors that come from inside its definition.
#[derive(Clone)]
pub(crate) struct Placed {
    pub part: Part,
    pub label: Span,
    /// Of the definition's name after `=`.
    pub base: Span,
    /// Places of its settings' values.
    pub settings: Vec<(String, Span)>,
}

/// What is joined, and where the file says so.
pub(crate) struct Plan<'a> {
    pub name: &'a str,
    pub tokeniser: &'a Placed,
    pub processor: Option<&'a Placed>,
    pub linked: bool,
    /// Value of `link`, or the model's name where it is not written.
    pub link_span: Span,
    /// Stages that train it after others.
    pub tuned: &'a [Tuned],
    /// True where a stage has added fields to the tokeniser's vocabulary.
    pub grown: bool,
}

/// Data, and where the file says its grid and context.
pub(crate) struct DataPlace<'a> {
    pub data: &'a Data,
    pub grid: Span,
    pub context: Span,
}

/// Elaborates every variant on one data set. None when one of them has an error, which is reported for the first only.
pub(crate) fn close(context: &Context, plan: &Plan, data: &DataPlace, findings: &mut Findings) -> Option<Model> {
    let (vocabulary, indices) = vocabulary(plan, data.data, findings)?;
    let instance = &plan.tokeniser.part.instance;
    let mut model = Model {
        name: plan.name.to_string(),
        kind: if plan.processor.is_some() { ModelKind::Predictor } else { ModelKind::Autoencoder },
        tokeniser: plan.tokeniser.part.clone(),
        processor: plan.processor.map(|p| p.part.clone()),
        linked: plan.linked && plan.processor.is_some(),
        parameters: vec![],
        vocabulary,
        variants: vec![],
        evaluation: 0,
        adaptive: adaptive(plan.tokeniser),
    };
    let evaluation = evaluation_picks(instance);
    let mut unreached: BTreeMap<String, (Span, bool)> = BTreeMap::new();
    too_many_variants(plan, findings)?;
    for picks in all_picks(instance) {
        let closed = instance.picked(&picks);
        let label = label(&closed, &picks);
        match trace(context, plan, &closed, data.data, &indices) {
            Ok(Traced { latent, tokens, parameters, reached }) => {
                for (parameter, (span, reached)) in parameters.iter().zip(reached) {
                    let seen = unreached.entry(parameter.path.clone()).or_insert((span, true));
                    seen.1 &= !reached;
                }
                join(&mut model, parameters, plan, &label, findings)?;
                if picks == evaluation {
                    model.evaluation = model.variants.len();
                }
                model.variants.push(Variant { label, picks, latent, tokens, further: vec![] });
            }
            Err(diagnostics) => {
                let trial = Trial { context, plan, data: data.data, indices: &indices };
                let endless = diagnostics.iter().any(|d| d.code == "E1024");
                let only_some = !endless && all_picks(instance).iter().any(|picks| trial.runs(&instance.picked(picks)));
                for diagnostic in diagnostics {
                    let diagnostic = point_at_settings(trial.suggest(diagnostic, &closed), plan, data);
                    findings.push(if only_some { diagnostic.note(format!("found with the choice {label}")) } else { diagnostic });
                }
                return None;
            }
        }
    }
    report_unreached(plan, &unreached, findings);
    let order = [Some(&plan.tokeniser.part.name), plan.processor.map(|p| &p.part.name)];
    model.parameters.sort_by_key(|p| {
        let root = p.path.split('.').next().unwrap_or_default();
        order.iter().position(|name| name.is_some_and(|n| n == root)).unwrap_or(order.len())
    });
    Some(model)
}

/// The place of `refine`, where it asks for tokens whose number depends on the data. Shapes are then those with everything refined.
fn adaptive(tokeniser: &Placed) -> Option<Span> {
    let threshold = tokeniser.part.instance.setting("refine").and_then(Setting::number);
    threshold.filter(|t| *t > 0.0).map(|_| span_of(tokeniser, "refine"))
}

/// Field names of the adaptive heads, and the positions of the data's fields among them.
fn vocabulary(plan: &Plan, data: &Data, findings: &mut Findings) -> Option<(Vec<String>, Vec<usize>)> {
    let Some(Setting::Vocabulary(names)) = plan.tokeniser.part.instance.setting("fields") else {
        return Some((data.fields.clone(), (0..data.fields.len()).collect()));
    };
    let missing: Vec<&str> = data.fields.iter().map(String::as_str).filter(|f| !names.iter().any(|n| n == f)).collect();
    if missing.is_empty() {
        let place = |f: &String| names.iter().position(|n| n == f);
        return Some((names.clone(), data.fields.iter().filter_map(place).collect()));
    }
    let tuned = plan.tuned.iter().find(|t| t.data == data.name);
    findings.push(growth::lacking(plan.tokeniser, names.len(), &missing, &data.name, tuned, plan.grown));
    None
}

fn span_of(placed: &Placed, setting: &str) -> Span {
    placed.settings.iter().find(|(n, _)| n == setting).map_or(placed.label, |(_, span)| *span)
}

/// Programs of one model.
const MOST_VARIANTS: usize = 1024;

/// None, and a diagnostic, when there are more combinations of options than can be compiled.
fn too_many_variants(plan: &Plan, findings: &mut Findings) -> Option<()> {
    let choices = plan.tokeniser.part.instance.choices();
    let options = choices.iter().map(|(_, c)| if let Setting::Choice { options, .. } = c { options.len() as f64 } else { 1.0 });
    let count: f64 = options.product();
    if count <= MOST_VARIANTS as f64 {
        return Some(());
    }
    let name = &plan.tokeniser.part.name;
    findings.push(
        Diagnostic::new("E0409", format!("the choices of `{name}` make {} variants", prose(count)))
            .at(plan.tokeniser.label, format!("{} choices, whose options multiply", choices.len()))
            .help(format!("give fewer options: at most {} variants are compiled", prose(MOST_VARIANTS as f64))),
    );
    None
}

/// Every combination of options, the last choice fastest.
fn all_picks(instance: &Instance) -> Vec<Vec<usize>> {
    let mut out: Vec<Vec<usize>> = vec![vec![]];
    for (_, choice) in instance.choices() {
        let Setting::Choice { options, .. } = choice else { continue };
        out = out.into_iter().flat_map(|head| (0..options.len()).map(move |i| head.iter().copied().chain([i]).collect())).collect();
    }
    out
}

fn evaluation_picks(instance: &Instance) -> Vec<usize> {
    let choices = instance.choices();
    choices.iter().map(|(_, c)| if let Setting::Choice { eval, .. } = c { *eval } else { 0 }).collect()
}

/// `1x2,2x4`: time x space of each level, or the options taken where there are no such levels.
fn label(closed: &Instance, picks: &[usize]) -> String {
    if let Some(Setting::List(levels)) = closed.setting("levels") {
        let factor = |level: &Setting, name: &str| level.field(name).and_then(Setting::number);
        let all: Option<Vec<String>> = levels.iter().map(|l| Some(format!("{}x{}", factor(l, "time")?, factor(l, "space")?))).collect();
        if let Some(all) = all {
            return all.join(",");
        }
    }
    let taken: Vec<String> = closed.choices().iter().zip(picks).map(|((path, c), _)| format!("{path}={}", c.closed())).collect();
    if taken.is_empty() { "only".to_string() } else { taken.join(",") }
}

/// What one pass through a model shows.
pub(crate) struct Traced {
    latent: Vec<usize>,
    tokens: usize,
    parameters: Vec<Parameter>,
    /// For each parameter where it is declared, and whether the output depends on it.
    reached: Vec<(Span, bool)>,
}

/// One pass through the model: encode, link, step, link, decode.
pub(crate) fn trace(
    context: &Context,
    plan: &Plan,
    tokeniser: &Instance,
    data: &Data,
    indices: &[usize],
) -> Result<Traced, Vec<Diagnostic>> {
    let library = context.input.library;
    let mut builder = Builder::new(plan.name);
    let mut shape = vec![1, data.context];
    shape.extend(&data.grid);
    shape.push(data.fields.len());
    let taken = shape.clone();
    let value = builder.input("window", Role::Data, TensorType { dtype: DType::F32, shape });
    let spatial = ["h", "w", "d"].iter().take(data.grid.len());
    let axes = ["b", "t"].iter().chain(spatial).chain(&["c"]).map(|a| a.to_string()).collect();
    let frames = NamedTensor { value, axes };
    let mut elaborator = Elaborator::new(library, builder, Options { memo: Some(&context.memo), ..Options::default() });
    let fields = Setting::List(indices.iter().map(|i| Setting::Number(*i as f64)).collect());

    let part = &plan.tokeniser.part.name;
    let at = Some(plan.tokeniser.base);
    let mut latents = elaborator.call_several(tokeniser, "encode", part, &[frames], Some(&fields), at)?;
    let shapes: Vec<Vec<usize>> = latents.iter().map(|l| elaborator.shape(l)).collect();
    if let Some(shape) = shapes.iter().find(|shape| shape.len() < 2) {
        let instance = &plan.tokeniser.part.instance;
        let d = Diagnostic::new("E1009", format!("`encode` of `{}` gives a tensor of {} axes", instance.definition, shape.len()));
        let encode = context.input.library.definition(instance.kind, &instance.definition).and_then(|d| d.member("encode"));
        let d = d.at(encode.map_or(plan.tokeniser.base, |m| m.name.span), "defined here").also(plan.tokeniser.base, "used here");
        return Err(vec![d.help("a latent has a batch first and channels last, such as `[b t *s c]`")]);
    }
    let latent_shape = shapes[0][1..].to_vec();
    if let Some(processor) = plan.processor {
        // Several sequences of tokens go through one processor, one after the other.
        for latent in &mut latents {
            *latent = step(&mut elaborator, plan, processor, latent.clone())?;
        }
    }
    let output = elaborator.call_part(tokeniser, "decode", part, &latents, Some(&fields), at)?;
    let given = elaborator.shape(&output);
    if given != taken {
        return Err(vec![frames_differ(context, plan, &taken, &given)]);
    }
    let declared = elaborator.parameters().to_vec();
    let values: Vec<ValueId> = declared.iter().filter_map(|p| elaborator.parameter_value(&p.path)).collect();
    let graph = &elaborator.builder().graph;
    let reaches = pfm_elaborate::reaching(graph, 0, output.value);
    if let Some((op, path)) = derivatives::without_derivative(graph, &values, &reaches) {
        return Err(vec![no_derivative(plan, op, &path)]);
    }
    let reached = declared.iter().zip(values).map(|(p, v)| (p.span, reaches.contains(&v))).collect();
    let parameters = declared.into_iter().map(|p| Parameter { path: p.path, shape: p.shape, init: p.init }).collect();
    let tokens = shapes.iter().map(|s| s[..s.len() - 1].iter().product::<usize>()).sum();
    Ok(Traced { latent: latent_shape, tokens, parameters, reached })
}

/// Latent frames through the processor, with links where there are any.
fn step(elaborator: &mut Elaborator, plan: &Plan, processor: &Placed, mut latent: NamedTensor) -> Result<NamedTensor, Vec<Diagnostic>> {
    let instance = &processor.part.instance;
    let channels = *elaborator.shape(&latent).last().expect("a latent has a channel axis");
    let width = instance.setting("width").and_then(Setting::number).map_or(channels, |w| w as usize);
    if !plan.linked && width != channels {
        return Err(vec![channels_differ(plan, processor, channels, width)]);
    }
    if plan.linked {
        latent = link(elaborator, "link.in", latent, width, plan)?;
    }
    latent = elaborator.call_part(instance, "apply", &processor.part.name, &[latent], None, Some(processor.base))?;
    if plan.linked {
        latent = link(elaborator, "link.out", latent, channels, plan)?;
    }
    Ok(latent)
}

fn link(elaborator: &mut Elaborator, path: &str, input: NamedTensor, out: usize, plan: &Plan) -> Result<NamedTensor, Vec<Diagnostic>> {
    let settings = [("out".to_string(), Setting::Number(out as f64))];
    let results = elaborator.call(DefinitionKind::Block, "linear", path, &[input], &settings, Some(plan.link_span))?;
    Ok(results.into_iter().next().expect("a block gives a tensor"))
}

fn channels_differ(plan: &Plan, processor: &Placed, channels: usize, width: usize) -> Diagnostic {
    let (tokeniser, core) = (&plan.tokeniser.part.name, &processor.part.name);
    let weights = 2 * channels * width + channels + width;
    Diagnostic::new("E0412", format!("channel counts differ between `{tokeniser}` and `{core}`"))
        .at(plan.link_span, "nothing joins them here")
        .also(span_of(plan.tokeniser, "bottleneck"), format!("`{tokeniser}` ends with {channels} channels"))
        .also(span_of(processor, "width"), format!("`{core}` expects {width} channels"))
        .fix(
            format!("write `link = linear` to project {channels} → {width} and back ({} weights)", prose(weights as f64)),
            plan.link_span,
            "linear",
            false,
        )
}

/// What a model gives is compared with frames of its input's shape.
fn frames_differ(context: &Context, plan: &Plan, taken: &[usize], given: &[usize]) -> Diagnostic {
    let (placed, member) = plan.processor.map_or((plan.tokeniser, "decode"), |p| (p, "apply"));
    let instance = &placed.part.instance;
    // What comes out may have no axes at all.
    let of_sample = |sizes: &[usize]| match sizes {
        [] | [_] => "a number".to_string(),
        [_, sizes @ ..] => shown(sizes),
    };
    let d = Diagnostic::new("E1022", format!("`{}` gives {} for {}", plan.name, of_sample(given), of_sample(taken)))
        .at(placed.base, "frames of another shape come out");
    let definition = context.input.library.definition(instance.kind, &instance.definition);
    let d = match definition.and_then(|d| d.member(member)) {
        Some(found) => d.also(found.name.span, format!("`{member}` is here")),
        None => d,
    };
    d.note("sizes are frames x space x fields").help(if plan.processor.is_some() {
        "let `apply` keep the shape of the latent frames"
    } else {
        "let `decode` undo what `encode` does"
    })
}

fn no_derivative(plan: &Plan, op: &str, path: &str) -> Diagnostic {
    let root = path.split('.').next().unwrap_or_default();
    let owner = plan.processor.filter(|p| p.part.name == root).unwrap_or(plan.tokeniser);
    Diagnostic::new("E1025", format!("`{op}` has no derivative, and parameters are trained through it"))
        .at(owner.base, format!("used in `{path}`"))
        .help("keep what is trained out of it: it is meant for optimisers and metrics")
}

/// Warns about parameters that no variant's output depends on.
fn report_unreached(plan: &Plan, seen: &BTreeMap<String, (Span, bool)>, findings: &mut Findings) {
    for (path, (span, _)) in seen.iter().filter(|(_, (_, unreached))| *unreached) {
        let root = path.split('.').next().unwrap_or_default();
        let owner = plan.processor.filter(|p| p.part.name == root).unwrap_or(plan.tokeniser);
        let d = Diagnostic::new("W1024", format!("`{path}` never reaches the loss"))
            .at(*span, "nothing that is given back depends on it")
            .also(owner.base, format!("`{}` is made here", owner.part.name))
            .help("use it, or remove its declaration: it would stay as it starts");
        // A tokeniser is looked at alone and in its models.
        if !findings.said(&d) {
            findings.push(d);
        }
    }
}

/// A requirement of a definition speaks of its settings by name: the values that the file gives them are labelled too.
fn point_at_settings(mut diagnostic: Diagnostic, plan: &Plan, data: &DataPlace) -> Diagnostic {
    let words: Vec<String> = diagnostic.message.split(|c: char| !c.is_alphanumeric() && c != '_').map(|w| w.to_string()).collect();
    for placed in [Some(plan.tokeniser), plan.processor].into_iter().flatten() {
        if diagnostic.primary.as_ref().is_some_and(|label| label.span == placed.base) {
            for (name, span) in placed.settings.iter().filter(|(name, _)| words.contains(name)) {
                diagnostic = diagnostic.also(*span, format!("`{name}` is set here"));
            }
        }
    }
    match diagnostic.code {
        "E0405" => diagnostic.also(data.grid, format!("a grid of {}", shown(&data.data.grid))),
        "E0406" => diagnostic.also(data.context, format!("{} frames of context", data.data.context)),
        _ => diagnostic,
    }
}

/// `64 x 64`.
fn shown(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}

/// Adds the parameters of one variant; all variants share one set of weights.
fn join(model: &mut Model, parameters: Vec<Parameter>, plan: &Plan, label: &str, findings: &mut Findings) -> Option<()> {
    let mut at = 0;
    for parameter in parameters {
        // Variants declare much the same, in the same order.
        let guess = model.parameters.get(at).is_some_and(|p| p.path == parameter.path).then_some(at);
        let found = guess.or_else(|| model.parameters.iter().position(|p| p.path == parameter.path));
        at = found.map_or(at, |i| i + 1);
        match found.map(|i| &model.parameters[i]) {
            None => model.parameters.push(parameter),
            Some(same) if same.shape == parameter.shape => {}
            Some(other) => {
                findings.push(
                    Diagnostic::new("E0408", format!("`{}` has another shape with the choice {label}", parameter.path))
                        .at(plan.tokeniser.base, format!("{:?} and {:?}", other.shape, parameter.shape))
                        .help("all choices share one set of weights: declare it at the largest size"),
                );
                return None;
            }
        }
    }
    Some(())
}
