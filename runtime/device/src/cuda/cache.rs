//! Machine code on disk under the hash of everything it was made from. An entry begins with the hash of its content: one that was
//! cut off or changed is not believed, and is made again. A cache that cannot be written is no error, only slower.

use std::path::{Path, PathBuf};

pub struct Cache {
    directory: PathBuf,
}

/// Bytes of a hash.
const HASH: usize = 32;

impl Cache {
    pub fn new(directory: &Path) -> Cache {
        Cache { directory: directory.to_path_buf() }
    }

    /// Where `PFMC_CACHE` says, else in the user's cache directory; None where there is neither.
    pub fn usual() -> Option<Cache> {
        let given = std::env::var_os("PFMC_CACHE").map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/pfmc"));
        Some(Cache::new(&given.or_else(home)?.join("cuda")))
    }

    /// The name of what is made from these parts.
    pub fn key(parts: &[&str]) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let bytes = std::fs::read(self.path(key)).ok()?;
        let (hash, content) = bytes.split_at_checked(HASH)?;
        (blake3::hash(content).as_bytes() == hash).then(|| content.to_vec())
    }

    pub fn put(&self, key: &str, content: &[u8]) {
        // A reader sees the old entry or the new one; a writer that dies leaves a file that nobody reads.
        let temporary = self.directory.join(format!("{key}.{}", std::process::id()));
        let bytes = [blake3::hash(content).as_bytes(), content].concat();
        let written = std::fs::create_dir_all(&self.directory).and_then(|()| std::fs::write(&temporary, bytes));
        if written.and_then(|()| std::fs::rename(&temporary, self.path(key))).is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.directory.join(format!("{key}.cubin"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> (PathBuf, Cache) {
        let directory = std::env::temp_dir().join(format!("pfmc-cache-{name}-{}", std::process::id()));
        (directory.clone(), Cache::new(&directory))
    }

    #[test]
    fn gives_back_what_was_put_and_nothing_that_was_changed() {
        let (directory, cache) = scratch("changed");
        assert_eq!(cache.get("k"), None);
        cache.put("k", b"code");
        assert_eq!(cache.get("k").as_deref(), Some(&b"code"[..]));
        let path = directory.join("k.cubin");
        let whole = std::fs::read(&path).expect("it was put");
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("writes");
            assert_eq!(cache.get("k"), None, "cut at {cut}");
        }
        let mut flipped = whole.clone();
        for at in 0..whole.len() {
            flipped[at] ^= 4;
            std::fs::write(&path, &flipped).expect("writes");
            assert_eq!(cache.get("k"), None, "changed at {at}");
            flipped[at] ^= 4;
        }
        std::fs::remove_dir_all(directory).expect("cleans up");
    }

    #[test]
    fn a_directory_that_cannot_be_made_only_forgets() {
        let cache = Cache::new(Path::new("/dev/null/nowhere"));
        cache.put("k", b"code");
        assert_eq!(cache.get("k"), None);
    }

    #[test]
    fn keys_tell_parts_apart() {
        assert_ne!(Cache::key(&["ab", "c"]), Cache::key(&["a", "bc"]));
    }
}
