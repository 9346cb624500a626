#!/usr/bin/env bash
# Installs what the build and the tests need and the machine lacks: a C compiler, make and CMake 3.18+ (for the bundled HDF5), and
# Python with pip (for NVRTC, which the tests compile
# CUDA functions with; not with PFMC_NO_NVRTC=1).
set -euo pipefail

missing=()
command -v cc >/dev/null || missing+=(gcc)
command -v g++ >/dev/null || missing+=(g++)
command -v make >/dev/null || missing+=(make)
command -v cmake >/dev/null || missing+=(cmake)
[ -n "${PFMC_NO_NVRTC:-}" ] || python3 -m pip --version >/dev/null 2>&1 || missing+=(python3 python3-pip)

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
  elif sudo -n true 2>/dev/null && command -v apt-get >/dev/null; then
    sudo apt-get update -qq
    sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
  else
    echo "Missing: ${missing[*]}. As an administrator: apt-get install ${missing[*]}" >&2
    exit 2
  fi
fi

if ! command -v cargo >/dev/null; then
  echo "Missing: a Rust toolchain, 1.95 or newer. See https://rustup.rs" >&2
  exit 2
fi
