//! A table of units of measurement: factors to the base unit of each dimension.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    Length,
    Time,
    Mass,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    name: &'static str,
    dimension: Dimension,
    factor: f64,
}

impl Unit {
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn dimension(&self) -> Dimension {
        self.dimension
    }

    /// Factor to the base unit of its dimension.
    pub fn factor(&self) -> f64 {
        self.factor
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownUnit {
    pub asked: String,
    pub nearest: Option<&'static str>,
}

impl fmt::Display for UnknownUnit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nearest {
            Some(nearest) => write!(out, "unknown unit {} (did you mean {}?)", self.asked, nearest),
            None => write!(out, "unknown unit {}", self.asked),
        }
    }
}

impl std::error::Error for UnknownUnit {}

const fn unit(name: &'static str, dimension: Dimension, factor: f64) -> Unit {
    Unit { name, dimension, factor }
}

const UNITS: &[Unit] = &[
    unit("m", Dimension::Length, 1.0),
    unit("mm", Dimension::Length, 0.001),
    unit("cm", Dimension::Length, 0.01),
    unit("km", Dimension::Length, 1_000.0),
    unit("mi", Dimension::Length, 1_609.344),
    unit("s", Dimension::Time, 1.0),
    unit("min", Dimension::Time, 60.0),
    unit("h", Dimension::Time, 3_600.0),
    unit("d", Dimension::Time, 86_400.0),
    unit("g", Dimension::Mass, 0.001),
    unit("kg", Dimension::Mass, 1.0),
    unit("t", Dimension::Mass, 1_000.0),
];

/// The unit of that name.
pub fn lookup(name: &str) -> Result<Unit, UnknownUnit> {
    UNITS.iter().find(|unit| unit.name == name).copied().ok_or_else(|| UnknownUnit {
        asked: name.to_string(),
        nearest: UNITS.iter().map(Unit::name).find(|known| known.eq_ignore_ascii_case(name)),
    })
}

/// Base unit of a dimension.
pub fn base_unit(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Length => "m",
        Dimension::Time => "s",
        Dimension::Mass => "kg",
    }
}
