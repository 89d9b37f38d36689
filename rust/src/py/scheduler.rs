//! `dromon._core.SchedulerEngine`: the engine's methods for Python; see `dromon.scheduler.engine.interface`.

use super::scheduler_inputs::{budget, node_info, pod_class, Budget, Labels, NodeInfo, PodClass};
use crate::scheduler::decide::{Decision, LATEST};
use crate::scheduler::engine::{Compiled, Engine};
use crate::scheduler::preemption::Outcome;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use std::sync::Arc;

fn counts<'py>(py: Python<'py>, refusal: &[(String, usize)]) -> PyResult<Bound<'py, PyDict>> {
    let counts = PyDict::new(py);
    for (reason, count) in refusal {
        counts.set_item(reason, count)?;
    }
    Ok(counts)
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

    fn set_namespace(&mut self, name: &str, labels: Labels) {
        self.0.set_namespace(name, Some(labels));
    }

    fn remove_namespace(&mut self, name: &str) {
        self.0.set_namespace(name, None);
    }

    fn set_budgets(&mut self, budgets: Vec<Budget>) {
        self.0
            .set_budgets(budgets.into_iter().map(budget).collect());
    }

    #[pyo3(signature = (uid, pod, node, started = LATEST))]
    fn add_pod(
        &mut self,
        uid: &str,
        pod: &CompiledPod,
        node: &str,
        started: i64,
    ) -> PyResult<bool> {
        let pod = self.own(pod)?;
        Ok(self.0.add_pod(uid, pod, node, started))
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
                Decision::Refused(refusal) => results.append(counts(py, refusal)?)?,
            }
        }
        Ok(results)
    }

    fn nominate(&mut self, uid: &str, pod: &CompiledPod, node: &str) -> PyResult<()> {
        let pod = self.own(pod)?;
        self.0.nominate(uid, pod, node);
        Ok(())
    }

    fn withdraw(&mut self, uid: &str) {
        self.0.withdraw(uid);
    }

    fn preempt<'py>(
        &mut self,
        py: Python<'py>,
        uid: &str,
        pod: &CompiledPod,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pod = self.own(pod)?;
        match self.0.preempt(uid, pod) {
            Outcome::Node(node, victims) => Ok((node, victims).into_pyobject(py)?.into_any()),
            Outcome::Refused(refusal) => Ok(counts(py, &refusal)?.into_any()),
        }
    }

    fn looks_around(&self, pod: &CompiledPod) -> PyResult<bool> {
        Ok(self.0.looks_around(self.own(pod)?))
    }

    fn fits(&mut self, pod: &CompiledPod, node: &str) -> PyResult<bool> {
        let pod = self.own(pod)?;
        Ok(self.0.fits(pod, node))
    }

    fn fits_somewhere(&mut self, pod: &CompiledPod) -> PyResult<bool> {
        let pod = self.own(pod)?;
        Ok(self.0.fits_somewhere(pod))
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
