//! dromon._core: the hot paths of dromon, one module a concept; `py` holds the only users of pyo3.

pub mod cache;
pub mod fanout;
#[cfg(feature = "python")]
pub mod py;
pub mod scheduler;
pub mod selector;
