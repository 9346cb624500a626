//! The vocabularies of the standard library cover what is read and made: `well_61` in number and order, and every channel of every
//! simulator, by the name under which files have it, but for those that an experiment adds.

use std::collections::BTreeSet;

use pfm_solvers::{System, systems};

/// The names of a vocabulary of the standard library.
fn vocabulary(name: &str) -> Vec<&'static str> {
    let text = pfm_stdlib::FILES.iter().find(|file| file.1.contains(&format!("vocabulary {name} ="))).expect("a file has it").1;
    let list = text.split(&format!("vocabulary {name} = [")).nth(1).and_then(|rest| rest.split(']').next()).expect("a list");
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// The names under which a system's channels are read.
fn channels(system: &System) -> Vec<String> {
    let mut names = Vec::new();
    for field in system.fields {
        let mut suffixes = vec![String::new()];
        for _ in 0..field.order {
            suffixes = suffixes.iter().flat_map(|s| system.axes.iter().map(move |axis| format!("{s}{axis}"))).collect();
        }
        names.extend(suffixes.iter().map(|s| if s.is_empty() { field.name.to_string() } else { format!("{}_{s}", field.name) }));
    }
    names
}

#[test]
fn the_fields_of_the_well_are_61_in_a_fixed_order() {
    let names = vocabulary("well_61");
    assert_eq!(names.len(), 61);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 61, "no name twice");
    // Scalars first, then 16 components of vectors, then three whole tensors row by row.
    assert_eq!((names[0], names[17], names[18]), ("density", "c_zz", "velocity_x"));
    let after = |name: &str| {
        let at = names.iter().position(|known| *known == name).expect("known");
        &names[at..]
    };
    for vector in ["velocity", "momentum", "magnetic_field"] {
        assert_eq!(after(&format!("{vector}_x"))[..3], ["x", "y", "z"].map(|axis| format!("{vector}_{axis}")));
    }
    assert_eq!(names[34], "D_xx");
    for (tensor, first) in [("D", 34), ("E", 43), ("C", 52)] {
        let rows = ["xx", "xy", "xz", "yx", "yy", "yz", "zx", "zy", "zz"].map(|pair| format!("{tensor}_{pair}"));
        assert_eq!(names[first..first + 9], rows);
    }
}

/// Fields of which a vocabulary of the library knows nothing: the experiment that trains on them adds them.
fn added_by_experiments() -> Vec<&'static str> {
    let text = include_str!("../../../experiments/matey_mhd.pfm");
    let list = text.split("new_fields = [").nth(1).and_then(|rest| rest.split(']').next()).expect("the experiment adds fields");
    list.split(',').map(str::trim).collect()
}

#[test]
fn every_simulator_makes_known_fields() {
    let (well, matey) = (vocabulary("well_61"), vocabulary("matey_15"));
    assert_eq!(matey.len(), 15);
    for system in systems() {
        let channels = channels(system);
        let known = |names: &[&str]| channels.iter().all(|channel| names.contains(&channel.as_str()));
        let anywhere = known(&well) || known(&matey) || known(&added_by_experiments());
        assert!(anywhere, "{}: {channels:?} are in no one vocabulary", system.name);
    }
    // Data sets that share a field share its row.
    let shared = systems().iter().filter(|system| channels(system).iter().any(|channel| channel == "pressure")).count();
    assert!(shared > 1);
}
