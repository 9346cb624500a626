//! An experiment may amend another one: `experiment small = indomain { rollout.run = 300 steps }`, of the same file or, after
//! `use "indomain.pfm" as base`, of another: `= base.indomain`. It has all its settings and blocks, but none of its claims; a block
//! of the same kind and name takes the place of the base's, and settings by path reach into those that stay.

use pfm_diag::Diagnostic;
use pfm_elaborate::Library;
use pfm_syntax::ast::{Block, File, Path, UseTarget};

use crate::findings::Findings;
use crate::input::Input;
use crate::overrides;
use crate::suggest::{any_of, nearest};
use crate::tree::{self, Tree};

/// An experiment and the file that holds it.
pub(crate) type Place<'a> = (&'a Block, &'a File);

/// The experiment and those that it amends, itself first. Ends where a base can't be found, which is reported.
pub(crate) fn chain<'a>(input: &Input<'a>, block: &'a Block, findings: &mut Findings) -> Vec<Place<'a>> {
    let mut chain = vec![(block, input.file)];
    while let Some((block, file)) = chain.last().copied()
        && let Some(base) = &block.base
    {
        let Some(found) = find(input, file, base, findings) else { break };
        if chain.iter().any(|(b, _)| std::ptr::eq(*b, found.0)) {
            findings.push(
                Diagnostic::new("E0111", format!("`{}` amends itself", name(block)))
                    .at(base.span, "leads back to it")
                    .help("amend an experiment that does not depend on this one"),
            );
            break;
        }
        chain.push(found);
    }
    chain
}

/// The tree of the first of a chain, with what it takes from the others.
pub(crate) fn build(chain: &[Place], library: &Library, findings: &mut Findings) -> Tree {
    let mut whole: Option<Tree> = None;
    for (block, _) in chain.iter().rev() {
        let own = tree::build(block, findings);
        whole = Some(match whole {
            None => own,
            Some(base) => over(base, own, library, findings),
        });
    }
    whole.expect("a chain holds the experiment itself")
}

fn over(mut base: Tree, own: Tree, library: &Library, findings: &mut Findings) -> Tree {
    for entry in own.settings {
        match base.settings.iter_mut().find(|e| e.name.text == entry.name.text) {
            Some(old) => *old = entry,
            None => base.settings.push(entry),
        }
    }
    for item in own.items {
        match base.items.iter_mut().find(|i| i.kind == item.kind && i.label.text == item.label.text) {
            Some(old) => *old = item,
            None => tree::add_item(&mut base, item, findings),
        }
    }
    base.name = own.name;
    base.expects = own.expects;
    base.amended.extend(own.amended);
    if !own.doc.is_empty() {
        base.doc = own.doc;
    }
    overrides::apply(&mut base, library, &own.amendments, findings);
    base
}

fn name(block: &Block) -> &str {
    block.label.as_ref().map_or("", |l| &l.text)
}

/// The experiment that `base` names in `file`: `indomain`, or `base.indomain` by the alias of a `use`.
fn find<'a>(input: &Input<'a>, file: &'a File, base: &Path, findings: &mut Findings) -> Option<Place<'a>> {
    let (holder, wanted) = match base.segments.as_slice() {
        [wanted] => (file, wanted),
        [alias, wanted] => (used_as(input, file, &alias.text, base, findings)?, wanted),
        _ => {
            findings.push(
                Diagnostic::new("E0104", format!("no experiment is called `{}`", base.text()))
                    .at(base.span, "not known")
                    .help("write the name of an experiment, or `ALIAS.EXPERIMENT` after `use \"FILE\" as ALIAS`"),
            );
            return None;
        }
    };
    let experiments = holder.experiments.iter().filter(|b| b.kind.text == "experiment");
    let known: Vec<&str> = experiments.clone().map(name).collect();
    let found = experiments.into_iter().find(|b| name(b) == wanted.text);
    if found.is_none() {
        let d = Diagnostic::new("E0104", format!("no experiment is called `{}`", base.text())).at(wanted.span, "not known");
        findings.push(match nearest(&wanted.text, &known).as_slice() {
            [] if known.is_empty() => d.help("that file has no experiment"),
            [] => d.help(format!("there is {}", any_of(&known))),
            [near, ..] => d.fix(format!("did you mean `{near}`?"), wanted.span, *near, false),
        });
    }
    found.map(|block| (block, holder))
}

/// The file that is used under a name.
fn used_as<'a>(input: &Input<'a>, file: &File, alias: &str, base: &Path, findings: &mut Findings) -> Option<&'a File> {
    let named = |item: &&pfm_syntax::ast::Use| item.alias.as_ref().is_some_and(|a| a.text == alias);
    let Some(item) = file.uses.iter().find(named) else {
        let known: Vec<&str> = file.uses.iter().filter_map(|u| u.alias.as_ref()).map(|a| a.text.as_str()).collect();
        let d = Diagnostic::new("E0104", format!("no file is used as `{alias}`")).at(base.span, "not known");
        findings.push(match known.as_slice() {
            [] => d.help(format!("write `use \"FILE.pfm\" as {alias}` at the top")),
            known => d.help(format!("there is {}", any_of(known))),
        });
        return None;
    };
    let UseTarget::File(_, span) = &item.target else {
        findings.push(
            Diagnostic::new("E0104", format!("`{alias}` is no file"))
                .at(item.span, "names a definition")
                .help(format!("write `use \"FILE.pfm\" as {alias}`")),
        );
        return None;
    };
    // One that can't be read was reported where it is used.
    input.others.iter().find(|o| o.by.contains(&(file.id, *span))).map(|o| &o.file)
}
