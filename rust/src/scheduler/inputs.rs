//! What a decision depends on; the counterpart of `dromon.scheduler.inputs`, field by field.

use std::hash::Hash;

/// Key and value pairs, sorted by key.
pub type Labels = Vec<(String, String)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt,
    Lt,
    /// Anything else matches nothing.
    Unknown,
}

impl Operator {
    pub fn parse(text: &str) -> Operator {
        match text {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "Gt" => Operator::Gt,
            "Lt" => Operator::Lt,
            _ => Operator::Unknown,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    pub key: String,
    pub operator: Operator,
    pub values: Vec<String>,
}

/// Requirements that must all hold; an empty term matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Term {
    pub expressions: Vec<Requirement>,
    pub fields: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreferredTerm {
    pub weight: i64,
    pub term: Term,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Toleration {
    pub key: String,
    pub operator: String,
    pub value: String,
    pub effect: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Taint {
    pub key: String,
    pub value: String,
    pub effect: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    pub ip: String,
    pub protocol: String,
    pub port: i64,
}

/// A disk that one node at a time may write, or that all may read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Disk {
    pub id: String,
    pub shared: bool,
}

/// Whose pods are kept apart: those of one controller, or those that a selector picks (owner "").
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spread {
    pub owner: String,
    pub namespace: String,
    pub selector: Labels,
}

/// Requirements that must all hold; None selects nothing.
pub type LabelSelector = Option<Vec<Requirement>>;

/// Pods of some namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Who {
    pub selector: LabelSelector,
    pub namespaces: Vec<String>,
    pub namespace_selector: LabelSelector,
}

/// Pods, and the label key of nodes that says how near is near.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodTerm {
    pub topology: String,
    pub who: Who,
}

/// A term that earns `weight` for every pod nearby that it selects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WeightedPodTerm {
    pub weight: i64,
    pub term: PodTerm,
}

/// How evenly the pods of the pod's own namespace shall be spread over which domains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Constraint {
    pub topology: String,
    pub max_skew: i64,
    pub hard: bool,
    pub selector: LabelSelector,
    pub min_domains: i64,
    pub honor_affinity: bool,
    pub honor_taints: bool,
}

/// How many of some pods may be disrupted now.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    pub namespace: String,
    pub selector: LabelSelector,
    pub allowed: i64,
    pub disrupted: Vec<String>,
}

/// All that scheduling knows of a pod.
#[derive(Clone, Debug, Default)]
pub struct PodClass {
    pub namespace: String,
    pub labels: Labels,
    pub owner: String,
    pub leaving: bool,
    pub priority: i64,
    pub node_name: String,
    pub requests: Vec<(String, i64)>,
    pub nonzero: [i64; 2],
    pub selector: Labels,
    pub required: Option<Vec<Term>>,
    pub preferred: Vec<PreferredTerm>,
    pub tolerations: Vec<Toleration>,
    pub ports: Vec<HostPort>,
    pub disks: Vec<Disk>,
    pub spread: Option<Spread>,
    pub images: Vec<String>,
    pub affinity: Vec<PodTerm>,
    pub anti_affinity: Vec<PodTerm>,
    pub preferred_pods: Vec<WeightedPodTerm>,
    pub constraints: Vec<Constraint>,
}

/// All that scheduling knows of a node, apart from its pods.
#[derive(Clone, Debug, Default)]
pub struct NodeInfo {
    pub name: String,
    pub labels: Labels,
    pub taints: Vec<Taint>,
    pub unschedulable: bool,
    pub allocatable: Vec<(String, i64)>,
    pub max_pods: i64,
    pub images: Vec<(String, i64)>,
}

/// Number of a resource's column: 0 is CPU, 1 is memory.
pub type ResourceId = usize;
pub const CPU: ResourceId = 0;
pub const MEMORY: ResourceId = 1;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub resource: ResourceId,
    pub name: String,
    pub amount: i64,
}

/// What decides where a pod may go: a PodClass without what the pod counts as, resources numbered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// Whose pods `constraints` count; "" without constraints, so that namespaces share specs.
    pub namespace: String,
    pub priority: i64,
    pub node_name: String,
    pub requests: Vec<Request>,
    pub nonzero: [i64; 2],
    pub selector: Labels,
    pub required: Option<Vec<Term>>,
    pub preferred: Vec<PreferredTerm>,
    pub tolerations: Vec<Toleration>,
    pub ports: Vec<HostPort>,
    pub disks: Vec<Disk>,
    pub spread: Option<Spread>,
    pub images: Vec<String>,
    pub affinity: Vec<PodTerm>,
    pub anti_affinity: Vec<PodTerm>,
    pub preferred_pods: Vec<WeightedPodTerm>,
    pub constraints: Vec<Constraint>,
}

impl Spec {
    /// What is requested of a resource.
    pub fn requested(&self, resource: ResourceId) -> i64 {
        self.requests
            .iter()
            .find(|r| r.resource == resource)
            .map_or(0, |r| r.amount)
    }

    /// Whether other nodes' pods decide about a node, whatever pods there are.
    pub fn looks_around(&self) -> bool {
        !self.affinity.is_empty()
            || !self.anti_affinity.is_empty()
            || self.constraints.iter().any(|c| c.hard)
    }
}

/// What affinity and spreading know a placed pod as.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub namespace: String,
    pub labels: Labels,
    pub owner: String,
    pub leaving: bool,
}
