//! From a line to tokens.

use crate::Problem;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Number(f64),
    Word(String),
    Symbol(char),
}

impl Token {
    /// The token as a person wrote it, for messages.
    pub fn text(&self) -> String {
        match self {
            Token::Number(value) => value.to_string(),
            Token::Word(word) => word.clone(),
            Token::Symbol(symbol) => symbol.to_string(),
        }
    }
}

fn take_while(characters: &[(usize, char)], start: usize, is_part: impl Fn(char) -> bool) -> String {
    characters[start..].iter().map(|(_, character)| *character).take_while(|c| is_part(*c)).collect()
}

/// All tokens of a line. Blanks separate tokens and are left out.
pub fn tokens(line: &str) -> Result<Vec<Token>, Problem> {
    let characters: Vec<(usize, char)> = line.char_indices().collect();
    let mut found = Vec::new();
    let mut index = 0;
    while index < characters.len() {
        let (at, character) = characters[index];
        if character.is_whitespace() {
            index += 1;
        } else if character.is_ascii_digit() || character == '.' {
            let text = take_while(&characters, index, |c| c.is_ascii_digit() || c == '.');
            let value = text.parse().map_err(|_| Problem::Unexpected(text.clone()))?;
            index += text.chars().count();
            found.push(Token::Number(value));
        } else if character.is_alphabetic() {
            let word = take_while(&characters, index, char::is_alphabetic);
            index += word.chars().count();
            found.push(Token::Word(word));
        } else if "+-*/()".contains(character) {
            found.push(Token::Symbol(character));
            index += 1;
        } else {
            return Err(Problem::BadCharacter(character, at));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_numbers_words_and_symbols() {
        assert_eq!(
            tokens("3.5km+(2 h)").unwrap(),
            vec![
                Token::Number(3.5),
                Token::Word("km".into()),
                Token::Symbol('+'),
                Token::Symbol('('),
                Token::Number(2.0),
                Token::Word("h".into()),
                Token::Symbol(')'),
            ]
        );
    }

    #[test]
    fn names_a_character_and_its_place() {
        assert_eq!(tokens("1 $"), Err(Problem::BadCharacter('$', 2)));
    }
}
