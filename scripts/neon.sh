#!/usr/bin/env bash
# Tests of the kernels and the CPU back end on 64-bit ARM with NEON, on another machine by user-mode emulation. It needs
# `rustup target add aarch64-unknown-linux-gnu` and Debian's gcc-aarch64-linux-gnu and qemu-user; further arguments go to `cargo test`.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=${AARCH64_CC:-aarch64-linux-gnu-gcc}
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=${AARCH64_RUNNER:-qemu-aarch64 -L /usr/aarch64-linux-gnu}
exec cargo test --release --locked --target aarch64-unknown-linux-gnu -p pfm-kernels -p pfm-cpu "$@"
