#!/usr/bin/env bash
# Packs what a machine with a CUDA device needs to check and time pfmc without Rust or a network: the program, the experiments that are
# measured, the peer in PyTorch, and check.sh, which runs everything and leaves result.txt. With --bare the packed folder is left
# as it is instead of an archive.
set -euo pipefail
cd "$(dirname "$0")/.."
bundle=target/gpu-bundle
[ -n "${PFMC:-}" ] || cargo build --release --locked -p pfm-cli
rm -rf "$bundle"
mkdir -p "$bundle/experiments" "$bundle/target/benches"
cp "${PFMC:-target/release/pfmc}" "$bundle/pfmc"
strip -s "$bundle/pfmc"
cp -r experiments/bench "$bundle/experiments/"
cp experiments/indomain.pfm "$bundle/experiments/"
cp -r benches "$bundle/"
cp scripts/gpu_check.sh "$bundle/check.sh"
if [ "${1:-}" = "--bare" ]; then
  echo "$bundle"
else
  tar -C target -czf "$bundle.tar.gz" gpu-bundle
  echo "$bundle.tar.gz: unpack it on the machine and run gpu-bundle/check.sh"
fi
