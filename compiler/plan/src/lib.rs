//! From a graph to a plan: which nodes share a loop (`fuse`), what each loop does (`build`, `body`, `index`), where outputs
//! go (`outputs`), which reductions share a pass (`siblings`), in which order groups run (`order`) and where every buffer lies (`memory`). Back ends rearrange loops with `nest`. A plan prints and verifies.
//!
//! Invariants: groups are in topological order; no two living buffers overlap; every access lies inside its buffer.
//! Absent on purpose: algebra, machine code, threads.

mod body;
mod build;
mod cost;
mod fills;
mod fuse;
mod index;
mod memory;
pub mod nest;
mod order;
mod outputs;
mod peak;
mod plan;
mod siblings;
mod text;
mod verify;

pub use memory::PROCESS_BYTES;
pub use peak::{Peak, peak};
pub use plan::{
    Access, Buffer, BufferId, Constant, Expr, ExprId, Fold, Group, Kernel, Loop, OutputSlot, Place, Plan, Reduce, Slot, Store, Work,
};
pub use text::{print, work as print_work};
pub use verify::verify;

use build::Draft;
use pfm_ir::{DType, Graph};

/// Bytes of working memory that a back end needs while a group runs.
pub type Scratch<'a> = &'a dyn Fn(&Work) -> usize;

/// By value: whether fusion gives it memory, its own or a part of another's. What is stored there is what a pass over memory leaves
/// for another.
pub fn stored(graph: &Graph) -> Vec<bool> {
    let fusion = fuse::fuse(graph);
    fusion.stored.iter().zip(&fusion.passed).map(|(stored, passed)| *stored || *passed).collect()
}

/// Plans a graph whose composites are decomposed.
pub fn plan(graph: &Graph, scratch: Scratch) -> Plan {
    let fusion = fuse::fuse(graph);
    let mut draft = Draft::new(graph, &fusion);
    siblings::join_reductions(&mut draft);
    let outputs = outputs::place_outputs(&mut draft);
    for g in 0..draft.groups.len() {
        let bytes = scratch(&draft.groups[g].work);
        if bytes > 0 {
            let id = draft.buffer(DType::I32, bytes.div_ceil(4), Place::Arena(0));
            draft.groups[g].scratch = Some(id);
        }
    }
    let order = order::schedule(&draft);
    finish(draft, outputs, &order)
}

fn finish(draft: Draft, outputs: Vec<OutputSlot>, order: &[usize]) -> Plan {
    let lives = order::lives(draft.buffers.len(), &draft.groups, order);
    let mut buffers = draft.buffers;
    for (buffer, live) in buffers.iter_mut().zip(&lives) {
        buffer.live = live.unwrap_or((0, 0));
    }
    let touched: Vec<bool> = lives.iter().map(Option::is_some).collect();
    let arena_bytes = memory::allocate(&mut buffers, &touched);
    let mut groups: Vec<Option<Group>> = draft.groups.into_iter().map(Some).collect();
    let inputs = draft.graph.inputs.iter();
    Plan {
        name: draft.graph.name.clone(),
        precision: draft.graph.precision,
        inputs: inputs
            .map(|i| Slot {
                name: i.name.clone(),
                role: i.role.clone(),
                ty: draft.graph.ty(i.value).clone(),
                buffer: draft.buffer_of[i.value.0 as usize].expect("an input has a buffer"),
            })
            .collect(),
        groups: order.iter().map(|g| groups[*g].take().expect("each group runs once")).collect(),
        buffers,
        outputs,
        constants: draft.constants,
        arena_bytes,
    }
}
