//! What must hold of a plan: groups read only what was written, accesses stay inside their buffers,
//! no two living buffers share bytes, and the arena is as large as the plan says.

use crate::memory::{ALIGNMENT, aligned};
use crate::plan::{Access, BufferId, Expr, Group, Place, Plan, Work};

/// Every rule that the plan breaks, as a sentence each; empty when it is sound.
pub fn verify(plan: &Plan) -> Vec<String> {
    let mut broken = vec![];
    check_order(plan, &mut broken);
    for (i, group) in plan.groups.iter().enumerate() {
        check_accesses(plan, i, group, &mut broken);
    }
    check_lives(plan, &mut broken);
    check_overlap(plan, &mut broken);
    broken
}

fn check_order(plan: &Plan, broken: &mut Vec<String>) {
    let mut written: Vec<bool> = vec![false; plan.buffers.len()];
    for slot in &plan.inputs {
        written[slot.buffer.0 as usize] = true;
    }
    for (b, buffer) in plan.buffers.iter().enumerate() {
        written[b] |= matches!(buffer.place, Place::Constant(_));
    }
    let mut overwritten = vec![false; plan.inputs.len()];
    for (i, group) in plan.groups.iter().enumerate() {
        for b in group.reads() {
            if !written[b.0 as usize] {
                broken.push(format!("group {i} reads b{} before it is written", b.0));
            }
            if let Some(input) = plan.inputs.iter().position(|s| s.buffer == b)
                && overwritten[input]
            {
                broken.push(format!("group {i} reads input {input} after it is overwritten"));
            }
        }
        for b in group.writes() {
            written[b.0 as usize] = true;
            match plan.buffers[b.0 as usize].place {
                Place::Input(input) => overwritten[input] = true,
                Place::Constant(_) => broken.push(format!("group {i} writes a constant")),
                _ => {}
            }
        }
    }
    for slot in &plan.outputs {
        if !written[slot.buffer.0 as usize] {
            broken.push(format!("output {} is never written", slot.name));
        }
    }
}

fn check_accesses(plan: &Plan, i: usize, group: &Group, broken: &mut Vec<String>) {
    let space = match &group.work {
        Work::Loop(l) => &l.space,
        Work::Reduce(r) => &r.space,
        Work::Kernel(_) => return,
    };
    let mut check = |slot: usize, access: &Access| {
        let BufferId(b) = group.buffers[slot];
        let (low, high) = bounds(access, space);
        if low < 0 || high >= plan.buffers[b as usize].elements as i64 {
            broken.push(format!("group {i} touches b{b} at {low}..={high}"));
        }
    };
    for e in group.work.body() {
        if let Expr::Load { buffer, access, .. } = e {
            check(*buffer, access);
        }
    }
    for s in group.work.stores() {
        check(s.buffer, &s.access);
    }
}

/// Lowest and highest element of an access over a space.
fn bounds(access: &Access, space: &[usize]) -> (i64, i64) {
    let (mut low, mut high) = (access.offset, access.offset);
    for (stride, size) in access.strides.iter().zip(space) {
        let reach = stride * (*size as i64 - 1);
        low += reach.min(0);
        high += reach.max(0);
    }
    (low, high)
}

fn check_lives(plan: &Plan, broken: &mut Vec<String>) {
    for (i, group) in plan.groups.iter().enumerate() {
        for b in group.buffers.iter().chain(&group.scratch) {
            let (first, last) = plan.buffers[b.0 as usize].live;
            if i < first || i > last {
                broken.push(format!("group {i} touches b{} outside its life", b.0));
            }
        }
    }
}

fn check_overlap(plan: &Plan, broken: &mut Vec<String>) {
    let mut touched = vec![false; plan.buffers.len()];
    for group in &plan.groups {
        for b in group.buffers.iter().chain(&group.scratch) {
            touched[b.0 as usize] = true;
        }
    }
    let mut placed: Vec<(usize, usize, usize)> = vec![];
    let mut end = 0;
    for (b, buffer) in plan.buffers.iter().enumerate() {
        let Place::Arena(offset) = buffer.place else {
            continue;
        };
        if !touched[b] {
            continue;
        }
        if offset % ALIGNMENT != 0 {
            broken.push(format!("b{b} lies at {offset}, not a multiple of {ALIGNMENT}"));
        }
        placed.push((offset, offset + aligned(buffer.bytes()), b));
        end = end.max(offset + aligned(buffer.bytes()));
    }
    if end != plan.arena_bytes {
        broken.push(format!("the arena is {end} bytes, not {}", plan.arena_bytes));
    }
    placed.sort_unstable();
    for (i, a) in placed.iter().enumerate() {
        for b in placed[i + 1..].iter().take_while(|b| b.0 < a.1) {
            let (x, y) = (plan.buffers[a.2].live, plan.buffers[b.2].live);
            if x.0 <= y.1 && y.0 <= x.1 {
                broken.push(format!("b{} and b{} live together in the same bytes", a.2, b.2));
            }
        }
    }
}
