//! The windows of steps, one batch after the other. Where the device computes by itself, the windows that come next are fetched and sent
//! while it is at the ones before; elsewhere a batch is fetched when its step begins. Either way they come in the same order.

use crate::{Programs, RunError, Samples, StageWork, Store, Window};

pub struct Feed {
    /// The data set and the number of the batch of every step to come.
    order: Box<dyn Iterator<Item = (usize, u64)>>,
    /// Values of a batch of each data set.
    sizes: Vec<usize>,
    micro_batches: usize,
    batch: Vec<f32>,
    /// The data set of the batch if it was fetched before its step, or why that failed.
    ahead: Option<Result<usize, RunError>>,
    /// Whether the next micro-batch is on its way.
    sent: bool,
}

/// What a micro-batch is besides its windows.
#[derive(Clone, Copy, Debug)]
pub struct MicroBatch {
    pub set: usize,
    pub variant: usize,
    /// Which of its step, from 0.
    pub index: usize,
    pub key: [i32; 4],
}

impl Feed {
    /// `order` has an entry for every step that is to be made.
    pub fn new(work: &StageWork, order: impl Iterator<Item = (usize, u64)> + 'static) -> Feed {
        let sizes = work.sets.iter().map(|set| work.batch * set.layout.window * set.layout.frame()).collect();
        Feed { order: Box::new(order), sizes, micro_batches: work.accumulate, batch: vec![], ahead: None, sent: false }
    }

    /// Goes to the next step: its windows are there, and are of this data set.
    pub fn advance(&mut self, samples: &mut dyn Samples) -> Result<usize, RunError> {
        if let Some(ahead) = self.ahead.take() {
            return ahead;
        }
        let next = self.order.next().expect("there is a batch for every step");
        self.fetch(next, samples)
    }

    fn fetch(&mut self, (set, number): (usize, u64), samples: &mut dyn Samples) -> Result<usize, RunError> {
        self.batch.resize(self.sizes[set], 0.0);
        samples.batch(set, number, &mut self.batch)?;
        Ok(set)
    }

    /// The mean loss of a micro-batch of the step. What comes after it is sent ahead while it is computed, if that helps.
    pub fn accumulate(
        &mut self,
        micro: MicroBatch,
        programs: &mut dyn Programs,
        samples: &mut dyn Samples,
        store: &mut Store,
    ) -> Result<f32, RunError> {
        let sent = std::mem::take(&mut self.sent);
        let window = if sent { Window::SentAhead } else { Window::Here(self.part(micro.index)) };
        programs.launch(micro.set, micro.variant, window, micro.key, store)?;
        if programs.sends_ahead() {
            self.send_ahead(micro.index + 1, programs, samples)?;
        }
        programs.loss()
    }

    fn send_ahead(&mut self, index: usize, programs: &mut dyn Programs, samples: &mut dyn Samples) -> Result<(), RunError> {
        if index < self.micro_batches {
            programs.send_ahead(self.part(index))?;
            self.sent = true;
            return Ok(());
        }
        // The last windows of the step have left the batch. What keeps the next from being read is told when their step has come.
        let Some(next) = self.order.next() else { return Ok(()) };
        let fetched = self.fetch(next, samples);
        self.sent = fetched.is_ok();
        self.ahead = Some(fetched);
        if self.sent {
            programs.send_ahead(self.part(0))?;
        }
        Ok(())
    }

    /// The windows of a micro-batch.
    fn part(&self, index: usize) -> &[f32] {
        let size = self.batch.len() / self.micro_batches;
        &self.batch[index * size..(index + 1) * size]
    }
}
