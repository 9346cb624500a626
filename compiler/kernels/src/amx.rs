//! Matrix tiles of bf16 products with f32 sums (Intel AMX): whether this processor and its system let us use them, and the
//! one place where a task enters code that does. Operands are packed into rows of 64 bytes that a tile loads as they lie.

pub(crate) mod attend;
pub(crate) mod attend_grad;
pub(crate) mod block;
pub(crate) mod contract;
pub(crate) mod contract_plan;
pub(crate) mod conv;
mod conv_pack;
pub(crate) mod conv_plan;
mod gather;
mod matrix;
pub(crate) mod pack;
pub(crate) mod tiles;
pub(crate) mod weight;
mod weight_pack;
pub(crate) mod weight_plan;

use crate::amx::tiles::{Emulated, Tiles};
use crate::isa::Isa;
use crate::precision::Products;
use crate::simd::Portable;
use pfm_device::Pool;

/// Numbered tasks written once for real and emulated tiles. `run` and all it calls must be `#[inline(always)]`, as in `isa.rs`.
pub(crate) trait TileKernel: Sync {
    /// # Safety
    /// The processor has what `T` needs, and `task` is below the number of tasks.
    unsafe fn run<T: Tiles>(&self, tiles: &mut T, task: usize);
}

/// If the call may go by tiles at all.
pub(crate) fn may_serve(isa: Isa, products: Products) -> bool {
    matches!(isa, Isa::Amx | Isa::AmxEmulated) && products != Products::F32
}

/// The first place of scratch that a tile may start at; scratch has 15 floats to spare.
pub(crate) fn aligned(scratch: &mut [f32]) -> *mut u8 {
    let start = scratch.as_mut_ptr().cast::<u8>();
    start.wrapping_add(start.align_offset(64))
}

/// Runs tasks 0..tasks of the kernel on the pool. Panics if the processor lacks the tiles.
pub(crate) fn launch_tiles<K: TileKernel>(pool: &Pool, isa: Isa, tasks: usize, kernel: &K) {
    assert!(isa.is_available(), "this processor has no {isa:?}");
    pool.run(tasks, &|task| {
        // SAFETY: the tiles are there, and tasks count from 0.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            match (isa, isa.vectors()) {
                (Isa::Amx, _) => return enter_tiles(kernel, task),
                (_, Isa::Avx512) => return enter_emulated(kernel, task),
                _ => {}
            }
            enter_portable(kernel, task);
        }
    });
}

/// Never inlined: its stack space must not be part of the caller's.
#[inline(never)]
unsafe fn enter_portable<K: TileKernel>(kernel: &K, task: usize) {
    // SAFETY: plain Rust.
    unsafe { kernel.run(&mut Emulated::<Portable>::new(), task) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
unsafe fn enter_tiles<K: TileKernel>(kernel: &K, task: usize) {
    // SAFETY: the features are those of `Isa::Amx`.
    unsafe { kernel.run(&mut tiles::Hardware::new(), task) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn enter_emulated<K: TileKernel>(kernel: &K, task: usize) {
    // SAFETY: the features are those of `Isa::Avx512`.
    unsafe { kernel.run(&mut Emulated::<crate::simd::Avx512>::new(), task) }
}

/// If the processor has the tiles and the system has let this process use them. Asks once.
#[cfg(target_arch = "x86_64")]
pub(crate) fn granted() -> bool {
    use std::sync::OnceLock;
    static GRANTED: OnceLock<bool> = OnceLock::new();
    *GRANTED.get_or_init(|| has_tiles() && ask())
}

/// Leaf 7 of cpuid: bits 22 (bf16 products) and 24 (tiles) of edx.
#[cfg(target_arch = "x86_64")]
fn has_tiles() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    const NEEDED: u32 = 1 << 22 | 1 << 24;
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & NEEDED == NEEDED
}

/// The tiles' 8 KiB are not part of a thread's state until the process asks for them; threads that exist get them too.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn ask() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
    const XTILEDATA: i64 = 18;
    let answer: i64;
    // SAFETY: a system call that changes no memory of ours; the two registers that the kernel overwrites are named.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => answer,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    answer == 0
}

#[cfg(all(target_arch = "x86_64", not(target_os = "linux")))]
fn ask() -> bool {
    false
}
