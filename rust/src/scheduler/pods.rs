//! The placed pods: found by uid and by slot, counted by priority.

use super::engine::Compiled;
use ahash::AHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone)]
pub struct Member {
    pub uid: Arc<str>,
    pub pod: Arc<Compiled>,
    /// Seconds since the epoch.
    pub started: i64,
}

#[derive(Clone, Copy)]
struct Place {
    slot: u32,
    at: u32,
}

#[derive(Default)]
pub struct Pods {
    places: AHashMap<Arc<str>, Place>,
    on_slot: Vec<Vec<Member>>,
    priorities: BTreeMap<i64, usize>,
}

impl Pods {
    /// A pod that is not placed yet.
    pub fn insert(&mut self, uid: &str, pod: &Arc<Compiled>, slot: u32, started: i64) {
        let uid: Arc<str> = uid.into();
        if self.on_slot.len() <= slot as usize {
            self.on_slot.resize_with(slot as usize + 1, Vec::new);
        }
        let members = &mut self.on_slot[slot as usize];
        let at = members.len() as u32;
        *self.priorities.entry(pod.spec.priority).or_insert(0) += 1;
        members.push(Member {
            uid: uid.clone(),
            pod: pod.clone(),
            started,
        });
        self.places.insert(uid, Place { slot, at });
    }

    /// Its slot and class, if it was placed.
    pub fn remove(&mut self, uid: &str) -> Option<(u32, Arc<Compiled>)> {
        let Place { slot, at } = self.places.remove(uid)?;
        let members = &mut self.on_slot[slot as usize];
        let member = members.swap_remove(at as usize);
        if let Some(moved) = members.get(at as usize) {
            if let Some(place) = self.places.get_mut(&moved.uid) {
                place.at = at;
            }
        }
        let priority = member.pod.spec.priority;
        if let Some(count) = self.priorities.get_mut(&priority) {
            *count -= 1;
            if *count == 0 {
                self.priorities.remove(&priority);
            }
        }
        Some((slot, member.pod))
    }

    pub fn slot(&self, uid: &str) -> Option<u32> {
        self.places.get(uid).map(|place| place.slot)
    }

    pub fn get_mut(&mut self, uid: &str) -> Option<(u32, &mut Member)> {
        let Place { slot, at } = *self.places.get(uid)?;
        Some((slot, &mut self.on_slot[slot as usize][at as usize]))
    }

    pub fn on(&self, slot: u32) -> &[Member] {
        self.on_slot.get(slot as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether any placed pod has a lower priority.
    pub fn any_below(&self, priority: i64) -> bool {
        self.priorities.range(..priority).next().is_some()
    }
}
