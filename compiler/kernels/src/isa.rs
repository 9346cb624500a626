//! Which vector instructions the kernels use, and the one place where a task enters code compiled for them.
//! The choice is made at run time, so one binary serves every x86-64 machine and, by the portable path, all others.

use crate::simd::{Portable, Simd};
use pfm_device::Pool;

/// An instruction set. Results of different sets agree to rounding only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust in groups of four; needs nothing of the processor.
    Portable,
    /// 256-bit vectors with fused multiply-add.
    Avx2,
    /// 512-bit vectors (AVX-512 F, BW, DQ, VL).
    Avx512,
    /// The same vectors, and tiles of bf16 products for `Products::Bf16` and `Products::Split`.
    Amx,
    /// Those tiles computed one value at a time, on the widest vectors that there are: slow, for tests on any machine.
    AmxEmulated,
    /// The 128-bit vectors of 64-bit ARM, with fused multiply-add.
    Neon,
}

impl Isa {
    /// Every instruction set that there are kernels for, on whatever processor, widest first; the emulated one is not among them.
    pub const ALL: [Isa; 5] = [Isa::Amx, Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable];

    /// As it is written on a command line and in the records of a run.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Amx => "amx",
            Isa::AmxEmulated => "amx_emulated",
            Isa::Neon => "neon",
        }
    }

    /// The instruction set of this name.
    pub fn named(name: &str) -> Option<Isa> {
        Isa::ALL.into_iter().find(|isa| isa.name() == name)
    }

    /// The widest instruction set of this processor.
    pub fn detect() -> Isa {
        Isa::available()[0]
    }

    /// All instruction sets that this processor can run, widest first.
    pub fn available() -> Vec<Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// If this processor can run it.
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = || is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            match self {
                Isa::Portable | Isa::AmxEmulated => true,
                Isa::Amx => Isa::Avx512.is_available() && is_x86_feature_detected!("avx512bf16") && crate::amx::granted(),
                Isa::Neon => false,
                Isa::Avx2 => avx2(),
                Isa::Avx512 => {
                    avx2()
                        && is_x86_feature_detected!("avx512f")
                        && is_x86_feature_detected!("avx512bw")
                        && is_x86_feature_detected!("avx512dq")
                        && is_x86_feature_detected!("avx512vl")
                }
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            matches!(self, Isa::Portable | Isa::AmxEmulated) || (self == Isa::Neon && cfg!(target_arch = "aarch64"))
        }
    }

    /// The vectors that f32 kernels use at this level.
    pub fn vectors(self) -> Isa {
        match self {
            Isa::Amx => Isa::Avx512,
            Isa::AmxEmulated if Isa::Avx512.is_available() => Isa::Avx512,
            Isa::AmxEmulated => Isa::Portable,
            other => other,
        }
    }
}

/// Numbered tasks written once for all instruction sets. `run` and all it calls must be `#[inline(always)]`,
/// so that they are compiled inside the entry functions below with the features switched on.
pub(crate) trait Kernel: Sync {
    /// # Safety
    /// The processor has the instructions of `S`, and `task` is below the number of tasks.
    unsafe fn run<S: Simd>(&self, task: usize);
}

/// Runs tasks 0..tasks of the kernel on the pool. Panics if the processor lacks the instruction set.
pub(crate) fn launch<K: Kernel>(pool: &Pool, isa: Isa, tasks: usize, kernel: &K) {
    assert!(isa.is_available(), "this processor has no {}", isa.name());
    pool.run(tasks, &|task| {
        // SAFETY: the instruction set is there, and tasks count from 0.
        unsafe {
            match isa.vectors() {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => enter_avx512(kernel, task),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => enter_avx2(kernel, task),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => kernel.run::<crate::simd::Neon>(task),
                _ => kernel.run::<Portable>(task),
            }
        }
    });
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn enter_avx512<K: Kernel>(kernel: &K, task: usize) {
    // SAFETY: the features are those of `Avx512`.
    unsafe { kernel.run::<crate::simd::Avx512>(task) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn enter_avx2<K: Kernel>(kernel: &K, task: usize) {
    // SAFETY: the features are those of `Avx2`.
    unsafe { kernel.run::<crate::simd::Avx2>(task) }
}

/// A pointer that tasks share; each writes only places that no other task touches.
#[derive(Clone, Copy)]
pub(crate) struct Shared(pub *mut f32);
// SAFETY: kernels cut their output by task number into disjoint parts.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    pub(crate) fn of(slice: &mut [f32]) -> Shared {
        Shared(slice.as_mut_ptr())
    }
}
