//! Which watchers an object can concern, by the one thing that each requires.

use ahash::{AHashMap, AHashSet};

use super::WatcherId;
use crate::cache::entry::Entry;
use crate::cache::query::Query;
use crate::selector::anchor::{Anchor, AnchorMap};

/// What a watcher hangs on.
pub enum Route {
    /// A field's value (spec.nodeName=n1).
    Field(usize, Box<str>),
    /// A label.
    Label(Anchor),
    Namespace(Box<str>),
    All,
}

impl Route {
    /// The most telling requirement of a query.
    pub fn of(query: &Query) -> Route {
        if let Some((field, value)) = query.fields.required().next() {
            return Route::Field(field, value.into());
        }
        match Anchor::of(&query.labels) {
            anchor @ Anchor::Values(..) => Route::Label(anchor),
            _ if !query.namespace.is_empty() => Route::Namespace(query.namespace.clone()),
            anchor @ Anchor::Key(_) => Route::Label(anchor),
            Anchor::Any => Route::All,
        }
    }
}

/// Watchers by route.
pub struct Routes {
    fields: Vec<AHashMap<Box<str>, AHashSet<WatcherId>>>,
    labels: AnchorMap<WatcherId>,
    namespaces: AHashMap<Box<str>, AHashSet<WatcherId>>,
    all: AHashSet<WatcherId>,
}

impl Routes {
    pub fn new(fields: usize) -> Routes {
        Routes {
            fields: (0..fields).map(|_| AHashMap::new()).collect(),
            labels: AnchorMap::default(),
            namespaces: AHashMap::new(),
            all: AHashSet::new(),
        }
    }

    pub fn insert(&mut self, route: &Route, id: WatcherId) {
        match route {
            Route::Field(field, value) => {
                self.fields[*field]
                    .entry(value.clone())
                    .or_default()
                    .insert(id);
            }
            Route::Label(anchor) => self.labels.insert(anchor, id),
            Route::Namespace(namespace) => {
                self.namespaces
                    .entry(namespace.clone())
                    .or_default()
                    .insert(id);
            }
            Route::All => {
                self.all.insert(id);
            }
        }
    }

    pub fn remove(&mut self, route: &Route, id: WatcherId) {
        match route {
            Route::Field(field, value) => take_out(&mut self.fields[*field], value, id),
            Route::Label(anchor) => self.labels.remove(anchor, id),
            Route::Namespace(namespace) => take_out(&mut self.namespaces, namespace, id),
            Route::All => {
                self.all.remove(&id);
            }
        }
    }

    /// Add the watchers that an object can concern to `found`; one may come twice.
    pub fn candidates(&self, entry: &Entry, found: &mut Vec<WatcherId>) {
        found.extend(&self.all);
        for (watched, value) in self.fields.iter().zip(entry.fields()) {
            if let Some(ids) = (!watched.is_empty()).then(|| watched.get(value)).flatten() {
                found.extend(ids);
            }
        }
        self.labels.candidates(entry.labels(), found);
        if !self.namespaces.is_empty() {
            if let Some(ids) = self.namespaces.get(entry.namespace()) {
                found.extend(ids);
            }
        }
    }
}

fn take_out(map: &mut AHashMap<Box<str>, AHashSet<WatcherId>>, key: &str, id: WatcherId) {
    if let Some(ids) = map.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            map.remove(key);
        }
    }
}
