//! The engine: slots of nodes, placed pods, and a view per kind of pod; see `dromon.scheduler.engine.interface`.
//!
//! Every change of a slot is written to a journal; a view that is asked for reads on from where it was. So a
//! change costs each kind of pod in use one evaluation of one node, and kinds not in use nothing.

use super::filters;
use super::inputs::{Identity, NodeInfo, PodClass, Request, ResourceId, Spec};
use super::node::Node;
use super::pick::{highest, SplitMix64};
use super::spread::{IdentityId, Peers};
use super::view::{Refusal, View, INFEASIBLE};
use ahash::AHashMap;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

static ENGINES: AtomicU64 = AtomicU64::new(1);

/// Slots times views that are kept (each costs about 20 bytes), and the least number of views.
const VIEW_SLOTS: usize = 2_000_000;
const MIN_VIEWS: usize = 16;

/// A PodClass as an engine keeps it.
pub struct Compiled {
    pub engine: u64,
    spec_id: u64,
    spec: Arc<Spec>,
    identity_id: IdentityId,
    _identity: Arc<Identity>,
}

struct Placed {
    slot: u32,
    pod: Arc<Compiled>,
}

/// The outcome for one pod.
pub enum Decision<'a> {
    Node(&'a str),
    Refused(&'a Refusal),
}

/// What changed at a slot: only its pods, or the node itself.
#[derive(Clone, Copy)]
struct Change {
    slot: u32,
    itself: bool,
}

pub struct Engine {
    pub id: u64,
    random: SplitMix64,
    resources: AHashMap<String, ResourceId>,
    nodes: Vec<Node>,
    index: AHashMap<String, u32>,
    free: BTreeSet<u32>,
    present: usize,
    pods: AHashMap<String, Placed>,
    peers: Peers,
    specs: AHashMap<Arc<Spec>, u64>,
    last_spec: u64,
    sweep_at: usize,
    views: AHashMap<u64, View>,
    journal: Vec<Change>,
    /// Position of the journal's first entry.
    journal_start: u64,
    clock: u64,
}

impl Engine {
    pub fn new(seed: u64) -> Engine {
        let resources = [("cpu".to_owned(), 0), ("memory".to_owned(), 1)];
        Engine {
            id: ENGINES.fetch_add(1, Ordering::Relaxed),
            random: SplitMix64::new(seed),
            resources: resources.into_iter().collect(),
            nodes: Vec::new(),
            index: AHashMap::new(),
            free: BTreeSet::new(),
            present: 0,
            pods: AHashMap::new(),
            peers: Peers::default(),
            specs: AHashMap::new(),
            last_spec: 0,
            sweep_at: 0,
            views: AHashMap::new(),
            journal: Vec::new(),
            journal_start: 0,
            clock: 0,
        }
    }

    pub fn compile(&mut self, class: PodClass) -> Compiled {
        let requests = class
            .requests
            .into_iter()
            .map(|(name, amount)| Request {
                resource: self.resource(&name),
                name,
                amount,
            })
            .collect();
        let (spec, spec_id) = self.intern(Spec {
            node_name: class.node_name,
            requests,
            nonzero: class.nonzero,
            selector: class.selector,
            required: class.required,
            preferred: class.preferred,
            tolerations: class.tolerations,
            ports: class.ports,
            spread: class.spread,
        });
        let (identity, identity_id) = self.peers.intern(Identity {
            namespace: class.namespace,
            labels: class.labels,
            owner: class.owner,
        });
        Compiled {
            engine: self.id,
            spec_id,
            spec,
            identity_id,
            _identity: identity,
        }
    }

    fn resource(&mut self, name: &str) -> ResourceId {
        if let Some(&id) = self.resources.get(name) {
            return id;
        }
        let id = self.resources.len();
        self.resources.insert(name.to_owned(), id);
        id
    }

    fn intern(&mut self, spec: Spec) -> (Arc<Spec>, u64) {
        if let Some((kept, &id)) = self.specs.get_key_value(&spec) {
            return (kept.clone(), id);
        }
        self.sweep();
        self.last_spec += 1;
        let spec = Arc::new(spec);
        self.specs.insert(spec.clone(), self.last_spec);
        (spec, self.last_spec)
    }

    /// Drop specs that no pod and no compiled class holds, with their views, whenever their number has doubled.
    fn sweep(&mut self) {
        if self.specs.len() < self.sweep_at.max(1024) {
            return;
        }
        let (views, peers) = (&mut self.views, &mut self.peers);
        self.specs.retain(|spec, id| {
            let view = usize::from(views.contains_key(id));
            let held = Arc::strong_count(spec) > 1 + view;
            if !held {
                if let Some(group) = views.remove(id).and_then(|view| view.group) {
                    peers.leave(group);
                }
            }
            held
        });
        self.sweep_at = 2 * self.specs.len();
    }

    pub fn set_node(&mut self, info: NodeInfo) {
        let slot = self.slot(&info.name);
        let mut allocatable = vec![0; self.resources.len()];
        for (name, amount) in &info.allocatable {
            let id = self.resource(name);
            if allocatable.len() <= id {
                allocatable.resize(id + 1, 0);
            }
            allocatable[id] = *amount;
        }
        let node = &mut self.nodes[slot as usize];
        self.present += usize::from(!node.present);
        node.set(info, allocatable);
        self.changed(slot, true);
    }

    pub fn remove_node(&mut self, name: &str) {
        let Some(&slot) = self.index.get(name) else {
            return;
        };
        let node = &mut self.nodes[slot as usize];
        self.present -= usize::from(node.present);
        node.unset();
        self.changed(slot, true);
        self.release(slot);
    }

    pub fn has_node(&self, name: &str) -> bool {
        self.node(name).is_some()
    }

    pub fn node_count(&self) -> usize {
        self.present
    }

    fn node(&self, name: &str) -> Option<&Node> {
        let node = &self.nodes[*self.index.get(name)? as usize];
        node.present.then_some(node)
    }

    /// The slot of a name; a new one takes the lowest that is free.
    fn slot(&mut self, name: &str) -> u32 {
        if let Some(&slot) = self.index.get(name) {
            return slot;
        }
        let slot = self.free.pop_first().unwrap_or(self.nodes.len() as u32);
        if slot as usize == self.nodes.len() {
            self.nodes.push(Node::default());
        }
        self.nodes[slot as usize] = Node::named(name);
        self.index.insert(name.to_owned(), slot);
        self.changed(slot, true);
        slot
    }

    /// Free the slot if its node is gone and no pod counts on it.
    fn release(&mut self, slot: u32) {
        let node = &self.nodes[slot as usize];
        if !node.present && node.pods == 0 {
            self.index.remove(&node.name);
            self.free.insert(slot);
        }
    }

    fn changed(&mut self, slot: u32, itself: bool) {
        // Beyond this a view that is so far behind is cheaper to rebuild than to bring up.
        if self.journal.len() >= 4096.max(2 * self.nodes.len()) {
            let half = self.journal.len() / 2;
            self.journal.drain(..half);
            self.journal_start += half as u64;
        }
        self.journal.push(Change { slot, itself });
    }

    pub fn add_pod(&mut self, uid: &str, pod: &Arc<Compiled>, node: &str) -> bool {
        if let Some(before) = self.pods.get(uid) {
            let same = before.pod.spec_id == pod.spec_id
                && before.pod.identity_id == pod.identity_id
                && self.nodes[before.slot as usize].name == node;
            if same {
                return false;
            }
        }
        self.remove_pod(uid);
        let slot = self.slot(node);
        self.place(uid, pod, slot);
        true
    }

    fn place(&mut self, uid: &str, pod: &Arc<Compiled>, slot: u32) {
        self.nodes[slot as usize].add(&pod.spec);
        self.peers.count(pod.identity_id, slot, 1);
        self.changed(slot, false);
        let placed = Placed {
            slot,
            pod: pod.clone(),
        };
        self.pods.insert(uid.to_owned(), placed);
    }

    pub fn remove_pod(&mut self, uid: &str) {
        if let Some(Placed { slot, pod }) = self.pods.remove(uid) {
            self.nodes[slot as usize].remove(&pod.spec);
            self.peers.count(pod.identity_id, slot, -1);
            self.changed(slot, false);
            self.release(slot);
        }
    }

    pub fn pod_node(&self, uid: &str) -> Option<&str> {
        let placed = self.pods.get(uid)?;
        Some(&self.nodes[placed.slot as usize].name)
    }

    /// Decide for one pod, and count it where it goes.
    pub fn schedule(&mut self, uid: &str, pod: &Arc<Compiled>) -> Decision<'_> {
        self.remove_pod(uid);
        self.sync(pod);
        let totals = &self.views[&pod.spec_id].totals;
        match highest(totals, INFEASIBLE, &mut self.random) {
            Some(slot) => {
                self.place(uid, pod, slot as u32);
                Decision::Node(&self.nodes[slot].name)
            }
            None => Decision::Refused(self.refusal(pod)),
        }
    }

    pub fn fits(&self, pod: &Compiled, node: &str) -> bool {
        let passes =
            |node| filters::pass(&pod.spec, node, false) && filters::pass(&pod.spec, node, true);
        self.node(node).is_some_and(passes)
    }

    /// Every node that passes, with its score, in slot order.
    pub fn scores(&mut self, pod: &Compiled) -> Vec<(&str, i32)> {
        self.sync(pod);
        let totals = self.views[&pod.spec_id].totals.iter().zip(&self.nodes);
        totals
            .filter(|(&total, _)| total != INFEASIBLE)
            .map(|(&total, node)| (node.name.as_str(), total))
            .collect()
    }

    /// Counted once per kind of pod and state of the cluster; the view must be in step.
    fn refusal(&mut self, pod: &Compiled) -> &Refusal {
        let nodes = &self.nodes;
        let view = self
            .views
            .get_mut(&pod.spec_id)
            .expect("sync has made the view");
        view.refusal.get_or_insert_with(|| {
            let mut counts = AHashMap::new();
            for node in nodes.iter().filter(|node| node.present) {
                for reason in filters::reasons(&pod.spec, node) {
                    *counts.entry(reason).or_insert(0) += 1;
                }
            }
            counts.into_iter().collect()
        })
    }

    /// Bring the pod's view in step with the nodes, making it if need be.
    fn sync(&mut self, pod: &Compiled) {
        self.clock += 1;
        if !self.views.contains_key(&pod.spec_id) {
            self.evict();
            let group = pod.spec.spread.as_ref().map(|s| self.peers.join(s));
            let mut view = View::new(pod.spec.clone(), group);
            view.rebuild(&self.nodes, self.peers.counts(group));
            view.position = self.journal_start + self.journal.len() as u64;
            self.views.insert(pod.spec_id, view);
        }
        let view = self.views.get_mut(&pod.spec_id).expect("just made");
        let end = self.journal_start + self.journal.len() as u64;
        if view.position < end {
            let peers = self.peers.counts(view.group);
            if view.position < self.journal_start {
                view.rebuild(&self.nodes, peers);
            } else {
                let news = &self.journal[(view.position - self.journal_start) as usize..];
                let news = news.iter().map(|c| (c.slot as usize, c.itself));
                view.update(news, &self.nodes, peers);
            }
            view.position = end;
        }
        view.used_at = self.clock;
    }

    /// Make room for one more view: the least recently used goes.
    fn evict(&mut self) {
        let most = (VIEW_SLOTS / self.nodes.len().max(1)).max(MIN_VIEWS);
        if self.views.len() < most {
            return;
        }
        let oldest = self.views.iter().min_by_key(|(_, view)| view.used_at);
        let Some(id) = oldest.map(|(&id, _)| id) else {
            return;
        };
        if let Some(group) = self.views.remove(&id).and_then(|view| view.group) {
            self.peers.leave(group);
        }
    }
}
