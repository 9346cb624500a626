#!/usr/bin/env bash
# Checks and times pfmc on the CUDA device of this machine, beside PyTorch where python3 has it. `scripts/gpu_bundle.sh` packs it with
# what it needs. Everything that is said also goes to result.txt. QUICK=1 leaves out compiled PyTorch and the memory checker.
set -uo pipefail
cd "$(dirname "$0")"
export PFMC="$PWD/pfmc" PFMC_CACHE="${PFMC_CACHE:-$PWD/cache}" PYTHONUNBUFFERED=1
exec > >(tee result.txt) 2>&1
failed=0
title() { printf '\n== %s\n' "$*"; }
check() { title "$1"; shift; "$@" || { echo "FAILED"; failed=1; }; }

check "what is here" "$PFMC" doctor --device cuda
check "kernels against the interpreter" "$PFMC" doctor --device cuda --full

same_losses() {
  for device in cpu cuda; do
    "$PFMC" bench experiments/bench/S.pfm --device "$device" --steps 19 --warmup 1 --top 0 --json > "$device.json" || return 1
  done
  python3 - <<'P'
import json
a, b = (json.load(open(f"{d}.json"))["losses"] for d in ("cpu", "cuda"))
apart = max(abs(x - y) / abs(x) for x, y in zip(a, b))
print(f"{len(a)} losses of S in f32, CPU against CUDA: at most {apart:.1e} apart")
raise SystemExit(apart > 1e-4)
P
}
check "twenty steps of S" same_losses

same_bytes() {
  rm -rf runs1 runs2
  for n in 1 2; do
    "$PFMC" run experiments/indomain.pfm --profile smoke --device cuda --runs "runs$n" --data data --set pretrain.precision=bf16 || return 1
  done
  local sums
  sums=$(for n in 1 2; do (cd "runs$n" && find . -name '*.safetensors' | sort | xargs sha256sum | sha256sum); done | sort -u | wc -l)
  echo "checkpoints of two runs: $([ "$sums" = 1 ] && echo 'the same bytes' || echo 'different bytes')"
  [ "$sums" = 1 ]
}
check "two equal runs" same_bytes

for stage in tokeniser rollout; do
  for precision in bf16 f32; do
    check "L $stage $precision" "$PFMC" bench experiments/bench/L.pfm --device cuda --stage "$stage" --set "$stage.precision=$precision" --warmup 3 --top 40
  done
done
check "L soap bf16" "$PFMC" bench experiments/bench/L.pfm --device cuda --stage soap --set soap.precision=bf16 --steps 20 --top 25

if python3 -c 'import torch' 2>/dev/null; then
  modes=eager,eager-channels-last
  [ -n "${QUICK:-}" ] || modes=$modes,compile,compile-channels-last
  check "beside PyTorch" python3 benches/compare.py --device cuda --sizes L --precisions bf16 --rounds 3 --steps 6 --modes "$modes"
fi
if [ -z "${QUICK:-}" ] && command -v compute-sanitizer > /dev/null; then
  check "memory checker" compute-sanitizer --error-exitcode 1 "$PFMC" doctor --device cuda --full
fi
title "$([ "$failed" = 0 ] && echo 'all passed' || echo 'something failed')"
exit "$failed"
