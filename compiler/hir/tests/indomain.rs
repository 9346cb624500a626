//! The in-domain experiment under each of its profiles: counts, variants, cells, and which changes are changes of work.

mod support;

use pfm_diag::has_errors;
use pfm_hir::{Experiment, ModelKind, ProfileChoice, Request, SampleRule, Source};
use std::fs;
use std::path::Path;
use support::Case;

fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/indomain.pfm");
    fs::read_to_string(path).expect("the experiment is in the repository")
}

fn resolved(text: &str, request: &Request) -> Experiment {
    let case = Case::new("indomain.pfm", text);
    let (experiment, diagnostics) = case.resolve(request);
    assert!(diagnostics.is_empty(), "{}", case.render(&diagnostics));
    experiment.expect("no errors, so an experiment")
}

/// A request for a profile by name.
fn profile(name: &str) -> Request {
    Request { profile: ProfileChoice::Named(name.to_string()), ..Request::default() }
}

fn stage_key(experiment: &Experiment, name: &str) -> String {
    experiment.stages.iter().find(|s| s.name == name).expect("the stage").key.clone()
}

#[test]
fn the_paper_has_its_counts() {
    let experiment = resolved(&text(), &profile("paper"));
    assert_eq!(experiment.profile, None);
    let [tok, net] = experiment.models.as_slice() else { panic!("a tokeniser and a model") };
    assert_eq!((tok.kind, net.kind), (ModelKind::Autoencoder, ModelKind::Predictor));
    let count = |m: &pfm_hir::Model, roots: &[&str]| -> usize {
        let under = |path: &str| roots.iter().any(|r| path.split('.').next() == Some(r));
        m.parameters.iter().filter(|p| under(&p.path)).map(|p| p.count()).sum()
    };
    assert_eq!(count(tok, &["tok"]), 5_131_151);
    assert_eq!(count(net, &["tok"]), 5_131_151);
    assert_eq!(count(net, &["core", "link"]), 99_572_498);
    assert_eq!(tok.variants.len(), 16);
    assert_eq!(net.variants.len(), 16);
    let evaluation = &net.variants[net.evaluation];
    assert_eq!((evaluation.label.as_str(), evaluation.latent.as_slice()), ("1x2,2x2,2x2", &[3, 64, 64, 18][..]));
    let smallest = tok.variants.iter().map(|v| v.latent.clone()).min_by_key(|l| l.iter().product::<usize>());
    assert_eq!(smallest, Some(vec![3, 16, 16, 18]));

    let rollout = &experiment.stages[experiment.cells[0].stages[1]];
    let trained: usize =
        net.parameters.iter().zip(&rollout.trainable).filter(|(p, t)| **t && p.path.starts_with("tok.")).map(|(p, _)| p.count()).sum();
    assert_eq!(trained, 85_119);
    assert_eq!((rollout.run, rollout.epoch, rollout.batch), (29_400, 2_100, 16));
    assert_eq!(rollout.schedule.as_ref().map(|s| s.definition.as_str()), Some("inverse_sqrt"));
    assert_eq!(experiment.data[0].grid, [512, 512]);
    assert_eq!(experiment.data[0].source, Source::Directory);
    assert_eq!(experiment.data[0].fields, ["energy", "density", "pressure", "momentum_x", "momentum_y"]);
    assert!(experiment.claims.iter().all(|c| c.active));
}

#[test]
fn three_cells_share_one_pretraining() {
    let experiment = resolved(&text(), &profile("paper"));
    let names: Vec<&str> = experiment.cells.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["main", "scratch-trainable", "in_domain-trainable", "in_domain-frozen"]);
    assert_eq!(experiment.stages.len(), 4, "one pretraining and three rollouts");
    assert_eq!(experiment.cells[0].stages, experiment.cells[3].stages, "the file as written is the frozen cell");
    assert_eq!(experiment.cells[2].stages[0], experiment.cells[3].stages[0]);
    assert_eq!(experiment.cells[1].stages.len(), 1, "from scratch needs no pretraining");
    assert_eq!(experiment.grids[0].axes[0].1, ["scratch", "in_domain"]);
}

#[test]
fn every_profile_resolves() {
    for name in ["laptop", "study", "smoke"] {
        let experiment = resolved(&text(), &profile(name));
        assert_eq!(experiment.profile.as_deref(), Some(name));
        assert!(matches!(experiment.data[0].source, Source::Generate { .. }));
        assert_eq!(experiment.cells.len(), 4);
    }
    let laptop = resolved(&text(), &Request::default());
    assert_eq!(laptop.profile.as_deref(), Some("laptop"), "the profile that the file calls default");
    assert_eq!(laptop.data[0].grid, [64, 64]);
    assert_eq!(laptop.reports[0].sample, SampleRule::All);
    assert_eq!(laptop.reports[0].at, [100, 300]);
    assert!(laptop.stages.iter().all(|s| s.batch == 4));
    let soap = &laptop.stages[laptop.cells[0].stages[0]].optimiser;
    assert_eq!(soap.setting("max_precond_dim").and_then(|s| s.number()), Some(512.0));
    assert_eq!(laptop.claims.iter().filter(|c| c.active).count(), 1, "claims on metrics are for other profiles");
}

#[test]
fn keys_follow_the_work_and_not_the_text() {
    let text = text();
    let written = Request { profile: ProfileChoice::AsWritten, ..Request::default() };
    let before = resolved(&text, &written);
    let reformatted =
        text.replace("    ", "  ").replace("## In-domain", "## Another sentence about in-domain").replace("scratch:", "fresh:");
    let reformatted = reformatted.replace("weights: scratch", "weights: fresh");
    let after = resolved(&reformatted, &written);
    let keys = |e: &Experiment| e.stages.iter().map(|s| s.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&before), keys(&after));

    let changed = resolved(&text.replace("clip      = 0.5", "clip      = 0.6"), &written);
    assert_ne!(stage_key(&before, "pretrain"), stage_key(&changed, "pretrain"));
    assert_ne!(stage_key(&before, "rollout"), stage_key(&changed, "rollout"), "its weights are others");
    assert_eq!(before.stages[2].key == changed.stages[2].key, before.stages[2].weights.is_empty());
    let later = resolved(&text.replace("betas: (0.9, 0.999)", "betas: (0.9, 0.99)"), &written);
    assert_eq!(stage_key(&before, "pretrain"), stage_key(&later, "pretrain"));
    assert_ne!(stage_key(&before, "rollout"), stage_key(&later, "rollout"));
    let seed = resolved(&text.replace("seed = 0", "seed = 1"), &written);
    assert_ne!(stage_key(&before, "pretrain"), stage_key(&seed, "pretrain"));
}

#[test]
fn settings_of_the_command_line_win_and_show_their_origin() {
    let case = Case::new("indomain.pfm", &text());
    let value = pfm_syntax::parse_expr(pfm_diag::FileId(0), "7 steps").0.expect("a value");
    let request = Request { sets: vec![("rollout.run".to_string(), value)], ..profile("smoke") };
    let (experiment, diagnostics) = case.resolve(&request);
    assert!(!has_errors(&diagnostics), "{}", case.render(&diagnostics));
    let experiment = experiment.expect("no errors");
    assert_eq!(experiment.stages[experiment.cells[0].stages[1]].run, 7);
    let origin = |path: &str| experiment.origins.iter().find(|o| o.path == path).map(|o| (o.value.as_str(), o.origin.as_str()));
    assert_eq!(origin("core.width"), Some(("16", "profile smoke")));
    assert_eq!(origin("seed"), Some(("0", "indomain.pfm:10")));
    let (value, from) = origin("rollout.accumulate").expect("a default of the language");
    assert!(value == "1" && from.starts_with("language, compiler/hir/src/schema.rs:"), "{value} {from}");
    let (_, from) = origin("pretrain.optimiser.frequency").expect("a default of soap");
    assert!(from.starts_with("std/"), "{from}");
}
