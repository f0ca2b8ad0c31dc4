//! From tokens to a tree, by precedence.

use crate::lexer::Token;
use crate::Problem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// A number, with a unit when one follows it.
    Value(f64, Option<String>),
    Negative(Box<Tree>),
    Binary(Operator, Box<Tree>, Box<Tree>),
    /// The same quantity, shown in another unit.
    In(Box<Tree>, String),
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take_symbol(&mut self, symbols: &str) -> Option<char> {
        match self.peek() {
            Some(Token::Symbol(symbol)) if symbols.contains(*symbol) => {
                let found = *symbol;
                self.next += 1;
                Some(found)
            }
            _ => None,
        }
    }

    fn take_word(&mut self) -> Option<String> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let found = word.clone();
                self.next += 1;
                Some(found)
            }
            _ => None,
        }
    }

    fn unexpected(&self) -> Problem {
        Problem::Unexpected(self.peek().map_or("end".to_string(), Token::text))
    }

    /// sum = product (("+" | "-") product)*
    fn sum(&mut self) -> Result<Tree, Problem> {
        let mut left = self.product()?;
        while let Some(symbol) = self.take_symbol("+-") {
            let operator = if symbol == '+' { Operator::Add } else { Operator::Subtract };
            left = Tree::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
        Ok(left)
    }

    /// product = factor (("*" | "/") factor)*
    fn product(&mut self) -> Result<Tree, Problem> {
        let mut left = self.factor()?;
        while let Some(symbol) = self.take_symbol("*/") {
            let operator = if symbol == '*' { Operator::Multiply } else { Operator::Divide };
            left = Tree::Binary(operator, Box::new(left), Box::new(self.factor()?));
        }
        Ok(left)
    }

    /// factor = "-" factor | "(" sum ")" | number unit?
    fn factor(&mut self) -> Result<Tree, Problem> {
        if self.take_symbol("-").is_some() {
            return Ok(Tree::Negative(Box::new(self.factor()?)));
        }
        if self.take_symbol("(").is_some() {
            let inner = self.sum()?;
            return self.take_symbol(")").map(|_| inner).ok_or_else(|| self.unexpected());
        }
        let value = match self.peek() {
            Some(Token::Number(value)) => *value,
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        let is_unit = matches!(self.peek(), Some(Token::Word(word)) if word != "in");
        Ok(Tree::Value(value, if is_unit { self.take_word() } else { None }))
    }

    /// line = sum ("in" unit)?
    fn line(&mut self) -> Result<Tree, Problem> {
        let tree = self.sum()?;
        if !matches!(self.peek(), Some(Token::Word(word)) if word == "in") {
            return Ok(tree);
        }
        self.next += 1;
        let unit = self.take_word().ok_or_else(|| self.unexpected())?;
        Ok(Tree::In(Box::new(tree), unit))
    }
}

/// The tree of a whole line.
pub fn parse(tokens: &[Token]) -> Result<Tree, Problem> {
    let mut parser = Parser { tokens, next: 0 };
    let tree = parser.line()?;
    if parser.peek().is_some() {
        return Err(parser.unexpected());
    }
    Ok(tree)
}
