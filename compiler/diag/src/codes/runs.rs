//! What ends a run.

use crate::CodeInfo;

pub(super) const ROWS: &[CodeInfo] = &[
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
        explanation: "A window could not be read from the data directory; the message names the file and the object in it. `pfmc data verify DIR` reads all files and names those that are damaged.",
    },
    CodeInfo {
        code: "R0112",
        title: "a run has no such weights",
        explanation: "Weights are exported from a cell's directory, `runs/EXPERIMENT/CELL/KEY` or `runs/EXPERIMENT/latest`, out of a stage's newest whole checkpoint. The directory is another one, has no stage of that name, or the stage has not reached its first checkpoint.",
    },
    CodeInfo {
        code: "R0113",
        title: "a stage would go on with another instruction set or device",
        explanation: "The steps up to the newest checkpoint were made with one instruction set or on one CUDA device, and this machine's best is another: their results differ in the last bits, so that the stage would end with other bytes than a run on either alone. The help names both as options: the first one's, such as `pfmc run --device cuda` on the same kind of device or `--isa avx512`, goes on exactly; with this one's it goes on all the same, and the change is written to the events and to the checkpoints. `amx` and `avx512` have the same bits where a stage's precision is f32. A set that all machines of a cluster have, such as `PFMC_ISA=avx2`, avoids it.",
    },
    CodeInfo {
        code: "R0114",
        title: "the CUDA device cannot be used",
        explanation: "There is no such device, one of CUDA's libraries is missing, or the device failed while it ran; the message has the reason. Programs need the driver (libcuda), the compiler (libnvrtc) and cuBLASLt of CUDA 13, and a device of compute capability 8.0 or newer. `pfmc doctor --device cuda` says what was found where. `--device cpu` runs without.",
    },
];
