//! How many peers are on which node, for every group of pods that are to be kept apart.
//!
//! Placed pods are counted by identity (namespace, labels, controller); a group counts all identities that it
//! matches. A group comes with the first view that asks for it and goes with the last; identities stay while pods
//! or compiled classes hold them.

use super::inputs::{Identity, Spread};
use ahash::AHashMap;
use std::sync::Arc;

pub type GroupId = u64;
pub type IdentityId = u64;

#[derive(Default)]
struct Kind {
    /// Slot -> how many pods of this identity are there.
    placed: AHashMap<u32, i32>,
    groups: Vec<GroupId>,
}

struct Group {
    spread: Spread,
    counts: Vec<i32>,
    users: usize,
}

#[derive(Default)]
pub struct Peers {
    ids: AHashMap<Arc<Identity>, IdentityId>,
    kinds: AHashMap<IdentityId, Kind>,
    group_ids: AHashMap<Spread, GroupId>,
    groups: AHashMap<GroupId, Group>,
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
        let groups = self
            .groups
            .iter()
            .filter(|(_, group)| is_peer(&group.spread, &identity))
            .map(|(&id, _)| id)
            .collect();
        self.kinds.insert(
            id,
            Kind {
                placed: AHashMap::new(),
                groups,
            },
        );
        let identity = Arc::new(identity);
        self.ids.insert(identity.clone(), id);
        (identity, id)
    }

    /// Drop identities that nobody holds any more, whenever their number has doubled.
    fn sweep(&mut self) {
        if self.ids.len() < self.sweep_at.max(1024) {
            return;
        }
        let kinds = &mut self.kinds;
        self.ids.retain(|identity, id| {
            let held = Arc::strong_count(identity) > 1;
            if !held {
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
            if let Some(group) = self.groups.get_mut(id) {
                bump(&mut group.counts, slot, sign);
            }
        }
    }

    /// The group's number, for one more user.
    pub fn join(&mut self, spread: &Spread) -> GroupId {
        if let Some(&id) = self.group_ids.get(spread) {
            if let Some(group) = self.groups.get_mut(&id) {
                group.users += 1;
            }
            return id;
        }
        self.last_id += 1;
        let id = self.last_id;
        let mut counts = Vec::new();
        for (identity, kind_id) in &self.ids {
            if is_peer(spread, identity) {
                if let Some(kind) = self.kinds.get_mut(kind_id) {
                    kind.groups.push(id);
                    for (&slot, &n) in &kind.placed {
                        bump(&mut counts, slot, n);
                    }
                }
            }
        }
        self.group_ids.insert(spread.clone(), id);
        self.groups.insert(
            id,
            Group {
                spread: spread.clone(),
                counts,
                users: 1,
            },
        );
        id
    }

    /// One user less; the last one takes the group along.
    pub fn leave(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        group.users -= 1;
        if group.users == 0 {
            self.group_ids.remove(&group.spread);
            self.groups.remove(&id);
            for kind in self.kinds.values_mut() {
                kind.groups.retain(|&g| g != id);
            }
        }
    }

    /// Counts by slot (may be shorter than the number of slots).
    pub fn counts(&self, id: Option<GroupId>) -> &[i32] {
        id.and_then(|id| self.groups.get(&id))
            .map_or(&[], |group| &group.counts)
    }
}

fn bump(counts: &mut Vec<i32>, slot: u32, by: i32) {
    let slot = slot as usize;
    if counts.len() <= slot {
        counts.resize(slot + 1, 0);
    }
    counts[slot] += by;
}

fn is_peer(spread: &Spread, pod: &Identity) -> bool {
    if !spread.owner.is_empty() {
        return pod.owner == spread.owner;
    }
    pod.namespace == spread.namespace && spread.selector.iter().all(|l| pod.labels.contains(l))
}
