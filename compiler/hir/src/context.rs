//! What every step of resolving reads: the files, the names in scope, and what definitions say.

use pfm_elaborate::Memo;
use pfm_syntax::ast::File;

use crate::bases;
use crate::findings::Findings;
use crate::input::Input;
use crate::names::Scope;
use crate::reach::Reach;

/// What every step reads.
pub(crate) struct Context<'a> {
    pub input: Input<'a>,
    pub scope: Scope<'a>,
    /// Definitions, as they count for the identity of stages and reports.
    pub reach: Reach<'a>,
    /// Calls of definitions that were elaborated to check a shape.
    pub memo: Memo,
}

impl<'a> Context<'a> {
    /// `chains`: the experiments that are closed, each with those that it amends.
    pub fn new(input: &Input<'a>, chains: &[&[bases::Place<'a>]], findings: &mut Findings) -> Context<'a> {
        let files: Vec<&File> = chains.iter().copied().flatten().map(|(_, file)| *file).collect();
        let scope = Scope::new(input, &files, findings);
        Context { input: *input, scope, reach: Reach::new(input), memo: Memo::default() }
    }
}
