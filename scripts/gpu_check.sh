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

smoke=(run experiments/indomain.pfm --profile smoke --device cuda --data data --set pretrain.precision=bf16 --runs)
checkpoints() { (cd "$1" && find . -name '*.safetensors' | sort | xargs sha256sum | sha256sum); }
same_bytes() {
  rm -rf runs1 runs2
  "$PFMC" "${smoke[@]}" runs1 && "$PFMC" "${smoke[@]}" runs2 || return 1
  [ "$(checkpoints runs1)" = "$(checkpoints runs2)" ] && echo "checkpoints of two runs: the same bytes"
}
check "two equal runs" same_bytes

resumed() {
  rm -rf runs3
  "$PFMC" "${smoke[@]}" runs3 &
  local run=$!
  until [ -n "$(find runs3 -name '*.safetensors' 2> /dev/null)" ] || ! kill -0 "$run" 2> /dev/null; do sleep 0.1; done
  kill -9 "$run" 2> /dev/null && echo "killed after its first checkpoint"
  wait "$run"
  "$PFMC" "${smoke[@]}" runs3 || return 1
  [ "$(checkpoints runs1)" = "$(checkpoints runs3)" ] && echo "checkpoints of the resumed run: the same bytes"
}
check "a run that was killed and resumed" resumed

for stage in tokeniser rollout; do
  for precision in bf16 f32; do
    check "L $stage $precision" "$PFMC" bench experiments/bench/L.pfm --device cuda --stage "$stage" --set "$stage.precision=$precision" --warmup 3 --top 40
  done
done
made="generate(grid: (512, 512), trajectories: 16, frames: 12 frames)"
for stage in tokeniser rollout; do
  check "L $stage bf16, windows from files" "$PFMC" bench experiments/bench/L.pfm --device cuda --stage "$stage" \
    --set "$stage.precision=bf16" --set "euler.source=$made" --data data --warmup 3 --top 0
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
