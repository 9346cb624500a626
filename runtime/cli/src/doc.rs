//! `pfmc doc`: the reference of the language as Markdown, made from the tables and definitions that the compiler itself reads.

use crate::output::{Exit, Output};
use pfm_diag::{CODES, Sources};
use pfm_elaborate::{builtins, kind_word};
use pfm_hir::{EXPERIMENT, Kind, SettingInfo};
use pfm_syntax::ast::{Body, Definition, DefinitionKind, Parameter, Statement};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Folder that receives one Markdown page for each subject.
    #[arg(long, value_name = "DIR", default_value = "docs/reference")]
    out: PathBuf,
}

pub fn run(args: Args, out: &Output) -> Exit {
    if let Err(e) = std::fs::create_dir_all(&args.out) {
        return out.fail(Exit::Usage, format!("cannot make {}: {e}", args.out.display()));
    }
    let pages = pages();
    for (name, text) in &pages {
        let path = args.out.join(name);
        if let Err(e) = std::fs::write(&path, text) {
            return out.fail(Exit::Usage, format!("cannot write {}: {e}", path.display()));
        }
        out.line(path.display().to_string());
    }
    let names: Vec<&str> = pages.iter().map(|(name, _)| *name).collect();
    out.value(Exit::Done, serde_json::json!({ "out": args.out, "pages": names }));
    Exit::Done
}

/// File name and text of each page.
fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("README.md", index()),
        ("words.md", words()),
        ("settings.md", settings()),
        ("stdlib.md", standard_library()),
        ("builtins.md", built_in()),
        ("operations.md", operations()),
        ("diagnostics.md", diagnostics()),
    ]
}

fn index() -> String {
    let rows = [
        ("words.md", "words of the grammar"),
        ("settings.md", "what the blocks of an experiment may set"),
        ("stdlib.md", "definitions of the standard library"),
        ("builtins.md", "functions that definitions may call and that no definition could be"),
        ("operations.md", "operations of the tensor graph, which the compiler works on"),
        ("diagnostics.md", "every code, what it means and how to mend it"),
    ];
    let mut text = heading("Reference", "What `pfmc doc` writes. The language itself is described in [language.md](../language.md).");
    for (page, what) in rows {
        text.push_str(&format!("- [{}]({page}): {what}\n", page.trim_end_matches(".md")));
    }
    text
}

/// The head of a page, which says where it comes from.
fn heading(title: &str, about: &str) -> String {
    format!("# {title}\n\n<!-- Written by `pfmc doc`; edit what it is made from instead. -->\n\n{about}\n\n")
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "&#124;").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words() -> String {
    let mut text = heading("Words", "What the grammar itself knows. `pfmc explain WORD` says more of most of them.");
    text.push_str("| Word | Form | Meaning |\n|---|---|---|\n");
    for w in pfm_syntax::WORDS {
        text.push_str(&format!("| `{}` | `{}` | {} |\n", w.word, cell(w.form), cell(w.doc)));
    }
    text
}

fn settings() -> String {
    let mut text = heading(
        "Settings",
        "Each block of an experiment knows these. Tokenisers, processors and data also know the settings of the [definition](stdlib.md) that they amend; \
         masks have `freeze` and `train`, grids have axes and `skip`, profiles have paths.",
    );
    text.push_str(&format!("## experiment\n\n{}", setting_table(EXPERIMENT)));
    for kind in Kind::ALL.into_iter().filter(|k| !k.settings().is_empty()) {
        text.push_str(&format!("\n## {}\n\n{}", kind.word(), setting_table(kind.settings())));
    }
    text
}

fn setting_table(settings: &[SettingInfo]) -> String {
    let mut text = String::from("| Setting | Default | Meaning |\n|---|---|---|\n");
    for s in settings {
        // Defaults that are words about other settings are no code.
        let default = match s.default {
            None => "needed".to_string(),
            Some(words) if words.starts_with("the ") => words.to_string(),
            Some(value) => format!("`{}`", cell(value)),
        };
        text.push_str(&format!("| `{}` | {default} | {} |\n", s.name, cell(s.doc)));
    }
    text
}

fn standard_library() -> String {
    let mut text = heading(
        "Standard library",
        "Losses, optimisers, schedules, blocks and functions are always in scope; the others are brought in with `use MODULE.NAME`.",
    );
    let mut sources = Sources::default();
    for (name, source) in pfm_stdlib::FILES {
        let id = sources.add(name, source);
        let file = pfm_syntax::parse(id, source).file;
        let module = name.trim_end_matches(".pfm").replace('/', ".");
        text.push_str(&format!("## {module}\n\n"));
        for definition in &file.definitions {
            text.push_str(&entry(definition, &sources));
        }
    }
    text.trim_end().to_string() + "\n"
}

fn entry(definition: &Definition, sources: &Sources) -> String {
    let mut text = format!(
        "### {} {}\n\n```pfm\n{}\n```\n\n",
        kind_word(definition.kind),
        definition.name.text,
        pfm_hir::signature(definition, sources)
    );
    if !definition.doc.is_empty() {
        let lines: Vec<&str> = definition.doc.iter().map(|l| l.trim()).collect();
        text.push_str(&format!("{}\n\n", lines.join("\n").trim()));
    }
    if !definition.params.is_empty() {
        text.push_str(&format!("{}\n", parameter_table(&definition.params, sources)));
    }
    match &definition.body {
        Body::Members { definitions, .. } => {
            for record in definitions.iter().filter(|d| d.kind == DefinitionKind::Data) {
                let table = parameter_table(&record.params, sources);
                text.push_str(&format!("`{} N {{ … }}`, one for each of `{}s`:\n\n{table}\n", record.name.text, record.name.text));
            }
        }
        Body::Settings(statements) => {
            for statement in statements {
                let Statement::Setting(setting) = statement else { continue };
                text.push_str(&format!("- `{}`\n", cell(sources.text(setting.span))));
            }
            text.push('\n');
        }
        Body::Expr(_) | Body::Code(_) => {}
    }
    text
}

fn parameter_table(params: &[Parameter], sources: &Sources) -> String {
    let documented = params.iter().any(|p| !p.doc.is_empty());
    let mut text = String::from(if documented {
        "| Setting | Type | Default | Meaning |\n|---|---|---|---|\n"
    } else {
        "| Setting | Type | Default |\n|---|---|---|\n"
    });
    for p in params {
        let head = p.name.span.start;
        let written = sources.text(pfm_diag::Span { start: head, ..p.span });
        let end = p.default.as_ref().map_or(written.len(), |d| (d.span.start - head) as usize);
        let ty = written[..end].split_once(':').map_or("", |(_, ty)| ty.trim().trim_end_matches('=').trim());
        let ty = if ty.is_empty() { "anything".to_string() } else { format!("`{}`", cell(ty)) };
        let default = p.default.as_ref().map_or("needed".to_string(), |d| format!("`{}`", cell(sources.text(d.span))));
        let doc = if documented { format!(" {} |", cell(&p.doc.join(" "))) } else { String::new() };
        text.push_str(&format!("| `{}` | {ty} | {default} |{doc}\n", p.name.text));
    }
    text
}

fn built_in() -> String {
    let about = "Functions of definition code that are part of the compiler. `?` may be left out, `…` may repeat. Everything that can be written in the \
                 language is in the [standard library](stdlib.md) instead.";
    let mut text = heading("Built-in functions", about);
    text.push_str("| Function | Meaning |\n|---|---|\n");
    for b in builtins() {
        text.push_str(&format!("| `{}` | {} |\n", cell(&b.signature()), cell(b.doc)));
    }
    text
}

fn operations() -> String {
    let mut text = heading(
        "Operations",
        "What is left of an experiment after definitions have run: a graph of these. `pfmc explain FILE --graph STAGE` prints it. Each has a shape rule, a \
         meaning, a gradient and a cost; what users write are the [built-in functions](builtins.md).",
    );
    for op in pfm_ops::table() {
        let repeats = if op.variadic { "…" } else { "" };
        text.push_str(&format!("## {}\n\n`{}({}{repeats})`", op.name, op.name, op.operands.join(", ")));
        let page = pfm_ops::page(op);
        let shifted: Vec<String> = page.lines().map(|l| if l.starts_with("## ") { format!("\n#{l}\n") } else { l.to_string() }).collect();
        text.push_str(&format!("\n\n{}\n\n", shifted.join("\n").replace("\n\n\n", "\n\n").trim()));
        if !op.attrs.is_empty() {
            text.push_str("### Attributes\n\n");
            op.attrs.iter().for_each(|a| text.push_str(&format!("- `{}` ({:?}): {}\n", a.name, a.kind, a.doc)));
            text.push('\n');
        }
    }
    text.trim_end().to_string() + "\n"
}

fn diagnostics() -> String {
    let about = "E: an error. W: a warning. R: at run time. F: a claim of the file that failed. `pfmc explain CODE` prints an entry.";
    let mut text = heading("Diagnostics", about);
    for row in CODES {
        text.push_str(&format!("## {}: {}\n\n{}\n\n", row.code, row.title, row.explanation.trim()));
    }
    text.trim_end().to_string() + "\n"
}
