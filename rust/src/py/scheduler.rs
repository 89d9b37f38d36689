//! `dromon._core.SchedulerEngine`: the engine's methods for Python; see `dromon.scheduler.engine.interface`.

use crate::scheduler::engine::{Compiled, Decision, Engine};
use crate::scheduler::inputs;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use std::sync::Arc;

type Labels = inputs::Labels;

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
struct Spread {
    owner: String,
    namespace: String,
    selector: Labels,
}

/// dromon.scheduler.inputs.PodClass, by its attributes.
#[derive(FromPyObject)]
struct PodClass {
    namespace: String,
    labels: Labels,
    owner: String,
    node_name: String,
    requests: Vec<(String, i64)>,
    nonzero: (i64, i64),
    selector: Labels,
    required: Option<Vec<Term>>,
    preferred: Vec<PreferredTerm>,
    tolerations: Vec<Toleration>,
    ports: Vec<HostPort>,
    spread: Option<Spread>,
}

/// dromon.scheduler.inputs.NodeInfo, by its attributes.
#[derive(FromPyObject)]
struct NodeInfo {
    name: String,
    labels: Labels,
    taints: Vec<Taint>,
    unschedulable: bool,
    allocatable: Vec<(String, i64)>,
    max_pods: i64,
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

fn pod_class(from: PodClass) -> inputs::PodClass {
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
    inputs::PodClass {
        namespace: from.namespace,
        labels: from.labels,
        owner: from.owner,
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
        spread: from.spread.map(|s| inputs::Spread {
            owner: s.owner,
            namespace: s.namespace,
            selector: s.selector,
        }),
    }
}

fn node_info(from: NodeInfo) -> inputs::NodeInfo {
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
    }
}

/// A PodClass as its engine keeps it.
#[pyclass(frozen, module = "dromon._core")]
pub struct CompiledPod(Arc<Compiled>);

#[pyclass(module = "dromon._core")]
pub struct SchedulerEngine(Engine);

impl SchedulerEngine {
    /// Classes are numbered per engine: one from elsewhere would silently mean another.
    fn own<'a>(&self, pod: &'a CompiledPod) -> PyResult<&'a Arc<Compiled>> {
        if pod.0.engine == self.0.id {
            Ok(&pod.0)
        } else {
            Err(PyValueError::new_err(
                "the pod was compiled by another engine",
            ))
        }
    }
}

#[pymethods]
impl SchedulerEngine {
    #[new]
    fn new(seed: u64) -> SchedulerEngine {
        SchedulerEngine(Engine::new(seed))
    }

    fn compile(&mut self, pod: PodClass) -> CompiledPod {
        CompiledPod(Arc::new(self.0.compile(pod_class(pod))))
    }

    fn set_node(&mut self, node: NodeInfo) {
        self.0.set_node(node_info(node));
    }

    fn remove_node(&mut self, name: &str) {
        self.0.remove_node(name);
    }

    fn has_node(&self, name: &str) -> bool {
        self.0.has_node(name)
    }

    fn node_count(&self) -> usize {
        self.0.node_count()
    }

    fn add_pod(&mut self, uid: &str, pod: &CompiledPod, node: &str) -> PyResult<bool> {
        let pod = self.own(pod)?;
        Ok(self.0.add_pod(uid, pod, node))
    }

    fn remove_pod(&mut self, uid: &str) {
        self.0.remove_pod(uid);
    }

    fn pod_node(&self, uid: &str) -> Option<&str> {
        self.0.pod_node(uid)
    }

    fn schedule<'py>(
        &mut self,
        py: Python<'py>,
        pods: Vec<(String, PyRef<'py, CompiledPod>)>,
    ) -> PyResult<Bound<'py, PyList>> {
        for (_, pod) in &pods {
            self.own(pod)?;
        }
        let results = PyList::empty(py);
        for (uid, pod) in &pods {
            match self.0.schedule(uid, &pod.0) {
                Decision::Node(name) => results.append(PyString::new(py, name))?,
                Decision::Refused(refusal) => {
                    let counts = PyDict::new(py);
                    for (reason, count) in refusal {
                        counts.set_item(reason, count)?;
                    }
                    results.append(counts)?;
                }
            }
        }
        Ok(results)
    }

    fn fits(&self, pod: &CompiledPod, node: &str) -> PyResult<bool> {
        Ok(self.0.fits(self.own(pod)?, node))
    }

    fn scores<'py>(&mut self, py: Python<'py>, pod: &CompiledPod) -> PyResult<Bound<'py, PyDict>> {
        let pod = self.own(pod)?;
        let scores = PyDict::new(py);
        for (node, score) in self.0.scores(pod) {
            scores.set_item(node, score)?;
        }
        Ok(scores)
    }
}
