//! Linear operators on modes, exact to rounding. Flow in the plane is held as its vorticity w = dv/dx - du/dy: the stream function
//! psi = -(inverse Laplacian) w gives the velocity (dpsi/dy, -dpsi/dx), which has no divergence, up to its mean.

use rustfft::num_complex::Complex;

use super::modes::{Modes, Spectrum};

/// i times a number times a coefficient.
#[inline(always)]
fn turned(value: Complex<f64>, by: f64) -> Complex<f64> {
    Complex::new(-by * value.im, by * value.re)
}

impl Modes {
    /// The derivative along an axis.
    pub fn derivative(&self, axis: usize, field: &[Complex<f64>]) -> Spectrum {
        let mut derivative = self.zeros();
        for (ky, row) in self.rows() {
            for ((to, &from), &kx) in derivative[row.clone()].iter_mut().zip(&field[row]).zip(self.x()) {
                *to = turned(from, if axis == 0 { kx } else { ky });
            }
        }
        derivative
    }

    /// Subtracts the derivative along an axis: one term of the divergence of a flux.
    pub fn subtract_derivative(&self, axis: usize, flux: &[Complex<f64>], rate: &mut [Complex<f64>]) {
        for (ky, row) in self.rows() {
            let terms = rate[row.clone()].iter_mut().zip(&flux[row]);
            if axis == 0 {
                for ((rate, &flux), &kx) in terms.zip(self.x()) {
                    *rate -= turned(flux, kx);
                }
            } else {
                for (rate, &flux) in terms {
                    *rate -= turned(flux, ky);
                }
            }
        }
    }

    /// The field without mean whose Laplacian is the given field less its mean.
    pub fn inverse_laplacian(&self, field: &[Complex<f64>]) -> Spectrum {
        field.iter().zip(self.inverse_square()).map(|(value, inverse)| -value * inverse).collect()
    }

    /// The vorticity of a velocity.
    pub fn vorticity(&self, [u, v]: [&[Complex<f64>]; 2]) -> Spectrum {
        let mut vorticity = self.derivative(0, v);
        self.subtract_derivative(1, u, &mut vorticity);
        vorticity
    }

    /// The velocity of a vorticity and a mean velocity.
    pub fn velocity(&self, vorticity: &[Complex<f64>], mean: [f64; 2], [u, v]: [&mut [Complex<f64>]; 2]) {
        for (ky, row) in self.rows() {
            let (u, v) = (&mut u[row.clone()], &mut v[row.clone()]);
            let stream = vorticity[row.clone()].iter().zip(&self.inverse_square()[row]).map(|(w, inverse)| w * inverse);
            for (((u, v), psi), &kx) in u.iter_mut().zip(v).zip(stream).zip(self.x()) {
                *u = turned(psi, ky);
                *v = turned(psi, -kx);
            }
        }
        u[0] = Complex::new(mean[0], 0.0);
        v[0] = Complex::new(mean[1], 0.0);
    }

    /// The rate of strain of a vorticity: its components xx and xy; it has no trace.
    pub fn strain_rate(&self, vorticity: &[Complex<f64>], [xx, xy]: [&mut [Complex<f64>]; 2]) {
        for (ky, row) in self.rows() {
            let (xx, xy) = (&mut xx[row.clone()], &mut xy[row.clone()]);
            let stream = vorticity[row.clone()].iter().zip(&self.inverse_square()[row]).map(|(w, inverse)| w * inverse);
            for (((xx, xy), psi), &kx) in xx.iter_mut().zip(xy).zip(stream).zip(self.x()) {
                *xx = psi * (-kx * ky);
                *xy = psi * (0.5 * (kx * kx - ky * ky));
            }
        }
    }

    /// The vorticity of Stokes flow, -lap u + grad p = div S, under a stress without trace of components xx and xy.
    pub fn stokes_vorticity(&self, [xx, xy]: [&[Complex<f64>]; 2], vorticity: &mut [Complex<f64>]) {
        for (ky, row) in self.rows() {
            let stress = xx[row.clone()].iter().zip(&xy[row.clone()]);
            let inverse = &self.inverse_square()[row.clone()];
            for (((w, (xx, xy)), inverse), &kx) in vorticity[row].iter_mut().zip(stress).zip(inverse).zip(self.x()) {
                *w = (xx * (2.0 * kx * ky) + xy * (ky * ky - kx * kx)) * inverse;
            }
        }
    }

    /// The pressure without mean of incompressible flow, lap p = -div div (u u), from the products uu, uv and vv of its velocity.
    pub fn pressure(&self, [uu, uv, vv]: [&[Complex<f64>]; 3]) -> Spectrum {
        let mut pressure = self.zeros();
        for (ky, row) in self.rows() {
            for ((at, &kx), inverse) in row.clone().zip(self.x()).zip(&self.inverse_square()[row]) {
                pressure[at] = -(uu[at] * (kx * kx) + uv[at] * (2.0 * kx * ky) + vv[at] * (ky * ky)) * inverse;
            }
        }
        pressure
    }
}
