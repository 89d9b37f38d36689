//! How many pods that somebody speaks of are on which node, and who speaks of a pod.
//!
//! Placed pods are counted by identity (namespace, labels, controller); a group counts all identities that its
//! rule matches. A group comes with the first view that asks for it and goes with the last; identities stay while
//! pods or compiled classes hold them. Listeners are rules of pods that are placed: they want to be known to the
//! pods that they match, and count nothing here (see `carried`).

use super::inputs::Identity;
use super::rules::{Index, Namespaces, Rule};
use ahash::AHashMap;
use std::sync::Arc;

pub type RuleId = u64;
pub type IdentityId = u64;

struct Kind {
    identity: Arc<Identity>,
    /// Slot -> how many pods of this identity are there.
    placed: AHashMap<u32, i32>,
    groups: Vec<RuleId>,
    listeners: Vec<RuleId>,
}

impl Kind {
    fn listed(&mut self, listens: bool) -> &mut Vec<RuleId> {
        if listens {
            &mut self.listeners
        } else {
            &mut self.groups
        }
    }
}

struct Entry {
    rule: Rule,
    listens: bool,
    /// Slot -> how many pods match; may be shorter than the slots are many.
    counts: Vec<i32>,
    users: usize,
}

#[derive(Default)]
pub struct Peers {
    ids: AHashMap<Arc<Identity>, IdentityId>,
    kinds: AHashMap<IdentityId, Kind>,
    pods_by: Index<IdentityId>,
    rule_ids: AHashMap<(Rule, bool), RuleId>,
    rules: AHashMap<RuleId, Entry>,
    rules_by: Index<RuleId>,
    namespaces: Namespaces,
    last_id: u64,
    sweep_at: usize,
}

impl Peers {
    /// The identity's number; keep the Arc for as long as the number is used.
    pub fn intern(&mut self, identity: Identity) -> (Arc<Identity>, IdentityId) {
        if let Some((kept, &id)) = self.ids.get_key_value(&identity) {
            return (kept.clone(), id);
        }
        self.sweep();
        self.last_id += 1;
        let id = self.last_id;
        let identity = Arc::new(identity);
        let mut kind = Kind {
            identity: identity.clone(),
            placed: AHashMap::new(),
            groups: Vec::new(),
            listeners: Vec::new(),
        };
        for rule_id in self.rules_by.for_pod(&identity) {
            let entry = &self.rules[&rule_id];
            if entry.rule.matches(&identity, &self.namespaces) {
                kind.listed(entry.listens).push(rule_id);
            }
        }
        self.kinds.insert(id, kind);
        self.pods_by.add_pod(&identity, id);
        self.ids.insert(identity.clone(), id);
        (identity, id)
    }

    /// Drop identities that nobody holds any more, whenever their number has doubled.
    fn sweep(&mut self) {
        if self.ids.len() < self.sweep_at.max(1024) {
            return;
        }
        let (kinds, pods_by) = (&mut self.kinds, &mut self.pods_by);
        self.ids.retain(|identity, id| {
            // One is the key's, one the kind's.
            let held = Arc::strong_count(identity) > 2;
            if !held {
                pods_by.remove_pod(identity, *id);
                kinds.remove(id);
            }
            held
        });
        self.sweep_at = 2 * self.ids.len();
    }

    /// Count one pod more (1) or less (-1) of this identity on the slot.
    pub fn count(&mut self, identity: IdentityId, slot: u32, sign: i32) {
        let Some(kind) = self.kinds.get_mut(&identity) else {
            return;
        };
        let placed = kind.placed.entry(slot).or_insert(0);
        *placed += sign;
        if *placed == 0 {
            kind.placed.remove(&slot);
        }
        for id in &kind.groups {
            if let Some(entry) = self.rules.get_mut(id) {
                bump(&mut entry.counts, slot, sign);
            }
        }
    }

    /// The number of the group with this rule, for one more user.
    pub fn join(&mut self, rule: Rule) -> RuleId {
        self.enter(rule, false)
    }

    /// The number of the listener with this rule, for one more user.
    pub fn listen(&mut self, rule: Rule) -> RuleId {
        self.enter(rule, true)
    }

    fn enter(&mut self, rule: Rule, listens: bool) -> RuleId {
        let key = (rule, listens);
        if let Some(&id) = self.rule_ids.get(&key) {
            if let Some(entry) = self.rules.get_mut(&id) {
                entry.users += 1;
            }
            return id;
        }
        self.last_id += 1;
        let id = self.last_id;
        let rule = key.0.clone();
        let mut counts = Vec::new();
        let all = || self.kinds.keys().copied().collect();
        for kind_id in self.pods_by.for_rule(&rule).unwrap_or_else(all) {
            let Some(kind) = self.kinds.get_mut(&kind_id) else {
                continue;
            };
            if rule.matches(&kind.identity, &self.namespaces) {
                kind.listed(listens).push(id);
                for (&slot, &n) in kind.placed.iter().filter(|_| !listens) {
                    bump(&mut counts, slot, n);
                }
            }
        }
        self.rules_by.add_rule(&rule, id);
        self.rule_ids.insert(key, id);
        let entry = Entry {
            rule,
            listens,
            counts,
            users: 1,
        };
        self.rules.insert(id, entry);
        id
    }

    /// One user of a group or listener less; the last one takes it along.
    pub fn leave(&mut self, id: RuleId) {
        let Some(entry) = self.rules.get_mut(&id) else {
            return;
        };
        entry.users -= 1;
        if entry.users > 0 {
            return;
        }
        if let Some(entry) = self.rules.remove(&id) {
            for kind in self.kinds.values_mut() {
                kind.listed(entry.listens).retain(|&have| have != id);
            }
            self.rules_by.remove_rule(&entry.rule, id);
            self.rule_ids.remove(&(entry.rule, entry.listens));
        }
    }

    /// A group's counts by slot (may be shorter than the number of slots).
    pub fn counts(&self, id: RuleId) -> &[i32] {
        self.rules.get(&id).map_or(&[], |entry| &entry.counts)
    }

    /// Whether pods of this identity count in the group.
    pub fn is_in(&self, identity: IdentityId, group: RuleId) -> bool {
        self.kinds
            .get(&identity)
            .is_some_and(|kind| kind.groups.contains(&group))
    }

    /// The listeners that match the identity.
    pub fn listeners(&self, identity: IdentityId) -> &[RuleId] {
        self.kinds
            .get(&identity)
            .map_or(&[], |kind| &kind.listeners)
    }

    /// What namespace selectors see from now on; no labels when None.
    pub fn set_namespace(&mut self, name: &str, labels: Option<Vec<(String, String)>>) {
        match labels {
            Some(labels) => self.namespaces.insert(name.to_owned(), labels),
            None => self.namespaces.remove(name),
        };
        let concerned: Vec<RuleId> = self
            .rules
            .iter()
            .filter(|(_, entry)| entry.rule.selects_namespaces())
            .map(|(&id, _)| id)
            .collect();
        if concerned.is_empty() {
            return;
        }
        let there = |kind: &&mut Kind| kind.identity.namespace == name;
        for kind in self.kinds.values_mut().filter(there) {
            for &id in &concerned {
                if let Some(entry) = self.rules.get_mut(&id) {
                    matched(
                        kind,
                        id,
                        entry,
                        entry.rule.matches(&kind.identity, &self.namespaces),
                    );
                }
            }
        }
    }
}

/// Take up whether the rule matches the identity now.
fn matched(kind: &mut Kind, id: RuleId, entry: &mut Entry, matches: bool) {
    let listed = kind.listed(entry.listens);
    let before = listed.contains(&id);
    if before == matches {
        return;
    }
    if matches {
        listed.push(id);
    } else {
        listed.retain(|&have| have != id);
    }
    if !entry.listens {
        let sign = if matches { 1 } else { -1 };
        for (&slot, &n) in &kind.placed {
            bump(&mut entry.counts, slot, sign * n);
        }
    }
}

fn bump(counts: &mut Vec<i32>, slot: u32, by: i32) {
    let slot = slot as usize;
    if counts.len() <= slot {
        counts.resize(slot + 1, 0);
    }
    counts[slot] += by;
}
