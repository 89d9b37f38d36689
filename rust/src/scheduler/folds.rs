//! The filters that look at other nodes: counts by slot, folded into counts by domain for one decision.
//!
//! Counts are kept by slot as pods come and go (`peers`, `carried`); folding them takes a pass over the nodes,
//! never over the pods, and survives whatever nodes do to their labels. A removal or an addition of pods on one
//! node (preemption, nominations) is tried out by a list of differences, without changing any count.

use super::carried::{Load, Terms};
use super::inputs::{Identity, Spec};
use super::peers::{IdentityId, Peers};
use super::relations::{Bound, Relations};
use super::requirements::selects;
use super::topology::{KeyId, Topologies, NOWHERE};
use super::view::INFEASIBLE;

pub const SKEWED: &str = "node(s) didn't match pod topology spread constraints";
pub const UNLABELLED: &str =
    "node(s) didn't match pod topology spread constraints (missing required label)";
pub const NOT_NEAR: &str = "node(s) didn't match pod affinity rules";
pub const NOT_APART: &str = "node(s) didn't match pod anti-affinity rules";
pub const KEPT_OFF: &str = "node(s) didn't satisfy existing pods anti-affinity rules";

/// Whether no removal of pods is taken to change this reason.
pub fn hopeless(reason: &str) -> bool {
    reason == UNLABELLED || reason == NOT_NEAR
}

/// Everything that is counted, to look up.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub topologies: &'a Topologies,
    pub peers: &'a Peers,
    pub terms: &'a Terms,
}

impl World<'_> {
    fn domain(&self, key: KeyId, slot: usize) -> u32 {
        self.topologies.table(key).of_slot[slot]
    }
}

/// A pod more (1) or less (-1) on the node that is asked about.
pub struct Delta<'a> {
    pub identity: IdentityId,
    pub loads: &'a [Load],
    pub sign: i32,
}

/// The pod that is asked about.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    pub spec: &'a Spec,
    pub identity: IdentityId,
    pub who: &'a Identity,
}

struct Skew {
    key: KeyId,
    group: u64,
    needs: u8,
    /// By domain; -1 where no node counts.
    counts: Vec<i32>,
    domains: i64,
    /// The least count, where it is, and the least elsewhere.
    least: i32,
    least_at: u32,
    second: i32,
    itself: i32,
    max_skew: i64,
    min_domains: i64,
}

impl Skew {
    fn new(bound: &Bound, asker: Asker<'_>, flags: &[u8], world: World<'_>) -> Skew {
        let constraint = &asker.spec.constraints[bound.at];
        let table = world.topologies.table(bound.key);
        let included = |slot: usize| flags[slot] & bound.needs == bound.needs;
        let mut there = vec![false; table.width()];
        for (slot, &domain) in table.of_slot.iter().enumerate() {
            if domain != NOWHERE && included(slot) {
                there[domain as usize] = true;
            }
        }
        let mut counts = table.fold(world.peers.counts(bound.group), included);
        for (count, _) in counts.iter_mut().zip(&there).filter(|(_, &there)| !there) {
            *count = -1;
        }
        let (mut domains, mut least, mut least_at, mut second) = (0, i32::MAX, NOWHERE, i32::MAX);
        for (domain, &count) in counts.iter().enumerate().filter(|(_, &c)| c >= 0) {
            domains += 1;
            if count < least {
                (second, least, least_at) = (least, count, domain as u32);
            } else {
                second = second.min(count);
            }
        }
        Skew {
            key: bound.key,
            group: bound.group,
            needs: bound.needs,
            counts,
            domains,
            least,
            least_at,
            second,
            itself: i32::from(selects(&constraint.selector, &asker.who.labels)),
            max_skew: constraint.max_skew,
            min_domains: constraint.min_domains.max(1),
        }
    }

    /// Whether the pod may go to a domain that has `have`, with the least count at `least`.
    fn allows(&self, have: i32, least: i32) -> bool {
        let least = if self.domains < self.min_domains {
            0
        } else {
            least
        };
        i64::from(have.max(0)) + i64::from(self.itself) - i64::from(least) <= self.max_skew
    }

    fn allows_with(&self, domain: u32, change: i32) -> bool {
        let have = self.counts[domain as usize].max(0) + change;
        if change == 0 {
            return self.allows(have, self.least);
        }
        let elsewhere = if domain == self.least_at {
            self.second
        } else {
            self.least
        };
        self.allows(have, elsewhere.min(have))
    }
}

/// Counts by domain.
struct Fold {
    key: KeyId,
    group: u64,
    counts: Vec<i32>,
}

impl Fold {
    fn new(key: KeyId, group: u64, world: World<'_>) -> Fold {
        let table = world.topologies.table(key);
        let counts = table.fold(world.peers.counts(group), |_| true);
        Fold { key, group, counts }
    }

    fn any(&self, domain: u32, change: i32) -> bool {
        domain != NOWHERE && self.counts[domain as usize] + change > 0
    }
}

/// All of it for one pod in one state of the cluster.
#[derive(Default)]
pub struct Folds {
    skews: Vec<Skew>,
    near: Vec<Fold>,
    near_total: i64,
    itself_near: bool,
    apart: Vec<Fold>,
    /// By topology: carriers of anti-affinity that speaks of the pod (`group` is not used).
    kept_off: Vec<Fold>,
}

impl Folds {
    pub fn new(
        relations: Option<&Relations>,
        asker: Asker<'_>,
        flags: &[u8],
        world: World<'_>,
    ) -> Folds {
        let mut folds = Folds::default();
        if let Some(relations) = relations {
            let hard = relations.hard.iter();
            folds.skews = hard.map(|b| Skew::new(b, asker, flags, world)).collect();
            if let Some(group) = relations.near_group {
                let near = relations.near.iter();
                folds.near = near.map(|&key| Fold::new(key, group, world)).collect();
                let sums = folds.near.iter().flat_map(|fold| &fold.counts);
                folds.near_total = sums.map(|&count| i64::from(count)).sum();
                folds.itself_near = world.peers.is_in(asker.identity, group);
            }
            let apart = relations.apart.iter();
            folds.apart = apart.map(|&(key, g)| Fold::new(key, g, world)).collect();
        }
        folds.keep_off(asker.identity, world);
        folds
    }

    fn keep_off(&mut self, identity: IdentityId, world: World<'_>) {
        for (_, carried) in world.terms.of(world.peers.listeners(identity)) {
            let table = world.topologies.table(carried.key);
            if carried.forbids == 0 {
                continue;
            }
            let fold = fold_of(&mut self.kept_off, carried.key, table.width());
            for sum in &carried.carriers {
                let domain = table.of_slot[sum.slot as usize];
                if domain != NOWHERE {
                    fold.counts[domain as usize] += sum.forbids;
                }
            }
        }
    }

    /// Whether nothing is asked of other nodes.
    pub fn is_empty(&self) -> bool {
        self.skews.is_empty()
            && self.near.is_empty()
            && self.apart.is_empty()
            && self.kept_off.is_empty()
    }

    /// Take the totals of slots away that don't pass.
    pub fn mask(&self, totals: &mut [i32], world: World<'_>) {
        for skew in &self.skews {
            let allowed = skew
                .counts
                .iter()
                .map(|&have| skew.allows(have, skew.least));
            keep(totals, skew.key, allowed.collect(), false, world);
        }
        let first = self.itself_near && self.near_total == 0;
        for fold in &self.near {
            let allowed = fold.counts.iter().map(|&have| first || have > 0);
            keep(totals, fold.key, allowed.collect(), false, world);
        }
        for fold in self.apart.iter().chain(&self.kept_off) {
            let allowed = fold.counts.iter().map(|&have| have <= 0);
            keep(totals, fold.key, allowed.collect(), true, world);
        }
    }

    /// The first reason against one slot, if `deltas` were so.
    pub fn objection(
        &self,
        slot: usize,
        flags: u8,
        asker: Asker<'_>,
        deltas: &[Delta<'_>],
        world: World<'_>,
    ) -> Option<&'static str> {
        let change = |group: u64| -> i32 {
            let counted = deltas
                .iter()
                .filter(|d| world.peers.is_in(d.identity, group));
            counted.map(|d| d.sign).sum()
        };
        for skew in &self.skews {
            let domain = world.domain(skew.key, slot);
            if domain == NOWHERE {
                return Some(UNLABELLED);
            }
            let counts = flags & skew.needs == skew.needs;
            if !skew.allows_with(domain, if counts { change(skew.group) } else { 0 }) {
                return Some(SKEWED);
            }
        }
        let at = |fold: &Fold| world.domain(fold.key, slot);
        if let Some(Fold { group, .. }) = self.near.first() {
            if self.near.iter().any(|fold| at(fold) == NOWHERE) {
                return Some(NOT_NEAR);
            }
            let change = change(*group);
            let total = self.near_total + i64::from(change) * self.near.len() as i64;
            let first = self.itself_near && total == 0;
            if !first && !self.near.iter().all(|fold| fold.any(at(fold), change)) {
                return Some(NOT_NEAR);
            }
        }
        let mut apart = self.apart.iter();
        if apart.any(|fold| fold.any(at(fold), change(fold.group))) {
            return Some(NOT_APART);
        }
        self.is_kept_off(slot, asker.identity, deltas, world)
            .then_some(KEPT_OFF)
    }

    fn is_kept_off(
        &self,
        slot: usize,
        identity: IdentityId,
        deltas: &[Delta<'_>],
        world: World<'_>,
    ) -> bool {
        let mut changes: Vec<(KeyId, i32)> = Vec::new();
        let listeners = world.peers.listeners(identity);
        for delta in deltas {
            for load in delta.loads.iter().filter(|load| load.forbids) {
                if let Some(key) = world.terms.heard(load.term, listeners) {
                    changes.push((key, delta.sign));
                }
            }
        }
        let change = |key: KeyId| -> i32 {
            let same = changes.iter().filter(|(k, _)| *k == key);
            same.map(|(_, sign)| sign).sum()
        };
        let known = |fold: &Fold| fold.any(world.domain(fold.key, slot), change(fold.key));
        let fresh = |&(key, _): &(KeyId, i32)| {
            self.kept_off.iter().all(|fold| fold.key != key)
                && change(key) > 0
                && world.domain(key, slot) != NOWHERE
        };
        self.kept_off.iter().any(known) || changes.iter().any(fresh)
    }
}

fn fold_of(folds: &mut Vec<Fold>, key: KeyId, width: usize) -> &mut Fold {
    let at = folds.iter().position(|fold| fold.key == key);
    let at = at.unwrap_or_else(|| {
        folds.push(Fold {
            key,
            group: 0,
            counts: vec![0; width],
        });
        folds.len() - 1
    });
    &mut folds[at]
}

/// Keep the totals of slots in allowed domains, and of slots in none if `nowhere`.
fn keep(totals: &mut [i32], key: KeyId, allowed: Vec<bool>, nowhere: bool, world: World<'_>) {
    let of_slot = &world.topologies.table(key).of_slot;
    for (total, &domain) in totals.iter_mut().zip(of_slot) {
        let ok = allowed.get(domain as usize).copied().unwrap_or(nowhere);
        *total = if ok { *total } else { INFEASIBLE };
    }
}
