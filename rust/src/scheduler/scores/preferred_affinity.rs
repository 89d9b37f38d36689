//! Preferred node affinity: terms that match add their weights up.

use super::{Facts, Scale, Score, MAX_RAW};
use crate::scheduler::filters::node_affinity::term_matches;
use crate::scheduler::inputs::Spec;
use crate::scheduler::node::Node;

pub const SCORE: Score = Score {
    weight: 2,
    scale: Scale::More,
    uses_pods: false,
    raw,
};

fn raw(pod: &Spec, node: &Node, _facts: &Facts) -> i32 {
    let matching = pod.preferred.iter().filter(|p| term_matches(&p.term, node));
    let sum = matching.fold(0i64, |sum, p| sum.saturating_add(p.weight));
    sum.clamp(0, i64::from(MAX_RAW)) as i32
}
