//! Definitions to graph fragments: a staged interpreter of the language's definition tier. Loops, conditions and numbers run
//! here, while compiling; what is left are nodes over tensors whose axes have names, and the parameters that the code declares.

mod amended;
mod arithmetic;
mod axes;
mod bind;
mod builtins;
mod call;
mod declare;
mod elaborator;
mod fault;
mod frame;
mod graph;
mod interpret;
mod library;
mod memo;
mod number;
mod parameter;
mod setting;
mod slots;
mod value;

pub use bind::{bind, evaluate, settings_of};
pub use builtins::{Builtin, Kind, Need, Param, builtins};
pub use elaborator::{Elaborator, Options, ParameterSource};
pub use library::{Library, kind_word};
pub use memo::{Memo, reaching};
pub use number::number;
pub use parameter::{Init, ParameterDecl};
pub use setting::{Instance, Setting};
pub use slots::{PHASES, SlotDecl, Update, phase, slots};
pub use value::NamedTensor;
