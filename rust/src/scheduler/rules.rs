//! Which placed pods somebody speaks of, and an index that finds the rules for a pod, or the pods for a rule.

use std::hash::Hash;

use ahash::AHashMap;

use super::inputs::{Identity, LabelSelector, Labels, Operator, Spread, Who};
use super::requirements::selects;

pub type Namespaces = AHashMap<String, Labels>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Peers that are kept apart; see `inputs::Spread`.
    Peers(Spread),
    /// Pods of one namespace that count for a spread constraint.
    Alike(String, LabelSelector),
    /// Pods of which all of these speak (pod affinity).
    All(Vec<Who>),
}

impl Rule {
    pub fn matches(&self, pod: &Identity, namespaces: &Namespaces) -> bool {
        match self {
            Rule::Peers(_) | Rule::Alike(..) if pod.leaving => false,
            Rule::Peers(spread) if !spread.owner.is_empty() => pod.owner == spread.owner,
            Rule::Peers(spread) => {
                pod.namespace == spread.namespace
                    && spread.selector.iter().all(|l| pod.labels.contains(l))
            }
            Rule::Alike(namespace, selector) => {
                pod.namespace == *namespace && selects(selector, &pod.labels)
            }
            Rule::All(whos) => whos.iter().all(|who| speaks_of(who, pod, namespaces)),
        }
    }

    /// Whether the labels of namespaces matter.
    pub fn selects_namespaces(&self) -> bool {
        matches!(self, Rule::All(whos) if whos.iter().any(|who| who.namespace_selector.is_some()))
    }

    /// What a pod must have at least one of to match; None when nothing is needed.
    fn anchors(&self) -> Option<Vec<Anchor>> {
        match self {
            Rule::Peers(spread) if !spread.owner.is_empty() => {
                Some(vec![Anchor::Owner(spread.owner.clone())])
            }
            Rule::Peers(spread) => spread
                .selector
                .first()
                .map(|pair| vec![Anchor::Label(pair.clone())]),
            Rule::Alike(_, selector) => selector_anchors(selector),
            Rule::All(whos) => whos.iter().find_map(|who| selector_anchors(&who.selector)),
        }
    }
}

fn speaks_of(who: &Who, pod: &Identity, namespaces: &Namespaces) -> bool {
    let there = who.namespaces.contains(&pod.namespace)
        || match namespaces.get(&pod.namespace) {
            Some(labels) => selects(&who.namespace_selector, labels),
            None => selects(&who.namespace_selector, &Labels::new()),
        };
    there && selects(&who.selector, &pod.labels)
}

fn selector_anchors(selector: &LabelSelector) -> Option<Vec<Anchor>> {
    let Some(requirements) = selector else {
        return Some(Vec::new());
    };
    let listed = requirements.iter().find(|r| r.operator == Operator::In)?;
    let labels = listed
        .values
        .iter()
        .map(|v| (listed.key.clone(), v.clone()));
    Some(labels.map(Anchor::Label).collect())
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    Owner(String),
    Label((String, String)),
}

/// Things found by their anchors.
pub struct Index<I> {
    owners: AHashMap<String, Vec<I>>,
    labels: AHashMap<(String, String), Vec<I>>,
    rest: Vec<I>,
}

impl<I> Default for Index<I> {
    fn default() -> Self {
        Index {
            owners: AHashMap::new(),
            labels: AHashMap::new(),
            rest: Vec::new(),
        }
    }
}

impl<I: Copy + Ord + Hash> Index<I> {
    /// A rule, to be found by `for_pod`.
    pub fn add_rule(&mut self, rule: &Rule, id: I) {
        match rule.anchors() {
            Some(anchors) => anchors.into_iter().for_each(|a| self.push(a, id)),
            None => self.rest.push(id),
        }
    }

    pub fn remove_rule(&mut self, rule: &Rule, id: I) {
        match rule.anchors() {
            Some(anchors) => anchors.iter().for_each(|a| self.pull(a, id)),
            None => self.rest.retain(|&have| have != id),
        }
    }

    /// A pod, to be found by `for_rule`.
    pub fn add_pod(&mut self, pod: &Identity, id: I) {
        for anchor in pod_anchors(pod) {
            self.push(anchor, id);
        }
    }

    pub fn remove_pod(&mut self, pod: &Identity, id: I) {
        for anchor in pod_anchors(pod) {
            self.pull(&anchor, id);
        }
    }

    /// Candidates among rules: all that match the pod, and some that don't.
    pub fn for_pod(&self, pod: &Identity) -> Vec<I> {
        let mut found = self.rest.clone();
        found.extend(self.owners.get(&pod.owner).into_iter().flatten());
        for pair in &pod.labels {
            found.extend(self.labels.get(pair).into_iter().flatten());
        }
        unique(found)
    }

    /// Candidates among pods; None: every pod is one.
    pub fn for_rule(&self, rule: &Rule) -> Option<Vec<I>> {
        let mut found = Vec::new();
        for anchor in rule.anchors()? {
            found.extend(self.bucket(&anchor).into_iter().flatten());
        }
        Some(unique(found))
    }

    fn bucket(&self, anchor: &Anchor) -> Option<&Vec<I>> {
        match anchor {
            Anchor::Owner(owner) => self.owners.get(owner),
            Anchor::Label(pair) => self.labels.get(pair),
        }
    }

    fn push(&mut self, anchor: Anchor, id: I) {
        let bucket = match anchor {
            Anchor::Owner(owner) => self.owners.entry(owner).or_default(),
            Anchor::Label(pair) => self.labels.entry(pair).or_default(),
        };
        bucket.push(id);
    }

    fn pull(&mut self, anchor: &Anchor, id: I) {
        match anchor {
            Anchor::Owner(owner) => drop_from(&mut self.owners, owner, id),
            Anchor::Label(pair) => drop_from(&mut self.labels, pair, id),
        }
    }
}

fn pod_anchors(pod: &Identity) -> impl Iterator<Item = Anchor> + '_ {
    let owner = (!pod.owner.is_empty()).then(|| Anchor::Owner(pod.owner.clone()));
    let labels = pod.labels.iter().cloned().map(Anchor::Label);
    owner.into_iter().chain(labels)
}

fn drop_from<K: Eq + Hash, I: Copy + Eq>(map: &mut AHashMap<K, Vec<I>>, key: &K, id: I) {
    if let Some(bucket) = map.get_mut(key) {
        bucket.retain(|&have| have != id);
        if bucket.is_empty() {
            map.remove(key);
        }
    }
}

fn unique<I: Ord>(mut found: Vec<I>) -> Vec<I> {
    found.sort_unstable();
    found.dedup();
    found
}
