//! A table of units of measurement: factors to the base unit of each dimension.

const UNITS: &[(&str, &str, f64)] = &[
    ("m", "length", 1.0),
    ("cm", "length", 0.01),
    ("km", "length", 1_000.0),
    ("s", "time", 1.0),
    ("min", "time", 60.0),
    ("h", "time", 3_600.0),
    ("g", "mass", 0.001),
    ("kg", "mass", 1.0),
];

/// Factor to the base unit of its dimension.
pub fn factor(unit: &str) -> Option<f64> {
    UNITS.iter().find(|(name, _, _)| *name == unit).map(|(_, _, factor)| *factor)
}

/// Name of the unit's dimension.
pub fn dimension(unit: &str) -> Option<&'static str> {
    UNITS.iter().find(|(name, _, _)| *name == unit).map(|(_, dimension, _)| *dimension)
}

/// Base unit of a dimension.
pub fn base_unit(dimension: &str) -> Option<&'static str> {
    UNITS
        .iter()
        .find(|(_, own, factor)| *own == dimension && *factor == 1.0)
        .map(|(name, _, _)| *name)
}
