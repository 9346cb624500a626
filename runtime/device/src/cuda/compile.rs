//! CUDA C++ to machine code in memory, by NVRTC, several texts at a time. The compiler's log says how many registers each
//! function takes and whether any of them spill.

use super::cache::Cache;
use super::usage::Usage;
use super::{CudaError, find};
use cudarc::nvrtc::{result, sys};
use std::ffi::CString;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Machine code, and what the compiler said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    pub code: Vec<u8>,
    pub log: String,
}

impl Compiled {
    /// The length of the log, the log, the code.
    fn to_bytes(&self) -> Vec<u8> {
        [&(self.log.len() as u64).to_le_bytes(), self.log.as_bytes(), &self.code].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Compiled> {
        let (length, rest) = bytes.split_at_checked(8)?;
        let length = u64::from_le_bytes(length.try_into().ok()?);
        let (log, code) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        Some(Compiled { code: code.to_vec(), log: String::from_utf8(log.to_vec()).ok()? })
    }

    /// What its functions take.
    pub fn usage(&self) -> Usage {
        Usage::read(&self.log)
    }

    /// Whether registers do not suffice for what the functions mean to keep there.
    pub fn spills(&self) -> bool {
        self.usage().spilled > 0
    }
}

/// Compiles one text for a compute capability such as `sm_90` or `sm_90a`.
pub fn compile(source: &str, architecture: &str) -> Result<Compiled, CudaError> {
    find().nvrtc.as_ref().map_err(|why| CudaError(why.clone()))?;
    let text = CString::new(source).map_err(|_| CudaError("a source has a zero byte".into()))?;
    let program = result::create_program(&text, None).map_err(|e| CudaError(format!("starting the compiler: {e:?}")))?;
    let options = options(architecture);
    // SAFETY: the program was just made and lives until it is destroyed below.
    unsafe {
        let compiled = result::compile_program(program, &options);
        let log = log(program);
        let code = compiled.map_err(|e| CudaError(format!("{e:?}: {log}\n{}", own(source)))).and_then(|()| code(program));
        let _ = result::destroy_program(program);
        Ok(Compiled { code: code?, log })
    }
}

/// What stands behind the prelude, which is the same for all.
fn own(source: &str) -> &str {
    source.find("extern \"C\"").map_or(source, |at| &source[at..])
}

fn options(architecture: &str) -> Vec<String> {
    vec![format!("--gpu-architecture={architecture}"), "--std=c++17".into(), "--ptxas-options=-v".into()]
}

/// SAFETY: the program has been compiled and not destroyed.
unsafe fn log(program: sys::nvrtcProgram) -> String {
    // SAFETY: by this function's contract.
    let bytes = unsafe { result::get_program_log(program) }.unwrap_or_default();
    let bytes: Vec<u8> = bytes.iter().map(|c| *c as u8).take_while(|c| *c != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// SAFETY: the program has been compiled without errors and not destroyed.
unsafe fn code(program: sys::nvrtcProgram) -> Result<Vec<u8>, CudaError> {
    let failed = |e| CudaError(format!("reading compiled code: {e:?}"));
    let mut size = 0;
    // SAFETY: by this function's contract; the buffer has the size that the compiler asks for.
    unsafe {
        sys::nvrtcGetCUBINSize(program, &mut size).result().map_err(failed)?;
        let mut code = vec![0u8; size];
        sys::nvrtcGetCUBIN(program, code.as_mut_ptr().cast()).result().map_err(failed)?;
        Ok(code)
    }
}

/// Compiles texts on as many threads; what the cache has is not compiled again, and what it lacks is put there.
pub fn compile_all(sources: &[String], architecture: &str, threads: usize, cache: Option<&Cache>) -> Result<Vec<Compiled>, CudaError> {
    let version = *find().nvrtc.as_ref().map_err(|why| CudaError(why.clone()))?;
    let made: Vec<Mutex<Option<Result<Compiled, CudaError>>>> = sources.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = sources.get(at) else { return };
            let result = one(source, architecture, version, cache);
            *made[at].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(sources.len()) {
            scope.spawn(work);
        }
        work();
    });
    let all = made.into_iter().map(|m| m.into_inner().unwrap_or_else(PoisonError::into_inner).expect("every text was taken"));
    all.collect()
}

fn one(source: &str, architecture: &str, version: (i32, i32), cache: Option<&Cache>) -> Result<Compiled, CudaError> {
    let Some(cache) = cache else { return compile(source, architecture) };
    let key = Cache::key(&[source, &options(architecture).join(" "), &format!("{version:?}")]);
    if let Some(known) = cache.get(&key).and_then(|bytes| Compiled::from_bytes(&bytes)) {
        return Ok(known);
    }
    let compiled = compile(source, architecture)?;
    cache.put(&key, &compiled.to_bytes());
    Ok(compiled)
}
