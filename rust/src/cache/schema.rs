//! What the cache knows about a resource, and what it reads from an object's JSON: labels and selectable fields.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;

/// A field that selectors may name.
#[derive(Clone, Debug)]
pub struct Field {
    /// As clients write it: "spec.nodeName".
    pub name: Box<str>,
    /// Where it is in the JSON: keys separated by dots.
    pub path: Box<str>,
    /// Its value where the object has none.
    pub default: Box<str>,
}

/// A resource's declaration.
#[derive(Debug)]
pub struct Schema {
    pub prefix: Box<str>,
    pub kind: Arc<str>,
    pub api_version: Arc<str>,
    pub names: Vec<Box<str>>,
    /// The first bytes of every object as they are usually written, up to the brace of its metadata.
    pub head: Box<[u8]>,
    /// The field that says the namespace, where there is one.
    pub namespace_field: Option<usize>,
    defaults: Vec<Box<str>>,
    tree: Node,
}

/// Labels sorted by key.
pub type LabelPairs = Box<[(Box<str>, Box<str>)]>;

/// What is selected by.
#[derive(Debug, PartialEq, Eq)]
pub struct Attributes {
    pub labels: LabelPairs,
    /// In the order of the declaration.
    pub fields: Box<[Box<str>]>,
}

impl Schema {
    pub fn new(
        prefix: &str,
        kind: &str,
        api_version: &str,
        namespaced: bool,
        fields: Vec<Field>,
    ) -> Schema {
        let mut tree = Node::default();
        for (at, field) in fields.iter().enumerate() {
            tree.insert(&field.path, Target::Field(at));
        }
        tree.insert("metadata.labels", Target::Labels);
        let head =
            format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":{{");
        let namespace_field = fields
            .iter()
            .position(|f| namespaced && &*f.name == "metadata.namespace");
        Schema {
            prefix: prefix.into(),
            kind: kind.into(),
            api_version: api_version.into(),
            head: head.into_bytes().into(),
            namespace_field,
            names: fields.iter().map(|f| f.name.clone()).collect(),
            defaults: fields.into_iter().map(|f| f.default).collect(),
            tree,
        }
    }

    /// Read the labels and fields of an object.
    pub fn attributes(&self, json: &[u8]) -> Result<Attributes, String> {
        let mut read = Read {
            labels: Vec::new(),
            fields: vec![None; self.defaults.len()],
        };
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        Walk {
            node: &self.tree,
            read: &mut read,
        }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|e| e.to_string())?;
        read.labels.sort_unstable();
        let fields = read.fields.into_iter().zip(&self.defaults);
        Ok(Attributes {
            labels: read.labels.into(),
            fields: fields
                .map(|(v, default)| v.unwrap_or_else(|| default.clone()))
                .collect(),
        })
    }
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Labels,
    Field(usize),
}

/// The paths that are read, as a tree of keys; several fields may have one path.
#[derive(Debug, Default)]
struct Node {
    children: Vec<(Box<str>, Node)>,
    targets: Vec<Target>,
}

impl Node {
    fn insert(&mut self, path: &str, target: Target) {
        let (key, rest) = path
            .split_once('.')
            .map_or((path, None), |(k, r)| (k, Some(r)));
        let at = self
            .children
            .iter()
            .position(|(k, _)| **k == *key)
            .unwrap_or_else(|| {
                self.children.push((key.into(), Node::default()));
                self.children.len() - 1
            });
        let child = &mut self.children[at].1;
        match rest {
            Some(rest) => child.insert(rest, target),
            None => child.targets.push(target),
        }
    }
}

struct Read {
    labels: Vec<(Box<str>, Box<str>)>,
    fields: Vec<Option<Box<str>>>,
}

impl Read {
    fn scalar(&mut self, node: &Node, value: &str) {
        for target in &node.targets {
            if let Target::Field(at) = target {
                self.fields[*at] = Some(value.into());
            }
        }
    }
}

/// Walks the JSON along the tree, skipping what no path leads to.
struct Walk<'a> {
    node: &'a Node,
    read: &'a mut Read,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object's JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let labels = self
            .node
            .targets
            .iter()
            .any(|t| matches!(t, Target::Labels));
        while let Some(key) = map.next_key_seed(Key)? {
            if labels {
                if let LabelValue::Text(value) = map.next_value()? {
                    self.read.labels.push((key.into(), value));
                }
                continue;
            }
            match self.node.children.iter().find(|(k, _)| **k == *key) {
                Some((_, node)) => map.next_value_seed(Walk {
                    node,
                    read: self.read,
                })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.read.scalar(self.node, value);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.read
            .scalar(self.node, if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.read.scalar(self.node, &value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.read.scalar(self.node, &value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.read.scalar(self.node, &value.to_string());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(()) // null: the default
    }
}

/// A label's text; a value that is none is no label.
#[derive(Deserialize)]
#[serde(untagged)]
enum LabelValue {
    Text(Box<str>),
    Other(IgnoredAny),
}

/// A map's key without an allocation where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = std::borrow::Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = std::borrow::Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(value.to_owned().into())
    }
}
