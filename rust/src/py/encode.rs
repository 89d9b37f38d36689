//! Formats, and the Python callable that makes an object's other forms.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::cache::wire::{Encode, Format};
use crate::cache::ResourceId;

pub const JSON: u8 = 0;
pub const MSGPACK: u8 = 1;
pub const PROTOBUF: u8 = 2;

pub fn format(number: u8) -> PyResult<Format> {
    match number {
        JSON => Ok(Format::Json),
        MSGPACK => Ok(Format::MsgPack),
        PROTOBUF => Ok(Format::Protobuf),
        other => Err(PyValueError::new_err(format!("no format {other}"))),
    }
}

/// The Python callable that makes other forms of one resource's objects.
pub struct Encoder<'py> {
    pub callable: &'py Bound<'py, PyAny>,
    pub resource: ResourceId,
}

impl Encode for Encoder<'_> {
    fn encode(&self, format: Format, json: &[u8]) -> Result<Vec<u8>, String> {
        let number = match format {
            Format::Json => JSON,
            Format::MsgPack => MSGPACK,
            Format::Protobuf => PROTOBUF,
        };
        let object = PyBytes::new(self.callable.py(), json);
        let made = self.callable.call1((self.resource, number, object));
        made.and_then(|m| m.extract::<Vec<u8>>())
            .map_err(|e| e.to_string())
    }
}

pub fn encode_failed(why: String) -> PyErr {
    PyRuntimeError::new_err(format!("can't encode an object: {why}"))
}
