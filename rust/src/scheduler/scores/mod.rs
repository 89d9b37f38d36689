//! The scores: each says how good a node is for a pod. Adding one is one module and one line.

pub mod balanced;
pub mod image_locality;
pub mod least_allocated;
pub mod prefer_taints;
pub mod preferred_affinity;
pub mod spread;

use super::inputs::Spec;
use super::node::Node;
use ahash::AHashMap;

/// What the best node gets from one score.
pub const MAX_POINTS: i32 = 10_000;
/// Raw values above this are taken as this: MAX_POINTS times it fits 32 bits.
pub const MAX_RAW: i32 = 200_000;

/// How raw values become points.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// The raw value is in points already.
    Points,
    /// The most gets MAX_POINTS, the others in proportion.
    More,
    /// MAX_POINTS less the proportion of the most.
    Fewer,
}

pub struct Score {
    pub weight: i32,
    pub scale: Scale,
    /// Whether the raw value depends on the pods that are on the node, not only on the node itself.
    pub uses_pods: bool,
    pub raw: fn(&Spec, &Node, &Facts) -> i32,
}

/// What a score of one node needs to know beyond the pod and the node.
pub struct Facts<'a> {
    /// How many pods are on the node from which the pod wants to be apart.
    pub peers: i32,
    /// How many nodes there are.
    pub nodes: usize,
    /// Image -> how many nodes have it.
    pub images: &'a AHashMap<String, u32>,
}

pub static SCORES: [Score; 6] = [
    least_allocated::SCORE,
    balanced::SCORE,
    spread::SCORE,
    prefer_taints::SCORE,
    preferred_affinity::SCORE,
    image_locality::SCORE,
];

/// Points for a raw value; `most` is the highest among the feasible nodes.
#[inline]
pub fn points(scale: Scale, raw: i32, most: i32) -> i32 {
    let part = if most == 0 {
        0
    } else {
        (MAX_POINTS as u32 * raw as u32 / most as u32) as i32
    };
    match scale {
        Scale::Points => raw,
        Scale::More => part,
        Scale::Fewer => MAX_POINTS - part,
    }
}
