//! What is asked for: a namespace and selectors, compiled for one resource.

use crate::selector::field::FieldSelector;
use crate::selector::{parse, Selector};

use super::entry::Entry;
use super::schema::Schema;

/// Which objects of a resource are meant.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// "": all of them.
    pub namespace: Box<str>,
    pub labels: Selector,
    pub fields: FieldSelector,
}

impl Query {
    /// Compile the texts of a request; the error is for the client.
    pub fn new(
        schema: &Schema,
        namespace: &str,
        labels: &str,
        fields: &str,
    ) -> Result<Query, String> {
        let labels = parse(labels)?;
        let fields = FieldSelector::parse(fields, &schema.names)?;
        let mut query = Query {
            namespace: namespace.into(),
            labels,
            fields,
        };
        if query.namespace.is_empty() {
            // metadata.namespace=x is the namespace x, which the order of keys serves at once.
            let named = schema.namespace_field;
            let required = query
                .fields
                .required()
                .find(|(field, _)| Some(*field) == named);
            if let Some(value) = required.map(|(_, value)| Box::from(value)) {
                query.namespace = value;
            }
        }
        Ok(query)
    }

    /// Whether labels or fields narrow it.
    pub fn selects(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }

    /// Whether the object is one of those meant.
    pub fn matches(&self, entry: &Entry) -> bool {
        (self.namespace.is_empty() || entry.namespace() == &*self.namespace)
            && self.fields.matches(entry.fields())
            && self.labels.matches(entry.labels())
    }

    /// The keys it can be in: from the first on, below the second ("": no end).
    pub fn range(&self) -> (String, String) {
        if self.namespace.is_empty() {
            return (String::new(), String::new());
        }
        // '0' is the character after '/'.
        (
            format!("{}/", self.namespace),
            format!("{}0", self.namespace),
        )
    }
}
