//! The scheduler's decisions: nodes and placed pods in, a node per pod out. No I/O, no time, no Python.
//!
//! The semantics are those of `dromon.scheduler.engine.interface`; the readable engine beside it is the oracle.
//!
//! * `inputs`: what decisions depend on. `node`: a node with the sums over its pods.
//! * `filters`, `scores`: one small unit each, in one table each.
//! * `view`: for one kind of pod, the scores of all nodes, kept up to date by what changed.
//! * `spread`: how many peers are where. `pick`: the choice among equals. `engine`: all of it together.

pub mod engine;
pub mod filters;
pub mod inputs;
pub mod node;
pub mod pick;
pub mod scores;
pub mod spread;
pub mod view;
