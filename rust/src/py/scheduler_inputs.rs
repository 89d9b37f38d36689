//! The classes of `dromon.scheduler.inputs`, read by their attributes.

use crate::scheduler::inputs;
use pyo3::prelude::*;

pub type Labels = inputs::Labels;

#[derive(FromPyObject)]
struct Requirement {
    key: String,
    operator: String,
    values: Vec<String>,
}

#[derive(FromPyObject)]
struct Term {
    expressions: Vec<Requirement>,
    fields: Vec<Requirement>,
}

#[derive(FromPyObject)]
struct PreferredTerm {
    weight: i64,
    term: Term,
}

#[derive(FromPyObject)]
struct Toleration {
    key: String,
    operator: String,
    value: String,
    effect: String,
}

#[derive(FromPyObject)]
struct Taint {
    key: String,
    value: String,
    effect: String,
}

#[derive(FromPyObject)]
struct HostPort {
    ip: String,
    protocol: String,
    port: i64,
}

#[derive(FromPyObject)]
struct Disk {
    id: String,
    shared: bool,
}

#[derive(FromPyObject)]
struct Spread {
    owner: String,
    namespace: String,
    selector: Labels,
}

#[derive(FromPyObject)]
struct PodTerm {
    topology: String,
    selector: Option<Vec<Requirement>>,
    namespaces: Vec<String>,
    namespace_selector: Option<Vec<Requirement>>,
}

#[derive(FromPyObject)]
struct WeightedPodTerm {
    weight: i64,
    term: PodTerm,
}

#[derive(FromPyObject)]
struct Constraint {
    topology: String,
    max_skew: i64,
    hard: bool,
    selector: Option<Vec<Requirement>>,
    min_domains: i64,
    honor_affinity: bool,
    honor_taints: bool,
}

#[derive(FromPyObject)]
pub struct Budget {
    namespace: String,
    selector: Option<Vec<Requirement>>,
    allowed: i64,
    disrupted: Vec<String>,
}

/// dromon.scheduler.inputs.PodClass, by its attributes.
#[derive(FromPyObject)]
pub struct PodClass {
    namespace: String,
    labels: Labels,
    owner: String,
    leaving: bool,
    priority: i64,
    node_name: String,
    requests: Vec<(String, i64)>,
    nonzero: (i64, i64),
    selector: Labels,
    required: Option<Vec<Term>>,
    preferred: Vec<PreferredTerm>,
    tolerations: Vec<Toleration>,
    ports: Vec<HostPort>,
    disks: Vec<Disk>,
    spread: Option<Spread>,
    images: Vec<String>,
    affinity: Vec<PodTerm>,
    anti_affinity: Vec<PodTerm>,
    preferred_pods: Vec<WeightedPodTerm>,
    constraints: Vec<Constraint>,
}

/// dromon.scheduler.inputs.NodeInfo, by its attributes.
#[derive(FromPyObject)]
pub struct NodeInfo {
    name: String,
    labels: Labels,
    taints: Vec<Taint>,
    unschedulable: bool,
    allocatable: Vec<(String, i64)>,
    max_pods: i64,
    images: Vec<(String, i64)>,
}

fn requirement(from: Requirement) -> inputs::Requirement {
    inputs::Requirement {
        operator: inputs::Operator::parse(&from.operator),
        key: from.key,
        values: from.values,
    }
}

fn term(from: Term) -> inputs::Term {
    inputs::Term {
        expressions: from.expressions.into_iter().map(requirement).collect(),
        fields: from.fields.into_iter().map(requirement).collect(),
    }
}

fn selector(from: Option<Vec<Requirement>>) -> inputs::LabelSelector {
    from.map(|requirements| requirements.into_iter().map(requirement).collect())
}

fn pod_term(from: PodTerm) -> inputs::PodTerm {
    inputs::PodTerm {
        topology: from.topology,
        who: inputs::Who {
            selector: selector(from.selector),
            namespaces: from.namespaces,
            namespace_selector: selector(from.namespace_selector),
        },
    }
}

fn weighted(from: WeightedPodTerm) -> inputs::WeightedPodTerm {
    inputs::WeightedPodTerm {
        weight: from.weight,
        term: pod_term(from.term),
    }
}

fn constraint(from: Constraint) -> inputs::Constraint {
    inputs::Constraint {
        topology: from.topology,
        max_skew: from.max_skew,
        hard: from.hard,
        selector: selector(from.selector),
        min_domains: from.min_domains,
        honor_affinity: from.honor_affinity,
        honor_taints: from.honor_taints,
    }
}

pub fn budget(from: Budget) -> inputs::Budget {
    inputs::Budget {
        namespace: from.namespace,
        selector: selector(from.selector),
        allowed: from.allowed,
        disrupted: from.disrupted,
    }
}

pub fn pod_class(from: PodClass) -> inputs::PodClass {
    let preferred = from.preferred.into_iter().map(|p| inputs::PreferredTerm {
        weight: p.weight,
        term: term(p.term),
    });
    let tolerations = from.tolerations.into_iter().map(|t| inputs::Toleration {
        key: t.key,
        operator: t.operator,
        value: t.value,
        effect: t.effect,
    });
    let ports = from.ports.into_iter().map(|p| inputs::HostPort {
        ip: p.ip,
        protocol: p.protocol,
        port: p.port,
    });
    let disks = from.disks.into_iter().map(|d| inputs::Disk {
        id: d.id,
        shared: d.shared,
    });
    inputs::PodClass {
        namespace: from.namespace,
        labels: from.labels,
        owner: from.owner,
        leaving: from.leaving,
        priority: from.priority,
        node_name: from.node_name,
        requests: from.requests,
        nonzero: [from.nonzero.0, from.nonzero.1],
        selector: from.selector,
        required: from
            .required
            .map(|terms| terms.into_iter().map(term).collect()),
        preferred: preferred.collect(),
        tolerations: tolerations.collect(),
        ports: ports.collect(),
        disks: disks.collect(),
        spread: from.spread.map(|s| inputs::Spread {
            owner: s.owner,
            namespace: s.namespace,
            selector: s.selector,
        }),
        images: from.images,
        affinity: from.affinity.into_iter().map(pod_term).collect(),
        anti_affinity: from.anti_affinity.into_iter().map(pod_term).collect(),
        preferred_pods: from.preferred_pods.into_iter().map(weighted).collect(),
        constraints: from.constraints.into_iter().map(constraint).collect(),
    }
}

pub fn node_info(from: NodeInfo) -> inputs::NodeInfo {
    let taints = from.taints.into_iter().map(|t| inputs::Taint {
        key: t.key,
        value: t.value,
        effect: t.effect,
    });
    inputs::NodeInfo {
        name: from.name,
        labels: from.labels,
        taints: taints.collect(),
        unschedulable: from.unschedulable,
        allocatable: from.allocatable,
        max_pods: from.max_pods,
        images: from.images,
    }
}
