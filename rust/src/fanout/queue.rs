//! A watcher's queue: bounded, and cut off for good when it overflows.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::cache::entry::Entry;
use crate::cache::ring::Event;
use crate::cache::table::Limits;

/// Places that an empty queue keeps: thousands of idle watchers must not hold what a burst once took.
const KEPT: usize = 16;

/// As what an object is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Added,
    Modified,
    Deleted,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Added => "ADDED",
            Kind::Modified => "MODIFIED",
            Kind::Deleted => "DELETED",
        }
    }
}

/// One thing that a watcher is told.
pub struct Delivery {
    pub kind: Kind,
    pub object: Arc<Entry>,
    pub revision: u64,
}

impl Delivery {
    /// An event as a watch is told it.
    pub fn of(event: &Event, kind: Kind) -> Option<Delivery> {
        let object = match kind {
            Kind::Deleted => event.gone(),
            _ => event.new.as_ref(),
        };
        Some(Delivery {
            kind,
            object: object?.clone(),
            revision: event.revision,
        })
    }
}

/// The watcher did not keep up: it has everything up to `seen`, and must list again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow {
    pub seen: u64,
}

/// What waits for one watcher.
pub struct Queue {
    initial: VecDeque<Arc<Entry>>,
    events: VecDeque<(Arc<Event>, Kind)>,
    bytes: usize,
    limit: usize,
    byte_limit: usize,
    seen: u64,
    overflowed: bool,
}

impl Queue {
    pub fn new(initial: Vec<Arc<Entry>>, limits: &Limits, after: u64) -> Queue {
        Queue {
            initial: initial.into(),
            events: VecDeque::new(),
            bytes: 0,
            limit: limits.queue_events,
            byte_limit: limits.queue_bytes,
            seen: after,
            overflowed: false,
        }
    }

    /// Queue an event that the watcher missed before it began: the bound grows by it, since the history that it
    /// comes from is bounded itself.
    pub fn replay(&mut self, event: Arc<Event>, kind: Kind) {
        self.limit += 1;
        let size = size(&event);
        self.byte_limit += size;
        self.bytes += size;
        self.events.push_back((event, kind));
    }

    /// Queue an event; whether the watcher had nothing before and must be woken.
    pub fn push(&mut self, event: Arc<Event>, kind: Kind) -> bool {
        if self.overflowed {
            return false;
        }
        let idle = self.is_idle();
        let size = size(&event);
        if self.events.len() >= self.limit
            || self.bytes + size > self.byte_limit && !self.events.is_empty()
        {
            self.overflowed = true;
            self.events = VecDeque::new();
            self.initial = VecDeque::new();
            return idle;
        }
        self.bytes += size;
        self.events.push_back((event, kind));
        idle
    }

    /// How much waits: objects and events.
    pub fn len(&self) -> usize {
        self.initial.len() + self.events.len()
    }

    pub fn is_cut_off(&self) -> bool {
        self.overflowed
    }

    pub fn is_idle(&self) -> bool {
        self.initial.is_empty() && self.events.is_empty() && !self.overflowed
    }

    /// Everything up to this revision was taken; None while initial objects are left.
    pub fn seen(&self) -> Option<u64> {
        self.initial.is_empty().then_some(self.seen)
    }

    /// Take what fits in `bytes`, at least one revision's worth.
    pub fn take(&mut self, bytes: usize) -> Result<Vec<Delivery>, Overflow> {
        if self.overflowed {
            return Err(Overflow { seen: self.seen });
        }
        let mut taken = 0;
        let mut found = Vec::new();
        while taken < bytes {
            let Some(object) = self.initial.pop_front() else {
                break;
            };
            taken += object.json().len();
            found.push(Delivery {
                kind: Kind::Added,
                revision: object.revision,
                object,
            });
        }
        while let Some((event, _)) = self.events.front() {
            if taken >= bytes && event.revision != self.seen {
                break;
            }
            let Some((event, kind)) = self.events.pop_front() else {
                break;
            };
            let size = size(&event);
            self.bytes -= size;
            taken += size;
            self.seen = event.revision;
            found.extend(Delivery::of(&event, kind));
        }
        if self.events.is_empty() && self.events.capacity() > KEPT {
            self.events = VecDeque::new();
        }
        if self.initial.is_empty() && self.initial.capacity() > 0 {
            self.initial = VecDeque::new();
        }
        Ok(found)
    }
}

fn size(event: &Event) -> usize {
    event
        .new
        .as_ref()
        .or(event.old.as_ref())
        .map_or(0, |e| e.json().len())
}
