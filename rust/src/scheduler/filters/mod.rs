//! The filters: each says whether a node may take a pod, and if not, why. Adding one is one module and one line.

pub mod disks;
pub mod fit;
pub mod node_affinity;
pub mod node_name;
pub mod ports;
pub mod taints;
pub mod unschedulable;

use super::inputs::Spec;
use super::node::Node;
use super::tally::Tally;

pub struct Filter {
    /// Upstream's plugin name.
    pub name: &'static str,
    /// Whether the answer depends on the pods that are on the node, not only on the node itself.
    pub uses_pods: bool,
    pub passes: fn(&Spec, &Node) -> bool,
    /// What users read; called only where `passes` is false.
    pub reasons: fn(&Spec, &Node, &mut Tally),
    /// Where `passes` is false: whether it would be so without any pods on the node, too.
    pub hopeless: fn(&Spec, &Node) -> bool,
}

/// In the order in which they are asked; those that look at pods come after those that don't.
pub static FILTERS: [Filter; 7] = [
    unschedulable::FILTER,
    node_name::FILTER,
    taints::FILTER,
    node_affinity::FILTER,
    ports::FILTER,
    fit::FILTER,
    disks::FILTER,
];

/// Whether the filters of one sort pass.
pub fn pass(pod: &Spec, node: &Node, uses_pods: bool) -> bool {
    FILTERS
        .iter()
        .all(|f| f.uses_pods != uses_pods || (f.passes)(pod, node))
}

/// The first filter that refuses the node.
pub fn refuses(pod: &Spec, node: &Node) -> Option<&'static Filter> {
    FILTERS.iter().find(|f| !(f.passes)(pod, node))
}
