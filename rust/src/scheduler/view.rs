//! All nodes as one kind of pod sees them: who passes, and with what score. Kept, and updated by what changed.
//!
//! Pods of one controller share one view. Placing a pod changes one node, so the next pod costs one node's
//! evaluation and a pass over an array of totals, not the evaluation of every node. Scores that are scaled by the
//! highest raw value among the feasible nodes are computed anew for all nodes when that value changes.

use super::filters;
use super::inputs::Spec;
use super::node::Node;
use super::peers::{IdentityId, RuleId};
use super::relations::{flags, Relations};
use super::scores::{points, Facts, Scale, MAX_RAW, SCORES};
use super::zones::Zones;
use ahash::AHashMap;
use std::sync::Arc;

/// The total of a node that does not pass.
pub const INFEASIBLE: i32 = i32::MIN;

/// Reason -> number of nodes.
pub type Refusal = Vec<(String, usize)>;

pub struct View {
    pub spec: Arc<Spec>,
    pub group: Option<RuleId>,
    pub relations: Option<Relations>,
    /// How far in the engine's journal this view has read.
    pub position: u64,
    pub used_at: u64,
    /// The refusal as of `position`, if it was asked for: for which pods, and after so many nominations.
    pub refusal: Option<(IdentityId, u64, Refusal)>,
    /// Likewise for preemption without victims: how many nodes are hopeless, and how many are not.
    pub futile: Option<((IdentityId, u64), (usize, usize))>,
    /// What the scores said of the cluster as a whole when all slots were last evaluated.
    pub basis: Basis,
    pub totals: Vec<i32>,
    /// Per slot: see `relations`; empty for pods that need none.
    pub flags: Vec<u8>,
    /// Peers by zone, in step where `basis.zoned`.
    pub zones: Zones,
    /// Per slot: whether the filters pass that look at the node alone.
    passes: Vec<bool>,
    /// Per slot: the weighted sum of scores that are in points already.
    base: Vec<i32>,
    /// Per score and slot; empty for scores that are in points.
    raws: Vec<Vec<i32>>,
    /// Per score: the highest raw value among the nodes that pass.
    most: Vec<i32>,
}

/// What makes all scores of a view stale at once when it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// For pods with images that some node has: the number of nodes, then of those with each image.
    pub images: Vec<u32>,
    /// Peers are not counted by node, since zones count, too.
    pub zoned: bool,
}

/// What is outside the nodes: peers by slot, and how many nodes have an image.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub peers: &'a [i32],
    pub nodes: usize,
    pub images: &'a AHashMap<String, u32>,
}

impl View {
    pub fn new(spec: Arc<Spec>, group: Option<RuleId>, relations: Option<Relations>) -> View {
        View {
            spec,
            group,
            relations,
            basis: Basis::default(),
            flags: Vec::new(),
            zones: Zones::default(),
            position: 0,
            used_at: 0,
            refusal: None,
            futile: None,
            totals: Vec::new(),
            passes: Vec::new(),
            base: Vec::new(),
            raws: vec![Vec::new(); SCORES.len()],
            most: vec![0; SCORES.len()],
        }
    }

    /// Evaluate every slot anew.
    pub fn rebuild(&mut self, nodes: &[Node], around: Around<'_>) {
        self.totals.clear();
        self.most.fill(0);
        self.update((0..nodes.len()).map(|slot| (slot, true)), nodes, around);
    }

    /// Evaluate the slots that changed: (slot, whether the node itself changed or only its pods).
    pub fn update(
        &mut self,
        changed: impl Iterator<Item = (usize, bool)>,
        nodes: &[Node],
        around: Around<'_>,
    ) {
        self.resize(nodes.len());
        let mut stale = false;
        for (slot, itself) in changed {
            let facts = Facts {
                peers: around.peers.get(slot).copied().unwrap_or(0),
                nodes: around.nodes,
                images: around.images,
            };
            stale |= self.refresh(slot, &nodes[slot], &facts, itself);
        }
        if stale {
            self.rescale();
        }
        self.refusal = None;
        self.futile = None;
    }

    fn resize(&mut self, slots: usize) {
        self.totals.resize(slots, INFEASIBLE);
        self.passes.resize(slots, false);
        self.base.resize(slots, 0);
        if self.relations.is_some() || self.group.is_some() {
            self.flags.resize(slots, 0);
        }
        for (raws, score) in self.raws.iter_mut().zip(&SCORES) {
            if score.scale != Scale::Points {
                raws.resize(slots, 0);
            }
        }
    }

    /// Evaluate one slot; true when a highest raw value may have changed.
    fn refresh(&mut self, slot: usize, node: &Node, facts: &Facts<'_>, itself: bool) -> bool {
        let spec = &*self.spec;
        if itself {
            if let Some(known) = self.flags.get_mut(slot) {
                *known = flags(spec, node);
            }
            self.passes[slot] = node.present && filters::pass(spec, node, false);
        }
        let passed = self.totals[slot] != INFEASIBLE;
        let passes = self.passes[slot] && filters::pass(spec, node, true);
        let mut base = 0;
        let mut stale = false;
        for (k, score) in SCORES.iter().enumerate() {
            if score.scale == Scale::Points {
                if passes {
                    base += score.weight * (score.raw)(spec, node, facts);
                }
                continue;
            }
            let old = self.raws[k][slot];
            let new = if score.uses_pods || itself {
                (score.raw)(spec, node, facts).min(MAX_RAW)
            } else {
                old
            };
            self.raws[k][slot] = new;
            let (old, new) = (if passed { old } else { 0 }, if passes { new } else { 0 });
            stale |= new > self.most[k] || (old == self.most[k] && new < old);
        }
        self.base[slot] = base;
        self.totals[slot] = if passes {
            self.total(slot, &self.most)
        } else {
            INFEASIBLE
        };
        stale
    }

    /// Whether the filters pass that look at the node alone.
    pub fn passes_alone(&self, slot: usize) -> bool {
        self.passes[slot]
    }

    /// Scale `totals` anew, of which some were taken away from those of this view.
    pub fn narrowed(&self, totals: &mut [i32]) {
        let most: Vec<i32> = self
            .raws
            .iter()
            .zip(&self.most)
            .map(|(raws, &most)| if most == 0 { 0 } else { highest(raws, totals) })
            .collect();
        if most == self.most {
            return;
        }
        // Score by score: those of which nobody has any are one number for all.
        let scaled = SCORES.iter().zip(&most).zip(&self.raws);
        let scaled = scaled.filter(|((score, _), _)| score.scale != Scale::Points);
        let (mut constant, mut varying) = (0, Vec::new());
        for ((score, &most), raws) in scaled {
            if most == 0 {
                constant += score.weight * points(score.scale, 0, 0);
            } else {
                varying.push((score, most, raws));
            }
        }
        for (total, &base) in totals.iter_mut().zip(&self.base) {
            *total = if *total == INFEASIBLE {
                INFEASIBLE
            } else {
                base + constant
            };
        }
        for (score, most, raws) in varying {
            for (total, &raw) in totals.iter_mut().zip(raws) {
                if *total != INFEASIBLE {
                    *total += score.weight * points(score.scale, raw, most);
                }
            }
        }
    }

    /// Find the highest raw values again, and where one changed, all totals.
    fn rescale(&mut self) {
        let mut changed = false;
        for (raws, most) in self.raws.iter().zip(&mut self.most) {
            let highest = highest(raws, &self.totals);
            changed |= *most != highest;
            *most = highest;
        }
        if changed {
            for slot in 0..self.totals.len() {
                if self.totals[slot] != INFEASIBLE {
                    self.totals[slot] = self.total(slot, &self.most);
                }
            }
        }
    }

    fn total(&self, slot: usize, most: &[i32]) -> i32 {
        let mut total = self.base[slot];
        for (k, score) in SCORES.iter().enumerate() {
            if score.scale != Scale::Points {
                total += score.weight * points(score.scale, self.raws[k][slot], most[k]);
            }
        }
        total
    }
}

/// The highest raw value among the slots that pass.
fn highest(raws: &[i32], totals: &[i32]) -> i32 {
    raws.iter()
        .zip(totals)
        .map(|(&raw, &total)| if total == INFEASIBLE { 0 } else { raw })
        .fold(0, i32::max)
}
