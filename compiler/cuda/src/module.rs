//! A whole plan as text: the steps of every group, and the distinct functions that they launch.

use crate::{Draft, PRELUDE, Step, Target, draft};
use pfm_diag::Diagnostic;
use pfm_plan::{Plan, Work};
use std::collections::BTreeMap;

/// A plan for a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// Of each group.
    pub groups: Vec<Draft>,
    /// The functions, each once, as complete texts, by the name of their entry. Each compiles alone, so all compile side by side.
    pub sources: BTreeMap<String, String>,
}

/// Bytes of working memory that a group needs: what `pfm_plan::plan` asks its back end. An operation without kernel needs none and is refused by
/// `write`.
pub fn scratch_bytes(work: &Work, target: &Target) -> usize {
    draft(work, slots(work), target).map_or(0, |d| d.scratch_bytes)
}

/// Positions of a group's buffers that its work names.
fn slots(work: &Work) -> usize {
    let loads = work.body().iter().filter_map(|e| match e {
        pfm_plan::Expr::Load { buffer, .. } => Some(*buffer),
        _ => None,
    });
    loads.chain(work.stores().iter().map(|s| s.buffer)).max().map_or(0, |last| last + 1)
}

/// Writes every group of a plan that was made with `scratch_bytes`. Fails with E0801 on an operation without kernel.
pub fn write(plan: &Plan, target: &Target) -> Result<Module, Box<Diagnostic>> {
    let mut module = Module { groups: vec![], sources: BTreeMap::new() };
    for group in &plan.groups {
        let Some(draft) = draft(&group.work, group.buffers.len(), target) else {
            let Work::Kernel(kernel) = &group.work else { panic!("only kernels are refused") };
            let message = format!("the CUDA back end has no kernel for `{}` at `{}`", kernel.op.name, group.path);
            return Err(Box::new(Diagnostic::new("E0801", message).help("run on the CPU")));
        };
        let room = group.scratch.map_or(0, |b| plan.buffers[b.0 as usize].bytes());
        assert!(room >= draft.scratch_bytes, "the group at `{}` has {room} bytes to work in, not {}", group.path, draft.scratch_bytes);
        for step in &draft.steps {
            if let Step::Launch(launch) = step {
                module.sources.entry(launch.entry.clone()).or_insert_with(|| format!("{PRELUDE}\n{}", launch.source));
            }
        }
        module.groups.push(draft);
    }
    Ok(module)
}
