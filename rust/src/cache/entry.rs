//! One object as the cache has it: its bytes in every form that was asked for, and what it is selected by.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::schema::{Attributes, Schema};
use super::splice::{replace, splice, Spliced};
use super::wire::{Encode, Format};

/// An object at a revision; never changes.
pub struct Entry {
    /// Below the resource's prefix: "namespace/name", or "name" for cluster-scoped kinds.
    pub key: Arc<str>,
    pub revision: u64,
    attributes: Arc<Attributes>,
    json: Box<[u8]>,
    digits: Range<usize>,
    msgpack: OnceLock<Box<[u8]>>,
    protobuf: OnceLock<Box<[u8]>>,
}

impl Entry {
    /// Take up a stored value. `old`, the object before, lends its attributes where they are the same.
    pub fn new(
        schema: &Schema,
        key: Arc<str>,
        value: &[u8],
        revision: u64,
        old: Option<&Entry>,
    ) -> Result<Entry, String> {
        let attributes = schema.attributes(value)?;
        let attributes = match old {
            Some(old) if *old.attributes == attributes => old.attributes.clone(),
            _ => Arc::new(attributes),
        };
        let spliced = splice(value, &schema.head, revision)?;
        Ok(Entry::with(key, revision, attributes, spliced))
    }

    fn with(key: Arc<str>, revision: u64, attributes: Arc<Attributes>, spliced: Spliced) -> Entry {
        Entry {
            key,
            revision,
            attributes,
            json: spliced.json,
            digits: spliced.digits,
            msgpack: OnceLock::new(),
            protobuf: OnceLock::new(),
        }
    }

    /// The same object as a deletion shows it: with the deletion's revision.
    pub fn at(&self, revision: u64) -> Entry {
        let spliced = replace(&self.json, &self.digits, revision);
        Entry::with(self.key.clone(), revision, self.attributes.clone(), spliced)
    }

    pub fn labels(&self) -> &[(Box<str>, Box<str>)] {
        &self.attributes.labels
    }

    pub fn fields(&self) -> &[Box<str>] {
        &self.attributes.fields
    }

    /// Whether both are selected by the same labels and fields.
    pub fn same_attributes(&self, other: &Entry) -> bool {
        Arc::ptr_eq(&self.attributes, &other.attributes)
    }

    /// The namespace, "" for cluster-scoped kinds.
    pub fn namespace(&self) -> &str {
        self.key
            .split_once('/')
            .map_or("", |(namespace, _)| namespace)
    }

    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The object in a format (protobuf: the bare message); other forms than JSON are made once and kept.
    pub fn bytes(&self, format: Format, encode: &dyn Encode) -> Result<&[u8], String> {
        let kept = match format {
            Format::Json => return Ok(&self.json),
            Format::MsgPack => &self.msgpack,
            Format::Protobuf => &self.protobuf,
        };
        if let Some(bytes) = kept.get() {
            return Ok(bytes);
        }
        let made = encode.encode(format, &self.json)?;
        Ok(kept.get_or_init(|| made.into()))
    }
}
