//! What placed pods say about pods to come: their anti-affinity keeps others off, their preferences draw or repel.
//!
//! A term is known by its number while compiled classes hold it; it listens (see `peers`) for the pods that it
//! speaks of. Where its carriers are is kept by slot, so that a node may change its labels at any time.

use super::inputs::{PodTerm, Spec};
use super::node::Node;
use super::peers::{Peers, RuleId};
use super::rules::Rule;
use super::topology::{KeyId, Topologies};
use ahash::AHashMap;
use std::sync::Arc;

/// What a required affinity of a placed pod counts in scores.
const HARD_WEIGHT: i64 = 1;

pub type TermId = u64;

/// What one pod carries of a term.
#[derive(Clone, Debug)]
pub struct Load {
    pub term: TermId,
    /// Keeps whom it speaks of off.
    pub forbids: bool,
    /// Points for whom it speaks of.
    pub pull: i64,
    _held: Arc<PodTerm>,
}

/// What the carriers on one slot add up to.
#[derive(Clone, Copy)]
pub struct Sum {
    pub slot: u32,
    pods: i32,
    pub forbids: i32,
    pub pull: i64,
}

pub struct Carried {
    pub key: KeyId,
    listener: RuleId,
    /// One entry for each slot with carriers, in no order; `places` finds them.
    pub carriers: Vec<Sum>,
    places: AHashMap<u32, usize>,
    /// How many carriers keep others off.
    pub forbids: i32,
}

impl Carried {
    fn count(&mut self, slot: u32, load: &Load, sign: i32) {
        let at = *self.places.entry(slot).or_insert_with(|| {
            self.carriers.push(Sum {
                slot,
                pods: 0,
                forbids: 0,
                pull: 0,
            });
            self.carriers.len() - 1
        });
        let sum = &mut self.carriers[at];
        sum.pods += sign;
        sum.forbids += sign * i32::from(load.forbids);
        sum.pull += i64::from(sign) * load.pull;
        self.forbids += sign * i32::from(load.forbids);
        if sum.pods == 0 {
            self.places.remove(&slot);
            self.carriers.swap_remove(at);
            if let Some(moved) = self.carriers.get(at) {
                self.places.insert(moved.slot, at);
            }
        }
    }
}

#[derive(Default)]
pub struct Terms {
    ids: AHashMap<Arc<PodTerm>, TermId>,
    terms: AHashMap<TermId, Carried>,
    by_listener: AHashMap<RuleId, Vec<TermId>>,
    last: TermId,
    sweep_at: usize,
}

impl Terms {
    /// What a pod of this spec carries once it is placed.
    pub fn compile(
        &mut self,
        spec: &Spec,
        nodes: &[Node],
        peers: &mut Peers,
        topologies: &mut Topologies,
    ) -> Vec<Load> {
        self.sweep(peers, topologies);
        let hard = spec.anti_affinity.iter().map(|term| (term, true, 0));
        let near = spec.affinity.iter().map(|t| (t, false, HARD_WEIGHT));
        let soft = spec.preferred_pods.iter();
        let soft = soft.map(|weighted| (&weighted.term, false, weighted.weight));
        hard.chain(near)
            .chain(soft)
            .map(|(term, forbids, pull)| {
                let (held, term) = self.intern(term, nodes, peers, topologies);
                Load {
                    term,
                    forbids,
                    pull,
                    _held: held,
                }
            })
            .collect()
    }

    fn intern(
        &mut self,
        term: &PodTerm,
        nodes: &[Node],
        peers: &mut Peers,
        topologies: &mut Topologies,
    ) -> (Arc<PodTerm>, TermId) {
        if let Some((kept, &id)) = self.ids.get_key_value(term) {
            return (kept.clone(), id);
        }
        self.last += 1;
        let id = self.last;
        let listener = peers.listen(Rule::All(vec![term.who.clone()]));
        self.by_listener.entry(listener).or_default().push(id);
        let carried = Carried {
            key: topologies.acquire(&term.topology, nodes),
            listener,
            carriers: Vec::new(),
            places: AHashMap::new(),
            forbids: 0,
        };
        self.terms.insert(id, carried);
        let term = Arc::new(term.clone());
        self.ids.insert(term.clone(), id);
        (term, id)
    }

    /// Drop terms that no class holds any more, whenever their number has doubled.
    fn sweep(&mut self, peers: &mut Peers, topologies: &mut Topologies) {
        if self.ids.len() < self.sweep_at.max(256) {
            return;
        }
        let (terms, by_listener) = (&mut self.terms, &mut self.by_listener);
        self.ids.retain(|term, id| {
            let held = Arc::strong_count(term) > 1;
            if let Some(carried) = (!held).then(|| terms.remove(id)).flatten() {
                peers.leave(carried.listener);
                topologies.release(carried.key);
                if let Some(ids) = by_listener.get_mut(&carried.listener) {
                    ids.retain(|have| have != id);
                    if ids.is_empty() {
                        by_listener.remove(&carried.listener);
                    }
                }
            }
            held
        });
        self.sweep_at = 2 * self.ids.len();
    }

    /// One carrier more (1) or less (-1) on the slot.
    pub fn count(&mut self, loads: &[Load], slot: u32, sign: i32) {
        for load in loads {
            if let Some(carried) = self.terms.get_mut(&load.term) {
                carried.count(slot, load, sign);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms of these listeners that somebody carries.
    pub fn of<'a>(
        &'a self,
        listeners: &'a [RuleId],
    ) -> impl Iterator<Item = (TermId, &'a Carried)> + 'a {
        listeners
            .iter()
            .filter_map(|listener| self.by_listener.get(listener))
            .flatten()
            .map(|id| (*id, &self.terms[id]))
    }

    /// The topology of a term, and whether it is one of these listeners'.
    pub fn heard(&self, term: TermId, listeners: &[RuleId]) -> Option<KeyId> {
        let carried = self.terms.get(&term)?;
        listeners.contains(&carried.listener).then_some(carried.key)
    }
}
