//! What tests of the simulators share: whether slow parts run, a system's problem, and the promise that threads change nothing.

// Each test program uses its own share of this.
#![allow(dead_code)]

use pfm_solvers::{Problem, Trajectory, simulate_all, system};

/// Whether slow parts run as well.
pub fn heavy() -> bool {
    std::env::var_os("PFMC_HEAVY").is_some_and(|value| value == "1")
}

/// Trajectory `index` of seed 0 of a system's parameter set of this number on a grid.
pub fn problem(name: &str, set: usize, grid: [usize; 2], frames: usize, index: u64) -> Problem {
    let system = system(name).unwrap();
    let parameters = (system.parameter_sets)(&grid).swap_remove(set);
    Problem { system, parameters, grid: grid.to_vec(), frames, seed: 0, index, supersampling: 1 }
}

/// One thread and two give the same trajectories to the byte, all of them, in order; different problems give different ones.
pub fn assert_threads_change_nothing(problems: &[Problem]) {
    let run = |threads| {
        let mut all: Vec<Trajectory> = Vec::new();
        simulate_all(problems, threads, &mut |_, result| {
            all.push(result.unwrap());
            true
        });
        all
    };
    let (one, two) = (run(1), run(2));
    assert_eq!(one.len(), problems.len());
    assert_eq!(one, two);
    assert_ne!(one[0].fields, one[1].fields);
}
