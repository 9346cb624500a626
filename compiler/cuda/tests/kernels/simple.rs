//! The simple kernels: transforms and small factorisations.

use crate::shim;
use crate::support::{case, kernel, ty};
use pfm_ir::{Attrs, DType};

#[test]
fn transforms_and_factorisations() {
    let of = |op: &str, shape: &[usize], attrs: Attrs, tolerance| {
        let name = format!("{op} {shape:?} {:?}", attrs.get("axes").map(|_| attrs.get_ints("axes")));
        case(&name, kernel(op, &[ty(DType::F32, shape)], attrs), None, tolerance, 80)
    };
    let fft = |axes: &[usize], inverse| Attrs::new().ints("axes", axes).bool("inverse", inverse);
    let cases = [
        of("fft", &[3, 12, 10, 2], fft(&[1], false), 1e-5),
        of("fft", &[3, 12, 10, 2], fft(&[2, 1], true), 1e-5),
        of("fft", &[9, 5, 2], fft(&[], false), 0.0),
        of("qr", &[7, 7], Attrs::new(), 2e-5),
        of("qr", &[40, 13], Attrs::new(), 2e-5),
    ];
    shim::check("simple", &cases);
}
