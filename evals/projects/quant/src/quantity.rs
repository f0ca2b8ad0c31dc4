//! A number with its dimension, kept in base units.

use std::fmt;

use crate::Problem;

#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// In the base unit of its dimension.
    pub value: f64,
    /// None for a bare number.
    pub dimension: Option<&'static str>,
    /// Unit it is shown in.
    pub shown_in: Option<String>,
}

impl Quantity {
    pub fn number(value: f64) -> Self {
        Quantity { value, dimension: None, shown_in: None }
    }

    pub fn with_unit(value: f64, unit: &str) -> Result<Self, Problem> {
        let unknown = || Problem::UnknownUnit(unit.to_string());
        let factor = unitab::factor(unit).ok_or_else(unknown)?;
        let dimension = unitab::dimension(unit).ok_or_else(unknown)?;
        Ok(Quantity { value: value * factor, dimension: Some(dimension), shown_in: None })
    }

    /// The same quantity, shown in another unit of its dimension.
    pub fn shown_in(self, unit: &str) -> Result<Self, Problem> {
        let asked = unitab::dimension(unit).ok_or_else(|| Problem::UnknownUnit(unit.to_string()))?;
        if self.dimension != Some(asked) {
            return Err(Problem::Mismatch(self.kind(), asked.to_string()));
        }
        Ok(Quantity { shown_in: Some(unit.to_string()), ..self })
    }

    /// Its dimension in words, for messages.
    pub fn kind(&self) -> String {
        self.dimension.unwrap_or("a bare number").to_string()
    }
}

/// Up to six digits after the point, without zeros at the end.
fn short(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dimension = match self.dimension {
            Some(dimension) => dimension,
            None => return write!(out, "{}", short(self.value)),
        };
        let base = unitab::base_unit(dimension).unwrap_or("");
        let unit = self.shown_in.as_deref().unwrap_or(base);
        let factor = unitab::factor(unit).unwrap_or(1.0);
        write!(out, "{} {}", short(self.value / factor), unit)
    }
}
