//! The page: what was run, whether its claims hold, its numbers beside baselines, how it got there, and what predictions look
//! like. One file with its style, charts and pictures inside.

use crate::html::{escape, figures, section, table};
use crate::run::Run;
use crate::{charts, pictures, tables};
use pfm_train::{Judged, short};
use serde_json::Value;

const STYLE: &str = include_str!("style.css");

/// The experiment's name, and the cell's if there is only one.
pub(crate) fn title(runs: &[Run]) -> String {
    let mut names: Vec<&str> = vec![];
    for run in runs {
        if !names.contains(&run.metrics.experiment.as_str()) {
            names.push(&run.metrics.experiment);
        }
    }
    let cell = match runs {
        [one] if one.metrics.cell != "main" => format!(" {}", one.metrics.cell),
        _ => String::new(),
    };
    format!("{}{cell}", names.join(", "))
}

pub(crate) fn page(runs: &[Run], claims: &[Judged]) -> String {
    let title = escape(&title(runs));
    let sections = [
        section("Claims", &tables::claims(claims)),
        section("Metrics", &tables::metrics(runs)),
        section("Over the grid", &figures(&charts::comparisons(runs))),
        section("By field", &tables::by_field(runs)),
        section("Learning curves", &figures(&[charts::losses(runs), charts::curves(runs)].concat())),
        section("Forecasts", &figures(&charts::forecasts(runs))),
        section("Predictions", &runs.iter().map(pictures::pictures).collect::<String>()),
        section("Spectra", &figures(&charts::spectra(runs))),
        section("Stages and wall time", &times(runs)),
        section("Experiment", &closed(runs)),
    ];
    document(&title, &format!("{}{}", head(runs, &title), sections.concat()))
}

/// A whole page around its content, with the style inside. The title is markup already.
pub(crate) fn document(title: &str, content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{content}</main>\n</body>\n</html>\n"
    )
}

/// The experiment's own words, and a column of facts for each cell.
fn head(runs: &[Run], title: &str) -> String {
    let mut docs: Vec<&str> = vec![];
    for run in runs {
        if !docs.contains(&run.about.doc.as_str()) {
            docs.push(&run.about.doc);
        }
    }
    let paragraphs = docs.iter().flat_map(|d| d.split("\n\n")).map(str::trim).filter(|p| !p.is_empty());
    let words: String = paragraphs.map(|p| format!("<p class=\"doc\">{}</p>\n", escape(p))).collect();
    let facts: Vec<Vec<(String, String)>> = runs.iter().map(facts).collect();
    let mut names: Vec<&String> = vec![];
    for (name, _) in facts.iter().flatten() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let value = |of: &[(String, String)], name: &String| of.iter().find(|f| f.0 == *name).map_or(String::new(), |f| f.1.clone());
    let row = |name: &&String| std::iter::once((*name).clone()).chain(facts.iter().map(|f| value(f, name))).collect();
    let columns: Vec<String> = std::iter::once(String::new()).chain(runs.iter().map(|r| r.name.clone())).collect();
    format!("<header>\n<h1>{title}</h1>\n{words}{}</header>\n", table(&columns, &names.iter().map(row).collect::<Vec<_>>()))
}

/// What a cell is and where it was run.
fn facts(run: &Run) -> Vec<(String, String)> {
    let m = &run.metrics;
    let mut all = vec![
        ("experiment".to_string(), m.experiment.clone()),
        ("profile".to_string(), m.profile.clone().unwrap_or_else(|| "as written".into())),
        ("cell".to_string(), m.cell.clone()),
        ("key".to_string(), short(&m.key).to_string()),
        ("seed".to_string(), run.about.seed.to_string()),
    ];
    all.extend(m.labels.iter().cloned());
    all.extend(run.about.facts.iter().cloned());
    let environment = run.environment.as_object().into_iter().flatten();
    for (name, value) in environment {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        if *value != Value::Null && !all.iter().any(|f| f.0 == *name) {
            all.push((name.clone(), text));
        }
    }
    all
}

fn times(runs: &[Run]) -> String {
    let intervals = tables::intervals(runs);
    let details = match intervals.is_empty() {
        true => String::new(),
        false => {
            format!("<details><summary>Seconds of each stretch between points of the learning curve</summary>\n{intervals}</details>\n")
        }
    };
    format!("{}{}{details}", tables::stages(runs), figures(&charts::paces(runs)))
}

/// The closed experiment of each cell, folded.
fn closed(runs: &[Run]) -> String {
    let text = |r: &Run| match r.closed.is_empty() {
        true => String::new(),
        false => format!("<details><summary>{}</summary>\n<pre>{}</pre></details>\n", escape(&r.name), escape(&r.closed)),
    };
    runs.iter().map(text).collect()
}
