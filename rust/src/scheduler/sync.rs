//! One view per kind of pod: made when it is first asked for, kept in step by the journal, dropped when unused.

use super::engine::{Compiled, Engine};
use super::inputs::Spec;
use super::peers::Peers;
use super::relations::Relations;
use super::rules::Rule;
use super::topology::Topologies;
use super::view::{Around, Basis, View};
use super::zones::Slots;
use std::sync::Arc;

/// Slots times views that are kept (each costs about 20 bytes), and the least number of views.
const VIEW_SLOTS: usize = 2_000_000;
const MIN_VIEWS: usize = 16;

impl Engine {
    /// The spec's number; keep the Arc for as long as the number is used.
    pub(super) fn intern(&mut self, spec: Spec) -> (Arc<Spec>, u64) {
        if let Some((kept, &id)) = self.specs.get_key_value(&spec) {
            return (kept.clone(), id);
        }
        self.sweep();
        self.last_spec += 1;
        let spec = Arc::new(spec);
        self.specs.insert(spec.clone(), self.last_spec);
        (spec, self.last_spec)
    }

    /// Drop specs that no pod and no compiled class holds, with their views, whenever their number has doubled.
    fn sweep(&mut self) {
        if self.specs.len() < self.sweep_at.max(1024) {
            return;
        }
        let (views, peers, topologies) = (&mut self.views, &mut self.peers, &mut self.topologies);
        self.specs.retain(|spec, id| {
            let view = usize::from(views.contains_key(id));
            let held = Arc::strong_count(spec) > 1 + view;
            if !held {
                if let Some(view) = views.remove(id) {
                    retire(view, peers, topologies);
                }
            }
            held
        });
        self.sweep_at = 2 * self.specs.len();
    }

    /// Bring the pod's view in step with the nodes, making it if need be.
    pub(super) fn sync(&mut self, pod: &Compiled) {
        self.clock += 1;
        if !self.views.contains_key(&pod.spec_id) {
            self.evict();
            let spec = &pod.spec;
            let group = spec.spread.as_ref();
            let group = group.map(|s| self.peers.join(Rule::Peers(s.clone())));
            let relations =
                Relations::join(spec, &self.nodes, &mut self.peers, &mut self.topologies);
            let mut view = View::new(spec.clone(), group, relations);
            view.position = u64::MAX;
            self.views.insert(pod.spec_id, view);
        }
        let basis = self.basis(&pod.spec);
        let view = self.views.get_mut(&pod.spec_id).expect("just made");
        let end = self.journal_start + self.journal.len() as u64;
        if view.position != end || view.basis != basis {
            let counted = view.group.filter(|_| !basis.zoned);
            let around = Around {
                peers: counted.map_or(&[], |group| self.peers.counts(group)),
                nodes: self.present,
                images: &self.images,
            };
            if !(self.journal_start..=end).contains(&view.position) || view.basis != basis {
                view.rebuild(&self.nodes, around);
                view.basis = basis;
                self.sync_zones(pod, None);
            } else {
                let news = &self.journal[(view.position - self.journal_start) as usize..];
                let changed = news.iter().map(|c| (c.slot as usize, c.itself));
                let position = view.position;
                view.update(changed, &self.nodes, around);
                self.sync_zones(pod, Some(position));
            }
            let view = self.views.get_mut(&pod.spec_id).expect("still there");
            view.position = end;
        }
        let view = self.views.get_mut(&pod.spec_id).expect("still there");
        view.used_at = self.clock;
    }

    /// Bring peers by zone in step with the view, from a position in the journal on, or all anew.
    fn sync_zones(&mut self, pod: &Compiled, since: Option<u64>) {
        let view = self.views.get_mut(&pod.spec_id).expect("being synced");
        let Some(group) = view.group.filter(|_| view.basis.zoned) else {
            return;
        };
        let slots = Slots {
            table: self.topologies.table(self.defaults.zone),
            peers: self.peers.counts(group),
            flags: &view.flags,
            totals: &view.totals,
        };
        let news = since.map(|since| &self.journal[(since - self.journal_start) as usize..]);
        match news.filter(|news| news.iter().all(|change| !change.itself)) {
            Some(news) => {
                for change in news {
                    view.zones.update(change.slot as usize, slots);
                }
            }
            None => view.zones.rebuild(slots),
        }
    }

    fn basis(&self, spec: &Spec) -> Basis {
        let mut images = Vec::new();
        if !spec.images.is_empty() && !self.images.is_empty() {
            let counts = spec.images.iter();
            images.extend(counts.map(|image| self.images.get(image).copied().unwrap_or(0)));
            if images.iter().all(|&count| count == 0) {
                images.clear();
            } else {
                images.push(self.present as u32);
            }
        }
        Basis {
            images,
            zoned: spec.spread.is_some() && self.zoned(),
        }
    }

    /// Make room for one more view: the least recently used goes.
    fn evict(&mut self) {
        let most = (VIEW_SLOTS / self.nodes.len().max(1)).max(MIN_VIEWS);
        if self.views.len() < most {
            return;
        }
        let oldest = self.views.iter().min_by_key(|(_, view)| view.used_at);
        let Some(id) = oldest.map(|(&id, _)| id) else {
            return;
        };
        if let Some(view) = self.views.remove(&id) {
            retire(view, &mut self.peers, &mut self.topologies);
        }
    }
}

/// Give up what a view has joined.
fn retire(view: View, peers: &mut Peers, topologies: &mut Topologies) {
    view.group.iter().for_each(|&group| peers.leave(group));
    if let Some(relations) = view.relations {
        relations.leave(peers, topologies);
    }
}
