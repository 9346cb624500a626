"""The model of experiments/bench in PyTorch, written from its equations, at the compression for evaluation.

Parameters have pfmc's names and shapes, so that a file of weights fits both. Tokeniser tensors are [b c t h w], those of the processor
[b t h w c]; t is always causal. Nothing is computed in a step that could be computed once.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

CHANNELS = (16, 32, 64)
# (time, space) per level: the largest factors, which kernels are made for, and those of evaluation.
BASE = ((1, 2), (2, 4), (2, 4))
CHOICE = ((1, 2), (2, 2), (2, 2))
LATENT, GROUPS, FIELDS = 18, 8, 5
CONTEXT = 9
# Grid, and the processor's width, heads and blocks.
SIZES = {"S": (128, 256, 8, 4), "M": (256, 512, 8, 6), "L": (512, 1088, 16, 6)}


class Conv(nn.Module):
    """Convolution with zeros in front of time, and around space unless it strides."""

    def __init__(self, inputs, outputs, kernel=(3, 3, 3), stride=(1, 1, 1), bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, *kernel))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.stride = stride

    def convolve(self, x, weight, bias):
        time, space = weight.shape[2], weight.shape[3]
        around = (space - 1) // 2 if self.stride == (1, 1, 1) else 0
        if time > 1:
            x = F.pad(x, (0, 0, 0, 0, time - 1, 0))
        return F.conv3d(x, weight, bias, self.stride, (0, around, around))

    def forward(self, x):
        return self.convolve(x, self.weight, self.bias)


class GroupNorm(nn.Module):
    """Group normalisation of each frame on its own."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(channels)), nn.Parameter(torch.empty(channels))

    def forward(self, x):
        b, c, t, h, w = x.shape
        frames = x.transpose(1, 2).reshape(b * t, c, h, w)
        y = F.group_norm(frames, GROUPS, self.weight, self.bias, 1e-6)
        return y.view(b, t, c, h, w).transpose(1, 2)


def resize_matrix(inputs, outputs):
    """Pseudo-inverse of the transposed matrix of linear interpolation between half-pixel centres."""
    m = torch.zeros(outputs, inputs, dtype=torch.float64)
    for o in range(outputs):
        place = min(max((o + 0.5) * inputs / outputs - 0.5, 0.0), inputs - 1.0)
        low = int(place)
        m[o, low] += 1 - (place - low)
        m[o, min(low + 1, inputs - 1)] += place - low
    return torch.linalg.pinv(m.T).float()


class Down(Conv):
    """Strided convolution, with the kernel of the largest factors resized to the chosen ones."""

    def __init__(self, channels, base, choice):
        kernel = lambda time, space: (1 + time if time > 1 else 1, space, space)
        super().__init__(channels, channels, kernel(*base), (choice[0], choice[1], choice[1]))
        for axis, (n, m) in enumerate(zip(kernel(*base), kernel(*choice))):
            self.register_buffer(f"resize{axis}", None if n == m else resize_matrix(n, m), persistent=False)

    def forward(self, x):
        weight = self.weight
        for axis in range(3):
            matrix = getattr(self, f"resize{axis}")
            if matrix is not None:
                weight = torch.movedim(torch.movedim(weight, axis + 2, -1) @ matrix.T, -1, axis + 2)
        return self.convolve(x, weight, self.bias)


class Up(Conv):
    """Convolution to every position of a cell, then positions become frames and pixels; the frames before the first are dropped."""

    def __init__(self, channels, base, choice):
        super().__init__(channels, channels * base[0] * base[1] ** 2)
        self.channels, self.base, self.choice = channels, base, choice

    def forward(self, x):
        (bt, bs), (t, s), c = self.base, self.choice, self.channels
        chosen = lambda p: p.view(c, bt, bs, bs, *p.shape[1:])[:, :: bt // t, :: bs // s, :: bs // s].reshape(c * t * s * s, *p.shape[1:])
        y = self.convolve(x, chosen(self.weight), chosen(self.bias))
        b, _, frames, h, w = y.shape
        y = y.view(b, c, t, s, s, frames, h, w).permute(0, 1, 5, 2, 6, 3, 7, 4)
        return y.reshape(b, c, frames * t, h * s, w * s)[:, :, t - 1 :]


class Res(nn.Module):
    """Two causal convolutions around a skip."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm1, self.conv1 = GroupNorm(inputs), Conv(inputs, outputs, bias=False)
        self.norm2, self.conv2 = GroupNorm(outputs), Conv(outputs, outputs, bias=False)
        self.skip = None if inputs == outputs else Conv(inputs, outputs, (1, 1, 1), bias=False)

    def forward(self, x):
        y = self.conv1(F.silu(self.norm1(x)))
        y = self.conv2(F.silu(self.norm2(y)))
        return (x if self.skip is None else self.skip(x)) + y


class Half(nn.Module):
    """What the encoder and the decoder have in common: levels of a residual block and a change of scale."""

    def __init__(self, encodes):
        super().__init__()
        self.encodes = encodes
        self.levels = nn.ModuleList()
        for d, channels in enumerate(CHANNELS):
            narrow = CHANNELS[max(d - 1, 0)]
            level = nn.Module()
            level.res = nn.ModuleList([Res(narrow, channels) if encodes else Res(channels, narrow)])
            scale = Down if encodes else Up
            level.add_module("down" if encodes else "up", scale(channels, BASE[d], CHOICE[d]))
            self.levels.append(level)
        first, last = CHANNELS[0], CHANNELS[-1]
        self.norm_out = GroupNorm(last if encodes else first)
        self.head = Conv(FIELDS, first) if encodes else Conv(first, FIELDS)
        self.bottleneck = Conv(last, LATENT, (1, 1, 1)) if encodes else Conv(LATENT, last)

    def forward(self, x):
        x = self.head(x) if self.encodes else self.bottleneck(x)
        for level in self.levels if self.encodes else reversed(self.levels):
            x = level.down(level.res[0](x)) if self.encodes else level.res[0](level.up(x))
        x = F.silu(self.norm_out(x))
        return self.bottleneck(x) if self.encodes else self.head(x)


class RmsNorm(nn.Module):
    """Each channel over its root mean square over a frame."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))

    def forward(self, x):
        mean = x.square().mean((2, 3), keepdim=True)
        return x * torch.rsqrt(mean + 1.1920929e-7) * self.weight


def rotary(size, width):
    """Cosines and sines [h w, entries] of the first entries of a head: those of the rows, then those of the columns, in pairs."""
    n = width // 4 // 2
    omega = torch.linspace(1, 128, n, dtype=torch.float64) * math.pi
    angles = (torch.linspace(-1, 1, size, dtype=torch.float64)[:, None] * omega).repeat_interleave(2, 1)
    both = torch.cat([angles[:, None].expand(size, size, -1), angles[None].expand(size, size, -1)], -1).reshape(size * size, -1)
    return both.cos().float(), both.sin().float()


class Space(nn.Module):
    """Attention within a frame beside a gated feed-forward, both fed by one norm and one projection."""

    def __init__(self, width, heads, size):
        super().__init__()
        self.heads, self.width, self.half = heads, width // heads, 2 * width
        self.norm = RmsNorm(width)
        self.ff_qkv = nn.Linear(width, 2 * self.half + 3 * width)
        self.q_norm, self.k_norm = nn.LayerNorm(self.width), nn.LayerNorm(self.width)
        self.attn_out, self.ff_out = nn.Linear(width, width, bias=False), nn.Linear(self.half, width)
        cos, sin = rotary(size, self.width)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def rotate(self, x):
        turned, rest = x.split((self.cos.shape[-1], x.shape[-1] - self.cos.shape[-1]), -1)
        pairs = turned.unflatten(-1, (-1, 2))
        other = torch.stack((-pairs[..., 1], pairs[..., 0]), -1).flatten(-2)
        return torch.cat((turned * self.cos + other * self.sin, rest), -1)

    def forward(self, x):
        b, t, h, w, c = x.shape
        parts = self.ff_qkv(self.norm(x)).view(b * t, h * w, -1).split((self.half, self.half, c, c, c), -1)
        value, gate, *qkv = parts
        q, k, v = (p.unflatten(-1, (self.heads, self.width)).transpose(1, 2) for p in qkv)
        a = F.scaled_dot_product_attention(self.rotate(self.q_norm(q)), self.rotate(self.k_norm(k)), v)
        a = a.transpose(1, 2).reshape(b * t, h * w, c)
        return x + (self.attn_out(a) + self.ff_out(F.silu(gate) * value)).view(x.shape)


class Time(nn.Module):
    """Attention over the frames up to one's own, at every place, with a learned bias by lag."""

    def __init__(self, width, heads, frames, buckets=32):
        super().__init__()
        self.heads, self.width = heads, width // heads
        self.norm, self.qkv, self.out = RmsNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.q_norm, self.k_norm = nn.LayerNorm(self.width), nn.LayerNorm(self.width)
        self.rel_bias = nn.Embedding(buckets, heads)
        lag = torch.arange(frames)[:, None] - torch.arange(frames)
        self.register_buffer("lag", lag.clamp(0, buckets - 1), persistent=False)
        self.register_buffer("later", lag < 0, persistent=False)

    def forward(self, x):
        b, t, h, w, c = x.shape
        y = self.qkv(self.norm(x)).view(b, t, h * w, self.heads, 3, self.width)
        q, k, v = (p.permute(0, 2, 3, 1, 4).flatten(0, 1) for p in y.unbind(4))
        bias = self.rel_bias(self.lag).permute(2, 0, 1).masked_fill(self.later, float("-inf"))
        a = F.scaled_dot_product_attention(self.q_norm(q), self.k_norm(k), v, attn_mask=bias)
        a = a.unflatten(0, (b, h * w)).permute(0, 3, 1, 2, 4).reshape(x.shape)
        return x + self.out(a)


class Model(nn.Module):
    """The tokeniser alone, or with the processor between its halves. `forward` gives the loss of a window [b t h w c]."""

    def __init__(self, size, rollout):
        super().__init__()
        grid, width, heads, blocks = SIZES[size]
        self.tok = nn.Module()
        self.tok.encoder, self.tok.decoder = Half(True), Half(False)
        self.rollout = rollout
        if rollout:
            cells = grid // math.prod(s for _, s in CHOICE)
            frames = 1 + (CONTEXT - 1) // math.prod(t for t, _ in CHOICE)
            self.link = nn.ModuleDict({"in": nn.Linear(LATENT, width), "out": nn.Linear(width, LATENT)})
            self.core = nn.Module()
            self.core.blocks = nn.ModuleList()
            for _ in range(blocks):
                block = nn.Module()
                block.spatial, block.temporal = Space(width, heads, cells), Time(width, heads, frames)
                self.core.blocks.append(block)

    def forward(self, window):
        context = window[:, :CONTEXT]
        scale = context.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-7)
        x = (context / scale).permute(0, 4, 1, 2, 3)
        z = self.tok.encoder(x)
        if not self.rollout:
            return F.mse_loss(self.tok.decoder(z), x)
        y = self.link["in"](z.permute(0, 2, 3, 4, 1))
        for block in self.core.blocks:
            y = block.temporal(block.spatial(y))
        z = self.link["out"](y).permute(0, 4, 1, 2, 3)
        predicted = self.tok.decoder(z)[:, :, -1].permute(0, 2, 3, 1)
        return (predicted - window[:, CONTEXT] / scale[:, 0]).abs().mean()
