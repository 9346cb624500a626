//! The order in which input goes through two buffers of the host and one slot of the device, so that nothing is overwritten before it
//! was read. What runs the orders is behind a trait, so that their sense can be tested without a device.

use super::CudaError;

/// Buffers of the host.
pub(super) const BUFFERS: usize = 2;

/// A queue of the device: what is put into one runs in order, beside the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Copies from the host.
    Copy,
    /// Launches, and all other copies.
    Compute,
}

/// A point in a lane. One that was never set counts as passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// This buffer has been read.
    Sent(usize),
    /// The slot has been read.
    Taken,
}

/// What staging asks of a device.
pub(super) trait Lanes {
    /// A buffer to write into.
    fn host(&mut self, buffer: usize) -> &mut [u8];
    /// Returns when the mark, as it was set last, has been passed.
    fn wait(&mut self, mark: Mark) -> Result<(), CudaError>;
    /// Lets what the lane is given from now on wait for the mark as it was set last.
    fn hold(&mut self, lane: Lane, mark: Mark) -> Result<(), CudaError>;
    /// Sets the mark behind what the lane was given so far.
    fn set(&mut self, lane: Lane, mark: Mark) -> Result<(), CudaError>;
    /// Copies the start of a buffer to the slot, in the lane for copies.
    fn fill(&mut self, buffer: usize, bytes: usize) -> Result<(), CudaError>;
    /// Copies the start of the slot to an address of the device, in the lane for launches.
    fn empty(&mut self, to: u64, bytes: usize) -> Result<(), CudaError>;
}

pub(super) struct Ring<L> {
    pub lanes: L,
    /// The buffer that is written next.
    next: usize,
    /// The buffer whose content the slot has or will have, and its bytes.
    staged: Option<(usize, usize)>,
}

impl<L: Lanes> Ring<L> {
    pub fn new(lanes: L) -> Ring<L> {
        Ring { lanes, next: 0, staged: None }
    }

    /// Lets these bytes travel to the slot.
    pub fn stage(&mut self, input: &[u8]) -> Result<(), CudaError> {
        assert!(self.staged.is_none(), "what was staged is taken before more is");
        let buffer = self.next;
        self.lanes.wait(Mark::Sent(buffer))?;
        self.lanes.host(buffer)[..input.len()].copy_from_slice(input);
        self.lanes.hold(Lane::Copy, Mark::Taken)?;
        self.lanes.fill(buffer, input.len())?;
        self.lanes.set(Lane::Copy, Mark::Sent(buffer))?;
        self.next = (buffer + 1) % BUFFERS;
        self.staged = Some((buffer, input.len()));
        Ok(())
    }

    /// Moves what was staged to its place before what is launched from now on.
    pub fn take(&mut self, to: u64, bytes: usize) -> Result<(), CudaError> {
        let (buffer, staged) = self.staged.take().expect("something is staged");
        assert_eq!(staged, bytes, "what is staged has the size of its place");
        self.lanes.hold(Lane::Compute, Mark::Sent(buffer))?;
        self.lanes.empty(to, bytes)?;
        self.lanes.set(Lane::Compute, Mark::Taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, VecDeque};

    /// A device whose lanes advance when they must, or when chance lets one of them.
    #[derive(Default)]
    struct Slow {
        hosts: [Vec<u8>; BUFFERS],
        slot: Vec<u8>,
        lanes: [VecDeque<Work>; 2],
        /// How often each mark was set in a lane, and how often it was passed.
        set: BTreeMap<String, usize>,
        passed: BTreeMap<String, usize>,
        /// What the launches saw.
        seen: Vec<Vec<u8>>,
        chance: u64,
        /// Whether lanes advance only when they must.
        still: bool,
    }

    enum Work {
        Hold(String, usize),
        Pass(String),
        Fill(usize, usize),
        Empty(usize),
    }

    impl Slow {
        /// Runs the first work of a lane unless it has to wait. Whether it ran.
        fn advance(&mut self, lane: usize) -> bool {
            let passed = |passed: &BTreeMap<String, usize>, mark: &str| passed.get(mark).copied().unwrap_or(0);
            match self.lanes[lane].front() {
                None => return false,
                Some(Work::Hold(mark, times)) if passed(&self.passed, mark) < *times => return false,
                Some(_) => {}
            }
            match self.lanes[lane].pop_front().expect("just seen") {
                Work::Hold(..) => {}
                Work::Pass(mark) => *self.passed.entry(mark).or_default() += 1,
                Work::Fill(buffer, bytes) => self.slot[..bytes].copy_from_slice(&self.hosts[buffer][..bytes]),
                Work::Empty(bytes) => self.seen.push(self.slot[..bytes].to_vec()),
            }
            true
        }

        /// A few advances of lanes chosen by chance.
        fn wander(&mut self) {
            if self.still {
                return;
            }
            for _ in 0..self.draw() % 4 {
                let lane = (self.draw() % 2) as usize;
                self.advance(lane);
            }
        }

        fn draw(&mut self) -> u64 {
            self.chance = self.chance.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            self.chance >> 33
        }

        fn finish(&mut self) {
            while self.advance(1) || self.advance(0) {}
            assert!(self.lanes.iter().all(VecDeque::is_empty), "no lane waits for what never comes");
        }
    }

    impl Lanes for Slow {
        fn host(&mut self, buffer: usize) -> &mut [u8] {
            &mut self.hosts[buffer]
        }

        fn wait(&mut self, mark: Mark) -> Result<(), CudaError> {
            let name = format!("{mark:?}");
            let wanted = self.set.get(&name).copied().unwrap_or(0);
            while self.passed.get(&name).copied().unwrap_or(0) < wanted {
                assert!(self.advance(0) || self.advance(1), "the host waits for what never comes");
            }
            Ok(())
        }

        fn hold(&mut self, lane: Lane, mark: Mark) -> Result<(), CudaError> {
            let name = format!("{mark:?}");
            let times = self.set.get(&name).copied().unwrap_or(0);
            self.lanes[lane as usize].push_back(Work::Hold(name, times));
            self.wander();
            Ok(())
        }

        fn set(&mut self, lane: Lane, mark: Mark) -> Result<(), CudaError> {
            let name = format!("{mark:?}");
            *self.set.entry(name.clone()).or_default() += 1;
            self.lanes[lane as usize].push_back(Work::Pass(name));
            self.wander();
            Ok(())
        }

        fn fill(&mut self, buffer: usize, bytes: usize) -> Result<(), CudaError> {
            self.lanes[Lane::Copy as usize].push_back(Work::Fill(buffer, bytes));
            self.wander();
            Ok(())
        }

        fn empty(&mut self, _: u64, bytes: usize) -> Result<(), CudaError> {
            self.lanes[Lane::Compute as usize].push_back(Work::Empty(bytes));
            self.wander();
            Ok(())
        }
    }

    fn window(n: u8) -> Vec<u8> {
        vec![n; 3 + usize::from(n) % 6]
    }

    fn ring(chance: u64) -> Ring<Slow> {
        Ring::new(Slow { hosts: [vec![0; 8], vec![0; 8]], slot: vec![0; 8], chance, ..Slow::default() })
    }

    #[test]
    fn every_launch_sees_its_own_input_however_the_lanes_run() {
        for chance in 0..400 {
            let mut ring = ring(chance);
            for n in 0..12 {
                ring.stage(&window(n)).expect("stages");
                ring.lanes.wander();
                ring.take(0, window(n).len()).expect("takes");
            }
            ring.lanes.finish();
            let wanted: Vec<Vec<u8>> = (0..12).map(window).collect();
            assert_eq!(ring.lanes.seen, wanted, "chance {chance}");
        }
    }

    /// The host writes the second input while the first has not left, and waits only for the buffer that it is to write again.
    #[test]
    fn the_host_is_two_inputs_ahead() {
        let mut ring = ring(0);
        ring.lanes.still = true;
        for n in 0..2 {
            ring.stage(&window(n)).expect("stages without a wait");
            ring.take(0, window(n).len()).expect("takes without a wait");
        }
        assert!(ring.lanes.passed.is_empty(), "no lane had to advance");
        ring.stage(&window(2)).expect("waits for the first buffer");
        assert_eq!((ring.lanes.passed.get("Sent(0)"), ring.lanes.passed.get("Sent(1)")), (Some(&1), None));
        ring.take(0, window(2).len()).expect("takes");
        ring.lanes.finish();
        assert_eq!(ring.lanes.seen, [window(0), window(1), window(2)]);
    }

    #[test]
    #[should_panic(expected = "taken before more is")]
    fn two_are_never_staged() {
        let mut ring = ring(0);
        ring.stage(&window(0)).expect("stages");
        let _ = ring.stage(&window(1));
    }
}
