//! Finds CUDA's libraries: where `PFMC_CUDA_LIBRARIES` says, where the system looks, in the toolkit's usual place and in pip's
//! site-packages. Those found outside the system's path are loaded by their full name first, so that later calls meet them.

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What there is of CUDA, each with its reason if it is missing.
#[derive(Clone, Debug)]
pub struct Found {
    /// Number of devices, from the driver.
    pub devices: Result<usize, String>,
    /// (major, minor) of the compiler.
    pub nvrtc: Result<(i32, i32), String>,
    /// Matrix products.
    pub cublaslt: Result<(), String>,
    /// Directories besides the system's that were looked into.
    pub directories: Vec<PathBuf>,
}

static FOUND: OnceLock<Found> = OnceLock::new();

/// Looks once; later calls get the same answer.
pub fn find() -> &'static Found {
    FOUND.get_or_init(|| look(directories()))
}

/// The first to look is told to look here before anywhere else; pip's directories are understood.
pub fn find_in(directory: &Path) -> &'static Found {
    FOUND.get_or_init(|| look([pip(directory), directory.to_path_buf()].into_iter().chain(directories()).collect()))
}

/// Where pip puts libraries under its directory of packages.
fn pip(packages: &Path) -> PathBuf {
    packages.join("nvidia/cu13/lib")
}

/// Of the libraries that are looked for, and of the calls that `cudarc` is built with.
const NEEDED: i32 = 13_000;

/// In the order in which they must be loaded.
const LIBRARIES: &[(&str, bool)] =
    &[("libnvrtc-builtins.so", true), ("libnvrtc.so", false), ("libcublas.so", false), ("libcublasLt.so", false)];

fn look(directories: Vec<PathBuf>) -> Found {
    for directory in &directories {
        for (name, prefix) in LIBRARIES {
            load(directory, name, *prefix);
        }
    }
    Found { devices: devices(), nvrtc: nvrtc(), cublaslt: cublaslt(), directories }
}

fn devices() -> Result<usize, String> {
    // SAFETY: this only tries to load the library.
    if !unsafe { cudarc::driver::sys::is_culib_present() } {
        return Err("the driver (libcuda.so) is not installed".into());
    }
    new_enough(driver_version()?)?;
    cudarc::driver::result::init().map_err(|e| format!("the driver does not start: {e:?}"))?;
    let count = cudarc::driver::result::device::get_count().map_err(|e| format!("the driver counts no devices: {e:?}"))?;
    if count > 0 { Ok(count as usize) } else { Err("the driver finds no device".into()) }
}

/// The newest CUDA that the driver runs, as 1000 times the major and 10 times the minor version.
fn driver_version() -> Result<i32, String> {
    let mut version = 0;
    // SAFETY: the address is valid for the call, which every driver has and which needs no start.
    let status = unsafe { cudarc::driver::sys::cuDriverGetVersion(&mut version) };
    status.result().map(|()| version).map_err(|e| format!("the driver does not say its version: {e:?}"))
}

/// Calls that an older driver lacks would end the process when they are looked up, and it does not load what this compiler makes.
fn new_enough(version: i32) -> Result<(), String> {
    if version >= NEEDED {
        return Ok(());
    }
    let said = |version: i32| format!("{}.{}", version / 1000, version % 1000 / 10);
    Err(format!("the driver runs CUDA {} at most, and {} is needed: install driver 580 or newer", said(version), said(NEEDED)))
}

fn nvrtc() -> Result<(i32, i32), String> {
    // SAFETY: this only tries to load the library.
    if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
        return Err(
            "the compiler (libnvrtc.so) is not installed; `pip install nvidia-cuda-nvrtc==13.0.*` and set PFMC_CUDA_LIBRARIES".into()
        );
    }
    let (mut major, mut minor) = (0, 0);
    // SAFETY: both addresses are valid for the call.
    let status = unsafe { cudarc::nvrtc::sys::nvrtcVersion(&mut major, &mut minor) };
    status.result().map(|()| (major, minor)).map_err(|e| format!("the compiler does not say its version: {e:?}"))
}

fn cublaslt() -> Result<(), String> {
    // SAFETY: this only tries to load the library.
    let there = unsafe { cudarc::cublaslt::sys::is_culib_present() };
    if there { Ok(()) } else { Err("cuBLASLt (libcublasLt.so) is not installed".into()) }
}

/// Loads a library of a directory for good; nothing happens where it is missing or does not load.
fn load(directory: &Path, name: &str, any_version: bool) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let mut names: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
    names.sort();
    let fits = |path: &&PathBuf| {
        let file = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
        file.strip_prefix(name).is_some_and(|rest| if any_version { rest.starts_with(".13") } else { rest == ".13" || rest.is_empty() })
    };
    let Some(path) = names.iter().find(fits) else { return };
    // SAFETY: CUDA's libraries only register themselves when they are loaded.
    if let Ok(library) = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) } {
        std::mem::forget(library);
    }
}

/// Where to look before the system does; what the environment names comes first and may hide the rest.
fn directories() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = vec![];
    if let Some(listed) = std::env::var_os("PFMC_CUDA_LIBRARIES") {
        found.extend(std::env::split_paths(&listed).flat_map(|p| [pip(&p), p]));
    } else if !on_the_path() {
        found.push("/usr/local/cuda/lib64".into());
        found.extend(site_packages().iter().map(|p| pip(p)));
    }
    found.retain(|p| p.is_dir());
    found
}

fn on_the_path() -> bool {
    // SAFETY: these only try to load the libraries.
    unsafe { cudarc::nvrtc::sys::is_culib_present() && cudarc::cublaslt::sys::is_culib_present() }
}

/// pip's directories of the active virtual environment and of the user.
fn site_packages() -> Vec<PathBuf> {
    let environment = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let user = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local"));
    let libraries = environment.into_iter().chain(user).map(|root| root.join("lib"));
    let mut found: Vec<PathBuf> = libraries
        .filter_map(|lib| std::fs::read_dir(lib).ok())
        .flat_map(|entries| entries.filter_map(|e| e.ok()).map(|e| e.path().join("site-packages")))
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_driver_is_refused_by_its_version() {
        let why = new_enough(12_040).expect_err("too old");
        assert!(why.contains("CUDA 12.4 at most, and 13.0 is needed") && why.contains("580"), "{why}");
        assert!(new_enough(0).is_err() && new_enough(12_090).is_err());
        assert!(new_enough(NEEDED).is_ok() && new_enough(13_020).is_ok());
    }
}
