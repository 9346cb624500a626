//! `pfmc explain --cuda`: the functions that a stage's program launches, beside the groups of the plan that they come from.

use crate::output::{Exit, Output};
use pfm_cuda::{Launch, Module, Step};
use pfm_plan::{Group, Plan};
use std::collections::BTreeMap;

/// Every distinct step once, in the order of its first group, with all groups that take it.
pub fn show(plan: &Plan, module: &Module, out: &Output) -> Exit {
    let mut order: Vec<String> = vec![];
    let mut groups: BTreeMap<String, Vec<&Group>> = BTreeMap::new();
    for (group, draft) in plan.groups.iter().zip(&module.groups) {
        for step in &draft.steps {
            let text = described(step);
            let users = groups.entry(text.clone()).or_insert_with(|| {
                order.push(text);
                vec![]
            });
            users.push(group);
        }
    }
    let mut functions = vec![];
    for text in &order {
        let users = &groups[text];
        let mut paths: Vec<&str> = users.iter().map(|g| &*g.path).filter(|p| !p.is_empty()).collect();
        paths.dedup();
        out.line(format!("// {} groups: {}", users.len(), paths.join(", ")));
        for line in pfm_plan::print_work(users[0]).lines() {
            out.line(format!("// {}", line.trim_start()));
        }
        out.line(format!("{text}\n"));
        functions.push(serde_json::json!({ "groups": users.len(), "paths": paths, "work": pfm_plan::print_work(users[0]), "text": text }));
    }
    out.value(Exit::Done, serde_json::json!({ "groups": plan.groups.len(), "functions": functions }));
    Exit::Done
}

fn described(step: &Step) -> String {
    match step {
        Step::Launch(Launch { source, grid, block, shared_bytes, .. }) => {
            format!("// grid {grid:?}, {block} threads, {shared_bytes} bytes of shared memory\n{}", source.trim_end())
        }
        Step::Gemm(gemm) => format!("// cuBLASLt: {gemm:?}"),
    }
}
