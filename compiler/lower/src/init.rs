//! First weights: a pure function of the experiment's seed and the parameter's path.

use pfm_elaborate::Init;
use pfm_ops::philox;

/// Values of one parameter, row-major.
pub fn initial_values(init: &Init, shape: &[usize], seed: u64, path: &str) -> Vec<f32> {
    let stream = stream_of(path);
    fill(init, shape, &mut Draws { seed, stream, element: 0 })
}

/// The number that keys draws made on behalf of a path.
pub fn stream_of(path: &str) -> u32 {
    let hash = blake3::hash(path.as_bytes());
    u32::from_le_bytes(hash.as_bytes()[..4].try_into().expect("four bytes"))
}

struct Draws {
    seed: u64,
    stream: u32,
    element: u32,
}

impl Draws {
    /// The stage word is all ones: no draw in training has it.
    fn words(&mut self) -> [u32; 4] {
        let words = philox::draw([self.seed as u32, u32::MAX, (self.seed >> 32) as u32, 0], 0, self.stream, self.element);
        self.element += 1;
        words
    }

    /// Uniform in [-1, 1).
    fn symmetric(&mut self) -> f64 {
        2.0 * f64::from(philox::uniform(self.words())) - 1.0
    }

    fn normal(&mut self) -> f64 {
        philox::normal(self.words())
    }
}

fn fill(init: &Init, shape: &[usize], draws: &mut Draws) -> Vec<f32> {
    let n: usize = shape.iter().product();
    match init {
        Init::Zeros => vec![0.0; n],
        Init::Ones => vec![1.0; n],
        Init::Constant(v) => vec![*v as f32; n],
        Init::Uniform(a) => (0..n).map(|_| (draws.symmetric() * a) as f32).collect(),
        Init::Normal(std) => (0..n).map(|_| (draws.normal() * std) as f32).collect(),
        Init::Repeated { inner, times } => {
            let mut one = shape.to_vec();
            one[0] /= times;
            let base = fill(inner, &one, draws);
            let row: usize = shape[1..].iter().product();
            let mut values = Vec::with_capacity(n);
            base.chunks(row).for_each(|r| (0..*times).for_each(|_| values.extend_from_slice(r)));
            values
        }
    }
}
