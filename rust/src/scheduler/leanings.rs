//! The scores that look at other nodes: soft topology spread, and preferred affinity in both directions.
//!
//! Both need the feasible nodes as a whole (their domains, their least and most), so they are worked out for each
//! decision, by passes over the nodes. Integers up to the last division, as in the readable engine.

use super::folds::World;
use super::inputs::Spec;
use super::peers::{IdentityId, RuleId};
use super::relations::{Relations, AFFINITY, SOFT_KEYS};
use super::scores::MAX_POINTS;
use super::topology::{KeyId, NOWHERE};
use super::view::INFEASIBLE;
use super::zones::Zones;

const WEIGHT: i32 = 2;
/// Sums are kept in this fraction of a pod.
const UNIT: i64 = 1024;
/// The skews of the default constraints.
const HOST_SKEW: i64 = 3;
const ZONE_SKEW: i64 = 5;

/// One soft constraint.
struct Line {
    key: KeyId,
    group: RuleId,
    needs: u8,
    max_skew: i64,
}

/// What one pod counts in a topology of so many domains: more where there are more to choose from.
fn weight(domains: usize) -> i64 {
    (((domains + 2) as f64).ln() * UNIT as f64 + 0.5) as i64
}

/// The topologies that count where a pod has no constraints of its own.
#[derive(Clone, Copy)]
pub struct Defaults {
    pub hostname: KeyId,
    pub zone: KeyId,
}

/// Add what the pod's soft constraints say, or the default ones for the peers of `group`.
pub fn spread(
    totals: &mut [i32],
    spec: &Spec,
    relations: Option<&Relations>,
    group: Option<RuleId>,
    flags: &[u8],
    defaults: Defaults,
    world: World<'_>,
) {
    let soft = relations.map_or(&[][..], |relations| &relations.soft);
    let mut lines: Vec<Line> = soft
        .iter()
        .map(|bound| Line {
            key: bound.key,
            group: bound.group,
            needs: bound.needs,
            max_skew: spec.constraints[bound.at].max_skew,
        })
        .collect();
    let mut rated = SOFT_KEYS;
    if let Some(group) = group {
        rated = 0;
        let line = |key, max_skew| Line {
            key,
            group,
            needs: AFFINITY,
            max_skew,
        };
        lines.extend([
            line(defaults.hostname, HOST_SKEW),
            line(defaults.zone, ZONE_SKEW),
        ]);
    }
    if lines.is_empty() {
        return;
    }
    let mut sums = vec![0i64; totals.len()];
    let ratable = |total: i32, flags: u8| total != INFEASIBLE && flags & rated == rated;
    let nodes = totals
        .iter()
        .zip(flags)
        .filter(|(&total, &flags)| ratable(total, flags))
        .count();
    for line in &lines {
        if line.key == defaults.hostname {
            by_host(&mut sums, line, nodes, world);
        } else {
            by_domain(&mut sums, line, totals, flags, rated, world);
        }
    }
    let (mut least, mut most) = (i64::MAX, 0);
    for ((&total, &flags), &sum) in totals.iter().zip(flags).zip(&sums) {
        if ratable(total, flags) {
            least = least.min(sum);
            most = most.max(sum);
        }
    }
    // Nobody has any: everybody gets all.
    let (all, most) = if most == 0 {
        (1, 1)
    } else {
        (most + least, most)
    };
    let scale = scale(most);
    for ((total, &flags), &sum) in totals.iter_mut().zip(flags).zip(&sums) {
        if ratable(*total, flags) {
            *total += WEIGHT * part(all - sum, scale);
        }
    }
}

/// As `spread` for the default constraints, where no filter has narrowed the nodes of the view.
pub fn spread_peers(
    totals: &mut [i32],
    zones: &Zones,
    group: RuleId,
    defaults: Defaults,
    world: World<'_>,
) {
    let by_host = weight(zones.all);
    let by_zone = weight(zones.nodes.iter().filter(|&&nodes| nodes > 0).count());
    let amount = |&peers: &i32| i64::from(peers) * by_zone + (ZONE_SKEW - 1) * UNIT;
    let amounts: Vec<i64> = zones.peers.iter().map(amount).collect();
    let hosts = &world.topologies.table(defaults.hostname).of_slot;
    let zone_of = &world.topologies.table(defaults.zone).of_slot;
    let mut sums = vec![0i64; totals.len()];
    let (mut least, mut most) = (i64::MAX, 0);
    let mut add = |sum: &mut i64, total: i32, host: u32, zone: u32, peers: i32| {
        let there = i64::from(host != NOWHERE);
        *sum = there * ((HOST_SKEW - 1) * UNIT + i64::from(peers) * by_host)
            + amounts.get(zone as usize).copied().unwrap_or(0);
        if total != INFEASIBLE {
            least = least.min(*sum);
            most = most.max(*sum);
        }
    };
    let counts = world.peers.counts(group);
    let counted = counts.len().min(totals.len());
    let slots = sums.iter_mut().zip(totals.iter()).zip(hosts).zip(zone_of);
    let mut slots = slots.map(|(((sum, &total), &host), &zone)| (sum, total, host, zone));
    for (&peers, (sum, total, host, zone)) in counts[..counted].iter().zip(slots.by_ref()) {
        add(sum, total, host, zone, peers);
    }
    for (sum, total, host, zone) in slots {
        add(sum, total, host, zone, 0);
    }
    let (all, most) = if most == 0 {
        (1, 1)
    } else {
        (most + least, most)
    };
    let scale = scale(most);
    for (total, &sum) in totals.iter_mut().zip(&sums) {
        if *total != INFEASIBLE {
            *total += WEIGHT * part(all - sum, scale);
        }
    }
}

/// Every node is a domain; the policies don't matter.
fn by_host(sums: &mut [i64], line: &Line, nodes: usize, world: World<'_>) {
    let weight = weight(nodes);
    let table = world.topologies.table(line.key);
    let base = (line.max_skew - 1) * UNIT;
    let counts = world.peers.counts(line.group);
    let counts = counts.iter().copied().chain(std::iter::repeat(0));
    for ((sum, &domain), count) in sums.iter_mut().zip(&table.of_slot).zip(counts) {
        if domain != NOWHERE {
            *sum += base + i64::from(count) * weight;
        }
    }
}

fn by_domain(
    sums: &mut [i64],
    line: &Line,
    totals: &[i32],
    flags: &[u8],
    rated: u8,
    world: World<'_>,
) {
    let table = world.topologies.table(line.key);
    let mut seen = vec![false; table.width()];
    for ((&domain, &total), &flags) in table.of_slot.iter().zip(totals).zip(flags) {
        if domain != NOWHERE && total != INFEASIBLE && flags & rated == rated {
            seen[domain as usize] = true;
        }
    }
    let needs = line.needs | rated;
    let counts = world.peers.counts(line.group);
    let counts = table.fold(counts, |slot| flags[slot] & needs == needs);
    let weight = weight(seen.iter().filter(|&&seen| seen).count());
    let amount = |&count: &i32| i64::from(count) * weight + (line.max_skew - 1) * UNIT;
    let amounts: Vec<i64> = counts.iter().map(amount).collect();
    for (sum, &domain) in sums.iter_mut().zip(&table.of_slot) {
        *sum += amounts.get(domain as usize).copied().unwrap_or(0);
    }
}

/// Add what the pod's preferences say of placed pods, and theirs of the pod.
pub fn pull(
    totals: &mut [i32],
    relations: Option<&Relations>,
    identity: IdentityId,
    world: World<'_>,
) {
    let mut by_key: Vec<(KeyId, Vec<i64>)> = Vec::new();
    let pulls = relations.map_or(&[][..], |relations| &relations.pulls);
    for &(key, group, weight) in pulls {
        let table = world.topologies.table(key);
        let sums = sums_of(&mut by_key, key, table.width());
        let counts = table.fold(world.peers.counts(group), |_| true);
        for (sum, &count) in sums.iter_mut().zip(&counts) {
            *sum += weight * i64::from(count);
        }
    }
    for (_, carried) in world.terms.of(world.peers.listeners(identity)) {
        let table = world.topologies.table(carried.key);
        if carried.carriers.iter().all(|sum| sum.pull == 0) {
            continue;
        }
        let sums = sums_of(&mut by_key, carried.key, table.width());
        for sum in &carried.carriers {
            let domain = table.of_slot[sum.slot as usize];
            if domain != NOWHERE {
                sums[domain as usize] += sum.pull;
            }
        }
    }
    if !by_key.is_empty() {
        add_pull(totals, &by_key, world);
    }
}

fn add_pull(totals: &mut [i32], by_key: &[(KeyId, Vec<i64>)], world: World<'_>) {
    let mut sums = vec![0i64; totals.len()];
    for (key, amounts) in by_key {
        let of_slot = &world.topologies.table(*key).of_slot;
        for (sum, &domain) in sums.iter_mut().zip(of_slot) {
            *sum += amounts.get(domain as usize).copied().unwrap_or(0);
        }
    }
    let (mut least, mut most) = (i64::MAX, i64::MIN);
    for (_, &sum) in totals
        .iter()
        .zip(&sums)
        .filter(|(&total, _)| total != INFEASIBLE)
    {
        least = least.min(sum);
        most = most.max(sum);
    }
    if least >= most {
        return;
    }
    let scale = scale(most - least);
    for (total, &sum) in totals.iter_mut().zip(&sums) {
        if *total != INFEASIBLE {
            *total += WEIGHT * part(sum - least, scale);
        }
    }
}

fn sums_of(by_key: &mut Vec<(KeyId, Vec<i64>)>, key: KeyId, width: usize) -> &mut Vec<i64> {
    let at = by_key.iter().position(|(have, _)| *have == key);
    let at = at.unwrap_or_else(|| {
        by_key.push((key, vec![0; width]));
        by_key.len() - 1
    });
    &mut by_key[at].1
}

/// Points for one part of `whole`, in units of 2^-32, rounded up: one division for all nodes.
fn scale(whole: i64) -> i64 {
    ((i64::from(MAX_POINTS) << 32) + whole - 1) / whole
}

/// The points of an amount of at most the whole.
#[inline]
fn part(amount: i64, scale: i64) -> i32 {
    ((amount * scale) >> 32) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_the_readable_engine() {
        assert_eq!(
            [weight(0), weight(1), weight(3), weight(5000)],
            [710, 1125, 1648, 8722]
        );
        let all: i64 = (0..20_000).map(weight).sum();
        assert_eq!(all, 182_359_601);
    }
}
