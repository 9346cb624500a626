//! How much a generated loop has to do, counted in vectors of four lanes, so that its time can be foretold from what such work
//! takes on a machine. It looks at the nest that is compiled, not at the group: what does not change along a loop is done before it.

use crate::schedule::{Launch, prepare_loop, prepare_reduce};
use pfm_ir::Scalar;
use pfm_plan::nest::Nest;
use pfm_plan::{Expr, Work};

/// Counts over the whole group.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effort {
    /// Vectors of simple arithmetic, comparisons, contiguous loads and stores.
    pub light: f64,
    /// Of divisions and roots.
    pub medium: f64,
    /// Of elementary functions.
    pub heavy: f64,
    /// Of lanes that are loaded or stored one by one.
    pub gathered: f64,
    /// Passes of innermost loops.
    pub rows: f64,
    /// Functions that are started, one after the other.
    pub launches: f64,
    /// Parts that threads can share, of the launch that has fewest.
    pub tasks: f64,
}

/// None for kernels, which have no generated code.
pub fn effort(work: &Work) -> Option<Effort> {
    let launches = match work {
        Work::Loop(l) => vec![prepare_loop(l)],
        Work::Reduce(r) => prepare_reduce(r, 0).0,
        Work::Kernel(_) => return None,
    };
    let mut sum = Effort { tasks: f64::INFINITY, ..Effort::default() };
    for launch in &launches {
        sum.add(launch);
    }
    Some(sum)
}

impl Effort {
    fn add(&mut self, launch: &Launch) {
        let nest = &launch.nest;
        let lane = nest.axes.len() - 1;
        let lanes = nest.axes[lane].size;
        let rows = nest.elements() as f64 / lanes.max(1) as f64;
        // The loop that the body stands in: along the lanes, or along the last reduced axis beside them.
        let columns = nest.fold.is_some() && !nest.axes[lane].reduced && lane > 0;
        let (inner, vectors) = (if columns { lane - 1 } else { lane }, lanes.div_ceil(4) as f64);
        let once = if columns { rows * vectors / nest.axes[inner].size as f64 } else { rows };
        let varies = varying(nest, inner);
        for (e, varies) in nest.body.iter().zip(&varies) {
            let times = if *varies { rows * vectors } else { once };
            match e {
                Expr::Load { access, .. } if access.strides[lane].abs() > 1 || lanes < 4 => self.gathered += times,
                Expr::Load { .. } => self.light += times,
                Expr::Apply { scalar, .. } => *self.of(*scalar) += times,
                Expr::Constant { .. } | Expr::Index { .. } => {}
            }
        }
        for store in &nest.stores {
            let apart = nest.fold.is_none() && (store.access.strides[lane] != 1 || lanes < 4);
            *(if apart { &mut self.gathered } else { &mut self.light }) += rows * vectors;
        }
        self.rows += if columns { once } else { rows };
        self.launches += 1.0;
        self.tasks = self.tasks.min(launch.extent.div_ceil(launch.chunk.max(1)) as f64);
    }

    fn of(&mut self, scalar: Scalar) -> &mut f64 {
        use Scalar::*;
        match scalar {
            Exp | Log | Sin | Cos | Tanh | Erf | Sigmoid | Pow => &mut self.heavy,
            Div | Sqrt | Rsqrt | Reciprocal => &mut self.medium,
            _ => &mut self.light,
        }
    }
}

/// By expression: does it change along the axis?
fn varying(nest: &Nest, axis: usize) -> Vec<bool> {
    let mut varies: Vec<bool> = Vec::with_capacity(nest.body.len());
    for e in &nest.body {
        varies.push(match e {
            Expr::Load { access, .. } | Expr::Index { access, .. } => access.strides[axis] != 0,
            Expr::Constant { .. } => false,
            Expr::Apply { args, .. } => args.iter().any(|a| varies[a.0 as usize]),
        });
    }
    varies
}
