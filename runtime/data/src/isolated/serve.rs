//! The reading process itself: it answers requests from standard input until that closes, within bounds on its memory and time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdf5_metno::{File, Hyperslab, SliceOrIndex};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::process::PATIENCE;
use super::protocol::{Answer, Fault, Outcome, Request, Selection, decode, receive, send};
use crate::error::DataError;
use crate::well::read_header;

/// Address space of a reading process: damaged sizes must not take the memory of the machine.
const MEMORY: u64 = 4 << 30;

/// Answers requests until standard input closes.
pub(super) fn serve() {
    // Where there are no such limits, time is still bounded.
    let _ = setrlimit(Resource::As, Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) });
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    std::panic::set_hook(Box::new(|_| ()));
    let begun = Instant::now();
    // Milliseconds since `begun` at which the present request came; 0 between requests.
    let busy: &'static AtomicU64 = Box::leak(Box::new(AtomicU64::new(0)));
    std::thread::spawn(move || watch(begun, busy));
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    while let Ok(Some(bytes)) = receive(&mut input) {
        busy.store(begun.elapsed().as_millis() as u64 + 1, Ordering::Release);
        let outcome = match decode(&bytes) {
            Ok(request) => caught(&request),
            Err(cause) => Err(Fault { object: None, cause: format!("the request makes no sense: {cause}") }),
        };
        busy.store(0, Ordering::Release);
        if send(&mut output, &outcome).is_err() {
            return;
        }
    }
}

/// Ends a process that hangs although nobody is left to end it.
fn watch(begun: Instant, busy: &AtomicU64) {
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let since = busy.load(Ordering::Acquire);
        if since > 0 && begun.elapsed() > Duration::from_millis(since) + 2 * PATIENCE {
            std::process::abort();
        }
    }
}

fn caught(request: &Request) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| answer(request))).unwrap_or_else(|_| {
        Err(Fault { object: None, cause: "the HDF5 file is damaged: what the library says of it contradicts itself".into() })
    })
}

/// Reads what is asked for, here and now.
pub(super) fn answer(request: &Request) -> Outcome {
    match request {
        Request::Header(file) => Ok(Answer::Header(Box::new(read_header(&PathBuf::from(file))?))),
        Request::Values { file, object, selection } => Ok(Answer::Values(read_values(&PathBuf::from(file), object, selection)?)),
    }
}

fn read_values(path: &Path, object: &str, selection: &Selection) -> Result<Vec<f32>, DataError> {
    let failed = |cause: hdf5_metno::Error| DataError::object(path, object, cause);
    let dataset = File::open(path).and_then(|file| file.dataset(object)).map_err(failed)?;
    let slices: Vec<SliceOrIndex> =
        selection.iter().map(|&(start, step, count)| SliceOrIndex::SliceCount { start, step, count, block: 1 }).collect();
    let values = dataset.read_slice::<f32, _, ndarray::IxDyn>(Hyperslab::from(slices)).map_err(failed)?;
    Ok(values.iter().copied().collect())
}
