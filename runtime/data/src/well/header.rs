//! Reading a file's header with the HDF5 library: what the file says of itself, and where each field's values lie. This is what a
//! reading process does; see `isolated`.

use std::io::Read;
use std::path::Path;

use hdf5_metno::filters::Filter as Hdf5Filter;
use hdf5_metno::plist::dataset_create::Layout as StorageLayout;
use hdf5_metno::{Dataset, File, Group};
use serde::{Deserialize, Serialize};

use super::attribute;
use super::boundary::{self, AxisBoundary};
use super::file::StoredField;
use crate::error::DataError;
use crate::layouts::{self, Container};
use crate::storage::{Chunks, Element, Filter, Piece, Storage};

/// Everything in a file but the values of its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub dataset_name: String,
    pub axes: Vec<String>,
    /// Coordinates of the grid points along each axis; their number is the grid.
    pub coordinates: Vec<Vec<f64>>,
    pub grid: Vec<usize>,
    pub trajectories: usize,
    pub times: Vec<f64>,
    pub parameters: Vec<(String, f64)>,
    pub boundaries: Vec<AxisBoundary>,
    pub fields: Vec<StoredField>,
}

/// Reads the header with the library, in this process.
///
/// # Errors
/// Anything that keeps the file from being read as The Well's layout, with the object at fault.
pub(crate) fn read_header(path: &Path) -> Result<Header, DataError> {
    let container = Container::open(path)?;
    if let Some(layout) = layouts::recognise(&container) {
        return (layout.header)(path, &container);
    }
    let Container::Hdf5(file) = container else {
        return Err(DataError::path(path, unknown()));
    };
    let root = |cause: String| DataError::object(path, "/", cause);
    if file.attr("dataset_name").is_err() && !file.link_exists("t0_fields") {
        return Err(root(unknown()));
    }
    let dataset_name = attribute::string(&file, "dataset_name").map_err(root)?;
    let trajectories = attribute::count(&file, "n_trajectories").map_err(root)?;
    let parameters = parameters(&file).map_err(root)?;
    let (axes, coordinates, times) = dimensions(path, &file)?;
    let grid = coordinates.iter().map(Vec::len).collect();
    let boundaries = boundary::read(path, &file, &axes)?;
    let mut header = Header { dataset_name, axes, coordinates, grid, trajectories, times, parameters, boundaries, fields: Vec::new() };
    for (order, name) in super::FIELD_GROUPS.into_iter().enumerate() {
        let group = file.group(name).map_err(|_| DataError::object(path, name, "the group is missing"))?;
        let fields = attribute::strings(&group, "field_names").map_err(|c| DataError::object(path, name, c))?;
        for field in fields {
            let object = || format!("{name}/{field}");
            let field = stored_field(&file, &group, &field, order, &header).map_err(|c| DataError::object(path, object(), c))?;
            header.fields.push(field);
        }
    }
    Ok(header)
}

/// Opens a file, or says in words why the library does not: its own are names of functions and numbers.
pub(crate) fn open(path: &Path) -> Result<File, DataError> {
    let mut raw = std::fs::File::open(path).map_err(|cause| DataError::path(path, cause))?;
    File::open(path).map_err(|cause| DataError::path(path, unopened(&mut raw, &cause.to_string())))
}

/// What the first bytes of an HDF5 file without a user block are.
const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

fn unopened(raw: &mut std::fs::File, cause: &str) -> String {
    let mut start = [0; SIGNATURE.len()];
    match raw.read_exact(&mut start) {
        Err(_) => "the file is empty or ends at once".to_string(),
        Ok(()) if start.starts_with(b"version ") => "a placeholder of Git LFS, not the data itself".to_string(),
        Ok(()) if start != SIGNATURE => "not an HDF5 file".to_string(),
        Ok(()) if cause.contains("truncated") => "the file is truncated: it ends before its data do".to_string(),
        Ok(()) => format!("the HDF5 file is damaged: {cause}"),
    }
}

fn stored_field(file: &File, group: &Group, name: &str, order: usize, header: &Header) -> Result<StoredField, String> {
    let dataset = group.dataset(name).map_err(|_| "the dataset is missing".to_string())?;
    let sample_varying = attribute::flag(&dataset, "sample_varying")?;
    let time_varying = attribute::flag(&dataset, "time_varying")?;
    let dim_varying = attribute::flags(&dataset, "dim_varying")?;
    let d = header.grid.len();
    if dim_varying.len() != d {
        return Err(format!("dim_varying has {} entries for {d} axes", dim_varying.len()));
    }
    let shape = dataset.shape();
    let storage = storage(file, &dataset).map_err(|cause| cause.to_string())?;
    let components = d.pow(order as u32);
    // Both flags belong to tensors, and a file without them says nothing.
    let flag = |name| order == 2 && attribute::flag(&dataset, name).unwrap_or(false);
    let (symmetric, antisymmetric) = (flag("symmetric"), flag("antisymmetric"));
    let name = name.to_string();
    let field = StoredField { name, order, components, symmetric, antisymmetric, sample_varying, time_varying, dim_varying, storage };
    let expected = field.shape(header.trajectories, header.times.len(), &header.grid);
    if shape != expected {
        return Err(format!("its shape is {shape:?}, its attributes say {expected:?}"));
    }
    Ok(field)
}

/// How an array's values can be read: straight from the file where they are plain numbers of a usual type.
pub(crate) fn storage(file: &File, dataset: &Dataset) -> hdf5_metno::Result<Storage> {
    let kind = dataset.dtype()?;
    let element = match (kind.is::<f32>(), kind.is::<f64>()) {
        (true, _) => Element::Single,
        (_, true) => Element::Double,
        _ => return Ok(Storage::Library),
    };
    // The library counts some places from the end of a user block, others from the start of the file.
    if cfg!(target_endian = "big") || file.userblock() != 0 || dataset.size() == 0 {
        return Ok(Storage::Library);
    }
    let filters = dataset.filters();
    if let Some(Hdf5Filter::User(id, _)) = filters.iter().find(|filter| matches!(filter, Hdf5Filter::User(..))) {
        let cause = format!(
            "its filter {id} can't be undone here: make a copy without it by `h5repack -f GZIP=1 FILE COPY` where that filter is known"
        );
        return Err(cause.into());
    }
    Ok(match (dataset.layout(), dataset.offset()) {
        (StorageLayout::Contiguous, Some(offset)) if filters.is_empty() => Storage::Contiguous { offset, element },
        (StorageLayout::Chunked, _) => chunks(dataset, element, &filters)?.map_or(Storage::Library, Storage::Chunked),
        _ => Storage::Library,
    })
}

/// The table of chunks; None where a filter is unusual or a chunk was never written, so that a fill value stands for it.
fn chunks(dataset: &Dataset, element: Element, filters: &[Hdf5Filter]) -> hdf5_metno::Result<Option<Chunks>> {
    let known = |filter: &Hdf5Filter| match filter {
        Hdf5Filter::Shuffle => Some(Filter::Shuffle),
        Hdf5Filter::Deflate(_) => Some(Filter::Deflate),
        Hdf5Filter::LZF => Some(Filter::Lzf),
        _ => None,
    };
    let (Some(filters), Some(shape)) = (filters.iter().map(known).collect(), dataset.chunk()) else { return Ok(None) };
    let mut chunks = Chunks { element, shape, filters, pieces: Vec::new() };
    let counts = chunks.counts(&dataset.shape());
    let total: usize = counts.iter().product();
    if dataset.num_chunks() != Some(total) {
        return Ok(None);
    }
    let mut pieces: Vec<Option<Piece>> = vec![None; total];
    dataset.chunks_visit(|chunk| {
        let at = chunk.offset.iter().zip(&chunks.shape).zip(&counts).try_fold(0usize, |at, ((first, n), count)| {
            let place = *first as usize / n;
            (place < *count).then_some(at * count + place)
        });
        if let Some(place) = at.and_then(|at| pieces.get_mut(at)) {
            *place = Some(Piece { offset: chunk.addr, bytes: chunk.size, skipped: chunk.filter_mask });
        }
        0
    })?;
    Ok(pieces.into_iter().collect::<Option<_>>().map(|pieces| {
        chunks.pieces = pieces;
        chunks
    }))
}

/// A number that is an attribute of a file, if it is there.
pub(crate) fn number(file: &File, name: &str) -> Option<f64> {
    attribute::number(file, name).ok()
}

fn unknown() -> String {
    format!("its layout is none of those that are read: {}", layouts::known())
}

fn parameters(file: &File) -> Result<Vec<(String, f64)>, String> {
    // The loader of The Well does without this list, so its absence is no error.
    let names = attribute::strings(file, "simulation_parameters").unwrap_or_default();
    names
        .into_iter()
        .map(|name| {
            let value = attribute::number(file, &name)?;
            Ok((name, value))
        })
        .collect()
}

type Dimensions = (Vec<String>, Vec<Vec<f64>>, Vec<f64>);

fn dimensions(path: &Path, file: &File) -> Result<Dimensions, DataError> {
    let group = file.group("dimensions").map_err(|_| DataError::object(path, "dimensions", "the group is missing"))?;
    let axes = attribute::strings(&group, "spatial_dims").map_err(|cause| DataError::object(path, "dimensions", cause))?;
    if axes.is_empty() {
        return Err(DataError::object(path, "dimensions", "spatial_dims is empty"));
    }
    // The last axis of a coordinate is its own: [points] or, where it differs between trajectories, [trajectories, points].
    let coordinate = |name: &str| -> Result<Vec<f64>, DataError> {
        let failed = |cause: String| DataError::object(path, format!("dimensions/{name}"), cause);
        let dataset = group.dataset(name).map_err(|_| failed("the dataset is missing".into()))?;
        let points = dataset.shape().last().copied().unwrap_or(0);
        let mut values = dataset.read_raw::<f64>().map_err(|cause| failed(cause.to_string()))?;
        values.truncate(points);
        if values.is_empty() { Err(failed("it has no entries".into())) } else { Ok(values) }
    };
    let coordinates = axes.iter().map(|axis| coordinate(axis)).collect::<Result<_, _>>()?;
    let times = coordinate("time")?;
    Ok((axes, coordinates, times))
}
