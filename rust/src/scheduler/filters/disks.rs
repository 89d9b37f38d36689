//! A disk in use on the node can't be mounted again, unless all only read it.

use super::Filter;
use crate::scheduler::inputs::{Disk, Spec};
use crate::scheduler::node::Node;
use crate::scheduler::tally::Reason;

pub const FILTER: Filter = Filter {
    name: "VolumeRestrictions",
    uses_pods: true,
    passes,
    reasons: |_, _, found| found.add(Reason::Text("node(s) had no available disk")),
    hopeless: |_, _| false,
};

fn passes(pod: &Spec, node: &Node) -> bool {
    !pod.disks
        .iter()
        .any(|want| node.disks.iter().any(|have| conflict(want, have)))
}

fn conflict(a: &Disk, b: &Disk) -> bool {
    a.id == b.id && !(a.shared && b.shared)
}
