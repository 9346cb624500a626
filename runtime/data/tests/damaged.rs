//! Damaged files can't take a program down: reading ends in values that the HDF5 library gives too, or in an error that names the
//! file, soon. 100 damaged copies of a small file in a usual run, 1,000 with PFMC_HEAVY=1. PFMC_DAMAGED=FOLDER keeps the copies and
//! what was read from each, for `damaged.py` to compare with h5py.
//!
//! This test has a `main` of its own, because reading is isolated in another process of the same program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hdf5_metno::File;
use pfm_data::{Dataset, Split, isolate_reading};

/// The fields of the small file in channel order.
const FIELDS: [&str; 4] = ["t0_fields/pressure", "t0_fields/density", "t1_fields/momentum", "t2_fields/D"];
const FRAMES: usize = 7;
/// Reading may take no longer.
const LIMIT: Duration = Duration::from_secs(5);
/// The argument with which this program reads a file with the library alone.
const LIBRARY: &str = "--library";

fn main() {
    isolate_reading();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, path] = arguments.as_slice()
        && first == LIBRARY
    {
        return library(Path::new(path));
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let tests: [(&str, fn()); 4] = [
        ("damaged_files_are_read_as_the_library_reads_them_or_named", damaged_files),
        ("sound_files_are_read_in_another_process", sound_files),
        ("a_library_that_hangs_is_an_error", hanging),
        ("a_library_that_takes_all_memory_is_an_error", greedy),
    ];
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
    println!("\ntest result: ok. {} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out", tests.len());
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Everything in the file, or the error.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let all = Dataset::open(path, Split::Train).and_then(|dataset| {
        let index = dataset.windows(dataset.frames_per_trajectory(), 1);
        let mut out = vec![0.0f32; dataset.window_size(&index)];
        let mut all = Vec::new();
        for window in 0..index.len() {
            dataset.read_window(&index, window, &mut out)?;
            all.extend(out.iter().flat_map(|value| value.to_le_bytes()));
        }
        Ok(all)
    });
    all.map_err(|error| error.to_string())
}

/// Prints what the library alone makes of the fields, channels last.
fn library(path: &Path) {
    let file = File::open(path).unwrap();
    let fields: Vec<Vec<f32>> = FIELDS.iter().map(|name| file.dataset(name).unwrap().read_raw::<f32>().unwrap()).collect();
    let components = [1, 1, 2, 4];
    let mut bytes = Vec::new();
    for cell in 0..fields[0].len() {
        for (values, components) in fields.iter().zip(components) {
            bytes.extend(values[cell * components..][..components].iter().flat_map(|value| value.to_le_bytes()));
        }
    }
    std::io::stdout().write_all(&bytes).unwrap();
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

/// Copy number `i`: a bit or several flipped, a stretch overwritten, zeroed or cut out, the end missing.
fn damage(sound: &[u8], i: usize) -> Vec<u8> {
    let mut random = Random(i as u64);
    let mut bytes = sound.to_vec();
    let size = bytes.len();
    let at = random.below(size);
    let stretch = at..(at + 1 + random.below(64)).min(size);
    match i % 6 {
        0 | 1 => bytes[at] ^= 1 << random.below(8),
        2 => (0..2 + random.below(30)).for_each(|_| bytes[random.below(size)] ^= 1 << random.below(8)),
        3 => stretch.for_each(|at| bytes[at] = random.below(256) as u8),
        4 => bytes[stretch].fill(0),
        _ => bytes.truncate(at),
    }
    bytes
}

/// Whether values are those of the library. In a damaged index the library may overlook a chunk and silently give zeros for it; the
/// chunk itself is still in the table of all chunks, sound, and may be read.
fn agree(values: &[u8], library: &[u8], original: &[u8]) -> bool {
    let same = |((value, library), original): ((&[u8], &[u8]), &[u8])| value == library || (library == [0; 4] && value == original);
    values.len() == library.len() && values.chunks(4).zip(library.chunks(4)).zip(original.chunks(4)).all(same)
}

fn damaged_files() {
    let count = if std::env::var_os("PFMC_HEAVY").is_some_and(|value| value == "1") { 1000 } else { 100 };
    let kept = std::env::var_os("PFMC_DAMAGED").map(PathBuf::from);
    let own = tempfile::tempdir().unwrap();
    let folder = kept.as_deref().unwrap_or(own.path());
    std::fs::create_dir_all(folder).unwrap();
    let sound = std::fs::read(fixture("small.hdf5")).unwrap();
    let (mut read_well, mut changed, mut slowest, mut different) = (0, 0, Duration::ZERO, Vec::new());
    let original = read(&fixture("small.hdf5")).unwrap();
    for i in 0..count {
        let path = folder.join(format!("{i:04}.hdf5"));
        std::fs::write(&path, damage(&sound, i)).unwrap();
        let begun = Instant::now();
        let found = read(&path);
        let took = begun.elapsed();
        slowest = slowest.max(took);
        assert!(took < LIMIT, "{}: {took:?}", path.display());
        match &found {
            Ok(values) => {
                read_well += 1;
                changed += usize::from(*values != original);
                let library =
                    Command::new(std::env::current_exe().unwrap()).arg(LIBRARY).arg(&path).stderr(Stdio::null()).output().unwrap();
                // The library may refuse at one way of asking what it finds at another; then only the right values will do.
                if !library.status.success() {
                    different.extend((*values != original).then_some(i));
                } else if !agree(values, &library.stdout, &original) {
                    different.push(i);
                }
            }
            Err(error) => assert!(error.contains(path.to_str().unwrap()), "{error}"),
        }
        if kept.is_some() {
            let name = if found.is_ok() { "values" } else { "error" };
            std::fs::write(path.with_extension(name), found.unwrap_or_else(String::into_bytes)).unwrap();
        }
    }
    println!("{count} damaged files: {read_well} read ({changed} with other values), {} refused, slowest {slowest:?}", count - read_well);
    assert!(different.is_empty(), "the library reads other values from copies {different:?}");
    assert!(read_well > 0 && changed > 0 && read_well < count, "the damage is of all kinds");
}

fn sound_files() {
    let expected = std::fs::read(fixture("small.values")).unwrap();
    assert_eq!(read(&fixture("small.hdf5")).unwrap(), expected);
    // Numbers that only the library understands come from the other process, on several threads at once.
    let dataset = Dataset::open(&fixture("scrambled.hdf5"), Split::Train).unwrap();
    let index = dataset.windows_of(&["big", "half", "checked_x"], FRAMES, 1).unwrap();
    let values = std::fs::read(fixture("scrambled.values")).unwrap();
    let values: Vec<f32> = values.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    std::thread::scope(|scope| {
        for window in 0..index.len() {
            let (dataset, index, values) = (&dataset, &index, &values);
            scope.spawn(move || {
                let mut out = vec![0.0; dataset.window_size(index)];
                dataset.read_window(index, window, &mut out).unwrap();
                let rows = values.chunks(25).skip(window * out.len() / 3).flat_map(|row| [row[6], row[3], row[13]]);
                assert!(rows.zip(&out).all(|(expected, found)| expected.to_bits() == found.to_bits()));
            });
        }
    });
}

/// A copy of the small file, changed by the library.
fn altered(change: impl FnOnce(&Path, &File)) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("altered.hdf5");
    std::fs::copy(fixture("small.hdf5"), &path).unwrap();
    let file = File::open_rw(&path).unwrap();
    change(&path, &file);
    file.close().unwrap();
    (folder, path)
}

fn hanging() {
    // A field that lies in another file, which is a pipe that nobody writes to: the library waits for it for ever.
    let (_folder, path) = altered(|path, file| {
        assert!(Command::new("mkfifo").arg(path.with_file_name("pipe.h5")).status().unwrap().success());
        let group = file.group("t0_fields").unwrap();
        group.unlink("density").unwrap();
        group.link_external("pipe.h5", "/density", "density").unwrap();
    });
    let begun = Instant::now();
    let error = read(&path).unwrap_err();
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    assert!(error.contains("altered.hdf5") && error.contains("took more than"), "{error}");
    // The next file is read as if nothing had been.
    assert!(read(&fixture("small.hdf5")).is_ok());
}

fn greedy() {
    let (_folder, path) = altered(|_, file| {
        let group = file.group("dimensions").unwrap();
        group.unlink("time").unwrap();
        group.new_dataset::<f32>().shape([1 << 40]).chunk([1024]).create("time").unwrap();
    });
    let error = read(&path).unwrap_err();
    assert!(error.contains("altered.hdf5") && error.contains("did not survive"), "{error}");
    assert!(read(&fixture("small.hdf5")).is_ok());
}
