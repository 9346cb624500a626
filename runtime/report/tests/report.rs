//! Reports of made-up run directories: the page needs nothing else, shows every number, and can't be broken by names.

use pfm_train::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const FIELDS: [&str; 2] = ["density", "a<b"];
const SIDE: usize = 16;

fn summary(name: &str, value: Option<f64>, frames: usize) -> Summary {
    let by_frame = (0..frames).map(|k| value.map(|v| v * (k + 1) as f64)).collect();
    Summary { name: name.into(), value, deviation: Some(0.015), by_field: vec![value, None], by_frame, ..Summary::default() }
}

fn evaluation(step: u64, value: f64, last: bool) -> Evaluation {
    let range =
        |from, to| Range { from, to, model: vec![summary("vrmse", Some(value), 2)], persistence: vec![summary("vrmse", Some(1.5), 2)] };
    let whole = Whole {
        windows: 8,
        subsets: 2,
        model: vec![summary("vrmse", Some(value), 1), summary("neps.low", None, 1)],
        baselines: vec![
            Baseline { name: "persistence".into(), metrics: vec![summary("vrmse", Some(1.25), 1)] },
            Baseline { name: "mean".into(), metrics: vec![summary("vrmse", Some(1.0), 1)] },
        ],
        unroll: Some(Unrolled {
            starts: 4,
            ranges: vec![range(1, 1), range(2, 4)],
            too_long: vec![],
            model: vec![summary("vrmse", Some(value), 4)],
            persistence: vec![summary("vrmse", Some(1.5), 4)],
        }),
    };
    Evaluation { step, curve: vec![summary("vrmse", Some(value), 1)], curve_windows: 4, whole: last.then_some(whole), sets: vec![] }
}

fn metrics(cell: &str, value: f64) -> CellMetrics {
    let stage = |name: &str, report: bool| StageMetrics {
        name: name.into(),
        key: format!("{name}-0123456789"),
        steps: 40,
        samples_per_step: 4,
        skipped_steps: 0,
        weights: "feedbeef01234567".into(),
        report: report.then(|| "table".into()),
        fields: FIELDS.map(String::from).to_vec(),
        sets: vec![],
        evaluations: if report { vec![evaluation(20, 2.0 * value, false), evaluation(40, value, true)] } else { vec![] },
    };
    let values = |pairs: &[(&str, Option<f64>)]| pairs.iter().map(|(n, v)| (n.to_string(), *v)).collect();
    CellMetrics {
        experiment: "waves".into(),
        profile: Some("laptop".into()),
        cell: cell.into(),
        labels: vec![("mask".into(), cell.into())],
        key: format!("{cell}key0123456789"),
        results: values(&[
            ("vrmse", Some(value)),
            ("neps.low", None),
            ("unroll.vrmse.1", Some(value)),
            ("unroll.vrmse.2-4", Some(2.0 * value)),
        ]),
        baselines: [("persistence".to_string(), values(&[("vrmse", Some(1.25))])), ("mean".to_string(), values(&[("vrmse", Some(1.0))]))]
            .into(),
        stages: vec![stage("pretrain", false), stage("rollout", true)],
    }
}

fn events(cell: &str) -> String {
    let event = |stage: &str, step: u64| Event {
        step,
        stage: stage.into(),
        cell: cell.into(),
        name: "loss".into(),
        value: Some(1.0 / step as f64),
        unit: String::new(),
        text: None,
        time: 0.0,
    };
    let all = ["pretrain", "rollout"].into_iter().flat_map(|s| (1..=40).map(move |step| event(s, step)));
    all.map(|e| serde_json::to_string(&e).expect("plain data") + "\n").collect()
}

/// Waves as `[2 windows, SIDE, SIDE, 2 fields]`, the prediction a little smaller.
fn pictures(height: usize) -> Vec<u8> {
    let shape = vec![2, height, SIDE, FIELDS.len()];
    let wave = |scale: f32| -> Vec<u8> {
        let count: usize = shape.iter().product();
        (0..count).flat_map(|i| (scale * ((i / FIELDS.len()) as f32 * 0.7).sin()).to_le_bytes()).collect()
    };
    let (truth, prediction) = (wave(1.0), wave(0.9));
    let view = |b| safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), b).expect("fits");
    safetensors::serialize([("truth", view(&truth)), ("prediction", view(&prediction))], None).expect("serialises")
}

/// A finished cell's directory.
fn run(place: &Path, cell: &str, value: f64, height: usize) -> PathBuf {
    let directory = place.join(cell);
    let claim = |text: &str, left: Value, right: Value| json!({ "text": text, "left": left, "comparison": "<", "right": right, "within": null, "active": true });
    let of = |mask: &str| json!({ "Metric": { "factor": 1.0, "name": "vrmse", "labels": [["mask", mask]] } });
    let about = About {
        experiment: "waves".into(),
        doc: "Waves that <shrink>.\n\nSecond paragraph.".into(),
        profile: Some("laptop".into()),
        seed: 42,
        cell: cell.into(),
        claims: vec![
            claim("vrmse[main] < 0.5", of("main"), json!({ "Number": 0.5 })),
            claim("vrmse[main] < 0.1", of("main"), json!({ "Number": 0.1 })),
            claim("vrmse[frozen] < vrmse[main]", of("frozen"), of("main")),
        ],
        facts: vec![("device".into(), "cpu (Avx2)".into())],
        ..About::default()
    };
    let timing = |name: &str| StageTiming {
        name: name.into(),
        steps: 40,
        timing: Timing { training: 8.0, evaluation: 1.0, intervals: vec![Interval { from: 0, to: 20, seconds: 4.5 }], open: 0.0 },
    };
    let text = |v: Result<String, serde_json::Error>| v.expect("plain data").into_bytes();
    let files = [
        ("metrics.json", text(serde_json::to_string(&metrics(cell, value)))),
        ("about.json", text(serde_json::to_string(&about))),
        ("timing.json", text(serde_json::to_string(&[timing("pretrain"), timing("rollout")]))),
        ("env.json", text(serde_json::to_string(&json!({ "threads": 2, "os": "linux" })))),
        ("experiment.pfm", b"pfm 1\nseed = 42 # <closed>\n".to_vec()),
        (EVENTS_FILE, events(cell).into_bytes()),
        ("pictures/rollout.safetensors", pictures(height)),
    ];
    for (name, bytes) in files {
        durable::write(&directory.join(name), &bytes).expect("writes");
    }
    directory
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn one_cell_shows_everything_in_one_file() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let directory = run(place.path(), "main", 0.25, SIDE);
    let value = pfm_report::write(std::slice::from_ref(&directory), &directory).expect("writes");
    let page = read(&directory.join("report.html"));
    let expected = [
        "<h1>waves</h1>",
        "Waves that &lt;shrink&gt;.",
        "laptop",
        "cpu (Avx2)",
        "mainkey0",
        "feedbeef",
        "0.25 \u{b1} 0.015",
        "unroll.vrmse.2-4",
        "diverged or undefined",
        "persistence",
        "FAILED",
        "0.25 (main) &lt; 0.1",
        "no cell that was run has its labels",
        "loss, pretrain",
        "vrmse, rollout",
        "frames ahead",
        "cycles per box",
        "seconds per step",
        "0 to 20",
        "predicted (-1 to 1)",
        "# &lt;closed&gt;",
    ];
    for words in expected {
        assert!(page.contains(words), "the page lacks `{words}`");
    }
    // Nothing is fetched, nothing runs, and no name became markup.
    for words in ["<script", "src=\"http", "href=", "@import", "<shrink>", "a<b"] {
        assert!(!page.contains(words), "the page has `{words}`");
    }
    // Two windows of two fields, each true, predicted and error.
    assert_eq!(page.matches("data:image/png;base64,").count(), 12);
    let json: Value = serde_json::from_str(&read(&directory.join("report.json"))).expect("parses");
    assert_eq!(json, value);
    assert_eq!(json["cells"][0]["results"]["vrmse"], json!(0.25));
    let verdicts: Vec<&Value> = json["claims"].as_array().expect("a list").iter().map(|c| &c["passed"]).collect();
    assert_eq!(verdicts, [&json!(true), &json!(false), &Value::Null]);
    assert_eq!(read(&directory.join("report.yaml")), pfm_report::yaml(&value));
}

#[test]
fn cells_stand_side_by_side() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let runs = [run(place.path(), "main", 0.25, SIDE), run(place.path(), "frozen", 0.5, SIDE)];
    let folder = place.path().join("grid");
    let value = pfm_report::write(&runs, &folder).expect("writes");
    let page = read(&folder.join("report.html"));
    assert!(page.contains("0.5 (frozen) &lt; 0.25 (main)"));
    // Baselines that are the same for both have one row.
    assert_eq!(page.matches("<td>persistence</td>").count(), 1);
    assert_eq!(value["cells"][1]["cell"], json!("frozen"));
    assert_eq!(value["claims"][2]["passed"], json!(false));
}

#[test]
fn cells_of_one_name_are_told_apart() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let first = run(place.path(), "main", 0.25, SIDE);
    let value = pfm_report::write(&[first.clone(), first], &place.path().join("both")).expect("writes");
    assert_eq!(value["cells"][0]["name"], json!("waves main mainkey0"));
}

#[test]
fn fields_of_one_dimension_are_lines() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let directory = run(place.path(), "main", 0.25, 1);
    pfm_report::write(std::slice::from_ref(&directory), &directory).expect("writes");
    let page = read(&directory.join("report.html"));
    assert!(page.contains("grid point") && !page.contains("data:image"));
}

#[test]
fn a_missing_file_is_named() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let directory = run(place.path(), "main", 0.25, SIDE);
    std::fs::remove_file(directory.join("about.json")).expect("removes");
    let error = pfm_report::write(std::slice::from_ref(&directory), &directory).expect_err("refused");
    assert!(error.to_string().contains("about.json"), "{error}");
    assert!(!directory.join("report.html").exists());
    assert!(pfm_report::write(&[], &directory).is_err());
}

#[test]
fn a_plot_draws_a_result_over_an_axis_with_a_colour_for_each_label() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let mut directories = vec![];
    for (cell, mask, count, value) in
        [("a", "frozen", "1", 0.5), ("b", "frozen", "96", 0.25), ("c", "free", "1", 0.75), ("d", "free", "96", 0.125)]
    {
        let directory = run(place.path(), cell, value, SIDE);
        let change = |name: &str, adjust: &dyn Fn(&mut Value)| {
            let mut json: Value = serde_json::from_str(&read(&directory.join(name))).expect("parses");
            adjust(&mut json);
            durable::write(&directory.join(name), json.to_string().as_bytes()).expect("writes");
        };
        change("metrics.json", &|m| m["labels"] = json!([["mask", mask], ["data.trajectories", count]]));
        change("about.json", &|a| a["plots"] = json!([{ "x": "data.trajectories", "y": "vrmse", "colour": "mask" }]));
        directories.push(directory);
    }
    pfm_report::write(&directories, place.path()).expect("writes");
    let page = read(&place.path().join("report.html"));
    assert!(page.contains("Over the grid") && page.contains("vrmse over data.trajectories"), "{}", page.len());
    let chart = &page[page.find("vrmse over data.trajectories").expect("drawn")..];
    // The key to the lines stands below the drawing.
    let chart = &chart[..chart.find("</figure>").expect("ends")];
    assert!(chart.contains("frozen") && chart.contains("free"));
}
