//! What the pod requests must be free on the node, a place for one more pod included.

use super::Filter;
use crate::scheduler::inputs::{Request, Spec};
use crate::scheduler::node::Node;

pub const FILTER: Filter = Filter {
    name: "NodeResourcesFit",
    uses_pods: true,
    passes,
    reasons,
};

fn passes(pod: &Spec, node: &Node) -> bool {
    node.pods < node.max_pods && pod.requests.iter().all(|r| covers(node, r))
}

fn covers(node: &Node, request: &Request) -> bool {
    let free = node
        .allocatable(request.resource)
        .wrapping_sub(node.used(request.resource));
    request.amount <= free
}

fn reasons(pod: &Spec, node: &Node) -> Vec<String> {
    let full = (node.pods >= node.max_pods).then(|| "Too many pods".to_owned());
    let short = pod.requests.iter().filter(|r| !covers(node, r));
    full.into_iter()
        .chain(short.map(|r| format!("Insufficient {}", r.name)))
        .collect()
}
