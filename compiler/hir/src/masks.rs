//! Masks are set algebra over a model's parameters: trained is everything, or what `train` names, less what is frozen. Each
//! `except` takes away from its own term only. A glob that matches nothing is an error that names what is there.

use pfm_diag::Diagnostic;
use pfm_syntax::ast::{MaskTerm, Path};

use crate::experiment::{Model, Parameter};
use crate::findings::Findings;
use crate::globs::matches;
use crate::suggest::{any_of, listed, nearest};
use crate::tree::Item;

/// Per parameter, whether it is trained. No mask: all of them.
pub(crate) fn trainable(mask: Option<&Item>, parameters: &[Parameter]) -> Vec<bool> {
    let Some(mask) = mask else {
        return vec![true; parameters.len()];
    };
    let in_terms = |terms: &[MaskTerm], path: &str| terms.iter().any(|t| in_term(t, path));
    parameters
        .iter()
        .map(|p| {
            let named = mask.train.is_empty() || in_terms(&mask.train, &p.path);
            named && !in_terms(&mask.freeze, &p.path)
        })
        .collect()
}

fn in_term(term: &MaskTerm, path: &str) -> bool {
    term.globs.iter().any(|g| matches(g, path)) && !term.except.iter().any(|g| matches(g, path))
}

/// Reports globs that match no parameter of the model.
pub(crate) fn check(mask: &Item, model: &Model, findings: &mut Findings) {
    for term in mask.freeze.iter().chain(&mask.train) {
        for glob in &term.globs {
            if !model.parameters.iter().any(|p| matches(glob, &p.path)) {
                findings.push(matches_nothing(glob, model));
            }
        }
        let inside = |p: &&Parameter| term.globs.iter().any(|g| matches(g, &p.path));
        let covered: Vec<&Parameter> = model.parameters.iter().filter(inside).collect();
        if covered.is_empty() {
            continue;
        }
        for except in &term.except {
            if !covered.iter().any(|p| matches(except, &p.path)) {
                findings.push(exception_matches_nothing(except, term, &covered));
            }
        }
    }
}

/// Where the model itself has mistakes, the first segments can still be wrong: they are names of parts.
pub(crate) fn check_roots(mask: &Item, tokenisers: &[&str], processors: &[&str], findings: &mut Findings) {
    let roots: Vec<&str> = tokenisers.iter().chain(processors).copied().chain(["link"]).collect();
    for glob in mask.freeze.iter().chain(&mask.train).flat_map(|t| &t.globs) {
        let first = glob.segments[0].text.as_str();
        if first.contains(['*', '{']) || roots.contains(&first) {
            continue;
        }
        let d = Diagnostic::new("E0301", format!("`{}` matches no parameter", glob.text())).at(glob.span, "matches nothing");
        let near = match first {
            "tokeniser" | "tokenizer" => tokenisers.first().copied(),
            "processor" => processors.first().copied(),
            _ => nearest(first, &roots).first().copied(),
        };
        findings.push(match near {
            Some(near) => d.fix(format!("did you mean `{}`?", with_root(glob, near)), glob.span, with_root(glob, near), false),
            None => d.help(format!("parameters start with {}", any_of(&roots))),
        });
    }
}

/// The glob with another first segment.
fn with_root(glob: &Path, root: &str) -> String {
    let rest = glob.segments[1..].iter().map(|s| s.text.as_str());
    std::iter::once(root).chain(rest).collect::<Vec<_>>().join(".")
}

fn matches_nothing(glob: &Path, model: &Model) -> Diagnostic {
    let text = glob.text();
    let d = Diagnostic::new("E0301", format!("`{text}` matches no parameter")).at(glob.span, "matches nothing");
    let paths: Vec<&str> = model.parameters.iter().map(|p| p.path.as_str()).collect();
    if let Some(better) = better_root(glob, model) {
        return d.fix(format!("did you mean `{better}`?"), glob.span, better, false).note(format!(
            "parameters of `{}` start with {}",
            model.name,
            any_of(&roots(&paths))
        ));
    }
    match better_modules(glob, &paths).as_slice() {
        [] => d.help(format!("parameters of `{}` start with {}", model.name, any_of(&roots(&paths)))),
        [one] => d.fix(format!("did you mean `{one}`?"), glob.span, one.clone(), false),
        some => d.help(format!("did you mean {}?", any_of(&refs(some)))),
    }
}

fn exception_matches_nothing(except: &Path, term: &MaskTerm, covered: &[&Parameter]) -> Diagnostic {
    let globs: Vec<String> = term.globs.iter().map(Path::text).collect();
    let inside = listed(&refs(&globs), "and");
    let d = Diagnostic::new("E0302", format!("exception `{}` matches nothing inside {inside}", except.text()))
        .at(except.span, "takes nothing away")
        .also(term.globs[0].span, "what it is an exception from");
    let paths: Vec<&str> = covered.iter().map(|p| p.path.as_str()).collect();
    match better_modules(except, &paths).as_slice() {
        [] => d.help("remove the exception, or name a module that the term covers"),
        [one] => d.fix(format!("did you mean `{one}`?"), except.span, one.clone(), false),
        some => d.fix(format!("write {}", listed(&refs(some), "and")), except.span, some.join(", "), false),
    }
}

/// The glob with its first segment mended: the name of the part instead of its kind, or a near name.
fn better_root(glob: &Path, model: &Model) -> Option<String> {
    let first = glob.segments.first()?.text.as_str();
    let paths: Vec<&str> = model.parameters.iter().map(|p| p.path.as_str()).collect();
    let roots = roots(&paths);
    if roots.contains(&first) || first.contains('*') {
        return None;
    }
    let root = match (first, &model.processor) {
        ("tokeniser" | "tokenizer", _) => model.tokeniser.name.as_str(),
        ("processor", Some(part)) => part.name.as_str(),
        _ => nearest(first, &roots).first().copied()?,
    };
    Some(with_root(glob, root))
}

/// Modules of the tree that end like the glob, at most three.
fn better_modules(glob: &Path, paths: &[&str]) -> Vec<String> {
    let Some(last) = glob.segments.last().map(|s| s.text.as_str()) else {
        return vec![];
    };
    let first = glob.segments[0].text.as_str();
    let mut modules: Vec<String> = vec![];
    for path in paths {
        for (end, _) in path.match_indices('.').chain([(path.len(), "")]) {
            let module = path[..end].to_string();
            if !modules.contains(&module) {
                modules.push(module);
            }
        }
    }
    let ends: Vec<String> =
        modules.iter().filter(|m| m.rsplit('.').next() == Some(last) && m.split('.').next() == Some(first)).cloned().collect();
    // A number ends modules of many kinds.
    if !ends.is_empty() && !last.starts_with(|c: char| c.is_ascii_digit()) {
        // A name that many modules share, such as `norm`, is better said with `**`.
        return if ends.len() > 3 { vec![format!("{first}.**.{last}")] } else { ends };
    }
    let mut near: Vec<(f64, String)> =
        modules.into_iter().map(|m| (strsim::jaro_winkler(&glob.text(), &m), m)).filter(|(s, _)| *s > 0.9).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().take(1).map(|(_, m)| m).collect()
}

/// First segments of the paths, in order.
pub(crate) fn roots<'a>(paths: &[&'a str]) -> Vec<&'a str> {
    let mut roots: Vec<&str> = vec![];
    for path in paths {
        let root = path.split('.').next().unwrap_or(path);
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots
}

fn refs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}
