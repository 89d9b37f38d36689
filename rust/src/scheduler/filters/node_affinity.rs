//! The node's labels must match the pod's nodeSelector and its required node affinity.

use super::Filter;
use crate::scheduler::inputs::{Operator, Requirement, Spec, Term};
use crate::scheduler::node::Node;

pub const FILTER: Filter = Filter {
    name: "NodeAffinity",
    uses_pods: false,
    passes,
    reasons: |_, _| vec!["node(s) didn't match Pod's node affinity/selector".to_owned()],
};

fn passes(pod: &Spec, node: &Node) -> bool {
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

fn holds(requirement: &Requirement, value: Option<&str>) -> bool {
    let listed = |v: &str| requirement.values.iter().any(|have| have == v);
    match requirement.operator {
        Operator::In => value.is_some_and(listed),
        Operator::NotIn => !value.is_some_and(listed),
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::Gt => compares(requirement, value, |have, want| have > want),
        Operator::Lt => compares(requirement, value, |have, want| have < want),
        Operator::Unknown => false,
    }
}

fn compares(requirement: &Requirement, value: Option<&str>, test: fn(i64, i64) -> bool) -> bool {
    match (value.and_then(int64), requirement.values.as_slice()) {
        (Some(have), [want]) => int64(want).is_some_and(|want| test(have, want)),
        _ => false,
    }
}

fn int64(text: &str) -> Option<i64> {
    text.parse().ok()
}
