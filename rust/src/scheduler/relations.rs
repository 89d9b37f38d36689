//! What one kind of pod asks of other pods, with its groups and topologies looked up once.

use super::filters::{node_affinity, taints};
use super::inputs::Spec;
use super::node::Node;
use super::peers::{Peers, RuleId};
use super::rules::Rule;
use super::topology::{KeyId, Topologies};

/// What a slot is to a kind of pod, as bits: its node affinity holds, its taints are tolerated, and the labels
/// of all hard (soft) constraints are there.
pub const AFFINITY: u8 = 1;
pub const TAINTS: u8 = 2;
pub const HARD_KEYS: u8 = 4;
pub const SOFT_KEYS: u8 = 8;

pub fn flags(spec: &Spec, node: &Node) -> u8 {
    if !node.present {
        return 0;
    }
    let labelled = |hard: bool| {
        let mut keys = spec.constraints.iter().filter(|c| c.hard == hard);
        keys.all(|c| node.labels.contains_key(&c.topology))
    };
    u8::from(node_affinity::passes(spec, node)) * AFFINITY
        + u8::from(taints::untolerated(spec, node).is_none()) * TAINTS
        + u8::from(labelled(true)) * HARD_KEYS
        + u8::from(labelled(false)) * SOFT_KEYS
}

/// A spread constraint.
pub struct Bound {
    pub key: KeyId,
    pub group: RuleId,
    /// The flags of slots that count.
    pub needs: u8,
    /// Its place in the spec.
    pub at: usize,
}

#[derive(Default)]
pub struct Relations {
    pub hard: Vec<Bound>,
    pub soft: Vec<Bound>,
    /// Pods that match all terms of affinity, and the topology of each term.
    pub near_group: Option<RuleId>,
    pub near: Vec<KeyId>,
    pub apart: Vec<(KeyId, RuleId)>,
    /// With weight.
    pub pulls: Vec<(KeyId, RuleId, i64)>,
}

impl Relations {
    /// None for pods that ask nothing of others.
    pub fn join(
        spec: &Spec,
        nodes: &[Node],
        peers: &mut Peers,
        topologies: &mut Topologies,
    ) -> Option<Relations> {
        let nothing = spec.constraints.is_empty()
            && spec.affinity.is_empty()
            && spec.anti_affinity.is_empty()
            && spec.preferred_pods.is_empty();
        if nothing {
            return None;
        }
        let mut all = Relations::default();
        for (at, c) in spec.constraints.iter().enumerate() {
            let keys = if c.hard { HARD_KEYS } else { SOFT_KEYS };
            let bound = Bound {
                key: topologies.acquire(&c.topology, nodes),
                group: peers.join(Rule::Alike(spec.namespace.clone(), c.selector.clone())),
                needs: keys
                    + u8::from(c.honor_affinity) * AFFINITY
                    + u8::from(c.honor_taints) * TAINTS,
                at,
            };
            if c.hard {
                all.hard.push(bound);
            } else {
                all.soft.push(bound);
            }
        }
        if !spec.affinity.is_empty() {
            let whos = spec.affinity.iter().map(|term| term.who.clone());
            all.near_group = Some(peers.join(Rule::All(whos.collect())));
        }
        for term in &spec.affinity {
            all.near.push(topologies.acquire(&term.topology, nodes));
        }
        for term in &spec.anti_affinity {
            let group = peers.join(Rule::All(vec![term.who.clone()]));
            all.apart
                .push((topologies.acquire(&term.topology, nodes), group));
        }
        for weighted in &spec.preferred_pods {
            let group = peers.join(Rule::All(vec![weighted.term.who.clone()]));
            let key = topologies.acquire(&weighted.term.topology, nodes);
            all.pulls.push((key, group, weighted.weight));
        }
        Some(all)
    }

    /// Give up what `join` took.
    pub fn leave(&self, peers: &mut Peers, topologies: &mut Topologies) {
        for bound in self.hard.iter().chain(&self.soft) {
            topologies.release(bound.key);
            peers.leave(bound.group);
        }
        self.near.iter().for_each(|&key| topologies.release(key));
        self.near_group.iter().for_each(|&group| peers.leave(group));
        for &(key, group) in &self.apart {
            topologies.release(key);
            peers.leave(group);
        }
        for &(key, group, _) in &self.pulls {
            topologies.release(key);
            peers.leave(group);
        }
    }
}
