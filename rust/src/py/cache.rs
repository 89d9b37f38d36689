//! `Cache` for Python: the resources, their changes, reads and watches.

use std::sync::{Arc, Mutex};

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::encode::{encode_failed, format, Encoder};
use super::page::Page;
use super::{lock, TooOld};
use crate::cache::query::Query;
use crate::cache::schema::{Field, Schema};
use crate::cache::table::{Limits, Span};
use crate::cache::wire::{self, Encode, Format};
use crate::cache::{self, PastChange, ResourceId};
use crate::fanout::{Delivery, WatcherId};

/// See dromon/_core.pyi.
#[pyclass(frozen, module = "dromon._core")]
pub struct Cache {
    inner: Mutex<cache::Cache>,
    encode: Py<PyAny>,
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

    fn load(&self, items: &Bound<'_, PyAny>, revision: u64) -> PyResult<()> {
        let mut cache = lock(&self.inner);
        for item in items.try_iter()? {
            let item = item?;
            let key = item.getattr("key")?.cast_into::<PyString>()?;
            let value = item.getattr("value")?.cast_into::<PyBytes>()?;
            let modified = item.getattr("mod_revision")?.extract()?;
            cache
                .load(key.to_str()?, value.as_bytes(), modified)
                .map_err(PyValueError::new_err)?;
        }
        cache.loaded(revision);
        Ok(())
    }

    /// Take up one revision's changes; the watchers that were waiting and now have something.
    fn apply(&self, revision: u64, changes: &Bound<'_, PyAny>) -> PyResult<Vec<WatcherId>> {
        let mut woken = Vec::new();
        let mut cache = lock(&self.inner);
        for change in changes.try_iter()? {
            let change = change?;
            let key = change.getattr("key")?.cast_into::<PyString>()?;
            let value = bytes(&change, "value")?;
            let value = value.as_ref().map(|v| v.as_bytes());
            cache
                .apply(key.to_str()?, value, revision, &mut woken)
                .map_err(PyValueError::new_err)?;
        }
        cache.revision = cache.revision.max(revision);
        Ok(woken)
    }

    fn backfill(&self, batches: &Bound<'_, PyAny>, oldest: u64, upto: u64) -> PyResult<()> {
        let mut held = Vec::new();
        for batch in batches.try_iter()? {
            let batch = batch?;
            let revision: u64 = batch.getattr("revision")?.extract()?;
            for change in batch.getattr("changes")?.try_iter()? {
                let change = change?;
                let key = change.getattr("key")?.cast_into::<PyString>()?;
                held.push((
                    revision,
                    key,
                    bytes(&change, "value")?,
                    bytes(&change, "previous")?,
                ));
            }
        }
        let mut changes = Vec::with_capacity(held.len());
        for (revision, key, value, previous) in &held {
            changes.push(PastChange {
                key: key.to_str()?,
                value: value.as_ref().map(|v| v.as_bytes()),
                previous: previous.as_ref().map(|v| v.as_bytes()),
                revision: *revision,
            });
        }
        lock(&self.inner)
            .backfill(changes, oldest, upto)
            .map_err(PyValueError::new_err)
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
            .map_or(true, |(_, fanout)| fanout.is_idle(watcher))
    }

    /// Up to which revision a watcher has been told everything; None while its initial objects are not all read.
    fn seen(&self, watcher: WatcherId) -> Option<u64> {
        let mut cache = lock(&self.inner);
        let newest = cache.revision;
        let (_, fanout) = cache.fanout(watcher)?;
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
        let (deliveries, kind, api_version) = self.take(watcher, size)?;
        let encoder = Encoder {
            callable: self.encode.bind(py),
            resource,
        };
        let mut out =
            Vec::with_capacity(deliveries.iter().map(|d| d.object.json().len() + 64).sum());
        for delivery in &deliveries {
            let object = delivery
                .object
                .bytes(form, &encoder)
                .map_err(encode_failed)?;
            wire::frame(
                &mut out,
                form,
                &kind,
                &api_version,
                delivery.kind.name(),
                object,
            );
        }
        Ok(PyBytes::new(py, &out))
    }

    /// As `frames`, but as (type, object's JSON, revision).
    fn events<'py>(
        &self,
        py: Python<'py>,
        watcher: WatcherId,
        size: usize,
    ) -> PyResult<Vec<(&'static str, Bound<'py, PyBytes>, u64)>> {
        let (deliveries, ..) = self.take(watcher, size)?;
        let events = deliveries.into_iter();
        Ok(events
            .map(|d| (d.kind.name(), PyBytes::new(py, d.object.json()), d.revision))
            .collect())
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
        let (kind, api_version) = {
            let cache = lock(&self.inner);
            let schema = &cache.table(resource).ok_or_else(no_resource)?.schema;
            (schema.kind.clone(), schema.api_version.clone())
        };
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
    fn take(
        &self,
        watcher: WatcherId,
        size: usize,
    ) -> PyResult<(Vec<Delivery>, Arc<str>, Arc<str>)> {
        let mut cache = lock(&self.inner);
        let Some((schema, fanout)) = cache.fanout(watcher) else {
            return Err(PyKeyError::new_err(watcher));
        };
        let deliveries = fanout
            .take(watcher, size)
            .map_err(|e| TooOld::new_err(e.seen))?;
        Ok((deliveries, schema.kind.clone(), schema.api_version.clone()))
    }
}

fn no_resource() -> PyErr {
    PyKeyError::new_err("no such resource")
}

fn bytes<'py>(object: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let value = object.getattr(name)?;
    if value.is_none() {
        return Ok(None);
    }
    Ok(Some(value.cast_into::<PyBytes>()?))
}
