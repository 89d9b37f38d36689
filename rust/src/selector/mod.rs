//! Label selectors: what they require and what they match.
//!
//! `parse` makes them from text, `field` has field selectors, `anchor` finds selectors by labels.
//! The readable reference and oracle is python/dromon/api/labels.py.

pub mod anchor;
pub mod field;
pub mod index;
mod lexer;
mod parse;
mod syntax;

pub use parse::parse;

/// Something that has labels.
pub trait Labels {
    /// The value of `key`, if there is one.
    fn label(&self, key: &str) -> Option<&str>;
}

/// Pairs sorted by key.
pub type Pairs = [(Box<str>, Box<str>)];

impl Labels for Pairs {
    fn label(&self, key: &str) -> Option<&str> {
        // Objects have a handful of labels: a walk beats a binary search.
        self.iter().find(|(k, _)| &**k == key).map(|(_, v)| &**v)
    }
}

/// How a requirement relates its key and its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equals,
    DoubleEquals,
    NotEquals,
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

/// One condition on one key; `values` are sorted and distinct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    pub key: Box<str>,
    pub operator: Operator,
    pub values: Vec<Box<str>>,
}

impl Requirement {
    /// Whether the condition holds; a missing key satisfies the negative operators only.
    pub fn matches<L: Labels + ?Sized>(&self, labels: &L) -> bool {
        let value = labels.label(&self.key);
        match self.operator {
            Operator::Equals | Operator::DoubleEquals | Operator::In => {
                value.is_some_and(|v| self.has(v))
            }
            Operator::NotEquals | Operator::NotIn => value.map_or(true, |v| !self.has(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan | Operator::LessThan => value
                .and_then(integer)
                .zip(self.values.first().and_then(|v| integer(v)))
                .is_some_and(|(l, r)| {
                    if self.operator == Operator::GreaterThan {
                        l > r
                    } else {
                        l < r
                    }
                }),
        }
    }

    fn has(&self, value: &str) -> bool {
        self.values.iter().any(|v| &**v == value)
    }
}

/// A conjunction of requirements, sorted by key; none: everything matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    pub requirements: Vec<Requirement>,
}

impl Selector {
    /// Whether an object with these labels is selected.
    pub fn matches<L: Labels + ?Sized>(&self, labels: &L) -> bool {
        self.requirements.iter().all(|r| r.matches(labels))
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let values = self.values.join(",");
        match self.operator {
            Operator::Equals => write!(f, "{}={}", self.key, values),
            Operator::DoubleEquals => write!(f, "{}=={}", self.key, values),
            Operator::NotEquals => write!(f, "{}!={}", self.key, values),
            Operator::In => write!(f, "{} in ({})", self.key, values),
            Operator::NotIn => write!(f, "{} notin ({})", self.key, values),
            Operator::Exists => write!(f, "{}", self.key),
            Operator::DoesNotExist => write!(f, "!{}", self.key),
            Operator::GreaterThan => write!(f, "{}>{}", self.key, values),
            Operator::LessThan => write!(f, "{}<{}", self.key, values),
        }
    }
}

impl std::fmt::Display for Selector {
    /// Canonical text: parsing it gives the same selector.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}

/// A signed 64-bit decimal of at most 64 characters, as gt and lt compare.
fn integer(text: &str) -> Option<i64> {
    if text.len() > 64 {
        return None;
    }
    text.parse().ok()
}
