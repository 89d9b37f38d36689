//! A host port can be claimed once per protocol and address.

use super::Filter;
use crate::scheduler::inputs::{HostPort, Spec};
use crate::scheduler::node::Node;
use crate::scheduler::tally::Reason;

pub const FILTER: Filter = Filter {
    name: "NodePorts",
    uses_pods: true,
    passes,
    reasons: |_, _, found| {
        found.add(Reason::Text(
            "node(s) didn't have free ports for the requested pod ports",
        ))
    },
    hopeless: |_, _| false,
};

const ANY: &str = "0.0.0.0";

fn passes(pod: &Spec, node: &Node) -> bool {
    !pod.ports
        .iter()
        .any(|want| node.ports.iter().any(|have| conflict(want, have)))
}

fn conflict(a: &HostPort, b: &HostPort) -> bool {
    a.port == b.port && a.protocol == b.protocol && (a.ip == b.ip || a.ip == ANY || b.ip == ANY)
}
