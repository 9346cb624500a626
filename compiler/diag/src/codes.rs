//! The table of diagnostic codes. `pfmc explain CODE` prints a row.

mod claims;
mod runs;
mod warnings;

use crate::CodeInfo;

const TABLES: [&[CodeInfo]; 4] = [ERRORS, claims::ROWS, runs::ROWS, warnings::ROWS];

/// Sorted by code. First letter E: error, W: warning, R: at run time, F: a claim of the file that failed.
/// Second and third digit: 00 syntax, 01 names, 02 units and values, 03 masks, 04 shapes, 05 data, 06 stages and weights, 07 grids, 08 device, 09 claims, 10 definitions.
pub const CODES: &[CodeInfo] = &joined::<{ rows() }>();

const fn rows() -> usize {
    let (mut rows, mut table) = (0, 0);
    while table < TABLES.len() {
        rows += TABLES[table].len();
        table += 1;
    }
    rows
}

/// The rows of all tables, in order.
const fn joined<const N: usize>() -> [CodeInfo; N] {
    let mut rows = [TABLES[0][0]; N];
    let (mut at, mut table, mut row) = (0, 0, 0);
    while at < N {
        if row < TABLES[table].len() {
            rows[at] = TABLES[table][row];
            at += 1;
            row += 1;
        } else {
            table += 1;
            row = 0;
        }
    }
    rows
}

const ERRORS: &[CodeInfo] = &[
    CodeInfo {
        code: "E0001",
        title: "the file does not begin with `pfm 1`",
        explanation: "The first line names the edition of the language, so that a file keeps its meaning when the language grows. Write `pfm 1` as the first line; `pfmc check --fix` does it.",
    },
    CodeInfo {
        code: "E0002",
        title: "`:` is written where `=` belongs",
        explanation: "A setting is `name = value`, in every block. A colon names an argument inside a call or a list: `adamw(lr: 5e-5)`, `[scratch: random]`. `batch: 16 samples` becomes `batch = 16 samples`.",
    },
    CodeInfo {
        code: "E0003",
        title: "a truth value is written in another language's words",
        explanation: "The truth values are `true` and `false`, in small letters. `True`, `yes` and `no` are read as what they mean and reported, because a file has one way to say a thing.",
    },
    CodeInfo {
        code: "E0004",
        title: "a statement cannot be read",
        explanation: "Reading got as far as the labelled place. Often two statements stand on one line without a comma between them, or a value has a character too many. Other statements of the file were read, so what is reported beside this is real.",
    },
    CodeInfo {
        code: "E0005",
        title: "`=` is written where `:` belongs",
        explanation: "Inside a call, a list or an index a name is followed by `:`, as in `soap(lr: 5e-4)` and `vrmse[mask: frozen]`. `=` belongs to settings, one per statement.",
    },
    CodeInfo {
        code: "E0006",
        title: "a bracket is never closed",
        explanation: "Each `{`, `[` and `(` needs its partner. The labels show the bracket and the line where it was noticed: a statement that can only begin outside, or one that stands too far left. If the file's indentation is right, so is the place.",
    },
    CodeInfo {
        code: "E0007",
        title: "a closing bracket closes nothing",
        explanation: "No bracket of its kind is open here. Either it is one too many, or the block around it was closed earlier by mistake. It is left out when the rest of the file is read.",
    },
    CodeInfo {
        code: "E0008",
        title: "a character is not used in the language",
        explanation: "The language uses letters, digits, `_`, double quotes and the marks of arithmetic and brackets. A line end or a comma ends a statement, so there is no `;`; text stands in double quotes.",
    },
    CodeInfo {
        code: "E0009",
        title: "a text does not end on its line",
        explanation: "A text begins and ends with a double quote on one line: `expect vrmse < 0.2 on \"paper\"`. Without the second quote the rest of the line would be part of the text. Add the quote where the text ends.",
    },
    CodeInfo {
        code: "E0010",
        title: "brackets or operators are nested too deeply",
        explanation: "Brackets may stand 48 deep and an expression may have 512 parts, so that reading a file never runs out of stack. Give an inner part a name of its own and use the name.",
    },
    CodeInfo {
        code: "E0011",
        title: "the edition is not known",
        explanation: "This compiler reads edition 1. A file of a later edition needs a later compiler; nothing is guessed about it.",
    },
    CodeInfo {
        code: "E0012",
        title: "a block stands in the wrong place",
        explanation: "Experiments and definitions (`block`, `fn`, `loss`, `metric`, `schedule`, `vocabulary`) stand at file level; stages, models, masks, grids, reports and profiles stand inside an experiment.",
    },
    CodeInfo {
        code: "E0013",
        title: "a word opens neither a block nor a definition",
        explanation: "At file level stand `use`, `experiment` and the definitions: `block`, `fn`, `loss`, `metric`, `schedule`, `optimiser`, `tokeniser`, `processor`, `data`, `vocabulary`.",
    },
    CodeInfo {
        code: "E0014",
        title: "a value stands alone before the last line",
        explanation: "The value of code in braces is its last line. A value on an earlier line would be computed and dropped, which is never meant: give it a name or remove it.",
    },
    CodeInfo {
        code: "E0015",
        title: "`as` names something that is not a call",
        explanation: "`as NAME` names the parameters that a call owns, and masks and checkpoints find them under that name: `x |> linear(c) as out`. A plain value has no parameters; it gets a name with `name = value`.",
    },
    CodeInfo {
        code: "E0016",
        title: "a number is too large",
        explanation: "Numbers are read as 64-bit floating point, whose largest is about 1.8e308. Often an exponent has a digit too many: `1e-10` was meant and `1e10000` written. Write a number within that range.",
    },
    CodeInfo {
        code: "E0017",
        title: "a value is missing",
        explanation: "After `=`, an operator or an opening bracket a value must follow on the same line. Write the value, or remove the setting: what a file does not set has a default, which `pfmc explain FILE --resolved` shows.",
    },
    CodeInfo {
        code: "E0018",
        title: "an `if` has no `else`",
        explanation: "`if` is a value, so both branches must give one: `y = if c == out { x } else { x |> linear(out) as skip }`. Where nothing should change, let `else` give back the value as it was: `else { x }`.",
    },
    CodeInfo {
        code: "E0019",
        title: "two statements stand on one line without a comma",
        explanation: "A line end or a comma ends a statement. Write `a = 1, b = 2`, or one statement per line.",
    },
    CodeInfo {
        code: "E0020",
        title: "axes are separated by commas",
        explanation: "A tensor's axes are separated by spaces: `[b t *s c]`. Commas separate the entries of a list.",
    },
    CodeInfo {
        code: "E0101",
        title: "a setting is not known",
        explanation: "Every setting of a block is known to the language or to the definition that the block amends; a setting that nothing reads would be silently without effect, so it is an error. Spellings of other dialects and frameworks are recognised and suggested: `optimizer = adamw(lr: 1e-4)` becomes `optimiser = adamw(lr: 1e-4)`; `pfmc check --fix` does it.",
    },
    CodeInfo {
        code: "E0102",
        title: "an argument is not known",
        explanation: "A call names arguments of its definition, and all of them are listed in the note with their defaults. `adamw(lr: 5e-5, weight_decy: 1e-4)` becomes `adamw(lr: 5e-5, weight_decay: 1e-4)`.",
    },
    CodeInfo {
        code: "E0103",
        title: "a name or setting is given twice",
        explanation: "Order never matters in an experiment, so there is no last one that wins. Two blocks of one name, two values for one setting or two weights for one part are an error that shows both places. Remove or rename one: `stage a { … }`, `stage b { … }`.",
    },
    CodeInfo {
        code: "E0104",
        title: "a name is not known",
        explanation: "The name stands where a block of this experiment or a definition is expected, and there is none of that name. Names nearby are suggested. `data = eular` becomes `data = euler` when the experiment has `data euler = …`.",
    },
    CodeInfo {
        code: "E0105",
        title: "a file in a `use` was not found",
        explanation: "`use \"other.pfm\"` reads definitions from a file beside this one. The path is relative to the file that holds the `use`, such as `use \"../parts/blocks.pfm\"`.",
    },
    CodeInfo {
        code: "E0106",
        title: "the path of a setting matches nothing",
        explanation: "Profiles and `--set` name settings by path: the block's name, the setting, then arguments inside it, as in `rollout.optimiser.lr = 1e-4`. A first part with `*` takes every block that knows the setting: `*.batch = 4 samples`. A path that names nothing would change nothing, so it is an error.",
    },
    CodeInfo {
        code: "E0107",
        title: "something that is needed is not written",
        explanation: "There is no default that could be right for everyone. A stage says what it trains, on which data, with which objective and optimiser, in which batches and how long: `run = 1_000 steps`. Amend another block to share settings: `stage b = a { run = 10 steps }`.",
    },
    CodeInfo {
        code: "E0108",
        title: "a definition is not in scope",
        explanation: "Optimisers, schedules, losses and blocks of the standard library are always in scope. Data, tokenisers, processors and metrics are brought in by name, so that a file shows what it stands on: `use std.metrics.vrmse`. `pfmc check --fix` adds the line.",
    },
    CodeInfo {
        code: "E0111",
        title: "a block amends itself",
        explanation: "`tokeniser b = a { … }` copies `a`. If `a` amends `b`, directly or through others, neither has a beginning. Let one of them amend a definition: `tokeniser a = magvit_simple { … }`.",
    },
    CodeInfo {
        code: "E0112",
        title: "a block or statement does not belong here",
        explanation: "Blocks of an experiment are data, tokeniser, processor, model, mask, stage, grid, report and profile. `freeze` and `train` stand in a mask, `skip` in a grid, `expect` in the experiment, `level 1 { … }` in a tokeniser that has levels.",
    },
    CodeInfo {
        code: "E0113",
        title: "no experiment or profile has this name",
        explanation: "The command line or an `on \"…\"` names an experiment or profile that the file does not have. The file as written always counts as the profile `paper`; others are declared: `profile study { rollout.run = 200 steps }`.",
    },
    CodeInfo {
        code: "E0201",
        title: "a number needs a unit",
        explanation: "Steps, epochs, samples and frames are different things, and a bare number leaves open which is meant. Write `run = 29_400 steps` or `run = 14 epochs`, `batch = 16 samples`, `window = 10 frames`.",
    },
    CodeInfo {
        code: "E0202",
        title: "a quantity has the wrong dimension",
        explanation: "The unit does not fit the setting. `clip` bounds the norm of the gradient, a plain number: `clip = 0.5`, not `clip = 20 GiB`. `batch` counts samples, `epoch` batches, `run` steps or epochs.",
    },
    CodeInfo {
        code: "E0203",
        title: "a schedule that moves once per epoch is given part of one",
        explanation: "The arguments of such a schedule count epochs. Steps are accepted where they make whole epochs of the stage: with `epoch = 2_100 batches`, `warmup: 21_000 steps` is `warmup: 10 epochs`, and `warmup: 2 steps` is an error.",
    },
    CodeInfo {
        code: "E0204",
        title: "a value has the wrong form",
        explanation: "The setting wants another kind of value: a name, a list, a call, a number with a unit. `train = net` takes the name of a model, an axis of a grid a list with labels: `weights = [scratch: random, in_domain: pretrain.tok]`.",
    },
    CodeInfo {
        code: "E0205",
        title: "a unit is not known",
        explanation: "Units are steps, batches, epochs, samples, frames, params, tokens, %, B to TiB, and s, min, h, d. `run = 100 stpes` becomes `run = 100 steps`.",
    },
    CodeInfo {
        code: "E0206",
        title: "a phase of a schedule has length zero",
        explanation: "The formulas divide by the lengths of warm-up and cooldown. For no warm-up, use a schedule without one, or write at least one epoch: `warmup: 1 epochs`.",
    },
    CodeInfo {
        code: "E0207",
        title: "a number is out of range",
        explanation: "Counts are whole and at least one, rates and limits greater than zero; levels are numbered 1, 2, 3, …. `batch = 0 samples` and `clip = -1` can't be meant.",
    },
    CodeInfo {
        code: "E0208",
        title: "two numbers contradict each other",
        explanation: "A batch must divide among its devices and into its micro-batches (`batch = 16 samples` with `parallel = ddp(devices: 8)`), a context fit into its window, a window into a trajectory; `next_frame` predicts one frame, so its window is the context and one more: `window = 10 frames, context = 9 frames`. The labels show both numbers.",
    },
    CodeInfo {
        code: "E0301",
        title: "a glob of a mask matches no parameter",
        explanation: "A mask that freezes nothing is a slip that costs a whole run. Globs are matched against the printed parameter tree (`pfmc explain FILE --params`), where paths begin with the names of the blocks: with `tokeniser tok = …` write `freeze tok.**`, not `freeze tokeniser.**`.",
    },
    CodeInfo {
        code: "E0302",
        title: "an exception matches nothing inside its term",
        explanation: "`freeze A except B` freezes A without B. If B names nothing inside A it takes nothing away. `freeze tok.** except tok.head` becomes `freeze tok.** except tok.encoder.head, tok.decoder.head`.",
    },
    CodeInfo {
        code: "E0303",
        title: "a stage has nothing to train",
        explanation: "The mask freezes every parameter of the model, so no step would change anything. Widen an `except`, or write `mask = none`.",
    },
    CodeInfo {
        code: "E0401",
        title: "the width does not divide among the heads",
        explanation: "Each attention head takes an equal part of the channels: `width = 1088` works with 8, 16, 17 or 32 heads, not with 12. Change `heads`, or `width` to the next multiple.",
    },
    CodeInfo {
        code: "E0402",
        title: "sizes along an axis do not agree",
        explanation: "Axes of one name have one size wherever they meet, and the parts of an axis fill it. `x + y` with 16 channels in one and 32 in the other cannot run, nor can `split(x, [8, 4], along: c)` with 16 channels. Mend the layer that made the axis, or rename one of two axes that are not the same: `param [h h as h']`.",
    },
    CodeInfo {
        code: "E0403",
        title: "the channels do not fall into equal groups",
        explanation: "Group normalisation takes as many channels in each group. `group_norm(groups: 8)` works on 16 or 64 channels, not on 20; with fewer channels than groups each channel is a group. Change `channels` of the level, or `groups` of the tokeniser.",
    },
    CodeInfo {
        code: "E0405",
        title: "the grid is too small for the compression",
        explanation: "Every level divides the spatial axes by its factor, and the factors multiply: 2 · 4 · 4 needs sizes that are multiples of 32. Use smaller factors, fewer levels, or a grid that divides: `grid: (64, 64)`.",
    },
    CodeInfo {
        code: "E0406",
        title: "the number of frames does not fit the compression",
        explanation: "A causal tokeniser keeps the first frame and divides the rest, so the context is 1 plus a multiple of the product of the largest time factors: with `{1, 2}` twice 1 + 4 n, such as 5 or 9. Write `context = 9 frames`.",
    },
    CodeInfo {
        code: "E0407",
        title: "the option for evaluation is not one of the options",
        explanation: "`{2, 4} eval 2` samples 2 or 4 in training and takes 2 in evaluation, which must be one of the options. `{2, 4} eval 3` has no program to evaluate with.",
    },
    CodeInfo {
        code: "E0408",
        title: "a parameter has another shape with another choice",
        explanation: "Whatever is chosen at run time, the weights are the same. A definition declares a weight at the size for the largest option and uses part of it: `largest(level.space)` instead of `level.space` in the axes of `param`.",
    },
    CodeInfo {
        code: "E0409",
        title: "choices make too many variants",
        explanation: "Every combination of options is a program of its own, and each is checked: three levels with `{1, 2, 4}` in time and space make 729. At most 1,024 are taken. Give fewer options, or a single value to some levels: `time = 2`.",
    },
    CodeInfo {
        code: "E0412",
        title: "channel counts differ between tokeniser and processor",
        explanation: "The tokeniser's latent frames have as many channels as its bottleneck, the processor works at its width. `link = linear` puts a linear map before and after the processor; `link = none` needs equal counts.",
    },
    CodeInfo {
        code: "E0413",
        title: "a processor can't take these tokens",
        explanation: "Attention along rows and columns needs tokens on a grid. Patches of two sizes in one sequence, `scheme = mixed`, lie on none. Take a processor that attends over all places, `svit` or `vit_all2all`, or keep the sizes apart: `scheme = separate`.",
    },
    CodeInfo {
        code: "E0502",
        title: "a data definition lacks a fact",
        explanation: "A data definition states its data sets, fields, grid and frames; what is checked before data is read rests on them. Add the setting to the definition: `grid = (512, 512)`. A list of data sets or fields names at least one: `fields = [density, pressure]`.",
    },
    CodeInfo {
        code: "E0503",
        title: "the vocabulary lacks a field of the data",
        explanation: "The tokeniser's adaptive heads have one row for each name in `fields`, and the data has a field without one. Use a vocabulary that holds it, or write the list: `fields = vocabulary([density, pressure])`. A stage that goes on from earlier weights names what is new to it: `new_fields = [temperature]` adds rows and keeps those of the other fields.",
    },
    CodeInfo {
        code: "E0505",
        title: "a normalisation is not known",
        explanation: "Fields are divided by their root mean square over the context frames of each sample: `normalise = rms(per: [sample, field], floor: 1e-7)`. Statistics never see the frame to be predicted.",
    },
    CodeInfo {
        code: "E0510",
        title: "data cannot be opened",
        explanation: "Data with `source = directory` are HDF5 files in The Well's layout, or files of PDEBench or miniWeather as they are, in the folder of the data set under `--data`: `data/euler_multi_quadrants_openBC/data/train/*.hdf5`. The headers of all files are read before anything is trained. The message names the first file that fails, why, and how many of all fail: a copy that broke off, a placeholder of Git LFS, a field or a grid that is not the one stated. Fetch such a file again, or remove a damaged one that was made here and run `pfmc data generate FILE`. `pfmc data inspect DIR` reads the headers alone, `pfmc data verify DIR` every value.",
    },
    CodeInfo {
        code: "E0601",
        title: "a stage does not produce a part",
        explanation: "`weights = pretrain.tok` takes the part `tok` that the stage `pretrain` trains. A stage that trains a tokeniser hands on that tokeniser; one that trains a model hands on its tokeniser, its processor and its link.",
    },
    CodeInfo {
        code: "E0602",
        title: "stages take weights from each other in a circle",
        explanation: "A stage runs after those that it takes weights from, so none of these could be first. Start one from `weights = random`.",
    },
    CodeInfo {
        code: "E0603",
        title: "tensors of a part differ in shape",
        explanation: "Two models give different settings to a part of one name, so the weights of one do not fit the other. Labels and the message give the first tensor that differs. Use the same settings, or leave the part out of `weights`. Where an earlier stage added fields, a stage that takes its weights names them in `new_fields` too.",
    },
    CodeInfo {
        code: "E0604",
        title: "a model has no place for a part",
        explanation: "`weights` names a part that the trained model does not have. Take the parts that both have: `weights = pretrain.tok`.",
    },
    CodeInfo {
        code: "E0605",
        title: "the objective does not fit what is trained",
        explanation: "`reconstruct` trains a tokeniser to give back what it was given; `next_frame` trains a model of tokeniser and processor to predict the frame after the context.",
    },
    CodeInfo {
        code: "E0701",
        title: "a grid's axis names no setting",
        explanation: "An axis replaces one setting of the stage that the grid is over, such as `weights`, `mask` or `optimiser.lr`. `wieghts = [a: random]` becomes `weights = [a: random]`.",
    },
    CodeInfo {
        code: "E0702",
        title: "a label or axis is not known",
        explanation: "`skip` and claims name cells by axis and label, as the grid declares them: with `mask = [trainable: none, frozen: mostly_frozen]` write `skip [mask: frozen]` and `vrmse[mask: trainable]`. Every value of an axis has a label.",
    },
    CodeInfo {
        code: "E0703",
        title: "a grid has too many cells",
        explanation: "Every combination of labels is a cell, and the counts multiply: five axes of ten values make 100,000. At most 4,096 are taken, before `skip` removes any. Drop an axis, give it fewer values, or write two grids.",
    },
    CodeInfo {
        code: "E0801",
        title: "the back end has no kernel for an operation",
        explanation: "Operations of class Kernel need a kernel in every back end; there is no slow path that nobody sees. Use another operation, or add the kernel to pfm-kernels and its call to pfm-cpu.",
    },
    CodeInfo {
        code: "E0802",
        title: "the processor cannot run generated code",
        explanation: "Generated loops need a processor that Cranelift knows, and on x86-64 one with SSE4.1. Run on another machine or another device.",
    },
    CodeInfo {
        code: "E0803",
        title: "not a precision",
        explanation: "`precision` of a stage is `f32`, `bf16` or `f32_split`. With `bf16`, products of activations take operands rounded to bfloat16 and what is kept of activations is bfloat16; with `f32_split` everything is f32 and each product is made of three bfloat16 ones where the processor has matrix tiles. Sums, statistics, parameters, their gradients and the optimiser are f32 in each.",
    },
    CodeInfo {
        code: "E0804",
        title: "adaptive tokens can't be run yet",
        explanation: "`refine` splits the patches of largest variance, so the number of tokens depends on the data, and no back end has programs of changing length yet. The file can be checked and planned: shapes, cost and memory are those with every patch split. `refine = 0` splits every patch and runs.",
    },
    CodeInfo {
        code: "E0805",
        title: "a stage needs more memory than there is",
        explanation: "Memory is planned before the first step: the weights, their gradients, what the optimiser keeps, and the largest arena that a program works in. `accumulate = 4` cuts each step into four parts of a quarter of the batch, and the activations with it; the result is that of the whole batch. `pfmc plan --memory 80` plans for another machine.",
    },
    CodeInfo {
        code: "E0806",
        title: "the back end has one device",
        explanation: "`parallel = ddp(devices: 8)` can be checked and planned: the batch must divide among the devices, and memory is that of one of them. No back end runs on more than one device yet, and none pretends to. Write `parallel = ddp`, which runs on the device that is there.",
    },
    CodeInfo {
        code: "E0901",
        title: "no report computes a metric",
        explanation: "A claim on a metric needs a report that computes it at the end of the run. Add it: `metrics = [vrmse, neps(bands: 3)]`.",
    },
    CodeInfo {
        code: "E1001",
        title: "a definition is given twice",
        explanation: "Two definitions of one kind have one name, so a call could mean either: two times `fn swish(x) = …` in a file, or in two files that it uses. Rename or remove one. The labels show both.",
    },
    CodeInfo {
        code: "E1002",
        title: "a module has no definition of this name",
        explanation: "`use std.metrics.vrsme` names something that the file of that module does not define. `use std.metrics.{vrmse, neps}` takes several names of one module. A near name is suggested where there is one.",
    },
    CodeInfo {
        code: "E1003",
        title: "a name is not bound in this code",
        explanation: "Code sees its arguments, the sizes of the axes in its signature, the names bound on the lines above, and the settings of the tokeniser, processor or optimiser that it is a member of. `block f(x: [b c]) -> [b c] { x * d }` has no `d`: bind it with `d = …`, or make it an argument.",
    },
    CodeInfo {
        code: "E1004",
        title: "no definition has this name",
        explanation: "A call, setting or `vocabulary(…)` names a definition that is neither in the standard library nor in this file or those that it uses. `x |> layernorm` becomes `x |> layer_norm`. Definitions of a file beside this one come in by `use \"blocks.pfm\"`.",
    },
    CodeInfo {
        code: "E1005",
        title: "the arguments of a call do not fit",
        explanation: "An argument is missing, given twice, not known, or one too many. Arguments go by position first and then by name, and those with a default may be left out: with `block linear(x, out: int, bias: bool = true)` write `x |> linear(64, bias: false)`; the pipe gives the first one.",
    },
    CodeInfo {
        code: "E1006",
        title: "a value is of another kind than is needed here",
        explanation: "Code works with tensors, numbers, truth values, names, lists, ranges, choices and axes, and nothing is converted in silence. `if x { … }` needs a truth value, not a tensor; to choose by element write `where(x > 0, x, 0)`. The message names what was found.",
    },
    CodeInfo {
        code: "E1007",
        title: "two calls declare one parameter",
        explanation: "Each call that owns parameters needs a path of its own, or masks and checkpoints could not tell them apart. Name the calls, `linear(c) as q` and `linear(c) as k`, or number them in a loop: `mix(x) as blocks[n]`. Two calls with the same `as` share their parameters, which then have one shape.",
    },
    CodeInfo {
        code: "E1008",
        title: "an axis is not there, or there twice",
        explanation: "An operation names axes of its tensor, and a tensor has each name once. `mean(x, over: [h])` needs an axis `h`: with `x: [b t *s c]` write `over: [*s]`. Where one axis is needed twice rename one: `rename(x, t, to: t')`, `param [c c as out]`. `..` stands in signatures only.",
    },
    CodeInfo {
        code: "E1009",
        title: "the result is not what the signature promises",
        explanation: "The axes after `->` are checked against what the code gives, in order. `block f(x: [b t c]) -> [b c] { x }` still has its axis `t`: take the mean over it, or promise `[b t c]`. `order(x, [b c t])` brings axes into another order; a tuple has as many values as it promises.",
    },
    CodeInfo {
        code: "E1010",
        title: "an operation does not accept these tensors",
        explanation: "The operation checks the shapes that reach it and gives its reason in the message. `convolve` with a kernel of 5 over 3 entries and no zeros around it leaves nothing: pad with `low: [2], high: [2]`, or use a smaller kernel.",
    },
    CodeInfo {
        code: "E1011",
        title: "a definition lacks a member",
        explanation: "A tokeniser is used by its members `encode` and `decode`, a processor by `apply`, an optimiser by `update`. `processor p(width: int) { block apply(x: [b t *s c]) -> [b t *s c] { x } }` is whole. The label lists the members that are there.",
    },
    CodeInfo {
        code: "E1012",
        title: "calls are nested too deeply",
        explanation: "Calls may stand 64 deep. A block that calls itself never ends, because a definition is unrolled when it is compiled: write `for i in 0 .. n { x = step(x) as steps[i] }` instead of a block that calls itself with `n - 1`.",
    },
    CodeInfo {
        code: "E1013",
        title: "the axes do not fit the signature",
        explanation: "Arguments are matched with the axes of the signature in order; `*s` takes the spatial axes, `..` any number. A tensor `[b c]` does not fit `x: [b t *s c]`. Queries, keys and values of `attend` have the same axes with the features last; `convolve` needs a weight `[out in k …]`.",
    },
    CodeInfo {
        code: "E1014",
        title: "a definition's requirement does not hold",
        explanation: "A definition states what it needs with `require`, such as `require c % heads == 0, \"{c} channels do not divide among {heads} heads\"`. The first label shows the call, the second the requirement. Change the arguments so that it holds.",
    },
    CodeInfo {
        code: "E1015",
        title: "an index or range lies outside",
        explanation: "Items and entries count from 0, so a list of three has the items 0, 1 and 2: `levels[3]` is beyond its end. `drop_first(x, 4, along: t)` of four frames leaves nothing. Indices of a path, `as blocks[n]`, are whole numbers from 0.",
    },
    CodeInfo {
        code: "E1016",
        title: "this kind of definition cannot have parameters",
        explanation: "Only blocks own weights: a `fn`, `loss`, `metric` or `schedule` is the same for every call. Turn `fn scale(x: [.. c]) { w : param [c] ~ ones, x * w }` into a `block`, or take the tensor as an argument.",
    },
    CodeInfo {
        code: "E1017",
        title: "a size is not a whole number of at least 1",
        explanation: "Axes of parameters and tables have whole sizes. With `c = 9`, `param [(c / 2)]` would have 4.5 entries: write `(c // 2)`. A name in the axes must be an axis of the signature or a number that is bound; an expression stands in parentheses, `[out (2 * c)]`.",
    },
    CodeInfo {
        code: "E1018",
        title: "an initialisation is not known",
        explanation: "Parameters and slots start as `zeros`, `ones`, `constant(v)`, `uniform(a)` on (-a, a), `normal(std)` or `repeated(init, times)`. `weight : param [out c] ~ gaussian(0.02)` becomes `weight : param [out c] ~ normal(0.02)`.",
    },
    CodeInfo {
        code: "E1019",
        title: "a number is divided by zero",
        explanation: "The division is between numbers of the definition, so it would fail on every run: `n / (blocks - 1)` with one block. Guard it, `n / max(blocks - 1, 1)`, or choose by `if blocks == 1 { … } else { … }`. Tensors are divided by element, and give infinity.",
    },
    CodeInfo {
        code: "E1020",
        title: "a name is in a vocabulary twice",
        explanation: "The position of a name in a vocabulary is the row of its weights, so each name has one: `vocabulary v = [density, pressure, density]` would give `density` two. Remove the repeated name.",
    },
    CodeInfo {
        code: "E1021",
        title: "a random draw stands where nothing may be random",
        explanation: "`drop_path` draws in training, from a key that the stage gives to its model. Losses, metrics, schedules and optimisers have no such key, and their results must not change from run to run. Move the draw into a block of the tokeniser or processor: `x + drop_path(y, rate: 0.05)`.",
    },
    CodeInfo {
        code: "E1022",
        title: "a model gives frames of another shape than it takes",
        explanation: "What a tokeniser decodes, and what a model predicts, is compared with frames of the data, so it has as many frames, the same sizes and the same fields as what went in. A processor whose `apply` drops a frame, `x |> drop_first(1, along: t)`, breaks that: its result has the axes and sizes of its argument.",
    },
    CodeInfo {
        code: "E1024",
        title: "code does too much while it compiles",
        explanation: "Loops, lists and tables of numbers are worked out while compiling, and every tensor operation in a loop becomes a node of the graph. A loop over a million frames, or a list that doubles forty times, would not end. Let one operation do the work: `sum(x, over: [t])` instead of a loop over the frames.",
    },
    CodeInfo {
        code: "E1025",
        title: "training goes through an operation without a derivative",
        explanation: "`eigh` and `qr` have no derivative here, so nothing before them could be trained: they are for optimisers and metrics. Where a block needs them for a constant, keep its parameters and its input out of them.",
    },
];
