//! One scalar operation as a C++ expression: the only place that knows what each means there. bf16 values are floats in
//! registers, booleans are `bool`.

use crate::function::literal;
use pfm_ir::{DType, Scalar};

/// An argument: its name, its type, and its value when that is known now.
#[derive(Clone)]
pub struct Operand {
    pub name: String,
    pub dtype: DType,
    pub constant: Option<f64>,
}

/// The C++ type of a value in a register.
pub fn register(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 | DType::Bf16 => "float",
        DType::I32 => "int",
        DType::Bool => "bool",
    }
}

pub fn constant(value: f64, dtype: DType) -> String {
    match dtype {
        DType::F32 | DType::Bf16 => literal(value),
        DType::I32 if value as i32 == i32::MIN => "(-2147483647 - 1)".to_string(),
        DType::I32 => (value as i32).to_string(),
        DType::Bool => (value != 0.0).to_string(),
    }
}

/// The result has `dtype`.
pub fn apply(scalar: Scalar, dtype: DType, args: &[Operand]) -> String {
    let x = &args[0].name;
    match args.len() {
        1 if scalar == Scalar::Cast => convert(&args[0], dtype),
        1 => unary(scalar, x, args[0].dtype),
        2 if scalar == Scalar::Pow => raise(&args[0], &args[1]),
        2 => binary(scalar, x, &args[1].name, args[0].dtype),
        _ => format!("{x} ? {} : {}", args[1].name, args[2].name),
    }
}

fn unary(scalar: Scalar, x: &str, dtype: DType) -> String {
    let function = match scalar {
        Scalar::Neg => return format!("-{x}"),
        Scalar::Not => return format!("!{x}"),
        Scalar::Floor if !dtype.is_float() => return x.to_string(),
        Scalar::Reciprocal => return format!("1.0f / {x}"),
        Scalar::Abs if dtype.is_float() => "fabsf",
        Scalar::Abs => "abs",
        Scalar::Sign => "sign_of",
        Scalar::Exp => "expf",
        Scalar::Log => "logf",
        Scalar::Sqrt => "sqrtf",
        Scalar::Rsqrt => "rsqrtf",
        Scalar::Sin => "sinf",
        Scalar::Cos => "cosf",
        Scalar::Tanh => "tanhf",
        Scalar::Erf => "erff",
        Scalar::Sigmoid => "sigmoid_of",
        Scalar::Floor => "floorf",
        other => panic!("{other:?} is not an operation of one operand"),
    };
    format!("{function}({x})")
}

fn binary(scalar: Scalar, x: &str, y: &str, dtype: DType) -> String {
    let operator = match (scalar, dtype) {
        (Scalar::And | Scalar::Min | Scalar::Mul, DType::Bool) => "&",
        (Scalar::Or | Scalar::Max, DType::Bool) => "|",
        (Scalar::Max, _) => return format!("larger({x}, {y})"),
        (Scalar::Min, _) => return format!("smaller({x}, {y})"),
        (Scalar::Add, _) => "+",
        (Scalar::Sub, _) => "-",
        (Scalar::Mul, _) => "*",
        (Scalar::Div, _) => "/",
        (Scalar::Less, _) => "<",
        (Scalar::LessEqual, _) => "<=",
        (Scalar::Equal, _) => "==",
        (other, _) => panic!("{other:?} is not an operation of two operands of type {}", dtype.name()),
    };
    format!("{x} {operator} {y}")
}

/// Small whole exponents and the square root are exact to rounding; other powers are the library's.
fn raise(x: &Operand, y: &Operand) -> String {
    match y.constant {
        Some(n) if n.fract() == 0.0 && n.abs() <= 16.0 => whole_power(&x.name, n as i32),
        Some(0.5) => format!("sqrtf({})", x.name),
        Some(-0.5) => format!("rsqrtf({})", x.name),
        _ => format!("powf({}, {})", x.name, y.name),
    }
}

fn whole_power(x: &str, n: i32) -> String {
    if n == 0 {
        return "1.0f".to_string();
    }
    let positive = product(x, n.unsigned_abs());
    if n < 0 { format!("1.0f / ({positive})") } else { positive }
}

/// x^n by halves, so that rounding stays small and multiplications few: equal factors become one in the compiler.
fn product(x: &str, n: u32) -> String {
    match n {
        1 => x.to_string(),
        _ => format!("({}) * ({})", product(x, n / 2), product(x, n - n / 2)),
    }
}

fn convert(x: &Operand, to: DType) -> String {
    let name = &x.name;
    match (x.dtype, to) {
        (DType::F32 | DType::Bf16, DType::I32) => format!("(int){name}"),
        (DType::I32, DType::F32 | DType::Bf16) => format!("(float){name}"),
        (DType::F32 | DType::Bf16, DType::Bool) => format!("{name} != 0.0f"),
        (DType::I32, DType::Bool) => format!("{name} != 0"),
        (DType::Bool, DType::F32 | DType::Bf16) => format!("{name} ? 1.0f : 0.0f"),
        (DType::Bool, DType::I32) => format!("(int){name}"),
        _ => name.clone(),
    }
}
