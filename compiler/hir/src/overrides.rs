//! Profiles and `--set`: settings by path over the file as written, as if the file had been edited. A first segment with `*`
//! takes every block that knows the setting; a path that names nothing is an error. The more exact path wins, order never does.

use pfm_diag::Diagnostic;
use pfm_elaborate::Library;
use pfm_syntax::ast::{Arg, Call, Expr, ExprKind, Path, Setting};

use crate::findings::Findings;
use crate::globs::segment_matches;
use crate::names::known_settings;
use crate::schema::{EXPERIMENT, Kind};
use crate::suggest::{any_of, nearest};
use crate::tree::{Entry, Item, Tree};

/// Applies the settings to the tree.
pub(crate) fn apply(tree: &mut Tree, library: &Library, settings: &[Setting], findings: &mut Findings) {
    let mut ordered: Vec<&Setting> = settings.iter().collect();
    ordered.sort_by_key(|s| (!s.path.segments[0].text.contains('*'), s.path.segments.len()));
    for setting in ordered {
        if let Err(diagnostic) = apply_one(tree, library, setting) {
            findings.push(diagnostic);
        }
    }
}

fn apply_one(tree: &mut Tree, library: &Library, setting: &Setting) -> Result<(), Diagnostic> {
    let segments = &setting.path.segments;
    let [label, name, ..] = segments.as_slice() else {
        return apply_to_experiment(tree, setting);
    };
    let matching = |item: &Item| item.kind != Kind::Profile && segment_matches(&label.text, &item.label.text);
    let candidates: Vec<usize> = (0..tree.items.len()).filter(|i| matching(&tree.items[*i])).collect();
    if candidates.is_empty() {
        return Err(no_such_block(tree, &setting.path));
    }
    let targets: Vec<usize> = candidates
        .iter()
        .copied()
        .filter(|i| {
            let item = &tree.items[*i];
            let number = segments.get(2).map_or("", |s| s.text.as_str());
            let is_level = segments.len() > 3 && item.levels.iter().any(|l| l.word == name.text && l.number.to_string() == number);
            is_level || known_settings(tree, library, item).iter().any(|k| *k == name.text)
        })
        .collect();
    if targets.is_empty() {
        return Err(no_such_setting(tree, library, &candidates, setting));
    }
    for target in targets {
        let item = &mut tree.items[target];
        if segments.len() == 2 {
            item.amendments.retain(|a| a.path.segments[0].text != name.text);
            item.set(name.clone(), setting.value.clone());
        } else {
            let span = setting.path.span;
            let inner = Setting { path: Path { segments: segments[1..].to_vec(), span }, ..setting.clone() };
            item.amendments.retain(|a| a.path.text() != inner.path.text());
            item.amendments.push(inner);
        }
    }
    Ok(())
}

fn apply_to_experiment(tree: &mut Tree, setting: &Setting) -> Result<(), Diagnostic> {
    let name = &setting.path.segments[0];
    if !EXPERIMENT.iter().any(|s| s.name == name.text) {
        let labels: Vec<&str> = tree.items.iter().map(|i| i.label.text.as_str()).collect();
        let d = Diagnostic::new("E0106", format!("`{}` matches no setting", name.text)).at(name.span, "no setting of the experiment");
        return Err(match labels.iter().find(|l| **l == name.text) {
            Some(label) => d.help(format!("name a setting of it, such as `{label}.SETTING = …`")),
            None => d.help("a path is `BLOCK.SETTING`, such as `rollout.run`"),
        });
    }
    match tree.settings.iter_mut().find(|e| e.name.text == name.text) {
        Some(entry) => entry.value = setting.value.clone(),
        None => tree.settings.push(Entry { name: name.clone(), value: setting.value.clone() }),
    }
    Ok(())
}

fn no_such_block(tree: &Tree, path: &Path) -> Diagnostic {
    let label = &path.segments[0];
    let mut labels: Vec<&str> = tree.items.iter().filter(|i| i.kind != Kind::Profile).map(|i| i.label.text.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    let d = Diagnostic::new("E0106", format!("`{}` matches no setting", path.text()))
        .at(label.span, format!("no block is called `{}`", label.text));
    match nearest(&label.text, &labels).as_slice() {
        [] => d.help(format!("blocks are {}", any_of(&labels))),
        [near, ..] => d.fix(format!("did you mean `{near}`?"), label.span, *near, false),
    }
}

fn no_such_setting(tree: &Tree, library: &Library, candidates: &[usize], setting: &Setting) -> Diagnostic {
    let label = &setting.path.segments[0];
    let name = &setting.path.segments[1];
    let mut known: Vec<&str> = candidates.iter().flat_map(|i| known_settings(tree, library, &tree.items[*i])).collect();
    known.sort_unstable();
    known.dedup();
    let item = &tree.items[candidates[0]];
    let d = if candidates.len() == 1 {
        Diagnostic::new("E0106", format!("{} `{}` has no setting `{}`", item.kind.word(), label.text, name.text))
            .at(name.span, "unknown setting")
            .also(item.label.span, format!("the {} is here", item.kind.word()))
    } else {
        Diagnostic::new("E0106", format!("`{}` matches no setting", setting.path.text()))
            .at(name.span, format!("no block that `{}` names has it", label.text))
    };
    let numbers: Vec<String> = item.levels.iter().filter(|l| l.word == name.text).map(|l| l.number.to_string()).collect();
    if let (false, Some(number)) = (numbers.is_empty(), setting.path.segments.get(2)) {
        return Diagnostic::new("E0106", format!("`{}` has no {} {}", item.label.text, name.text, number.text))
            .at(number.span, "no such number")
            .also(item.label.span, format!("the {} is here", item.kind.word()))
            .help(format!("it has {} {}", name.text, numbers.join(", ")));
    }
    match nearest(&name.text, &known).as_slice() {
        [] => d,
        [near, ..] => d.fix(format!("did you mean `{near}`?"), name.span, *near, false),
    }
}

/// Sets a value inside the settings of a block: `optimiser.lr`, `level.2.channels`, an axis's label.
pub(crate) fn set_inside(item: &mut Item, setting: &Setting, findings: &mut Findings) {
    let segments = &setting.path.segments;
    if let [word, number, name] = segments.as_slice() {
        let level = item.levels.iter_mut().find(|l| l.word == word.text && l.number.to_string() == number.text);
        if let Some(level) = level {
            match level.settings.iter_mut().find(|e| e.name.text == name.text) {
                Some(entry) => entry.value = setting.value.clone(),
                None => level.settings.push(Entry { name: name.clone(), value: setting.value.clone() }),
            }
            return;
        }
    }
    if item.entry(&segments[0].text).is_none() && told_at_the_block(item, &segments[0].text) {
        return;
    }
    let Some(entry) = item.settings.iter_mut().find(|e| e.name.text == segments[0].text) else {
        findings.push(
            Diagnostic::new("E0106", format!("`{}` is not set in `{}`", segments[0].text, item.label.text))
                .at(setting.path.span, "nothing to change here")
                .also(item.label.span, format!("the {} is here", item.kind.word()))
                .help(format!("set `{}` as a whole", segments[0].text)),
        );
        return;
    };
    if !set_in_expr(&mut entry.value, &segments[1..], &setting.value) {
        let d = Diagnostic::new("E0106", format!("`{}` has nothing inside to change", segments[0].text))
            .at(setting.path.span, "names a part of the value")
            .also(entry.value.span, format!("the value is {}", crate::values::noun(&entry.value)));
        findings.push(d.help(format!("set `{}` as a whole", segments[0].text)));
    }
}

/// A setting that is needed, or that stands in the block under a misspelt name, is missed there and not once more by its path.
fn told_at_the_block(item: &Item, name: &str) -> bool {
    let known = item.kind.settings();
    let misspelt = |e: &Entry| known.iter().all(|s| s.name != e.name.text) && !nearest(&e.name.text, &[name]).is_empty();
    // The settings of other kinds come from their definitions.
    let from_language = matches!(item.kind, Kind::Stage | Kind::Model | Kind::Report);
    known.iter().any(|s| s.name == name && s.required) || (from_language && item.settings.iter().any(misspelt))
}

/// Replaces or adds an argument of a call, or replaces a labelled item of a list.
fn set_in_expr(expr: &mut Expr, path: &[pfm_syntax::ast::Name], value: &Expr) -> bool {
    let [name, rest @ ..] = path else {
        *expr = value.clone();
        return true;
    };
    if let ExprKind::Path(callee) = &expr.kind {
        let call = Call { callee: callee.clone(), args: vec![], name: None, span: expr.span };
        expr.kind = ExprKind::Call(call);
    }
    let (args, may_add) = match &mut expr.kind {
        ExprKind::Call(call) => (&mut call.args, true),
        ExprKind::List(args) => (args, false),
        _ => return false,
    };
    let found = args.iter_mut().find(|a| a.name.as_ref().is_some_and(|n| n.text == name.text));
    match found {
        Some(arg) => set_in_expr(&mut arg.value, rest, value),
        None if may_add && rest.is_empty() => {
            args.push(Arg { name: Some(name.clone()), value: value.clone() });
            true
        }
        None => false,
    }
}
