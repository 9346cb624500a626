//! The words of the grammar itself, each with a line of documentation and its form. Settings are in `pfm-hir`, built-in functions in
//! `pfm-elaborate`; everything else is a definition.

/// A word of the language.
pub struct Word {
    pub word: &'static str,
    /// How it is written.
    pub form: &'static str,
    /// One or two sentences.
    pub doc: &'static str,
}

const fn word(word: &'static str, form: &'static str, doc: &'static str) -> Word {
    Word { word, form, doc }
}

/// All words, by what they open.
pub const WORDS: &[Word] = &[
    word("pfm", "pfm 1", "The edition of the language; the first line of every file."),
    word("use", "use std.metrics.{vrmse}, use \"blocks.pfm\"", "Brings definitions of a module, or all of a file, into scope."),
    word("experiment", "experiment NAME { … }", "Everything that belongs to one study: data, models, stages, grids, reports and claims."),
    word("data", "data NAME = DEFINITION { … }", "Samples to train on: a definition's facts under the experiment's windows and source."),
    word("tokeniser", "tokeniser NAME = DEFINITION { … }", "Turns frames into latent frames and back; trained alone by `reconstruct`."),
    word("level", "level 2 { channels = 32, space = {2, 4} eval 2 }", "A numbered entry of a tokeniser's list `levels`, counted from 1."),
    word("processor", "processor NAME = DEFINITION { … }", "Steps latent frames forward in time."),
    word(
        "model",
        "model NAME { tokeniser = T, processor = P, link = linear }",
        "A tokeniser and a processor, joined; trained by `next_frame`.",
    ),
    word("mask", "mask NAME { freeze tok.** except tok.*.head }", "Which weights a stage trains, as globs over the parameter tree."),
    word("stage", "stage NAME { train = …, data = …, … }", "One training run: what is trained, on what, how, and for how long."),
    word(
        "grid",
        "grid NAME over STAGE { setting = [label: value, …] }",
        "Every combination of labelled values of a stage's settings is a cell.",
    ),
    word(
        "report",
        "report NAME { metrics = [vrmse] }",
        "What is measured, and after how many steps; it has its grid's name, or says `over STAGE`.",
    ),
    word("profile", "profile NAME default { *.batch = 4 samples }", "Changes settings by path, as if the file were edited."),
    word("freeze", "freeze GLOBS except GLOBS", "Weights of a mask that are not trained."),
    word("train", "train GLOBS except GLOBS", "Weights of a mask that are trained; all others are not."),
    word("except", "freeze tok.** except tok.head", "Takes away from its own statement only."),
    word("skip", "skip [axis: label, other: label]", "Takes cells out of a grid."),
    word(
        "expect",
        "expect LEFT <= RIGHT within 10 % on \"paper\"",
        "A claim on the program or its results, decided by `check` or by a run.",
    ),
    word("within", "expect vrmse <= 0.162 within 10 %", "Widens the right side of a claim by a share of itself."),
    word("on", "expect … on \"paper\", \"study\"", "Profiles under which a claim is made; without it, all."),
    word("over", "grid g over rollout, report r over rollout", "The stage that a grid varies or a report watches."),
    word("eval", "{2, 4} eval 2", "The option of a choice that evaluation takes; training draws one anew for each step."),
    word("default", "profile laptop default { … }", "The profile that holds when none is asked for."),
    word("block", "block f(x: [b t *s c], out: int) -> [b t *s out] { … }", "Code that may own parameters."),
    word("fn", "fn f(x) = x * sigmoid(x)", "Code without parameters."),
    word("loss", "loss f(truth: [..], pred: [..]) = EXPR", "One number in normalised units, to be made small."),
    word(
        "metric",
        "metric f(truth: [b t *s c], pred: [b t *s c]) -> [b t c] { … }",
        "A value per sample, frame and field, in physical units.",
    ),
    word("schedule", "schedule f(…) { … }", "The factor on the learning rate, from `epoch` and `step`."),
    word("optimiser", "optimiser f(lr: number) { slot …, fn update(…) { … } }", "How gradients change weights."),
    word("vocabulary", "vocabulary v = [density, pressure]", "An ordered list of field names: the rows of adaptive heads."),
    word("slot", "slot m ~ zeros", "A tensor that an optimiser keeps beside each parameter."),
    word("param", "weight : param [out c] ~ uniform(start) if bias", "A trained tensor: its axes and how it is first drawn."),
    word("require", "require c % heads == 0, \"{c} channels\"", "A condition of a definition, and what is said when it does not hold."),
    word("as", "causal_conv(out) as conv1", "Names a call: its parameters stand under that path. After `use`, another name for a module."),
    word("if", "if c == out { x } else { y }", "Decided while compiling; a value. After `param`, leaves the parameter out."),
    word("else", "if C { … } else { … }", "The other branch; an `if` always has one."),
    word("for", "for i in 0 .. n { … }", "Unrolled while compiling, over a range, a list or axes."),
    word("in", "for i in 0 .. n { … }", "Stands between a loop's variable and what it runs over."),
    word("and", "a and b", "Both conditions hold."),
    word("or", "a or b", "One of the conditions holds."),
    word("not", "not a", "The condition does not hold."),
    word("none", "mask = none", "Nothing, where a setting may be left out."),
    word("true", "bias = true", "A truth value; the other is `false`."),
    word("false", "bias = false", "A truth value; the other is `true`."),
];
