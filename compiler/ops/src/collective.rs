//! Collectives: sums and exchanges between devices. On one device, all there is so far, each is the identity; they are
//! in the graph from the start so that more devices change no graph.

use crate::{build, cost, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op};

macro_rules! by_axis {
    ($($record:ident $name:literal $adjoint:ident $means:literal;)*) => {
        $(pub static $record: Op = Op {
            name: $name,
            doc: concat!(
                "`", $name, "`: ", $means, ".\n\n## Meaning\nThe identity on one device.\n## Shapes\n\
                R1 `axis` is an axis of the operand. R2 it holds floats.\n## Gradient\n`", stringify!($adjoint),
                "` of g along the same axis.\n## References\nStableHLO, collective operations.\n"
            ),
            operands: &["x"],
            variadic: false,
            attrs: &[attr("axis", AttrKind::Int, "axis that is spread over devices")],
            shape: |t, attrs| {
                axis(attrs, "axis", t[0].rank(), "R1")?;
                float(t[0], "R2")?;
                Ok(vec![t[0].clone()])
            },
            meaning: Meaning::Reference(|t, _, _| vec![t[0].clone()]),
            gradient: Gradient::Rule(|b, c| {
                let axis = c.attrs.get_int("axis") as usize;
                vec![c.upstream[0].map(|g| build::$adjoint(b, g, axis))]
            }),
            cost: cost::moved,
            class: Class::Kernel,
            samples: || vec![sample(&[f32s(&[2, 3])], Attrs::new().int("axis", 1))],
        };)*
    };
}

by_axis! {
    REDUCE_SCATTER "reduce_scatter" all_gather "each device keeps its part along `axis` of the sum over devices";
    ALL_GATHER "all_gather" reduce_scatter "the parts of all devices joined along `axis`";
}

pub static ALL_REDUCE: Op = Op {
    name: "all_reduce",
    doc: "`all_reduce`: the sum over devices, on every device.\n\n## Meaning\nThe identity on one device.\n\
        ## Shapes\nR1 `kind` is sum. R2 the operand holds floats.\n## Gradient\n`all_reduce` of g.\n\
        ## References\nStableHLO, collective operations.\n",
    operands: &["x"],
    variadic: false,
    attrs: &[attr("kind", AttrKind::Text, "how devices are combined: sum")],
    shape: |t, attrs| {
        let kind = attrs.get_text("kind");
        require(kind == "sum", "R1", || format!("`{kind}` is not a reduction"))?;
        float(t[0], "R2")?;
        Ok(vec![t[0].clone()])
    },
    meaning: Meaning::Reference(|t, _, _| vec![t[0].clone()]),
    gradient: Gradient::Rule(|b, c| vec![c.upstream[0].map(|g| build::all_reduce(b, g))]),
    cost: cost::moved,
    class: Class::Kernel,
    samples: || vec![sample(&[f32s(&[2, 3])], Attrs::new().text("kind", "sum"))],
};
