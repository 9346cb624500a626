//! What each group of a program took, for those who look for where a step's time goes. Off unless asked for.

use pfm_compiler::Watch;
use pfm_ir::Graph;
use pfm_lower::Unit;
use pfm_plan::{Group, Plan};

/// Seconds from some beginning: of the day, of the process's work, or of whatever else is to be measured.
pub type Clock = fn() -> f64;

/// The groups of one program and their times, added up over its runs.
#[derive(Clone, Debug)]
pub struct GroupTimes {
    pub unit: Unit,
    pub runs: usize,
    /// In the order they run.
    pub groups: Vec<Group>,
    pub seconds: Vec<f64>,
    pub(super) clock: Clock,
}

impl GroupTimes {
    pub(super) fn new(unit: Unit, groups: Vec<Group>, clock: Clock) -> GroupTimes {
        let seconds = vec![0.0; groups.len()];
        GroupTimes { unit, runs: 0, groups, seconds, clock }
    }

    pub(super) fn reset(&mut self) {
        self.runs = 0;
        self.seconds.fill(0.0);
    }
}

/// Keeps a plan's groups while it is compiled, if they are wanted.
pub(super) struct Keep {
    pub wanted: bool,
    pub groups: Vec<Group>,
}

impl Watch for Keep {
    fn graph(&mut self, _: &'static str, _: &Graph) {}

    fn plan(&mut self, plan: &Plan) {
        if self.wanted {
            self.groups.clone_from(&plan.groups);
        }
    }
}
