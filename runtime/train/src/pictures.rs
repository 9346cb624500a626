//! A few fields kept for the report: truth and prediction of the last predicted frame on fixed validation windows, as a small
//! safetensors file `[windows, height, width, fields]`. Of three-dimensional data it is the middle slice along the first axis.

use crate::work::Layout;
use safetensors::tensor::{Dtype, TensorView};

/// Windows kept. A divisor of the learning curve's sample, so that their predictions exist at every report point.
pub(crate) const PICTURES: usize = 4;

pub(crate) struct Pictures {
    grid: Vec<usize>,
    fields: usize,
    windows: usize,
    truth: Vec<f32>,
    prediction: Vec<f32>,
}

impl Pictures {
    pub fn new(layout: &Layout) -> Pictures {
        Pictures { grid: layout.grid.clone(), fields: layout.fields.len(), windows: 0, truth: vec![], prediction: vec![] }
    }

    /// Keeps those of `chunk` that are wanted, out of blocks of `frames` frames per sample.
    pub fn take(&mut self, chunk: &[usize], wanted: &[usize], truth: &[f32], prediction: &[f32], frames: usize) {
        let frame = self.grid.iter().product::<usize>() * self.fields;
        for (place, _) in chunk.iter().enumerate().filter(|(_, w)| wanted.contains(w)) {
            let at = (place * frames + frames - 1) * frame;
            let slice = self.slice(frame);
            self.truth.extend_from_slice(&truth[at..at + frame][slice.clone()]);
            self.prediction.extend_from_slice(&prediction[at..at + frame][slice]);
            self.windows += 1;
        }
    }

    /// The part of a frame that is shown.
    fn slice(&self, frame: usize) -> std::ops::Range<usize> {
        match self.grid.len() {
            3 => {
                let size = frame / self.grid[0];
                let middle = self.grid[0] / 2;
                middle * size..(middle + 1) * size
            }
            _ => 0..frame,
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let (height, width) = match self.grid[..] {
            [_, height, width] | [height, width] => (height, width),
            _ => (1, self.grid.iter().product()),
        };
        let shape = vec![self.windows, height, width, self.fields];
        let little = |v: &[f32]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let (truth, prediction) = (little(&self.truth), little(&self.prediction));
        let view = |bytes| TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a slice has its own shape");
        safetensors::serialize([("truth", view(&truth)), ("prediction", view(&prediction))], None).expect("tensors in memory serialise")
    }
}
