//! Losses, metrics, optimisers and schedules, each run once through the elaborator: what their code gives must be what training
//! takes, and a mistake in it is an error of the file, not of the run.

use std::collections::BTreeSet;

use pfm_diag::{Diagnostic, Span};
use pfm_elaborate::{Elaborator, Instance, NamedTensor, Options, Setting};
use pfm_ir::{Builder, Role, TensorType};
use pfm_syntax::ast::{Body, Definition, DefinitionKind};

use crate::experiment::{Data, Model, Report, Stage};
use crate::findings::Findings;
use crate::resolve::Context;
use crate::schema::Kind;
use crate::tree::Tree;

/// Largest size of a spatial axis that losses and metrics are tried on.
const LARGEST: usize = 16;

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
        match at {
            Some(at) => d.also(at, "used here"),
            None => d,
        }
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
            number.map_err(|d| match at {
                Some(at) => d.also(at, "used here"),
                None => d,
            })?;
        }
        Ok(())
    }

    /// One update of the first parameter of each rank.
    fn optimiser(&self, optimiser: &Instance, model: &Model, at: Option<Span>) -> Result<(), Vec<Diagnostic>> {
        let library = self.context.input.library;
        if optimiser.setting("lr").and_then(Setting::number).is_none() {
            let d = Diagnostic::new("E1005", format!("the optimiser `{}` has no rate", optimiser.definition));
            let d = self.definition(optimiser).map_or(d.clone(), |o| d.at(o.name.span, "no setting `lr`"));
            let d = at.map_or(d.clone(), |at| d.also(at, "used here"));
            return Err(vec![d.help("let it take `lr: number`: the schedule's factor is times this")]);
        }
        let Some(Body::Members { slots, definitions }) = self.definition(optimiser).map(|d| &d.body) else { return Ok(()) };
        // The one whose update is part of the compiler.
        if definitions.is_empty() && library.root(DefinitionKind::Optimiser, &optimiser.definition) == "soap" {
            return Ok(());
        }
        let mut ranks = BTreeSet::new();
        for parameter in model.parameters.iter().filter(|p| ranks.insert(p.shape.len())) {
            let mut builder = Builder::new(&optimiser.definition);
            let axes: Vec<String> = (0..parameter.shape.len()).map(|a| format!("a{a}")).collect();
            let names = ["p", "g"].into_iter().chain(slots.iter().map(|s| s.name.text.as_str()));
            let shaped =
                |n: &str, b: &mut Builder| NamedTensor::new(b.input(n, Role::State, TensorType::f32(&parameter.shape)), &axes.join(" "));
            let mut inputs: Vec<(&str, NamedTensor)> = names.map(|n| (n, shaped(n, &mut builder))).collect();
            for n in ["step", "rate"] {
                inputs.push((n, NamedTensor::new(builder.input(n, Role::Data, TensorType::f32(&[])), "")));
            }
            let mut elaborator = Elaborator::new(library, builder, Options::default());
            let results = elaborator.call_member(optimiser, "update", "p", &inputs, &[], at)?;
            let wanted = 1 + slots.len();
            let same = results.iter().all(|r| r.axes == axes);
            if results.len() != wanted || !same {
                let found: Vec<Vec<String>> = results.into_iter().map(|r| r.axes).collect();
                let names: Vec<&str> = std::iter::once("p").chain(slots.iter().map(|s| s.name.text.as_str())).collect();
                let message = format!("`update` of `{}` gives {}, not its new {}", optimiser.definition, shown(&found), names.join(", "));
                return Err(vec![self.wrong(optimiser, message, "of the shape of the parameter, in this order", at)]);
            }
        }
        Ok(())
    }
}

/// `[b t c]`, or each of several.
fn shown(results: &[Vec<String>]) -> String {
    let each: Vec<String> = results.iter().map(|axes| format!("[{}]", axes.join(" "))).collect();
    each.join(", ")
}
