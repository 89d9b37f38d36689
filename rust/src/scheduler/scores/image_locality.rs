//! Nodes that have the pod's images already start it sooner; an image counts less the fewer nodes have it.

use super::{Facts, Scale, Score, MAX_POINTS};
use crate::scheduler::inputs::Spec;
use crate::scheduler::node::Node;

pub const SCORE: Score = Score {
    weight: 1,
    scale: Scale::Points,
    uses_pods: false,
    raw,
};

/// Bytes; less than this is fetched too fast to matter.
const LEAST: i64 = 23 << 20;
/// Bytes per container; more than this counts as this.
const MOST: i64 = 1000 << 20;

fn raw(pod: &Spec, node: &Node, facts: &Facts) -> i32 {
    let mut there = 0i64;
    for image in &pod.images {
        if let Some(&size) = node.images.get(image) {
            let having = facts.images.get(image).copied().unwrap_or(0);
            there = there
                .saturating_add((size as f64 * (f64::from(having) / facts.nodes as f64)) as i64);
        }
    }
    if there <= LEAST {
        return 0;
    }
    let most = MOST * pod.images.len() as i64;
    (i64::from(MAX_POINTS) * (there.min(most) - LEAST) / (most - LEAST)) as i32
}
