//! Which instruction set programs are made for: `--isa`, or `PFMC_ISA` where it is not given, for all verbs that run programs.

use crate::output::{Exit, Output};
use pfm_compiler::{Isa, Options};

#[derive(clap::Args, Clone)]
pub struct Processor {
    /// Instruction set of the processor to use; `auto` is the widest that it has. The last bits of results depend on it.
    #[arg(long, env = "PFMC_ISA", value_name = "NAME", value_enum, default_value = "auto")]
    isa: Name,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Name {
    Auto,
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
