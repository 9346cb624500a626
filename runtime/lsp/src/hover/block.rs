//! Hover on the blocks of an experiment: shapes in and out per choice, counts, what runs.

use super::{SHOWN, View, fenced, grouped, prose};
use pfm_hir::{Data, Experiment, Kind, Model, ModelKind, Stage, Variant};
use pfm_syntax::ast::{Block, Statement};

impl View<'_> {
    /// The experiment that holds now, or held last.
    pub(super) fn experiment(&self) -> Option<&Experiment> {
        self.now.experiment().or_else(|| self.good?.experiment())
    }

    pub(super) fn about_experiment(&self, name: &str) -> Option<String> {
        let mut out = fenced(&format!("experiment {name}"));
        let Some(e) = self.experiment().filter(|e| e.name == name) else { return Some(out) };
        if !e.doc.is_empty() {
            out.push_str(&format!("\n\n{}", prose(&e.doc.lines().map(str::to_string).collect::<Vec<_>>())));
        }
        let cells: usize = e.grids.iter().map(|g| g.cells.len()).sum();
        Some(out + &format!("\n\nunder profile `{}`: {} stages, {cells} cells of grids", profile(e), e.stages.len()))
    }

    pub(super) fn block(&self, experiment: &str, kind: Kind, name: &str) -> Option<String> {
        let written = self.written(experiment, kind, name)?;
        let mut out = fenced(&head(written));
        if !written.doc.is_empty() {
            out.push_str(&format!("\n\n{}", prose(&written.doc)));
        } else if let Some(doc) = self.doc_of_base(written) {
            out.push_str(&format!("\n\n{doc}"));
        }
        let Some(e) = self.experiment() else {
            return Some(out + "\n\n*not resolved yet: the file has errors*");
        };
        let facts = match kind {
            Kind::Data => e.data.iter().find(|d| d.name == name).map(data),
            Kind::Tokeniser | Kind::Processor => part(e, name),
            Kind::Model => e.models.iter().find(|m| m.name == name).map(|m| model(e, m)),
            Kind::Mask => Some(mask(e, name)),
            Kind::Stage => e.stages.iter().find(|s| s.name == name).map(|s| stage(e, s)),
            Kind::Grid => e.grids.iter().find(|g| g.name == name).map(|g| cells(e, g)),
            Kind::Report => e.reports.iter().find(|r| r.name == name).map(report),
            _ => None,
        };
        if let Some(facts) = facts {
            out.push_str(&format!("\n\n{facts}"));
        }
        if matches!(kind, Kind::Profile) { Some(out) } else { Some(out + &format!("\n\nunder profile `{}`", profile(e))) }
    }

    pub(super) fn label(&self, grid: &str, axis: &str, label: &str) -> Option<String> {
        let mut out = format!("`{label}`: a value of axis `{axis}` of grid `{grid}`");
        if let Some(e) = self.experiment() {
            let is = |c: &&pfm_hir::Cell| c.grid.as_deref() == Some(grid) && c.labels.iter().any(|(a, l)| a == axis && l == label);
            let names: Vec<String> = e.cells.iter().filter(is).map(|c| format!("`{}`", c.name)).collect();
            out.push_str(&format!("\n\ncells: {}", names.join(", ")));
        }
        Some(out)
    }

    fn written(&self, experiment: &str, kind: Kind, name: &str) -> Option<&Block> {
        let called = |b: &Block, name: &str| b.label.as_ref().is_some_and(|l| l.text == name);
        let experiments = self.now.experiments().filter(|e| called(e, experiment));
        let mut blocks = experiments.flat_map(|e| &e.body).filter_map(|s| match s {
            Statement::Block(block) => Some(block),
            _ => None,
        });
        blocks.find(|b| b.kind.text == kind.word() && called(b, name))
    }

    fn doc_of_base(&self, block: &Block) -> Option<String> {
        let base = block.base.as_ref()?.text();
        let mut found = self.library().definitions().iter().filter(|d| d.name.text == base);
        let definition = found.find(|d| pfm_elaborate::kind_word(d.kind) == block.kind.text)?;
        (!definition.doc.is_empty()).then(|| prose(&definition.doc))
    }
}

fn head(block: &Block) -> String {
    let label = block.label.as_ref().map_or("", |l| l.text.as_str());
    let over = block.over.as_ref().map(|o| format!(" over {}", o.text())).unwrap_or_default();
    let base = block.base.as_ref().map(|b| format!(" = {}", b.text())).unwrap_or_default();
    format!("{} {label}{over}{base}", block.kind.text)
}

fn profile(e: &Experiment) -> &str {
    e.profile.as_deref().unwrap_or("paper")
}

fn bytes(count: usize) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (0..units.len() - 1).find(|p| count < 1024usize.pow(*p as u32 + 1)).unwrap_or(units.len() - 1);
    format!("{:.1} {}", count as f64 / 1024f64.powi(power as i32), units[power])
}

fn sizes(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")
}

fn data(d: &Data) -> String {
    format!(
        "{} fields: {}\n\ngrid {}, {} frames; samples of {} frames, {} of them context",
        d.fields.len(),
        d.fields.iter().map(|f| format!("`{f}`")).collect::<Vec<_>>().join(", "),
        sizes(&d.grid),
        d.frames,
        d.window,
        d.context
    )
}

/// Data that a model is trained on, or the first.
fn data_of<'e>(e: &'e Experiment, model: &Model) -> Option<&'e Data> {
    let stage = e.stages.iter().find(|s| e.models[s.model].name == model.name);
    e.data.get(stage.and_then(|s| s.data.parts.first()).copied().unwrap_or(0))
}

fn input(e: &Experiment, model: &Model) -> Option<Vec<usize>> {
    let data = data_of(e, model)?;
    Some([&[data.context][..], &data.grid, &[data.fields.len()]].concat())
}

fn weights(model: &Model, under: &str) -> usize {
    let prefix = format!("{under}.");
    model.parameters.iter().filter(|p| p.path.starts_with(&prefix)).map(|p| p.count()).sum()
}

/// Which share of a part each stage trains.
fn trained(e: &Experiment, under: &str) -> String {
    let prefix = if under.is_empty() { String::new() } else { format!("{under}.") };
    let mut seen: Vec<String> = vec![];
    for stage in &e.stages {
        let of = e.models[stage.model].parameters.iter().zip(&stage.trainable).filter(|(p, _)| p.path.starts_with(&prefix));
        let (trained, all) = of.fold((0, 0), |(t, a), (p, on)| (t + if *on { p.count() } else { 0 }, a + p.count()));
        let masked = stage.mask.as_deref().map(|m| format!(" under `{m}`")).unwrap_or_default();
        let line = format!("- `{}` trains {} of {}{masked}", stage.name, grouped(trained), grouped(all));
        if all > 0 && !seen.contains(&line) {
            seen.push(line);
        }
    }
    seen.join("\n")
}

fn part(e: &Experiment, name: &str) -> Option<String> {
    let holds = |m: &&Model| m.tokeniser.name == name || m.processor.as_ref().is_some_and(|p| p.name == name);
    let model = e.models.iter().find(|m| m.name == name).or_else(|| e.models.iter().find(holds))?;
    let count = weights(model, name);
    let mut out = format!("{} weights, {} in f32\n\n{}", grouped(count), bytes(4 * count), trained(e, name));
    if model.tokeniser.name == name {
        let input = input(e, model)?;
        out.push_str(&format!("\n\n{}", table(model, &sizes(&input), |v| sizes(&v.latent))));
    } else if let Some(processor) = &model.processor {
        let width = processor.instance.setting("width").and_then(|w| w.number());
        let inside = |v: &Variant| {
            let mut shape = v.latent.clone();
            if let (true, Some(last), Some(width)) = (model.linked, shape.last_mut(), width) {
                *last = width as usize;
            }
            sizes(&shape)
        };
        out.push_str(&format!(
            "\n\nsteps latent frames forward, the same shape in and out (frames × space × channels):\n\n{}",
            list(model, inside)
        ));
    }
    Some(out)
}

fn model(e: &Experiment, model: &Model) -> String {
    let count = model.parameters.iter().map(|p| p.count()).sum();
    let mut out = format!("{} weights, {} in f32", grouped(count), bytes(4 * count));
    let mut parts: Vec<&str> = model.parameters.iter().filter_map(|p| p.path.split('.').next()).collect();
    parts.dedup();
    for part in parts {
        out.push_str(&format!("\n- `{part}` {}", grouped(weights(model, part))));
    }
    out.push_str(&format!("\n\n{}", trained(e, "")));
    let what = if model.kind == ModelKind::Autoencoder { "the frames again" } else { "the frames after these" };
    if let Some(input) = input(e, model) {
        out.push_str(&format!(
            "\n\nfrom {} (frames × space × fields) to {what}, by way of\n\n{}",
            sizes(&input),
            list(model, |v| sizes(&v.latent))
        ));
    }
    out
}

/// One row per choice of compression.
fn table(model: &Model, input: &str, out: impl Fn(&Variant) -> String) -> String {
    let mut text = String::from("| choice | in: frames × space × fields | out: frames × space × channels |\n|---|---|---|");
    for (i, v) in model.variants.iter().enumerate().take(SHOWN) {
        let mark = if i == model.evaluation { " (evaluation)" } else { "" };
        text.push_str(&format!("\n| {}{mark} | {input} | {} |", v.label, out(v)));
    }
    text + &more(model)
}

fn list(model: &Model, out: impl Fn(&Variant) -> String) -> String {
    let row = |(i, v): (usize, &Variant)| {
        let mark = if i == model.evaluation { " (evaluation)" } else { "" };
        format!("- {}{mark}: {}", v.label, out(v))
    };
    model.variants.iter().enumerate().take(SHOWN).map(row).collect::<Vec<_>>().join("\n") + &more(model)
}

fn more(model: &Model) -> String {
    if model.variants.len() > SHOWN { format!("\n\n… and {} more choices", model.variants.len() - SHOWN) } else { String::new() }
}

fn mask(e: &Experiment, name: &str) -> String {
    let mut lines: Vec<String> = vec![];
    for stage in e.stages.iter().filter(|s| s.mask.as_deref() == Some(name)) {
        let model = &e.models[stage.model];
        let on: Vec<_> = model.parameters.iter().zip(&stage.trainable).filter(|(_, t)| **t).map(|(p, _)| p).collect();
        let count: usize = on.iter().map(|p| p.count()).sum();
        let all: usize = model.parameters.iter().map(|p| p.count()).sum();
        let line = format!(
            "- `{}` trains {} of {} weights, {} of {} parameters",
            stage.name,
            grouped(count),
            grouped(all),
            on.len(),
            model.parameters.len()
        );
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() { "no stage uses it".to_string() } else { lines.join("\n") }
}

fn stage(e: &Experiment, s: &Stage) -> String {
    let model = &e.models[s.model];
    let data: Vec<String> = s.data.parts.iter().map(|d| format!("`{}`", e.data[*d].name)).collect();
    let mut out = format!("trains `{}` on {} for {} steps", model.name, data.join(", "), grouped(s.run as usize));
    if s.epoch > 0 && s.epoch != s.run {
        out.push_str(&format!(" ({} epochs)", s.run as f64 / s.epoch as f64));
    }
    out.push_str(&format!(", {} samples a step", s.batch));
    let trained: usize = model.parameters.iter().zip(&s.trainable).filter(|(_, t)| **t).map(|(p, _)| p.count()).sum();
    let all: usize = model.parameters.iter().map(|p| p.count()).sum();
    out.push_str(&format!("\n\n{} of {} weights", grouped(trained), grouped(all)));
    for handover in &s.weights {
        out.push_str(&format!("\n- `{}` starts from stage `{}`", handover.part, e.stages[handover.stage].name));
    }
    out.push_str(&format!("\n\noptimiser `{}`", s.optimiser));
    out
}

fn cells(e: &Experiment, grid: &pfm_hir::Grid) -> String {
    let names: Vec<String> = grid.cells.iter().map(|c| format!("- `{}`", e.cells[*c].name)).collect();
    let axes: Vec<String> = grid.axes.iter().map(|(a, labels)| format!("`{a}` ({})", labels.len())).collect();
    format!("{} cells over `{}`, axes {}\n\n{}", grid.cells.len(), grid.over, axes.join(", "), names.join("\n"))
}

fn report(r: &pfm_hir::Report) -> String {
    let metrics: Vec<String> = r.metrics.iter().map(|m| format!("`{m}`")).collect();
    let at: Vec<String> = r.at.iter().map(u64::to_string).collect();
    format!("watches `{}` at steps {}: {}", r.stage, at.join(", "), metrics.join(", "))
}
