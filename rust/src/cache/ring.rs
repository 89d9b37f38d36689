//! The recent changes of one resource: what watches resume from, and older lists undo.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use super::entry::Entry;

/// One object's change.
pub struct Event {
    pub revision: u64,
    pub old: Option<Arc<Entry>>,
    pub new: Option<Arc<Entry>>,
    gone: OnceLock<Arc<Entry>>,
}

impl Event {
    pub fn new(revision: u64, old: Option<Arc<Entry>>, new: Option<Arc<Entry>>) -> Event {
        Event {
            revision,
            old,
            new,
            gone: OnceLock::new(),
        }
    }

    /// The key of the object, whichever side exists.
    pub fn key(&self) -> Option<&Arc<str>> {
        self.new.as_ref().or(self.old.as_ref()).map(|e| &e.key)
    }

    /// The object as DELETED shows it: as it was, with this change's revision. Made once for all watchers.
    pub fn gone(&self) -> Option<&Arc<Entry>> {
        let old = self.old.as_ref()?;
        Some(self.gone.get_or_init(|| Arc::new(old.at(self.revision))))
    }

    /// Bytes that only the history keeps alive.
    fn size(&self) -> usize {
        self.old.as_ref().map_or(0, |e| e.json().len())
    }
}

/// Why the past can't be shown: it begins only after this revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOld {
    pub oldest: u64,
}

/// The newest events, bounded in number and bytes.
pub struct Ring {
    events: VecDeque<Arc<Event>>,
    /// Every change after this revision is here.
    pub oldest: u64,
    /// States from this revision on can be shown (events taken from the store's log can't be undone).
    pub undoable: u64,
    limit: usize,
    bytes: usize,
    byte_limit: usize,
}

impl Ring {
    pub fn new(oldest: u64, limit: usize, byte_limit: usize) -> Ring {
        Ring {
            events: VecDeque::new(),
            oldest,
            undoable: oldest,
            limit,
            bytes: 0,
            byte_limit,
        }
    }

    pub fn push(&mut self, event: Arc<Event>) {
        self.bytes += event.size();
        self.events.push_back(event);
        self.trim();
    }

    /// Put events from before the first in front, oldest first, which follow revision `oldest` without a gap.
    pub fn prepend(&mut self, events: Vec<Arc<Event>>, oldest: u64) {
        for event in events.into_iter().rev() {
            self.bytes += event.size();
            self.events.push_front(event);
        }
        self.oldest = oldest;
        self.trim();
    }

    /// Events after `revision`, oldest first.
    pub fn since(&self, revision: u64) -> Result<impl Iterator<Item = &Arc<Event>>, TooOld> {
        if revision < self.oldest {
            return Err(TooOld {
                oldest: self.oldest,
            });
        }
        let start = self.events.partition_point(|e| e.revision <= revision);
        Ok(self.events.range(start..))
    }

    /// Whether so many more events fit; how large they are shows only then.
    pub fn has_room(&self, events: usize) -> bool {
        self.events.len() + events <= self.limit && self.bytes < self.byte_limit
    }

    fn trim(&mut self) {
        while self.events.len() > self.limit
            || self.bytes > self.byte_limit && self.events.len() > 1
        {
            let Some(first) = self.events.pop_front() else {
                return;
            };
            self.bytes -= first.size();
            self.oldest = self.oldest.max(first.revision);
        }
        self.undoable = self.undoable.max(self.oldest);
    }
}
