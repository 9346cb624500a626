"""Times pfmc and PyTorch in turn, A B A B, each in processes of their own with the same weights, batch, threads and allocator, and
prints pfmc over PyTorch: below 1 is faster or smaller. First both must agree on the parameters and on the losses of the first steps.
PyTorch takes the fastest of eager and torch.compile, each with both layouts of memory, as a first run of each finds it."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "target" / "benches"
PFMC = os.environ.get("PFMC", str(ROOT / "target" / "release" / "pfmc"))
MODES = ("eager", "eager-channels-last", "compile", "compile-channels-last")
# Large blocks stay with the process: by default glibc gives them back and has every page of the next one cleared and mapped anew.
ALLOCATOR = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
# The first loss is one forward pass. Later ones differ by what optimisers make of rounding.
AGREE = {"f32": (1e-5, 1e-3), "f32_split": (1e-4, 1e-3), "bf16": (1e-2, 3e-2)}


def arguments():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--sizes", default="S", help="of S, M, L, with commas (default S)")
    a.add_argument("--stages", default="tokeniser,rollout", help="of tokeniser, rollout, with commas (default both)")
    a.add_argument("--precisions", default="f32", help="of f32, f32_split, bf16, with commas (default f32); bf16 is beside PyTorch's autocast to bfloat16, the others beside float32")
    a.add_argument("--rounds", type=int, default=5, help="how often each takes its turn (default 5)")
    a.add_argument("--steps", type=int, default=3, help="steps measured each time, after two of warm-up (default 3)")
    a.add_argument("--threads", type=int, default=os.cpu_count(), help="of both (default one per core)")
    a.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="of both (default cpu)")
    a.add_argument("--modes", default=",".join(MODES), help=f"of PyTorch, to choose from (default {', '.join(MODES)})")
    parsed = a.parse_args()
    for name, known in (("sizes", "S M L".split()), ("stages", ["tokeniser", "rollout"]), ("modes", MODES), ("precisions", AGREE)):
        values = getattr(parsed, name).split(",")
        if unknown := [v for v in values if v not in known]:
            a.error(f"--{name}: {unknown[0]!r} is none of {', '.join(known)}")
        setattr(parsed, name, values)
    if min(parsed.rounds, parsed.steps, parsed.threads) < 1:
        a.error("--rounds, --steps and --threads are at least 1")
    return parsed


def run(command):
    """The JSON value that a process of its own prints."""
    cache = {"TORCHINDUCTOR_CACHE_DIR": str(OUT / "inductor")}
    result = subprocess.run(command, env={**os.environ, **ALLOCATOR, **cache}, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}")
    return json.loads(result.stdout)


class Pair:
    """One stage of one size in both programs."""

    def __init__(self, args, size, stage, precision):
        self.args, self.size, self.stage, self.precision = args, size, stage, precision
        self.start = OUT / f"{size}-{stage}.safetensors"

    def pfmc(self, steps, warmup=2, *more):
        file = ROOT / "experiments" / "bench" / f"{self.size}.pfm"
        counts = ["--steps", str(steps), "--warmup", str(warmup), "--threads", str(self.args.threads), "--top", "0"]
        setting = ["--set", f"{self.stage}.precision={self.precision}"]
        setting += ["--device", self.args.device]
        return run([PFMC, "bench", file, "--stage", self.stage, "--json", *setting, *counts, *more])

    def torch(self, mode, steps, warmup=2):
        counts = ["--steps", str(steps), "--warmup", str(warmup), "--threads", str(self.args.threads)]
        names = ["--size", self.size, "--stage", self.stage, "--mode", mode, "--start", self.start]
        names += ["--dtype", "bf16" if self.precision == "bf16" else "f32", "--device", self.args.device]
        return run([sys.executable, ROOT / "benches" / "peer" / "step.py", *names, *counts])

    def agree(self):
        """Writes the start, and stops where the two do not make the same steps from it."""
        ours = self.pfmc(3, 0, "--start", self.start)
        theirs = self.torch("eager", 3, 0)
        if ours["parameters"] != theirs["parameters"]:
            sys.exit(f"pfmc has {ours['parameters']} parameters, PyTorch {theirs['parameters']}")
        for difference in unlike(ours, theirs):
            print(f"  warning: not alike: {difference}", flush=True)
        apart = [abs(a - b) / abs(b) for a, b in zip(ours["losses"], theirs["losses"])]
        print(f"  {ours['parameters']:,} parameters; losses of the first steps differ by {', '.join(f'{d:.1e}' for d in apart)}")
        first, later = AGREE[self.precision]
        if apart[0] > first or max(apart) > later:
            sys.exit(f"the losses differ: pfmc {ours['losses']}, PyTorch {theirs['losses']}")

    def fastest(self):
        """The mode with the fastest step: a busy machine disturbs that less than a median."""
        found = {}
        for mode in self.args.modes:
            try:
                r = self.torch(mode, self.args.steps)
            except RuntimeError as error:
                print(f"  PyTorch {mode}: does not run\n{error}", file=sys.stderr)
                continue
            found[mode] = r["seconds"]["min"]
            print(f"  {r['program']} {mode:<22} {found[mode]:8.3f} s at least, CPU {r['cpu_seconds']['median']:8.3f} s, {mebibytes(r)}", flush=True)
        if not found:
            sys.exit("PyTorch runs in no mode")
        return min(found, key=found.get)

    def compare(self):
        place = "cuda" if self.args.device == "cuda" else f"{self.args.threads} threads"
        print(f"{self.size} {self.stage} {self.precision}, {place}", flush=True)
        self.agree()
        mode = self.fastest()
        ours, theirs = [], []
        for n in range(self.args.rounds):
            ours.append(self.pfmc(self.args.steps))
            theirs.append(self.torch(mode, self.args.steps))
            a, b = ours[-1]["seconds"]["median"], theirs[-1]["seconds"]["median"]
            print(f"  round {n + 1}: pfmc {a:.3f} s, PyTorch {b:.3f} s, {a / b:.3f}", flush=True)
        summary = {"size": self.size, "stage": self.stage, "precision": self.precision, "device": self.args.device, "threads": self.args.threads, "mode": mode, "program": theirs[0]["program"]}
        for name, key, of in (("step", "seconds", statistics.median), ("fastest step", "seconds", min), ("CPU time", "cpu_seconds", statistics.median)):
            a, b = (of(s for r in side for s in r[key]["all"]) for side in (ours, theirs))
            summary[name] = {"pfmc": a, "PyTorch": b, "ratio": a / b}
            print(f"  {name:<12} pfmc {a:9.3f} s    PyTorch {mode} {b:9.3f} s    pfmc/PyTorch {a / b:.3f}")
        a, b = (statistics.median(r["memory"]["above"] for r in side) for side in (ours, theirs))
        summary["peak memory"] = {"pfmc": a, "PyTorch": b, "ratio": a / b}
        print(f"  {'peak memory':<12} pfmc {a / 2**20:7.1f} MiB    PyTorch {mode} {b / 2**20:7.1f} MiB    pfmc/PyTorch {a / b:.3f}", flush=True)
        return summary


def unlike(ours, theirs):
    """What makes the two results different things. `cpu (avx512)` and `cuda:0 (NAME)` are kinds with more; f32 in parts is beside float32."""
    kind = lambda result: result["device"].split()[0].split(":")[0]
    precision = lambda result: result["precision"].removesuffix("_split")
    for name, of in (("device", kind), ("precision", precision), ("threads", lambda result: result["threads"])):
        if of(ours) != of(theirs):
            yield f"{name} {of(ours)} of pfmc, {of(theirs)} of PyTorch"


def mebibytes(result):
    return f"{result['memory']['above'] / 2**20:.0f} MiB"


def main():
    args = arguments()
    OUT.mkdir(parents=True, exist_ok=True)
    pairs = [(size, stage, precision) for size in args.sizes for stage in args.stages for precision in args.precisions]
    all = [Pair(args, *pair).compare() for pair in pairs]
    (OUT / "compare.json").write_text(json.dumps(all, indent=1) + "\n")


if __name__ == "__main__":
    main()
