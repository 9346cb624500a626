//! Definitions to graph fragments: a staged interpreter of the language's definition tier. Loops, conditions and numbers run
//! here, while compiling; what is left are nodes over tensors whose axes have names, and the parameters that the code declares.

mod library;
mod parameter;
mod setting;

pub use library::{Library, kind_word};
pub use parameter::{Init, ParameterDecl};
pub use setting::{Instance, Setting};
