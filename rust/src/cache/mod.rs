//! The object cache: every resource's objects with their encoded bytes, indexes and recent past, and the
//! watches over them. Python's dromon.store.cache drives it.

pub mod entry;
pub mod past;
mod postings;
pub mod query;
pub mod ring;
pub mod schema;
mod splice;
pub mod table;
pub mod wire;

use std::sync::Arc;

use ahash::AHashMap;

use crate::fanout::{seen_as, Delivery, Fanout, Figures, WatcherId};
use past::PastChange;
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

    /// Put an object that was there when the cache began. Err: why its value can't be read; it is left out.
    pub fn load(&mut self, key: &str, value: &[u8], revision: u64) -> Result<(), String> {
        let Some((resource, below)) = self.locate(key) else {
            return Ok(());
        };
        let table = &mut self.kinds[resource].table;
        let entry = entry::Entry::new(&table.schema, Arc::from(below), value, revision, None)?;
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

    /// Whether the cache shows the key as it was last changed by `revision`.
    pub fn has(&self, key: &str, revision: u64) -> bool {
        let Some((resource, below)) = self.locate(key) else {
            return true;
        };
        let entry = self.kinds[resource].table.get(below);
        entry.is_some_and(|e| e.revision == revision)
    }

    /// The store's keys of all objects.
    pub fn keys(&self) -> impl Iterator<Item = String> + '_ {
        self.kinds.iter().flat_map(|kind| {
            let prefix = &kind.table.schema.prefix;
            kind.table
                .keys()
                .map(move |below| format!("{prefix}{below}"))
        })
    }

    /// Begin anew at a revision: the keys in `gone` are not there any more, no watch goes on, no past is known.
    /// What changed is then given to `load`, and `loaded` ends it.
    pub fn renew<'a>(&mut self, gone: impl Iterator<Item = &'a str>) {
        for key in gone {
            if let Some((resource, below)) = self.locate(key) {
                self.kinds[resource].table.delete(below);
            }
        }
        for kind in &mut self.kinds {
            kind.table.ring = ring::Ring::new(0, self.limits.ring_events, self.limits.ring_bytes);
            kind.fanout.clear();
        }
        self.watched.clear();
    }

    /// Take up one change; watchers that got something after having nothing are added to `woken`.
    ///
    /// Err: why the new value can't be read. Nobody can be shown it, so it counts as if the object were gone.
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
        let (event, taken_up) = kind.table.apply(below, value, revision);
        if let Some(event) = event {
            kind.fanout.publish(&event, woken);
        }
        taken_up
    }

    /// One resource's changes after `oldest` up to `upto`, where its ring begins, oldest first: put them in front.
    ///
    /// A ring that has moved on since then would get a gap, and stays as it is, as does one without room.
    pub fn backfill(
        &mut self,
        resource: ResourceId,
        changes: &[PastChange<'_>],
        oldest: u64,
        upto: u64,
    ) {
        let Some(kind) = self.kinds.get_mut(resource) else {
            return;
        };
        let ring = &kind.table.ring;
        if ring.oldest == upto && ring.has_room(changes.len()) {
            let events = past::events(&kind.table.schema, changes);
            kind.table.ring.prepend(events, oldest);
        }
    }

    /// What a watch is told of changes that the ring does not have (any more), oldest first.
    pub fn replay(
        &self,
        resource: ResourceId,
        query: &Query,
        changes: &[PastChange<'_>],
    ) -> Vec<Delivery> {
        let Some(kind) = self.kinds.get(resource) else {
            return Vec::new();
        };
        past::events(&kind.table.schema, changes)
            .into_iter()
            .filter_map(|event| Some((seen_as(query, &event)?, event)))
            .filter_map(|(kind, event)| Delivery::of(&event, kind))
            .collect()
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
    pub fn fanout(&mut self, id: WatcherId) -> Option<&mut Fanout> {
        Some(&mut self.kinds[*self.watched.get(&id)?].fanout)
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
