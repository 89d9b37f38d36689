//! Which domain of which topology each slot is in: label values of nodes, numbered.
//!
//! A topology (a label key) is kept while somebody uses it. A domain has a number while a node is in it; numbers
//! are used again, so arrays by domain stay as short as there ever were domains at a time.

use ahash::AHashMap;

use super::node::Node;

pub type KeyId = usize;

/// The domain of slots without the label.
pub const NOWHERE: u32 = u32::MAX;

#[derive(Default)]
pub struct Table {
    name: String,
    users: usize,
    ids: AHashMap<String, u32>,
    /// Domain -> its label value.
    values: Vec<String>,
    /// Domain -> how many slots are in it.
    sizes: Vec<u32>,
    free: Vec<u32>,
    /// Slot -> domain, for every slot.
    pub of_slot: Vec<u32>,
}

impl Table {
    /// One more than the highest number of a domain.
    pub fn width(&self) -> usize {
        self.sizes.len()
    }

    /// The sums of `counts` (by slot, perhaps too short) over the slots of each domain that are kept.
    pub fn fold(&self, counts: &[i32], keep: impl Fn(usize) -> bool) -> Vec<i32> {
        // Neighbouring slots are often in one domain: several sums of it don't wait for each other.
        let lanes = if self.width() <= 64 { 4 } else { 1 };
        let width = self.width();
        let mut sums = vec![0; lanes * width];
        for (slot, (&domain, &count)) in self.of_slot.iter().zip(counts).enumerate() {
            if domain != NOWHERE && keep(slot) {
                sums[(slot & (lanes - 1)) * width + domain as usize] += count;
            }
        }
        for lane in 1..lanes {
            for domain in 0..width {
                sums[domain] += sums[lane * width + domain];
            }
        }
        sums.truncate(width);
        sums
    }

    /// How many domains have nodes.
    pub fn live(&self) -> usize {
        self.ids.len()
    }

    fn set(&mut self, slot: usize, node: &Node) {
        if self.of_slot.len() <= slot {
            self.of_slot.resize(slot + 1, NOWHERE);
        }
        let value = node.present.then(|| node.labels.get(&self.name)).flatten();
        let old = self.of_slot[slot];
        if let Some(value) = value {
            if old != NOWHERE && self.ids.get(value) == Some(&old) {
                return;
            }
        }
        self.leave(old);
        self.of_slot[slot] = value.map_or(NOWHERE, |value| self.enter(value));
    }

    fn enter(&mut self, value: &str) -> u32 {
        if let Some(&id) = self.ids.get(value) {
            self.sizes[id as usize] += 1;
            return id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.sizes.push(0);
            self.values.push(String::new());
            (self.sizes.len() - 1) as u32
        });
        self.sizes[id as usize] = 1;
        self.values[id as usize] = value.to_owned();
        self.ids.insert(value.to_owned(), id);
        id
    }

    fn leave(&mut self, id: u32) {
        if id == NOWHERE {
            return;
        }
        self.sizes[id as usize] -= 1;
        if self.sizes[id as usize] == 0 {
            let value = std::mem::take(&mut self.values[id as usize]);
            self.ids.remove(&value);
            self.free.push(id);
        }
    }
}

#[derive(Default)]
pub struct Topologies {
    keys: AHashMap<String, KeyId>,
    tables: Vec<Table>,
    free: Vec<KeyId>,
}

impl Topologies {
    /// The topology's number, for one more user.
    pub fn acquire(&mut self, name: &str, nodes: &[Node]) -> KeyId {
        if let Some(&id) = self.keys.get(name) {
            self.tables[id].users += 1;
            return id;
        }
        let id = self.free.pop().unwrap_or_else(|| {
            self.tables.push(Table::default());
            self.tables.len() - 1
        });
        self.tables[id] = Table {
            name: name.to_owned(),
            users: 1,
            ..Table::default()
        };
        for (slot, node) in nodes.iter().enumerate() {
            self.tables[id].set(slot, node);
        }
        self.keys.insert(name.to_owned(), id);
        id
    }

    /// One user less; the last one takes the topology along.
    pub fn release(&mut self, id: KeyId) {
        let table = &mut self.tables[id];
        table.users -= 1;
        if table.users == 0 {
            self.keys.remove(&table.name);
            *table = Table::default();
            self.free.push(id);
        }
    }

    /// The slot's node changed.
    pub fn set(&mut self, slot: usize, node: &Node) {
        for table in self.tables.iter_mut().filter(|t| t.users > 0) {
            table.set(slot, node);
        }
    }

    pub fn table(&self, id: KeyId) -> &Table {
        &self.tables[id]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(zone: Option<&str>) -> Node {
        let mut node = Node::named("n");
        node.present = true;
        node.labels
            .extend(zone.map(|z| ("zone".to_owned(), z.to_owned())));
        node
    }

    #[test]
    fn slots_move_between_domains_and_numbers_are_used_again() {
        let mut all = Topologies::default();
        let key = all.acquire("zone", &[node(Some("a")), node(None), node(Some("a"))]);
        assert_eq!(all.table(key).of_slot, [0, NOWHERE, 0]);
        all.set(1, &node(Some("b")));
        all.set(0, &node(Some("b")));
        assert_eq!(all.table(key).of_slot, [1, 1, 0]);
        assert_eq!(all.table(key).live(), 2);
        all.set(2, &node(None));
        assert_eq!(all.table(key).live(), 1);
        all.set(0, &node(Some("c")));
        assert_eq!(all.table(key).of_slot, [0, 1, NOWHERE]);
        assert_eq!(all.table(key).width(), 2);
    }

    #[test]
    fn a_topology_goes_with_its_last_user() {
        let mut all = Topologies::default();
        let first = all.acquire("zone", &[]);
        assert_eq!(all.acquire("zone", &[]), first);
        all.release(first);
        all.release(first);
        assert_eq!(all.acquire("rack", &[node(None)]), first);
    }
}
