//! What compiled functions take of a device, by family: a table that is kept as a golden file.

use pfm_cuda::Target;
use pfm_device::cuda::Usage;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// The most of any function of a family; spills are added up.
#[derive(Default)]
pub struct Table(BTreeMap<(Target, String), Usage>);

impl Table {
    /// Counts a function in. Its family is its name without the hash.
    pub fn add(&mut self, target: Target, entry: &str, usage: Usage) {
        let family = entry.rsplit_once('_').map_or(entry, |(family, _)| family);
        let most = self.0.entry((target, family.to_string())).or_default();
        *most = Usage {
            registers: most.registers.max(usage.registers),
            shared: most.shared.max(usage.shared),
            stack: most.stack.max(usage.stack),
            spilled: most.spilled + usage.spilled,
        };
    }

    fn text(&self) -> String {
        let mut text = String::from(HEAD);
        for ((target, family), u) in &self.0 {
            let (target, Usage { registers, shared, stack, spilled }) = (target.architecture(), u);
            writeln!(text, "{target:<8}{family:<20}{registers:>9}{shared:>8}{stack:>7}{spilled:>9}").expect("writing to a string");
        }
        text
    }

    /// Panics with the lines that are not those of the file. `PFMC_BLESS=1` writes it anew.
    pub fn compare(&self, path: &Path) {
        let found = self.text();
        if std::env::var_os("PFMC_BLESS").is_some() {
            std::fs::write(path, found).expect("writable");
            return;
        }
        let expected = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let only = |a: &str, b: &str| a.lines().filter(|l| !b.lines().any(|m| m == *l)).map(|l| format!("{l}\n")).collect::<String>();
        let (gone, new) = (only(&expected, &found), only(&found, &expected));
        let path = path.display();
        assert!(found == expected, "{path} says\n{gone}and the compiler\n{new}PFMC_BLESS=1 takes the new lines");
    }
}

const HEAD: &str = "\
# The CUDA functions of experiments/indomain.pfm at the sizes of the paper in bf16, compiled by NVRTC 13.0.88: for each family the most
# registers of a thread, bytes of shared memory that a text declares and bytes of stack, and all bytes that are spilled.
# PFMC_BLESS=1 cargo test --release --locked -p pfm-tests --test cuda writes this file.
target  family              registers  shared  stack  spilled
";
