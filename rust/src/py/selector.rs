//! `Selector` and `SelectorIndex` for Python.

use std::sync::Mutex;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::lock;
use crate::selector::{self, parse};

/// Labels of a dict, sorted by key.
pub fn pairs(labels: &Bound<'_, PyDict>) -> PyResult<Vec<(Box<str>, Box<str>)>> {
    let mut found = Vec::with_capacity(labels.len());
    for (key, value) in labels {
        let (key, value) = (key.cast_into::<PyString>()?, value.cast_into::<PyString>()?);
        found.push((key.to_str()?.into(), value.to_str()?.into()));
    }
    found.sort_unstable();
    Ok(found)
}

#[pyclass(frozen, module = "dromon._core")]
pub struct Selector {
    inner: selector::Selector,
}

#[pymethods]
impl Selector {
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        parse(text)
            .map(|inner| Selector { inner })
            .map_err(PyValueError::new_err)
    }

    fn matches(&self, labels: &Bound<'_, PyDict>) -> PyResult<bool> {
        Ok(self.inner.matches(pairs(labels)?.as_slice()))
    }

    #[getter]
    fn empty(&self) -> bool {
        self.inner.is_empty()
    }

    fn __str__(&self) -> String {
        self.inner.to_string()
    }
}

#[pyclass(frozen, module = "dromon._core")]
#[derive(Default)]
pub struct SelectorIndex {
    inner: Mutex<selector::index::SelectorIndex>,
}

#[pymethods]
impl SelectorIndex {
    #[new]
    fn new() -> Self {
        SelectorIndex::default()
    }

    #[pyo3(signature = (id, selector, namespace = ""))]
    fn add(&self, id: &str, selector: &str, namespace: &str) -> PyResult<()> {
        let selector = parse(selector).map_err(PyValueError::new_err)?;
        lock(&self.inner).add(id, selector, namespace);
        Ok(())
    }

    fn remove(&self, id: &str) -> bool {
        lock(&self.inner).remove(id)
    }

    #[pyo3(signature = (labels, namespace = ""))]
    fn matching(&self, labels: &Bound<'_, PyDict>, namespace: &str) -> PyResult<Vec<String>> {
        let labels = pairs(labels)?;
        let inner = lock(&self.inner);
        Ok(inner
            .matching(&labels, namespace)
            .into_iter()
            .map(String::from)
            .collect())
    }

    fn __len__(&self) -> usize {
        lock(&self.inner).len()
    }
}

/// For the parity tests: the terms of a field selector as (field, value, negated).
#[pyfunction]
pub fn parse_fields(text: &str) -> PyResult<Vec<(String, String, bool)>> {
    let terms = selector::field::parse(text).map_err(PyValueError::new_err)?;
    Ok(terms
        .into_iter()
        .map(|t| (t.field, t.value.into(), t.negated))
        .collect())
}
