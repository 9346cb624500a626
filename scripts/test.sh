#!/usr/bin/env bash
# Everything that must hold: formatting, lints, tests. PFMC_HEAVY=1 adds the long numerical checks.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh
cargo fmt --all --check
cargo clippy --release --locked --workspace --all-targets -- -D warnings
cargo build --release --locked -p pfm-cli
cargo test --release --locked --workspace
