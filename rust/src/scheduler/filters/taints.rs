//! Taints keep pods away unless they are tolerated.

use super::Filter;
use crate::scheduler::inputs::{Spec, Taint, Toleration};
use crate::scheduler::node::Node;
use crate::scheduler::tally::Reason;

pub const FILTER: Filter = Filter {
    name: "TaintToleration",
    uses_pods: false,
    passes: |pod, node| untolerated(pod, node).is_none(),
    reasons: |pod, node, found| {
        if let Some(taint) = untolerated(pod, node) {
            found.add(Reason::Taint(&taint.key, &taint.value));
        }
    },
    hopeless: |_, _| true,
};

/// Whether one of the tolerations covers the taint.
pub fn tolerates(tolerations: &[Toleration], key: &str, value: &str, effect: &str) -> bool {
    tolerations.iter().any(|t| {
        (t.effect.is_empty() || t.effect == effect)
            && (t.key.is_empty() || t.key == key)
            && match t.operator.as_str() {
                "Exists" => true,
                "" | "Equal" => t.value == value,
                _ => false,
            }
    })
}

/// The first taint that keeps the pod off.
pub fn untolerated<'a>(pod: &Spec, node: &'a Node) -> Option<&'a Taint> {
    node.taints.iter().find(|t| {
        matches!(t.effect.as_str(), "NoSchedule" | "NoExecute")
            && !tolerates(&pod.tolerations, &t.key, &t.value, &t.effect)
    })
}
