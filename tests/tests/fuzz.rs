//! Damaged files through everything that reads one: parsing, formatting, checking and planning. Nothing panics, nothing hangs, no
//! text makes memory grow; what is formatted says the same and stays as it is. `PFMC_FUZZ=1000000` tries as many texts,
//! `PFMC_FUZZ_SEED` begins elsewhere; a failure prints its seed and the text.

use pfm_compiler::{Alone, Request, check_all};
use pfm_diag::{FileId, Span, has_errors, terminal};
use pfm_syntax::{LeafKind, Parsed, format, parse};
use pfm_tests::damage::{Dice, text};
use pfm_tests::large;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Texts of a usual run: within a minute on two cores.
const USUAL: u64 = 10_000;
/// One in so many texts is planned too, as far as it has no mistake left.
const PLANNED: u64 = 32;
/// No text of this size may take longer, on a busy machine and under any profile.
const LONGEST: Duration = Duration::from_secs(20);

fn samples() -> Vec<String> {
    let mut samples = vec![include_str!("../../experiments/indomain.pfm").to_string(), large::file(260)];
    samples.extend(pfm_stdlib::FILES.iter().map(|(_, text)| text.to_string()));
    // Definitions of the standard library under an experiment that uses them: damage reaches what runs while compiling.
    samples.push(own_parts());
    samples.push(own_parts());
    samples
}

/// A file with a tokeniser, a processor and layers of its own, and a small experiment over them.
fn own_parts() -> String {
    let body = |name: &str| {
        let (_, text) = pfm_stdlib::FILES.iter().find(|(n, _)| *n == name).expect("a file of the standard library");
        text.trim_start_matches("pfm 1").to_string()
    };
    let tokeniser = body("std/tokenisers/magvit_simple.pfm").replace("magvit_simple", "own_tokeniser");
    let processor = body("std/processors/walrus.pfm").replace("walrus", "own_processor");
    let experiment = "
experiment own {
  data euler = euler_multi_quadrants { source = generate(grid: (16, 16), trajectories: 4) }
  tokeniser tok = own_tokeniser {
    level 1 { channels = 8, time = {1, 2} eval 2, space = 2 }
    level 2 { channels = 8, time = 1, space = {1, 2} eval 2 }
    fields = vocabulary(well_61)
  }
  processor core = own_processor { width = 16, heads = 2, blocks = 1 }
  model net { tokeniser = tok, processor = core }
  stage a { train = tok, data = euler, objective = reconstruct(loss: mse), optimiser = soap(lr: 1e-3), batch = 2 samples, run = 4 steps }
  stage b { train = net, data = euler, weights = a.tok, objective = next_frame(loss: mae), optimiser = adamw(lr: 1e-3), batch = 2 samples, run = 4 steps }
}
";
    format!("pfm 1\n\nuse std.well.euler_multi_quadrants\n{tokeniser}{processor}{experiment}")
}

/// Names of constructs and the text of their leaves, without blanks, line ends and what separates statements.
fn meaning(parsed: &Parsed) -> Vec<String> {
    let kept = |k: LeafKind| !matches!(k, LeafKind::Blank | LeafKind::Newline);
    let leaves = parsed.tree.leaves().into_iter().filter(|l| kept(l.kind)).map(|l| parsed.tree.text(l.span).trim_end().to_string());
    leaves.filter(|t| t != ",").collect()
}

/// The allocator that the program has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn try_one(text: &str, planned: bool) {
    let parsed = parse(FileId(0), text);
    assert_eq!(parsed.tree.print(), text, "leaves cover every byte");
    if let Ok(once) = format(text) {
        assert_eq!(format(&once).as_deref(), Ok(once.as_str()), "formatting is done after one time");
        assert_eq!(meaning(&parse(FileId(0), &once)), meaning(&parsed), "formatting keeps every word and comment");
    }
    let checked = check_all("a.pfm", text, &Request::default(), &Alone);
    for d in &checked.diagnostics {
        let fix = d.help.iter().filter_map(|h| h.fix.as_ref()).map(|f| f.span);
        let whole = |s: Span| checked.sources.file(s.file).text.get(s.start as usize..s.end as usize).is_some();
        assert!(d.primary.iter().chain(&d.secondary).map(|l| l.span).chain(fix).all(whole), "labels are inside the text: {d:?}");
    }
    if let Some(d) = checked.diagnostics.first() {
        terminal(d, &checked.sources, false);
    }
    if planned
        && !has_errors(&checked.diagnostics)
        && let Some(experiment) = &checked.experiment
    {
        for stage in &experiment.stages {
            // A plan may be refused, but it comes to an end.
            let _ = pfm_meaning::evaluation(&checked.context(), stage);
        }
    }
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(usual)
}

/// Tries the seeds of one worker; what went wrong first, with its text.
fn work(seeds: impl Iterator<Item = u64>, samples: &[&str]) -> Result<(), String> {
    for seed in seeds {
        let text = text(&mut Dice::new(seed), samples);
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| try_one(&text, seed % PLANNED == 0)));
        let took = started.elapsed();
        if outcome.is_err() || took > LONGEST {
            return Err(format!("PFMC_FUZZ_SEED={seed} PFMC_FUZZ=1: {took:?}\n{text}"));
        }
    }
    Ok(())
}

#[test]
fn damaged_files_end_in_diagnostics() {
    let (first, count) = (number("PFMC_FUZZ_SEED", 1), number("PFMC_FUZZ", USUAL));
    let samples = samples();
    let samples: Vec<&str> = samples.iter().map(String::as_str).collect();
    let workers = 2;
    let failures: Vec<String> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|w| {
                let samples = &samples;
                scope.spawn(move || work((first..first + count).skip(w).step_by(workers), samples))
            })
            .collect();
        handles.into_iter().filter_map(|h| h.join().expect("a worker catches panics").err()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Files that would explode: choices, grids, loops, lists and calls whose numbers multiply. Each ends soon, with a diagnostic.
#[test]
fn what_multiplies_is_bounded() {
    let experiment = |inside: &str, top: &str| {
        format!(
            "pfm 1\nuse std.well.euler_multi_quadrants\nuse std.processors.walrus\nuse std.tokenisers.magvit_simple\n{top}\n\
             experiment e {{\n data d = euler_multi_quadrants\n{inside}\n}}\n"
        )
    };
    let levels: String =
        (1..=20).map(|i| format!("  level {i} {{ channels = 8, time = {{1, 2}} eval 1, space = {{1, 2}} eval 1 }}\n")).collect();
    let choices = experiment(&format!(" tokeniser t = magvit_simple {{\n{levels}  fields = vocabulary(well_61)\n }}"), "");
    let axes: String = ["lr", "eps", "weight_decay"]
        .iter()
        .map(|a| format!("  optimiser.{a} = [{}]\n", (0..40).map(|i| format!("v{i}: 0.0{i}1")).collect::<Vec<_>>().join(", ")))
        .collect();
    let small = " tokeniser t = magvit_simple {\n  level 1 { channels = 8 }\n  fields = vocabulary(well_61)\n }\n";
    let stage = " stage s { train = t, data = d, objective = reconstruct(loss: mse), optimiser = adamw(lr: 1e-3), batch = 1 samples, run = 2 steps }\n";
    let cells = experiment(&format!("{small}{stage} grid g over s {{\n{axes} }}"), "");
    let code = |body: &str| {
        let tokeniser = format!(
            "tokeniser own(n: int = 3) {{\n  block encode(x: [b t *s c]) -> [b t *s c] {{\n{body}\n    x\n  }}\n  block decode(z: [b t *s c]) -> [b t *s c] {{ z }}\n}}\n"
        );
        experiment(" tokeniser t = own", &tokeniser)
    };
    let doubling = "    a = [1]\n    for i in 0 .. 60 { a = a + a }";
    let loops = "    for i in 0 .. 60_000 { for j in 0 .. 60_000 { a = i * j } }";
    let long = "    a = iota(1e11, along: p)";
    let outer = "    a = iota(60_000, along: p) * iota(60_000, along: q)\n    for i in 0 .. 50 { a = a * a }";
    let recursive = "    x = x |> encode";
    let stack = "    for i in 0 .. 60 { x = concat(x, x, along: c) }";
    for (name, text, wanted) in [
        ("choices", choices, "E0409"),
        ("cells", cells, "E0703"),
        ("a list that doubles", code(doubling), "E1024"),
        ("loops in loops", code(loops), "E1024"),
        ("a long table", code(long), "E1024"),
        ("an outer product", code(outer), ""),
        ("a call of itself", code(recursive), "E1012"),
        ("a tensor that doubles", code(stack), ""),
    ] {
        let started = Instant::now();
        let checked = check_all("a.pfm", &text, &Request::default(), &Alone);
        let codes: Vec<&str> = checked.diagnostics.iter().map(|d| d.code).collect();
        assert!(started.elapsed() < LONGEST, "{name}: {:?}", started.elapsed());
        assert!(wanted.is_empty() || codes.contains(&wanted), "{name}: {codes:?}");
    }
}
