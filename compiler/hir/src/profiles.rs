//! Which profile holds, and what it sets. The file as written counts as a profile called `paper`; nothing probes the machine to
//! choose one. Profiles that were not chosen are checked too: a path that names nothing is an error in any of them.

use pfm_diag::{Diagnostic, Span};
use pfm_elaborate::Library;
use pfm_syntax::ast::{Path, Setting};

use crate::findings::Findings;
use crate::input::{ProfileChoice, Request};
use crate::overrides;
use crate::schema::Kind;
use crate::suggest::{any_of, nearest};
use crate::tree::{Item, Tree};

/// The name under which the file as written goes.
pub(crate) const AS_WRITTEN: &str = "paper";

/// Applies the chosen profile and the settings of the command line; the name of the profile, None for the file as written.
pub(crate) fn apply(tree: &mut Tree, library: &Library, request: &Request, findings: &mut Findings) -> Option<String> {
    check_defaults(tree, findings);
    let profiles: Vec<Item> = tree.of(Kind::Profile).cloned().collect();
    let chosen = choose(&profiles, request, findings);
    for (index, profile) in profiles.iter().enumerate() {
        check_words(profile, findings);
        let settings = settings_of(&profiles, index, &mut vec![]);
        if chosen != Some(index) {
            overrides::apply(&mut tree.clone(), library, &settings, findings);
        }
    }
    if let Some(index) = chosen {
        let settings = settings_of(&profiles, index, &mut vec![]);
        overrides::apply(tree, library, &settings, findings);
    }
    let sets: Vec<Setting> = request.sets.iter().map(|(path, value)| from_command_line(path, value)).collect();
    overrides::apply(tree, library, &sets, findings);
    chosen.map(|index| profiles[index].label.text.clone())
}

fn choose(profiles: &[Item], request: &Request, findings: &mut Findings) -> Option<usize> {
    match &request.profile {
        ProfileChoice::AsWritten => None,
        ProfileChoice::Default => profiles.iter().position(|p| p.modifier.is_some()),
        ProfileChoice::Named(name) => {
            let found = profiles.iter().position(|p| p.label.text == *name);
            if found.is_none() && name != AS_WRITTEN {
                let mut known: Vec<&str> = profiles.iter().map(|p| p.label.text.as_str()).collect();
                known.push(AS_WRITTEN);
                let d = Diagnostic::new("E0113", format!("the experiment has no profile `{name}`"));
                findings.push(match nearest(name, &known).as_slice() {
                    [] => d.help(format!("it has {}", any_of(&known))),
                    [near, ..] => d.help(format!("did you mean `{near}`?")),
                });
            }
            found
        }
    }
}

fn check_defaults(tree: &Tree, findings: &mut Findings) {
    let mut first: Option<Span> = None;
    for profile in tree.of(Kind::Profile) {
        let Some(modifier) = &profile.modifier else { continue };
        if modifier.text != "default" {
            findings.push(
                Diagnostic::new("E0112", format!("`{}` does not belong here", modifier.text))
                    .at(modifier.span, "only `default` may stand here")
                    .help("write `default`, or nothing"),
            );
        }
        match first {
            None => first = Some(modifier.span),
            Some(first) => findings.push(
                Diagnostic::new("E0103", "two profiles are the default")
                    .at(modifier.span, "also the default")
                    .also(first, "already the default")
                    .help("keep one of them"),
            ),
        }
    }
}

fn check_words(profile: &Item, findings: &mut Findings) {
    for level in &profile.levels {
        findings.push(
            Diagnostic::new("E0112", "a profile has settings only")
                .at(level.span, "a block here")
                .help("name the setting by its path, such as `tok.level.2.channels = 32`"),
        );
    }
}

/// The profile's settings, after those of the profile that it amends.
fn settings_of(profiles: &[Item], index: usize, above: &mut Vec<usize>) -> Vec<Setting> {
    let profile = &profiles[index];
    let mut settings = vec![];
    if let Some(base) = &profile.base {
        let parent = profiles.iter().position(|p| p.label.text == base.text());
        match parent {
            Some(parent) if parent != index && !above.contains(&parent) => {
                above.push(index);
                settings = settings_of(profiles, parent, above);
                above.pop();
            }
            // A circle or an unknown name is reported where blocks are flattened.
            _ => {}
        }
    }
    let own = profile.settings.iter().map(|e| Setting {
        path: Path { segments: vec![e.name.clone()], span: e.name.span },
        value: e.value.clone(),
        span: e.name.span.to(e.value.span),
    });
    let own: Vec<Setting> = own.chain(profile.amendments.iter().cloned()).collect();
    settings.retain(|s: &Setting| !own.iter().any(|o| o.path.text() == s.path.text()));
    settings.extend(own);
    settings
}

fn from_command_line(path: &str, value: &pfm_syntax::ast::Expr) -> Setting {
    let span = value.span;
    let segments = path.split('.').map(|s| pfm_syntax::ast::Name { text: s.to_string(), span }).collect();
    Setting { path: Path { segments, span }, value: value.clone(), span }
}
