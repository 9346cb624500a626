//! Windows of frames over a data set, numbered: files in order, then trajectories, then starting frames, the last fastest, as The
//! Well's loader counts them.

/// Which frames make a window: the context, and what is to be predicted from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowShape {
    /// Frames that are given, and the distance between them.
    pub context: usize,
    pub stride: usize,
    /// Frames that follow: the first so many frames after the last of the context, and each so many after the one before.
    pub targets: usize,
    pub lead: usize,
}

impl WindowShape {
    /// Frames at equal distances.
    pub fn even(length: usize, stride: usize) -> Self {
        Self { context: length, stride, targets: 0, lead: stride }
    }

    /// Each frame's distance from the window's first.
    fn offsets(self) -> Vec<usize> {
        let context = (0..self.context).map(|i| i * self.stride);
        let last = self.context.saturating_sub(1) * self.stride;
        context.chain((1..=self.targets).map(|i| last + i * self.lead)).collect()
    }
}

/// All windows of one shape, and the fields they read.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowIndex {
    /// Each frame's distance from the window's first.
    offsets: Vec<usize>,
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
    /// Counts windows over files of (trajectories, frames): a trajectory has one for each start that leaves room for all frames.
    ///
    /// # Panics
    /// A window without context, or a distance of zero between its frames.
    pub(crate) fn new(shape: WindowShape, channels: Vec<usize>, files: &[(usize, usize)]) -> Self {
        let apart = (shape.context == 1 || shape.stride > 0) && (shape.targets == 0 || shape.lead > 0);
        assert!(shape.context > 0 && apart, "a window has frames, and distances between them");
        Self::with_offsets(shape.offsets(), channels, files)
    }

    /// The same windows over other numbers of trajectories.
    pub(crate) fn over(&self, files: &[(usize, usize)]) -> Self {
        Self::with_offsets(self.offsets.clone(), self.channels.clone(), files)
    }

    fn with_offsets(offsets: Vec<usize>, channels: Vec<usize>, files: &[(usize, usize)]) -> Self {
        let span = offsets[offsets.len() - 1];
        let per_trajectory: Vec<usize> = files.iter().map(|(_, frames)| frames.saturating_sub(span)).collect();
        let mut first = vec![0];
        for ((trajectories, _), windows) in files.iter().zip(&per_trajectory) {
            first.push(first[first.len() - 1] + trajectories * windows);
        }
        Self { offsets, channels, per_trajectory, first }
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
        self.offsets.len()
    }

    /// Each frame's distance from the window's first.
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
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
