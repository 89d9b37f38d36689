//! The objects of one resource in key order, with their indexes and their recent past.

use std::collections::btree_map::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use ahash::AHashSet;

use super::entry::Entry;
use super::postings::{Postings, Slot};
use super::query::Query;
use super::ring::{Event, Ring, TooOld};
use super::schema::Schema;
use crate::selector::Operator;

/// Bounds of what is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub ring_events: usize,
    pub ring_bytes: usize,
    pub queue_events: usize,
    pub queue_bytes: usize,
}

/// Part of a list.
pub struct Page {
    pub items: Vec<Arc<Entry>>,
    /// Whether more follow.
    pub more: bool,
    /// How many follow, where that is known (not with selectors, as upstream).
    pub remaining: Option<u64>,
}

/// Where a page begins and ends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span<'a> {
    /// Only keys greater than this one.
    pub after: &'a str,
    /// 0: all.
    pub limit: usize,
    /// Show this revision instead of the newest.
    pub revision: Option<u64>,
    /// How many were left when the page before ended, None: this is the first page.
    pub left: Option<u64>,
}

pub struct Table {
    pub schema: Schema,
    by_key: BTreeMap<Arc<str>, Slot>,
    slots: Vec<Option<Arc<Entry>>>,
    free: Vec<Slot>,
    postings: Postings,
    pub ring: Ring,
}

impl Table {
    pub fn new(schema: Schema, limits: &Limits) -> Table {
        let postings = Postings::new(schema.names.len());
        let ring = Ring::new(0, limits.ring_events, limits.ring_bytes);
        Table {
            schema,
            by_key: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            postings,
            ring,
        }
    }

    pub fn get(&self, key: &str) -> Option<&Arc<Entry>> {
        self.by_key.get(key).and_then(|&slot| self.at(slot))
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Bytes of the objects' JSON; counted one by one, so for now and then only.
    pub fn bytes(&self) -> usize {
        self.slots.iter().flatten().map(|e| e.json().len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.by_key.keys().map(|k| &**k)
    }

    /// Take up a change (`value` None: a deletion) and remember it; no event where there was nothing to delete.
    ///
    /// A value that can't be read (Err says why) is taken for a deletion.
    pub fn apply(
        &mut self,
        key: &str,
        value: Option<&[u8]>,
        revision: u64,
    ) -> (Option<Arc<Event>>, Result<(), String>) {
        let old = self.get(key).cloned();
        let made = value.map(|value| {
            let key = old
                .as_ref()
                .map_or_else(|| Arc::from(key), |o| o.key.clone());
            Entry::new(&self.schema, key, value, revision, old.as_deref()).map(Arc::new)
        });
        let (new, taken_up) = match made.transpose() {
            Ok(new) => (new, Ok(())),
            Err(why) => (None, Err(why)),
        };
        match &new {
            Some(new) => self.put(new.clone()),
            None if old.is_none() => return (None, taken_up),
            None => self.delete(key),
        }
        let event = Arc::new(Event::new(revision, old, new));
        self.ring.push(event.clone());
        (Some(event), taken_up)
    }

    /// Put an entry in its place.
    pub fn put(&mut self, entry: Arc<Entry>) {
        if let Some(&slot) = self.by_key.get(&entry.key) {
            if let Some(old) = self.slots[slot as usize].replace(entry.clone()) {
                if !old.same_attributes(&entry) {
                    self.postings.remove(&old, slot);
                    self.postings.add(&entry, slot);
                }
            }
            return;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as Slot
        });
        self.postings.add(&entry, slot);
        self.by_key.insert(entry.key.clone(), slot);
        self.slots[slot as usize] = Some(entry);
    }

    pub fn delete(&mut self, key: &str) {
        if let Some(slot) = self.by_key.remove(key) {
            if let Some(old) = self.slots[slot as usize].take() {
                self.postings.remove(&old, slot);
            }
            self.free.push(slot);
        }
    }

    fn at(&self, slot: Slot) -> Option<&Arc<Entry>> {
        self.slots.get(slot as usize).and_then(|s| s.as_ref())
    }

    /// The objects meant by `query`, in key order.
    pub fn page(&self, query: &Query, span: Span<'_>) -> Result<Page, TooOld> {
        let undone = match span.revision {
            Some(revision) => self.undo(revision)?,
            None => BTreeMap::new(),
        };
        let wanted = if span.limit == 0 {
            usize::MAX
        } else {
            span.limit.saturating_add(1)
        };
        let mut items = match self.narrowest(query).filter(|_| undone.is_empty()) {
            Some(slots) => self.pick(query, span.after, slots, wanted),
            None => self.scan(query, span.after, &undone, wanted),
        };
        let more = items.len() == wanted;
        if more {
            items.pop();
        }
        let remaining = match (more && !query.selects(), items.last()) {
            (true, Some(last)) => Some(match span.left {
                Some(left) => left.saturating_sub(items.len() as u64),
                None if undone.is_empty() && span.after.is_empty() => {
                    (self.total(query) - items.len()) as u64
                }
                None => self.scan(query, &last.key, &undone, usize::MAX).len() as u64,
            }),
            _ => None,
        };
        Ok(Page {
            items,
            more,
            remaining,
        })
    }

    fn total(&self, query: &Query) -> usize {
        if query.namespace.is_empty() {
            self.len()
        } else {
            self.postings.in_namespace(&query.namespace)
        }
    }

    /// The smallest index that has all of the answer, unless walking the keys costs no more.
    fn narrowest(&self, query: &Query) -> Option<Vec<Slot>> {
        let walk = self.total(query);
        let postings = &self.postings;
        let mut offers: Vec<Vec<&AHashSet<Slot>>> = Vec::new();
        for (field, value) in query.fields.required() {
            offers.push(postings.with_field(field, value).into_iter().collect());
        }
        for r in &query.labels.requirements {
            match r.operator {
                Operator::Equals | Operator::DoubleEquals | Operator::In => {
                    let sets = r
                        .values
                        .iter()
                        .filter_map(|v| postings.with_label_value(&r.key, v));
                    offers.push(sets.collect());
                }
                Operator::Exists | Operator::GreaterThan | Operator::LessThan => {
                    offers.push(postings.with_label(&r.key).into_iter().collect());
                }
                Operator::NotEquals | Operator::NotIn | Operator::DoesNotExist => {}
            }
        }
        // Sorting what an index gives costs about as much as walking twice as many keys in order.
        let sized = offers
            .into_iter()
            .map(|sets| (sets.iter().map(|s| s.len()).sum::<usize>(), sets));
        let best = sized
            .min_by_key(|(size, _)| *size)
            .filter(|(size, _)| size * 2 <= walk);
        best.map(|(_, sets)| sets.into_iter().flatten().copied().collect())
    }

    fn pick(&self, query: &Query, after: &str, slots: Vec<Slot>, wanted: usize) -> Vec<Arc<Entry>> {
        let mut found: Vec<&Arc<Entry>> = slots
            .into_iter()
            .filter_map(|s| self.at(s))
            .filter(|e| (after.is_empty() || &*e.key > after) && query.matches(e))
            .collect();
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        found.into_iter().take(wanted).cloned().collect()
    }

    fn scan(
        &self,
        query: &Query,
        after: &str,
        undone: &BTreeMap<Arc<str>, Option<Arc<Entry>>>,
        wanted: usize,
    ) -> Vec<Arc<Entry>> {
        let (low, high) = query.range();
        let low = if after >= low.as_str() && !after.is_empty() {
            Bound::Excluded(after)
        } else {
            Bound::Included(low.as_str())
        };
        let high = if high.is_empty() {
            Bound::Unbounded
        } else {
            Bound::Excluded(high.as_str())
        };
        if is_empty_range(&low, &high) {
            return Vec::new();
        }
        let current = self
            .by_key
            .range::<str, _>((low, high))
            .filter(|(key, _)| undone.is_empty() || !undone.contains_key(*key))
            .filter_map(|(_, &slot)| self.at(slot));
        if undone.is_empty() {
            return current
                .filter(|e| query.matches(e))
                .take(wanted)
                .cloned()
                .collect();
        }
        let mut past = undone
            .range::<str, _>((low, high))
            .filter_map(|(_, old)| old.as_ref())
            .peekable();
        let mut current = current.peekable();
        let mut found = Vec::new();
        while found.len() < wanted {
            let next = match (past.peek(), current.peek()) {
                (Some(p), Some(c)) if p.key < c.key => past.next(),
                (Some(_), None) => past.next(),
                _ => current.next(),
            };
            match next {
                Some(entry) if query.matches(entry) => found.push(entry.clone()),
                Some(_) => {}
                None => break,
            }
        }
        found
    }

    /// What every key that changed after `revision` was then.
    fn undo(&self, revision: u64) -> Result<BTreeMap<Arc<str>, Option<Arc<Entry>>>, TooOld> {
        if revision < self.ring.undoable {
            return Err(TooOld {
                oldest: self.ring.undoable,
            });
        }
        let mut undone = BTreeMap::new();
        for event in self.ring.since(revision)? {
            if let Some(key) = event.key() {
                undone
                    .entry(key.clone())
                    .or_insert_with(|| event.old.clone());
            }
        }
        Ok(undone)
    }
}

/// BTreeMap::range panics on ranges that end before they begin; a continue token can make one.
fn is_empty_range(low: &Bound<&str>, high: &Bound<&str>) -> bool {
    match (low, high) {
        (Bound::Included(l) | Bound::Excluded(l), Bound::Included(h) | Bound::Excluded(h)) => {
            l >= h
        }
        _ => false,
    }
}
