//! What one trajectory of a simulator costs on one core: `cost SYSTEM [NX NY [FRAMES [SET]]]`, by default on its own grid, with its
//! own number of frames and the first of its parameter sets. Prints the processor time taken, beside the registered estimate, and the wall time of 20 trajectories on two
//! cores that follows. Processor time is used because machines are shared.

use pfm_solvers::{Problem, system, systems};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(found) = arguments.first().and_then(|name| system(name)) else {
        let names: Vec<&str> = systems().iter().map(|system| system.name).collect();
        eprintln!("usage: cost SYSTEM [NX NY [FRAMES [SET]]], with a system of {}", names.join(", "));
        std::process::exit(2);
    };
    let number = |at: usize| arguments.get(at).map(|text| text.parse().expect("numbers are whole"));
    let grid: Vec<usize> = found.grid.iter().enumerate().map(|(axis, &n)| number(1 + axis).unwrap_or(n)).collect();
    let frames = number(1 + grid.len()).unwrap_or(found.frames);
    let mut sets = (found.parameter_sets)(&grid);
    let set = number(2 + grid.len()).unwrap_or(0).min(sets.len() - 1);
    let parameters = sets.swap_remove(set);
    let label = parameters.label.clone();
    let problem = Problem { system: found, parameters, grid: grid.clone(), frames, seed: 0, index: 0, supersampling: 1 };
    let before = processor_seconds();
    let trajectory = problem.simulate().expect("the problem is solvable");
    let seconds = processor_seconds() - before;
    println!(
        "{} {label} {grid:?}, {frames} frames: {} steps, {seconds:.2} s (estimate {:.2} s); 20 trajectories on two cores {:.2} min",
        found.name,
        trajectory.steps,
        (found.cost)(&grid, frames),
        seconds * 10.0 / 60.0
    );
}

/// User time of this process so far, from the kernel's accounts in clock ticks of 10 ms.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").expect("Linux tells a process about itself");
    // The name in parentheses may hold spaces; user time is the 12th number after it.
    let after = text.rsplit(')').next().expect("a split has a last part");
    let ticks: f64 = after.split_whitespace().nth(11).expect("the line has user time").parse().expect("ticks are a number");
    ticks / 100.0
}
