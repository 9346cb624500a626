//! What a word means: a diagnostic code, a word of the grammar, a setting, a definition of the standard library, a built-in
//! function or an operation. A word may be several of them; one that is none gets the nearest that are.

use pfm_diag::Sources;
use pfm_syntax::ast::{Body, Definition, Statement};
use serde_json::{Value, json};

/// One meaning of a word: text for people and a value for programs.
pub struct Meaning {
    pub text: String,
    pub value: Value,
}

/// All meanings of a word, in the order in which a reader meets them.
pub fn meanings(word: &str) -> Vec<Meaning> {
    let (library, sources) = standard();
    let mut found = vec![];
    found.extend(pfm_diag::code_info(&word.to_uppercase()).map(code));
    found.extend(pfm_syntax::WORDS.iter().filter(|w| w.word == word).map(grammar_word));
    found.extend(settings_of(word));
    for (kind, info) in settings() {
        if info.name == word {
            found.push(setting(kind, info));
        }
    }
    for definition in &library {
        if definition.name.text == word {
            found.push(self::definition(definition, &sources));
        }
        let owner = &definition.name.text;
        found.extend(definition.params.iter().filter(|p| p.name.text == word).map(|p| parameter(owner, sources.text(p.span))));
    }
    found.extend(pfm_elaborate::builtins().filter(|b| b.name == word).map(builtin));
    // A built-in function and its operation often have one name: the function is what a file can write.
    if found.is_empty() {
        found.extend(pfm_ops::lookup(word).map(operation));
    }
    found
}

/// At most three known words near one that means nothing.
pub fn near(word: &str) -> Vec<String> {
    let (library, _) = standard();
    let mut known: Vec<String> = pfm_diag::CODES.iter().map(|c| c.code.to_string()).collect();
    known.extend(pfm_syntax::WORDS.iter().map(|w| w.word.to_string()));
    known.extend(settings().map(|(_, s)| s.name.to_string()));
    known.extend(library.iter().map(|d| d.name.text.clone()));
    known.extend(library.iter().flat_map(|d| d.params.iter().map(|p| p.name.text.clone())));
    known.extend(pfm_elaborate::builtins().map(|b| b.name.to_string()));
    known.extend(pfm_ops::table().iter().map(|op| op.name.to_string()));
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    pfm_hir::nearest(word, &names).into_iter().map(str::to_string).collect()
}

/// Definitions of the standard library, and their texts.
fn standard() -> (Vec<Definition>, Sources) {
    let mut sources = Sources::default();
    let mut definitions = vec![];
    for (name, text) in pfm_stdlib::FILES {
        definitions.extend(pfm_syntax::read(sources.add(name, text), text).0.definitions);
    }
    (definitions, sources)
}

fn settings() -> impl Iterator<Item = (&'static str, &'static pfm_hir::SettingInfo)> {
    let own = pfm_hir::EXPERIMENT.iter().map(|s| ("experiment", s));
    own.chain(pfm_hir::Kind::ALL.into_iter().flat_map(|kind| kind.settings().iter().map(move |s| (kind.word(), s))))
}

fn code(info: &pfm_diag::CodeInfo) -> Meaning {
    let explanation = info.explanation.trim();
    Meaning {
        text: format!("{}: {}\n\n{explanation}", info.code, info.title),
        value: json!({ "code": info.code, "title": info.title, "explanation": explanation }),
    }
}

fn grammar_word(w: &pfm_syntax::Word) -> Meaning {
    Meaning { text: format!("{}\n\n{}", w.form, w.doc), value: json!({ "word": w.word, "form": w.form, "doc": w.doc }) }
}

fn setting(kind: &str, info: &pfm_hir::SettingInfo) -> Meaning {
    let default = info.default.map_or("needed".to_string(), |d| format!("default: {d}"));
    Meaning {
        text: format!("`{}`, a setting of a {kind} ({default})\n\n{}", info.name, info.doc),
        value: json!({ "setting": info.name, "of": kind, "default": info.default, "required": info.required, "doc": info.doc }),
    }
}

/// The settings of a kind of block, as a table.
fn settings_of(kind: &str) -> Option<Meaning> {
    let of: Vec<&pfm_hir::SettingInfo> = settings().filter(|(k, _)| *k == kind).map(|(_, s)| s).collect();
    let width = of.iter().map(|s| s.name.len()).max()?;
    let line = |s: &&pfm_hir::SettingInfo| {
        format!("  {:<width$}  {} ({})", s.name, s.doc, s.default.map_or("needed".to_string(), |d| format!("default: {d}")))
    };
    let lines: Vec<String> = of.iter().map(line).collect();
    let value: Vec<Value> = of.iter().map(|s| json!({ "setting": s.name, "default": s.default, "doc": s.doc })).collect();
    Some(Meaning { text: format!("settings of a {kind}:\n{}", lines.join("\n")), value: json!({ "block": kind, "settings": value }) })
}

fn parameter(owner: &str, written: &str) -> Meaning {
    Meaning { text: format!("an argument of `{owner}`: {written}"), value: json!({ "argument": written, "of": owner }) }
}

fn definition(d: &Definition, sources: &Sources) -> Meaning {
    let module = sources.file(d.span.file).name.trim_end_matches(".pfm").replace('/', ".");
    let kind = pfm_elaborate::kind_word(d.kind);
    let params: Vec<&str> = d.params.iter().map(|p| sources.text(p.span)).collect();
    let mut signature = format!("{kind} {}", d.name.text);
    if !params.is_empty() {
        signature.push_str(&format!("({})", params.join(", ")));
    }
    if let Body::Settings(statements) = &d.body {
        for statement in statements {
            if let Statement::Setting(s) = statement {
                signature.push_str(&format!("\n  {}", sources.text(s.span)));
            }
        }
    }
    let doc = d.doc.join("\n").trim().to_string();
    let doc = if doc.is_empty() { String::new() } else { format!("\n\n{doc}") };
    Meaning {
        text: format!("{signature}{doc}\n\ndefined in `{module}`"),
        value: json!({ "definition": d.name.text, "kind": kind, "module": module, "arguments": params, "doc": d.doc.join("\n") }),
    }
}

fn builtin(b: &pfm_elaborate::Builtin) -> Meaning {
    Meaning {
        text: format!("{}\n\n{}", b.signature(), b.doc),
        value: json!({ "function": b.name, "signature": b.signature(), "doc": b.doc }),
    }
}

fn operation(op: &'static pfm_ir::Op) -> Meaning {
    let line = |l: &str| l.trim_start_matches("//!").trim_start_matches(' ').to_string();
    let doc = op.doc.trim().lines().map(line).collect::<Vec<_>>().join("\n");
    Meaning {
        text: format!("{}({})\n\n{doc}", op.name, op.operands.join(", ")),
        value: json!({ "op": op.name, "operands": op.operands, "doc": doc }),
    }
}
