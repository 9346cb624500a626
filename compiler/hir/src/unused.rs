//! What is declared and never named: blocks that nothing refers to.

use pfm_diag::Diagnostic;
use pfm_syntax::ast::{Arg, Expr, ExprKind, Path};

use crate::context::Context;
use crate::findings::Findings;
use crate::schema::Kind;
use crate::tree::Tree;

/// Warns about blocks without effect, unless the experiment has mistakes.
pub(crate) fn check(context: &Context, tree: &Tree, mistakes: bool, findings: &mut Findings) {
    // A name with a mistake in it may be the one that is missing.
    if mistakes || !context.input.broken.is_empty() {
        return;
    }
    let mut words = tree.amended.clone();
    for item in &tree.items {
        item.settings.iter().for_each(|e| collect(&e.value, &mut words));
        item.amendments.iter().for_each(|a| collect(&a.value, &mut words));
        item.base_args.iter().for_each(|a| collect(&a.value, &mut words));
        words.extend(item.over.iter().map(Path::text));
    }
    for expect in &tree.expects {
        collect(&expect.left, &mut words);
        collect(&expect.right, &mut words);
    }
    for item in &tree.items {
        let meant_for_others = matches!(item.kind, Kind::Data | Kind::Tokeniser | Kind::Processor | Kind::Model | Kind::Mask);
        if meant_for_others && !words.contains(&item.label.text) {
            let word = item.kind.word();
            findings.push(
                Diagnostic::new("W0110", format!("{word} `{}` is never used", item.label.text))
                    .at(item.label.span, "nothing names it")
                    .help(format!("name it in a {}, or remove it", user_of(item.kind))),
            );
        }
    }
}

fn user_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Tokeniser | Kind::Processor => "model",
        _ => "stage",
    }
}

/// First segments of all names in an expression.
pub(crate) fn collect(expr: &Expr, words: &mut Vec<String>) {
    let mut args = |args: &[Arg]| args.iter().for_each(|a| collect(&a.value, words));
    match &expr.kind {
        ExprKind::Path(path) => words.push(path.segments[0].text.clone()),
        ExprKind::List(items) => args(items),
        ExprKind::Call(call) => args(&call.args),
        ExprKind::Index { base, args: items } => {
            args(items);
            collect(base, words);
        }
        ExprKind::Tuple(items) => items.iter().for_each(|e| collect(e, words)),
        ExprKind::Choice { options, .. } => options.iter().for_each(|e| collect(e, words)),
        ExprKind::Binary { left, right, .. } => {
            collect(left, words);
            collect(right, words);
        }
        ExprKind::Negative(inner) | ExprKind::Not(inner) | ExprKind::Field(inner, _) => collect(inner, words),
        _ => {}
    }
}
