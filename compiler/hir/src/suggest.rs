//! "Did you mean": the nearest known names to one that is not known. A table holds spellings and words of other frameworks
//! that edit distance alone would miss; they are suggested, never silently accepted.

/// American spellings and habits of other frameworks, with the word of this language.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("GB", "GiB"),
    ("KB", "KiB"),
    ("MB", "MiB"),
    ("TB", "TiB"),
    ("batch_size", "batch"),
    ("clip_grad", "clip"),
    ("criterion", "objective"),
    ("dataset", "data"),
    ("dataloader", "data"),
    ("days", "d"),
    ("decoder", "tokeniser"),
    ("encoder", "tokeniser"),
    ("examples", "samples"),
    ("epochs", "run"),
    ("freeze", "mask"),
    ("gradient_clip", "clip"),
    ("grad_accum", "accumulate"),
    ("gradient_accumulation", "accumulate"),
    ("hours", "h"),
    ("images", "samples"),
    ("iterations", "steps"),
    ("iters", "steps"),
    ("learning_rate", "lr"),
    ("loss", "objective"),
    ("lr_scheduler", "schedule"),
    ("max_epochs", "run"),
    ("max_steps", "run"),
    ("minutes", "min"),
    ("n_heads", "heads"),
    ("normalization", "normalise"),
    ("normalisation", "normalise"),
    ("normalize", "normalise"),
    ("num_heads", "heads"),
    ("num_blocks", "blocks"),
    ("optimizer", "optimiser"),
    ("parameters", "params"),
    ("percent", "%"),
    ("scheduler", "schedule"),
    ("seconds", "s"),
    ("shots", "samples"),
    ("steps", "run"),
    ("timesteps", "frames"),
    ("tokenizer", "tokeniser"),
    ("train_steps", "run"),
    ("updates", "steps"),
    ("warm_up", "warmup"),
    ("wd", "weight_decay"),
];

/// The word of this language for one of another, whether or not it may stand here.
pub(crate) fn own_word(written: &str) -> Option<&'static str> {
    OTHER_WORDS.iter().find(|(other, _)| *other == written).map(|(_, word)| *word)
}

/// The word that was surely meant, when the written one is a known other spelling of it.
pub(crate) fn other_spelling<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = own_word(written)?;
    known.iter().copied().find(|k| *k == word)
}

/// At most three known names near the written one, nearest first.
pub fn nearest<'a>(written: &str, known: &[&'a str]) -> Vec<&'a str> {
    if let Some(word) = other_spelling(written, known) {
        return vec![word];
    }
    let mut scored: Vec<(f64, &str)> = known
        .iter()
        .map(|k| (strsim::jaro_winkler(written, k), *k))
        .filter(|(score, k)| *score > 0.83 || strsim::damerau_levenshtein(written, k) <= 2.min(k.len() / 3))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(3).map(|(_, k)| k).collect()
}

/// `a`, `a` or `b`, `a`, `b` or `c`: names in backquotes.
pub(crate) fn any_of(names: &[&str]) -> String {
    listed(names, "or")
}

/// Names in backquotes joined by commas and, before the last one, the given word.
pub(crate) fn listed(names: &[&str], last: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// `a stage`, `an optimiser`.
pub(crate) fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_and_slips_find_the_word() {
        let known = ["optimiser", "objective", "batch", "weights"];
        assert_eq!(nearest("optimizer", &known), ["optimiser"]);
        assert_eq!(nearest("wieghts", &known), ["weights"]);
        assert_eq!(nearest("batch_size", &known), ["batch"]);
        assert!(nearest("colour", &known).is_empty());
    }
}
