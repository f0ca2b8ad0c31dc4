//! A calculator that knows units.

pub mod eval;
pub mod lexer;
pub mod parser;
pub mod quantity;

use std::fmt;

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// A character that begins no token, and where it stands.
    BadCharacter(char, usize),
    /// A token where another one was expected.
    Unexpected(String),
    UnknownUnit(String),
    /// Two dimensions that do not go together.
    Mismatch(String, String),
    DivisionByZero,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::BadCharacter(found, at) => write!(out, "unexpected character {found:?} at {at}"),
            Problem::Unexpected(found) => write!(out, "unexpected {found}"),
            Problem::UnknownUnit(name) => write!(out, "unknown unit {name}"),
            Problem::Mismatch(left, right) => write!(out, "{left} and {right} do not go together"),
            Problem::DivisionByZero => write!(out, "division by zero"),
        }
    }
}

impl std::error::Error for Problem {}

/// Works out one line and writes the answer, with its unit.
pub fn answer(line: &str) -> Result<String, Problem> {
    let tokens = lexer::tokens(line)?;
    let tree = parser::parse(&tokens)?;
    Ok(eval::evaluate(&tree)?.to_string())
}
