//! `Cache` for Python: the resources, their changes, reads and watches.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::encode::{encode_failed, format, Encoder};
use super::items::{bytes, hold, past, Applied, Item};
use super::page::Page;
use super::past::{tell, Told};
use super::{lock, TooOld};
use crate::cache::query::Query;
use crate::cache::schema::{Field, Schema};
use crate::cache::table::{Limits, Span};
use crate::cache::wire::{self, Encode, Format};
use crate::cache::{self, ResourceId};
use crate::fanout::{Delivery, WatcherId};

/// See dromon/_core.pyi.
#[pyclass(frozen, module = "dromon._core")]
pub struct Cache {
    pub inner: Mutex<cache::Cache>,
    pub encode: Py<PyAny>,
}

#[pymethods]
impl Cache {
    #[new]
    #[pyo3(signature = (encode, *, ring_events = 10_000, ring_bytes = 32 << 20, queue_events = 10_000, queue_bytes = 64 << 20))]
    fn new(
        encode: Py<PyAny>,
        ring_events: usize,
        ring_bytes: usize,
        queue_events: usize,
        queue_bytes: usize,
    ) -> Self {
        let limits = Limits {
            ring_events,
            ring_bytes,
            queue_events,
            queue_bytes,
        };
        Cache {
            inner: Mutex::new(cache::Cache::new(limits)),
            encode,
        }
    }

    fn add_resource(
        &self,
        prefix: &str,
        kind: &str,
        api_version: &str,
        namespaced: bool,
        fields: Vec<(String, String, String)>,
    ) -> ResourceId {
        let fields = fields.into_iter().map(|(name, path, default)| Field {
            name: name.into(),
            path: path.into(),
            default: default.into(),
        });
        let schema = Schema::new(prefix, kind, api_version, namespaced, fields.collect());
        lock(&self.inner).add_resource(schema)
    }

    /// What the cache begins with; keys whose values can't be read, and why.
    fn load(&self, items: &Bound<'_, PyAny>, revision: u64) -> PyResult<Vec<(String, String)>> {
        let mut unreadable = Vec::new();
        let mut cache = lock(&self.inner);
        for item in items.try_iter()? {
            let item = Item::read(item?)?;
            if let Err(why) = cache.load(item.key()?, item.value(), item.revision) {
                unreadable.push((item.key()?.to_owned(), why));
            }
        }
        cache.loaded(revision);
        Ok(unreadable)
    }

    /// Those of `items` that the cache does not have as they are.
    fn stale<'py>(&self, items: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let cache = lock(&self.inner);
        let mut found = Vec::new();
        for item in items.try_iter()? {
            let item = Item::read(item?)?;
            if !cache.has(item.key()?, item.revision) {
                found.push(item.object);
            }
        }
        Ok(found)
    }

    /// The store's keys of all objects.
    fn keys(&self) -> Vec<String> {
        lock(&self.inner).keys().collect()
    }

    /// Begin anew: `gone` are not there any more, no watch goes on, no past is known; `load` does the rest.
    fn renew(&self, gone: Vec<String>) {
        lock(&self.inner).renew(gone.iter().map(String::as_str));
    }

    /// Take up one revision's changes; the watchers that were waiting and now have something, and what can't be read.
    fn apply(&self, revision: u64, changes: &Bound<'_, PyAny>) -> PyResult<Applied> {
        let mut woken = Vec::new();
        let mut unreadable = Vec::new();
        let mut cache = lock(&self.inner);
        for change in changes.try_iter()? {
            let change = change?;
            let key = change.getattr("key")?.cast_into::<PyString>()?;
            let value = bytes(&change, "value")?;
            let value = value.as_ref().map(|v| v.as_bytes());
            if let Err(why) = cache.apply(key.to_str()?, value, revision, &mut woken) {
                unreadable.push((key.to_str()?.to_owned(), why));
            }
        }
        cache.revision = cache.revision.max(revision);
        Ok((woken, unreadable))
    }

    /// Put one resource's changes from before its ring in front of it; whether it now begins by `oldest`.
    fn backfill(
        &self,
        resource: ResourceId,
        batches: &Bound<'_, PyAny>,
        oldest: u64,
        upto: u64,
    ) -> PyResult<bool> {
        let held = hold(batches)?;
        let changes = past(&held)?;
        let mut cache = lock(&self.inner);
        cache.backfill(resource, &changes, oldest, upto);
        let table = cache.table(resource).ok_or_else(no_resource)?;
        Ok(table.ring.oldest <= oldest)
    }

    #[getter]
    fn revision(&self) -> u64 {
        lock(&self.inner).revision
    }

    /// The oldest revision that a watch of a resource can begin after.
    fn oldest(&self, resource: ResourceId) -> PyResult<u64> {
        lock(&self.inner)
            .table(resource)
            .map(|t| t.ring.oldest)
            .ok_or_else(no_resource)
    }

    fn count(&self, resource: ResourceId) -> PyResult<usize> {
        lock(&self.inner)
            .table(resource)
            .map(|t| t.len())
            .ok_or_else(no_resource)
    }

    fn get<'py>(
        &self,
        py: Python<'py>,
        resource: ResourceId,
        key: &str,
        form: u8,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let form = format(form)?;
        let (entry, kind, api_version) = {
            let cache = lock(&self.inner);
            let table = cache.table(resource).ok_or_else(no_resource)?;
            let Some(entry) = table.get(key).cloned() else {
                return Ok(None);
            };
            (
                entry,
                table.schema.kind.clone(),
                table.schema.api_version.clone(),
            )
        };
        let encoder = Encoder {
            callable: self.encode.bind(py),
            resource,
        };
        let object = entry.bytes(form, &encoder).map_err(encode_failed)?;
        Ok(Some(match form {
            Format::Protobuf => PyBytes::new(py, &wire::envelope(&api_version, &kind, object)),
            _ => PyBytes::new(py, object),
        }))
    }

    #[pyo3(signature = (resource, namespace, labels, fields, *, after = "", limit = 0, revision = None, left = None))]
    #[allow(clippy::too_many_arguments)] // they are keywords in Python
    fn page(
        &self,
        py: Python<'_>,
        resource: ResourceId,
        namespace: &str,
        labels: &str,
        fields: &str,
        after: &str,
        limit: usize,
        revision: Option<u64>,
        left: Option<u64>,
    ) -> PyResult<Page> {
        let cache = lock(&self.inner);
        let table = cache.table(resource).ok_or_else(no_resource)?;
        let query =
            Query::new(&table.schema, namespace, labels, fields).map_err(PyValueError::new_err)?;
        let newest = cache.revision;
        // The newest revision needs nothing undone, and its indexes may be used.
        let revision = revision.filter(|&r| r != newest);
        let page = table
            .page(
                &query,
                Span {
                    after,
                    limit,
                    revision,
                    left,
                },
            )
            .map_err(|e| TooOld::new_err(e.oldest))?;
        Ok(Page {
            page,
            revision: revision.unwrap_or(newest),
            resource,
            kind: table.schema.kind.clone(),
            api_version: table.schema.api_version.clone(),
            encode: self.encode.clone_ref(py),
        })
    }

    #[pyo3(signature = (resource, namespace, labels, fields, after))]
    fn watch(
        &self,
        resource: ResourceId,
        namespace: &str,
        labels: &str,
        fields: &str,
        after: Option<u64>,
    ) -> PyResult<WatcherId> {
        let mut cache = lock(&self.inner);
        let table = cache.table(resource).ok_or_else(no_resource)?;
        let query =
            Query::new(&table.schema, namespace, labels, fields).map_err(PyValueError::new_err)?;
        cache
            .watch(resource, query, after)
            .map_err(|e| TooOld::new_err(e.oldest))
    }

    /// Compile selectors without reading anything: ValueError says what is wrong with them.
    fn check_query(&self, resource: ResourceId, labels: &str, fields: &str) -> PyResult<()> {
        let cache = lock(&self.inner);
        let table = cache.table(resource).ok_or_else(no_resource)?;
        Query::new(&table.schema, "", labels, fields)
            .map(|_| ())
            .map_err(PyValueError::new_err)
    }

    fn idle(&self, watcher: WatcherId) -> bool {
        lock(&self.inner)
            .fanout(watcher)
            .map_or(true, |fanout| fanout.is_idle(watcher))
    }

    /// Up to which revision a watcher has been told everything; None while its initial objects are not all read.
    fn seen(&self, watcher: WatcherId) -> Option<u64> {
        let mut cache = lock(&self.inner);
        let newest = cache.revision;
        let fanout = cache.fanout(watcher)?;
        let seen = fanout.seen(watcher)?;
        Some(if fanout.is_idle(watcher) {
            newest.max(seen)
        } else {
            seen
        })
    }

    /// The next frames of a watcher, about `size` bytes of them; b"" when there are none.
    fn frames<'py>(
        &self,
        py: Python<'py>,
        resource: ResourceId,
        watcher: WatcherId,
        form: u8,
        size: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let form = format(form)?;
        let deliveries = self.take(watcher, size)?;
        self.write(py, resource, form, &deliveries)
    }

    /// As `frames`, but as (type, object's JSON, revision).
    fn events<'py>(
        &self,
        py: Python<'py>,
        watcher: WatcherId,
        size: usize,
    ) -> PyResult<Vec<Told<'py>>> {
        Ok(tell(py, self.take(watcher, size)?))
    }

    /// A frame around an object that is not in the cache: a bookmark, an error.
    fn frame<'py>(
        &self,
        py: Python<'py>,
        resource: ResourceId,
        form: u8,
        event: &str,
        json: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let form = format(form)?;
        let (kind, api_version) = self.names(resource)?;
        let encoder = Encoder {
            callable: self.encode.bind(py),
            resource,
        };
        let object = match form {
            Format::Json => json.to_vec(),
            _ => encoder.encode(form, json).map_err(encode_failed)?,
        };
        let mut out = Vec::with_capacity(object.len() + 64);
        wire::frame(&mut out, form, &kind, &api_version, event, &object);
        Ok(PyBytes::new(py, &out))
    }

    fn unwatch(&self, watcher: WatcherId) {
        lock(&self.inner).unwatch(watcher);
    }

    /// A resource in numbers: (objects, their bytes, watchers, queued, longest queue, delivered, cut off).
    fn figures(
        &self,
        resource: ResourceId,
    ) -> PyResult<(usize, usize, usize, usize, usize, u64, u64)> {
        let cache = lock(&self.inner);
        let table = cache.table(resource).ok_or_else(no_resource)?;
        let figures = cache.figures(resource).unwrap_or_default();
        Ok((
            table.len(),
            table.bytes(),
            figures.watchers,
            figures.queued,
            figures.longest,
            figures.delivered,
            figures.cut_off,
        ))
    }

    #[getter]
    fn watchers(&self) -> usize {
        lock(&self.inner).watchers()
    }
}

impl Cache {
    fn take(&self, watcher: WatcherId, size: usize) -> PyResult<Vec<Delivery>> {
        let mut cache = lock(&self.inner);
        let Some(fanout) = cache.fanout(watcher) else {
            return Err(PyKeyError::new_err(watcher));
        };
        fanout
            .take(watcher, size)
            .map_err(|e| TooOld::new_err(e.seen))
    }

    /// Frames. An object that can't be written in the form is left out, and told of by the encoder.
    pub fn write<'py>(
        &self,
        py: Python<'py>,
        resource: ResourceId,
        form: Format,
        deliveries: &[Delivery],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (kind, api_version) = self.names(resource)?;
        let encoder = Encoder {
            callable: self.encode.bind(py),
            resource,
        };
        let mut out =
            Vec::with_capacity(deliveries.iter().map(|d| d.object.json().len() + 64).sum());
        for delivery in deliveries {
            if let Ok(object) = delivery.object.bytes(form, &encoder) {
                let event = delivery.kind.name();
                wire::frame(&mut out, form, &kind, &api_version, event, object);
            }
        }
        Ok(PyBytes::new(py, &out))
    }

    /// A resource's kind and apiVersion.
    fn names(&self, resource: ResourceId) -> PyResult<(Arc<str>, Arc<str>)> {
        let cache = lock(&self.inner);
        let schema = &cache.table(resource).ok_or_else(no_resource)?.schema;
        Ok((schema.kind.clone(), schema.api_version.clone()))
    }
}

pub fn no_resource() -> PyErr {
    PyKeyError::new_err("no such resource")
}
