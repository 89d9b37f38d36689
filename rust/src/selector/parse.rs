//! The grammar of label selectors; texts and order of faults as in python/dromon/api/label_parser.py.

use super::lexer::{tokens, Kind, Token};
use super::syntax::{key_errors, quote, value_errors};
use super::{integer, Operator, Requirement, Selector};

/// The selector that `text` writes, or what is wrong with it.
pub fn parse(text: &str) -> Result<Selector, String> {
    let mut cursor = Cursor {
        tokens: tokens(text),
        at: 0,
    };
    let mut requirements = Vec::new();
    loop {
        let token = cursor.peek();
        match token.kind {
            Kind::End => break,
            Kind::Word | Kind::Not => {}
            _ => {
                return Err(format!(
                    "found '{}', expected: !, identifier, or 'end of string'",
                    token.literal
                ))
            }
        }
        let requirement =
            requirement(&mut cursor).map_err(|e| format!("unable to parse requirement: {e}"))?;
        requirements.push(requirement);
        let token = cursor.take();
        match token.kind {
            Kind::End => break,
            Kind::Comma => {}
            _ => {
                return Err(format!(
                    "found '{}', expected: ',' or 'end of string'",
                    token.literal
                ))
            }
        }
        let token = cursor.peek();
        if !matches!(token.kind, Kind::Word | Kind::Not) {
            return Err(format!(
                "found '{}', expected: identifier after ','",
                token.literal
            ));
        }
    }
    requirements.sort_by(|a: &Requirement, b| a.key.cmp(&b.key));
    Ok(Selector { requirements })
}

/// The tokens and the place reached; keywords read as words unless an operator is expected.
struct Cursor<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Token<'a> {
        let token = self.current();
        match token.kind {
            Kind::In | Kind::NotIn => Token {
                kind: Kind::Word,
                ..token
            },
            _ => token,
        }
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn take_operator(&mut self) -> Token<'a> {
        let token = self.current();
        self.at += 1;
        token
    }

    fn current(&self) -> Token<'a> {
        self.tokens.get(self.at).copied().unwrap_or(Token {
            kind: Kind::End,
            literal: "",
        })
    }
}

fn requirement(cursor: &mut Cursor<'_>) -> Result<Requirement, String> {
    let mut token = cursor.take();
    let negated = token.kind == Kind::Not;
    if negated {
        token = cursor.take();
    }
    if token.kind != Kind::Word {
        return Err(format!("found '{}', expected: identifier", token.literal));
    }
    let key: Box<str> = token.literal.into();
    let faults = key_errors(&key);
    if !faults.is_empty() {
        return Err(format!(
            "<nil>: Invalid value: {}: {}",
            quote(&key),
            faults.join("; ")
        ));
    }
    if negated {
        return Ok(Requirement {
            key,
            operator: Operator::DoesNotExist,
            values: Vec::new(),
        });
    }
    if matches!(cursor.peek().kind, Kind::End | Kind::Comma) {
        return Ok(Requirement {
            key,
            operator: Operator::Exists,
            values: Vec::new(),
        });
    }
    let token = cursor.take_operator();
    let operator = match token.kind {
        Kind::In => Operator::In,
        Kind::NotIn => Operator::NotIn,
        Kind::Equals => Operator::Equals,
        Kind::DoubleEquals => Operator::DoubleEquals,
        Kind::NotEquals => Operator::NotEquals,
        Kind::Greater => Operator::GreaterThan,
        Kind::Less => Operator::LessThan,
        _ => {
            return Err(format!(
                "found '{}', expected: in, notin, =, ==, !=, gt, lt",
                token.literal
            ))
        }
    };
    let mut values = match operator {
        Operator::In | Operator::NotIn => values(cursor)?,
        _ => vec![exact_value(cursor)?],
    };
    values.sort();
    values.dedup();
    check_values(&key, operator, &values)?;
    Ok(Requirement {
        key,
        operator,
        values,
    })
}

fn check_values(key: &str, operator: Operator, values: &[Box<str>]) -> Result<(), String> {
    let mut faults: Vec<String> = Vec::new();
    if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
        for (i, value) in values
            .iter()
            .enumerate()
            .filter(|(_, v)| integer(v).is_none())
        {
            faults.push(format!(
                "values[{i}]: Invalid value: {}: for 'Gt', 'Lt' operators, the value must be an integer",
                quote(value)
            ));
        }
    }
    for (i, value) in values.iter().enumerate() {
        let wrong = value_errors(value);
        if !wrong.is_empty() {
            faults.push(format!(
                "values[{i}][{key}]: Invalid value: {}: {}",
                quote(value),
                wrong.join("; ")
            ));
        }
    }
    match faults.len() {
        0 => Ok(()),
        1 => Err(faults.remove(0)),
        _ => Err(format!("[{}]", faults.join(", "))),
    }
}

fn exact_value(cursor: &mut Cursor<'_>) -> Result<Box<str>, String> {
    if matches!(cursor.peek().kind, Kind::End | Kind::Comma) {
        return Ok("".into());
    }
    let token = cursor.take();
    if token.kind != Kind::Word {
        return Err(format!("found '{}', expected: identifier", token.literal));
    }
    Ok(token.literal.into())
}

fn values(cursor: &mut Cursor<'_>) -> Result<Vec<Box<str>>, String> {
    let token = cursor.take();
    if token.kind != Kind::Open {
        return Err(format!("found '{}' expected: '('", token.literal));
    }
    let token = cursor.peek();
    match token.kind {
        Kind::Close => {
            cursor.take();
            Ok(vec!["".into()])
        }
        Kind::Word | Kind::Comma => {
            let found = value_list(cursor)?;
            cursor.take(); // the list ends only before ")"
            Ok(found)
        }
        _ => Err(format!(
            "found '{}', expected: ',', ')' or identifier",
            token.literal
        )),
    }
}

/// Values up to the closing parenthesis; an empty place between commas is the value "".
fn value_list(cursor: &mut Cursor<'_>) -> Result<Vec<Box<str>>, String> {
    let mut found: Vec<Box<str>> = Vec::new();
    loop {
        let token = cursor.take();
        match token.kind {
            Kind::Word => {
                found.push(token.literal.into());
                let after = cursor.peek();
                match after.kind {
                    Kind::Close => return Ok(found),
                    Kind::Comma => {}
                    _ => return Err(format!("found '{}', expected: ',' or ')'", after.literal)),
                }
            }
            Kind::Comma => {
                if found.is_empty() {
                    found.push("".into());
                }
                match cursor.peek().kind {
                    Kind::Close => {
                        found.push("".into());
                        return Ok(found);
                    }
                    Kind::Comma => found.push("".into()),
                    _ => {}
                }
            }
            _ => {
                return Err(format!(
                    "found '{}', expected: ',', or identifier",
                    token.literal
                ))
            }
        }
    }
}
