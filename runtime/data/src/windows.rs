//! Windows of consecutive frames over a data set, numbered: files in order, then trajectories, then starting frames, the last
//! fastest, as The Well's loader counts them.

/// All windows of one length and stride, and the fields they read.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowIndex {
    pub(crate) length: usize,
    pub(crate) stride: usize,
    /// Channel c of a window is field `channels[c]` of the data set.
    pub(crate) channels: Vec<usize>,
    /// Windows per trajectory of each file.
    per_trajectory: Vec<usize>,
    /// First window of each file, and the total.
    first: Vec<usize>,
}

/// Where a window lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowAt {
    pub file: usize,
    pub trajectory: usize,
    /// Its first frame.
    pub start: usize,
}

impl WindowIndex {
    /// Counts windows over files of (trajectories, frames): max(0, frames - (length - 1) * stride) a trajectory.
    pub(crate) fn new(length: usize, stride: usize, channels: Vec<usize>, files: &[(usize, usize)]) -> Self {
        let span = (length - 1) * stride;
        let per_trajectory: Vec<usize> = files.iter().map(|(_, frames)| frames.saturating_sub(span)).collect();
        let mut first = vec![0];
        for ((trajectories, _), windows) in files.iter().zip(&per_trajectory) {
            first.push(first[first.len() - 1] + trajectories * windows);
        }
        Self { length, stride, channels, per_trajectory, first }
    }

    /// Number of windows.
    pub fn len(&self) -> usize {
        self.first[self.first.len() - 1]
    }

    /// Whether no trajectory is long enough.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frames per window.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Frames from one frame of a window to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The data set's field behind each channel.
    pub fn channels(&self) -> &[usize] {
        &self.channels
    }

    /// Where window `i` lies.
    ///
    /// # Panics
    /// There are not that many windows.
    pub fn locate(&self, i: usize) -> WindowAt {
        assert!(i < self.len(), "window {i} of {}", self.len());
        // The last file that starts at or before i; files without windows are passed over.
        let file = self.first.partition_point(|&first| first <= i) - 1;
        let within = i - self.first[file];
        let windows = self.per_trajectory[file];
        WindowAt { file, trajectory: within / windows, start: within % windows }
    }
}
