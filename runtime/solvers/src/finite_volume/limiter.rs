//! Slope limiters for the linear reconstruction. Both keep the face values between the averages of the two adjacent cells, hence
//! positive where the averages are.

/// How the slope of a cell follows from the differences to its two neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiter {
    /// Zero slope: first order.
    FirstOrder,
    /// The smaller difference: dissipative, robust for gases close to isothermal.
    MinMod,
    /// Monotonised central (van Leer 1977): the centred slope, at most twice either difference.
    MonotonisedCentral,
}

/// Slope factors (one-sided, centred) of the two limiters in one formula:
/// min(one_sided * |a|, one_sided * |b|, centred * |a + b|) with the common sign, else 0.
#[derive(Clone, Copy)]
pub(crate) struct Slope {
    one_sided: f64,
    centred: f64,
}

impl Limiter {
    pub(crate) fn slope(self) -> Slope {
        match self {
            Self::FirstOrder => Slope { one_sided: 0.0, centred: 0.0 },
            // The sum of two like-signed differences exceeds both: its bound never acts.
            Self::MinMod => Slope { one_sided: 1.0, centred: 1.0 },
            Self::MonotonisedCentral => Slope { one_sided: 2.0, centred: 0.5 },
        }
    }
}

impl Slope {
    /// Half the limited slope: what is added to a cell's average to reach its right face.
    #[inline(always)]
    pub fn half(self, behind: f64, ahead: f64) -> f64 {
        let bound = (self.one_sided * behind.abs()).min(self.one_sided * ahead.abs());
        let size = bound.min(self.centred * (behind + ahead).abs());
        if behind * ahead > 0.0 { 0.5 * size.copysign(ahead) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::Limiter;

    #[test]
    fn slopes() {
        let half = |limiter: Limiter, a, b| limiter.slope().half(a, b);
        assert_eq!(half(Limiter::FirstOrder, 1.0, 2.0), 0.0);
        assert_eq!(half(Limiter::MinMod, 1.0, 2.0), 0.5);
        assert_eq!(half(Limiter::MinMod, -3.0, -2.0), -1.0);
        assert_eq!(half(Limiter::MonotonisedCentral, 1.0, 2.0), 0.75);
        assert_eq!(half(Limiter::MonotonisedCentral, 1.0, 9.0), 1.0);
        assert_eq!(half(Limiter::MonotonisedCentral, -1.0, 2.0), 0.0);
    }
}
