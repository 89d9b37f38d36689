//! `Past` for Python: what one query means in the store's log and in older lists.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::cache::{no_resource, Cache};
use super::encode::format;
use super::items::{hold, past, Item};
use super::lock;
use super::page::Page;
use crate::cache::entry::Entry;
use crate::cache::past::entry;
use crate::cache::query::Query;
use crate::cache::schema::Schema;
use crate::cache::table;
use crate::cache::ResourceId;
use crate::fanout::Delivery;

/// See dromon/_core.pyi.
#[pyclass(frozen, module = "dromon._core")]
pub struct Past {
    cache: Py<Cache>,
    resource: ResourceId,
    query: Query,
}

/// An event: type, the object's JSON, revision.
pub type Told<'py> = (&'static str, Bound<'py, PyBytes>, u64);

#[pymethods]
impl Past {
    #[new]
    fn new(
        cache: Py<Cache>,
        resource: ResourceId,
        namespace: &str,
        labels: &str,
        fields: &str,
    ) -> PyResult<Self> {
        let query = {
            let inner = lock(&cache.get().inner);
            let schema = &inner.table(resource).ok_or_else(no_resource)?.schema;
            Query::new(schema, namespace, labels, fields).map_err(PyValueError::new_err)?
        };
        Ok(Past {
            cache,
            resource,
            query,
        })
    }

    /// Changes of the store's log, as the frames of a watch.
    fn frames<'py>(
        &self,
        py: Python<'py>,
        batches: &Bound<'py, PyAny>,
        form: u8,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let form = format(form)?;
        let deliveries = self.replay(batches)?;
        self.cache.get().write(py, self.resource, form, &deliveries)
    }

    /// The same as events.
    fn events<'py>(
        &self,
        py: Python<'py>,
        batches: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Told<'py>>> {
        Ok(tell(py, self.replay(batches)?))
    }

    /// Those of the store's items that are meant and can be read.
    fn select<'py>(&self, items: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let cache = lock(&self.cache.get().inner);
        let schema = &cache.table(self.resource).ok_or_else(no_resource)?.schema;
        let mut found = Vec::new();
        for item in items.try_iter()? {
            let item = Item::read(item?)?;
            if read(schema, &item)?.is_some_and(|entry| self.query.matches(&entry)) {
                found.push(item.object);
            }
        }
        Ok(found)
    }

    /// A page of the store's items, all of which are meant.
    fn page(
        &self,
        py: Python<'_>,
        items: &Bound<'_, PyAny>,
        revision: u64,
        more: bool,
        remaining: Option<u64>,
    ) -> PyResult<Page> {
        let cache = lock(&self.cache.get().inner);
        let schema = &cache.table(self.resource).ok_or_else(no_resource)?.schema;
        let mut found = Vec::new();
        for item in items.try_iter()? {
            found.extend(read(schema, &Item::read(item?)?)?);
        }
        let page = table::Page {
            items: found,
            more,
            remaining,
        };
        Ok(Page {
            page,
            revision,
            resource: self.resource,
            kind: schema.kind.clone(),
            api_version: schema.api_version.clone(),
            encode: self.cache.get().encode.clone_ref(py),
        })
    }
}

impl Past {
    fn replay(&self, batches: &Bound<'_, PyAny>) -> PyResult<Vec<Delivery>> {
        let held = hold(batches)?;
        let changes = past(&held)?;
        Ok(lock(&self.cache.get().inner).replay(self.resource, &self.query, &changes))
    }
}

pub fn tell(py: Python<'_>, deliveries: Vec<Delivery>) -> Vec<Told<'_>> {
    deliveries
        .into_iter()
        .map(|d| (d.kind.name(), PyBytes::new(py, d.object.json()), d.revision))
        .collect()
}

fn read(schema: &Schema, item: &Item<'_>) -> PyResult<Option<Arc<Entry>>> {
    let Some(below) = item.key()?.strip_prefix(&*schema.prefix) else {
        return Ok(None);
    };
    Ok(entry(schema, below, item.value(), item.revision))
}
