//! Which instruction set programs are made for: `--isa`, or `PFMC_ISA` where it is not given, for all verbs that run programs.

use crate::output::{Exit, Output};
use pfm_compiler::{Isa, Options};
use pfm_hir::Stage;
use pfm_ir::Precision;
use pfm_train::Device;

#[derive(clap::Args, Clone)]
pub struct Processor {
    /// Instruction set of the processor to use; `auto` is the widest that it has. The last bits of results depend on it.
    #[arg(long, env = "PFMC_ISA", value_name = "NAME", value_enum, default_value = "auto")]
    isa: Name,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Name {
    Auto,
    Amx,
    Avx512,
    Avx2,
    Neon,
    Portable,
}

impl Processor {
    /// How to compile, or the exit after saying what the processor lacks.
    pub fn options(&self, out: &Output) -> Result<Options, Exit> {
        let isa = match self.isa {
            Name::Auto => return Ok(Options::default()),
            Name::Amx => Isa::Amx,
            Name::Avx512 => Isa::Avx512,
            Name::Avx2 => Isa::Avx2,
            Name::Neon => Isa::Neon,
            Name::Portable => Isa::Portable,
        };
        if !isa.is_available() {
            let there: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
            return Err(out.fail(Exit::Usage, format!("this processor has no {}; it has {}", isa.name(), there.join(", "))));
        }
        Ok(Options { isa: Some(isa), ..Options::default() })
    }
}

/// Says where a stage's products will not be made as it asks: tiles of bf16 products are what makes `f32_split` worth asking for.
pub fn note_precision<'s>(stages: impl Iterator<Item = &'s Stage>, options: Options, device: &Device, out: &Output) {
    let isa = options.isa.unwrap_or_else(Isa::detect);
    if matches!(device, Device::Cpu) && isa == Isa::Amx {
        return;
    }
    for stage in stages.filter(|s| s.precision == Precision::F32Split) {
        let place = if matches!(device, Device::Cpu) { isa.name() } else { "CUDA" };
        out.line(format!("note: stage {} has precision f32_split; {place} makes its products in f32", stage.name));
    }
}
