//! The cases on the processor: as native code on a pool's threads.

use super::{Case, judged, told, values};
use pfm_compiler::{Isa, Options, Silent, compile};
use pfm_device::{Buffer, Pool};
use pfm_ir::TensorType;
use std::convert::Infallible;

/// As `check`, of native code for an instruction set. Two runs must give the same bits.
pub fn check_on_processor(pool: &Pool, isa: Isa, case: &Case) -> Result<f64, String> {
    let options = Options { verify: true, isa: Some(isa), cuda: None };
    let compiled = compile(case.graph.clone(), options, &mut Silent).map_err(|d| told(&d))?;
    let own: Vec<&TensorType> = compiled.outputs.iter().filter(|o| o.into.is_none()).map(|o| &o.ty).collect();
    let run = || {
        let mut arena = Buffer::new(compiled.arena_bytes);
        let mut inputs: Vec<Buffer> =
            compiled.inputs.iter().zip(&case.inputs).map(|(i, t)| filled(&values::to_bytes(t, i.ty.dtype))).collect();
        let mut outputs: Vec<Buffer> = own.iter().map(|ty| Buffer::new(ty.bytes())).collect();
        let mut places: Vec<&mut Buffer> = outputs.iter_mut().collect();
        compiled.program.run(pool, &mut arena, &mut inputs.iter_mut().collect::<Vec<_>>(), &mut places);
        Ok::<_, Infallible>(outputs.iter().map(|b| b.as_u8().to_vec()).collect())
    };
    judged(case, &own, 2, run)
}

fn filled(bytes: &[u8]) -> Buffer {
    let mut buffer = Buffer::new(bytes.len());
    buffer.as_u8_mut().copy_from_slice(bytes);
    buffer
}
