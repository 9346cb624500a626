//! `pfmc apply`: one of an experiment's models on a tensor from a file.

use crate::load::{self, Loaded, Source};
use crate::output::{Exit, Output};
use crate::processor::Processor;
use pfm_device::{Buffer, Pool};
use pfm_hir::Model;
use pfm_ir::Role;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Model to run: the name of a tokeniser (an autoencoder then) or of a `model` block.
    #[arg(long)]
    model: String,
    /// Compression per level, time x space, such as `1x2,2x2,2x2`. By default the choice for evaluation.
    #[arg(long)]
    choice: Option<String>,
    /// Weights under their paths.
    #[arg(long)]
    weights: PathBuf,
    /// A file with `x` (B, C, T, H, W) and optionally `fields`, the positions of its channels in the vocabulary.
    #[arg(long)]
    input: PathBuf,
    /// Where `y` goes.
    #[arg(long)]
    output: PathBuf,
    /// Names of the channels of `x`, in order. By default the file's `fields`, the data's fields, or the whole vocabulary.
    #[arg(long, value_delimiter = ',')]
    fields: Vec<String>,
    /// Divide each sample and field by its RMS before, multiply after, as training does.
    #[arg(long)]
    normalise: bool,
    #[command(flatten)]
    processor: Processor,
    /// Threads to use; the result does not depend on it.
    #[arg(long)]
    threads: Option<usize>,
}

pub fn run(args: Args, out: &Output) -> Exit {
    let loaded = match load::load(&args.source, out) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    match apply(&args, &loaded, out) {
        Ok(shape) => {
            out.line(format!("y {shape:?} written to {}", args.output.display()));
            out.value(Exit::Done, serde_json::json!({ "output": args.output, "shape": shape }));
            Exit::Done
        }
        Err(Failure::Said(exit)) => exit,
        Err(Failure::Why(message)) => out.fail(Exit::Usage, message),
    }
}

enum Failure {
    Said(Exit),
    Why(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Failure::Why(message)
    }
}

fn apply(args: &Args, loaded: &Loaded, out: &Output) -> Result<Vec<usize>, Failure> {
    let options = args.processor.options(out).map_err(Failure::Said)?;
    let experiment = loaded.experiment();
    let weights_file = read(&args.weights)?;
    let weights = parse(&args.weights, &weights_file)?;
    let named = || experiment.models.iter().filter(|m| m.name == args.model);
    // A stage may have given it more fields: the weights say which one it is.
    let model = named().find(|m| fits(m, &weights)).or_else(|| named().next()).ok_or_else(|| {
        let names: Vec<&str> = experiment.models.iter().map(|m| m.name.as_str()).collect();
        format!("no model `{}` in {}; there is {}", args.model, args.source.file.display(), names.join(", "))
    })?;
    let variant = variant(model, args.choice.as_deref())?;
    let file = read(&args.input)?;
    let tensors = parse(&args.input, &file)?;
    let x = tensors.tensor("x").map_err(|_| format!("{} has no tensor `x`", args.input.display()))?;
    let shape = x.shape().to_vec();
    if shape.len() != 5 && shape.len() != 6 {
        return Err(format!("`x` has {} axes; (B, C, T, H, W) or (B, C, T, H, W, D) is needed", shape.len()).into());
    }
    if shape.contains(&0) {
        return Err(format!("`x` is {shape:?}: it holds nothing").into());
    }
    let fields = fields(args, loaded, model, &tensors, shape[1])?;

    let context = loaded.checked.context();
    let normalise = args.normalise.then(|| experiment.data[0].normalise);
    let application = pfm_lower::Application { model, variant, fields: &fields, shape: &shape, normalise };
    let told = |d: Vec<pfm_diag::Diagnostic>| Failure::Said(out.refuse(&d, &loaded.checked.sources));
    let graph = pfm_lower::application(&context, &application).map_err(told)?;
    let compiled = pfm_compiler::compile(graph, options, &mut pfm_compiler::Silent).map_err(told)?;

    let mut inputs = Vec::new();
    for input in &compiled.inputs {
        let source = if matches!(input.role, Role::Parameter { .. }) { (&weights, &args.weights) } else { (&tensors, &args.input) };
        inputs.push(floats(source.0, source.1, &input.name, &input.ty.shape)?);
    }
    let y = &compiled.outputs[0];
    let mut result = Buffer::new(y.ty.bytes());
    let mut arena = Buffer::new(compiled.arena_bytes);
    let pool = Pool::new(args.threads.unwrap_or_else(crate::programs::default_threads));
    compiled.program.run(&pool, &mut arena, &mut inputs.iter_mut().collect::<Vec<_>>(), &mut [&mut result]);
    write(&args.output, &y.ty.shape, result.as_f32())?;
    Ok(y.ty.shape.clone())
}

fn fits(model: &Model, weights: &SafeTensors) -> bool {
    model.parameters.iter().all(|p| weights.tensor(&p.path).is_ok_and(|t| t.shape() == p.shape))
}

fn variant(model: &Model, choice: Option<&str>) -> Result<usize, String> {
    let Some(choice) = choice else { return Ok(model.evaluation) };
    model.variants.iter().position(|v| v.label == choice).ok_or_else(|| {
        let labels: Vec<&str> = model.variants.iter().map(|v| v.label.as_str()).collect();
        format!("`{}` has no choice `{choice}`; there is {}", model.name, labels.join("; "))
    })
}

fn fields(args: &Args, loaded: &Loaded, model: &Model, file: &SafeTensors, channels: usize) -> Result<Vec<String>, String> {
    let vocabulary = &model.vocabulary;
    let named = if !args.fields.is_empty() {
        args.fields.clone()
    } else if let Ok(positions) = file.tensor("fields") {
        let position = |p: i64| usize::try_from(p).ok().and_then(|p| vocabulary.get(p).cloned());
        integers(&positions)?
            .into_iter()
            .map(|p| position(p).ok_or_else(|| format!("field {p} is outside the vocabulary of {} names", vocabulary.len())))
            .collect::<Result<_, _>>()?
    } else if let Some(data) = loaded.experiment().data.iter().find(|d| d.fields.len() == channels) {
        data.fields.clone()
    } else if channels == vocabulary.len() {
        vocabulary.clone()
    } else {
        return Err(format!("`x` has {channels} channels, and nothing says which: name them with --fields or a tensor `fields`"));
    };
    if let Some(unknown) = named.iter().find(|n| !vocabulary.contains(n)) {
        return Err(format!("field `{unknown}` is not in the vocabulary of `{}`", model.name));
    }
    if let Some(twice) = named.iter().enumerate().find_map(|(i, n)| named[..i].contains(n).then_some(n)) {
        return Err(format!("field `{twice}` is named twice"));
    }
    if named.len() != channels {
        return Err(format!("`x` has {channels} channels, but {} fields are named: {}", named.len(), named.join(", ")));
    }
    Ok(named)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>, String> {
    SafeTensors::deserialize(bytes).map_err(|e| format!("{} is not a safetensors file: {e}", path.display()))
}

fn floats(file: &SafeTensors, path: &Path, name: &str, shape: &[usize]) -> Result<Buffer, String> {
    let tensor = file.tensor(name).map_err(|_| format!("{} has no tensor `{name}`", path.display()))?;
    if tensor.shape() != shape {
        return Err(format!("`{name}` is {:?} in {}; {shape:?} is needed", tensor.shape(), path.display()));
    }
    let mut buffer = Buffer::new(tensor.shape().iter().product::<usize>() * 4);
    let values = buffer.as_f32_mut();
    match tensor.dtype() {
        Dtype::F32 => {
            for (v, b) in values.iter_mut().zip(tensor.data().chunks_exact(4)) {
                *v = f32::from_le_bytes(b.try_into().expect("four bytes"));
            }
        }
        Dtype::F64 => {
            for (v, b) in values.iter_mut().zip(tensor.data().chunks_exact(8)) {
                *v = f64::from_le_bytes(b.try_into().expect("eight bytes")) as f32;
            }
        }
        other => return Err(format!("`{name}` in {} is {other:?}; F32 or F64 is needed", path.display())),
    }
    Ok(buffer)
}

fn integers(tensor: &TensorView) -> Result<Vec<i64>, String> {
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::I64 => Ok(data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("eight bytes"))).collect()),
        Dtype::I32 => Ok(data.chunks_exact(4).map(|b| i64::from(i32::from_le_bytes(b.try_into().expect("four bytes")))).collect()),
        other => Err(format!("`fields` is {other:?}; I64 or I32 is needed")),
    }
}

fn write(path: &Path, shape: &[usize], values: &[f32]) -> Result<(), String> {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, shape.to_vec(), &bytes).map_err(|e| e.to_string())?;
    safetensors::serialize_to_file([("y", view)], None, path).map_err(|e| format!("cannot write {}: {e}", path.display()))
}
