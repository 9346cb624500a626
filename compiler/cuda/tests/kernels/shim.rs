//! Compiles the functions of some cases with the host's C++ compiler, runs them under three schedules, and compares.

use crate::support::{Case, bf16_bits};
use pfm_cuda::{Launch, PRELUDE, Step};
use pfm_ir::{DType, Tensor, TensorType};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs all cases in one program called `name`; panics with what differs.
pub fn check(name: &str, cases: &[Case]) {
    let folder = folder(name);
    let program = build(&folder, &program(cases));
    let inputs: Vec<u8> = cases.iter().flat_map(operand_bytes).collect();
    std::fs::write(folder.join("inputs"), inputs).expect("the inputs can be written");
    run(Command::new(program).current_dir(&folder));
    let outputs = std::fs::read(folder.join("outputs")).expect("the program wrote its outputs");
    let mut rest = &outputs[..];
    for case in cases {
        rest = compare(case, rest).unwrap_or_else(|why| panic!("{why}"));
    }
    assert!(rest.is_empty(), "the program wrote more than the results");
}

/// Makes a program in a folder.
fn build(folder: &Path, text: &str) -> PathBuf {
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let (from, program) = (folder.join("program.cc"), folder.join("program"));
    std::fs::write(&from, text).expect("the program can be written");
    let mut gxx = Command::new("g++");
    gxx.args(["-std=c++17", "-O1", "-w", "-ffp-contract=off", "-U_FORTIFY_SOURCE"]);
    run(gxx.args(["-I", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shim"), "-o"]).arg(&program).arg(from));
    program
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("shim").join(name)
}

/// Runs variants of a case, which have its operands, each in a process of its own; says of each whether all schedules agree and give
/// the case's results.
pub fn hold(name: &str, variants: &[Case]) -> Vec<bool> {
    let folder = folder(name);
    let program = build(&folder, &program(variants));
    let one = |(at, case): (usize, &Case)| {
        std::fs::write(folder.join("inputs"), operand_bytes(case)).expect("the inputs can be written");
        let ended = Command::new(&program).arg(at.to_string()).current_dir(&folder).output().expect("the program starts");
        let outputs = std::fs::read(folder.join("outputs")).expect("the program made its file of outputs");
        ended.status.success() && compare(case, &outputs).is_ok()
    };
    variants.iter().enumerate().map(one).collect()
}

/// Takes a case's results from the front of the outputs and returns the rest; or what is wrong with them.
fn compare<'o>(case: &Case, outputs: &'o [u8]) -> Result<&'o [u8], String> {
    let mut rest = outputs;
    for (i, (ty, expected)) in case.kernel.results.iter().zip(&case.expected).enumerate() {
        let (bytes, more) = rest.split_at(ty.bytes());
        rest = more;
        let mut got = decoded(ty, bytes);
        if (case.kernel.op.name, i) == ("eigh", 1) {
            turn_like(&mut got, expected);
        }
        compare_one(&format!("{} result {i}", case.name), &got, expected, case.tolerance)?;
    }
    Ok(rest)
}

/// Gives the columns of a square matrix the signs that another's have: those of eigenvectors are free.
fn turn_like(columns: &mut [f64], like: &Tensor) {
    let n = like.shape[1];
    for column in 0..n {
        let places = || (column..n * n).step_by(n);
        if places().map(|at| columns[at] * like.data[at]).sum::<f64>() < 0.0 {
            places().for_each(|at| columns[at] = -columns[at]);
        }
    }
}

fn operand_bytes(case: &Case) -> Vec<u8> {
    let pairs = case.kernel.operands.iter().zip(&case.operands);
    pairs.flat_map(|(ty, t)| t.data.iter().flat_map(move |&x| element_bytes(ty.dtype, x))).collect()
}

fn element_bytes(dtype: DType, x: f64) -> Vec<u8> {
    match dtype {
        DType::F32 => (x as f32).to_le_bytes().to_vec(),
        DType::Bf16 => bf16_bits(x).to_le_bytes().to_vec(),
        DType::I32 | DType::Bool => (x as i32).to_le_bytes().to_vec(),
    }
}

fn decoded(ty: &TensorType, bytes: &[u8]) -> Vec<f64> {
    let word = |b: &[u8]| f64::from(f32::from_le_bytes(b.try_into().expect("four bytes")));
    match ty.dtype {
        DType::Bf16 => bytes.chunks(2).map(|b| word(&[0, 0, b[0], b[1]])).collect(),
        DType::F32 => bytes.chunks(4).map(word).collect(),
        DType::I32 | DType::Bool => bytes.chunks(4).map(|b| f64::from(i32::from_le_bytes(b.try_into().expect("four bytes")))).collect(),
    }
}

fn compare_one(what: &str, got: &[f64], expected: &Tensor, tolerance: f64) -> Result<(), String> {
    let mean = expected.data.iter().map(|x| x.abs()).sum::<f64>() / expected.data.len().max(1) as f64;
    let mut worst = (0.0, 0);
    for (i, (g, e)) in got.iter().zip(&expected.data).enumerate() {
        let error = if g.is_finite() { (g - e).abs() / (e.abs() + mean) } else { f64::INFINITY };
        if error > worst.0 {
            worst = (error, i);
        }
    }
    println!("{what}: worst error {:.2e}", worst.0);
    let i = worst.1;
    if worst.0 <= tolerance {
        return Ok(());
    }
    Err(format!("{what}: element {i} of {:?} is {}, not {}", expected.shape, got[i], expected.data[i]))
}

fn program(cases: &[Case]) -> String {
    let mut text = String::from("#include \"cuda.h\"\n#include \"harness.h\"\n");
    text.push_str(PRELUDE);
    for (c, case) in cases.iter().enumerate() {
        for (l, launch) in launches(case).iter().enumerate() {
            // Equal functions of two cases are written twice, so they may not share a C name.
            let source = launch.source.replace("extern \"C\" ", "");
            writeln!(text, "namespace case_{c}_{l} {{\n{source}}}").expect("writing to a string");
        }
    }
    text.push_str(
        "int main(int count, char** given) {\n  int only = count > 1 ? atoi(given[1]) : -1;\n  Harness harness(\"inputs\", \"outputs\");\n",
    );
    for (c, case) in cases.iter().enumerate() {
        let sizes = |types: &[TensorType]| types.iter().map(|t| t.bytes().to_string()).collect::<Vec<_>>().join(", ");
        let (operands, results) = (sizes(&case.kernel.operands), sizes(&case.kernel.results));
        let name = &case.name;
        writeln!(
            text,
            "  if (only < 0 || only == {c}) {{\n  harness.start(\"{name}\", {{{operands}}}, {{{results}}}, {});",
            case.draft.scratch_bytes
        )
        .expect("writing");
        text.push_str("  harness.under_each_schedule([&](shim::Order order, unsigned char** memory) {\n");
        for (l, launch) in launches(case).iter().enumerate() {
            text.push_str(&call(c, l, launch));
        }
        text.push_str("  });\n  }\n");
    }
    text.push_str("}\n");
    text
}

fn launches(case: &Case) -> Vec<&Launch> {
    fn launch(step: &Step) -> &Launch {
        match step {
            Step::Launch(launch) => launch,
            Step::Gemm(_) => panic!("a matrix product for a library has no text"),
        }
    }
    case.draft.steps.iter().map(launch).collect()
}

fn call(case: usize, position: usize, launch: &Launch) -> String {
    let [x, y, z] = launch.grid;
    let arguments: Vec<String> = launch.arguments.iter().map(|a| format!("any(memory[{a}])")).collect();
    format!(
        "    {{ unsigned grid[3] = {{{x}, {y}, {z}}};\n      shim::launch(grid, {}, {}, order, [&] {{ case_{case}_{position}::{}({}); }}); }}\n",
        launch.block,
        launch.shared_bytes,
        launch.entry,
        arguments.join(", ")
    )
}
