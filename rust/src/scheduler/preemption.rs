//! Whom a pod may push aside; the rules are those of `dromon.scheduler.engine.preemption`.

use super::engine::{Compiled, Engine};
use super::filters;
use super::folds::Folds;
use super::inputs::Budget;
use super::pods::Member;
use super::requirements::selects;
use super::tally::{Reason, Tally};
use super::view::INFEASIBLE;
use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

const HOPELESS: &str = "Preemption is not helpful for scheduling";
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";

/// Where there would be room, and without whom; or why nowhere.
pub enum Outcome {
    Node(String, Vec<String>),
    Refused(Vec<(String, usize)>),
}

/// Sorts the most important first.
fn importance(a: &Member, b: &Member) -> Ordering {
    let priorities = b.pod.spec.priority.cmp(&a.pod.spec.priority);
    priorities
        .then(a.started.cmp(&b.started))
        .then_with(|| a.uid.cmp(&b.uid))
}

struct Candidate {
    slot: usize,
    victims: Vec<Member>,
    violations: usize,
}

impl Candidate {
    /// The lowest is the best.
    fn rank(&self) -> (usize, i64, i64, usize, Reverse<i64>) {
        let priorities = self.victims.iter().map(|v| v.pod.spec.priority);
        let highest = priorities.clone().max().unwrap_or(i64::MIN);
        let mut most = self.victims.iter();
        let most = most.by_ref().filter(|v| v.pod.spec.priority == highest);
        let earliest = most.map(|v| v.started).min().unwrap_or(i64::MAX);
        let total = priorities.map(|priority| priority + (1 << 31)).sum();
        (
            self.violations,
            highest,
            total,
            self.victims.len(),
            Reverse(earliest),
        )
    }
}

/// How many candidates are looked for among so many nodes.
fn enough(nodes: usize) -> usize {
    (nodes / 10).max(100).min(nodes)
}

impl Engine {
    /// Where the pod could go if pods of lower priority went; nothing is changed.
    pub fn preempt(&mut self, uid: &str, pod: &Arc<Compiled>) -> Outcome {
        self.sync(pod);
        if !self.pods.any_below(pod.spec.priority) {
            return Outcome::Refused(self.futile(uid, pod).texts());
        }
        let folds = self.folds(pod);
        let mut outcome = Tally::default();
        let potential = self.potential(uid, pod, &folds, &mut outcome);
        if potential.is_empty() {
            return Outcome::Refused(outcome.texts());
        }
        let start = self.random.below(potential.len());
        let (mut best, mut found, mut clean) = (None::<Candidate>, 0, false);
        for i in 0..potential.len() {
            let slot = potential[(start + i) % potential.len()];
            let Some(candidate) = self.attempt(uid, pod, slot, &folds, &mut outcome) else {
                continue;
            };
            found += 1;
            clean |= candidate.violations == 0;
            if best.as_ref().map_or(true, |b| candidate.rank() < b.rank()) {
                best = Some(candidate);
            }
            if clean && found >= enough(potential.len()) {
                break;
            }
        }
        match best {
            Some(best) => Outcome::Node(
                self.nodes[best.slot].name.clone(),
                best.victims.iter().map(|v| v.uid.to_string()).collect(),
            ),
            None => Outcome::Refused(outcome.texts()),
        }
    }

    /// The outcome when nobody is less important: counted once per kind of pod and state of the cluster.
    fn futile(&mut self, uid: &str, pod: &Compiled) -> Tally {
        let now = (pod.identity_id, self.nominations);
        let shared = !self.nominated.contains_key(uid);
        let known = self.views[&pod.spec_id].futile;
        let known = known.filter(|(at, _)| shared && *at == now);
        let (hopeless, potential) = known.map(|(_, counts)| counts).unwrap_or_else(|| {
            let folds = self.folds(pod);
            let mut outcome = Tally::default();
            let potential = self.potential(uid, pod, &folds, &mut outcome).len();
            (outcome.total(), potential)
        });
        if shared {
            self.view_mut(pod).futile = Some((now, (hopeless, potential)));
        }
        if potential > 0 {
            // As if candidates had been looked for from there on.
            self.random.below(potential);
        }
        let mut outcome = Tally::default();
        outcome.add_many(Reason::Text(HOPELESS), hopeless);
        outcome.add_many(Reason::Text(NO_VICTIMS), potential);
        outcome
    }

    /// The slots that refuse the pod, but not hopelessly.
    fn potential(
        &mut self,
        uid: &str,
        pod: &Compiled,
        folds: &Folds,
        outcome: &mut Tally,
    ) -> Vec<usize> {
        let (mut deltas, mut unused) = (Vec::new(), Tally::default());
        let (mut potential, mut lost) = (Vec::new(), 0);
        let plain = folds.is_empty();
        for slot in 0..self.nodes.len() {
            let node = &self.nodes[slot];
            if !node.present {
                continue;
            }
            let view = &self.views[&pod.spec_id];
            let refused = if !view.passes_alone(slot) {
                Some(true)
            } else if plain && node.nominees == 0 {
                (view.totals[slot] == INFEASIBLE)
                    .then(|| filters::refuses(&pod.spec, node))
                    .flatten()
                    .map(|filter| (filter.hopeless)(&pod.spec, node))
            } else {
                self.objection(uid, pod, slot, folds, &mut deltas, &mut unused)
            };
            match refused {
                Some(true) => lost += 1,
                Some(false) => potential.push(slot),
                None => {}
            }
        }
        outcome.add_many(Reason::Text(HOPELESS), lost);
        potential
    }

    /// Whether the slot would do without pods of lower priority, and without which.
    fn attempt(
        &mut self,
        uid: &str,
        pod: &Compiled,
        slot: usize,
        folds: &Folds,
        outcome: &mut Tally,
    ) -> Option<Candidate> {
        let members = self.pods.on(slot as u32).iter();
        let below = members.filter(|member| member.pod.spec.priority < pod.spec.priority);
        let mut lower: Vec<Member> = below.cloned().collect();
        if lower.is_empty() {
            outcome.add(Reason::Text(NO_VICTIMS));
            return None;
        }
        lower.sort_unstable_by(importance);
        let mut deltas = Vec::with_capacity(lower.len());
        for victim in &lower {
            self.nodes[slot].remove(&victim.pod.spec);
            deltas.push((victim.pod.clone(), -1));
        }
        let refused = self.objection(uid, pod, slot, folds, &mut deltas, outcome);
        let candidate = refused
            .is_none()
            .then(|| self.reprieve(uid, pod, slot, folds, &lower, &mut deltas));
        for (away, _) in deltas {
            self.nodes[slot].add(&away.spec);
        }
        candidate
    }

    /// Put back those that don't stand in the way; `deltas` are those that are away, in the order of `lower`.
    fn reprieve(
        &mut self,
        uid: &str,
        pod: &Compiled,
        slot: usize,
        folds: &Folds,
        lower: &[Member],
        deltas: &mut Vec<(Arc<Compiled>, i32)>,
    ) -> Candidate {
        let over = violating(lower, &self.budgets);
        let mut unused = Tally::default();
        let mut gone = Vec::new();
        let mut violations = 0;
        let first = (0..lower.len()).filter(|&i| over[i]);
        let then = (0..lower.len()).filter(|&i| !over[i]);
        for i in first.chain(then) {
            let victim = &lower[i];
            self.nodes[slot].add(&victim.pod.spec);
            let at = deltas.iter().position(|(p, _)| Arc::ptr_eq(p, &victim.pod));
            let away = at.map(|at| deltas.swap_remove(at));
            let refused = self.objection(uid, pod, slot, folds, deltas, &mut unused);
            if refused.is_some() {
                self.nodes[slot].remove(&victim.pod.spec);
                deltas.extend(away);
                violations += usize::from(over[i]);
                gone.push(victim.clone());
            }
        }
        gone.sort_unstable_by(importance);
        Candidate {
            slot,
            victims: gone,
            violations,
        }
    }
}

/// Whose removal would overdraw a budget, if they went in this order.
fn violating(victims: &[Member], budgets: &[Budget]) -> Vec<bool> {
    let mut left: Vec<i64> = budgets.iter().map(|budget| budget.allowed).collect();
    let mut overdraws = |victim: &Member| {
        let who = &victim.pod.identity;
        let mut over = false;
        for (budget, left) in budgets.iter().zip(&mut left) {
            // A budget without requirements covers nobody, as in kube-scheduler.
            let covers = !who.labels.is_empty()
                && budget.namespace == who.namespace
                && budget.selector.as_ref().is_some_and(|s| !s.is_empty())
                && !budget.disrupted.iter().any(|uid| **uid == *victim.uid)
                && selects(&budget.selector, &who.labels);
            if covers {
                *left -= 1;
                over |= *left < 0;
            }
        }
        over
    };
    victims.iter().map(&mut overdraws).collect()
}
