//! The engine: slots of nodes, placed pods, and a view per kind of pod; see `dromon.scheduler.engine.interface`.
//!
//! Every change of a slot is written to a journal; a view that is asked for reads on from where it was. So a
//! change costs each kind of pod in use one evaluation of one node, and kinds not in use nothing.

use super::carried::{Load, Terms};
use super::folds::{Asker, World};
use super::inputs::{Budget, Identity, Labels, NodeInfo, PodClass, Request, ResourceId, Spec};
use super::leanings::Defaults;
use super::node::Node;
use super::nominations::Nominee;
use super::peers::{IdentityId, Peers};
use super::pick::SplitMix64;
use super::pods::Pods;
use super::topology::Topologies;
use super::view::View;
use ahash::AHashMap;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

static ENGINES: AtomicU64 = AtomicU64::new(1);

/// A PodClass as an engine keeps it.
pub struct Compiled {
    pub engine: u64,
    pub(super) spec_id: u64,
    pub(super) spec: Arc<Spec>,
    pub(super) identity_id: IdentityId,
    pub(super) identity: Arc<Identity>,
    /// What it says about pods to come, once it is placed.
    pub(super) loads: Vec<Load>,
}

impl Compiled {
    pub(super) fn asker(&self) -> Asker<'_> {
        Asker {
            spec: &self.spec,
            identity: self.identity_id,
            who: &self.identity,
        }
    }
}

/// What changed at a slot: only its pods, or the node itself.
#[derive(Clone, Copy)]
pub(super) struct Change {
    pub slot: u32,
    pub itself: bool,
}

pub struct Engine {
    pub id: u64,
    pub(super) random: SplitMix64,
    resources: AHashMap<String, ResourceId>,
    pub(super) nodes: Vec<Node>,
    index: AHashMap<String, u32>,
    free: BTreeSet<u32>,
    pub(super) present: usize,
    pub(super) images: AHashMap<String, u32>,
    pub(super) pods: Pods,
    pub(super) peers: Peers,
    pub(super) terms: Terms,
    pub(super) topologies: Topologies,
    pub(super) defaults: Defaults,
    /// Uid -> node, and node -> who waits for room there.
    pub(super) nominated: AHashMap<String, String>,
    pub(super) nominees: AHashMap<String, Vec<Nominee>>,
    /// Counts changes of nominations.
    pub(super) nominations: u64,
    pub(super) budgets: Vec<Budget>,
    /// Totals of the decision at hand.
    pub(super) scratch: Vec<i32>,
    pub(super) specs: AHashMap<Arc<Spec>, u64>,
    pub(super) last_spec: u64,
    pub(super) sweep_at: usize,
    pub(super) views: AHashMap<u64, View>,
    pub(super) journal: Vec<Change>,
    /// Position of the journal's first entry.
    pub(super) journal_start: u64,
    pub(super) clock: u64,
}

impl Engine {
    pub fn new(seed: u64) -> Engine {
        let resources = [("cpu".to_owned(), 0), ("memory".to_owned(), 1)];
        let mut topologies = Topologies::default();
        let defaults = Defaults {
            hostname: topologies.acquire("kubernetes.io/hostname", &[]),
            zone: topologies.acquire("topology.kubernetes.io/zone", &[]),
        };
        Engine {
            id: ENGINES.fetch_add(1, Ordering::Relaxed),
            random: SplitMix64::new(seed),
            resources: resources.into_iter().collect(),
            nodes: Vec::new(),
            index: AHashMap::new(),
            free: BTreeSet::new(),
            present: 0,
            images: AHashMap::new(),
            pods: Pods::default(),
            peers: Peers::default(),
            terms: Terms::default(),
            topologies,
            defaults,
            nominated: AHashMap::new(),
            nominees: AHashMap::new(),
            nominations: 0,
            budgets: Vec::new(),
            scratch: Vec::new(),
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
        let namespace = if class.constraints.is_empty() {
            String::new()
        } else {
            class.namespace.clone()
        };
        let (spec, spec_id) = self.intern(Spec {
            namespace,
            priority: class.priority,
            node_name: class.node_name,
            requests,
            nonzero: class.nonzero,
            selector: class.selector,
            required: class.required,
            preferred: class.preferred,
            tolerations: class.tolerations,
            ports: class.ports,
            disks: class.disks,
            spread: class.spread,
            images: class.images,
            affinity: class.affinity,
            anti_affinity: class.anti_affinity,
            preferred_pods: class.preferred_pods,
            constraints: class.constraints,
        });
        let (identity, identity_id) = self.peers.intern(Identity {
            namespace: class.namespace,
            labels: class.labels,
            owner: class.owner,
            leaving: class.leaving,
        });
        let loads = self
            .terms
            .compile(&spec, &self.nodes, &mut self.peers, &mut self.topologies);
        Compiled {
            engine: self.id,
            spec_id,
            spec,
            identity_id,
            identity,
            loads,
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
        self.count_images(slot, -1);
        let node = &mut self.nodes[slot as usize];
        self.present += usize::from(!node.present);
        node.set(info, allocatable);
        self.count_images(slot, 1);
        self.moved(slot);
    }

    pub fn remove_node(&mut self, name: &str) {
        let Some(&slot) = self.index.get(name) else {
            return;
        };
        self.count_images(slot, -1);
        let node = &mut self.nodes[slot as usize];
        self.present -= usize::from(node.present);
        node.unset();
        self.moved(slot);
        self.release(slot);
    }

    fn count_images(&mut self, slot: u32, sign: i32) {
        for image in self.nodes[slot as usize].images.keys() {
            match self.images.get_mut(image) {
                Some(count) => *count = count.wrapping_add_signed(sign),
                None => _ = self.images.insert(image.clone(), 1),
            }
            if self.images.get(image) == Some(&0) {
                self.images.remove(image);
            }
        }
    }

    /// The node itself changed, its labels perhaps.
    fn moved(&mut self, slot: u32) {
        self.topologies
            .set(slot as usize, &self.nodes[slot as usize]);
        self.changed(slot, true);
    }

    /// Whether pods without constraints of their own are spread over zones, too.
    pub(super) fn zoned(&self) -> bool {
        self.topologies.table(self.defaults.zone).live() > 1
    }

    pub fn set_namespace(&mut self, name: &str, labels: Option<Labels>) {
        self.peers.set_namespace(name, labels);
        for view in self.views.values_mut() {
            view.refusal = None;
            view.futile = None;
        }
    }

    pub fn set_budgets(&mut self, budgets: Vec<Budget>) {
        self.budgets = budgets;
    }

    pub fn has_node(&self, name: &str) -> bool {
        self.node(name).is_some()
    }

    pub fn node_count(&self) -> usize {
        self.present
    }

    fn node(&self, name: &str) -> Option<&Node> {
        self.known(name).map(|slot| &self.nodes[slot])
    }

    /// The slot of a name, whether the node is known or only its pods are.
    pub(super) fn slot_of(&self, name: &str) -> Option<usize> {
        self.index.get(name).map(|&slot| slot as usize)
    }

    /// The slot of a node that is known.
    pub(super) fn known(&self, name: &str) -> Option<usize> {
        let slot = *self.index.get(name)? as usize;
        self.nodes[slot].present.then_some(slot)
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
        self.count_nominees(name);
        self.moved(slot);
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

    pub fn add_pod(&mut self, uid: &str, pod: &Arc<Compiled>, node: &str, started: i64) -> bool {
        self.withdraw(uid);
        if let Some((slot, member)) = self.pods.get_mut(uid) {
            member.started = started;
            let same = member.pod.spec_id == pod.spec_id
                && member.pod.identity_id == pod.identity_id
                && self.nodes[slot as usize].name == node;
            if same {
                return false;
            }
        }
        self.remove_pod(uid);
        let slot = self.slot(node);
        self.place(uid, pod, slot, started);
        true
    }

    pub(super) fn place(&mut self, uid: &str, pod: &Arc<Compiled>, slot: u32, started: i64) {
        self.nodes[slot as usize].add(&pod.spec);
        self.peers.count(pod.identity_id, slot, 1);
        self.terms.count(&pod.loads, slot, 1);
        self.changed(slot, false);
        self.pods.insert(uid, pod, slot, started);
    }

    pub fn remove_pod(&mut self, uid: &str) {
        if let Some((slot, pod)) = self.pods.remove(uid) {
            self.nodes[slot as usize].remove(&pod.spec);
            self.peers.count(pod.identity_id, slot, -1);
            self.terms.count(&pod.loads, slot, -1);
            self.changed(slot, false);
            self.release(slot);
        }
    }

    pub fn pod_node(&self, uid: &str) -> Option<&str> {
        let slot = self.pods.slot(uid)?;
        Some(&self.nodes[slot as usize].name)
    }

    pub(super) fn world(&self) -> World<'_> {
        World {
            topologies: &self.topologies,
            peers: &self.peers,
            terms: &self.terms,
        }
    }
}
