//! Compiles the functions of some cases with the host's C++ compiler, runs them under three schedules, and compares.

use crate::support::{Case, bf16_bits};
use pfm_cuda::{Launch, PRELUDE, Step};
use pfm_ir::{DType, Tensor, TensorType};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs all cases in one program called `name`; panics with what differs.
pub fn check(name: &str, cases: &[Case]) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("shim").join(name);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::write(folder.join("program.cc"), program(cases)).expect("the program can be written");
    let inputs: Vec<u8> = cases.iter().flat_map(operand_bytes).collect();
    std::fs::write(folder.join("inputs"), inputs).expect("the inputs can be written");
    compile(&folder);
    run(Command::new(folder.join("program")).current_dir(&folder));
    let outputs = std::fs::read(folder.join("outputs")).expect("the program wrote its outputs");
    let mut rest = &outputs[..];
    for case in cases {
        for (i, (ty, expected)) in case.kernel.results.iter().zip(&case.expected).enumerate() {
            let (bytes, more) = rest.split_at(ty.bytes());
            rest = more;
            compare(&format!("{} result {i}", case.name), &decoded(ty, bytes), expected, case.tolerance);
        }
    }
    assert!(rest.is_empty(), "the program wrote more than the results");
}

fn compile(folder: &Path) {
    let shim = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shim");
    let mut gxx = Command::new("g++");
    gxx.args(["-std=c++17", "-O1", "-w", "-ffp-contract=off", "-U_FORTIFY_SOURCE", "-I"]).arg(shim);
    run(gxx.arg("-o").arg(folder.join("program")).arg(folder.join("program.cc")));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
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
        _ => bytes.chunks(4).map(word).collect(),
    }
}

fn compare(what: &str, got: &[f64], expected: &Tensor, tolerance: f64) {
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
    assert!(worst.0 <= tolerance, "{what}: element {i} of {:?} is {}, not {}", expected.shape, got[i], expected.data[i]);
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
    text.push_str("int main() {\n  Harness harness(\"inputs\", \"outputs\");\n");
    for (c, case) in cases.iter().enumerate() {
        let sizes = |types: &[TensorType]| types.iter().map(|t| t.bytes().to_string()).collect::<Vec<_>>().join(", ");
        let (operands, results) = (sizes(&case.kernel.operands), sizes(&case.kernel.results));
        let name = &case.name;
        writeln!(text, "  harness.start(\"{name}\", {{{operands}}}, {{{results}}}, {});", case.draft.scratch_bytes).expect("writing");
        text.push_str("  harness.under_each_schedule([&](shim::Order order, unsigned char** memory) {\n");
        for (l, launch) in launches(case).iter().enumerate() {
            text.push_str(&call(c, l, launch));
        }
        text.push_str("  });\n");
    }
    text.push_str("}\n");
    text
}

fn launches(case: &Case) -> Vec<&Launch> {
    let launch = |step| match step {
        &Step::Launch(ref launch) => launch,
        Step::Gemm(_) => panic!("{}: a matrix product for a library has no text", case.name),
    };
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
