//! What the store's log or an older list has, made into what the cache's own past and present consist of.

use std::sync::Arc;

use ahash::AHashMap;

use super::entry::Entry;
use super::ring::Event;
use super::schema::Schema;

/// A change as the store's log has it.
pub struct PastChange<'a> {
    pub key: &'a str,
    pub value: Option<&'a [u8]>,
    pub previous: Option<&'a [u8]>,
    pub revision: u64,
}

/// One resource's changes as events, in their order; keys of others are left out.
///
/// A value that can't be read is as if it were not there, as when the cache takes up a change.
pub fn events(schema: &Schema, changes: &[PastChange<'_>]) -> Vec<Arc<Event>> {
    let mut last: AHashMap<&str, Option<Arc<Entry>>> = AHashMap::new();
    let mut found = Vec::with_capacity(changes.len());
    for change in changes {
        let Some(below) = change.key.strip_prefix(&*schema.prefix) else {
            continue;
        };
        let make = |value, revision| entry(schema, below, value, revision);
        let old = match last.remove(below) {
            Some(known) => known,
            // Its true revision is not known; events show it with their own.
            None => change.previous.and_then(|previous| make(previous, 0)),
        };
        let new = change.value.and_then(|value| make(value, change.revision));
        last.insert(below, new.clone());
        if old.is_some() || new.is_some() {
            found.push(Arc::new(Event::new(change.revision, old, new)));
        }
    }
    found
}

/// An object of an older list; None where it can't be read.
pub fn entry(schema: &Schema, below: &str, value: &[u8], revision: u64) -> Option<Arc<Entry>> {
    let made = Entry::new(schema, Arc::from(below), value, revision, None);
    made.map(Arc::new).ok()
}
