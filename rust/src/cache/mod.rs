//! The object cache: every resource's objects with their encoded bytes, indexes and recent past, and the
//! watches over them. Python's dromon.store.cache drives it.

pub mod entry;
mod postings;
pub mod query;
pub mod ring;
pub mod schema;
mod splice;
pub mod table;
pub mod wire;

use std::sync::Arc;

use ahash::AHashMap;

use crate::fanout::{Fanout, Figures, WatcherId};
use query::Query;
use ring::{Event, TooOld};
use schema::Schema;
use table::{Limits, Table};

/// A resource's place in the order of declaration.
pub type ResourceId = usize;

struct Kind {
    table: Table,
    fanout: Fanout,
}

/// All resources at one revision.
pub struct Cache {
    kinds: Vec<Kind>,
    prefixes: AHashMap<Box<str>, ResourceId>,
    watched: AHashMap<WatcherId, ResourceId>,
    next_watcher: WatcherId,
    /// Everything up to this revision is shown.
    pub revision: u64,
    limits: Limits,
}

impl Cache {
    pub fn new(limits: Limits) -> Cache {
        Cache {
            kinds: Vec::new(),
            prefixes: AHashMap::new(),
            watched: AHashMap::new(),
            next_watcher: 1,
            revision: 0,
            limits,
        }
    }

    pub fn add_resource(&mut self, schema: Schema) -> ResourceId {
        self.prefixes
            .insert(schema.prefix.clone(), self.kinds.len());
        let fanout = Fanout::new(schema.names.len(), self.limits);
        self.kinds.push(Kind {
            table: Table::new(schema, &self.limits),
            fanout,
        });
        self.kinds.len() - 1
    }

    pub fn table(&self, resource: ResourceId) -> Option<&Table> {
        self.kinds.get(resource).map(|k| &k.table)
    }

    /// Split a store's key into its resource and the key below the resource's prefix.
    fn locate<'a>(&self, key: &'a str) -> Option<(ResourceId, &'a str)> {
        // "/registry/<group>/<plural>/": the prefix ends with the fourth slash.
        let (end, _) = key.match_indices('/').nth(3)?;
        let (prefix, rest) = key.split_at(end + 1);
        self.prefixes.get(prefix).map(|&resource| (resource, rest))
    }

    /// Put an object that was there when the cache began.
    pub fn load(&mut self, key: &str, value: &[u8], revision: u64) -> Result<(), String> {
        let Some((resource, below)) = self.locate(key) else {
            return Ok(());
        };
        let table = &mut self.kinds[resource].table;
        let entry = entry::Entry::new(&table.schema, Arc::from(below), value, revision, None)
            .map_err(|e| format!("{key}: {e}"))?;
        table.put(Arc::new(entry));
        Ok(())
    }

    /// Loading is done: the cache shows `revision`, and knows no past before it.
    pub fn loaded(&mut self, revision: u64) {
        self.revision = revision;
        for kind in &mut self.kinds {
            kind.table.ring.oldest = revision;
            kind.table.ring.undoable = revision;
        }
    }

    /// Take up one change; watchers that got something after having nothing are added to `woken`.
    pub fn apply(
        &mut self,
        key: &str,
        value: Option<&[u8]>,
        revision: u64,
        woken: &mut Vec<WatcherId>,
    ) -> Result<(), String> {
        let Some((resource, below)) = self.locate(key) else {
            return Ok(());
        };
        let kind = &mut self.kinds[resource];
        let event = kind
            .table
            .apply(below, value, revision)
            .map_err(|e| format!("{key}: {e}"))?;
        if let Some(event) = event {
            kind.fanout.publish(&event, woken);
        }
        Ok(())
    }

    /// Changes from before the cache began, oldest first, which follow `oldest` and end at `upto`.
    pub fn backfill(
        &mut self,
        changes: Vec<PastChange<'_>>,
        oldest: u64,
        upto: u64,
    ) -> Result<(), String> {
        let mut events: Vec<Vec<Arc<Event>>> = self.kinds.iter().map(|_| Vec::new()).collect();
        let mut last: AHashMap<&str, Option<Arc<entry::Entry>>> = AHashMap::new();
        for change in changes {
            let Some((resource, below)) = self.locate(change.key) else {
                continue;
            };
            let schema = &self.kinds[resource].table.schema;
            let make = |value: &[u8], revision| {
                entry::Entry::new(schema, Arc::from(below), value, revision, None)
                    .map(Arc::new)
                    .map_err(|e| format!("{}: {e}", change.key))
            };
            let old = match (last.remove(change.key), change.previous) {
                (Some(known), _) => known,
                // Its true revision is not known; events show it with their own.
                (None, Some(previous)) => Some(make(previous, 0)?),
                (None, None) => None,
            };
            let new = change
                .value
                .map(|value| make(value, change.revision))
                .transpose()?;
            last.insert(change.key, new.clone());
            events[resource].push(Arc::new(Event::new(change.revision, old, new)));
        }
        for (kind, events) in self.kinds.iter_mut().zip(events) {
            // A ring that has moved on since then would get a gap: it stays as it is.
            if kind.table.ring.oldest == upto {
                kind.table.ring.prepend(events, oldest);
            }
        }
        Ok(())
    }

    /// Begin a watch: with the current objects (`after` None), or with the changes after a revision.
    pub fn watch(
        &mut self,
        resource: ResourceId,
        query: Query,
        after: Option<u64>,
    ) -> Result<WatcherId, TooOld> {
        let id = self.next_watcher;
        let Kind { table, fanout } = &mut self.kinds[resource];
        match after {
            None => {
                let page = table.page(&query, table::Span::default())?;
                fanout.add(id, query, page.items, &[], self.revision);
            }
            Some(revision) => {
                let missed: Vec<Arc<Event>> = table.ring.since(revision)?.cloned().collect();
                fanout.add(id, query, Vec::new(), &missed, revision);
            }
        }
        self.next_watcher += 1;
        self.watched.insert(id, resource);
        Ok(id)
    }

    /// The watches of the resource that a watcher belongs to.
    pub fn fanout(&mut self, id: WatcherId) -> Option<(&Schema, &mut Fanout)> {
        let kind = &mut self.kinds[*self.watched.get(&id)?];
        Some((&kind.table.schema, &mut kind.fanout))
    }

    pub fn unwatch(&mut self, id: WatcherId) {
        if let Some(resource) = self.watched.remove(&id) {
            self.kinds[resource].fanout.remove(id);
        }
    }

    /// What goes on among a resource's watchers.
    pub fn figures(&self, resource: ResourceId) -> Option<Figures> {
        self.kinds.get(resource).map(|k| k.fanout.figures())
    }

    pub fn watchers(&self) -> usize {
        self.watched.len()
    }
}

/// A change as the store's log has it.
pub struct PastChange<'a> {
    pub key: &'a str,
    pub value: Option<&'a [u8]>,
    pub previous: Option<&'a [u8]>,
    pub revision: u64,
}
