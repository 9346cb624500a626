//! Losses, metrics, optimisers and schedules, each run once through the elaborator: what their code gives must be what training
//! takes, and a mistake in it is an error of the file, not of the run.

use std::collections::BTreeSet;

use pfm_diag::{Diagnostic, Span};
use pfm_elaborate::{Elaborator, Instance, NamedTensor, Options, Setting, Update};
use pfm_ir::{Builder, Role, TensorType, ValueId};
use pfm_syntax::ast::{Definition, DefinitionKind};

use crate::context::Context;
use crate::derivatives;
use crate::experiment::{Data, Model, Report, Stage};
use crate::findings::Findings;
use crate::schema::Kind;
use crate::tree::Tree;

/// Largest size of a spatial axis that losses and metrics are tried on.
const LARGEST: usize = 16;

/// Steps whose programs are looked at: an optimiser that acts less often is seen by its other ones.
const PHASE_STEPS: u64 = 100;

/// What the stages and reports of an experiment run.
pub(crate) struct Code<'a> {
    pub context: &'a Context<'a>,
    pub tree: &'a Tree,
    pub data: &'a [Data],
    pub models: &'a [Model],
}

impl Code<'_> {
    pub fn check(&self, stages: &[Stage], reports: &[Report], findings: &mut Findings) {
        let mut seen = BTreeSet::new();
        for stage in stages {
            let at = |setting: &str| self.place(Kind::Stage, &stage.name, setting);
            for data in stage.data.parts.iter().map(|d| &self.data[*d]) {
                if seen.insert(format!("{} on {}", stage.objective.loss, data.name)) {
                    findings.extend(self.loss(&stage.objective.loss, data, at("objective")).err().into_iter().flatten());
                }
            }
            if seen.insert(format!("{} of {}", stage.optimiser, stage.model)) {
                findings.extend(self.optimiser(&stage.optimiser, &self.models[stage.model], at("optimiser")).err().into_iter().flatten());
            }
            if let Some(schedule) = &stage.schedule
                && seen.insert(format!("{schedule} for {}", stage.run))
            {
                findings.extend(self.schedule(schedule, stage, at("schedule")).err());
            }
        }
        for report in reports {
            let Some(stage) = stages.iter().find(|s| s.name == report.stage) else { continue };
            let at = self.place(Kind::Report, &report.name, "metrics");
            let unrolled = report.unroll.iter().map(|u| (&u.metric, self.place(Kind::Report, &report.name, "unroll")));
            for (metric, at) in report.metrics.iter().map(|m| (m, at)).chain(unrolled) {
                for data in stage.data.parts.iter().map(|d| &self.data[*d]) {
                    if seen.insert(format!("{metric} on {}", data.name)) {
                        findings.extend(self.metric(metric, data, at).err().into_iter().flatten());
                    }
                }
            }
        }
    }

    /// Place of a setting's value, or of the block's label.
    fn place(&self, kind: Kind, label: &str, setting: &str) -> Option<Span> {
        let item = self.tree.find(kind, label)?;
        Some(item.value(setting).map_or(item.label.span, |e| e.span))
    }

    fn definition(&self, instance: &Instance) -> Option<&Definition> {
        self.context.input.library.definition(instance.kind, &instance.definition)
    }

    /// The definition's place, with the experiment's as the reason.
    fn wrong(&self, instance: &Instance, message: String, label: &str, at: Option<Span>) -> Diagnostic {
        let d = Diagnostic::new("E1009", message);
        let d = match self.definition(instance) {
            Some(definition) => d.at(definition.name.span, label),
            None => d,
        };
        reason(d, at)
    }

    /// The results of a loss or metric on frames of the data.
    fn compared(&self, instance: &Instance, data: &Data, at: Option<Span>) -> Result<Vec<Vec<String>>, Vec<Diagnostic>> {
        let mut builder = Builder::new(&instance.definition);
        // Axes are what is checked, so a small grid does.
        let grid: Vec<usize> = data.grid.iter().map(|n| *n.min(&LARGEST)).collect();
        let ty = TensorType::f32(&[&[1, 1], grid.as_slice(), &[data.fields.len()]].concat());
        let axes = if data.grid.len() == 3 { "b t h w d c" } else { "b t h w c" };
        let operands = ["truth", "pred"].map(|n| NamedTensor::new(builder.input(n, Role::Data, ty.clone()), axes));
        let mut elaborator =
            Elaborator::new(self.context.input.library, builder, Options { memo: Some(&self.context.memo), ..Options::default() });
        let results = elaborator.call(instance.kind, &instance.definition, "", &operands, &instance.settings, at)?;
        owns_nothing(&elaborator, instance, at)?;
        if let (DefinitionKind::Loss, [result]) = (instance.kind, results.as_slice()) {
            let graph = &elaborator.builder().graph;
            let reaches = pfm_elaborate::reaching(graph, 0, result.value);
            if result.axes.is_empty() && !reaches.contains(&operands[1].value) {
                let message = format!("nothing is trained by the loss `{}`", instance.definition);
                let d = Diagnostic::new("W1024", message);
                let d = match self.definition(instance) {
                    Some(definition) => d.at(definition.name.span, "does not depend on the prediction in a way that has a derivative"),
                    None => d,
                };
                return Err(vec![reason(d, at).help("compare the prediction with the truth, such as `mean((truth - pred)^2)`")]);
            }
            let blocked = derivatives::without_derivative(graph, &[operands[1].value], &reaches);
            if let Some((op, _)) = blocked {
                let message = format!("`{op}` has no derivative, and the loss `{}` goes through it", instance.definition);
                let d = Diagnostic { code: "E1025", ..self.wrong(instance, message, "gives no gradient", at) };
                return Err(vec![d.help("it is meant for optimisers and metrics")]);
            }
        }
        Ok(results.into_iter().map(|r| r.axes).collect())
    }

    fn loss(&self, loss: &Instance, data: &Data, at: Option<Span>) -> Result<(), Vec<Diagnostic>> {
        let results = self.compared(loss, data, at)?;
        if results == [Vec::<String>::new()] {
            return Ok(());
        }
        let message = format!("the loss `{}` gives {}, not one number", loss.definition, shown(&results));
        Err(vec![self.wrong(loss, message, "axes are left", at).help("take the mean over all axes: `mean(x)`")])
    }

    fn metric(&self, metric: &Instance, data: &Data, at: Option<Span>) -> Result<(), Vec<Diagnostic>> {
        let results = self.compared(metric, data, at)?;
        if let [axes] = results.as_slice()
            && axes.len() <= 4
            && axes.starts_with(&["b", "t", "c"].map(String::from))
        {
            return Ok(());
        }
        let message = format!("the metric `{}` gives {}, not [b t c]", metric.definition, shown(&results));
        let d = self.wrong(metric, message, "a value per sample, frame and field, and per band if there are bands", at);
        Err(vec![d.help("take the mean over space: `mean(x, over: [*s])`")])
    }

    fn schedule(&self, schedule: &Instance, stage: &Stage, at: Option<Span>) -> Result<(), Diagnostic> {
        for step in [0, stage.run.saturating_sub(1)] {
            let inputs = [("epoch", (step / stage.epoch) as f64), ("step", step as f64)];
            let number = pfm_elaborate::number(self.context.input.library, DefinitionKind::Schedule, schedule, &inputs);
            number.map_err(|d| reason(d, at))?;
        }
        Ok(())
    }

    /// One update of the first parameter of each rank, by every program.
    fn optimiser(&self, optimiser: &Instance, model: &Model, at: Option<Span>) -> Result<(), Vec<Diagnostic>> {
        let library = self.context.input.library;
        if optimiser.setting("lr").and_then(Setting::number).is_none() {
            let d = Diagnostic::new("E1005", format!("the optimiser `{}` has no rate", optimiser.definition));
            let d = self.definition(optimiser).map_or(d.clone(), |o| d.at(o.name.span, "no setting `lr`"));
            let d = at.map_or(d.clone(), |at| d.also(at, "used here"));
            return Err(vec![d.help("let it take `lr: number`: the schedule's factor is times this")]);
        }
        let mut phases: Vec<&str> = (1..=PHASE_STEPS)
            .map(|step| pfm_elaborate::phase(library, optimiser, step))
            .collect::<Result<_, _>>()
            .map_err(|d| vec![reason(d, at)])?;
        phases.sort_unstable();
        phases.dedup();
        let mut ranks = BTreeSet::new();
        for parameter in model.parameters.iter().filter(|p| ranks.insert(p.shape.len())) {
            let slots = pfm_elaborate::slots(library, optimiser, &parameter.shape).map_err(|d| vec![reason(d, at)])?;
            for phase in &phases {
                let mut builder = Builder::new(&optimiser.definition);
                let mut input = |name: &str, shape: &[usize]| builder.input(name, Role::State, TensorType::f32(shape));
                let (step, rate) = (input("step", &[]), input("rate", &[]));
                let (own, gradient) = (input("p", &parameter.shape), input("g", &parameter.shape));
                let slots: Vec<ValueId> = slots.iter().map(|s| input(&s.name, &s.shape)).collect();
                let update = Update { parameter: own, gradient, slots: &slots, rate, step, phase };
                let mut elaborator = Elaborator::new(library, builder, Options::default());
                elaborator.update(optimiser, &update, at)?;
                owns_nothing(&elaborator, optimiser, at)?;
            }
        }
        Ok(())
    }
}

/// Weights belong to tokenisers, processors and links alone.
fn owns_nothing(elaborator: &Elaborator, instance: &Instance, at: Option<Span>) -> Result<(), Vec<Diagnostic>> {
    let Some(parameter) = elaborator.parameters().first() else { return Ok(()) };
    let word = pfm_elaborate::kind_word(instance.kind);
    let d = Diagnostic::new("E1016", format!("the {word} `{}` can not have parameters", instance.definition));
    let d = d.at(parameter.span, format!("declares `{}`", parameter.path));
    Err(vec![reason(d, at).help("only tokenisers and processors own weights: take it from the settings")])
}

fn reason(d: Diagnostic, at: Option<Span>) -> Diagnostic {
    match at {
        Some(at) => d.also(at, "used here"),
        None => d,
    }
}

/// `[b t c]`, or each of several.
fn shown(results: &[Vec<String>]) -> String {
    let each: Vec<String> = results.iter().map(|axes| format!("[{}]", axes.join(" "))).collect();
    each.join(", ")
}
