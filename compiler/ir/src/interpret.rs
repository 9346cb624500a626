//! What a graph means: its value in f64, node by node. This is the oracle that passes and back ends are tested against;
//! it is written to be obviously right, and fast enough for models of a few million multiply-adds.

use crate::{Builder, Graph, Meaning, Node, Role, Tensor, TensorType, ValueId};

/// The outputs, in order, for inputs in order. Composites are evaluated through their meaning. A tensor is dropped
/// after its last use. Panics when an input's shape differs from its declaration.
pub fn interpret(graph: &Graph, inputs: &[Tensor]) -> Vec<Tensor> {
    assert_eq!(inputs.len(), graph.inputs.len(), "graph `{}` has {} inputs", graph.name, graph.inputs.len());
    let last_use = last_uses(graph);
    let mut values: Vec<Option<Tensor>> = vec![None; graph.values.len()];
    for (input, tensor) in graph.inputs.iter().zip(inputs) {
        let shape = graph.shape(input.value);
        assert_eq!(shape, tensor.shape, "input `{}` has the declared shape", input.name);
        values[input.value.0 as usize] = Some(tensor.clone());
    }
    for (n, node) in graph.nodes.iter().enumerate() {
        let results = run(graph, node, &values);
        for (id, tensor) in node.results.iter().zip(results) {
            if last_use[id.0 as usize].is_some() {
                values[id.0 as usize] = Some(tensor);
            }
        }
        for v in &node.operands {
            if last_use[v.0 as usize] == Some(n) {
                values[v.0 as usize] = None;
            }
        }
    }
    let outputs = graph.outputs.iter();
    let value = |v: ValueId| values[v.0 as usize].clone();
    outputs.map(|o| value(o.value).expect("an output's value is kept to the end")).collect()
}

/// The results of one operation.
pub fn evaluate(
    op: &crate::Op,
    operands: &[&Tensor],
    operand_types: &[&TensorType],
    attrs: &crate::Attrs,
    result_types: &[TensorType],
) -> Vec<Tensor> {
    let results = match op.meaning {
        Meaning::Reference(reference) => reference(operands, attrs, result_types),
        Meaning::Composite(meaning) => {
            let mut b = Builder::new(op.name);
            let inputs: Vec<ValueId> = operand_types.iter().map(|ty| b.input("", Role::Data, (*ty).clone())).collect();
            for value in meaning(&mut b, &inputs, attrs) {
                b.output("", value);
            }
            let operands: Vec<Tensor> = operands.iter().map(|&t| t.clone()).collect();
            interpret(&b.graph, &operands)
        }
    };
    for (tensor, ty) in results.iter().zip(result_types) {
        assert_eq!(tensor.shape, ty.shape, "the meaning of `{}` has the shape of its rule", op.name);
    }
    results
}

fn run(graph: &Graph, node: &Node, values: &[Option<Tensor>]) -> Vec<Tensor> {
    let operands: Vec<&Tensor> = node.operands.iter().map(|v| values[v.0 as usize].as_ref().expect("operands come first")).collect();
    let operand_types: Vec<&TensorType> = node.operands.iter().map(|v| graph.ty(*v)).collect();
    let types: Vec<TensorType> = node.results.iter().map(|v| graph.ty(*v).clone()).collect();
    evaluate(node.op.0, &operands, &operand_types, &node.attrs, &types)
}

/// The last node that reads each value; `usize::MAX` for outputs, None where nothing reads it.
fn last_uses(graph: &Graph) -> Vec<Option<usize>> {
    let mut last = vec![None; graph.values.len()];
    for (n, node) in graph.nodes.iter().enumerate() {
        for v in &node.operands {
            last[v.0 as usize] = Some(n);
        }
    }
    for output in &graph.outputs {
        last[output.value.0 as usize] = Some(usize::MAX);
    }
    last
}
