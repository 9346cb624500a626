//! The committed reference is what `pfmc doc` writes. `PFMC_BLESS=1` rewrites it.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_reference_is_fresh() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    let bless = std::env::var_os("PFMC_BLESS").is_some();
    let folder = tempfile::tempdir().expect("a folder");
    let out = if bless { committed.as_path() } else { folder.path() };
    let done = Command::new(env!("CARGO_BIN_EXE_pfmc")).args(["doc", "--out"]).arg(out).output().expect("pfmc runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder).expect("the pages").map(|e| e.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&committed), names(out), "the same pages");
    for name in names(out) {
        let read = |folder: &Path| fs::read_to_string(folder.join(&name)).expect("a page");
        assert!(read(&committed) == read(out), "docs/reference/{} is stale: run the tests with PFMC_BLESS=1", name.display());
    }
}
