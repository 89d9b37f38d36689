//! Field selectors; the readable reference and oracle is python/dromon/api/fields.py.

/// A term as written: the field's value must equal `value`, or, when `negated`, must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term<F> {
    pub field: F,
    pub value: Box<str>,
    pub negated: bool,
}

/// A conjunction over fields that are known by their place in a resource's declaration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    pub terms: Vec<Term<usize>>,
}

impl FieldSelector {
    /// Parse `text` for a resource that declares the fields `known`.
    pub fn parse(text: &str, known: &[Box<str>]) -> Result<FieldSelector, String> {
        let terms = parse(text)?.into_iter().map(|term| {
            let field = known.iter().position(|k| **k == *term.field);
            let field =
                field.ok_or_else(|| format!("field label not supported: {}", term.field))?;
            Ok(Term {
                field,
                value: term.value,
                negated: term.negated,
            })
        });
        Ok(FieldSelector {
            terms: terms.collect::<Result<_, String>>()?,
        })
    }

    /// Whether an object with these values (in the order of the declaration) is selected.
    pub fn matches(&self, values: &[Box<str>]) -> bool {
        self.terms.iter().all(|t| {
            values
                .get(t.field)
                .is_some_and(|v| (*v == t.value) != t.negated)
        })
    }

    /// The terms that name the one value a field must have.
    pub fn required(&self) -> impl Iterator<Item = (usize, &str)> {
        self.terms
            .iter()
            .filter(|t| !t.negated)
            .map(|t| (t.field, &*t.value))
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }
}

/// The terms of `text`, sorted by their text.
pub fn parse(text: &str) -> Result<Vec<Term<String>>, String> {
    let mut parts = split(text);
    parts.sort_unstable();
    parts
        .into_iter()
        .filter(|p| !p.is_empty())
        .map(|part| term(text, part))
        .collect()
}

/// The parts between commas that no backslash precedes; escapes stay.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn term(whole: &str, part: &str) -> Result<Term<String>, String> {
    for (at, _) in part.char_indices() {
        for operator in ["!=", "==", "="] {
            if let Some(value) = part[at..].strip_prefix(operator) {
                let value = unescape(value)?.into_boxed_str();
                return Ok(Term {
                    field: part[..at].to_owned(),
                    value,
                    negated: operator == "!=",
                });
            }
        }
    }
    Err(format!(
        "invalid selector: '{whole}'; can't understand '{part}'"
    ))
}

fn unescape(text: &str) -> Result<String, String> {
    let mut found = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some(e @ ('\\' | ',' | '=')) => found.push(e),
                other => {
                    let sequence: String = other.into_iter().collect();
                    return Err(format!(
                        "invalid field selector: invalid escape sequence: \\{sequence}"
                    ));
                }
            },
            ',' | '=' => {
                return Err(format!(
                    "invalid field selector: unescaped character in value: {}",
                    c as u32
                ));
            }
            c => found.push(c),
        }
    }
    Ok(found)
}
