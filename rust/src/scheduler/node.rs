//! A node with the sums over the pods that count on it, so that no decision looks at pods.

use super::inputs::{Disk, HostPort, NodeInfo, ResourceId, Spec, Taint};
use ahash::AHashMap;

/// A slot's content; a slot without a node still carries the pods that are bound to its name.
#[derive(Debug, Default)]
pub struct Node {
    pub name: String,
    /// Whether the node is known; if not, only its pods are.
    pub present: bool,
    pub labels: AHashMap<String, String>,
    pub taints: Vec<Taint>,
    pub unschedulable: bool,
    pub max_pods: i64,
    /// Name and size in bytes.
    pub images: AHashMap<String, i64>,
    allocatable: Vec<i64>,
    used: Vec<i64>,
    pub nonzero: [i64; 2],
    pub pods: i64,
    /// How many pods wait for room here.
    pub nominees: usize,
    /// Claimed ports, each as often as it is claimed.
    pub ports: Vec<HostPort>,
    /// Disks in use, each as often as it is.
    pub disks: Vec<Disk>,
}

impl Node {
    pub fn named(name: &str) -> Node {
        Node {
            name: name.to_owned(),
            ..Node::default()
        }
    }

    /// Take up what the node is now; `allocatable` by resource number.
    pub fn set(&mut self, info: NodeInfo, allocatable: Vec<i64>) {
        self.present = true;
        self.labels = info.labels.into_iter().collect();
        self.taints = info.taints;
        self.unschedulable = info.unschedulable;
        self.max_pods = info.max_pods;
        self.images = info.images.into_iter().collect();
        self.allocatable = allocatable;
    }

    pub fn unset(&mut self) {
        self.present = false;
        self.labels.clear();
        self.taints.clear();
        self.allocatable.clear();
        self.images.clear();
        self.max_pods = 0;
    }

    #[inline]
    pub fn allocatable(&self, resource: ResourceId) -> i64 {
        self.allocatable.get(resource).copied().unwrap_or(0)
    }

    #[inline]
    pub fn used(&self, resource: ResourceId) -> i64 {
        self.used.get(resource).copied().unwrap_or(0)
    }

    pub fn add(&mut self, pod: &Spec) {
        self.count(pod, 1);
        self.ports.extend(pod.ports.iter().cloned());
        self.disks.extend(pod.disks.iter().cloned());
    }

    pub fn remove(&mut self, pod: &Spec) {
        self.count(pod, -1);
        for port in &pod.ports {
            if let Some(i) = self.ports.iter().position(|have| have == port) {
                self.ports.swap_remove(i);
            }
        }
        for disk in &pod.disks {
            if let Some(i) = self.disks.iter().position(|have| have == disk) {
                self.disks.swap_remove(i);
            }
        }
    }

    /// Sums wrap rather than saturate: what was added can always be taken off again exactly.
    fn count(&mut self, pod: &Spec, sign: i64) {
        self.pods += sign;
        for request in &pod.requests {
            if self.used.len() <= request.resource {
                self.used.resize(request.resource + 1, 0);
            }
            let sum = &mut self.used[request.resource];
            *sum = sum.wrapping_add(sign.wrapping_mul(request.amount));
        }
        for (sum, amount) in self.nonzero.iter_mut().zip(pod.nonzero) {
            *sum = sum.wrapping_add(sign.wrapping_mul(amount));
        }
    }
}
