//! Which of many selectors match an object: services and controllers of a pod, without trying each.

use ahash::AHashMap;

use super::anchor::{Anchor, AnchorMap};
use super::{Pairs, Selector};

/// Selectors by id, each in a namespace ("" for those that are not in one).
#[derive(Default)]
pub struct SelectorIndex {
    ids: AHashMap<Box<str>, u32>,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    namespaces: AHashMap<Box<str>, AnchorMap<u32>>,
}

struct Slot {
    id: Box<str>,
    namespace: Box<str>,
    selector: Selector,
    anchor: Anchor,
}

impl SelectorIndex {
    /// Add a selector, or replace the one with the same id.
    pub fn add(&mut self, id: &str, selector: Selector, namespace: &str) {
        self.remove(id);
        let anchor = Anchor::of(&selector);
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        self.namespaces
            .entry(namespace.into())
            .or_default()
            .insert(&anchor, at);
        self.ids.insert(id.into(), at);
        self.slots[at as usize] = Some(Slot {
            id: id.into(),
            namespace: namespace.into(),
            selector,
            anchor,
        });
    }

    /// Remove a selector; whether there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(at) = self.ids.remove(id) else {
            return false;
        };
        if let Some(slot) = self.slots[at as usize].take() {
            if let Some(map) = self.namespaces.get_mut(&slot.namespace) {
                map.remove(&slot.anchor, at);
            }
            self.free.push(at);
        }
        true
    }

    /// The ids of the selectors in `namespace` that match, sorted.
    pub fn matching(&self, labels: &Pairs, namespace: &str) -> Vec<&str> {
        let mut slots = Vec::new();
        if let Some(map) = self.namespaces.get(namespace) {
            map.candidates(labels, &mut slots);
        }
        slots.sort_unstable();
        slots.dedup();
        let mut found: Vec<&str> = slots
            .into_iter()
            .filter_map(|at| self.slots[at as usize].as_ref())
            .filter(|s| s.selector.matches(labels))
            .map(|s| &*s.id)
            .collect();
        found.sort_unstable();
        found
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}
