//! What is said after the errors of a file: claims that failed, what ends a run, and warnings.

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
    CodeInfo {
        code: "R0101",
        title: "a loss is not a finite number",
        explanation: "Training stopped before the weights were touched: the loss of the named step is infinite or not a number. The note names the last good checkpoint. Lower the learning rate, clip the gradient or lengthen the warm-up; then run again, which starts the changed stage anew.",
    },
    CodeInfo {
        code: "R0102",
        title: "another process is working in the directory",
        explanation: "A stage or a cell is run by one process at a time, so that checkpoints and events have one writer. Wait for the other process or end it. The system drops the lock of a process that is killed, so nothing has to be cleaned up.",
    },
    CodeInfo {
        code: "R0103",
        title: "a checkpoint is of another stage",
        explanation: "The directory is named by the first eight digits of a stage's content key, and the whole key in its checkpoint is a different one. Move the directory away and run again.",
    },
    CodeInfo {
        code: "R0104",
        title: "a file of the run cannot be used",
        explanation: "The operating system refused to read, write, rename or lock a file in the run directory; the message has its reason. Usual causes are a full disk, a missing right, or a network file system without locks.",
    },
    CodeInfo {
        code: "R0105",
        title: "a checkpoint does not fit the model",
        explanation: "A checkpoint whose hashes are right lacks a tensor of the model, or has it in another shape. A stage's key covers its model, so this happens to files that were moved or edited by hand.",
    },
    CodeInfo {
        code: "R0106",
        title: "a checkpoint that is needed is damaged",
        explanation: "The last checkpoint of an earlier stage does not have the hashes that were written beside it, so its weights cannot be handed over. Remove the earlier stage's directory, or its last checkpoint, and run again: that stage then repeats what is missing.",
    },
    CodeInfo {
        code: "R0107",
        title: "the run was stopped at a fault point",
        explanation: "A test asked for this with a fault plan that returns instead of killing the process. Nothing is wrong; started again, the run goes on from its newest checkpoint.",
    },
    CodeInfo {
        code: "R0108",
        title: "the fault plan names no fault point",
        explanation: "`PFMC_FAULT` is NAME or NAME:COUNT, with COUNT from 1. It kills the process at that passage of the named point, to test recovery. The help lists the names.",
    },
    CodeInfo {
        code: "R0109",
        title: "a stage has nothing to draw from",
        explanation: "A split of the data holds no window of the length that the stage needs: too few trajectories, or trajectories shorter than `window`. Give the data more trajectories or a shorter window; without a report, the validation split may be empty.",
    },
    CodeInfo {
        code: "R0110",
        title: "a frozen parameter was changed",
        explanation: "The bytes of all frozen parameters are hashed before and after a stage. They differ, so the compiled programs wrote where they must not: a defect of the compiler, worth a bug report with the experiment's file.",
    },
    CodeInfo {
        code: "R0111",
        title: "data cannot be read while training",
        explanation: "A window could not be read from the data directory; the message names the file and the object in it. `pfmc data inspect DIR` checks all files.",
    },
    CodeInfo {
        code: "R0112",
        title: "a run has no such weights",
        explanation: "Weights are exported from a cell's directory, `runs/EXPERIMENT/CELL/KEY` or `runs/EXPERIMENT/latest`, out of a stage's newest whole checkpoint. The directory is another one, has no stage of that name, or the stage has not reached its first checkpoint.",
    },
    CodeInfo {
        code: "R0113",
        title: "a stage would go on with another instruction set",
        explanation: "The steps up to the newest checkpoint were made with one instruction set, and this processor's best is another: their results differ in the last bits, so that the stage would end with other bytes than a run on either alone. `pfmc run --isa NAME` with the first one's name goes on exactly; with this one's name it goes on all the same, and the change is written to the events and to the checkpoints. A set that all machines of a cluster have, such as `PFMC_ISA=avx2`, avoids it.",
    },
    CodeInfo {
        code: "R0114",
        title: "the CUDA device cannot be used",
        explanation: "There is no such device, one of CUDA's libraries is missing, or the device failed while it ran; the message has the reason. Programs need the driver (libcuda), the compiler (libnvrtc) and cuBLASLt of CUDA 13, and a device of compute capability 8.0 or newer. `pfmc doctor --device cuda` says what was found where. `--device cpu` runs without.",
    },
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
        title: "a stage goes on with another instruction set",
        explanation: "`--isa` asked for another instruction set than the steps so far were made with. Rounding differs between them, so the stage does not end with the bytes of a run on one alone; nothing else changes. The checkpoints keep from which step on which one was used.",
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
