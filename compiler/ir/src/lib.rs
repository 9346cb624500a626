//! The tensor graph: what it is (`graph`), what an operation is (`op`), how one is built (`build`),
//! how it reads as text (`text`), what must hold (`verify`), and what it means (`interpret`, in f64).
//!
//! Invariants: static single assignment; every value has a static shape that its operation's rule gives;
//! effects only at the end, as outputs stored into inputs. Absent on purpose: names to look up, units,
//! choices, data set facts, autodiff (pfm-transform), back ends.

mod attr;
mod build;
mod canonical;
mod graph;
mod interpret;
mod op;
mod tensor;
mod text;
mod types;
mod verify;

pub use attr::{Attr, Attrs};
pub use build::Builder;
pub use canonical::{canonical, live_nodes, prune};
pub use graph::{Graph, Input, Node, NodeId, Output, Role, Value, ValueId};
pub use interpret::{evaluate, interpret};
pub use op::{AttrKind, AttrSpec, Class, Cost, GradCtx, Gradient, Meaning, Op, OpRef, Sample, Scalar, ShapeError, View};
pub use tensor::Tensor;
pub use text::{TextError, parse_text, print, print_plain};
pub use types::{DType, Precision, TensorType, from_bf16, to_bf16};
pub use verify::{VerifyError, verify};
