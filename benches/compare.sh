#!/usr/bin/env bash
# Measures pfmc beside PyTorch on this machine: `benches/compare.sh --help` says what can be chosen, docs/performance.md what it means.
# Makes a Python environment under target/ the first time, which needs the network and some gigabytes.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${PFMC:-}" ] || cargo build --release --locked --workspace --bins
environment=target/benches/environment
if [ ! -f "$environment/ready" ]; then
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --requirement benches/peer/requirements.txt
  touch "$environment/ready"
fi
exec "$environment/bin/python" benches/compare.py "$@"
