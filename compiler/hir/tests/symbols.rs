//! The index of names: it points at names, finds declarations, and says where a setting's path leads.

use pfm_diag::{FileId, Sources};
use pfm_elaborate::Library;
use pfm_hir::{Owner, Symbol, Symbols};
use pfm_syntax::ast::{DefinitionKind, File};

fn standard(sources: &mut Sources) -> Vec<File> {
    pfm_stdlib::FILES.iter().map(|(name, text)| pfm_syntax::parse(sources.add(name, text), text).file).collect()
}

fn index(text: &str) -> Symbols {
    let mut sources = Sources::default();
    let file = pfm_syntax::parse(sources.add("user.pfm", text), text).file;
    let mut files = standard(&mut sources);
    files.push(file.clone());
    let (library, _) = Library::new(&files, &sources);
    Symbols::of(&file, &[], &library)
}

fn indomain() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments/indomain.pfm")).expect("the experiment")
}

/// Where the symbols point, the names stand.
fn assert_names(text: &str, symbols: &Symbols) {
    for occurrence in &symbols.occurrences {
        let span = occurrence.span;
        assert_eq!(span.file, FileId(0));
        let written = &text[span.start as usize..span.end as usize];
        let name = occurrence.symbol.name();
        // A file is named by its path or by its alias.
        let file = matches!(occurrence.symbol, Symbol::File(_));
        assert!(written == name || written == format!("*{name}") || file, "`{written}` is not `{:?}`", occurrence.symbol);
    }
}

#[test]
fn spans_cover_names() {
    let text = indomain();
    let symbols = index(&text);
    assert!(symbols.occurrences.len() > 100 && symbols.places.len() > 60, "{}, {}", symbols.occurrences.len(), symbols.places.len());
    assert_names(&text, &symbols);
    for (name, text) in pfm_stdlib::FILES {
        let symbols = index(text);
        assert!(symbols.occurrences.iter().any(|o| o.declares), "{name} declares something");
        assert_names(text, &symbols);
    }
}

/// Every block that is named is declared, once.
#[test]
fn uses_have_one_declaration() {
    let symbols = index(&indomain());
    for occurrence in &symbols.occurrences {
        if matches!(occurrence.symbol, Symbol::Block { .. } | Symbol::Label { .. } | Symbol::Experiment(_)) {
            let declared = symbols.of_symbol(&occurrence.symbol).filter(|o| o.declares).count();
            assert_eq!(declared, 1, "{:?}", occurrence.symbol);
        }
    }
}

#[test]
fn paths_of_profiles_lead_to_what_they_set() {
    let symbols = index(&indomain());
    let owner = |path: &str| symbols.places.iter().rev().find(|p| p.path == path).map(|p| p.owner.clone());
    let adamw = Owner::Definition(DefinitionKind::Optimiser, "adamw".to_string());
    assert_eq!(owner("rollout.optimiser.lr"), Some(adamw));
    assert_eq!(owner("core.width"), Some(Owner::Definition(DefinitionKind::Processor, "walrus".to_string())));
    assert_eq!(owner("tok.level.2.channels"), Some(Owner::Definition(DefinitionKind::Tokeniser, "magvit_simple.level".to_string())));
    assert_eq!(owner("*.batch"), Some(Owner::Block(pfm_hir::Kind::Stage)));
    assert_eq!(owner("euler.source.grid"), Some(Owner::Word("generate".to_string())));
}

/// What can still be read of a broken file is indexed.
#[test]
fn broken_files_have_names() {
    let text = indomain().replacen("  processor core = walrus {", "  processor core = = walrus {", 1);
    let symbols = index(&text);
    assert_names(&text, &symbols);
    let stage = symbols.occurrences.iter().find(|o| o.declares && o.symbol.name() == "rollout").expect("the stage");
    assert!(symbols.of_symbol(&stage.symbol).count() > 5);
}

/// An experiment that amends one of another file names the blocks of that one.
#[test]
fn blocks_of_an_amended_experiment_are_its_own() {
    let text = "pfm 1\n\nuse \"indomain.pfm\" as paper\n\nexperiment longer = paper.indomain {\n  rollout.optimiser.lr = 1e-4\n  grid table5 over rollout { mask = [few: mostly_frozen] }\n}\n";
    let mut sources = Sources::default();
    let file = pfm_syntax::parse(sources.add("user.pfm", text), text).file;
    let base = pfm_syntax::parse(sources.add("indomain.pfm", &indomain()), &indomain()).file;
    let mut files = standard(&mut sources);
    files.extend([file.clone(), base.clone()]);
    let (library, _) = Library::new(&files, &sources);
    let (own, theirs) = (Symbols::of(&file, &[&base], &library), Symbols::of(&base, &[&file], &library));
    assert_names(text, &own);
    for name in ["rollout", "mostly_frozen", "indomain"] {
        let used = own.occurrences.iter().find(|o| o.symbol.name() == name).expect("it is named");
        assert!(!used.declares);
        assert_eq!(theirs.of_symbol(&used.symbol).filter(|o| o.declares).count(), 1, "{name}");
    }
    let grid = own.occurrences.iter().find(|o| o.declares && o.symbol.name() == "table5").expect("its own grid");
    assert_eq!(theirs.of_symbol(&grid.symbol).count(), 0);
    let rate = own.places.iter().find(|p| p.path == "rollout.optimiser.lr").expect("the setting");
    assert_eq!(rate.owner, Owner::Definition(DefinitionKind::Optimiser, "adamw".to_string()));
}
