//! Comparisons: numbers to bool, element by element, one table row each. A comparison with NaN is false.

use crate::{binary::zip, cost, rules::*};
use pfm_ir::{Attrs, Class, DType, Gradient, Meaning, Op, Scalar, TensorType};

macro_rules! compare {
    ($($record:ident $name:literal $scalar:ident $symbol:literal, |$x:ident, $y:ident| $value:expr;)*) => {
        $(pub static $record: Op = Op {
            name: $name,
            doc: concat!(
                "`", $name, "`: x ", $symbol, " y, element by element.\n\n## Meaning\nTrue where x ", $symbol,
                " y; false where either is NaN.\n## Shapes\nR1 both operands have one type. R2 it holds numbers; \
                the result is bool of the same shape.\n## Gradient\nZero: the result is not a number.\n\
                ## References\nStableHLO, `compare`.\n"
            ),
            operands: &["x", "y"],
            variadic: false,
            attrs: &[],
            shape: |t, _| {
                same(t[0], t[1], "R1")?;
                numeric(t[0], "R2")?;
                Ok(vec![TensorType::new(DType::Bool, &t[0].shape)])
            },
            meaning: Meaning::Reference(|t, _, _| zip(t, |$x, $y| f64::from(u8::from($value)))),
            gradient: Gradient::Zero,
            cost: cost::per_result,
            class: Class::Pointwise(Scalar::$scalar),
            samples: || {
                let both = |ty: TensorType, low, high| {
                    sample_from(&[ty.clone(), ty], Attrs::new(), low, high)
                };
                vec![
                    both(f32s(&[2, 3]), -1.0, 1.0),
                    both(f32s(&[]), -1.0, 1.0),
                    both(i32s(&[8]), 0.0, 3.0),
                ]
            },
        };)*
    };
}

compare! {
    LESS "less" Less "<", |x, y| x < y;
    LESS_EQUAL "less_equal" LessEqual "<=", |x, y| x <= y;
    EQUAL "equal" Equal "==", |x, y| x == y;
}
