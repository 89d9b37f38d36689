//! CPU and memory should fill up evenly.

use super::{Facts, Scale, Score, MAX_POINTS};
use crate::scheduler::inputs::{ResourceId, Spec, CPU, MEMORY};
use crate::scheduler::node::Node;

pub const SCORE: Score = Score {
    weight: 1,
    scale: Scale::Points,
    uses_pods: true,
    raw,
};

fn raw(pod: &Spec, node: &Node, _facts: &Facts) -> i32 {
    let deviation = match (share(pod, node, CPU), share(pod, node, MEMORY)) {
        (Some(cpu), Some(memory)) => (cpu - memory).abs() / 2.0,
        _ => 0.0,
    };
    ((1.0 - deviation) * f64::from(MAX_POINTS)) as i32
}

/// The share of the resource that is requested with the pod; None where the node has none of it.
fn share(pod: &Spec, node: &Node, resource: ResourceId) -> Option<f64> {
    let capacity = node.allocatable(resource);
    let requested = node.used(resource).wrapping_add(pod.requested(resource));
    (capacity > 0).then(|| (requested as f64 / capacity as f64).min(1.0))
}
