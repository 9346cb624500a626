//! The shallow-water equations over a flat bed as a conservation law: variables, signal speeds and the HLLC flux.
//! Conserved: height, discharge x, discharge y (height times velocity). Primitive: height, velocity x and y.

use crate::finite_volume::Law;

/// Water under this acceleration of gravity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Water {
    pub gravity: f64,
}

impl Law<3> for Water {
    const CONSERVED: [&'static str; 3] = ["height", "discharge_x", "discharge_y"];

    #[inline(always)]
    fn primitive(&self, [height, discharge_x, discharge_y]: [f64; 3]) -> [f64; 3] {
        [height, discharge_x / height, discharge_y / height]
    }

    #[inline(always)]
    fn conserved(&self, [height, u, v]: [f64; 3]) -> [f64; 3] {
        [height, height * u, height * v]
    }

    #[inline(always)]
    fn speed(&self, [height, u, v]: [f64; 3]) -> [f64; 2] {
        let wave = (self.gravity * height).sqrt();
        [u.abs() + wave, v.abs() + wave]
    }

    #[inline(always)]
    fn admissible(&self, [height, u, v]: [f64; 3]) -> bool {
        // Comparisons with a value that is not a number are false.
        (height > 0.0) & (height < f64::INFINITY) & (u.abs() + v.abs() < f64::INFINITY)
    }

    /// HLL (Harten, Lax and van Leer 1983) with Einfeldt's wave speeds from Roe averages; the wave in the middle, across which only
    /// the velocity along the face jumps, is restored by carrying that velocity with the water that passes (Toro 2001).
    #[inline(always)]
    fn flux(&self, [hl, ul, vl]: [f64; 3], [hr, ur, vr]: [f64; 3]) -> [f64; 3] {
        let (wl, wr) = (hl.sqrt(), hr.sqrt());
        let u = (wl * ul + wr * ur) / (wl + wr);
        let wave = (0.5 * self.gravity * (hl + hr)).sqrt();
        let root = self.gravity.sqrt();
        // Cut at zero, a wave speed turns the flux between the waves into the plain flux of supercritical states.
        let slowest = (ul - root * wl).min(u - wave).min(0.0);
        let fastest = (ur + root * wr).max(u + wave).max(0.0);
        let (passing_l, passing_r) = (hl * ul, hr * ur);
        let push = |h: f64, u: f64| h * u * u + 0.5 * self.gravity * h * h;
        let share = 1.0 / (fastest - slowest);
        let between = |left: f64, right: f64, jump: f64| (fastest * left - slowest * right + fastest * slowest * jump) * share;
        let passing = between(passing_l, passing_r, hr - hl);
        let carried = if passing >= 0.0 { vl } else { vr };
        [passing, between(push(hl, ul), push(hr, ur), passing_r - passing_l), passing * carried]
    }
}
