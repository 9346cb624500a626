//! Data, parts and models of one tree, closed. A cell of a grid that changes a block has a tree of its own; what is the same in
//! several trees is closed once and kept in the pool.

use std::collections::BTreeMap;

use pfm_diag::{Diagnostic, Span};
use pfm_elaborate::Setting;
use pfm_syntax::ast::Expr;

use crate::context::Context;
use crate::experiment::{Data, Further, Mixture, Model, Part, Weights};
use crate::findings::Findings;
use crate::growth::{self, Tuned};
use crate::models::{self, DataPlace, Placed};
use crate::schema::Kind;
use crate::tree::{Item, Tree};
use crate::{data, mixtures, parts, stages, values, weights};

pub(crate) type DataIndex = BTreeMap<String, Option<Mixture>>;
pub(crate) type ModelIndex = BTreeMap<String, Option<usize>>;
pub(crate) type PartIndex = BTreeMap<String, Option<Placed>>;

/// Everything closed so far, each once.
#[derive(Default)]
pub(crate) struct Pool {
    pub data: Vec<Data>,
    pub models: Vec<Model>,
    /// Of each data set, where the file says its grid and its context.
    places: Vec<(Span, Span)>,
    /// Of each model, what it was closed from.
    origins: Vec<String>,
}

/// The blocks of one tree by name. A None is a block with a mistake, which was reported.
pub(crate) struct Closed {
    pub data: DataIndex,
    pub parts: PartIndex,
    pub models: ModelIndex,
    /// By stage: its own model, where it adds fields to the vocabulary.
    pub grown: ModelIndex,
}

impl Pool {
    /// The index of the data, which is added unless it is there.
    pub fn add_data(&mut self, item: &Item, data: Data) -> usize {
        if let Some(index) = self.data.iter().position(|d| *d == data) {
            return index;
        }
        let span = |name: &str| item.value(name).map_or(item.label.span, |e| e.span);
        self.places.push((span("source"), span("context")));
        self.data.push(data);
        self.data.len() - 1
    }

    fn place(&self, index: usize) -> DataPlace<'_> {
        let (grid, context) = self.places[index];
        DataPlace { data: &self.data[index], grid, context }
    }
}

/// Closes the blocks of a tree.
pub(crate) fn close(context: &Context, tree: &Tree, pool: &mut Pool, findings: &mut Findings) -> Closed {
    let data = close_data(context, tree, pool, findings);
    let parts = close_parts(context, tree, findings);
    let mut closed = Closed { data, parts, models: ModelIndex::new(), grown: ModelIndex::new() };
    close_models(context, tree, &mut closed, pool, findings);
    for stage in tree.of(Kind::Stage).filter(|s| growth::written(s).is_some()) {
        let index = close_grown(context, tree, stage, &closed, pool, findings);
        closed.grown.insert(stage.label.text.clone(), index);
    }
    closed
}

fn close_data(context: &Context, tree: &Tree, pool: &mut Pool, findings: &mut Findings) -> DataIndex {
    let mut index = DataIndex::new();
    for item in tree.of(Kind::Data).filter(|i| !mixtures::is_mixture(i)) {
        let closed = data::close(context, item, findings).map(|d| pool.add_data(item, d));
        index.insert(item.label.text.clone(), closed.map(|d| Mixture { parts: vec![d], weights: Weights::Equal }));
    }
    for item in tree.of(Kind::Data).filter(|i| mixtures::is_mixture(i)) {
        let closed = mixtures::close(context, tree, item, &index, pool, findings);
        index.insert(item.label.text.clone(), closed);
    }
    index
}

fn close_parts(context: &Context, tree: &Tree, findings: &mut Findings) -> PartIndex {
    let items = tree.items.iter().filter(|i| matches!(i.kind, Kind::Tokeniser | Kind::Processor));
    items.map(|item| (item.label.text.clone(), parts::close(context, item, findings).map(|part| placed(item, part)))).collect()
}

fn placed(item: &Item, part: Part) -> Placed {
    let base = item.base.as_ref().map_or(item.label.span, |b| b.span);
    let settings = item.settings.iter().map(|e| (e.name.text.clone(), e.value.span)).collect();
    Placed { part, label: item.label.span, base, settings }
}

/// Every tokeniser alone and every model block, each on the data of the stages that train it.
fn close_models(context: &Context, tree: &Tree, closed: &mut Closed, pool: &mut Pool, findings: &mut Findings) {
    for item in tree.of(Kind::Tokeniser) {
        let name = &item.label.text;
        let index = closed.parts[name].as_ref().and_then(|tokeniser| {
            let (data, tuned) = model_data(tree, tokeniser, name, closed, pool);
            let link_span = item.label.span;
            let plan = models::Plan { name, tokeniser, processor: None, linked: false, link_span, tuned: &tuned, grown: false };
            close_on(context, &plan, &data, pool, findings)
        });
        closed.models.insert(name.clone(), index);
    }
    for item in tree.of(Kind::Model) {
        let index = close_model(context, tree, item, closed, pool, findings);
        closed.models.insert(item.label.text.clone(), index);
    }
}

/// What a `model` block joins.
struct Joined<'a> {
    tokeniser: &'a Placed,
    processor: &'a Placed,
    linked: bool,
    link_span: Span,
}

fn joined<'a>(item: &Item, closed: &'a Closed, findings: &mut Findings) -> Option<Joined<'a>> {
    let mut part = |setting: &str| -> Option<&'a Placed> {
        let expr = item.value(setting)?;
        let Some(name) = values::path(expr) else {
            findings.push(values::wrong_form(setting, &format!("the name of a {setting}"), expr, "write a name"));
            return None;
        };
        match closed.parts.get(&name.text()) {
            Some(part) => part.as_ref(),
            None => {
                let known: Vec<&str> = closed.parts.keys().map(String::as_str).collect();
                findings.push(stages::unknown_name(setting, &name.text(), name.span, &known));
                None
            }
        }
    };
    let (tokeniser, processor) = (part("tokeniser"), part("processor"));
    let link = item.value("link");
    let linked = match link {
        None => true,
        Some(expr) if values::is_word(expr, "linear") => true,
        Some(expr) if values::is_word(expr, "none") => false,
        Some(expr) => {
            findings.push(values::wrong_form("link", "`linear` or `none`", expr, "write `linear`"));
            return None;
        }
    };
    Some(Joined { tokeniser: tokeniser?, processor: processor?, linked, link_span: link.map_or(item.label.span, |e| e.span) })
}

fn close_model(context: &Context, tree: &Tree, item: &Item, closed: &Closed, pool: &mut Pool, findings: &mut Findings) -> Option<usize> {
    let Joined { tokeniser, processor, linked, link_span } = joined(item, closed, findings)?;
    // What is wrong with the tokeniser alone was reported there.
    closed.models.get(&tokeniser.part.name).copied().flatten()?;
    let name = &item.label.text;
    let (data, tuned) = model_data(tree, tokeniser, name, closed, pool);
    let plan = models::Plan { name, tokeniser, processor: Some(processor), linked, link_span, tuned: &tuned, grown: false };
    close_on(context, &plan, &data, pool, findings)
}

/// The model that a stage with `new_fields` trains, on the data of that stage.
fn close_grown(context: &Context, tree: &Tree, stage: &Item, closed: &Closed, pool: &mut Pool, findings: &mut Findings) -> Option<usize> {
    let (new, train) = (growth::written(stage)?, stage.value("train").and_then(values::path)?);
    let name = train.text();
    let data = stage.value("data").and_then(values::path).and_then(|d| closed.data.get(&d.text()).cloned().flatten())?.parts;
    // Mistakes of its blocks were reported where the model was closed as they write it.
    let mut quiet = Findings::default();
    let join = tree.find(Kind::Model, &name).map(|item| joined(item, closed, &mut quiet));
    let tokeniser = match &join {
        Some(join) => join.as_ref()?.tokeniser,
        None => closed.parts.get(&name).filter(|_| tree.find(Kind::Tokeniser, &name).is_some())?.as_ref()?,
    };
    if !model_data(tree, tokeniser, &name, closed, pool).0.is_empty() {
        closed.models.get(&name).copied().flatten()?;
    }
    let tokeniser = growth::grown(context, tokeniser, new, findings)?;
    let (name, tokeniser, tuned, grown) = (name.as_str(), &tokeniser, &[][..], true);
    let plan = match join.flatten() {
        Some(Joined { processor, linked, link_span, .. }) => {
            models::Plan { name, tokeniser, processor: Some(processor), linked, link_span, tuned, grown }
        }
        None => models::Plan { name, tokeniser, processor: None, linked: false, link_span: tokeniser.label, tuned, grown },
    };
    close_on(context, &plan, &data, pool, findings)
}

/// Checks the model on all its data, unless that was done for another cell; its latent shapes are those of the first.
fn close_on(context: &Context, plan: &models::Plan, data: &[usize], pool: &mut Pool, findings: &mut Findings) -> Option<usize> {
    // A model sees of its data what it is called and what shapes depend on.
    let seen = |d: &usize| {
        let data = &pool.data[*d];
        format!("{:?} {} {:?}", data.grid, data.context, data.fields)
    };
    let shapes: Vec<String> = data.iter().map(seen).collect();
    let names: Vec<&str> = data.iter().map(|d| pool.data[*d].name.as_str()).collect();
    let processor = plan.processor.map(|p| format!("{} {}", p.part.name, p.part.instance)).unwrap_or_default();
    let origin = format!("{} {} {processor} {} {names:?} {shapes:?}", plan.name, plan.tokeniser.part.instance, plan.linked);
    if let Some(index) = pool.origins.iter().position(|o| *o == origin) {
        return Some(index);
    }
    let mut closed: Vec<Option<Model>> = vec![];
    for (at, index) in data.iter().enumerate() {
        let same = shapes[..at].iter().position(|s| *s == shapes[at]);
        closed.push(match same {
            Some(earlier) => closed[earlier].clone(),
            None => models::close(context, plan, &pool.place(*index), findings),
        });
    }
    let mut closed = closed.into_iter().collect::<Option<Vec<Model>>>()?.into_iter();
    let mut model = closed.next()?;
    for (other, at) in closed.zip(&data[1..]) {
        if let Some(diagnostic) = differ(plan, &model, &other, &pool.data[data[0]], &pool.data[*at]) {
            findings.push(diagnostic);
            return None;
        }
        for (variant, further) in model.variants.iter_mut().zip(other.variants) {
            let data = pool.data[*at].name.clone();
            variant.further.push(Further { data, latent: further.latent, tokens: further.tokens });
        }
    }
    pool.origins.push(origin);
    pool.models.push(model);
    Some(pool.models.len() - 1)
}

/// One set of weights must serve all data of a model.
fn differ(plan: &models::Plan, one: &Model, other: &Model, first: &Data, second: &Data) -> Option<Diagnostic> {
    let at = plan.tokeniser.base;
    if one.vocabulary != other.vocabulary {
        return Some(
            Diagnostic::new("E0503", format!("`{}` and `{}` have different fields", first.name, second.name))
                .at(at, "has one row of weights for each field in order")
                .help("use a tokeniser with a vocabulary, such as `fields = vocabulary(well_61)`"),
        );
    }
    let pair = one.parameters.iter().zip(&other.parameters).find(|(a, b)| a.path != b.path || a.shape != b.shape);
    let count = one.parameters.len() != other.parameters.len();
    let (a, b) = pair.or(if count { one.parameters.last().zip(other.parameters.last()) } else { None })?;
    Some(
        Diagnostic::new("E0408", format!("`{}` has another shape on `{}`", a.path, second.name))
            .at(at, format!("{:?} on `{}`, {:?} on `{}`", a.shape, first.name, b.shape, second.name))
            .help("weights must not depend on the grid or the number of frames where a model trains on several data sets"),
    )
}

/// Data of the stages that train a model as its blocks write it, or train one that holds it as a part; and those of stages behind
/// the first or with earlier weights. Where there are none, data that it knows the fields of.
fn model_data(tree: &Tree, tokeniser: &Placed, name: &str, closed: &Closed, pool: &Pool) -> (Vec<usize>, Vec<Tuned>) {
    let word = |expr: Option<&Expr>| expr.and_then(values::path).map(|p| p.text());
    let holds =
        |model: &str| model == name || tree.find(Kind::Model, model).is_some_and(|m| word(m.value("tokeniser")).as_deref() == Some(name));
    let (mut found, mut tuned, mut grows) = (vec![], vec![], false);
    for stage in tree.of(Kind::Stage).filter(|s| word(s.value("train")).is_some_and(|t| holds(&t))) {
        if growth::written(stage).is_some() {
            grows = true;
            continue;
        }
        let Some(written) = stage.value("data") else { continue };
        let goes_on = !found.is_empty() || stage.value("weights").is_some_and(|w| !weights::sources(w).is_empty());
        let data = word(Some(written)).and_then(|d| closed.data.get(&d).cloned().flatten());
        for part in data.iter().flat_map(|m| &m.parts) {
            if !found.contains(part) {
                found.push(*part);
            }
            if goes_on {
                tuned.push(Tuned { stage: stage.label.text.clone(), data: pool.data[*part].name.clone(), at: written.span });
            }
        }
    }
    if found.is_empty() {
        let known = |d: &Data| match tokeniser.part.instance.setting("fields") {
            Some(Setting::Vocabulary(names)) => d.fields.iter().all(|f| names.contains(f)),
            _ => true,
        };
        found.extend(if grows { pool.data.iter().position(known) } else { (!pool.data.is_empty()).then_some(0) });
    }
    (found, tuned)
}
