//! Closes a stage: its numbers with units, its optimiser and schedule as instances, the parameters that it trains and where
//! its weights come from. The same stage is closed once for each cell of a grid, with that cell's settings.

use std::collections::BTreeMap;

use pfm_diag::Diagnostic;
use pfm_elaborate::Instance;
use pfm_ir::Precision;
use pfm_syntax::ast::{DefinitionKind, Expr};

use crate::calls::{self, Epoch};
use crate::closed::{DataIndex, ModelIndex};
use crate::context::Context;
use crate::epochs;
use crate::experiment::{Data, Identity, Model, ModelKind, Objective, ObjectiveKind, Stage, Units};
use crate::findings::Findings;
use crate::growth;
use crate::identity;
use crate::masks;
use crate::parallel;
use crate::reach::Reach;
use crate::schedules;
use crate::schema::Kind;
use crate::suggest::{any_of, nearest};
use crate::tree::{Item, Tree};
use crate::units::{Dimension, prose};
use crate::values::{self, call, is_word, path, wrong_form};
use crate::weights::{self, Produced};

/// What stages are closed against. A None is a thing with a mistake that was reported.
pub(crate) struct World<'a> {
    pub context: &'a Context<'a>,
    pub tree: &'a Tree,
    pub data: &'a DataIndex,
    pub models: &'a ModelIndex,
    /// Of stages that add fields, by name.
    pub grown: &'a ModelIndex,
    pub all_data: &'a [Data],
    pub all_models: &'a [Model],
    pub seed: u64,
    /// Definitions, for the identity of stages.
    pub reach: &'a Reach<'a>,
}

impl World<'_> {
    /// The stage of the item, or None when it has mistakes. `produced` holds the stages before it in this cell.
    pub fn close(&self, item: &Item, produced: &Produced, stages: &[Stage], findings: &mut Findings) -> Option<Stage> {
        let before = findings.errors();
        let model = self.look_up(item, "train", "tokeniser or model", self.models, findings);
        let model = match growth::written(item) {
            Some(_) => self.grown.get(&item.label.text).copied().flatten(),
            None => model,
        };
        let data = self.look_up(item, "data", "data", self.data, findings);
        let objective = item.value("objective").and_then(|e| self.objective(e, findings));
        let epoch = self.epoch(item, findings);
        let run = item.value("run").and_then(|e| findings.keep(run(e, epoch)));
        let epoch = epoch.filter(|_| epochs::are_counted(self.context, item)).or(run.map(|steps| Epoch { steps, span: None }));
        let optimiser =
            item.value("optimiser").and_then(|e| calls::bind(self.context, DefinitionKind::Optimiser, e, "optimiser", epoch, findings));
        let optimiser = optimiser.filter(|instance| positive_rate(item, instance, findings));
        let schedule = schedules::close(self.context, item, epoch, run, findings);
        let clip = self.clip(item, findings);
        let batch = item.value("batch").and_then(|e| findings.keep(values::whole(e, "batch", &[Dimension::Samples], 1)));
        let accumulate = item.value("accumulate").map_or(Some(1), |e| findings.keep(values::plain_whole(e, "accumulate", 1)));
        let checkpoint = self.checkpoint(item, run, findings);
        let seed = item.value("seed").map_or(Some(self.seed), |e| findings.keep(values::plain_whole(e, "seed", 0)));
        self.check_words(item, findings);
        let mask = self.mask(item, findings);
        let handover = match model {
            Some(index) => weights::close(self, item, &self.all_models[index], produced, stages, findings),
            None => None,
        };
        let precision = self.precision(item, findings);
        let parallel = parallel::close(item, findings);
        if let (Some(batch), Some(accumulate), Some(parallel)) = (batch, accumulate, &parallel) {
            parallel::check_batch(item, batch.0, accumulate, parallel, findings);
        }
        if let (Some(model), Some(data), Some(objective)) = (model, &data, &objective) {
            for part in &data.parts {
                self.check_objective(item, &self.all_models[model], &self.all_data[*part], objective, findings);
            }
        }
        if let (None, Some(Some(mask))) = (model, mask) {
            masks::check_roots(mask, &self.tree.names(Kind::Tokeniser), &self.tree.names(Kind::Processor), findings);
        }
        let (model, mask) = (model?, mask?);
        let trainable = masks::trainable(mask, &self.all_models[model].parameters);
        if let Some(mask) = mask {
            let used = UsedMask { item, model: &self.all_models[model], mask, trainable: &trainable };
            check_mask(&used, findings);
        }
        if findings.errors() > before {
            return None;
        }
        let mut stage = Stage {
            name: item.label.text.clone(),
            id: identity::stage_id(&item.label.text),
            key: String::new(),
            identity: Identity::default(),
            model,
            data: data?,
            objective: objective?,
            optimiser: optimiser?,
            schedule: schedule?,
            clip: clip?,
            batch: batch?.0 as usize,
            accumulate: accumulate? as usize,
            epoch: epoch?.steps,
            run: run?,
            weights: handover?,
            new_fields: self.new_fields(item, model),
            trainable,
            mask: mask.map(|m| m.label.text.clone()),
            variants: (0..self.all_models[model].variants.len()).collect(),
            precision: precision?,
            checkpoint: checkpoint?,
            parallel: parallel?,
            allow: words(item, "allow", "none"),
            report: None,
            seed: seed?,
        };
        let parts: Vec<&Data> = stage.data.parts.iter().map(|d| &self.all_data[*d]).collect();
        stage.identity = identity::stage(&stage, &self.all_models[model], &parts, stages, self.reach);
        stage.key = identity::key(&stage.identity, &stage.weights, stages);
        Some(stage)
    }

    fn look_up<T: Clone>(
        &self,
        item: &Item,
        setting: &str,
        what: &str,
        known: &BTreeMap<String, Option<T>>,
        findings: &mut Findings,
    ) -> Option<T> {
        let expr = item.value(setting)?;
        let Some(name) = path(expr) else {
            findings.push(wrong_form(setting, &format!("the name of a {what}"), expr, "write a name"));
            return None;
        };
        match known.get(&name.text()) {
            Some(found) => found.clone(),
            None => {
                findings.push(unknown_name(what, &name.text(), name.span, &known.keys().map(String::as_str).collect::<Vec<_>>()));
                None
            }
        }
    }

    fn objective(&self, expr: &Expr, findings: &mut Findings) -> Option<Objective> {
        let words = ["reconstruct", "next_frame"];
        let Some((callee, args)) = call(expr) else {
            findings.push(wrong_form("objective", "an objective", expr, "write `reconstruct(loss: mse)` or `next_frame(loss: mae)`"));
            return None;
        };
        let kind = match callee.text().as_str() {
            "reconstruct" => ObjectiveKind::Reconstruct,
            "next_frame" => ObjectiveKind::NextFrame,
            other => {
                findings.push(unknown_name("objective", other, callee.span, &words));
                return None;
            }
        };
        const KNOWN: [&str; 2] = ["loss", "units"];
        for (position, arg) in args.iter().enumerate() {
            let d = match &arg.name {
                Some(name) if !KNOWN.contains(&name.text.as_str()) => {
                    let d = Diagnostic::new("E0102", format!("`{}` has no argument `{}`", callee.text(), name.text))
                        .at(name.span, "unknown argument");
                    match nearest(&name.text, &KNOWN).as_slice() {
                        [] => d.help("it takes `loss` and `units`"),
                        [near, ..] => d.fix(format!("did you mean `{near}`?"), name.span, *near, true),
                    }
                }
                None if position > 0 => Diagnostic::new("E0102", format!("`{}` takes one argument without a name", callee.text()))
                    .at(arg.value.span, "one too many")
                    .help("it takes `loss` and `units`"),
                _ => continue,
            };
            findings.push(d);
            return None;
        }
        let units = args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.text == "units"));
        let units = match units.map(|a| &a.value) {
            None => Units::Normalised,
            Some(e) if is_word(e, "normalised") => Units::Normalised,
            Some(e) if is_word(e, "physical") => Units::Physical,
            Some(e) => {
                findings.push(wrong_form("units", "`normalised` or `physical`", e, "write `normalised` or `physical`"));
                return None;
            }
        };
        let loss = args.iter().find(|a| a.name.as_ref().is_none_or(|n| n.text == "loss"));
        let Some(loss) = loss else {
            findings.push(
                Diagnostic::new("E0107", format!("`{}` does not say its loss", callee.text()))
                    .at(expr.span, "no `loss:` here")
                    .help(format!("write `{}(loss: mse)`", callee.text())),
            );
            return None;
        };
        let loss = calls::bind(self.context, DefinitionKind::Loss, &loss.value, "loss", None, findings)?;
        Some(Objective { kind, loss, units })
    }

    /// The last of the vocabulary of its model, as many as the stage adds.
    fn new_fields(&self, item: &Item, model: usize) -> Vec<String> {
        let Some(new) = growth::written(item) else { return vec![] };
        let vocabulary = &self.all_models[model].vocabulary;
        let added = growth::count(self.context, new);
        vocabulary[vocabulary.len() - added..].to_vec()
    }

    fn epoch(&self, item: &Item, findings: &mut Findings) -> Option<Epoch> {
        let expr = item.value("epoch")?;
        let (steps, _) = findings.keep(values::whole(expr, "epoch", &[Dimension::Batches], 1))?;
        Some(Epoch { steps, span: Some(expr.span) })
    }

    fn clip(&self, item: &Item, findings: &mut Findings) -> Option<Option<f64>> {
        match item.value("clip") {
            None => Some(None),
            Some(expr) if is_word(expr, "none") => Some(None),
            Some(expr) => findings.keep(values::positive(expr, "clip")).map(Some),
        }
    }

    /// The tenth of the run, at most 500 steps, unless written: what is lost when a run is cut off stays small on short and
    /// long runs alike.
    fn checkpoint(&self, item: &Item, run: Option<u64>, findings: &mut Findings) -> Option<u64> {
        match item.value("checkpoint") {
            Some(expr) => findings.keep(values::whole(expr, "checkpoint", &[Dimension::Steps], 1)).map(|(steps, _)| steps),
            None => run.map(|steps| steps.div_ceil(10).clamp(1, 500)),
        }
    }

    fn check_words(&self, item: &Item, findings: &mut Findings) {
        let words = ["none", "frozen_random"];
        for one in item.value("allow").into_iter().flat_map(values::items) {
            match path(one) {
                Some(name) if words.contains(&name.text().as_str()) => {}
                Some(name) => findings.push(unknown_name("value of `allow`", &name.text(), name.span, &words)),
                None => findings.push(wrong_form("allow", "a word", one, &format!("write {}", any_of(&words)))),
            }
        }
    }

    fn precision(&self, item: &Item, findings: &mut Findings) -> Option<Precision> {
        let Some(expr) = item.value("precision") else {
            return Some(Precision::F32);
        };
        let name = path(expr).map(|p| p.text()).unwrap_or_default();
        let found = Precision::named(&name);
        if found.is_none() {
            let known = Precision::ALL.map(Precision::name);
            let near = nearest(&name, &known).first().copied().unwrap_or("f32");
            let d = Diagnostic::new("E0803", format!("`{name}` is not a precision")).at(expr.span, format!("it is {}", any_of(&known)));
            findings.push(d.fix(format!("did you mean `{near}`?"), expr.span, near, false));
        }
        found
    }

    /// The mask's block; the inner None is no mask, the outer one a mistake.
    fn mask(&self, item: &Item, findings: &mut Findings) -> Option<Option<&Item>> {
        let Some(expr) = item.value("mask").filter(|e| !is_word(e, "none")) else {
            return Some(None);
        };
        let Some(name) = path(expr) else {
            findings.push(wrong_form("mask", "the name of a mask", expr, "write a name, or `none`"));
            return None;
        };
        let found = self.tree.find(Kind::Mask, &name.text());
        if found.is_none() {
            findings.push(unknown_name("mask", &name.text(), name.span, &self.tree.names(Kind::Mask)));
        }
        found.map(Some)
    }

    fn check_objective(&self, item: &Item, model: &Model, data: &Data, objective: &Objective, findings: &mut Findings) {
        let (Some(train), Some(written)) = (item.value("train"), item.value("objective")) else { return };
        let fits = matches!(
            (objective.kind, model.kind),
            (ObjectiveKind::Reconstruct, ModelKind::Autoencoder) | (ObjectiveKind::NextFrame, ModelKind::Predictor)
        );
        if !fits {
            let (is, takes, other) = match objective.kind {
                ObjectiveKind::Reconstruct => ("a model", "a tokeniser", "next_frame"),
                ObjectiveKind::NextFrame => ("a tokeniser", "a model", "reconstruct"),
            };
            findings.push(
                Diagnostic::new("E0605", format!("this objective trains {takes}, `{}` is {is}", model.name))
                    .at(written.span, format!("wants {takes}"))
                    .also(train.span, format!("{is} here"))
                    .help(format!("write `{other}(loss: {})`, or train {takes}", objective.loss.definition)),
            );
        } else if objective.kind == ObjectiveKind::NextFrame && data.window != data.context + 1 {
            let block = self.tree.find(Kind::Data, &data.name);
            let d = Diagnostic::new(
                "E0208",
                format!(
                    "a window of {} frames leaves {} to predict after {} of context, `next_frame` predicts 1",
                    data.window,
                    data.window.saturating_sub(data.context),
                    data.context
                ),
            )
            .at(written.span, "predicts one frame");
            let d = match block.and_then(|b| b.value("window")) {
                Some(window) => d.also(window.span, "the window"),
                None => d,
            };
            findings.push(d.help(format!("write `window = {} frames`", data.context + 1)));
        }
    }
}

/// The words of a setting, sorted, or the one that holds when it is not written.
fn words(item: &Item, setting: &str, default: &str) -> Vec<String> {
    let mut words: Vec<String> = match item.value(setting) {
        Some(expr) => values::items(expr).into_iter().filter_map(path).map(|p| p.text()).collect(),
        None => vec![default.to_string()],
    };
    words.sort();
    words.dedup();
    words
}

/// A mask over the model of one stage.
pub(crate) struct UsedMask<'a> {
    pub item: &'a Item,
    pub model: &'a Model,
    pub mask: &'a Item,
    pub trainable: &'a [bool],
}

fn check_mask(used: &UsedMask, findings: &mut Findings) {
    let before = findings.errors();
    masks::check(used.mask, used.model, findings);
    if findings.errors() > before {
        return;
    }
    let UsedMask { item, model, mask, trainable } = used;
    if !trainable.contains(&true) && !trainable.is_empty() {
        let tensors = prose(trainable.len() as f64);
        let d = Diagnostic::new("E0303", format!("stage `{}` has nothing to train", item.label.text))
            .at(mask.label.span, format!("freezes all {tensors} tensors of `{}`", model.name));
        let d = match item.value("train") {
            Some(train) => d.also(train.span, "trains it"),
            None => d,
        };
        findings.push(d.help("write `mask = none`, or widen the mask's `except`"));
    }
}

/// Whatever the optimiser, its rate `lr` goes downhill.
fn positive_rate(item: &Item, optimiser: &Instance, findings: &mut Findings) -> bool {
    let rate = optimiser.setting("lr").and_then(pfm_elaborate::Setting::number);
    let (Some(rate), Some(written)) = (rate.filter(|r| !(*r > 0.0 && r.is_finite())), item.value("optimiser")) else { return true };
    let args = values::call(written).map_or(&[][..], |(_, args)| args);
    let arg = args.iter().find(|a| a.name.as_ref().is_none_or(|n| n.text == "lr"));
    findings.push(
        Diagnostic::new("E0207", format!("`lr` is greater than zero, found {rate}"))
            .at(arg.map_or(written.span, |a| a.value.span), "out of range")
            .help("write a positive number"),
    );
    false
}

fn run(expr: &Expr, epoch: Option<Epoch>) -> Result<u64, Diagnostic> {
    match values::whole(expr, "run", &[Dimension::Steps, Dimension::Epochs], 1) {
        Ok((steps, Dimension::Steps)) => Ok(steps),
        Ok((epochs, _)) => match epoch {
            Some(epoch) => Ok(epochs * epoch.steps),
            None => Err(Diagnostic::new("E0203", "this stage does not say how long an epoch is")
                .at(expr.span, "a number of epochs")
                .help("write `epoch = 1_000 batches`, or give `run` in steps")),
        },
        Err(d) if d.code == "E0201" => Err(match (crate::units::quantity(expr), epoch) {
            (Some(Ok(q)), Some(epoch)) => {
                let d = d.note(format!("{} epochs here would be {} steps", prose(q.value), prose(q.value * epoch.steps as f64)));
                match epoch.span {
                    Some(span) => d.also(span, "what an epoch is here"),
                    None => d,
                }
            }
            _ => d,
        }),
        Err(d) => Err(d),
    }
}

/// `no WHAT is called NAME`, with near names or all of a few.
pub(crate) fn unknown_name(what: &str, name: &str, span: pfm_diag::Span, known: &[&str]) -> Diagnostic {
    let d = Diagnostic::new("E0104", format!("no {what} is called `{name}`")).at(span, "not known");
    match nearest(name, known).as_slice() {
        [] if known.is_empty() => d.help(format!("declare a {what} of this name")),
        [] => d.help(format!("there is {}", any_of(&known[..known.len().min(6)]))),
        [near, ..] => d.fix(format!("did you mean `{near}`?"), span, *near, false),
    }
}

/// Schedules are optional twice: not written, or the constant one.
pub(crate) type ClosedSchedule = Option<Option<Instance>>;
