#!/usr/bin/env bash
# The project's own definitions: each experiment is checked against its lock, and generated grids beside it must be fresh.
# Prints annotations where GITHUB_ACTIONS is set. PFMC names the program to use.
set -euo pipefail
cd "$(dirname "$0")/.."
pfmc=${PFMC:-target/release/pfmc}
form=$([ -n "${GITHUB_ACTIONS:-}" ] && echo github || echo short)
status=0
for lock in experiments/*.lock experiments/bench/*.lock; do
  "$pfmc" check --locked --format "$form" "${lock%.lock}.pfm" || status=1
done
# Cells that `pfmc grid expand FILE --profile paper` wrote: experiments/NAME/GRID/CELL.pfm.
for folder in experiments/*/; do
  file="${folder%/}.pfm"
  [ -f "$file" ] || continue
  "$pfmc" grid expand "$file" --profile paper --check || status=1
  "$pfmc" check --format "$form" "$folder"*/*.pfm || status=1
done
exit $status
