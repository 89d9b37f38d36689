//! Whether expressions over labels or fields hold.

use super::inputs::{LabelSelector, Labels, Operator, Requirement};

/// Whether a label selector picks what has these labels.
pub fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    selector.as_ref().is_some_and(|requirements| {
        requirements.iter().all(|r| {
            let pair = labels.iter().find(|(key, _)| *key == r.key);
            holds(r, pair.map(|(_, value)| value.as_str()))
        })
    })
}

/// Whether one expression holds for the value of its key.
pub fn holds(requirement: &Requirement, value: Option<&str>) -> bool {
    let listed = |v: &str| requirement.values.iter().any(|have| have == v);
    match requirement.operator {
        Operator::In => value.is_some_and(listed),
        Operator::NotIn => !value.is_some_and(listed),
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::Gt => compares(requirement, value, |have, want| have > want),
        Operator::Lt => compares(requirement, value, |have, want| have < want),
        Operator::Unknown => false,
    }
}

fn compares(requirement: &Requirement, value: Option<&str>, test: fn(i64, i64) -> bool) -> bool {
    match (value.and_then(int64), requirement.values.as_slice()) {
        (Some(have), [want]) => int64(want).is_some_and(|want| test(have, want)),
        _ => false,
    }
}

fn int64(text: &str) -> Option<i64> {
    text.parse().ok()
}
