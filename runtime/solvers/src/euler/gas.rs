//! The compressible Euler equations of an ideal gas as a conservation law: variables, signal speeds and the HLLC flux.
//! Conserved: density, momentum x, momentum y, energy e = p / (gamma - 1) + rho |u|^2 / 2. Primitive: density, velocity x and y,
//! pressure.

use crate::finite_volume::Law;

/// An ideal gas with this ratio of specific heats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gas {
    pub gamma: f64,
}

impl Law<4> for Gas {
    const CONSERVED: [&'static str; 4] = ["density", "momentum_x", "momentum_y", "energy"];

    #[inline(always)]
    fn primitive(&self, [density, momentum_x, momentum_y, energy]: [f64; 4]) -> [f64; 4] {
        let (u, v) = (momentum_x / density, momentum_y / density);
        let kinetic = 0.5 * (momentum_x * u + momentum_y * v);
        [density, u, v, (self.gamma - 1.0) * (energy - kinetic)]
    }

    #[inline(always)]
    fn conserved(&self, [density, u, v, pressure]: [f64; 4]) -> [f64; 4] {
        let energy = pressure / (self.gamma - 1.0) + 0.5 * density * (u * u + v * v);
        [density, density * u, density * v, energy]
    }

    #[inline(always)]
    fn speed(&self, [density, u, v, pressure]: [f64; 4]) -> [f64; 2] {
        let sound = (self.gamma * pressure / density).sqrt();
        [u.abs() + sound, v.abs() + sound]
    }

    #[inline(always)]
    fn admissible(&self, [density, _, _, pressure]: [f64; 4]) -> bool {
        // Comparisons with a value that is not a number are false; an infinite velocity makes the pressure one.
        (density > 0.0) & (pressure > 0.0) & (pressure < f64::INFINITY)
    }

    /// HLLC (Toro, Spruce and Speares 1994) with Einfeldt's wave speeds from Roe averages. Written without branches: the star
    /// side is selected, and a wave speed cut at zero turns the star flux into the plain flux of supersonic states.
    #[inline(always)]
    fn flux(&self, left: [f64; 4], right: [f64; 4]) -> [f64; 4] {
        let ([rl, ul, vl, pl], [rr, ur, vr, pr]) = (left, right);
        let (cons_l, cons_r) = (self.conserved(left), self.conserved(right));
        let (el, er) = (cons_l[3], cons_r[3]);

        let (wl, wr) = (rl.sqrt(), rr.sqrt());
        let weight = 1.0 / (wl + wr);
        let u = (wl * ul + wr * ur) * weight;
        let v = (wl * vl + wr * vr) * weight;
        let enthalpy = (wl * ((el + pl) / rl) + wr * ((er + pr) / rr)) * weight;
        let sound = ((self.gamma - 1.0) * (enthalpy - 0.5 * (u * u + v * v))).sqrt();
        let slowest = (ul - (self.gamma * pl / rl).sqrt()).min(u - sound);
        let fastest = (ur + (self.gamma * pr / rr).sqrt()).max(u + sound);

        let (ml, mr) = (rl * (slowest - ul), rr * (fastest - ur));
        let contact = (pr - pl + ul * ml - ur * mr) / (ml - mr);

        let is_left = contact >= 0.0;
        let [r, u, v, p] = std::array::from_fn(|k| if is_left { left[k] } else { right[k] });
        let e = if is_left { el } else { er };
        let speed = if is_left { slowest } else { fastest };
        let cut = if is_left { slowest.min(0.0) } else { fastest.max(0.0) };

        let star = r * (speed - u) / (speed - contact);
        let star_energy = star * (e / r + (contact - u) * (contact + p / (r * (speed - u))));
        [
            r * u + cut * (star - r),
            r * u * u + p + cut * (star * contact - r * u),
            r * u * v + cut * (star * v - r * v),
            u * (e + p) + cut * (star_energy - e),
        ]
    }
}
