//! Matrix tiles of bf16 products with f32 sums (Intel AMX): whether this processor and its system let us use them.

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
