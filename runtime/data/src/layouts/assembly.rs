//! Fields that are put together from several arrays: components in arrays of their own, an array per trajectory, axes in another
//! order, perturbations and the state at rest that they add to. An assembly is plain data, so that a reading process can hand it over.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::netcdf_classic::Records;
use crate::error::DataError;
use crate::storage::{Storage, size};
use crate::well::{Run, StoredField, WellFile};

/// What an axis of a stored array is to the field. Trajectory and time come first, in this order, where an array has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Axis {
    Trajectory,
    Time,
    /// A spatial axis of the grid.
    Space(usize),
    Component,
}

/// Where an array's values come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Values {
    Hdf5(Storage),
    Classic(Records),
}

/// A stored array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Array {
    /// Its name in the file.
    pub object: String,
    pub shape: Vec<usize>,
    pub values: Values,
}

/// Arrays that hold components of a field, or a share that adds to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// One array for all trajectories, or one for each.
    pub arrays: Vec<Array>,
    pub axes: Vec<Axis>,
    /// Entry of the component axis (0 where there is none), and component of the field.
    pub placements: Vec<(usize, usize)>,
}

/// A whole field: the sum of its parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Assembly {
    /// The file's trajectory that is the data set's first of this file.
    pub first: usize,
    pub grid: Vec<usize>,
    pub components: usize,
    pub parts: Vec<Part>,
}

impl Assembly {
    pub fn new(grid: &[usize], components: usize, parts: Vec<Part>) -> Self {
        Self { first: 0, grid: grid.to_vec(), components, parts }
    }

    /// Whether the arrays are large enough for a field of this shape, lie within a file of this length, and reach every component.
    ///
    /// # Errors
    /// They don't: why.
    pub fn check(&self, shape: &[usize], length: u64) -> Result<(), String> {
        let cells = size(&self.grid).and_then(|cells| cells.checked_mul(self.components));
        let (Some(cells), Some(whole)) = (cells, size(shape)) else { return Err(format!("no file holds an array of shape {shape:?}")) };
        if cells == 0 || whole % cells != 0 || shape.is_empty() {
            return Err(format!("frames of {:?} are no part of an array of shape {shape:?}", self.grid));
        }
        let trajectories = shape[0];
        let frames = whole / cells / trajectories.max(1);
        for part in &self.parts {
            if part.arrays.len() != 1 && part.arrays.len() != trajectories {
                return Err(format!("{} arrays are there for {trajectories} trajectories", part.arrays.len()));
            }
            for array in &part.arrays {
                part.check(array, trajectories, frames, self, length).map_err(|cause| format!("{}: {cause}", array.object))?;
            }
        }
        let placed = |component| self.parts.iter().any(|part| part.placements.iter().any(|&(_, to)| to == component));
        if (0..self.components).all(placed) { Ok(()) } else { Err("a component has no values".into()) }
    }

    /// Reads consecutive frames of one trajectory into `out` [frames, *grid, components].
    ///
    /// # Errors
    /// Values of an array can't be read.
    pub fn read(&self, file: &WellFile, run: Run, out: &mut [f32], scratch: &mut Vec<u8>) -> Result<(), DataError> {
        // The only value to which any other adds without a change.
        out.fill(-0.0);
        let trajectory = self.first + run.first.trajectory;
        let mut values = Vec::new();
        for part in &self.parts {
            let array = if part.arrays.len() == 1 { &part.arrays[0] } else { &part.arrays[trajectory] };
            let (first, counts) = part.region(array, trajectory, run);
            values.clear();
            values.resize(counts.iter().product(), 0.0);
            array.read(file, &first, &counts, &mut values, scratch)?;
            self.add(part, &counts, &values, out);
        }
        Ok(())
    }

    /// Adds a part's values, a box with these counts, to frames of the field.
    fn add(&self, part: &Part, counts: &[usize], values: &[f32], out: &mut [f32]) {
        let stride = |wanted: Axis| match part.axes.iter().position(|axis| *axis == wanted) {
            Some(at) => counts[at + 1..].iter().product(),
            None => 0,
        };
        let (time, component) = (stride(Axis::Time), stride(Axis::Component));
        let cells: usize = self.grid.iter().product();
        let order = self.cell_order(stride);
        for (t, out) in out.chunks_exact_mut(cells * self.components).enumerate() {
            for &(from, to) in &part.placements {
                let values = &values[t * time + from * component..];
                let out = out[to..].iter_mut().step_by(self.components);
                match &order {
                    Order::Even(step) => out.zip(values.iter().step_by(*step)).for_each(|(out, value)| *out += value),
                    Order::Listed(cells) => out.zip(cells).for_each(|(out, &cell)| *out += values[cell]),
                }
            }
        }
    }

    /// Where each cell of the grid lies in a part, given the distance between neighbours along an axis (0 for a missing one).
    fn cell_order(&self, stride: impl Fn(Axis) -> usize) -> Order {
        let steps: Vec<usize> = (0..self.grid.len()).map(|d| stride(Axis::Space(d))).collect();
        let nested = |d: usize| steps[d] == steps[d + 1] * self.grid[d + 1];
        if let Some(&last) = steps.last()
            && last > 0
            && (0..steps.len() - 1).all(nested)
        {
            return Order::Even(last);
        }
        let along = |cells: Vec<usize>, (&n, &step): (&usize, &usize)| -> Vec<usize> {
            cells.iter().flat_map(|cell| (0..n).map(move |i| cell + i * step)).collect()
        };
        Order::Listed(self.grid.iter().zip(&steps).fold(vec![0], along))
    }
}

/// The places of the grid's cells among a part's values, in the grid's order.
enum Order {
    /// So far apart.
    Even(usize),
    /// One by one: axes are exchanged, or missing.
    Listed(Vec<usize>),
}

impl Assembly {
    /// The field of this name and order that the assembly makes up.
    pub fn field(self, name: &str, order: usize, time_varying: bool) -> StoredField {
        StoredField {
            name: name.to_string(),
            order,
            components: self.components,
            symmetric: false,
            antisymmetric: false,
            sample_varying: true,
            time_varying,
            dim_varying: vec![true; self.grid.len()],
            storage: Storage::Assembled(self),
        }
    }
}

impl Part {
    /// The field of this name and order that the part alone makes up.
    pub fn field(self, name: &str, order: usize, time_varying: bool, grid: &[usize]) -> StoredField {
        Assembly::new(grid, grid.len().pow(order as u32), vec![self]).field(name, order, time_varying)
    }

    fn check(&self, array: &Array, trajectories: usize, frames: usize, of: &Assembly, length: u64) -> Result<(), String> {
        if array.shape.len() != self.axes.len() {
            return Err(format!("it has {} axes of {}", array.shape.len(), self.axes.len()));
        }
        for (&n, axis) in array.shape.iter().zip(&self.axes) {
            let needed = match *axis {
                Axis::Trajectory => trajectories,
                Axis::Time => frames,
                Axis::Space(d) => of.grid[d],
                Axis::Component => self.placements.iter().map(|&(from, _)| from + 1).max().unwrap_or(0),
            };
            // Grids have to fit; of the other axes a part may be used.
            if n < needed || (matches!(axis, Axis::Space(_)) && n != needed) {
                return Err(format!("its shape is {:?}, and {needed} entries are needed of the axis with {n}", array.shape));
            }
        }
        if self.placements.iter().any(|&(_, to)| to >= of.components) {
            return Err(format!("it has more than {} components", of.components));
        }
        array.values.check(&array.shape, length)
    }

    /// What the frames are of an array: first entry and number of entries along each axis.
    fn region(&self, array: &Array, trajectory: usize, run: Run) -> (Vec<usize>, Vec<usize>) {
        let along = |(axis, &n): (&Axis, &usize)| match axis {
            Axis::Trajectory => (trajectory, 1),
            Axis::Time => (run.first.frame, run.count),
            Axis::Space(_) | Axis::Component => (0, n),
        };
        self.axes.iter().zip(&array.shape).map(along).unzip()
    }
}

impl Values {
    fn check(&self, shape: &[usize], length: u64) -> Result<(), String> {
        match self {
            Self::Hdf5(storage) => storage.check(shape, length),
            Self::Classic(records) => records.check(shape, length),
        }
    }
}

impl Array {
    fn read(&self, file: &WellFile, first: &[usize], counts: &[usize], out: &mut [f32], scratch: &mut Vec<u8>) -> Result<(), DataError> {
        let failed = |cause: String| DataError::object(&file.path, self.object.as_str(), cause);
        match &self.values {
            Values::Classic(records) => records.read(&file.raw, &self.shape, first, counts, out, scratch).map_err(failed),
            Values::Hdf5(storage) => {
                let mut inflated = BTreeMap::new();
                if let Storage::Chunked(chunks) = storage {
                    for number in chunks.overlapping(&self.shape, first, counts) {
                        let chunk: Arc<[f32]> = chunks.read(&file.raw, number).map_err(failed)?.into();
                        inflated.insert(number, chunk);
                    }
                }
                let chunk = |number: usize| inflated[&number].clone();
                file.read_region(&self.object, storage, &self.shape, (first, counts), out, &chunk, scratch)
            }
        }
    }
}
