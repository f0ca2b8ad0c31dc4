//! Works a tree out.

use crate::parser::{Operator, Tree};
use crate::quantity::Quantity;
use crate::Problem;

fn add(left: Quantity, right: Quantity, sign: f64) -> Result<Quantity, Problem> {
    if left.dimension != right.dimension {
        return Err(Problem::Mismatch(left.kind(), right.kind()));
    }
    Ok(Quantity { value: left.value + sign * right.value, ..left })
}

fn multiply(left: Quantity, right: Quantity) -> Result<Quantity, Problem> {
    match (left.dimension, right.dimension) {
        (_, None) => Ok(Quantity { value: left.value * right.value, ..left }),
        (None, _) => Ok(Quantity { value: left.value * right.value, ..right }),
        _ => Err(Problem::Mismatch(left.kind(), right.kind())),
    }
}

fn divide(left: Quantity, right: Quantity) -> Result<Quantity, Problem> {
    if right.value == 0.0 {
        return Err(Problem::DivisionByZero);
    }
    if right.dimension.is_none() {
        return Ok(Quantity { value: left.value / right.value, ..left });
    }
    if left.dimension != right.dimension {
        return Err(Problem::Mismatch(left.kind(), right.kind()));
    }
    Ok(Quantity::number(left.value / right.value))
}

/// The quantity a tree stands for.
pub fn evaluate(tree: &Tree) -> Result<Quantity, Problem> {
    match tree {
        Tree::Value(value, None) => Ok(Quantity::number(*value)),
        Tree::Value(value, Some(unit)) => Quantity::with_unit(*value, unit),
        Tree::Negative(inner) => {
            let inner = evaluate(inner)?;
            Ok(Quantity { value: -inner.value, ..inner })
        }
        Tree::In(inner, unit) => evaluate(inner)?.shown_in(unit),
        Tree::Binary(operator, left, right) => {
            let (left, right) = (evaluate(left)?, evaluate(right)?);
            match operator {
                Operator::Add => add(left, right, 1.0),
                Operator::Subtract => add(left, right, -1.0),
                Operator::Multiply => multiply(left, right),
                Operator::Divide => divide(left, right),
            }
        }
    }
}
