//! What is said of a file or a run that goes on.

use crate::CodeInfo;

pub(super) const ROWS: &[CodeInfo] = &[
    CodeInfo {
        code: "W0109",
        title: "a word is brought into scope and never used",
        explanation: "Nothing in the file names it. Remove it from the `use`, so that the first lines show what the file stands on.",
    },
    CodeInfo {
        code: "W0110",
        title: "a block is never used",
        explanation: "No stage, model or block names it, so it has no effect. Name it, such as `mask = NAME` in a stage, or remove it.",
    },
    CodeInfo {
        code: "W0111",
        title: "a setting is never read",
        explanation: "`epoch` says how many batches this stage calls an epoch. Nothing here is counted in epochs: neither `run`, as in `run = 14 epochs`, nor the schedule. Remove it, so that the file does not promise what it has no part in.",
    },
    CodeInfo {
        code: "W0205",
        title: "warm-up and cooldown overlap",
        explanation: "The schedule's phases are longer than its horizon, so the rate falls from warm-up into cooldown at once. With 14 epochs, 10 of warm-up and 10 of cooldown do not fit. Give a horizon beyond the run, `over: 100 epochs`, or shorter phases.",
    },
    CodeInfo {
        code: "W0206",
        title: "a schedule does not come out of its warm-up",
        explanation: "The warm-up is as long as the run, so that the rate never reaches what the optimiser is given: 40 epochs of warm-up in a run of 14. Shorten the warm-up, lengthen `run`, or say what an epoch is: `epoch = 2_100 batches`.",
    },
    CodeInfo {
        code: "W0304",
        title: "weights are frozen at random values",
        explanation: "The mask freezes parameters that no earlier stage trained, so they stay as they were drawn. Take weights with `weights = STAGE.PART`, remove the cells of a grid with `skip [weights: scratch, mask: frozen]`, or say that it is meant: `allow = frozen_random`.",
    },
    CodeInfo {
        code: "W0606",
        title: "a damaged checkpoint is passed over",
        explanation: "The newest checkpoint does not have the hashes that were written beside it, which a full disk or a broken copy can cause. The one before it is used instead; training repeats the steps between and ends with the same weights.",
    },
    CodeInfo {
        code: "W0607",
        title: "a stage goes on with another instruction set or device",
        explanation: "`--isa` or `--device` asked for another instruction set or device than the steps so far were made with. Rounding differs between them, so the stage does not end with the bytes of a run on one alone; nothing else changes. The checkpoints keep from which step on which one was used.",
    },
    CodeInfo {
        code: "W0703",
        title: "a part of a grid has no effect",
        explanation: "A `skip` that removes no cell, or two cells that are the same work (which runs once). Remove the `skip` or one of the labels.",
    },
    CodeInfo {
        code: "W0704",
        title: "a report asks for steps after the end of the run",
        explanation: "The run is shorter than a step in `at`; the report's last point is always the last step of the run. A profile that shortens `run` changes `at` as well: `table5.at = [100 steps, 300 steps]`.",
    },
    CodeInfo {
        code: "W0902",
        title: "a claim is never tested",
        explanation: "The labels of a claim name a cell that the grid does not have, because a `skip` takes it out: with `skip [weights: scratch, mask: frozen]` nothing is `vrmse[weights: scratch, mask: frozen]`. Name another cell, or keep this one.",
    },
    CodeInfo {
        code: "W1024",
        title: "a parameter never reaches the loss",
        explanation: "No choice of compression makes the model's output depend on it in a way that has a derivative, so it would stay as it was first drawn: `block f(x: [.. c]) -> [.. c] { scale : param [c] ~ ones, x }` declares `scale` and leaves it out of its result. Use it, `x * scale`, or remove the declaration.",
    },
    CodeInfo {
        code: "W1026",
        title: "a definition never reads a setting",
        explanation: "The code of the definition does not name it, so whatever an experiment writes for it changes nothing: `processor p(width: int, dropout: number = 0) { … }` whose blocks never say `dropout`. Use it where it was meant, or remove it from the list.",
    },
];
