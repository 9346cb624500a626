//! A large file as a large group would have it: definitions of its own, and many experiments that differ in sizes, choices, stages,
//! grids and claims. It has no mistakes, and its text depends on the number of lines only.

use std::fmt::Write;

/// At least `lines` lines, ending with a whole experiment.
pub fn file(lines: usize) -> String {
    let mut text = String::from(HEAD);
    let mut count = 0;
    // A tenth of the file are definitions.
    while text.lines().count() < lines / 10 {
        definitions(&mut text, count);
        count += 1;
    }
    let (mut n, mut length) = (0, text.lines().count());
    while length < lines {
        let before = text.len();
        experiment(&mut text, n);
        length += text[before..].lines().count();
        n += 1;
    }
    text
}

const HEAD: &str = "pfm 1

use std.well.euler_multi_quadrants
use std.tokenisers.magvit_simple
use std.processors.walrus
use std.metrics.{vrmse, neps}
";

/// A layer, an activation, a loss, a metric and a schedule.
fn definitions(text: &mut String, n: usize) {
    let groups = [2, 4, 8][n % 3];
    let _ = write!(
        text,
        "
## A residual layer, variant {n}.
block residual_{n}(x: [b t *s c], out: int, groups: int = {groups}) -> [b t *s out] {{
  require out > 0, \"{{out}} channels are none\"
  y    = x |> group_norm(groups) as norm1 |> activation_{n} |> causal_conv(out) as conv1
           |> group_norm(groups) as norm2 |> activation_{n} |> causal_conv(out) as conv2
  skip = if c == out {{ x }} else {{ x |> causal_conv(out, kernel: 1) as skip }}
  skip + y
}}

fn activation_{n}(x) = x * sigmoid({factor} * x)

loss smooth_{n}(truth: [..], pred: [..]) = mean(sqrt((truth - pred) ^ 2 + {factor}e-3))

metric error_{n}(truth: [b t *s c], pred: [b t *s c]) -> [b t c] {{
  mean(abs(truth - pred), over: [*s]) / (mean(abs(truth), over: [*s]) + 1e-7)
}}

schedule decay_{n}(rate: number = 0.{rate}) {{
  1 / (1 + rate * epoch + 1e-9 * step)
}}
",
        factor = 1 + n % 5,
        rate = 1 + n % 9,
    );
}

fn experiment(text: &mut String, n: usize) {
    let (width, heads) = [(32, 4), (64, 8), (96, 6), (128, 8)][n % 4];
    let (low, high) = [(8, 16), (16, 32), (16, 64), (24, 48)][n / 2 % 4];
    let grid = [32, 64][n % 2];
    let blocks = 1 + n % 4;
    let run = 1_000 + 100 * (n % 7);
    let _ = write!(
        text,
        "
## Study {n}: a tokeniser with its own sizes, trained alone and then under a processor.
experiment study_{n} {{
  seed = {n}

  data euler = euler_multi_quadrants {{
    window    = 10 frames
    context   = 9 frames
    normalise = rms(per: [sample, field], floor: 1e-7)
    source    = generate(grid: ({grid}, {grid}), trajectories: {trajectories})
  }}

  tokeniser tok = magvit_simple {{
    level 1 {{ channels = {low},  time = 1,             space = 2 }}
    level 2 {{ channels = {high}, time = {{1, 2}} eval 2, space = {{2, 4}} eval 2 }}
    bottleneck = {bottleneck}
    fields     = vocabulary(well_61)
  }}

  processor core = walrus {{
    width     = {width}
    heads     = {heads}
    blocks    = {blocks}
    drop_path = 0 .. 0.05
  }}

  model net {{ tokeniser = tok, processor = core, link = linear }}

  mask mostly_frozen {{
    freeze tok.** except tok.encoder.head, tok.decoder.head
  }}

  mask only_core {{
    train core.**, link.**
  }}

  stage pretrain {{
    train     = tok
    data      = euler
    objective = reconstruct(loss: mse)
    optimiser = soap(lr: 5e-4, betas: (0.95, 0.95), weight_decay: 0.01)
    clip      = 0.5
    batch     = 4 samples
    run       = {run} steps
  }}

  stage rollout {{
    train     = net
    weights   = pretrain.tok
    mask      = mostly_frozen
    data      = euler
    objective = next_frame(loss: mae)
    optimiser = adamw(lr: 5e-5, betas: (0.9, 0.999), weight_decay: 1e-4)
    schedule  = inverse_sqrt(warmup: 2 epochs, cooldown: 2 epochs, over: 20 epochs, start: 0.1)
    clip      = 5.0
    batch     = 4 samples
    epoch     = 50 batches
    run       = {run} steps
  }}

  stage tune {{
    train     = net
    weights   = rollout
    mask      = only_core
    data      = euler
    objective = next_frame(loss: mse)
    optimiser = adamw(lr: 1e-5)
    batch     = 2 samples
    run       = 500 steps
  }}

  grid table over rollout {{
    weights = [scratch: random, in_domain: pretrain.tok]
    mask    = [trainable: none, frozen: mostly_frozen]
    skip [weights: scratch, mask: frozen]
  }}

  report table {{
    at      = [500 steps, {run} steps]
    every   = 250 steps
    metrics = [vrmse, neps(bands: 3)]
    sample  = subsets(count: 4, size: 64)
    unroll  = vrmse(horizons: [1, 2, 3 .. 6], sample: 16)
  }}

  profile quick {{
    *.batch      = 2 samples
    pretrain.run = 500 steps,  rollout.run = 500 steps
    table.at     = [500 steps]
    rollout.optimiser.lr = 1e-4
  }}

  expect variants(tok) == 4
  expect vrmse[weights: in_domain, mask: trainable] < vrmse[weights: scratch, mask: trainable]
}}
",
        trajectories = 20 + n,
        bottleneck = 12 + 2 * (n % 5),
    );
}
