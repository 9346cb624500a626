//! Count, sum and sum of squares of a set of values, from which mean, root mean square and standard deviation follow.

/// Running sums of one component; sets of values merge by adding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    pub count: f64,
    pub sum: f64,
    pub square: f64,
}

impl Moments {
    /// Adds values; their own sums are formed first, which keeps rounding errors at the size of one frame.
    pub fn add(&mut self, values: impl Iterator<Item = f64>) {
        let (mut count, mut sum, mut square) = (0u64, 0.0, 0.0);
        for value in values {
            count += 1;
            sum += value;
            square += value * value;
        }
        self.count += count as f64;
        self.sum += sum;
        self.square += square;
    }

    /// The sums of both.
    pub fn merge(self, other: Self) -> Self {
        Self { count: self.count + other.count, sum: self.sum + other.sum, square: self.square + other.square }
    }

    /// Mean; 0 without values.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    /// Root mean square.
    pub fn rms(&self) -> f64 {
        (self.square / self.count.max(1.0)).sqrt()
    }

    /// Population standard deviation.
    pub fn std(&self) -> f64 {
        (self.square / self.count.max(1.0) - self.mean() * self.mean()).max(0.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::Moments;

    #[test]
    fn moments_are_those_of_the_population() {
        let mut moments = Moments::default();
        moments.add([1.0, 2.0].into_iter());
        moments.add([3.0, 6.0].into_iter());
        let other = Moments { count: 1.0, sum: 3.0, square: 9.0 };
        assert_eq!(moments.merge(other), Moments { count: 5.0, sum: 15.0, square: 59.0 });
        assert_eq!(moments.mean(), 3.0);
        assert_eq!(moments.rms(), 12.5f64.sqrt());
        assert_eq!(moments.std(), 3.5f64.sqrt());
    }
}
