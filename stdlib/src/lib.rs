//! The standard library: the text of every `std/*.pfm`, embedded, by file name. It is ordinary language; nothing else
//! in the compiler knows these definitions except by name.

/// File name (as in `std/nn.pfm`) and text, in a fixed order.
pub const FILES: &[(&str, &str)] = &[
    ("std/nn.pfm", include_str!("../std/nn.pfm")),
    ("std/losses.pfm", include_str!("../std/losses.pfm")),
    ("std/metrics.pfm", include_str!("../std/metrics.pfm")),
    ("std/schedules.pfm", include_str!("../std/schedules.pfm")),
    ("std/optimisers.pfm", include_str!("../std/optimisers.pfm")),
    ("std/vocabularies.pfm", include_str!("../std/vocabularies.pfm")),
    ("std/well.pfm", include_str!("../std/well.pfm")),
    ("std/pdebench.pfm", include_str!("../std/pdebench.pfm")),
    ("std/matey.pfm", include_str!("../std/matey.pfm")),
    ("std/tokens.pfm", include_str!("../std/tokens.pfm")),
    ("std/tokenisers/magvit_simple.pfm", include_str!("../std/tokenisers/magvit_simple.pfm")),
    ("std/tokenisers/patch.pfm", include_str!("../std/tokenisers/patch.pfm")),
    ("std/tokenisers/adaptive_patch.pfm", include_str!("../std/tokenisers/adaptive_patch.pfm")),
    ("std/processors/avit.pfm", include_str!("../std/processors/avit.pfm")),
    ("std/processors/svit.pfm", include_str!("../std/processors/svit.pfm")),
    ("std/processors/vit_all2all.pfm", include_str!("../std/processors/vit_all2all.pfm")),
    ("std/processors/walrus.pfm", include_str!("../std/processors/walrus.pfm")),
];
