//! `conv_input_grad`: the adjoint of `conv` in its input; a transposed convolution.
//!
//! ## Meaning
//! The gradient of sum(dy conv(x, w)) in x: dx[b, o * stride + k - low, ci] gathers dy[b, o.., co] w[co, ci, k..].
//! ## Shapes
//! R1 dy is [b, o.., co] with two or three spatial axes, and `size` has one entry for each. R2 w is [co, ci, k..] with as many.
//! R3 both have one float type. R4 `stride`, `low` and `high` as for `conv`. R5 the kernel fits into the padded `size`.
//! R6 the convolution of an input of spatial sizes `size` has the shape of dy. The result is f32.
//! ## Gradient
//! It is linear in both operands: `conv` of g for dy, `conv_weight_grad` for w.
//! ## References
//! Dumoulin and Visin, A guide to convolution arithmetic, 2016.

use crate::{build, conv, conv::Geometry, cost, doc, rules::*};
use pfm_ir::{AttrKind, Attrs, Class, Gradient, Meaning, Op, ShapeError, Tensor, TensorType};

fn geometry(dy: &TensorType, w: &TensorType, attrs: &Attrs) -> Result<Geometry, ShapeError> {
    require(dy.rank() == 4 || dy.rank() == 5, "R1", || format!("{dy} is not [b, o.., co] with two or three spatial axes"))?;
    let size = sizes_per_axis(attrs, "size", dy.rank() - 2, "R1")?;
    require(w.rank() == dy.rank(), "R2", || format!("{w} is not [co, ci, k..] with {} spatial axes", dy.rank() - 2))?;
    let shape = [&dy.shape[..1], &size, &w.shape[1..2]].concat();
    let g = Geometry::of(&TensorType::new(dy.dtype, &shape), w, attrs)?;
    require(g.output_shape() == dy.shape, "R6", || format!("{dy} does not have the shape {:?} of the convolution", g.output_shape()))?;
    Ok(g)
}

pub static CONV_INPUT_GRAD: Op = Op {
    name: "conv_input_grad",
    doc: doc::header(include_str!("conv_input_grad.rs")),
    operands: &["dy", "w"],
    variadic: false,
    attrs: &[
        attr("high", AttrKind::Ints, "zeros after, per spatial axis"),
        attr("low", AttrKind::Ints, "zeros before, per spatial axis"),
        attr("size", AttrKind::Ints, "spatial sizes of the input"),
        attr("stride", AttrKind::Ints, "step of the output, per spatial axis"),
    ],
    shape: |t, attrs| {
        let shape = geometry(t[0], t[1], attrs)?.input_shape();
        Ok(vec![TensorType::f32(&shape)])
    },
    meaning: Meaning::Reference(|t, attrs, results| {
        let (dy, w) = (TensorType::f32(&t[0].shape), TensorType::f32(&t[1].shape));
        let g = geometry(&dy, &w, attrs).expect("the shape rule holds");
        let (ci, co) = (g.channels_in, g.channels_out);
        let w = g.taps_first(&t[1].data);
        let mut dx = Tensor::fill(&results[0].shape, 0.0);
        g.each_tap(|from, to, tap| {
            let dy = &t[0].data[to * co..][..co];
            let w = w[tap * ci * co..][..ci * co].chunks_exact(co);
            for (dx, w) in dx.data[from * ci..][..ci].iter_mut().zip(w) {
                *dx += dy.iter().zip(w).map(|(dy, w)| dy * w).sum::<f64>();
            }
        });
        vec![dx]
    }),
    gradient: Gradient::Rule(|b, c| {
        let Some(g) = c.upstream[0] else {
            return vec![None, None];
        };
        let (dy, w) = (c.operands[0], c.operands[1]);
        let sizes = |name: &str| c.attrs.get_sizes(name);
        let (stride, low, high) = (sizes("stride"), sizes("low"), sizes("high"));
        let dtype = b.ty(w).dtype;
        let g = build::as_type(b, g, dtype);
        let ddy = c.wanted[0].then(|| build::conv(b, g, w, &stride, &low, &high));
        let dw = c.wanted[1].then(|| {
            let kernel = b.shape(w)[2..].to_vec();
            build::conv_weight_grad(b, g, dy, &stride, &low, &high, &kernel)
        });
        [ddy, dw].into_iter().map(|d| d.map(|d| build::as_type(b, d, dtype))).collect()
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
                sample(&[f32s(&g.output_shape()), f32s(&w)], attrs.ints("size", &g.input))
            })
            .collect()
    },
};
