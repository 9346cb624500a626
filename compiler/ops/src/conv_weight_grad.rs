//! `conv_weight_grad`: the adjoint of `conv` in its kernel.
//!
//! ## Meaning
//! The gradient of sum(dy conv(x, w)) in w: dw[co, ci, k..] = sum over b, o.. of x[b, o * stride + k - low, ci] dy[b, o.., co].
//! ## Shapes
//! R1 x is [b, s.., ci] with two or three spatial axes. R2 dy has as many axes, and `kernel` one entry per spatial axis.
//! R3 both have one float type. R4 `stride`, `low` and `high` as for `conv`. R5 `kernel` fits into the padded input.
//! R6 the convolution with a kernel of sizes `kernel` has the shape of dy. The result is f32.
//! ## Gradient
//! It is linear in both operands: `conv_input_grad` of dy with g for x, `conv` of x with g for dy.
//! ## References
//! Dumoulin and Visin, A guide to convolution arithmetic, 2016.

use crate::{build, conv, conv::Geometry, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, ShapeError, Tensor, TensorType};

fn geometry(x: &TensorType, dy: &TensorType, attrs: &Attrs) -> Result<Geometry, ShapeError> {
    require(x.rank() == 4 || x.rank() == 5, "R1", || format!("{x} is not [b, s.., c] with two or three spatial axes"))?;
    require(dy.rank() == x.rank(), "R2", || format!("{dy} for {x}"))?;
    let kernel = sizes_per_axis(attrs, "kernel", x.rank() - 2, "R2")?;
    let last = x.rank() - 1;
    let shape = [&[dy.shape[last], x.shape[last]], &kernel[..]].concat();
    let g = Geometry::of(x, &TensorType::new(dy.dtype, &shape), attrs)?;
    require(g.output_shape() == dy.shape, "R6", || format!("{dy} does not have the shape {:?} of the convolution", g.output_shape()))?;
    Ok(g)
}

pub static CONV_WEIGHT_GRAD: Op = Op {
    name: "conv_weight_grad",
    doc: doc::header(include_str!("conv_weight_grad.rs")),
    operands: &["x", "dy"],
    variadic: false,
    attrs: &[
        attr("high", AttrKind::Ints, "zeros after, per spatial axis"),
        attr("kernel", AttrKind::Ints, "spatial sizes of the kernel"),
        attr("low", AttrKind::Ints, "zeros before, per spatial axis"),
        attr("stride", AttrKind::Ints, "step of the output, per spatial axis"),
    ],
    shape: |t, attrs| {
        let shape = geometry(t[0], t[1], attrs)?.weight_shape();
        Ok(vec![TensorType::f32(&shape)])
    },
    meaning: Meaning::Reference(|t, attrs, results| {
        let (x, dy) = (TensorType::f32(&t[0].shape), TensorType::f32(&t[1].shape));
        let g = geometry(&x, &dy, attrs).expect("the shape rule holds");
        let (ci, co) = (g.channels_in, g.channels_out);
        let mut dw = vec![0.0; results[0].elements()];
        g.each_tap(|from, to, tap| {
            let dy = &t[1].data[to * co..][..co];
            let dw = dw[tap * ci * co..][..ci * co].chunks_exact_mut(co);
            for (&x, dw) in t[0].data[from * ci..][..ci].iter().zip(dw) {
                for (dw, &dy) in dw.iter_mut().zip(dy) {
                    *dw += x * dy;
                }
            }
        });
        vec![Tensor::new(&results[0].shape, g.taps_last(&dw))]
    }),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0] else {
            return vec![None, None];
        };
        let (x, dy) = (c.operands[0], c.operands[1]);
        let sizes = |name: &str| c.attrs.get_sizes(name);
        let (stride, low, high) = (sizes("stride"), sizes("low"), sizes("high"));
        let dtype = b.ty(x).dtype;
        let g = build::as_type(b, g, dtype);
        let dx = c.wanted[0].then(|| {
            let size = b.shape(x)[1..=stride.len()].to_vec();
            build::conv_input_grad(b, dy, g, &stride, &low, &high, &size)
        });
        let ddy = c.wanted[1].then(|| build::conv(b, x, g, &stride, &low, &high));
        [dx, ddy].into_iter().map(|d| d.map(|d| build::as_type(b, d, dtype))).collect()
    }),
    cost: |t, results, attrs| {
        let flops = geometry(t[0], t[1], attrs).expect("the shape rule holds").flops();
        cost::counted(t, results, flops)
    },
    class: Class::Kernel,
    samples: || {
        conv::cases()
            .into_iter()
            .map(|(x, w, attrs)| {
                let g = Geometry::of(&f32s(&x), &f32s(&w), &attrs).expect("the case is sound");
                sample(&[f32s(&x), f32s(&g.output_shape())], attrs.ints("kernel", &g.kernel))
            })
            .collect()
    },
};
