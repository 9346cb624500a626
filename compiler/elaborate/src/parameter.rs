//! Trainable parameters as definitions declare them: a path, a shape and how it is first drawn.

use pfm_diag::Span;

/// One declared parameter. Its path is unique in a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterDecl {
    /// Such as `tok.encoder.levels.0.res.0.conv1.weight`.
    pub path: String,
    /// Kernels are (out, in, time, space ..), linear weights (out, in).
    pub shape: Vec<usize>,
    pub init: Init,
    /// Of the declaration in its block.
    pub span: Span,
}

/// First values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Init {
    Zeros,
    Ones,
    Constant(f64),
    /// Uniform in (-a, a).
    Uniform(f64),
    /// Mean 0 and this standard deviation.
    Normal(f64),
    /// Axis 0 has `n * times` entries: `n` are drawn by `inner`, each repeated `times` times in a row.
    Repeated {
        inner: Box<Init>,
        times: usize,
    },
}
