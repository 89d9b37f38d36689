//! Finding selectors by labels without trying each: every selector hangs on one label that it requires.

use std::hash::Hash;

use ahash::{AHashMap, AHashSet};

use super::{Operator, Pairs, Selector};

/// What any object that a selector matches must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// One of these values of the key.
    Values(Box<str>, Vec<Box<str>>),
    /// The key.
    Key(Box<str>),
    /// Nothing: the selector has only negative requirements, or none.
    Any,
}

impl Anchor {
    /// The most telling requirement: the fewest values of a key, else a key.
    pub fn of(selector: &Selector) -> Anchor {
        let values = selector
            .requirements
            .iter()
            .filter(|r| {
                matches!(
                    r.operator,
                    Operator::Equals | Operator::DoubleEquals | Operator::In
                )
            })
            .min_by_key(|r| r.values.len());
        if let Some(r) = values {
            return Anchor::Values(r.key.clone(), r.values.clone());
        }
        let key = selector.requirements.iter().find(|r| {
            matches!(
                r.operator,
                Operator::Exists | Operator::GreaterThan | Operator::LessThan
            )
        });
        key.map_or(Anchor::Any, |r| Anchor::Key(r.key.clone()))
    }
}

/// Ids by anchor.
pub struct AnchorMap<I> {
    values: AHashMap<Box<str>, AHashMap<Box<str>, AHashSet<I>>>,
    keys: AHashMap<Box<str>, AHashSet<I>>,
    any: AHashSet<I>,
}

impl<I> Default for AnchorMap<I> {
    fn default() -> Self {
        AnchorMap {
            values: AHashMap::new(),
            keys: AHashMap::new(),
            any: AHashSet::new(),
        }
    }
}

impl<I: Copy + Eq + Hash> AnchorMap<I> {
    pub fn insert(&mut self, anchor: &Anchor, id: I) {
        match anchor {
            Anchor::Values(key, values) => {
                let by_value = self.values.entry(key.clone()).or_default();
                for value in values {
                    by_value.entry(value.clone()).or_default().insert(id);
                }
            }
            Anchor::Key(key) => {
                self.keys.entry(key.clone()).or_default().insert(id);
            }
            Anchor::Any => {
                self.any.insert(id);
            }
        }
    }

    pub fn remove(&mut self, anchor: &Anchor, id: I) {
        match anchor {
            Anchor::Values(key, values) => {
                if let Some(by_value) = self.values.get_mut(key) {
                    for value in values {
                        take_out(by_value, value, id);
                    }
                    if by_value.is_empty() {
                        self.values.remove(key);
                    }
                }
            }
            Anchor::Key(key) => take_out(&mut self.keys, key, id),
            Anchor::Any => {
                self.any.remove(&id);
            }
        }
    }

    /// Add the ids whose anchor these labels have to `found`; an id may come twice.
    pub fn candidates(&self, labels: &Pairs, found: &mut Vec<I>) {
        found.extend(&self.any);
        if self.values.is_empty() && self.keys.is_empty() {
            return;
        }
        for (key, value) in labels {
            if let Some(ids) = self.values.get(key).and_then(|v| v.get(value)) {
                found.extend(ids);
            }
            if let Some(ids) = self.keys.get(key) {
                found.extend(ids);
            }
        }
    }
}

fn take_out<I: Eq + Hash>(map: &mut AHashMap<Box<str>, AHashSet<I>>, key: &str, id: I) {
    if let Some(ids) = map.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            map.remove(key);
        }
    }
}
