//! Inverted indexes: which objects have a label, a label with a value, a field with a value.

use ahash::{AHashMap, AHashSet};

use super::entry::Entry;

/// An object's place in the table; stable while it exists.
pub type Slot = u32;

type Set = AHashSet<Slot>;

/// The indexes of one resource.
pub struct Postings {
    labels: AHashMap<Box<str>, LabelKey>,
    fields: Vec<AHashMap<Box<str>, Set>>,
    namespaces: AHashMap<Box<str>, usize>,
}

#[derive(Default)]
struct LabelKey {
    any: Set,
    values: AHashMap<Box<str>, Set>,
}

impl Postings {
    pub fn new(fields: usize) -> Postings {
        Postings {
            labels: AHashMap::new(),
            fields: (0..fields).map(|_| AHashMap::new()).collect(),
            namespaces: AHashMap::new(),
        }
    }

    pub fn add(&mut self, entry: &Entry, slot: Slot) {
        for (key, value) in entry.labels() {
            let postings = get_or_default(&mut self.labels, key);
            postings.any.insert(slot);
            get_or_default(&mut postings.values, value).insert(slot);
        }
        for (index, value) in self.fields.iter_mut().zip(entry.fields()) {
            get_or_default(index, value).insert(slot);
        }
        *get_or_default(&mut self.namespaces, entry.namespace()) += 1;
    }

    pub fn remove(&mut self, entry: &Entry, slot: Slot) {
        for (key, value) in entry.labels() {
            if let Some(postings) = self.labels.get_mut(key) {
                postings.any.remove(&slot);
                take_out(&mut postings.values, value, slot);
                if postings.any.is_empty() {
                    self.labels.remove(key);
                }
            }
        }
        for (index, value) in self.fields.iter_mut().zip(entry.fields()) {
            take_out(index, value, slot);
        }
        if let Some(count) = self.namespaces.get_mut(entry.namespace()) {
            *count -= 1;
            if *count == 0 {
                self.namespaces.remove(entry.namespace());
            }
        }
    }

    /// How many objects a namespace has.
    pub fn in_namespace(&self, namespace: &str) -> usize {
        self.namespaces.get(namespace).copied().unwrap_or(0)
    }

    pub fn with_label(&self, key: &str) -> Option<&Set> {
        self.labels.get(key).map(|l| &l.any)
    }

    pub fn with_label_value(&self, key: &str, value: &str) -> Option<&Set> {
        self.labels.get(key).and_then(|l| l.values.get(value))
    }

    pub fn with_field(&self, field: usize, value: &str) -> Option<&Set> {
        self.fields.get(field).and_then(|f| f.get(value))
    }
}

fn get_or_default<'a, V: Default>(map: &'a mut AHashMap<Box<str>, V>, key: &str) -> &'a mut V {
    if !map.contains_key(key) {
        map.insert(key.into(), V::default());
    }
    map.get_mut(key).expect("it was just put there")
}

fn take_out(map: &mut AHashMap<Box<str>, Set>, key: &str, slot: Slot) {
    if let Some(set) = map.get_mut(key) {
        set.remove(&slot);
        if set.is_empty() {
            map.remove(key);
        }
    }
}
