//! The more CPU and memory a node would have left, the better.

use super::{Facts, Scale, Score, MAX_POINTS};
use crate::scheduler::inputs::{Spec, CPU, MEMORY};
use crate::scheduler::node::Node;

pub const SCORE: Score = Score {
    weight: 1,
    scale: Scale::Points,
    uses_pods: true,
    raw,
};

fn raw(pod: &Spec, node: &Node, _facts: &Facts) -> i32 {
    let (mut sum, mut count) = (0, 0);
    for resource in [CPU, MEMORY] {
        let capacity = node.allocatable(resource);
        if capacity > 0 {
            let free = capacity
                .wrapping_sub(node.nonzero[resource])
                .wrapping_sub(pod.nonzero[resource]);
            if free > 0 {
                sum += (free as f64 / capacity as f64 * f64::from(MAX_POINTS)) as i32;
            }
            count += 1;
        }
    }
    if count == 0 {
        0
    } else {
        sum / count
    }
}
