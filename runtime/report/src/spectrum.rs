//! Power of a field by wavenumber: the two-dimensional Fourier transform, its squared magnitude summed over rings of equal
//! radius. The mean (wavenumber 0) is left out.

use rustfft::{FftPlanner, num_complex::Complex};

/// Power at the wavenumbers 1, 2, … up to half the shorter side, in cycles per box. Sums to about the field's variance.
pub(crate) fn spectrum(field: &[f32], height: usize, width: usize) -> Vec<f64> {
    let mut values: Vec<Complex<f64>> = field.iter().map(|v| Complex::new(f64::from(*v), 0.0)).collect();
    let mut planner = FftPlanner::new();
    let rows = planner.plan_fft_forward(width);
    values.chunks_exact_mut(width).for_each(|row| rows.process(row));
    let columns = planner.plan_fft_forward(height);
    let mut column = vec![Complex::default(); height];
    let count = (height * width) as f64;
    let rings = if height == 1 { width / 2 } else { height.min(width) / 2 };
    let mut power = vec![0.0; rings];
    for x in 0..width {
        (0..height).for_each(|y| column[y] = values[y * width + x]);
        columns.process(&mut column);
        for (y, value) in column.iter().enumerate() {
            let (ky, kx) = (y.min(height - y) as f64, x.min(width - x) as f64);
            let ring = ky.hypot(kx).round() as usize;
            if (1..=rings).contains(&ring) {
                power[ring - 1] += value.norm_sqr() / (count * count);
            }
        }
    }
    power
}

#[cfg(test)]
mod tests {
    use super::spectrum;

    #[test]
    fn a_wave_has_its_power_at_its_wavenumber() {
        let wave = |k: f64| move |i: usize| ((i % 16) as f64 * k * std::f64::consts::TAU / 16.0).cos() as f32;
        let field: Vec<f32> = (0..16 * 16).map(|i| 3.0 + wave(2.0)(i) + 0.5 * wave(5.0)(i)).collect();
        let power = spectrum(&field, 16, 16);
        assert_eq!(power.len(), 8);
        assert!((power[1] - 0.5).abs() < 1e-6 && (power[4] - 0.125).abs() < 1e-6, "{power:?}");
        assert!(power.iter().sum::<f64>() < 0.6251);
    }
}
