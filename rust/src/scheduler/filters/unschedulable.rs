//! A cordoned node takes no pods, except those that tolerate exactly that.

use super::taints::tolerates;
use super::Filter;
use crate::scheduler::inputs::Spec;
use crate::scheduler::node::Node;

pub const FILTER: Filter = Filter {
    name: "NodeUnschedulable",
    uses_pods: false,
    passes,
    reasons: |_, _| vec!["node(s) were unschedulable".to_owned()],
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
