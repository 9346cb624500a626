//! One pass over every value of a data set: moments of each channel and of its changes from frame to frame, extremes, values that are not
//! finite, frames that repeat, and how far sums over the domain drift. Statistics and verification are read off it.

use pfm_solvers::in_order;

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::moments::Moments;
use crate::windows::WindowIndex;

/// One channel over one trajectory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ChannelScan {
    pub values: Moments,
    /// Of frame(t + 1) - frame(t).
    pub deltas: Moments,
    pub low: f32,
    pub high: f32,
    /// Values that are no number or infinite, and the first frame with one.
    pub not_finite: u64,
    pub first_not_finite: Option<usize>,
    /// The largest change of the sum over the domain since the first frame, relative to the largest sum of magnitudes.
    pub drift: f64,
}

/// One trajectory.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrajectoryScan {
    pub file: usize,
    /// Its number within the file.
    pub trajectory: usize,
    /// Per channel of the data set.
    pub channels: Vec<ChannelScan>,
    /// The first frame that equals the one before it in every value of every channel that changes in time.
    pub repeated: Option<usize>,
}

/// Reads every frame once, trajectories on several threads. `progress` gets the number of finished trajectories and of all; the result
/// is the same for any number of threads.
pub(crate) fn scan(dataset: &Dataset, threads: usize, progress: &mut dyn FnMut(usize, usize)) -> Result<Vec<TrajectoryScan>, DataError> {
    let index = dataset.windows(1, 1);
    let mut places = Vec::new();
    let mut first = 0;
    for (file, header) in dataset.files().iter().enumerate() {
        for trajectory in 0..header.trajectories {
            places.push((file, trajectory, first));
            first += header.frames;
        }
    }
    let mut scans = Vec::with_capacity(places.len());
    let mut failure = None;
    progress(0, places.len());
    in_order(places.len(), threads, &|n| scan_trajectory(dataset, &index, places[n]), &mut |n, scan| {
        progress(n + 1, places.len());
        match scan {
            Ok(scan) => scans.push(scan),
            Err(error) => failure = Some(error),
        }
        failure.is_none()
    });
    failure.map_or(Ok(scans), Err)
}

/// Scans one trajectory, whose frames are the windows from `first` on.
fn scan_trajectory(
    dataset: &Dataset,
    index: &WindowIndex,
    (file, trajectory, first): (usize, usize, usize),
) -> Result<TrajectoryScan, DataError> {
    let channels = dataset.fields().len();
    let changing: Vec<bool> = dataset.changing();
    let mut running: Vec<Running> = (0..channels).map(|_| Running::new()).collect();
    let mut frame = vec![0.0f32; dataset.window_size(index)];
    let mut before = Vec::new();
    let mut repeated = None;
    for t in 0..dataset.files()[file].frames {
        dataset.read_window(index, first + t, &mut frame)?;
        let mut same = t > 0 && changing.contains(&true);
        for (c, running) in running.iter_mut().enumerate() {
            let now = frame[c..].iter().step_by(channels).copied();
            let then = before.get(c..).unwrap_or(&[]).iter().step_by(channels).copied();
            let equal = running.add(t, now, then);
            same &= equal || !changing[c];
        }
        if same {
            repeated.get_or_insert(t);
        }
        before.clone_from(&frame);
    }
    Ok(TrajectoryScan { file, trajectory, channels: running.into_iter().map(Running::finish).collect(), repeated })
}

/// A channel while its frames pass by.
struct Running {
    scan: ChannelScan,
    first_sum: f64,
    largest_change: f64,
    largest_magnitude: f64,
}

impl Running {
    fn new() -> Self {
        let scan = ChannelScan {
            values: Moments::default(),
            deltas: Moments::default(),
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
            not_finite: 0,
            first_not_finite: None,
            drift: 0.0,
        };
        Self { scan, first_sum: 0.0, largest_change: 0.0, largest_magnitude: 0.0 }
    }

    /// Adds frame `t` of the channel; `then` is the frame before it, or nothing. Says whether they are equal.
    fn add(&mut self, t: usize, now: impl Iterator<Item = f32> + Clone, then: impl Iterator<Item = f32> + Clone) -> bool {
        let bad = now.clone().filter(|value| !value.is_finite()).count();
        if bad > 0 {
            self.scan.first_not_finite.get_or_insert(t);
            self.scan.not_finite += bad as u64;
        }
        let (mut sum, mut magnitude) = (0.0, 0.0);
        for value in now.clone() {
            self.scan.low = self.scan.low.min(value);
            self.scan.high = self.scan.high.max(value);
            sum += f64::from(value);
            magnitude += f64::from(value.abs());
        }
        if t == 0 {
            self.first_sum = sum;
        }
        self.largest_change = self.largest_change.max((sum - self.first_sum).abs());
        self.largest_magnitude = self.largest_magnitude.max(magnitude);
        let equal = now.clone().eq(then.clone());
        self.scan.deltas.add(now.clone().zip(then).map(|(a, b)| f64::from(a) - f64::from(b)));
        self.scan.values.add(now.map(f64::from));
        equal
    }

    fn finish(mut self) -> ChannelScan {
        if self.largest_magnitude > 0.0 {
            self.scan.drift = self.largest_change / self.largest_magnitude;
        }
        self.scan
    }
}
