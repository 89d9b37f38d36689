//! For pods that are spread by default: their peers by zone, kept in step slot by slot.
//!
//! `leanings` could fold all of it anew for each decision, and does where filters narrow the nodes; the pods of
//! controllers in a cluster with zones are too many for that.

use super::relations::AFFINITY;
use super::topology::{Table, NOWHERE};
use super::view::INFEASIBLE;

#[derive(Default)]
pub struct Zones {
    /// Per slot: the peers that were counted, and whether it passed.
    last: Vec<(i32, bool)>,
    /// Per zone: peers, and nodes that pass.
    pub peers: Vec<i32>,
    pub nodes: Vec<i32>,
    /// Nodes that pass, in zones or not.
    pub all: usize,
}

/// What a view knows of the slots.
#[derive(Clone, Copy)]
pub struct Slots<'a> {
    pub table: &'a Table,
    pub peers: &'a [i32],
    pub flags: &'a [u8],
    pub totals: &'a [i32],
}

impl Zones {
    /// Count all slots anew: nodes themselves changed.
    pub fn rebuild(&mut self, slots: Slots<'_>) {
        *self = Zones {
            last: vec![(0, false); slots.totals.len()],
            peers: vec![0; slots.table.width()],
            nodes: vec![0; slots.table.width()],
            all: 0,
        };
        for slot in 0..slots.totals.len() {
            self.update(slot, slots);
        }
    }

    /// The pods on a slot changed.
    pub fn update(&mut self, slot: usize, slots: Slots<'_>) {
        let counts = slots.flags[slot] & AFFINITY != 0;
        let have = slots.peers.get(slot).copied().unwrap_or(0);
        let peers = if counts { have } else { 0 };
        let passes = slots.totals[slot] != INFEASIBLE;
        let (before, passed) = std::mem::replace(&mut self.last[slot], (peers, passes));
        self.all = self.all + usize::from(passes) - usize::from(passed);
        let zone = slots.table.of_slot[slot];
        if zone != NOWHERE {
            self.peers[zone as usize] += peers - before;
            self.nodes[zone as usize] += i32::from(passes) - i32::from(passed);
        }
    }
}
