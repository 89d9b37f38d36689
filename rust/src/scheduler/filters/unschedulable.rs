//! A cordoned node takes no pods, except those that tolerate exactly that.

use super::taints::tolerates;
use super::Filter;
use crate::scheduler::inputs::Spec;
use crate::scheduler::node::Node;
use crate::scheduler::tally::Reason;

pub const FILTER: Filter = Filter {
    name: "NodeUnschedulable",
    uses_pods: false,
    passes,
    reasons: |_, _, found| found.add(Reason::Text("node(s) were unschedulable")),
    hopeless: |_, _| true,
};

fn passes(pod: &Spec, node: &Node) -> bool {
    !node.unschedulable
        || tolerates(
            &pod.tolerations,
            "node.kubernetes.io/unschedulable",
            "",
            "NoSchedule",
        )
}
