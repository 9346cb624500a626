//! What the CUDA back end hands over: for each group of a plan the steps that run it. A step is a launch of a generated
//! function or a matrix product for cuBLASLt; all shapes in them are literals.

use pfm_ir::DType;

/// What functions are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The compute capability as one number, such as 90 for 9.0.
    pub sm: u32,
    /// Whether they may use instructions of this capability that later devices lack. Its code then runs on no other.
    pub own: bool,
}

impl Target {
    /// What a device of this capability runs.
    pub fn of(sm: u32) -> Target {
        Target { sm, own: sm == 90 }
    }

    /// Without the instructions that later devices lack.
    pub fn plain(sm: u32) -> Target {
        Target { sm, own: false }
    }

    /// Whether groups of four warps multiply matrices that lie in shared memory.
    pub fn multiplies_in_groups(&self) -> bool {
        self.own && self.sm == 90
    }

    /// What the compiler is told, such as `sm_80` or `sm_90a`.
    pub fn architecture(&self) -> String {
        format!("sm_{}{}", self.sm, if self.own { "a" } else { "" })
    }
}

/// How one group runs: its steps in order, and the bytes of working memory that they share.
/// Steps name memory by position: the group's buffers (operands, then results), then its working memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    pub steps: Vec<Step>,
    pub scratch_bytes: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Launch(Launch),
    Gemm(Gemm),
}

/// One launch of a generated function whose parameters are addresses only.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Name of the `extern "C" __global__` function.
    pub entry: String,
    /// Its complete text. It may use the names of the prelude and includes nothing.
    pub source: String,
    pub grid: [u32; 3],
    /// Threads of a block.
    pub block: u32,
    /// Dynamic shared memory.
    pub shared_bytes: u32,
    /// Position of the memory behind each parameter.
    pub arguments: Vec<usize>,
}

impl Launch {
    /// A launch with the entry `FAMILY_HASH` of the source, in which `ENTRY` stands for the name: equal texts get equal names,
    /// so they are compiled once.
    pub fn new(family: &str, source: &str, grid: [usize; 3], block: usize, shared_bytes: usize, arguments: Vec<usize>) -> Launch {
        let hash = blake3::hash(source.as_bytes()).to_hex();
        let entry = format!("{family}_{}", &hash[..16]);
        let source = source.replace("ENTRY", &entry);
        let number = |n: usize| u32::try_from(n).expect("the sizes of a launch fit 32 bits");
        assert!(grid[1] < 65536 && grid[2] < 65536, "{entry}: only the first side of a grid may be large");
        Launch { entry, source, grid: grid.map(number), block: number(block), shared_bytes: number(shared_bytes), arguments }
    }
}

/// `c[i] = a[i] b[i]` for each matrix of a batch, row-major m x k, k x n and m x n, sums in f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Gemm {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub batch: usize,
    pub a: Matrix,
    pub b: Matrix,
    pub c: Matrix,
}

/// A batch of matrices in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    pub argument: usize,
    pub dtype: DType,
    /// Elements before the first.
    pub offset: usize,
    /// Elements from one row to the next; of the transpose, when the matrix lies transposed.
    pub leading: usize,
    pub transposed: bool,
    /// Elements from one matrix of the batch to the next.
    pub step: usize,
}
