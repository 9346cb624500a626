//! A viscous gas marching in time: steps of the flow and of friction, the one first and the other first in turn, which makes
//! their splitting second-order over pairs of steps.

use super::friction::Friction;
use super::stress::Viscosity;
use crate::euler::Gas;
use crate::finite_volume::{Breakdown, Cells, Edge, Limiter, March, Mesh};

/// A solution on a periodic grid.
pub struct ViscousMarch<'a> {
    flow: March<'a, Gas, 4>,
    friction: Friction,
    friction_first: bool,
}

/// Step times the fastest signal over the cell.
const COURANT: f64 = 0.4;

impl<'a> ViscousMarch<'a> {
    /// Starts at time 0 from cell averages of the conserved variables.
    ///
    /// # Errors
    /// The initial state is not physical.
    pub fn new(gas: &'a Gas, viscosity: Viscosity, mesh: Mesh, conserved: Cells<4>) -> Result<Self, Breakdown> {
        let edges = [Edge::Periodic, Edge::Periodic];
        let flow = March::new(gas, mesh, edges, Limiter::MonotonisedCentral, COURANT, conserved)?;
        Ok(Self { flow, friction: Friction::new(viscosity, mesh), friction_first: true })
    }

    /// The flow as it is now.
    pub fn flow(&self) -> &March<'a, Gas, 4> {
        &self.flow
    }

    /// Marches to time `until`, which is met exactly.
    ///
    /// # Errors
    /// A state that is not physical even when the step is repeated at first order, or that friction made unphysical.
    pub fn advance(&mut self, until: f64) -> Result<(), Breakdown> {
        let Self { flow, friction, friction_first } = self;
        flow.advance_by(until, |flow, dt| {
            if *friction_first {
                flow.change(|conserved| friction.apply(dt, conserved))?;
                flow.step(dt)?;
            } else {
                flow.step(dt)?;
                flow.change(|conserved| friction.apply(dt, conserved))?;
            }
            *friction_first = !*friction_first;
            Ok(())
        })
    }
}
