//! Nodes with PreferNoSchedule taints are left to last.

use super::{Facts, Scale, Score};
use crate::scheduler::filters::taints::tolerates;
use crate::scheduler::inputs::Spec;
use crate::scheduler::node::Node;

pub const SCORE: Score = Score {
    weight: 3,
    scale: Scale::Fewer,
    uses_pods: false,
    raw,
};

fn raw(pod: &Spec, node: &Node, _facts: &Facts) -> i32 {
    node.taints
        .iter()
        .filter(|t| t.effect == "PreferNoSchedule")
        .filter(|t| !tolerates(&pod.tolerations, &t.key, &t.value, &t.effect))
        .count() as i32
}
