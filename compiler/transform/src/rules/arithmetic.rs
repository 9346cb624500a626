//! Rules of arithmetic and logic.

use super::{Rule, is, operand_of, other, uniform};
use pfm_ir::DType;
use pfm_ops::*;

pub(super) fn rules() -> Vec<Rule> {
    vec![
        Rule {
            name: "add_zero",
            identity: "x + 0 = x",
            op: "add",
            rewrite: |b, m| other(m.operands, |v| is(b, v, 0.0)),
            example: |b, g| add_scalar(b, g.x, 0.0),
        },
        Rule {
            name: "add_negated",
            identity: "x + (-y) = x - y",
            op: "add",
            rewrite: |b, m| {
                let y = operand_of(b, m.operands[1], "neg")?;
                Some(sub(b, m.operands[0], y))
            },
            example: |b, g| {
                let n = neg(b, g.y);
                add(b, g.x, n)
            },
        },
        Rule {
            name: "subtract_zero",
            identity: "x - 0 = x",
            op: "sub",
            rewrite: |b, m| is(b, m.operands[1], 0.0).then_some(m.operands[0]),
            example: |b, g| {
                let zero = constant_like(b, g.x, 0.0);
                sub(b, g.x, zero)
            },
        },
        Rule {
            name: "subtract_from_zero",
            identity: "0 - x = -x",
            op: "sub",
            rewrite: |b, m| {
                let x = m.operands[1];
                let fits = is(b, m.operands[0], 0.0) && b.ty(x).dtype.is_float();
                fits.then(|| neg(b, x))
            },
            example: |b, g| {
                let zero = constant_like(b, g.x, 0.0);
                sub(b, zero, g.x)
            },
        },
        Rule {
            name: "subtract_negated",
            identity: "x - (-y) = x + y",
            op: "sub",
            rewrite: |b, m| {
                let y = operand_of(b, m.operands[1], "neg")?;
                Some(add(b, m.operands[0], y))
            },
            example: |b, g| {
                let n = neg(b, g.y);
                sub(b, g.x, n)
            },
        },
        Rule {
            name: "multiply_by_one",
            identity: "x 1 = x",
            op: "mul",
            rewrite: |b, m| other(m.operands, |v| is(b, v, 1.0)),
            example: |b, g| scale(b, g.x, 1.0),
        },
        Rule {
            name: "multiply_by_zero",
            identity: "x 0 = 0",
            op: "mul",
            rewrite: |b, m| m.operands.iter().copied().find(|v| is(b, *v, 0.0)),
            example: |b, g| scale(b, g.x, 0.0),
        },
        Rule {
            name: "multiply_by_minus_one",
            identity: "x (-1) = -x",
            op: "mul",
            rewrite: |b, m| {
                let x = other(m.operands, |v| is(b, v, -1.0))?;
                b.ty(x).dtype.is_float().then(|| neg(b, x))
            },
            example: |b, g| scale(b, g.x, -1.0),
        },
        Rule {
            name: "multiply_twice",
            identity: "(x a) b = x (a b) for constants a and b",
            op: "mul",
            rewrite: |b, m| {
                let product = other(m.operands, |v| uniform(b, v).is_some())?;
                let outer = other(m.operands, |v| v == product)?;
                let inner = super::made_by(b, product, "mul")?.operands.clone();
                let x = other(&inner, |v| uniform(b, v).is_some())?;
                let factor = other(&inner, |v| v == x)?;
                let both = uniform(b, outer)? * uniform(b, factor)?;
                b.ty(x).dtype.is_float().then(|| scale(b, x, both))
            },
            example: |b, g| {
                let twice = scale(b, g.x, 2.0);
                scale(b, twice, -0.75)
            },
        },
        Rule {
            name: "divide_by_one",
            identity: "x / 1 = x",
            op: "div",
            rewrite: |b, m| is(b, m.operands[1], 1.0).then_some(m.operands[0]),
            example: |b, g| {
                let one = constant_like(b, g.x, 1.0);
                div(b, g.x, one)
            },
        },
        Rule {
            name: "divide_one",
            identity: "1 / x is the reciprocal of x",
            op: "div",
            rewrite: |b, m| is(b, m.operands[0], 1.0).then(|| reciprocal(b, m.operands[1])),
            example: |b, g| {
                let one = constant_like(b, g.x, 1.0);
                div(b, one, g.x)
            },
        },
        Rule {
            name: "reciprocal_of_root",
            identity: "the reciprocal of sqrt(x) is rsqrt(x)",
            op: "reciprocal",
            rewrite: |b, m| {
                let x = operand_of(b, m.operands[0], "sqrt")?;
                Some(rsqrt(b, x))
            },
            example: |b, g| {
                let root = sqrt(b, g.x);
                reciprocal(b, root)
            },
        },
        Rule {
            name: "negate_twice",
            identity: "-(-x) = x",
            op: "neg",
            rewrite: |b, m| operand_of(b, m.operands[0], "neg"),
            example: |b, g| {
                let n = neg(b, g.x);
                neg(b, n)
            },
        },
        Rule {
            name: "power_one",
            identity: "x^1 = x",
            op: "pow",
            rewrite: |b, m| is(b, m.operands[1], 1.0).then_some(m.operands[0]),
            example: |b, g| {
                let one = constant_like(b, g.x, 1.0);
                pow(b, g.x, one)
            },
        },
        Rule {
            name: "power_two",
            identity: "x^2 = x x",
            op: "pow",
            rewrite: |b, m| {
                let x = m.operands[0];
                is(b, m.operands[1], 2.0).then(|| mul(b, x, x))
            },
            example: |b, g| {
                let two = constant_like(b, g.x, 2.0);
                pow(b, g.x, two)
            },
        },
        Rule {
            name: "maximum_with_itself",
            identity: "max(x, x) = x",
            op: "max",
            rewrite: |_, m| (m.operands[0] == m.operands[1]).then_some(m.operands[0]),
            example: |b, g| max(b, g.x, g.x),
        },
        Rule {
            name: "minimum_with_itself",
            identity: "min(x, x) = x",
            op: "min",
            rewrite: |_, m| (m.operands[0] == m.operands[1]).then_some(m.operands[0]),
            example: |b, g| min(b, g.x, g.x),
        },
        Rule {
            name: "not_twice",
            identity: "not (not m) = m",
            op: "not",
            rewrite: |b, m| operand_of(b, m.operands[0], "not"),
            example: |b, g| {
                let n = not(b, g.m);
                let n = not(b, n);
                select(b, n, g.x, g.y)
            },
        },
        Rule {
            name: "select_same",
            identity: "select(m, x, x) = x",
            op: "select",
            rewrite: |_, m| (m.operands[1] == m.operands[2]).then_some(m.operands[1]),
            example: |b, g| select(b, g.m, g.x, g.x),
        },
        Rule {
            name: "select_known",
            identity: "select(true, x, y) = x, select(false, x, y) = y",
            op: "select",
            rewrite: |b, m| {
                let chosen = uniform(b, m.operands[0])?;
                Some(if chosen != 0.0 { m.operands[1] } else { m.operands[2] })
            },
            example: |b, g| {
                let no = constant_of(b, 0.0, &[2, 3], DType::Bool);
                select(b, no, g.x, g.y)
            },
        },
        Rule {
            name: "cast_same",
            identity: "a cast to its own element type is x",
            op: "cast",
            rewrite: |b, m| {
                let same = b.ty(m.operands[0]).dtype.name() == m.attrs.get_text("dtype");
                same.then_some(m.operands[0])
            },
            example: |b, g| cast(b, g.x, DType::F32),
        },
    ]
}
