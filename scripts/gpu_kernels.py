"""Runs the kernels that `cargo run --release -p pfm-cuda --example emit FOLDER` wrote on the first CUDA device, compares them with
PyTorch in f32, and times both: `gpu_kernels.py FOLDER [WORD..]` takes the cases whose names have one of the words.

Cubins beside the texts are used if they are there; else NVRTC compiles. Either way code is for the device's own architecture, sm_90a where
texts were written for capability 9.0. One line a case: the largest error of each result as a part of
its size, whether two runs gave the same bytes, microseconds of each launch, and of PyTorch's function in bf16."""

import ctypes
import json
import os
import sys

import torch
import torch.nn.functional as F

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "i32": torch.int32, "bool": torch.int32}
REPEATS = 10
# No code for this device, or an image that it does not know.
OTHER_DEVICE = (200, 209)


class Driver:
    def __init__(self):
        torch.zeros(1, device="cuda")
        self.cuda = ctypes.CDLL("libcuda.so.1")
        self.functions = {}
        self.architecture = None

    def ok(self, status, what):
        if status != 0:
            raise SystemExit(f"{what}: CUDA error {status}")

    def function(self, folder, launch):
        entry = launch["entry"]
        if entry not in self.functions:
            image, module, f = cubin(folder, entry, self.architecture), ctypes.c_void_p(), ctypes.c_void_p()
            if (status := self.cuda.cuModuleLoadData(ctypes.byref(module), image)) in OTHER_DEVICE:
                raise SystemExit(f"{entry}.cubin is not for this device (CUDA error {status}): compile it for {self.architecture}, or remove it to have NVRTC compile")
            self.ok(status, entry)
            self.ok(self.cuda.cuModuleGetFunction(ctypes.byref(f), module, entry.encode()), entry)
            if launch["shared"] > 48 * 1024:
                self.ok(self.cuda.cuFuncSetAttribute(f, 8, launch["shared"]), entry)
            self.functions[entry] = f
        return self.functions[entry]

    def launch(self, folder, launch, memory):
        pointers = [ctypes.c_uint64(memory[i].data_ptr()) for i in launch["arguments"]]
        arguments = (ctypes.c_void_p * len(pointers))(*[ctypes.addressof(p) for p in pointers])
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        f, (x, y, z) = self.function(folder, launch), launch["grid"]
        self.ok(self.cuda.cuLaunchKernel(f, x, y, z, launch["block"], 1, 1, launch["shared"], stream, arguments, None), launch["entry"])


def architecture(cases, capability):
    """What code must be compiled for: texts for 9.0 use instructions that only sm_90a has, others run on what is newer too."""
    major, minor = capability
    device, wanted = 10 * major + minor, sorted({(case["sm"], case["architecture"]) for case in cases})
    if len(wanted) != 1:
        raise SystemExit(f"the texts are for several devices: {wanted}; write them anew into an empty folder")
    sm, name = wanted[0]
    if sm > device or (name.endswith("a") and sm != device):
        raise SystemExit(f"the texts are for {name}, this device has capability {major}.{minor}: write them with `emit FOLDER {device}`")
    return name if sm == device else f"sm_{device}"


def cubin(folder, entry, architecture):
    path = os.path.join(folder, entry + ".cubin")
    if os.path.exists(path):
        return open(path, "rb").read()
    try:
        nvrtc = ctypes.CDLL("libnvrtc.so.13")
    except OSError:
        raise SystemExit(f"there is no {path}, and no libnvrtc.so.13 to compile it: compile the texts for {architecture}, or install NVRTC of CUDA 13")
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    text = open(os.path.join(folder, entry + ".cu"), "rb").read()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, entry.encode(), 0, None, None)
    options = (ctypes.c_char_p * 2)(f"--gpu-architecture={architecture}".encode(), b"--std=c++17")
    if nvrtc.nvrtcCompileProgram(program, 2, options) != 0:
        raise SystemExit(f"{entry} does not compile for {architecture}")
    nvrtc.nvrtcGetCUBINSize(program, ctypes.byref(size))
    image = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetCUBIN(program, image)
    return image.raw


def to_torch(x):
    """[b, s.., c] as PyTorch's [b, c, s..], in the same memory."""
    return x.movedim(-1, 1)


def from_torch(x):
    return x.movedim(1, -1)


def padded(x, a):
    pads = []
    for low, high in reversed(list(zip(a["low"], a["high"]))):
        pads += [low, high]
    return F.pad(x, pads)


def convolution(case, x):
    """What the operation means, for operands of any type."""
    a = case["attrs"]
    if case["op"] == "conv":
        return [from_torch(F.conv3d(padded(to_torch(x[0]), a), x[1], stride=a["stride"]))]
    if case["op"] == "conv_input_grad":
        n, c = x[0].shape[0], x[1].shape[1]
        whole = [s + l + h for s, l, h in zip(a["size"], a["low"], a["high"])]
        grad = torch.nn.grad.conv3d_input([n, c, *whole], x[1], to_torch(x[0]), stride=a["stride"])
        inner = [slice(l, l + s) for s, l in zip(a["size"], a["low"])]
        return [from_torch(grad[(slice(None), slice(None), *inner)])]
    shape = case["results"][0]["shape"]
    return [torch.nn.grad.conv3d_weight(padded(to_torch(x[0]), a), shape, to_torch(x[1]), stride=a["stride"])]


def attention(case, x):
    """The same for attention, by explicit scores, a part of the batch at a time."""
    a, forward = case["attrs"], case["op"] == "attend"
    q, k, v = x[:3]
    bias = x[3 if forward else 6] if a["bias"] else None
    parts, bias_grad = [], 0.0
    step = max(1, (1 << 28) // (q.shape[1] * q.shape[2] * k.shape[2]))
    for at in range(0, q.shape[0], step):
        qs, ks, vs = (t[at : at + step] for t in (q, k, v))
        s = a["scale"] * (qs @ ks.mT)
        if bias is not None:
            s = s + bias
        if a["causal"]:
            s = s.masked_fill(torch.ones_like(s[0, 0], dtype=torch.bool).triu(1), float("-inf"))
        p = s.softmax(-1)
        if forward:
            parts.append((p @ vs, s.logsumexp(-1)))
            continue
        dout = x[5][at : at + step]
        dp = dout @ vs.mT
        ds = p * (dp - (p * dp).sum(-1, keepdim=True))
        parts.append((a["scale"] * (ds @ ks), a["scale"] * (ds.mT @ qs), p.mT @ dout))
        bias_grad = bias_grad + ds.sum(0)
    results = [torch.cat(p) for p in zip(*parts)]
    return results + ([bias_grad] if bias is not None and not forward else [])


def library(case, x):
    """PyTorch's own function for it, as a closure to time."""
    a = case["attrs"]
    if case["op"].startswith("conv"):
        if case["op"] == "conv":
            image = padded(to_torch(x[0]), a).contiguous(memory_format=torch.channels_last_3d)
            w = x[1].contiguous(memory_format=torch.channels_last_3d)
            return lambda: F.conv3d(image, w, stride=a["stride"])
        if case["op"] == "conv_input_grad":
            whole = [s + l + h for s, l, h in zip(a["size"], a["low"], a["high"])]
            image = torch.empty([x[0].shape[0], x[1].shape[1], *whole], device="cuda", dtype=x[0].dtype)
            w, dy, mask = x[1], to_torch(x[0]), [True, False, False]
        else:
            image = padded(to_torch(x[0]), a)
            w, dy, mask = torch.empty(case["results"][0]["shape"], device="cuda", dtype=x[0].dtype), to_torch(x[1]), [False, True, False]
        image, w = (t.contiguous(memory_format=torch.channels_last_3d) for t in (image, w))
        backward = torch.ops.aten.convolution_backward
        return lambda: backward(dy, image, w, None, a["stride"], [0, 0, 0], [1, 1, 1], False, [0, 0, 0], 1, mask)
    q, k, v = x[:3]
    mask = x[3 if case["op"] == "attend" else 6].to(q.dtype) if a["bias"] else None
    if mask is not None:
        mask = mask.masked_fill(torch.ones_like(mask[0], dtype=torch.bool).triu(1), float("-inf"))
    run = lambda: F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=a["scale"])
    if case["op"] == "attend":
        return run
    leaves = [t.detach().requires_grad_() for t in (q, k, v)]
    out, dout = F.scaled_dot_product_attention(*leaves, attn_mask=mask, scale=a["scale"]), x[5]
    return lambda: torch.autograd.grad(out, leaves, dout, retain_graph=True)


def microseconds(run):
    run()
    events = [torch.cuda.Event(enable_timing=True) for _ in range(REPEATS + 1)]
    events[0].record()
    for e in events[1:]:
        run()
        e.record()
    torch.cuda.synchronize()
    return 1000 * min(a.elapsed_time(b) for a, b in zip(events, events[1:]))


def operands(case):
    torch.manual_seed(0)
    make = lambda t: torch.randn(t["shape"], device="cuda").to(DTYPES[t["dtype"]])
    x = [make(t) for t in case["operands"]]
    if case["op"] == "attend_grad":
        forward = dict(case, op="attend")
        bias = [x[6].float()] if case["attrs"]["bias"] else []
        out, lse = attention(forward, [t.float() for t in x[:3]] + bias)
        x[3], x[4] = out.to(x[3].dtype), lse.to(x[4].dtype)
    return x


def check(driver, folder, case, compare):
    x = operands(case)
    results = [torch.full(t["shape"], float("nan"), device="cuda", dtype=DTYPES[t["dtype"]]) for t in case["results"]]
    memory = x + results + [torch.empty(case["scratch"] + 64, device="cuda", dtype=torch.uint8)]
    run = lambda: [driver.launch(folder, l, memory) for l in case["launches"]]
    run()
    torch.cuda.synchronize()
    first = [r.clone() for r in results]
    times = [microseconds(lambda: driver.launch(folder, l, memory)) for l in case["launches"]]
    run()
    torch.cuda.synchronize()
    same = all(torch.equal(a, b) for a, b in zip(first, results))
    errors = []
    if compare:
        torch.backends.cudnn.benchmark = False
        meant = (convolution if case["op"].startswith("conv") else attention)(case, [t.float() for t in x])
        errors = [((a.float() - b).abs().max() / b.abs().mean()).item() for a, b in zip(results, meant)]
        torch.backends.cudnn.benchmark = True
        del meant
    return x, errors, same, times


def main():
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    folder, words = sys.argv[1], [w for w in sys.argv[2:] if not w.startswith("-")]
    compare, with_torch = "--no-check" not in sys.argv, "--no-torch" not in sys.argv
    cases, driver = json.load(open(os.path.join(folder, "cases.json"))), Driver()
    driver.architecture = architecture(cases, torch.cuda.get_device_capability())
    print(torch.cuda.get_device_name(), "PyTorch", torch.__version__, "cuDNN", torch.backends.cudnn.version())
    print(f"{'case':36} {'us':>8} {'torch':>8}  launches, errors")
    for case in cases:
        if words and not any(w in case["name"] for w in words):
            continue
        x, errors, same, times = check(driver, folder, case, compare)
        theirs = float("nan")
        if with_torch:
            try:
                theirs = microseconds(library(case, x))
            except Exception as e:  # Unsupported shapes of a library are no reason to stop.
                print(type(e).__name__, str(e)[:100])
        parts, wrong = "+".join(f"{t:.0f}" for t in times), " ".join(f"{e:.1e}" for e in errors)
        print(f"{case['name']:36} {sum(times):8.1f} {theirs:8.1f}  {parts}  {wrong}{'' if same else '  DIFFERS BETWEEN RUNS'}", flush=True)
        del x
        torch.cuda.empty_cache()


main()
