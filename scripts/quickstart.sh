#!/usr/bin/env bash
# Installs what is missing, builds pfmc, and runs the in-domain experiment on data made here. Arguments go to `pfmc run`.
set -euo pipefail
cd "$(dirname "$0")/.."
PFMC_NO_NVRTC=1 scripts/install.sh
cargo build --release --locked --workspace --bins
exec target/release/pfmc run experiments/indomain.pfm "$@"
