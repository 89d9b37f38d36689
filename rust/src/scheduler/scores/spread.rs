//! The pods of one controller or service should not share a node while others have fewer.

use super::{Scale, Score};

pub const SCORE: Score = Score {
    weight: 2,
    scale: Scale::Fewer,
    uses_pods: true,
    raw: |_, _, facts| facts.peers,
};
