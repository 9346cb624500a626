//! What resolving starts from: parsed files, the library of their definitions, and what the command line asked for.

use pfm_diag::{FileId, Sources, Span};
use pfm_elaborate::Library;
use pfm_syntax::ast::{Expr, File};

/// The user's file and everything that it can see.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Texts of all files, for line numbers and claims as written.
    pub sources: &'a Sources,
    /// The file that holds the experiment.
    pub file: &'a File,
    /// The files that it uses, and those that they use.
    pub others: &'a [Other],
    /// Definitions of the standard library, of the user's file and of the files that it uses.
    pub library: &'a Library,
    /// Places of syntax errors: what is missing from a block that holds one is not reported again.
    pub broken: &'a [Span],
}

/// A file that others use.
#[derive(Clone, Debug)]
pub struct Other {
    /// Its name in `sources`.
    pub path: String,
    /// Each `use` of it: the file that holds it, and the place of the path.
    pub by: Vec<(FileId, Span)>,
    pub file: File,
}

/// What the command line asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Needed only where the file holds several experiments.
    pub experiment: Option<String>,
    pub profile: ProfileChoice,
    /// `--set PATH=VALUE`, applied after the profile.
    pub sets: Vec<(String, Expr)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProfileChoice {
    /// The one that the file calls default, else the file as written.
    #[default]
    Default,
    AsWritten,
    /// `paper` is the file as written, unless the file has a profile of that name.
    Named(String),
}
