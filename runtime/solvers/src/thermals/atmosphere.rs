//! Dry air at rest: a layer of constant potential temperature in hydrostatic balance, and the levels at which the sweeps need it.
//! Constants are those of miniWeather, so that its checks apply.

/// Gravity, m / s^2.
pub const GRAVITY: f64 = 9.8;
/// Specific heats of air at constant pressure and volume, and the gas constant, J / (kg K).
pub const HEAT_AT_CONSTANT_PRESSURE: f64 = 1004.0;
pub const HEAT_AT_CONSTANT_VOLUME: f64 = 717.0;
pub const GAS_CONSTANT: f64 = 287.0;
/// Pressure at the ground, Pa.
pub const GROUND_PRESSURE: f64 = 1e5;
/// Potential temperature at rest, K.
pub const REST_TEMPERATURE: f64 = 300.0;
/// Pressure is PRESSURE_FACTOR * (density * potential temperature)^GAMMA.
pub const PRESSURE_FACTOR: f64 = 27.562_941_092_972_594;
pub const GAMMA: f64 = 1.400_278_940_027_894;

/// Air at rest at some height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtRest {
    pub density: f64,
    /// Density times potential temperature.
    pub heat: f64,
    pub pressure: f64,
}

impl AtRest {
    /// At height `z`, in m.
    pub fn at(z: f64) -> Self {
        let exner = 1.0 - GRAVITY * z / (HEAT_AT_CONSTANT_PRESSURE * REST_TEMPERATURE);
        let pressure = GROUND_PRESSURE * exner.powf(HEAT_AT_CONSTANT_PRESSURE / GAS_CONSTANT);
        let heat = (pressure / PRESSURE_FACTOR).powf(1.0 / GAMMA);
        // From the heat again, so that this pressure belongs to this heat to the last bit.
        Self { density: heat / REST_TEMPERATURE, heat, pressure: PRESSURE_FACTOR * heat.powf(GAMMA) }
    }
}

/// Air at rest at many heights, one array per quantity.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Levels {
    pub density: Vec<f64>,
    pub heat: Vec<f64>,
    pub inverse_heat: Vec<f64>,
    pub pressure: Vec<f64>,
}

impl Levels {
    pub fn at(heights: impl Iterator<Item = f64>) -> Self {
        let rest: Vec<AtRest> = heights.map(AtRest::at).collect();
        Self {
            density: rest.iter().map(|air| air.density).collect(),
            heat: rest.iter().map(|air| air.heat).collect(),
            inverse_heat: rest.iter().map(|air| 1.0 / air.heat).collect(),
            pressure: rest.iter().map(|air| air.pressure).collect(),
        }
    }

    pub fn len(&self) -> usize {
        self.density.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{AtRest, GAS_CONSTANT, GRAVITY, GROUND_PRESSURE};

    #[test]
    fn rest_is_hydrostatic_and_a_gas() {
        assert!((AtRest::at(0.0).pressure / GROUND_PRESSURE - 1.0).abs() < 1e-12);
        for z in [0.0f64, 2e3, 9.9e3] {
            let (air, above, below) = (AtRest::at(z), AtRest::at(z + 1.0), AtRest::at(z - 1.0));
            assert!(((below.pressure - above.pressure) / (2.0 * GRAVITY * air.density) - 1.0).abs() < 1e-6);
            let exner = (air.pressure / GROUND_PRESSURE).powf(GAS_CONSTANT / 1004.0);
            assert!((air.pressure / (GAS_CONSTANT * air.heat * exner) - 1.0).abs() < 1e-12);
        }
    }
}
