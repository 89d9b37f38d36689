//! The node's labels must match the pod's nodeSelector and its required node affinity.

use super::Filter;
use crate::scheduler::inputs::{Spec, Term};
use crate::scheduler::node::Node;
use crate::scheduler::requirements::holds;
use crate::scheduler::tally::Reason;

pub const FILTER: Filter = Filter {
    name: "NodeAffinity",
    uses_pods: false,
    passes,
    reasons: |_, _, found| {
        found.add(Reason::Text(
            "node(s) didn't match Pod's node affinity/selector",
        ))
    },
    hopeless: |_, _| true,
};

pub fn passes(pod: &Spec, node: &Node) -> bool {
    pod.selector
        .iter()
        .all(|(key, value)| node.labels.get(key) == Some(value))
        && match &pod.required {
            None => true,
            Some(terms) => terms.iter().any(|term| term_matches(term, node)),
        }
}

/// Whether all of the term's requirements hold; an empty term matches nothing.
pub fn term_matches(term: &Term, node: &Node) -> bool {
    if term.expressions.is_empty() && term.fields.is_empty() {
        return false;
    }
    term.expressions
        .iter()
        .all(|r| holds(r, node.labels.get(&r.key).map(String::as_str)))
        && term
            .fields
            .iter()
            .all(|r| holds(r, (r.key == "metadata.name").then_some(node.name.as_str())))
}
