//! Locks are read back as they were written, and differences are said in words: each edit of a small experiment, and all that is
//! said about it.

use pfm_compiler::{Alone, World};
use pfm_meaning::{Change, Costs, Meaning, Read, compare, differs, from_text, missing, read, to_text, unreadable};
use std::path::Path;

const SMALL: &str = r#"pfm 1

use std.well.euler_multi_quadrants
use std.tokenisers.magvit_simple
use std.processors.walrus
use std.metrics.{vrmse, neps}

experiment small {
  seed = 0
  data euler = euler_multi_quadrants { source = generate(grid: (32, 32), trajectories: 4) }
  tokeniser tok = magvit_simple {
    level 1 { channels = 8, space = 2 }
    level 2 { channels = 8, time = {1, 2} eval 2, space = 2 }
    bottleneck = 6
    fields     = vocabulary([energy, density, pressure, momentum_x, momentum_y])
  }
  processor core = walrus { width = 16, heads = 2, blocks = 1 }
  model net { tokeniser = tok, processor = core }
  mask heads { freeze tok.** except tok.encoder.head, tok.decoder.head }
  stage pretrain {
    train = tok, data = euler, objective = reconstruct(loss: mse), optimiser = soap(lr: 1e-3), batch = 2 samples, run = 4 steps
  }
  stage rollout {
    train     = net
    weights   = pretrain.tok
    mask      = heads
    data      = euler
    objective = next_frame(loss: mae)
    optimiser = adamw(lr: 5e-5)
    batch     = 2 samples
    run       = 4 steps
  }
  grid table over rollout { mask = [all: none, heads: heads] }
  report table { metrics = [vrmse, neps(bands: 2)] }
  expect vrmse < 2
  profile quick default { rollout.optimiser.lr = 5e-4, *.batch = 4 samples }
}
"#;

fn meaning(text: &str, costs: &Costs) -> Read {
    match read("small.pfm", text, None, costs, &Alone) {
        Ok(read) => read,
        Err((sources, said)) => panic!("{}", said.iter().map(|d| pfm_diag::terminal(d, &sources, false)).collect::<String>()),
    }
}

fn quick(text: &str) -> Meaning {
    meaning(text, &Costs::None).meaning
}

/// Differences after an edit of the small experiment, as they are said.
fn said(from: &str, to: &str) -> Vec<String> {
    assert!(SMALL.contains(from), "{from} stands in the file");
    compare(&quick(SMALL), &quick(&SMALL.replace(from, to))).iter().map(Change::to_string).collect()
}

#[test]
fn a_lock_is_read_back_as_it_was_written() {
    let all = meaning(SMALL, &Costs::All).meaning;
    let text = to_text(&all, "small.pfm");
    assert_eq!(from_text(&text).as_ref(), Some(&all));
    assert_eq!(to_text(&meaning(SMALL, &Costs::All).meaning, "small.pfm"), text);
    assert!(compare(&all, &quick(SMALL)).is_empty(), "costs that are not known are not compared");
    let costs = all.experiments["small"].profiles.values().flat_map(|p| p.stages.values()).map(|s| s.cost.as_ref().expect("planned"));
    assert!(costs.into_iter().all(|c| c.flops > 1e6 && c.memory() > c.weights && c.slots > 0));
    assert_eq!(from_text("lock: nothing"), None);
}

#[test]
fn layout_comments_order_and_names_of_files_mean_nothing() {
    let moved = SMALL.replace("  seed = 0\n", "").replace("  model net {", "\n\n  # Why not.\n  seed = 0  # here\n  model net {");
    let moved = moved.replace("experiment small", "## Documentation.\nexperiment other");
    assert_eq!(compare(&quick(SMALL), &quick(&moved)), []);
}

#[test]
fn edits_are_told_in_words() {
    let lr = said("adamw(lr: 5e-5)", "adamw(lr: 1e-4)");
    assert_eq!(lr, ["rollout.optimiser.lr 5e-5 → 1e-4  (under paper)"], "the other profile sets its own");
    let mask = said("tok.encoder.head, tok.decoder.head }", "tok.encoder.head }");
    assert_eq!(mask, ["mask `heads` freezes 2 more tensors (tok 2,173 → 1,088 trainable), now frozen: tok.decoder.head (in main, heads)"]);
    let unmasked = [
        "rollout.mask heads → none (in main)",
        "`rollout` trains 40 more tensors (tok 2,173 → 39,387 trainable), now trained: tok (in main)",
    ];
    assert_eq!(said("mask      = heads", "mask      = none"), unmasked);
    assert_eq!(said("bottleneck = 6", "bottleneck = 4")[0], "tok.bottleneck 6 → 4");
    assert_eq!(
        said("trajectories: 4", "trajectories: 5"),
        ["euler.source generate(trajectories: 4, seed: 0) → generate(trajectories: 5, seed: 0)"]
    );
    assert_eq!(said("bands: 2", "bands: 3"), ["table.metrics.neps.bands 2 → 3"]);
    assert_eq!(said("vrmse < 2", "vrmse < 1"), ["a claim is gone: `expect vrmse < 2`", "a claim is new: `expect vrmse < 1`"]);
    assert_eq!(said("run       = 4 steps", "run       = 4 steps, checkpoint = 2 steps"), ["rollout.checkpoint 1 steps → 2 steps"]);
    assert_eq!(said("[all: none, heads: heads]", "[all: none]").len(), 1);
}

#[test]
fn a_definition_that_says_something_else_is_named() {
    struct One(&'static str);
    impl World for One {
        fn read(&self, _: &str) -> Result<String, String> {
            Ok(format!("pfm 1\n\n# A loss.\nloss own(truth: [.. c], pred: [.. c]) = {}\n", self.0))
        }
    }
    let text = SMALL.replace("(loss: mae)", "(loss: own)").replacen("use std", "use \"own.pfm\"\nuse std", 1);
    let of = |code: &'static str| {
        read("small.pfm", &text, None, &Costs::None, &One(code)).map(|r| r.meaning).unwrap_or_else(|_| panic!("{code}"))
    };
    let (one, spaced, other) = (of("mean(abs(truth - pred))"), of("mean( abs(truth-pred) )  # why"), of("mean((truth - pred)^2)"));
    assert_eq!(compare(&one, &spaced), []);
    let changes: Vec<String> = compare(&one, &other).iter().map(Change::to_string).collect();
    assert_eq!(changes, ["the definition of `loss own` says something else"]);
}

/// What is said about a file and its lock: `tests/golden/locks`, written anew with `PFMC_BLESS=1`.
#[test]
fn a_changed_file_is_told_with_its_places() {
    let text = SMALL
        .replace("adamw(lr: 5e-5)", "adamw(lr: 1e-4)")
        .replace("tok.decoder.head }", "tok.decoder }")
        .replace("width = 16", "width = 32");
    let now = meaning(&text, &Costs::All);
    let changes = compare(&meaning(SMALL, &Costs::All).meaning, &now.meaning);
    let cases = [
        ("F0903_meaning", differs("small.pfm", "small.lock", &now, &changes)),
        ("F0904_missing", missing("small.pfm", "small.lock", &now)),
        ("F0904_unreadable", unreadable("small.pfm", "small.lock", &now)),
    ];
    for (name, diagnostic) in cases {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/locks").join(format!("{name}.golden"));
        let rendered = pfm_diag::terminal(&diagnostic, &now.sources, false);
        if std::env::var_os("PFMC_BLESS").is_some() {
            std::fs::write(&path, &rendered).expect("writable");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), rendered, "{name}");
    }
}
