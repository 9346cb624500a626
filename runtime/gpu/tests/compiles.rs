//! Every kernel of the cases of `compare` compiles, for the oldest and for a newer architecture, without spilling registers. Needs the
//! compiler of CUDA only, no device.

use pfm_cuda::Target;
use pfm_device::cuda::compile_all;
use pfm_gpu::compare::{cases, planned};
use std::collections::BTreeMap;

#[test]
fn every_case_compiles_without_spills() {
    for sm in [80, 90] {
        let mut sources: BTreeMap<String, String> = BTreeMap::new();
        for case in cases() {
            let (_, module) = planned(&case, Target { sm }).unwrap_or_else(|e| panic!("{}: {e}", case.name));
            sources.extend(module.sources);
        }
        let texts: Vec<String> = sources.into_values().collect();
        println!("{} functions for sm_{sm}", texts.len());
        for (compiled, text) in compile_all(&texts, &Target { sm }.architecture(), 2, None).expect("all compile").iter().zip(&texts) {
            let body = text.split("extern \"C\"").nth(1).unwrap_or(text);
            assert!(compiled.log.contains(" 0 bytes spill stores"), "{}\n{body}", compiled.log);
        }
    }
}
