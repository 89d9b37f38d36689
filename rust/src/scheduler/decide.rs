//! One pod at a time: where it goes, or why nowhere.
//!
//! Most pods ask nothing of other nodes: the view's totals are the answer. For the others the totals are copied,
//! narrowed by the filters that look around and by nominations, and completed by the scores that look around.

use super::engine::{Compiled, Engine};
use super::filters::{refuses, Filter};
use super::folds::{hopeless, Delta, Folds};
use super::inputs::Spec;
use super::leanings;
use super::node::Node;
use super::pick::highest;
use super::tally::{Reason, Tally};
use super::view::{Refusal, View, INFEASIBLE};
use std::sync::Arc;

/// When a pod started that has not started yet.
pub const LATEST: i64 = 1 << 62;

/// The outcome for one pod.
pub enum Decision<'a> {
    Node(&'a str),
    Refused(&'a Refusal),
}

impl Engine {
    /// Decide for one pod, and count it where it goes.
    pub fn schedule(&mut self, uid: &str, pod: &Arc<Compiled>) -> Decision<'_> {
        self.remove_pod(uid);
        self.sync(pod);
        let found = if self.is_plain(pod) && self.nominees.is_empty() {
            highest(
                &self.views[&pod.spec_id].totals,
                INFEASIBLE,
                &mut self.random,
            )
        } else {
            self.look_around(uid, pod)
        };
        match found {
            Some(slot) => {
                self.withdraw(uid);
                self.place(uid, pod, slot as u32, LATEST);
                Decision::Node(&self.nodes[slot].name)
            }
            None => Decision::Refused(self.refusal(uid, pod)),
        }
    }

    /// Whether the view's totals are the whole truth.
    fn is_plain(&self, pod: &Compiled) -> bool {
        let view = &self.views[&pod.spec_id];
        view.relations.is_none() && !view.basis.zoned && !self.is_spoken_of(pod)
    }

    /// Whether placed pods may have something to say about this one.
    fn is_spoken_of(&self, pod: &Compiled) -> bool {
        if self.terms.is_empty() {
            return false;
        }
        let mut terms = self.terms.of(self.peers.listeners(pod.identity_id));
        terms.any(|(_, carried)| !carried.carriers.is_empty())
    }

    fn look_around(&mut self, uid: &str, pod: &Arc<Compiled>) -> Option<usize> {
        let mut totals = std::mem::take(&mut self.scratch);
        let folds = self.masked(pod, &mut totals);
        self.mask_nominated(uid, pod, &folds, &mut totals);
        let nominated = self.nominated.get(uid);
        let target = nominated
            .and_then(|node| self.known(node))
            .filter(|&slot| totals[slot] != INFEASIBLE);
        let whole = folds.is_empty() && self.nominees.is_empty();
        let found = target.or_else(|| {
            self.complete(pod, &mut totals, whole);
            highest(&totals, INFEASIBLE, &mut self.random)
        });
        self.scratch = totals;
        found
    }

    pub(super) fn folds(&self, pod: &Compiled) -> Folds {
        let view = &self.views[&pod.spec_id];
        let relations = view.relations.as_ref();
        Folds::new(relations, pod.asker(), &view.flags, self.world())
    }

    /// The view's totals without the nodes that the filters refuse that look around.
    fn masked(&self, pod: &Compiled, totals: &mut Vec<i32>) -> Folds {
        totals.clone_from(&self.views[&pod.spec_id].totals);
        let folds = self.folds(pod);
        folds.mask(totals, self.world());
        folds
    }

    /// Add the scores that look around; `whole`: the totals are all those of the view.
    fn complete(&self, pod: &Compiled, totals: &mut [i32], whole: bool) {
        let view = &self.views[&pod.spec_id];
        let group = view.group.filter(|_| view.basis.zoned);
        if let (true, Some(group)) = (whole, group) {
            leanings::spread_peers(totals, &view.zones, group, self.defaults, self.world());
        } else {
            view.narrowed(totals);
            leanings::spread(
                totals,
                &pod.spec,
                view.relations.as_ref(),
                group,
                &view.flags,
                self.defaults,
                self.world(),
            );
        }
        leanings::pull(
            totals,
            view.relations.as_ref(),
            pod.identity_id,
            self.world(),
        );
    }

    /// Take nodes away where those that are nominated there leave no room.
    fn mask_nominated(&mut self, uid: &str, pod: &Compiled, folds: &Folds, totals: &mut [i32]) {
        if self.nominees.is_empty() {
            return;
        }
        for slot in self.nominated_slots(uid, pod) {
            if totals[slot] == INFEASIBLE {
                continue;
            }
            let (mut deltas, mut tally) = (Vec::new(), Tally::default());
            let found = self.objection(uid, pod, slot, folds, &mut deltas, &mut tally);
            if found.is_some() {
                totals[slot] = INFEASIBLE;
            }
        }
    }

    /// Whether the slot is refused with those that are nominated to it, or without them, and if so hopelessly.
    ///
    /// `deltas` are pods more or less for which the node's own sums account already. Reasons go to `tally`.
    pub(super) fn objection(
        &mut self,
        uid: &str,
        pod: &Compiled,
        slot: usize,
        folds: &Folds,
        deltas: &mut Vec<(Arc<Compiled>, i32)>,
        tally: &mut Tally,
    ) -> Option<bool> {
        let before = self.before(uid, pod, slot);
        if !before.is_empty() {
            let known = deltas.len();
            for nominee in &before {
                self.nodes[slot].add(&nominee.spec);
                deltas.push((nominee.clone(), 1));
            }
            let found = self.refused(pod, slot, folds, deltas);
            if let Some(found) = found {
                found.report(&pod.spec, &self.nodes[slot], tally);
            }
            for nominee in &before {
                self.nodes[slot].remove(&nominee.spec);
            }
            deltas.truncate(known);
            if let Some(found) = found {
                let node = &self.nodes[slot];
                let alone = refuses(&pod.spec, node).map(Found::Node);
                return Some(alone.unwrap_or(found).hopeless(&pod.spec, node));
            }
        }
        let found = self.refused(pod, slot, folds, deltas)?;
        found.report(&pod.spec, &self.nodes[slot], tally);
        Some(found.hopeless(&pod.spec, &self.nodes[slot]))
    }

    /// The first filter that refuses the slot, nominations apart.
    fn refused(
        &self,
        pod: &Compiled,
        slot: usize,
        folds: &Folds,
        deltas: &[(Arc<Compiled>, i32)],
    ) -> Option<Found> {
        if let Some(filter) = refuses(&pod.spec, &self.nodes[slot]) {
            return Some(Found::Node(filter));
        }
        if folds.is_empty() && deltas.iter().all(|(other, _)| other.loads.is_empty()) {
            return None;
        }
        let deltas: Vec<Delta<'_>> = deltas
            .iter()
            .map(|(other, sign)| Delta {
                identity: other.identity_id,
                loads: &other.loads,
                sign: *sign,
            })
            .collect();
        let flags = &self.views[&pod.spec_id].flags;
        let flags = flags.get(slot).copied().unwrap_or(0);
        let reason = folds.objection(slot, flags, pod.asker(), &deltas, self.world())?;
        Some(Found::Around(reason))
    }

    /// Counted once per kind of pod and state of the cluster; the view must be in step.
    fn refusal(&mut self, uid: &str, pod: &Compiled) -> &Refusal {
        let now = self.nominations;
        // A pod that is nominated itself is told something else than the others.
        let shared = !self.nominated.contains_key(uid);
        let known = self.views[&pod.spec_id].refusal.as_ref();
        let known = known.filter(|(identity, at, _)| *identity == pod.identity_id && *at == now);
        if known.is_none() || !shared {
            let folds = self.folds(pod);
            let mut tally = Tally::default();
            let mut deltas = Vec::new();
            for slot in 0..self.nodes.len() {
                if self.nodes[slot].present {
                    self.objection(uid, pod, slot, &folds, &mut deltas, &mut tally);
                }
            }
            let at = if shared { now } else { u64::MAX };
            let refusal = (pod.identity_id, at, tally.texts());
            self.view_mut(pod).refusal = Some(refusal);
        }
        let refusal = self.views[&pod.spec_id].refusal.as_ref();
        refusal
            .map(|(_, _, refusal)| refusal)
            .expect("just counted")
    }

    pub(super) fn view_mut(&mut self, pod: &Compiled) -> &mut View {
        let view = self.views.get_mut(&pod.spec_id);
        view.expect("sync has made the view")
    }

    /// Whether pods on other nodes decide, as things stand, whether a node may take the pod.
    pub fn looks_around(&self, pod: &Compiled) -> bool {
        if pod.spec.looks_around() {
            return true;
        }
        let mut terms = self.terms.of(self.peers.listeners(pod.identity_id));
        terms.any(|(_, carried)| carried.forbids > 0)
    }

    pub fn fits(&mut self, pod: &Compiled, node: &str) -> bool {
        let Some(slot) = self.known(node) else {
            return false;
        };
        if refuses(&pod.spec, &self.nodes[slot]).is_some() {
            return false;
        }
        if !self.looks_around(pod) {
            return true;
        }
        self.sync(pod);
        let folds = self.folds(pod);
        self.refused(pod, slot, &folds, &[]).is_none()
    }

    pub fn fits_somewhere(&mut self, pod: &Compiled) -> bool {
        self.sync(pod);
        let mut totals = std::mem::take(&mut self.scratch);
        self.masked(pod, &mut totals);
        let found = totals.iter().any(|&total| total != INFEASIBLE);
        self.scratch = totals;
        found
    }

    /// Every node that passes, nominations apart, with its score, in slot order.
    pub fn scores(&mut self, pod: &Compiled) -> Vec<(&str, i32)> {
        self.sync(pod);
        let mut totals = Vec::new();
        let whole = self.masked(pod, &mut totals).is_empty();
        self.complete(pod, &mut totals, whole);
        totals
            .into_iter()
            .zip(&self.nodes)
            .filter(|(total, _)| *total != INFEASIBLE)
            .map(|(total, node)| (node.name.as_str(), total))
            .collect()
    }
}

/// What refuses a node.
#[derive(Clone, Copy)]
enum Found {
    Node(&'static Filter),
    Around(&'static str),
}

impl Found {
    fn report(self, pod: &Spec, node: &Node, tally: &mut Tally) {
        match self {
            Found::Node(filter) => (filter.reasons)(pod, node, tally),
            Found::Around(text) => tally.add(Reason::Text(text)),
        }
    }

    fn hopeless(self, pod: &Spec, node: &Node) -> bool {
        match self {
            Found::Node(filter) => (filter.hopeless)(pod, node),
            Found::Around(text) => hopeless(text),
        }
    }
}
