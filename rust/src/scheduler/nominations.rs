//! Pods that wait for room on a node, where victims of theirs are ending.

use super::engine::{Compiled, Engine};
use std::sync::Arc;

/// A pod that waits for room on a node.
pub(super) struct Nominee {
    pub uid: String,
    pub pod: Arc<Compiled>,
}

impl Nominee {
    /// Whether room must be left for it when the pod comes.
    pub fn precedes(&self, uid: &str, pod: &Compiled) -> bool {
        self.uid != uid && self.pod.spec.priority >= pod.spec.priority
    }
}

impl Engine {
    pub fn nominate(&mut self, uid: &str, pod: &Arc<Compiled>, node: &str) {
        self.withdraw(uid);
        self.nominated.insert(uid.to_owned(), node.to_owned());
        let nominee = Nominee {
            uid: uid.to_owned(),
            pod: pod.clone(),
        };
        let nominees = self.nominees.entry(node.to_owned()).or_default();
        nominees.push(nominee);
        self.count_nominees(node);
    }

    pub fn withdraw(&mut self, uid: &str) {
        let Some(node) = self.nominated.remove(uid) else {
            return;
        };
        if let Some(nominees) = self.nominees.get_mut(&node) {
            nominees.retain(|nominee| nominee.uid != uid);
            if nominees.is_empty() {
                self.nominees.remove(&node);
            }
        }
        self.count_nominees(&node);
    }

    /// The node's own count follows, if it has a slot.
    pub(super) fn count_nominees(&mut self, name: &str) {
        self.nominations += 1;
        if let Some(slot) = self.slot_of(name) {
            self.nodes[slot].nominees = self.nominees.get(name).map_or(0, Vec::len);
        }
    }

    /// Others that are nominated to the slot's node, for which the pod must make way.
    pub(super) fn before(&self, uid: &str, pod: &Compiled, slot: usize) -> Vec<Arc<Compiled>> {
        if self.nodes[slot].nominees == 0 {
            return Vec::new();
        }
        let there = self.nominees.get(&self.nodes[slot].name);
        there
            .into_iter()
            .flatten()
            .filter(|nominee| nominee.precedes(uid, pod))
            .map(|nominee| nominee.pod.clone())
            .collect()
    }

    /// The slots to which others are nominated for which the pod must make way.
    pub(super) fn nominated_slots(&self, uid: &str, pod: &Compiled) -> Vec<usize> {
        self.nominees
            .iter()
            .filter(|(_, nominees)| nominees.iter().any(|n| n.precedes(uid, pod)))
            .filter_map(|(node, _)| self.known(node))
            .collect()
    }
}
