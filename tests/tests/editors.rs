//! What editors know of the language's words: a TextMate grammar, the words of the tree-sitter grammar and its highlights, all made
//! from the grammar file and the compiler's tables. `PFMC_BLESS=1` rewrites them.

use pfm_hir::Kind;
use pfm_syntax::ast::{DefinitionKind, TYPE_WORDS};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace").to_path_buf()
}

/// Every word that means something to the language itself.
struct Words {
    /// `experiment`, `stage`, …
    blocks: Vec<String>,
    /// `block`, `fn`, …: kinds of definition whose body is code, then those with members.
    code_kinds: Vec<String>,
    member_kinds: Vec<String>,
    /// `freeze`, `except`, `if`, …
    keywords: Vec<String>,
    units: Vec<String>,
    types: Vec<String>,
    builtins: Vec<String>,
    /// Names of settings of blocks.
    settings: Vec<String>,
}

const CONSTANTS: &[&str] = &["true", "false", "none", "random", "pi", "infinity", "nan"];

fn words() -> Words {
    use DefinitionKind::*;
    let grammar = std::fs::read_to_string(root().join("grammar/pfm.pest")).expect("the grammar");
    let kinds = |kinds: &[DefinitionKind]| kinds.iter().map(|k| pfm_elaborate::kind_word(*k).to_string()).collect::<Vec<_>>();
    let (code_kinds, member_kinds) = (kinds(&[Block, Fn, Loss, Metric, Schedule]), kinds(&[Optimiser, Tokeniser, Processor]));
    let mut blocks = vec!["experiment".to_string(), "level".to_string()];
    blocks.extend(Kind::ALL.iter().map(|k| k.word().to_string()));
    let mut keywords: Vec<String> = grammar.lines().filter_map(keyword).collect();
    keywords.retain(|w| w != "vocabulary");
    keywords.extend(["and", "or", "not"].map(String::from));
    sort(&mut keywords);
    let mut settings: Vec<String> = Kind::ALL.iter().flat_map(|k| k.settings()).map(|s| s.name.to_string()).collect();
    sort(&mut settings);
    let mut types: Vec<String> = TYPE_WORDS.iter().map(|w| w.to_string()).collect();
    sort(&mut types);
    Words {
        blocks,
        code_kinds,
        member_kinds,
        keywords,
        units: pfm_hir::unit_words().map(|(w, _)| w.to_string()).filter(|w| w != "%").collect(),
        types,
        builtins: pfm_elaborate::builtins().map(|b| b.name.to_string()).collect(),
        settings,
    }
}

fn sort(words: &mut Vec<String>) {
    words.sort();
    words.dedup();
}

/// `kw_use = @{ "use" ~ !id_char }`
fn keyword(line: &str) -> Option<String> {
    let rest = line.strip_prefix("kw_")?;
    rest.split('"').nth(1).map(str::to_string)
}

fn any(words: &[String]) -> String {
    words.join("|")
}

fn textmate(w: &Words) -> Value {
    let definitions = any(&[w.code_kinds.clone(), w.member_kinds.clone(), vec!["vocabulary".to_string()]].concat());
    let name = "[A-Za-z_][A-Za-z0-9_]*";
    let scope = |pattern: String, scope: &str| json!({ "match": pattern, "name": scope });
    let captures = |pattern: String, scopes: &[(&str, &str)]| {
        let captures: serde_json::Map<String, Value> = scopes.iter().map(|(n, s)| (n.to_string(), json!({ "name": s }))).collect();
        json!({ "match": pattern, "captures": captures })
    };
    json!({
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "pfm",
        "scopeName": "source.pfm",
        "fileTypes": ["pfm"],
        "patterns": [
            scope("##.*$".into(), "comment.line.documentation.pfm"),
            scope("#.*$".into(), "comment.line.number-sign.pfm"),
            scope("\"[^\"]*\"?".into(), "string.quoted.double.pfm"),
            captures(r"^\s*(pfm)\s+([0-9]+)".into(), &[("1", "keyword.control.pfm"), ("2", "constant.numeric.pfm")]),
            captures(r"\b(use)\s+([A-Za-z_][A-Za-z0-9_.]*)".into(), &[("1", "keyword.control.import.pfm"), ("2", "entity.name.namespace.pfm")]),
            captures(
                format!(r"(?<![\w.])({}|{definitions})\s+({name}|[0-9]+)(?=\s*(\{{|=|\(|over\b|default\b))(?:\s+(default)\b)?", any(&w.blocks)),
                &[("1", "storage.type.pfm"), ("2", "entity.name.type.pfm"), ("4", "storage.modifier.pfm")],
            ),
            captures(
                format!(r"(?<![\w.])([0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9]+)?)(?:[ \t]*(?:({})\b|(%)))?", any(&w.units)),
                &[("1", "constant.numeric.pfm"), ("2", "keyword.other.unit.pfm"), ("3", "keyword.other.unit.pfm")],
            ),
            captures(format!(r"(?<![\w.])({name}(?:\.(?:{name}|[0-9]+|\*\*?))*|\*(?:\.{name})+)\s*(=)(?!=)"), &[("1", "variable.other.property.pfm"), ("2", "keyword.operator.assignment.pfm")]),
            captures(format!(r"(?<![\w.])({name})\s*(:)"), &[("1", "variable.parameter.pfm"), ("2", "punctuation.separator.pfm")]),
            scope(format!(r"(?<![\w.])({})\b", any(&w.keywords)), "keyword.control.pfm"),
            scope(format!(r"(?<![\w.])({})\b", CONSTANTS.join("|")), "constant.language.pfm"),
            scope(format!(r"(?<![\w.])({})(?=\s*\()", any(&w.builtins)), "support.function.pfm"),
            scope(format!(r"(?<![\w.])({name})(?=\s*\()"), "entity.name.function.pfm"),
            scope(format!(r"(?<=:\s)({})\b", any(&w.types)), "support.type.pfm"),
            scope(r"\|>|->|==|!=|<=|>=|\.\.|\*\*|//|[-+*/%^<>~=]".into(), "keyword.operator.pfm"),
        ]
    })
}

fn highlights(w: &Words) -> String {
    let one_of = |words: &[String]| words.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(" ");
    // Words that the tree-sitter grammar spells out; the others are names to it.
    let spelled: Vec<String> = w.keywords.iter().filter(|k| *k != "train").cloned().collect();
    format!(
        "; Written by the tests of the project from the compiler's tables: run them with PFMC_BLESS=1.\n\n\
         (comment) @comment\n(doc_comment) @comment.documentation\n(text) @string\n(numeral) @number\n(boolean) @boolean\n(wildcard) @operator\n\n\
         [{}] @keyword\n(train \"train\" @keyword)\n\
         [\"|>\" \"->\" \"==\" \"!=\" \"<=\" \">=\" \"..\" \"//\" \"+\" \"-\" \"*\" \"/\" \"%\" \"^\" \"<\" \">\" \"~\" \"=\"] @operator\n\
         [\"(\" \")\" \"[\" \"]\" \"{{\" \"}}\"] @punctuation.bracket\n\n\
         (block kind: (identifier) @type.builtin (#any-of? @type.builtin {}))\n(block label: (_) @type)\n\
         (code_definition kind: _ @keyword name: (identifier) @function)\n(member_definition kind: _ @keyword name: (identifier) @type)\n\
         (data_definition kind: _ @keyword name: (identifier) @type)\n(amendment kind: _ @keyword name: (identifier) @type)\n\
         (vocabulary kind: _ @keyword name: (identifier) @type)\n\
         (setting name: (glob) @property)\n(parameter name: (identifier) @variable.parameter)\n(argument name: (identifier) @property)\n\
         (call name: (path) @function.call)\n\
         ((call name: (path) @function.builtin) (#any-of? @function.builtin {}))\n\
         (quantity unit: _ @type)\n\
         ((path) @constant.builtin (#any-of? @constant.builtin {}))\n",
        one_of(&spelled),
        one_of(&w.blocks),
        one_of(&w.builtins),
        CONSTANTS.iter().skip(2).map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(" "),
    )
}

/// Files and what they must hold.
fn files() -> Vec<(&'static str, String)> {
    let w = words();
    let pretty = |v: &Value| serde_json::to_string_pretty(v).expect("it is JSON") + "\n";
    let lists = json!({
        "blocks": w.blocks, "code_kinds": w.code_kinds, "member_kinds": w.member_kinds, "keywords": w.keywords, "units": w.units,
        "types": w.types, "builtins": w.builtins, "settings": w.settings,
    });
    vec![
        ("vscode/syntaxes/pfm.tmLanguage.json", pretty(&textmate(&w))),
        ("tree-sitter-pfm/words.json", pretty(&lists)),
        ("tree-sitter-pfm/queries/highlights.scm", highlights(&w)),
    ]
}

#[test]
fn editor_grammars_are_fresh() {
    let folder = root().join("grammar/editors");
    let bless = std::env::var_os("PFMC_BLESS").is_some();
    for (name, text) in files() {
        let path = folder.join(name);
        if bless {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
            std::fs::write(&path, &text).expect("it is written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "grammar/editors/{name} is stale: run the tests with PFMC_BLESS=1");
    }
}

/// The tables are not empty, and hold what everyone looks for.
#[test]
fn the_words_are_those_of_the_language() {
    let w = words();
    let holds = |words: &[String], some: &[&str]| some.iter().all(|s| words.iter().any(|w| w == s));
    assert!(holds(&w.blocks, &["experiment", "stage", "grid", "profile", "level"]));
    assert!(holds(&w.keywords, &["freeze", "train", "except", "skip", "expect", "within", "eval", "if", "require", "slot"]));
    assert!(
        holds(&w.units, &["steps", "epochs", "GiB"]) && holds(&w.builtins, &["attend", "contract"]) && holds(&w.settings, &["optimiser"])
    );
}

/// Files of the VS Code extension name each other rightly.
#[test]
fn the_extension_finds_its_files() {
    let folder = root().join("grammar/editors/vscode");
    let package: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("package.json")).expect("the manifest")).expect("JSON");
    let contributes = &package["contributes"];
    let named = [&package["main"], &contributes["languages"][0]["configuration"], &contributes["grammars"][0]["path"]];
    for path in named {
        let path = path.as_str().expect("a path");
        assert!(folder.join(path).is_file(), "{path}");
    }
    let configuration = std::fs::read_to_string(folder.join("language-configuration.json")).expect("the configuration");
    serde_json::from_str::<Value>(&configuration).expect("JSON");
    assert_eq!(contributes["grammars"][0]["scopeName"], "source.pfm");
}
