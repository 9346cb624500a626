//! Where calibrations of machines are kept: one file for each number of threads and instruction set, under the user's cache directory.

use crate::output::{Exit, Output};
use pfm_bench::{Calibration, Machine};
use std::path::PathBuf;

/// The file for a machine: under `$XDG_CACHE_HOME/pfmc`, else `~/.cache/pfmc`. None where the system names no such place.
fn file(machine: &Machine) -> Option<PathBuf> {
    let place = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = place("XDG_CACHE_HOME").or_else(|| Some(place("HOME")?.join(".cache")))?;
    Some(cache.join("pfmc").join(machine.file_name()))
}

/// The calibration of this machine, if it was measured; the error says why one that is there can't be used.
pub fn known(machine: &Machine) -> Result<Option<Calibration>, String> {
    let Some(path) = file(machine) else { return Ok(None) };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("cannot read {}: {e}", path.display())),
    };
    Calibration::read(&text, machine).map(Some).map_err(|why| format!("{} is not used: {why}", path.display()))
}

/// As `known`; says why one can't be used, and goes on without.
pub fn known_or_said(machine: &Machine, out: &Output) -> Option<Calibration> {
    known(machine).unwrap_or_else(|why| {
        out.line(format!("{why}; `pfmc bench --calibrate` measures this machine again"));
        None
    })
}

/// Measures this machine and keeps what was found.
pub fn measure(machine: &Machine, out: &Output) -> Exit {
    let Some(path) = file(machine) else {
        return out.fail(Exit::Usage, "neither XDG_CACHE_HOME nor HOME is set, so there is no place for a calibration");
    };
    let calibration = Calibration::measure(machine, &mut |what| out.line(format!("measuring {what}")));
    let value = serde_json::to_value(&calibration).expect("a calibration is plain data");
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, format!("{value:#}\n")));
    if let Err(e) = written {
        return out.fail(Exit::Usage, format!("cannot write {}: {e}", path.display()));
    }
    out.line(format!("{}, {} threads, {}: {}", machine.processor, machine.threads, machine.isa.name(), path.display()));
    out.value(Exit::Done, serde_json::json!({ "file": path, "calibration": value }));
    Exit::Done
}
