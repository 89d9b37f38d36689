//! A pod that names its node goes there or nowhere.

use super::Filter;
use crate::scheduler::tally::Reason;

pub const FILTER: Filter = Filter {
    name: "NodeName",
    uses_pods: false,
    passes: |pod, node| pod.node_name.is_empty() || pod.node_name == node.name,
    reasons: |_, _, found| found.add(Reason::Text("node(s) didn't match the requested node name")),
    hopeless: |_, _| true,
};
