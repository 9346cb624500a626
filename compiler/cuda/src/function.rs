//! Writes the frame of a generated function: its parameters with their element types, and its constants. Templates are plain
//! CUDA C++ that uses these names, so they read like the kernels they are.

use crate::Launch;
use pfm_ir::DType;
use std::fmt::Write;

/// A function under construction. Parameters stand for the memory at the positions given.
pub struct Function {
    family: &'static str,
    block: usize,
    residents: usize,
    parameters: Vec<String>,
    arguments: Vec<usize>,
    constants: String,
    before: String,
}

/// The C++ type of an element in memory.
pub fn element(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "float",
        DType::Bf16 => "bf16",
        DType::I32 | DType::Bool => "int",
    }
}

impl Function {
    /// `block` is the number of threads of a block.
    pub fn new(family: &'static str, block: usize) -> Function {
        Function { family, block, residents: 1, parameters: vec![], arguments: vec![], constants: String::new(), before: String::new() }
    }

    /// How many blocks of it one multiprocessor holds at least, which bounds the registers.
    pub fn residents(mut self, blocks: usize) -> Function {
        self.residents = blocks;
        self
    }

    /// Text that stands before it, such as functions that only it needs.
    pub fn after(mut self, text: &str) -> Function {
        self.before.push_str(text);
        self
    }

    pub fn reads(mut self, name: &str, dtype: DType, argument: usize) -> Function {
        self.parameters.push(format!("const {}* __restrict__ {name}", element(dtype)));
        self.arguments.push(argument);
        self
    }

    pub fn writes(mut self, name: &str, dtype: DType, argument: usize) -> Function {
        self.parameters.push(format!("{}* __restrict__ {name}", element(dtype)));
        self.arguments.push(argument);
        self
    }

    /// Memory that is read, or read and written. `apart`: no other parameter shares it.
    pub fn memory(mut self, name: &str, dtype: DType, argument: usize, written: bool, apart: bool) -> Function {
        let read = if written { "" } else { "const " };
        let alone = if apart { "__restrict__ " } else { "" };
        self.parameters.push(format!("{read}{}* {alone}{name}", element(dtype)));
        self.arguments.push(argument);
        self
    }

    pub fn constant(mut self, name: &str, value: usize) -> Function {
        let kind = if i32::try_from(value).is_ok() { "int" } else { "long long" };
        writeln!(self.constants, "  constexpr {kind} {name} = {value};").expect("writing to a string");
        self
    }

    pub fn flag(mut self, name: &str, value: bool) -> Function {
        writeln!(self.constants, "  constexpr bool {name} = {value};").expect("writing to a string");
        self
    }

    pub fn float(mut self, name: &str, value: f64) -> Function {
        writeln!(self.constants, "  constexpr float {name} = {};", literal(value)).expect("writing to a string");
        self
    }

    /// A parameter that this case does not have: the template finds a null address.
    pub fn absent(mut self, name: &str, element: &str) -> Function {
        writeln!(self.constants, "  constexpr const {element}* {name} = nullptr;").expect("writing to a string");
        self
    }

    /// The launch of `body` on this many blocks.
    pub fn launch(self, body: &str, grid: [usize; 3], shared_bytes: usize) -> Launch {
        let Function { family, block, residents, parameters, arguments, constants, before } = self;
        let parameters = parameters.join(", ");
        let body = body.trim_end();
        let source = format!(
            "{before}extern \"C\" __global__ void __launch_bounds__({block}, {residents}) ENTRY({parameters}) {{\n  constexpr int THREADS = {block};\n{constants}{body}\n}}\n"
        );
        Launch::new(family, &source, grid, block, shared_bytes, arguments)
    }
}

/// A float as C++ reads it back bit by bit.
pub fn literal(value: f64) -> String {
    let value = value as f32;
    if value.is_finite() { format!("{value:?}f") } else { format!("__uint_as_float(0x{:08x}u)", value.to_bits()) }
}
