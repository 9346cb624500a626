#!/usr/bin/env bash
# Holds our files and our reader against the package `the_well`: makes a small data set with every simulator, reads it with both, and
# compares. The package and PyTorch go into a virtual environment in the folder given, or a temporary one; PFMC_PYTHON names a Python
# that has them already.
set -euo pipefail
cd "$(dirname "$0")/.."
place=${1:-$(mktemp -d)}
mkdir -p "$place"
python=${PFMC_PYTHON:-}
if [ -z "$python" ]; then
  python="$place/venv/bin/python"
  if [ ! -x "$python" ]; then
    python3 -m venv "$place/venv"
    "$place/venv/bin/pip" install --quiet the_well==1.2.0
  fi
fi
rm -rf "$place/sets"
# A file of h5py with compressed fields and a tensor stands beside the generated ones.
mkdir -p "$place/sets/h5py/data/train"
cp runtime/data/tests/fixtures/small.hdf5 "$place/sets/h5py/data/train/"
cargo run --quiet --release --locked -p pfm-data --example the_well "$place/sets"
"$python" scripts/compare_the_well.py "$place/sets"
