//! Words of the language that no definition declares: values of settings, arguments of built-in calls, units of settings.

/// Words that a setting may have as its value, with what they mean.
pub fn values(setting: &str) -> &'static [(&'static str, &'static str)] {
    match setting {
        "link" => &[("linear", "linear maps join the channels"), ("none", "the channel counts are equal")],
        "weights" => &[("random", "start at random")],
        "mask" => &[("none", "all weights are trained")],
        "trajectories" => &[("all", "those of every file")],
        "plot" => &[("lines", "a chart over the cells of the grid"), ("none", "")],
        "clip" | "every" | "unroll" => &[("none", "")],
        "parallel" => &[("ddp", "every device has all weights"), ("fsdp", "each device has a part of the weights"), ("none", "one device")],
        "precision" => &[
            ("f32", "four bytes a number"),
            ("bf16", "products and stored activations in two bytes a number, sums in four"),
            ("f32_split", "four bytes a number, each product as three of two-byte parts"),
        ],
        "allow" => &[("frozen_random", "weights that are frozen where they started are meant")],
        "source" => &[("directory", "read what is in the data directory"), ("generate", "make samples here")],
        "normalise" => {
            &[("rms", "each field of a sample over its root mean square"), ("standard", "less the mean, over the standard deviation")]
        }
        "sample" => &[("all", "every validation window"), ("subsets", "means over subsets")],
        "objective" => &[("reconstruct", "decode what was encoded"), ("next_frame", "predict the frame after the context")],
        "fields" => &[("vocabulary", "names that the heads have rows for")],
        _ => &[],
    }
}

/// Names of the arguments of a word that is called.
pub fn arguments(word: &str) -> &'static [&'static str] {
    match word {
        "reconstruct" | "next_frame" => &["loss"],
        "generate" => &["grid", "trajectories", "frames", "seed"],
        "rms" | "standard" => &["per", "floor"],
        "lines" => &["x", "y", "colour"],
        "subsets" => &["count", "size"],
        "trainable" => &["in"],
        _ => &[],
    }
}

/// What an expectation may compare.
pub const CLAIMS: &[(&str, &str)] = &[
    ("trainable", "weights of a part that a stage trains: `trainable(tok, in: rollout)`"),
    ("count", "weights of a part that a mask leaves to train: `count(MASK, PART)`"),
    ("parameters", "all weights of a model or part"),
    ("variants", "how many variants its choices make"),
    ("latent", "latent shape in evaluation"),
    ("tokens", "tokens of a sample in evaluation"),
];

/// Units of a setting; of an unknown one all.
pub fn units(setting: &str, hint: &str) -> Vec<(&'static str, &'static str)> {
    let known: &[&str] = match setting {
        "batch" => &["samples"],
        "epoch" => &["batches"],
        "run" => &["steps", "epochs"],
        "checkpoint" | "at" | "every" => &["steps"],
        "within" => &["%"],
        "window" | "context" | "frames" => &["frames"],
        _ => &[],
    };
    let all = pfm_hir::unit_words();
    let found: Vec<_> =
        all.filter(|(word, _)| known.contains(word) || (!hint.is_empty() && hint.contains(word) && word.len() > 3)).collect();
    if found.is_empty() { pfm_hir::unit_words().collect() } else { found }
}
