//! Time stepping: the three-stage Runge-Kutta scheme of Spalart, Moser and Rogers (1991), of third order for what is explicit and of
//! second order for diffusion along y and for pressure, which are taken implicitly within each stage.

use crate::frames::equal_steps;

/// Weights of one stage, times the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Substep {
    /// Of this stage's explicit rates.
    pub(crate) now: f64,
    /// Of the explicit rates of the stage before.
    pub(crate) before: f64,
    /// The stage's duration.
    pub whole: f64,
    /// The part of it for which diffusion along y is taken at the stage's end.
    pub(crate) implicit: f64,
}

/// (now, before, implicit) of each stage as parts of the step; the stage's duration is the sum of the first two. With the implicit parts a
/// stiff mode shrinks to 0.47 of itself in each step, where the trapezoidal rule, half of each stage, would let it swing undamped: cells at
/// a wall that are much flatter than wide then turn unstable.
const WEIGHTS: [(f64, f64, f64); 3] =
    [(8.0 / 15.0, 0.0, 37.0 / 160.0), (5.0 / 12.0, -17.0 / 60.0, 5.0 / 24.0), (3.0 / 4.0, -5.0 / 12.0, 1.0 / 6.0)];

/// Largest dt * d / dx^2 for a diffusivity d along x, which is explicit: the scheme allows 2.5 / 4.
const DIFFUSION_LIMIT: f64 = 0.5;

/// The stages of a step.
pub fn substeps(dt: f64) -> [Substep; 3] {
    WEIGHTS.map(|(now, before, implicit)| Substep {
        now: now * dt,
        before: before * dt,
        whole: (now + before) * dt,
        implicit: implicit * dt,
    })
}

/// The longest stable step of explicit diffusion along x.
pub fn diffusive_step(width: f64, diffusivity: f64) -> f64 {
    DIFFUSION_LIMIT * width * width / diffusivity
}

/// The next step on the way from `time` to `until`, and the time after it: equal steps, none longer than `stable`, so that `until` is met
/// exactly.
pub fn next_step(time: f64, until: f64, stable: f64) -> (f64, f64) {
    let steps = equal_steps(until - time, stable).max(1);
    let dt = (until - time) / steps as f64;
    (dt, if steps == 1 { until } else { time + dt })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_meet_their_end() {
        let (mut time, mut steps) = (0.1, 0);
        while time < 0.7 {
            let (dt, after) = next_step(time, 0.7, 0.07);
            assert!(dt <= 0.07 && after > time);
            (time, steps) = (after, steps + 1);
        }
        assert_eq!((time, steps), (0.7, 9));
        assert_eq!(next_step(0.0, 0.5, f64::INFINITY), (0.5, 0.5));
    }

    #[test]
    fn stages_fill_the_step() {
        assert!((substeps(0.3).iter().map(|stage| stage.whole).sum::<f64>() - 0.3).abs() < 1e-15);
    }
}
