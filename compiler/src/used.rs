//! Files that a file brings in by `use "blocks.pfm"`: each read once, whatever the number of ways that lead to it.

use crate::frontend::World;
use pfm_diag::{Diagnostic, FileId, Sources, Span};
use pfm_hir::Other;
use pfm_syntax::ast::{File, UseTarget};
use std::path::{Component, Path, PathBuf};

/// Reads them all, those of the user's own file first. One that cannot be read is reported where it is used.
pub(crate) fn read(user: &File, sources: &mut Sources, diagnostics: &mut Vec<Diagnostic>, world: &dyn World) -> Vec<Other> {
    let own = sources.file(user.id).name.clone();
    let mut others: Vec<Other> = vec![];
    let mut waiting = wanted(user, &own);
    waiting.reverse();
    while let Some((path, by, span)) = waiting.pop() {
        if path == tidy(Path::new(&own)) || others.iter_mut().any(|o| o.path == path && used_again(o, by, span)) {
            continue;
        }
        match world.read(&path) {
            Ok(text) => {
                let (file, found) = pfm_syntax::read(sources.add(&path, &text), &text);
                diagnostics.extend(found);
                waiting.extend(wanted(&file, &path).into_iter().rev());
                others.push(Other { path, by: vec![(by, span)], file });
            }
            Err(why) => diagnostics.push(
                Diagnostic::new("E0105", format!("`{path}` cannot be read"))
                    .at(span, why)
                    .help("the path is relative to the file that holds the `use`"),
            ),
        }
    }
    others
}

fn used_again(other: &mut Other, by: FileId, span: Span) -> bool {
    other.by.push((by, span));
    true
}

/// Paths that a file uses, with the place of each.
fn wanted(file: &File, name: &str) -> Vec<(String, FileId, Span)> {
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    let files = file.uses.iter().filter_map(|item| match &item.target {
        UseTarget::File(path, span) => Some((tidy(&folder.join(path)), file.id, *span)),
        UseTarget::Path(_) => None,
    });
    files.collect()
}

/// The path without `.` and, where they take something back, `..`.
fn tidy(path: &Path) -> String {
    let mut out = PathBuf::new();
    for part in path.components() {
        match (part, out.components().next_back()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                out.pop();
            }
            _ => out.push(part),
        }
    }
    out.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_short() {
        assert_eq!(tidy(Path::new("a/./b/../c.pfm")), "a/c.pfm");
        assert_eq!(tidy(Path::new("../x/../../c.pfm")), "../../c.pfm");
        assert_eq!(tidy(Path::new("/a/../c.pfm")), "/c.pfm");
    }
}
