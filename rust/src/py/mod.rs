//! The Python face of every module of this crate: thin wrappers, no logic.

mod cache;
mod encode;
mod items;
mod page;
mod past;
mod scheduler;
mod scheduler_inputs;
mod selector;

use std::sync::{Mutex, MutexGuard};

use pyo3::prelude::*;

pyo3::create_exception!(
    dromon._core,
    TooOld,
    pyo3::exceptions::PyException,
    "The past asked for is gone; the argument is the oldest revision that is known."
);

/// A panic elsewhere must not make every later call panic, too.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The extension module `dromon._core`.
#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add("TooOld", m.py().get_type::<TooOld>())?;
    m.add_class::<scheduler::CompiledPod>()?;
    m.add_class::<scheduler::SchedulerEngine>()?;
    m.add_class::<selector::Selector>()?;
    m.add_class::<selector::SelectorIndex>()?;
    m.add_class::<cache::Cache>()?;
    m.add_class::<page::Page>()?;
    m.add_class::<past::Past>()?;
    m.add_function(wrap_pyfunction!(selector::parse_fields, m)?)?;
    Ok(())
}
