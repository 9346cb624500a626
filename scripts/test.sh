#!/usr/bin/env bash
# Everything that must hold: formatting, lints, the locks of the experiments, tests. PFMC_HEAVY=1 adds the long numerical checks.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh
scripts/nvrtc.sh
cargo fmt --all --check
cargo clippy --release --locked --workspace --all-targets -- -D warnings
cargo build --release --locked --workspace --bins
scripts/definitions.sh
cargo test --release --locked --workspace
