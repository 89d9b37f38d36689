//! The scheduler's decisions: nodes and placed pods in, a node per pod out. No I/O, no time, no Python.
//!
//! The semantics are those of `dromon.scheduler.engine.interface`; the readable engine beside it is the oracle.
//!
//! * `inputs`: what decisions depend on. `node`: a node with the sums over its pods. `pods`: the placed pods.
//! * `filters`, `scores`: those that look at one node, one small unit each, in one table each.
//! * `view`: for one kind of pod, the scores of all nodes, kept up to date by what changed.
//! * `rules`, `peers`, `carried`: who speaks of whom, and how many of those are where, by slot. `topology`: which
//!   domain a slot is in. `relations`: what one kind of pod asks of others; `folds` and `leanings`: the filters and
//!   scores that follow from it, folded by domain for one decision. `zones`: what most pods need of that, kept.
//! * `pick`: the choice among equals. `engine`, `nominations`: all that is kept; `sync`: views in step with it;
//!   `decide`, `preemption`: what follows from it.

pub mod carried;
pub mod decide;
pub mod engine;
pub mod filters;
pub mod folds;
pub mod inputs;
pub mod leanings;
pub mod node;
mod nominations;
pub mod peers;
pub mod pick;
pub mod pods;
pub mod preemption;
pub mod relations;
pub mod requirements;
pub mod rules;
pub mod scores;
mod sync;
pub mod tally;
pub mod topology;
pub mod view;
pub mod zones;
