//! `metric wide = neps { bands = 5 }` at file level: a definition of any kind made of another one, with other defaults. Numbered
//! blocks change entries of a list: `level 2 { … }` the second of `levels`.

use crate::{
    bind::settings_of,
    fault::any_of,
    kind_word,
    library::{Library, closest},
};
use pfm_diag::{Diagnostic, Span};
use pfm_syntax::ast::{Arg, Block, Body, Definition, DefinitionKind, Expr, ExprKind, Name, Parameter, Setting, Statement};

/// The definition at an index over what it amends; None when its bases lead nowhere, which is reported where that begins.
pub(crate) fn resolved(library: &Library, index: usize, above: &mut Vec<usize>, diagnostics: &mut Vec<Diagnostic>) -> Option<Definition> {
    let definition = &library.definitions()[index];
    let Some(base) = &definition.base else {
        return Some(definition.clone());
    };
    above.push(index);
    let Some(parent) = library.index_of(definition.kind, &base.text()) else {
        if above.len() == 1 {
            diagnostics.push(unknown_base(library, definition, base.span, &base.text()));
        }
        return None;
    };
    if let Some(start) = above.iter().position(|i| *i == parent) {
        if above[start..].iter().min() == above.first() {
            diagnostics.push(
                Diagnostic::new("E0111", format!("`{}` amends itself", library.definitions()[above[0]].name.text))
                    .at(base.span, "leads back to it")
                    .also(library.definitions()[above[0]].name.span, "begins here")
                    .help("let one of them amend a definition of the standard library"),
            );
        }
        return None;
    }
    // What is wrong with the base is said there, but for a circle, which its first amendment tells.
    let mut found = vec![];
    let base = resolved(library, parent, above, &mut found);
    diagnostics.extend(found.into_iter().filter(|d| d.code == "E0111"));
    let mut out = base?;
    overlay(&mut out, definition, diagnostics);
    Some(out)
}

fn unknown_base(library: &Library, definition: &Definition, span: Span, name: &str) -> Diagnostic {
    let word = kind_word(definition.kind);
    let known: Vec<&str> = library.names(definition.kind).into_iter().filter(|n| *n != definition.name.text).collect();
    let d = Diagnostic::new("E0104", format!("no {word} is called `{name}`")).at(span, "not known");
    match closest(name, &known) {
        Some(near) => d.fix(format!("did you mean `{near}`?"), span, near, false),
        None if known.is_empty() => d.help("there is nothing of this kind to amend"),
        None => d.help(format!("there is {}", any_of(&known[..known.len().min(6)]))),
    }
}

/// Takes the amendment's name and place, and lets its settings stand for the base's.
fn overlay(out: &mut Definition, amendment: &Definition, diagnostics: &mut Vec<Diagnostic>) {
    let base = out.name.text.clone();
    out.name = amendment.name.clone();
    out.span = amendment.span;
    out.base = amendment.base.clone();
    if !amendment.doc.is_empty() {
        out.doc = amendment.doc.clone();
    }
    let mut given: Vec<(String, Span)> = vec![];
    let mut once = |name: &str, span: Span, diagnostics: &mut Vec<Diagnostic>| {
        if let Some((_, first)) = given.iter().find(|(n, _)| n == name) {
            let d = Diagnostic::new("E0103", format!("`{name}` is set twice")).at(span, "set again here").also(*first, "first set here");
            diagnostics.push(d.help("remove one of them"));
            return false;
        }
        given.push((name.to_string(), span));
        true
    };
    let mut positional = settings_of(out).into_iter();
    for arg in &amendment.base_args {
        let name = arg.name.clone().or_else(|| positional.next().map(|p| Name { text: p.name.text, span: arg.value.span }));
        let Some(name) = name else {
            let d = Diagnostic::new("E0102", format!("`{base}` takes {} arguments at most", settings_of(out).len()));
            diagnostics.push(d.at(arg.value.span, "one too many"));
            continue;
        };
        if once(&name.text, name.span, diagnostics) {
            set(out, &base, &name, &arg.value, diagnostics);
        }
    }
    let Body::Settings(statements) = &amendment.body else { return };
    for statement in statements {
        match statement {
            Statement::Setting(setting) => {
                if once(&setting.path.text(), setting.path.span, diagnostics) {
                    amend(out, &base, setting, diagnostics);
                }
            }
            Statement::Block(block) => level(out, &base, block, diagnostics),
            Statement::Freeze(term) | Statement::Train(term) => diagnostics.push(misplaced("a mask's term", term.span)),
            Statement::Skip(_, span) => diagnostics.push(misplaced("`skip`", *span)),
            Statement::Expect(expect) => diagnostics.push(misplaced("`expect`", expect.span)),
        }
    }
}

fn misplaced(what: &str, span: Span) -> Diagnostic {
    let d = Diagnostic::new("E0112", format!("{what} does not belong here")).at(span, "has no effect here");
    d.help("write settings as `name = value`")
}

fn amend(out: &mut Definition, base: &str, setting: &Setting, diagnostics: &mut Vec<Diagnostic>) {
    match setting.path.segments.as_slice() {
        [name] => set(out, base, name, &setting.value, diagnostics),
        [word, number, field] if number.text.parse::<usize>().is_ok() => {
            let number = number.text.parse::<usize>().unwrap_or(0);
            let settings = [(field.clone(), setting.value.clone())];
            set_level(out, base, word, number, setting.span, &settings, diagnostics);
        }
        [first, ..] => diagnostics.push(
            Diagnostic::new("E0106", format!("`{}` has nothing inside to change", setting.path.text()))
                .at(setting.path.span, "names a part of the value")
                .help(format!("set `{}` as a whole", first.text)),
        ),
        [] => {}
    }
}

/// A parameter's default, or a setting of data. What the definition is applied to, such as the truth of a metric, has no default.
fn set(out: &mut Definition, base: &str, name: &Name, value: &Expr, diagnostics: &mut Vec<Diagnostic>) {
    let settings = settings_of(out);
    let known: Vec<&str> = settings.iter().map(|p| p.name.text.as_str()).collect();
    let parameter = out.params.iter_mut().find(|p| p.name.text == name.text);
    if let Some(parameter) = parameter.filter(|_| known.contains(&name.text.as_str())) {
        parameter.default = Some(value.clone());
        return;
    }
    if let (DefinitionKind::Data, Body::Settings(statements)) = (out.kind, &mut out.body) {
        let stated = |s: &Statement| matches!(s, Statement::Setting(s) if s.path.text() == name.text);
        let path = pfm_syntax::ast::Path { segments: vec![name.clone()], span: name.span };
        let setting = Statement::Setting(Setting { path, value: value.clone(), span: name.span.to(value.span) });
        match statements.iter_mut().find(|s| stated(s)) {
            Some(old) => *old = setting,
            None => statements.push(setting),
        }
        return;
    }
    let d = Diagnostic::new("E0101", format!("unknown setting `{}` in {} `{}`", name.text, kind_word(out.kind), out.name.text))
        .at(name.span, format!("`{base}` has no such setting"));
    diagnostics.push(match closest(&name.text, &known) {
        Some(near) => d.fix(format!("did you mean `{near}`?"), name.span, near, true),
        None if known.is_empty() => d.help(format!("`{base}` has no settings: remove it")),
        None => d.help(format!("it has {}", known.join(", "))),
    });
}

/// `level 2 { … }`.
fn level(out: &mut Definition, base: &str, block: &Block, diagnostics: &mut Vec<Diagnostic>) {
    let number = block.label.as_ref().and_then(|l| l.text.parse::<usize>().ok()).filter(|n| *n > 0);
    let Some(number) = number else {
        let d = Diagnostic::new("E0112", format!("a {} has no block `{}`", kind_word(out.kind), block.kind.text));
        diagnostics.push(d.at(block.kind.span, "not a block of its own here").help("write settings as `name = value`"));
        return;
    };
    let mut settings = vec![];
    for statement in &block.body {
        match statement {
            Statement::Setting(s) if s.path.segments.len() == 1 => settings.push((s.path.segments[0].clone(), s.value.clone())),
            Statement::Setting(s) => diagnostics.push(misplaced("a path", s.span)),
            Statement::Block(b) => diagnostics.push(misplaced("a block", b.span)),
            Statement::Freeze(term) | Statement::Train(term) => diagnostics.push(misplaced("a mask's term", term.span)),
            Statement::Skip(_, span) => diagnostics.push(misplaced("`skip`", *span)),
            Statement::Expect(expect) => diagnostics.push(misplaced("`expect`", expect.span)),
        }
    }
    let span = block.label.as_ref().map_or(block.kind.span, |l| block.kind.span.to(l.span));
    set_level(out, base, &block.kind, number, span, &settings, diagnostics);
}

/// Changes or adds an entry, counted from 1, of the list that a parameter has as its default.
fn set_level(
    out: &mut Definition,
    base: &str,
    word: &Name,
    number: usize,
    span: Span,
    settings: &[(Name, Expr)],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let known = fields(out, &word.text);
    let list = format!("{}s", word.text);
    let Some(parameter) = out.params.iter_mut().find(|p| p.name.text == list) else {
        let d = Diagnostic::new("E0112", format!("{} `{}` has no block `{}`", kind_word(out.kind), out.name.text, word.text));
        diagnostics.push(d.at(span, format!("`{base}` has no list `{list}`")).help("write settings as `name = value`"));
        return;
    };
    let entries = entries(parameter, span);
    if number > entries.len() + 1 {
        let d = Diagnostic::new("E0207", format!("{} {} is missing", word.text, entries.len() + 1));
        let d = d.at(span, format!("comes after {} {}", word.text, entries.len()));
        diagnostics.push(d.help(format!("number the {list} 1, 2, 3, …")));
        return;
    }
    if number == entries.len() + 1 {
        entries.push(Arg { name: None, value: Expr { kind: ExprKind::List(vec![]), span } });
    }
    let ExprKind::List(record) = &mut entries[number - 1].value.kind else { return };
    for (name, value) in settings {
        if !known.contains(&name.text) {
            let d = Diagnostic::new("E0101", format!("unknown setting `{}` in {} {number}", name.text, word.text))
                .at(name.span, format!("a {} has no such setting", word.text));
            let words: Vec<&str> = known.iter().map(String::as_str).collect();
            diagnostics.push(match closest(&name.text, &words) {
                Some(near) => d.fix(format!("did you mean `{near}`?"), name.span, near, true),
                None => d.help(format!("it has {}", known.join(", "))),
            });
            continue;
        }
        record.retain(|a| a.name.as_ref().is_none_or(|n| n.text != name.text));
        record.push(Arg { name: Some(name.clone()), value: value.clone() });
    }
}

/// The items of the list that a parameter has as its default, an empty list where it has none.
fn entries(parameter: &mut Parameter, span: Span) -> &mut Vec<Arg> {
    let default = parameter.default.get_or_insert(Expr { kind: ExprKind::List(vec![]), span });
    if !matches!(default.kind, ExprKind::List(_)) {
        *default = Expr { kind: ExprKind::List(vec![]), span };
    }
    match &mut default.kind {
        ExprKind::List(items) => items,
        _ => unreachable!("made a list above"),
    }
}

/// Settings of one entry: the parameters of the nested `data` of that name.
fn fields(definition: &Definition, word: &str) -> Vec<String> {
    let Body::Members { definitions, .. } = &definition.body else { return vec![] };
    let nested = definitions.iter().find(|d| d.kind == DefinitionKind::Data && d.name.text == word);
    nested.map_or(vec![], |d| d.params.iter().map(|p| p.name.text.clone()).collect())
}
