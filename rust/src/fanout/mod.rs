//! Watch fan-out: who sees a change, and as what.
//!
//! Every watcher has its own bounded queue and hangs on one thing that it requires (a field's value, a label, a
//! namespace), so that a change costs nothing for those who can't be concerned. A watcher that does not keep up
//! is cut off; it slows nobody.

mod queue;
mod routes;

use std::sync::Arc;

use ahash::AHashMap;

use crate::cache::entry::Entry;
use crate::cache::query::Query;
use crate::cache::ring::Event;
use crate::cache::table::Limits;
use queue::Queue;
pub use queue::{Delivery, Kind, Overflow};
use routes::{Route, Routes};

/// Names a watcher for as long as the cache lives.
pub type WatcherId = u64;

struct Watcher {
    query: Query,
    route: Route,
    queue: Queue,
}

/// What went on among the watchers of one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub watchers: usize,
    /// Deliveries that wait now: of all watchers, and of the one with most.
    pub queued: usize,
    pub longest: usize,
    /// Since the beginning: what was taken off queues, and watchers that did not keep up.
    pub delivered: u64,
    pub cut_off: u64,
}

/// The watchers of one resource.
pub struct Fanout {
    watchers: AHashMap<WatcherId, Watcher>,
    routes: Routes,
    limits: Limits,
    candidates: Vec<WatcherId>,
    delivered: u64,
    cut_off: u64,
    fields: usize,
}

impl Fanout {
    pub fn new(fields: usize, limits: Limits) -> Fanout {
        Fanout {
            watchers: AHashMap::new(),
            routes: Routes::new(fields),
            limits,
            candidates: Vec::new(),
            delivered: 0,
            cut_off: 0,
            fields,
        }
    }

    /// Add a watcher that first sees `initial` as added, then those of `missed` that concern it.
    pub fn add(
        &mut self,
        id: WatcherId,
        query: Query,
        initial: Vec<Arc<Entry>>,
        missed: &[Arc<Event>],
        after: u64,
    ) {
        let mut queue = Queue::new(initial, &self.limits, after);
        for event in missed {
            if let Some(kind) = seen_as(&query, event) {
                queue.replay(event.clone(), kind);
            }
        }
        let route = Route::of(&query);
        self.routes.insert(&route, id);
        self.watchers.insert(
            id,
            Watcher {
                query,
                route,
                queue,
            },
        );
    }

    pub fn remove(&mut self, id: WatcherId) {
        if let Some(watcher) = self.watchers.remove(&id) {
            self.routes.remove(&watcher.route, id);
        }
    }

    /// Let go of all watchers.
    pub fn clear(&mut self) {
        self.watchers.clear();
        self.routes = Routes::new(self.fields);
    }

    /// Queue an event for everyone it concerns; those who were waiting are added to `woken`.
    pub fn publish(&mut self, event: &Arc<Event>, woken: &mut Vec<WatcherId>) {
        if self.watchers.is_empty() {
            return;
        }
        let mut candidates = std::mem::take(&mut self.candidates);
        for entry in [&event.old, &event.new].into_iter().flatten() {
            self.routes.candidates(entry, &mut candidates);
        }
        candidates.sort_unstable();
        candidates.dedup();
        for id in candidates.drain(..) {
            let Some(watcher) = self.watchers.get_mut(&id) else {
                continue;
            };
            if let Some(kind) = seen_as(&watcher.query, event) {
                let before = watcher.queue.is_cut_off();
                if watcher.queue.push(event.clone(), kind) {
                    woken.push(id);
                }
                self.cut_off += u64::from(!before && watcher.queue.is_cut_off());
            }
        }
        self.candidates = candidates;
    }

    /// Take deliveries of up to about `bytes` bytes off a watcher's queue, never splitting a revision.
    pub fn take(&mut self, id: WatcherId, bytes: usize) -> Result<Vec<Delivery>, Overflow> {
        let Some(watcher) = self.watchers.get_mut(&id) else {
            return Ok(Vec::new());
        };
        let found = watcher.queue.take(bytes)?;
        self.delivered += found.len() as u64;
        Ok(found)
    }

    pub fn figures(&self) -> Figures {
        let mut figures = Figures {
            watchers: self.watchers.len(),
            delivered: self.delivered,
            cut_off: self.cut_off,
            ..Figures::default()
        };
        for watcher in self.watchers.values() {
            figures.queued += watcher.queue.len();
            figures.longest = figures.longest.max(watcher.queue.len());
        }
        figures
    }

    /// Up to which revision a watcher has everything; None while objects of its beginning are left.
    pub fn seen(&self, id: WatcherId) -> Option<u64> {
        self.watchers.get(&id).and_then(|w| w.queue.seen())
    }

    /// Whether a watcher has neither anything to take nor been cut off.
    pub fn is_idle(&self, id: WatcherId) -> bool {
        self.watchers.get(&id).map_or(true, |w| w.queue.is_idle())
    }
}

/// As what a watch sees an event: an object that enters its set is added, one that leaves it is deleted.
pub fn seen_as(query: &Query, event: &Event) -> Option<Kind> {
    let was = event.old.as_ref().is_some_and(|e| query.matches(e));
    let is = event.new.as_ref().is_some_and(|e| query.matches(e));
    match (was, is) {
        (false, true) => Some(Kind::Added),
        (true, true) => Some(Kind::Modified),
        (true, false) => Some(Kind::Deleted),
        (false, false) => None,
    }
}
