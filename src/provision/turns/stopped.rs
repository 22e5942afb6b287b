//! Who cannot go since somebody before them does not.

use std::collections::HashMap;

use super::waits_for;
use crate::provision::Work;
use crate::roster::turns::Turns;

/// Returns the items that must not go, since somebody they wait for does not go, or `keeps` what they wait for, and why.
pub(in crate::provision) fn stopped<D>(
    work: &Work<'_, D>,
    blocked: impl Fn(usize) -> Option<String>,
    keeps: impl Fn(usize) -> Option<String>,
) -> HashMap<usize, String> {
    let Turns { waits, waves, .. } = &work.plan.turns;
    let mut followers: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, holders) in waits {
        holders.iter().for_each(|holder| followers.entry(*holder).or_default().push(*at));
    }
    let mut stopped = HashMap::new();
    let mut open: Vec<(usize, String)> =
        followers.keys().filter_map(|at| Some((*at, blocked(*at).or_else(|| keeps(*at))?))).collect();
    open.sort_unstable();
    while let Some((at, why)) = open.pop() {
        for follower in followers.get(&at).into_iter().flatten() {
            let told = waits_for(work, at, &why);
            if blocked(*follower).is_none() && !stopped.contains_key(follower) {
                stopped.insert(*follower, told);
                open.push((*follower, why.clone()));
            }
        }
    }
    // A circle goes as a whole or not at all.
    debug_assert!(waves.iter().flat_map(|wave| &wave.circles).all(|circle| {
        let n = circle.links.iter().filter(|link| stopped.contains_key(&link.item)).count();
        n == 0 || circle.links.iter().all(|l| stopped.contains_key(&l.item) || blocked(l.item).is_some())
    }));
    stopped
}
