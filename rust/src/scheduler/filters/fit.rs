//! What the pod requests must be free on the node, a place for one more pod included.

use super::Filter;
use crate::scheduler::inputs::{Request, Spec};
use crate::scheduler::node::Node;
use crate::scheduler::tally::{Reason, Tally};

pub const FILTER: Filter = Filter {
    name: "NodeResourcesFit",
    uses_pods: true,
    passes,
    reasons,
    hopeless,
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

fn reasons(pod: &Spec, node: &Node, found: &mut Tally) {
    if node.pods >= node.max_pods {
        found.add(Reason::Text("Too many pods"));
    }
    for request in pod.requests.iter().filter(|r| !covers(node, r)) {
        found.add(Reason::Insufficient(&request.name));
    }
}

fn hopeless(pod: &Spec, node: &Node) -> bool {
    pod.requests
        .iter()
        .any(|r| r.amount > node.allocatable(r.resource))
}
