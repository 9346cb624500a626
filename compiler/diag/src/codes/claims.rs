//! What `expect` and locks state of a file and what does not hold.

use crate::CodeInfo;

pub(super) const ROWS: &[CodeInfo] = &[
    CodeInfo {
        code: "F0902",
        title: "a claim of the file does not hold",
        explanation: "`expect` states what must hold: counts and shapes when the file is checked, metrics after a run. The message gives both sides. Either something changed that should not have, or the claim is out of date: `expect trainable(tok, in: rollout) == 85_119 params`.",
    },
    CodeInfo {
        code: "F0903",
        title: "a file means something else than its lock says",
        explanation: "`pfmc lock FILE` writes down what a file means under each of its profiles and cells: settings as they came out, parameters, shapes, what is trained, programs, data, reports, claims, FLOPs and memory. `pfmc check --locked` compares, so that no change of layout, definition or standard library changes an experiment unseen. The notes say what changed. If it is meant, `pfmc lock FILE` accepts it; the lock's own difference is then part of the review.",
    },
    CodeInfo {
        code: "F0904",
        title: "a file has no lock that can be read",
        explanation: "`pfmc check --locked` compares a file with the lock beside it: FILE.lock for FILE.pfm. There is none, or it is not what `pfmc lock` writes. `pfmc lock FILE` writes it; commit it beside the file.",
    },
];
