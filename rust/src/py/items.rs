//! Reading what the store gives (KeyValue, Batch, Change of dromon.store.interface) without copying it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::cache::past::PastChange;
use crate::fanout::WatcherId;

/// Watchers that have something now, and keys whose values can't be read, with why.
pub type Applied = (Vec<WatcherId>, Vec<(String, String)>);

/// A KeyValue, held.
pub struct Item<'py> {
    pub object: Bound<'py, PyAny>,
    pub revision: u64,
    key: Bound<'py, PyString>,
    value: Bound<'py, PyBytes>,
}

impl<'py> Item<'py> {
    pub fn read(object: Bound<'py, PyAny>) -> PyResult<Self> {
        Ok(Item {
            revision: object.getattr("mod_revision")?.extract()?,
            key: object.getattr("key")?.cast_into()?,
            value: object.getattr("value")?.cast_into()?,
            object,
        })
    }

    pub fn key(&self) -> PyResult<&str> {
        self.key.to_str()
    }

    pub fn value(&self) -> &[u8] {
        self.value.as_bytes()
    }
}

/// A Change with its batch's revision, held.
pub struct HeldChange<'py> {
    revision: u64,
    key: Bound<'py, PyString>,
    value: Option<Bound<'py, PyBytes>>,
    previous: Option<Bound<'py, PyBytes>>,
}

/// All changes of some batches.
pub fn hold<'py>(batches: &Bound<'py, PyAny>) -> PyResult<Vec<HeldChange<'py>>> {
    let mut held = Vec::new();
    for batch in batches.try_iter()? {
        let batch = batch?;
        let revision: u64 = batch.getattr("revision")?.extract()?;
        for change in batch.getattr("changes")?.try_iter()? {
            let change = change?;
            held.push(HeldChange {
                revision,
                key: change.getattr("key")?.cast_into()?,
                value: bytes(&change, "value")?,
                previous: bytes(&change, "previous")?,
            });
        }
    }
    Ok(held)
}

/// The same as the cache takes them.
pub fn past<'a>(held: &'a [HeldChange<'_>]) -> PyResult<Vec<PastChange<'a>>> {
    held.iter()
        .map(|h| {
            Ok(PastChange {
                key: h.key.to_str()?,
                value: h.value.as_ref().map(|v| v.as_bytes()),
                previous: h.previous.as_ref().map(|v| v.as_bytes()),
                revision: h.revision,
            })
        })
        .collect()
}

/// An attribute that is bytes or None.
pub fn bytes<'py>(object: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let value = object.getattr(name)?;
    if value.is_none() {
        return Ok(None);
    }
    Ok(Some(value.cast_into::<PyBytes>()?))
}
