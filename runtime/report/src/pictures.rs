//! Fields side by side: the truth, the prediction on the same colour scale, and their difference on a scale of its own. Fields
//! of one dimension are drawn as lines.

use crate::chart::{Chart, Line, draw};
use crate::html::escape;
use crate::picture;
use crate::run::{Fields, Run};
use pfm_train::number;

/// Windows shown of those that a run keeps; more would make the page heavy.
const SHOWN: usize = 2;

/// The kept fields of one cell, by stage.
pub(crate) fn pictures(run: &Run) -> String {
    let mut text = String::new();
    for (stage, fields) in &run.fields {
        let names = run.stage(stage).map_or(&[][..], |s| &s.fields);
        text.push_str(&format!("<h3>{}, {}</h3>\n", escape(&run.name), escape(stage)));
        for window in 0..fields.shape[0].min(SHOWN) {
            let shown = names.iter().enumerate().take(fields.shape[3]);
            let trios: String = shown.map(|(at, name)| trio(fields, window, at, name)).collect();
            text.push_str(&format!("<div class=\"trios\">\n{trios}</div>\n"));
        }
    }
    text
}

fn trio(fields: &Fields, window: usize, at: usize, name: &str) -> String {
    let (truth, prediction) = fields.pair(window, at);
    let error: Vec<f32> = prediction.iter().zip(&truth).map(|(p, t)| p - t).collect();
    let label = format!("{name}, window {}", window + 1);
    let [_, height, width, _] = fields.shape;
    if height == 1 {
        return lines(&label, &truth, &prediction);
    }
    let finite = || truth.iter().copied().filter(|v| v.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    let largest = error.iter().filter(|v| v.is_finite()).fold(0.0f32, |m, v| m.max(v.abs()));
    let scale = format!("{} to {}", number(f64::from(low)), number(f64::from(high)));
    let each = [
        (picture::values(&truth, width, low, high), "true", scale.clone()),
        (picture::values(&prediction, width, low, high), "predicted", scale),
        (picture::errors(&error, width, largest), "error", format!("\u{b1}{}", number(f64::from(largest)))),
    ];
    let image = |(uri, what, scale): &(String, &str, String)| {
        let label = escape(&label);
        format!("<figure><img src=\"{uri}\" alt=\"{label}, {what}\"><figcaption>{label}: {what} ({scale})</figcaption></figure>\n")
    };
    format!("<div class=\"trio\">\n{}</div>\n", each.iter().map(image).collect::<String>())
}

fn lines(title: &str, truth: &[f32], prediction: &[f32]) -> String {
    let line = |name: &str, values: &[f32], dashed| Line {
        name: name.into(),
        points: values.iter().enumerate().map(|(i, v)| (i as f64, f64::from(*v))).collect(),
        dashed,
        colour: None,
    };
    let lines = vec![line("true", truth, true), line("predicted", prediction, false)];
    let chart = Chart { title, across: "grid point", up: "value", logarithmic: false, logarithmic_across: false, lines };
    crate::html::figures(&draw(&chart).into_iter().collect::<Vec<_>>())
}
