//! Matrix products by cuBLASLt on row-major matrices, sums in f32. The algorithm is the library's first suggestion, which depends
//! on the sizes and the device only, so equal runs give equal bytes.

use super::{CudaError, Device, Memory, because};
use cudarc::cublaslt::{result, sys};
use std::sync::Arc;

/// Bytes that the library may use while it runs.
const WORKSPACE: usize = 32 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    F32,
    Bf16,
}

/// One operand of a product: row-major, or lying transposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operand {
    pub element: Element,
    /// Elements from one row to the next, of the transpose when transposed.
    pub leading: usize,
    pub transposed: bool,
    /// Elements from one matrix of the batch to the next.
    pub step: usize,
}

/// c = a b: [m, k] [k, n] to [m, n], which is not transposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Product {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub batch: usize,
    pub a: Operand,
    pub b: Operand,
    pub c: Operand,
}

/// The library on one device, and its workspace.
pub struct Gemm {
    device: Arc<Device>,
    handle: sys::cublasLtHandle_t,
    workspace: Memory,
}

// SAFETY: the library's handle may be used by any thread whose context is the device's.
unsafe impl Send for Gemm {}
// SAFETY: as above.
unsafe impl Sync for Gemm {}

impl Gemm {
    pub fn new(device: &Arc<Device>) -> Result<Gemm, CudaError> {
        super::find().cublaslt.as_ref().map_err(|why| CudaError(why.clone()))?;
        device.enter()?;
        let handle = result::create_handle().map_err(because("starting cuBLASLt"))?;
        Ok(Gemm { device: device.clone(), handle, workspace: Memory::new(device, WORKSPACE)? })
    }

    /// Puts a product into the stream; addresses are those of the first elements.
    pub fn run(&self, product: &Product, a: u64, b: u64, c: u64) -> Result<(), CudaError> {
        self.device.enter()?;
        let failed = |e: result::CublasError| CudaError(format!("{product:?}: {e:?}"));
        let p = product;
        assert!(!p.c.transposed, "results are row-major");
        // Row-major matrices are the transposes of what the library sees, so it computes c' = b' a'.
        let first = Layout::new(&p.b, [p.k, p.n], p.batch).map_err(failed)?;
        let second = Layout::new(&p.a, [p.m, p.k], p.batch).map_err(failed)?;
        let to = Layout::new(&p.c, [p.m, p.n], p.batch).map_err(failed)?;
        let description = Description::new(p).map_err(failed)?;
        let (one, zero) = (1.0f32, 0.0f32);
        // SAFETY: descriptors are alive; the caller vouches for the matrices, as for the memory of launches.
        unsafe {
            let suggested = suggestion(self.handle, &description, [&first, &second, &to]).map_err(failed)?;
            result::matmul(
                self.handle,
                description.0,
                std::ptr::from_ref(&one).cast(),
                std::ptr::from_ref(&zero).cast(),
                b as *const _,
                first.0,
                a as *const _,
                second.0,
                c as *const _,
                to.0,
                c as *mut _,
                to.0,
                &suggested.algo,
                self.workspace.address() as *mut _,
                WORKSPACE,
                self.device.stream().cast(),
            )
            .map_err(failed)
        }
    }
}

impl Drop for Gemm {
    fn drop(&mut self) {
        if self.device.enter().is_ok() {
            // SAFETY: made in `new` and dropped once.
            let _ = unsafe { result::destroy_handle(self.handle) };
        }
    }
}

/// SAFETY: all descriptors are alive.
unsafe fn suggestion(
    handle: sys::cublasLtHandle_t,
    description: &Description,
    [first, second, to]: [&Layout; 3],
) -> Result<sys::cublasLtMatmulHeuristicResult_t, result::CublasError> {
    let preference = result::create_matmul_pref()?;
    let most: usize = WORKSPACE;
    let attribute = sys::cublasLtMatmulPreferenceAttributes_t::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
    // SAFETY: the preference was just made and is destroyed once; the rest by this function's contract.
    unsafe {
        let set = result::set_matmul_pref_attribute(preference, attribute, std::ptr::from_ref(&most).cast(), size_of::<usize>());
        let found = set.and_then(|()| result::get_matmul_algo_heuristic(handle, description.0, first.0, second.0, to.0, to.0, preference));
        let _ = result::destroy_matmul_pref(preference);
        found
    }
}

fn kind(element: Element) -> sys::cudaDataType {
    match element {
        Element::F32 => sys::cudaDataType::CUDA_R_32F,
        Element::Bf16 => sys::cudaDataType::CUDA_R_16BF,
    }
}

/// How a matrix lies, as the library sees it: column-major.
struct Layout(sys::cublasLtMatrixLayout_t);

impl Layout {
    /// `rows` and `columns` are those of the row-major matrix.
    fn new(operand: &Operand, [rows, columns]: [usize; 2], batch: usize) -> Result<Layout, result::CublasError> {
        let [rows, columns] = if operand.transposed { [rows, columns] } else { [columns, rows] };
        let layout = Layout(result::create_matrix_layout(kind(operand.element), rows as u64, columns as u64, operand.leading as i64)?);
        if batch > 1 {
            use sys::cublasLtMatrixLayoutAttribute_t::{CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET};
            let (count, step) = (batch as i32, operand.step as i64);
            // SAFETY: the layout is alive and each attribute has the size of its value.
            unsafe {
                let count = std::ptr::from_ref(&count).cast();
                result::set_matrix_layout_attribute(layout.0, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count, size_of::<i32>())?;
                let step = std::ptr::from_ref(&step).cast();
                result::set_matrix_layout_attribute(layout.0, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, step, size_of::<i64>())?;
            }
        }
        Ok(layout)
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        // SAFETY: made in `new` and dropped once.
        let _ = unsafe { result::destroy_matrix_layout(self.0) };
    }
}

/// What is computed, apart from sizes.
struct Description(sys::cublasLtMatmulDesc_t);

impl Description {
    fn new(p: &Product) -> Result<Description, result::CublasError> {
        use sys::cublasLtMatmulDescAttributes_t::{CUBLASLT_MATMUL_DESC_TRANSA, CUBLASLT_MATMUL_DESC_TRANSB};
        let compute = sys::cublasComputeType_t::CUBLAS_COMPUTE_32F;
        let description = Description(result::create_matmul_desc(compute, sys::cudaDataType::CUDA_R_32F)?);
        for (attribute, transposed) in [(CUBLASLT_MATMUL_DESC_TRANSA, p.b.transposed), (CUBLASLT_MATMUL_DESC_TRANSB, p.a.transposed)] {
            let value = i32::from(transposed);
            // SAFETY: the description is alive; the attribute is an i32 whose value 1 says transposed.
            unsafe { result::set_matmul_desc_attribute(description.0, attribute, std::ptr::from_ref(&value).cast(), size_of::<i32>())? };
        }
        Ok(description)
    }
}

impl Drop for Description {
    fn drop(&mut self) {
        // SAFETY: made in `new` and dropped once.
        let _ = unsafe { result::destroy_matmul_desc(self.0) };
    }
}
