//! `Page` for Python: part of a list, held by reference until its body is asked for.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::encode::{format, Encoder};
use crate::cache::table;
use crate::cache::wire::{list_brackets, protobuf_item, Format, ListHead};
use crate::cache::ResourceId;

/// See dromon/_core.pyi.
#[pyclass(frozen, module = "dromon._core")]
pub struct Page {
    pub page: table::Page,
    pub revision: u64,
    pub resource: ResourceId,
    pub kind: Arc<str>,
    pub api_version: Arc<str>,
    pub encode: Py<PyAny>,
}

#[pymethods]
impl Page {
    #[getter]
    fn revision(&self) -> u64 {
        self.revision
    }

    #[getter]
    fn more(&self) -> bool {
        self.page.more
    }

    #[getter]
    fn remaining(&self) -> Option<u64> {
        self.page.remaining
    }

    #[getter]
    fn last_key(&self) -> &str {
        self.page.items.last().map_or("", |e| &e.key)
    }

    fn __len__(&self) -> usize {
        self.page.items.len()
    }

    fn items<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.page
            .items
            .iter()
            .map(|e| PyBytes::new(py, e.json()))
            .collect()
    }

    /// The whole list object, with `token` to continue by.
    fn body<'py>(&self, py: Python<'py>, form: u8, token: &str) -> PyResult<Bound<'py, PyBytes>> {
        let form = format(form)?;
        let encoder = Encoder {
            callable: self.encode.bind(py),
            resource: self.resource,
        };
        // An object that can't be written in the form is left out, and told of by the encoder.
        let items = self.page.items.iter();
        let items: Vec<&[u8]> = items.filter_map(|e| e.bytes(form, &encoder).ok()).collect();
        let head = ListHead {
            kind: &self.kind,
            api_version: &self.api_version,
            revision: self.revision,
            token,
            remaining: self.page.remaining,
        };
        let brackets = list_brackets(form, &head, &items);
        let tags: Vec<Vec<u8>> = match form {
            Format::Protobuf => items.iter().map(|i| protobuf_item(i.len())).collect(),
            _ => Vec::new(),
        };
        let between = brackets.between.len() * items.len().saturating_sub(1);
        let content: usize =
            items.iter().map(|i| i.len()).sum::<usize>() + tags.iter().map(Vec::len).sum::<usize>();
        let length = brackets.before.len() + content + between + brackets.after.len();
        // Written straight into the Python object: a list of 10,000 pods is 15 MB.
        PyBytes::new_with(py, length, |out| {
            let mut at = 0;
            let mut put = |part: &[u8]| {
                out[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            };
            put(&brackets.before);
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    put(brackets.between);
                }
                if let Some(tag) = tags.get(i) {
                    put(tag);
                }
                put(item);
            }
            put(brackets.after);
            Ok(())
        })
    }
}
