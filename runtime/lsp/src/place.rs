//! Files and their addresses. The standard library is embedded in the program; so that any editor can open it, its text is written
//! once into the user's cache folder.

use lsp_types::Uri;
use std::path::{Path, PathBuf};

/// `file:///a/b.pfm` as a path; an address that is no file is its own name.
pub fn path_of(uri: &Uri) -> String {
    match uri.as_str().strip_prefix("file://") {
        Some(rest) => decoded(rest),
        None => uri.as_str().to_string(),
    }
}

/// The address of a file; None when the path cannot be written as one.
pub fn uri_of(path: &str) -> Option<Uri> {
    if path.contains("://") {
        return path.parse().ok();
    }
    let mut text = String::from("file://");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => text.push(byte as char),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text.parse().ok()
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the standard library can be read.
pub struct Standard {
    folder: PathBuf,
}

impl Standard {
    pub fn new() -> Standard {
        let home =
            std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        Standard { folder: home.unwrap_or_else(std::env::temp_dir).join("pfmc").join(env!("CARGO_PKG_VERSION")) }
    }

    /// The path of a file such as `std/nn.pfm`, which is written there if it is not.
    pub fn path(&self, name: &str) -> Option<String> {
        let (_, text) = pfm_stdlib::FILES.iter().find(|(n, _)| *n == name)?;
        let path = self.folder.join(name);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(*text) {
            std::fs::create_dir_all(path.parent()?).ok()?;
            std::fs::write(&path, text).ok()?;
        }
        Some(path.to_string_lossy().into_owned())
    }

    /// True for a file that `path` wrote: it is read, not checked.
    pub fn holds(&self, path: &str) -> bool {
        Path::new(path).starts_with(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths_are_each_other() {
        let path = "/home/a b/\u{e4}%20.pfm";
        let uri = uri_of(path).expect("a path has an address");
        assert_eq!(uri.as_str(), "file:///home/a%20b/%C3%A4%2520.pfm");
        assert_eq!(path_of(&uri), path);
        assert_eq!(path_of(&"untitled:Untitled-1".parse().expect("an address")), "untitled:Untitled-1");
    }
}
