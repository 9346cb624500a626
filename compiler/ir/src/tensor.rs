//! A tensor of the reference interpreter: f64 whatever the element type, so that it can be the oracle of all else.

use crate::TensorType;

#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    /// Row-major. Integers and booleans are held exactly.
    pub data: Vec<f64>,
}

impl Tensor {
    pub fn new(shape: &[usize], data: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "shape {shape:?} needs as many elements");
        Tensor { shape: shape.to_vec(), data }
    }

    pub fn scalar(v: f64) -> Self {
        Tensor { shape: vec![], data: vec![v] }
    }

    pub fn fill(shape: &[usize], v: f64) -> Self {
        Tensor { shape: shape.to_vec(), data: vec![v; shape.iter().product()] }
    }

    pub fn zeros(ty: &TensorType) -> Self {
        Self::fill(&ty.shape, 0.0)
    }

    pub fn from_fn(shape: &[usize], mut f: impl FnMut(&[usize]) -> f64) -> Self {
        let mut index = vec![0; shape.len()];
        let n: usize = shape.iter().product();
        let mut data = Vec::with_capacity(n);
        for _ in 0..n {
            data.push(f(&index));
            for a in (0..shape.len()).rev() {
                index[a] += 1;
                if index[a] < shape[a] {
                    break;
                }
                index[a] = 0;
            }
        }
        Tensor { shape: shape.to_vec(), data }
    }

    pub fn from_f32(shape: &[usize], data: &[f32]) -> Self {
        Self::new(shape, data.iter().map(|&v| f64::from(v)).collect())
    }

    /// Row-major strides in elements.
    pub fn strides(&self) -> Vec<usize> {
        let mut s = vec![1; self.shape.len()];
        for a in (0..self.shape.len().saturating_sub(1)).rev() {
            s[a] = s[a + 1] * self.shape[a + 1];
        }
        s
    }

    pub fn at(&self, index: &[usize]) -> f64 {
        let i: usize = index.iter().zip(self.strides()).map(|(i, s)| i * s).sum();
        self.data[i]
    }
}
