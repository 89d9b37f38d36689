//! Reasons against nodes, counted: written out once each, not once per node.

/// One reason.
#[derive(Clone, Copy, Debug)]
pub enum Reason<'a> {
    Text(&'static str),
    Insufficient(&'a str),
    Taint(&'a str, &'a str),
}

#[derive(Debug)]
enum Kept {
    Text(&'static str),
    Insufficient(String),
    Taint(String, String),
}

impl Kept {
    fn is(&self, reason: Reason<'_>) -> bool {
        match (self, reason) {
            (Kept::Text(a), Reason::Text(b)) => *a == b,
            (Kept::Insufficient(a), Reason::Insufficient(b)) => a == b,
            (Kept::Taint(key, value), Reason::Taint(k, v)) => key == k && value == v,
            _ => false,
        }
    }
}

#[derive(Debug, Default)]
pub struct Tally {
    counts: Vec<(Kept, usize)>,
}

impl Tally {
    pub fn add(&mut self, reason: Reason<'_>) {
        self.add_many(reason, 1);
    }

    /// The reason of so many nodes (none: no effect).
    pub fn add_many(&mut self, reason: Reason<'_>, nodes: usize) {
        if let Some((_, count)) = self.counts.iter_mut().find(|(kept, _)| kept.is(reason)) {
            *count += nodes;
            return;
        }
        if nodes == 0 {
            return;
        }
        let kept = match reason {
            Reason::Text(text) => Kept::Text(text),
            Reason::Insufficient(resource) => Kept::Insufficient(resource.to_owned()),
            Reason::Taint(key, value) => Kept::Taint(key.to_owned(), value.to_owned()),
        };
        self.counts.push((kept, nodes));
    }

    /// How many reasons were added.
    pub fn total(&self) -> usize {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Text and count of each reason.
    pub fn texts(&self) -> Vec<(String, usize)> {
        let text = |kept: &Kept| match kept {
            Kept::Text(text) => (*text).to_owned(),
            Kept::Insufficient(resource) => format!("Insufficient {resource}"),
            Kept::Taint(key, value) => format!("node(s) had untolerated taint {{{key}: {value}}}"),
        };
        let counts = self.counts.iter();
        counts.map(|(kept, count)| (text(kept), *count)).collect()
    }
}
