//! From the modes of the computing grid to values on the output grid.

use super::modes::{Modes, Spectrum};
use super::transform::Transform;

/// Evaluates the modes that the output grid shows at its cell centres.
pub(crate) struct Output {
    computed: Modes,
    shown: Modes,
    transform: Transform,
}

impl Output {
    pub fn new(computed: &Modes, cells: [usize; 2]) -> Self {
        let shown = computed.shown_on(cells);
        Self { computed: computed.clone(), transform: Transform::new(&shown), shown }
    }

    pub fn values(&mut self, spectrum: &Spectrum) -> Vec<f64> {
        let mut values = vec![0.0; self.shown.points()];
        self.transform.to_grid(&self.computed.moved_to(spectrum, &self.shown), &mut values);
        values
    }
}
