//! Where in which table of a calibration a kernel of a plan lies, and how much work it is in the table's unit.

use pfm_ir::TensorType;
use pfm_plan::Kernel;

/// Work that a kernel really does, in the unit of its table: FLOPs, less those of taps that lie before the first frame, or bytes.
pub fn work(k: &Kernel, flops: f64, bytes: f64) -> f64 {
    let share = match k.op.name {
        "conv" | "conv_weight_grad" => inside(k, k.operands[0].shape[1]),
        "conv_input_grad" => inside(k, k.attrs.get_sizes("size")[0]),
        _ => 1.0,
    };
    if flops > 0.0 { share * flops } else { bytes }
}

/// The share of taps along the first axis that lie in an input of so many entries.
fn inside(k: &Kernel, input: usize) -> f64 {
    let (stride, low, high) = (k.attrs.get_ints("stride")[0], k.attrs.get_ints("low")[0], k.attrs.get_ints("high")[0]);
    let weights = if k.op.name == "conv_weight_grad" { &k.results[0] } else { &k.operands[1] };
    let (taps, input) = (weights.shape[2] as i64, input as i64);
    let outputs = (input + low + high - taps) / stride + 1;
    let within = |o: i64| (0..taps).filter(|t| (0..input).contains(&(o * stride + t - low))).count() as f64;
    (0..outputs).map(within).sum::<f64>() / (outputs * taps) as f64
}

/// The table of a kernel and its place there.
pub fn place(k: &Kernel) -> (String, Vec<f64>) {
    match k.op.name {
        "conv" => conv(k, &k.operands[1], &k.results[0]),
        "conv_input_grad" => conv(k, &k.operands[1], &k.operands[0]),
        "conv_weight_grad" => conv(k, &k.results[0], &k.operands[1]),
        "contract" => contract(k),
        "attend" | "attend_grad" => {
            let (q, keys) = (&k.operands[0].shape, &k.operands[1].shape);
            (k.op.name.into(), vec![((q[2] * keys[2]) as f64).sqrt(), q[3] as f64])
        }
        "qr" | "eigh" => (k.op.name.into(), vec![k.operands[0].shape[0] as f64]),
        name => (name.into(), vec![k.results.iter().map(TensorType::elements).sum::<usize>() as f64]),
    }
}

/// By channels in and out, and pixels of the result; apart by the form that the kernel takes.
fn conv(k: &Kernel, w: &TensorType, y: &TensorType) -> (String, Vec<f64>) {
    let (taps, stride) = (&w.shape[2..], k.attrs.get_ints("stride"));
    let form = match taps {
        [.., 3, 3] if stride.iter().rev().take(2).all(|s| *s == 1) => "3x3",
        taps if taps.iter().all(|n| *n == 1) => "1x1",
        _ => "strided",
    };
    let pixels = y.elements() / y.shape[y.rank() - 1];
    (format!("{} {form}", k.op.name), vec![w.shape[1] as f64, w.shape[0] as f64, pixels as f64])
}

/// By rows, columns and length of the sums; apart by whether the operands have the sums' axis innermost.
fn contract(k: &Kernel) -> (String, Vec<f64>) {
    let (x, y, out) = (k.attrs.get_ints("x"), k.attrs.get_ints("y"), k.attrs.get_ints("out"));
    let size = |label: &i64| match x.iter().position(|l| l == label) {
        Some(axis) => k.operands[0].shape[axis],
        None => k.operands[1].shape[y.iter().position(|l| l == label).expect("a label is of an operand")],
    };
    // The kernel takes as columns what lies together in the result.
    let swapped = out.last().is_some_and(|last| x.contains(last) && !y.contains(last));
    let (x, y) = if swapped { (y, x) } else { (x, y) };
    let product = |labels: &[i64], wanted: &dyn Fn(&i64) -> bool| labels.iter().filter(|l| wanted(l)).map(size).product::<usize>() as f64;
    let rows = product(x, &|l| out.contains(l));
    let columns = product(y, &|l| out.contains(l) && !x.contains(l));
    let summed = product(x, &|l| !out.contains(l));
    let inner = |labels: &[i64]| if labels.last().is_some_and(|l| !out.contains(l)) { 'k' } else { 'o' };
    (format!("contract {}{}", inner(x), inner(y)), vec![rows, columns, summed])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::kernels::{Form, forward, input_grad, weight_grad};
    use crate::calibration::micro::input;
    use pfm_cpu::scratch_bytes;
    use pfm_ir::{Builder, ValueId};
    use pfm_kernels::Isa;
    use pfm_ops as ops;
    use pfm_plan::Work;

    /// The only kernel of a program.
    fn kernel(make: impl FnOnce(&mut Builder) -> ValueId) -> (Kernel, f64, f64) {
        let mut b = Builder::new("one");
        let y = make(&mut b);
        b.output("y", y);
        let plan = pfm_plan::plan(&b.graph, &|work| scratch_bytes(work, b.graph.precision, Isa::Portable));
        let group = plan.groups.into_iter().find(|g| matches!(g.work, Work::Kernel(_))).expect("a kernel");
        let Work::Kernel(kernel) = group.work else { panic!("it was looked for") };
        (kernel, group.flops, group.bytes)
    }

    #[test]
    fn contractions_lie_by_rows_columns_and_sums() {
        // [2 3 | 5] with [7 5] transposed: six rows, seven columns, sums of five.
        let (k, ..) = kernel(|b| {
            let (x, y) = (input(b, "x", &[2, 3, 5]), input(b, "y", &[7, 5]));
            ops::contract(b, x, y, &[0, 1, 2], &[3, 2], &[0, 1, 3])
        });
        assert_eq!(place(&k), ("contract kk".into(), vec![6.0, 7.0, 5.0]));
        // The other way around: what lies together in the result are columns.
        let (k, ..) = kernel(|b| {
            let (x, y) = (input(b, "x", &[2, 3, 5]), input(b, "y", &[7, 2]));
            ops::contract(b, x, y, &[0, 1, 2], &[3, 0], &[3, 1, 2])
        });
        assert_eq!(place(&k), ("contract ko".into(), vec![7.0, 15.0, 2.0]));
    }

    #[test]
    fn convolutions_lie_by_form_channels_and_pixels_and_count_no_taps_before_the_first_frame() {
        let (k, flops, bytes) = kernel(|b| forward(b, Form::Tiles, 4, 8, 16).remove(0));
        assert_eq!(place(&k), ("conv 3x3".into(), vec![4.0, 8.0, 1280.0]));
        // Of three taps along time, the first of five frames has one inside and the second two.
        assert!((work(&k, flops, bytes) / flops - 12.0 / 15.0).abs() < 1e-12);
        let (k, flops, bytes) = kernel(|b| weight_grad(b, Form::Strided, 4, 8, 16).remove(0));
        assert_eq!((place(&k).0.as_str(), work(&k, flops, bytes)), ("conv_weight_grad strided", flops));
        let (k, flops, bytes) = kernel(|b| input_grad(b, Form::Tiles, 4, 8, 16).remove(0));
        assert_eq!(place(&k), ("conv_input_grad 3x3".into(), vec![4.0, 8.0, 1280.0]));
        assert!((work(&k, flops, bytes) / flops - 12.0 / 15.0).abs() < 1e-12);
    }
}
