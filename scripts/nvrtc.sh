#!/usr/bin/env bash
# Puts NVIDIA's run-time compiler (NVRTC, 80 MB from PyPI) into target/nvrtc, for the tests that compile every generated CUDA
# function. They need no device. Set PFMC_NO_NVRTC=1 to leave them out.
set -euo pipefail
cd "$(dirname "$0")/.."
version=13.0.88  # of the registers in tests/golden/cuda/resources.txt

[ -z "${PFMC_NO_NVRTC:-}" ] || { echo "PFMC_NO_NVRTC is set: no CUDA function is compiled by the tests" >&2; exit 0; }
[ ! -e "target/nvrtc/nvidia_cuda_nvrtc-$version.dist-info" ] || exit 0
if ! python3 -m pip --version >/dev/null 2>&1; then
  echo "Missing: python3 with pip, to install NVRTC. Or set PFMC_NO_NVRTC=1." >&2
  exit 2
fi
rm -rf target/nvrtc
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target target/nvrtc "nvidia-cuda-nvrtc==$version"
