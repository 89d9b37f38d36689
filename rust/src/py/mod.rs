//! The Python face of every module of this crate: thin wrappers, no logic.

use pyo3::prelude::*;

/// The extension module `dromon._core`.
#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
