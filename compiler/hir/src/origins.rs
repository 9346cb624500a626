//! Where every setting came from: a line of the file, a profile, the command line, or a default of a definition or of the
//! language. `explain --resolved` prints these rows.

use pfm_diag::Span;
use pfm_elaborate::Instance;
use pfm_syntax::ast::{Body, Definition, DefinitionKind, Expr, ExprKind, Statement};

use crate::context::Context;
use crate::experiment::{Origin, Stage};
use crate::mixtures;
use crate::names::definition_of;
use crate::schema::{EXPERIMENT, Kind, SettingInfo};
use crate::tree::{Item, Tree};
use crate::units::digits;
use crate::values::{self, call, items};

/// The file that holds the defaults of the language.
const SCHEMA: &str = "compiler/hir/src/schema.rs";

/// Rows for all blocks, in the order of the file. `instances` are closed calls by path, such as `rollout.optimiser`.
pub(crate) fn list(
    context: &Context,
    tree: &Tree,
    profile: Option<(&str, Span)>,
    instances: &[(String, Instance)],
    stages: &[&Stage],
) -> Vec<Origin> {
    let lister = Lister { context, profile, computed: stages.iter().flat_map(|s| computed(s)).collect() };
    let mut out = vec![];
    for info in EXPERIMENT {
        let entry = tree.settings.iter().find(|e| e.name.text == info.name);
        lister.setting(&mut out, info.name.to_string(), entry.map(|e| &e.value), info);
    }
    for item in &tree.items {
        if item.kind != Kind::Profile && item.kind != Kind::Grid {
            lister.item(&mut out, tree, item, instances);
        }
    }
    out
}

/// Defaults that follow from other settings, as they came out.
fn computed(stage: &Stage) -> [(String, String); 3] {
    let row = |name: &str, value: String| (format!("{}.{name}", stage.name), value);
    [
        row("checkpoint", format!("{} steps", digits(stage.checkpoint as f64))),
        row("epoch", format!("{} batches", digits(stage.epoch as f64))),
        row("seed", stage.seed.to_string()),
    ]
}

/// What a definition of data says about a setting.
fn stated<'d>(definition: &'d Definition, name: &str) -> Option<&'d Expr> {
    let Body::Settings(statements) = &definition.body else { return None };
    statements.iter().find_map(|s| match s {
        Statement::Setting(setting) if setting.path.text() == name => Some(&setting.value),
        _ => None,
    })
}

struct Lister<'a> {
    context: &'a Context<'a>,
    profile: Option<(&'a str, Span)>,
    computed: Vec<(String, String)>,
}

impl Lister<'_> {
    fn item(&self, out: &mut Vec<Origin>, tree: &Tree, item: &Item, instances: &[(String, Instance)]) {
        let label = &item.label.text;
        if mixtures::is_mixture(item) {
            self.mixture(out, item);
        }
        let definition = definition_of(tree, self.context.input.library, item);
        for info in item.kind.settings() {
            let path = format!("{label}.{}", info.name);
            let value = item.value(info.name).or_else(|| definition.and_then(|d| stated(d, info.name)));
            match (instances.iter().find(|(p, _)| *p == path), value) {
                (Some((_, instance)), Some(expr)) => self.call(out, &path, expr, instance),
                _ => self.setting(out, path.clone(), value, info),
            }
            let loss = instances.iter().find(|(p, _)| *p == format!("{path}.loss"));
            if let (Some((loss, instance)), Some((_, [arg, ..]))) = (loss, value.and_then(call)) {
                self.call(out, loss, &arg.value, instance);
            }
        }
        self.metrics(out, item, instances);
        let Some(definition) = definition else { return };
        if let (Body::Settings(statements), Kind::Data) = (&definition.body, item.kind) {
            for statement in statements {
                let Statement::Setting(setting) = statement else { continue };
                let name = setting.path.text();
                if Kind::Data.settings().iter().all(|s| s.name != name) {
                    let value = item.value(&name).unwrap_or(&setting.value);
                    out.push(self.row(format!("{label}.{name}"), self.text(value), value.span));
                }
            }
        }
        let instance = instances.iter().find(|(p, _)| p == label);
        for parameter in &definition.params {
            let name = &parameter.name.text;
            let closed = instance.and_then(|(_, i)| i.setting(name)).map(|s| s.to_string());
            if item.levels.iter().any(|l| format!("{}s", l.word) == *name) {
                self.levels(out, item, name, definition);
                continue;
            }
            let written = item.value(name).map(|e| e.span);
            let span = written.or(parameter.default.as_ref().map(|d| d.span)).unwrap_or(parameter.span);
            let value = item.value(name).map(|e| self.text(e)).or(closed).unwrap_or_default();
            out.push(self.row(format!("{label}.{name}"), value, span));
        }
    }

    /// Numbered blocks: each setting of their record, written or by default.
    fn levels(&self, out: &mut Vec<Origin>, item: &Item, list: &str, definition: &Definition) {
        let Body::Members { definitions, .. } = &definition.body else { return };
        for level in item.levels.iter().filter(|l| format!("{}s", l.word) == list) {
            let Some(record) = definitions.iter().find(|d| d.name.text == level.word) else { continue };
            for parameter in &record.params {
                let entry = level.settings.iter().find(|e| e.name.text == parameter.name.text);
                let Some(value) = entry.map(|e| &e.value).or(parameter.default.as_ref()) else { continue };
                let path = format!("{}.{}.{}.{}", item.label.text, level.word, level.number, parameter.name.text);
                out.push(self.row(path, self.text(value), value.span));
            }
        }
    }

    /// The metrics of a report, each as a call.
    fn metrics(&self, out: &mut Vec<Origin>, item: &Item, instances: &[(String, Instance)]) {
        for expr in item.value("metrics").map(items).unwrap_or_default() {
            let Some((callee, _)) = call(expr) else { continue };
            let path = format!("{}.metrics.{}", item.label.text, callee.text());
            if let Some((_, instance)) = instances.iter().find(|(p, _)| *p == path) {
                self.call(out, &path, expr, instance);
            }
        }
    }

    /// The parts and weights of a mixture, and what the definitions among the parts state.
    fn mixture(&self, out: &mut Vec<Origin>, item: &Item) {
        let label = &item.label.text;
        let weights = item.base_args.iter().find(|a| a.name.is_some());
        for list in item.base_args.iter().filter(|a| a.name.is_none()) {
            out.push(self.row(format!("{label}.parts"), self.text(&list.value), list.value.span));
            for part in values::items(&list.value).into_iter().filter_map(values::path) {
                let definition = self.context.input.library.definition(DefinitionKind::Data, &part.text());
                let Some(Body::Settings(statements)) = definition.map(|d| &d.body) else { continue };
                for statement in statements {
                    let Statement::Setting(setting) = statement else { continue };
                    let name = setting.path.text();
                    if item.value(&name).is_none() {
                        let path = format!("{label}.{}.{name}", part.text());
                        out.push(self.row(path, self.text(&setting.value), setting.value.span));
                    }
                }
            }
        }
        match weights {
            Some(weights) => out.push(self.row(format!("{label}.weights"), self.text(&weights.value), weights.value.span)),
            None => {
                let (path, value, origin) = (format!("{label}.weights"), "equal".into(), "language".into());
                out.push(Origin { path, value, origin, span: None });
            }
        }
    }

    /// A call's name, then each argument with its default.
    fn call(&self, out: &mut Vec<Origin>, path: &str, expr: &Expr, instance: &Instance) {
        out.push(self.row(path.to_string(), instance.definition.clone(), expr.span));
        let definition = self.context.input.library.definition(instance.kind, &instance.definition);
        for (position, (name, setting)) in instance.settings.iter().enumerate() {
            let args = match &expr.kind {
                ExprKind::Call(call) => call.args.as_slice(),
                _ => &[],
            };
            let given = args
                .iter()
                .find(|a| a.name.as_ref().is_some_and(|n| n.text == *name))
                .or_else(|| args.get(position).filter(|a| a.name.is_none()));
            let default = definition
                .and_then(|d| d.params.iter().find(|p| p.name.text == *name))
                .map(|p| p.default.as_ref().map_or(p.span, |d| d.span));
            let (value, span) = match given {
                Some(arg) => (self.text(&arg.value), arg.value.span),
                None => (setting.to_string(), default.unwrap_or(expr.span)),
            };
            out.push(self.row(format!("{path}.{name}"), value, span));
        }
    }

    fn setting(&self, out: &mut Vec<Origin>, path: String, value: Option<&Expr>, info: &SettingInfo) {
        match value {
            Some(expr) => out.push(self.row(path, self.text(expr), expr.span)),
            None => {
                let computed = self.computed.iter().find(|(p, _)| *p == path).map(|(_, value)| value.clone());
                let value = computed.unwrap_or_else(|| info.default.unwrap_or("").to_string());
                out.push(Origin { path, value, origin: format!("language, {SCHEMA}:{}", info.line), span: None });
            }
        }
    }

    fn row(&self, path: String, value: String, span: Span) -> Origin {
        Origin { path, value, origin: self.origin(span), span: Some(span) }
    }

    fn text(&self, expr: &Expr) -> String {
        self.context.input.sources.text(expr.span).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn origin(&self, span: Span) -> String {
        if let Some((name, block)) = self.profile
            && block.contains(span)
        {
            return format!("profile {name}");
        }
        let file = self.context.input.sources.file(span.file);
        if file.name.starts_with("--") {
            return "--set".to_string();
        }
        format!("{}:{}", file.name, file.line_column(span.start as usize).0)
    }
}
