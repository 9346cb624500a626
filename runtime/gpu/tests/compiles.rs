//! Every kernel of the cases of `compare` compiles, for the oldest and for a newer architecture, without spilling registers. Needs the
//! compiler of CUDA only, no device.

use pfm_cuda::Target;
use pfm_device::cuda::{Cache, compile_all, find_in};
use pfm_gpu::compare::{cases, planned};
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn every_case_compiles_without_spills() {
    if std::env::var_os("PFMC_NO_NVRTC").is_some() {
        println!("skipped: PFMC_NO_NVRTC is set, so no CUDA function is compiled");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = find_in(&root.join("target/nvrtc"));
    assert!(found.nvrtc.is_ok(), "{:?}: run scripts/nvrtc.sh, or set PFMC_NO_NVRTC to leave this out", found.nvrtc);
    let cache = Cache::new(&root.join("target/cuda"));
    let all: &[u32] = if std::env::var_os("PFMC_HEAVY").is_some() { &[80, 86, 90, 100] } else { &[80] };
    for &sm in all {
        let mut sources: BTreeMap<String, String> = BTreeMap::new();
        for case in cases() {
            let (_, module) = planned(&case, Target::of(sm)).unwrap_or_else(|e| panic!("{}: {e}", case.name));
            sources.extend(module.sources);
        }
        let texts: Vec<String> = sources.into_values().collect();
        println!("{} functions for sm_{sm}", texts.len());
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let made = compile_all(&texts, &Target::of(sm).architecture(), threads, Some(&cache)).unwrap_or_else(|e| panic!("{e}"));
        for (compiled, text) in made.iter().zip(&texts) {
            let body = text.split("extern \"C\"").nth(1).unwrap_or(text);
            assert!(!compiled.spills(), "{}\n{body}", compiled.log);
        }
    }
}
