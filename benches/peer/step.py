"""Whole training steps of the peer, from the weights and the batch that `pfmc bench --start` wrote. Prints one JSON value with the keys
that `pfmc bench --json` has too, so that `pfmc bench --vs` reads it."""

import argparse
import importlib
import json
import os
import statistics
import sys
import time

MODES = ("eager", "eager-channels-last", "compile", "compile-channels-last")


def arguments():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--size", default="S")
    a.add_argument("--stage", choices=("tokeniser", "rollout"), default="tokeniser")
    a.add_argument("--start", required=True)
    a.add_argument("--mode", choices=MODES, default="eager")
    a.add_argument("--dtype", choices=("f32", "bf16"), default="f32", help="bf16: autocast, with float32 weights")
    a.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    a.add_argument("--threads", type=int, default=os.cpu_count())
    a.add_argument("--steps", type=int, default=3)
    a.add_argument("--warmup", type=int, default=2)
    return a.parse_args()


ARGS = arguments()
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(ARGS.threads)

import torch
from safetensors import safe_open

from model import Model


def forget_peak():
    if ARGS.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


def status(key):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(key))


def peak(before):
    """Bytes above those of before: of the device's tensors, or of the process."""
    return torch.cuda.max_memory_allocated() if ARGS.device == "cuda" else status("VmHWM:") - before


def now():
    """Seconds, once the device is done."""
    if ARGS.device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def build():
    """The model with the weights of the file, and the batch. A missing, superfluous or misshapen weight is an error."""
    model = Model(ARGS.size, ARGS.stage == "rollout")
    with safe_open(ARGS.start, framework="pt") as file:
        names = set(file.keys()) - {"window"}
        own = dict(model.named_parameters())
        if names != set(own):
            sys.exit(f"the parameters differ: {sorted(names ^ set(own))}")
        with torch.no_grad():
            for name, parameter in own.items():
                value = file.get_tensor(name)
                if value.shape != parameter.shape:
                    sys.exit(f"{name} is {tuple(value.shape)} in the file, {tuple(parameter.shape)} here")
                parameter.copy_(value)
        return model, file.get_tensor("window").clone()


def optimiser(model):
    if ARGS.stage == "tokeniser":
        settings, clip = dict(lr=5e-4, betas=(0.95, 0.95), weight_decay=0.01, eps=1e-8), 0.5
    else:
        settings, clip = dict(lr=5e-5, betas=(0.9, 0.999), weight_decay=1e-4, eps=1e-10), 5.0
    return torch.optim.AdamW(model.parameters(), fused=True, **settings), clip


def times(values):
    return dict(median=statistics.median(values), min=min(values), mean=statistics.fmean(values), all=values)


def main():
    torch.set_num_threads(ARGS.threads)
    if ARGS.mode.startswith("compile"):
        importlib.import_module("torch._inductor.compile_fx")  # The compiler itself is no part of what a step needs.
    torch.ones(8, 8).matmul(torch.ones(8, 8))
    if ARGS.device == "cuda":
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = False  # Ten bits of mantissa are not float32.
    before = status("VmRSS:")
    model, window = build()
    model, window = model.to(ARGS.device), window.to(ARGS.device)
    if ARGS.mode.endswith("channels-last"):
        model = model.to(memory_format=torch.channels_last_3d)
    opt, clip = optimiser(model)
    loss_of = torch.compile(model) if ARGS.mode.startswith("compile") else model
    losses, seconds, cpu = [], [], []
    for step in range(ARGS.warmup + ARGS.steps):
        if step == ARGS.warmup:
            forget_peak()  # What compiling took is over.
        begin, cpu_begin = now(), time.process_time()
        opt.zero_grad(set_to_none=True)
        with torch.autocast(ARGS.device, torch.bfloat16, enabled=ARGS.dtype == "bf16"):
            loss = loss_of(window)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        opt.step()
        losses.append(loss.item())
        seconds.append(now() - begin)
        cpu.append(time.process_time() - cpu_begin)
    print(json.dumps(dict(
        program=f"PyTorch {torch.__version__}", mode=ARGS.mode, device=ARGS.device, precision=ARGS.dtype, stage=ARGS.stage, batch=window.shape[0], threads=ARGS.threads,
        parameters=sum(p.numel() for p in model.parameters()), losses=losses, seconds=times(seconds[ARGS.warmup:]),
        cpu_seconds=times(cpu[ARGS.warmup:]), memory=dict(before=before, above=peak(before)),
    )))


main()
