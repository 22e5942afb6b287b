//! Waves of a graph: whoever waits goes after those they wait for; a circle goes as a whole.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

/// One wave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ordered {
    pub(super) alone: Vec<usize>,
    pub(super) circles: Vec<Circle>,
}

/// Those who wait for each other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Circle {
    /// Who steps aside, so that the others need not wait for them.
    pub(super) asides: Vec<usize>,
    /// Everybody, each after those they wait for who do not step aside.
    pub(super) links: Vec<usize>,
}

pub(super) type Waits = BTreeMap<usize, Box<[usize]>>;

/// Orders `all`. `is_aside` says who has stepped aside already.
pub(super) fn of(all: &[usize], waits: &Waits, is_aside: &dyn Fn(usize) -> bool) -> Vec<Ordered> {
    let mut rest: BTreeSet<usize> = all.iter().copied().collect();
    let mut followers: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut n_waits: HashMap<usize, usize> = HashMap::new();
    for at in all {
        let holders = waits_of(waits, *at).filter(|holder| rest.contains(holder));
        n_waits.insert(*at, holders.inspect(|holder| followers.entry(**holder).or_default().push(*at)).count());
    }
    let mut waves = Vec::new();
    let mut ready: Vec<usize> = all.iter().copied().filter(|at| n_waits[at] == 0).collect();
    while !rest.is_empty() {
        let mut wave = Ordered::default();
        if ready.is_empty() {
            let members = circle(&rest, waits, &followers);
            wave.circles.push(unwound(&members, waits, is_aside));
            ready.extend(members);
        } else {
            wave.alone.clone_from(&ready);
        }
        let gone = std::mem::take(&mut ready);
        for at in &gone {
            rest.remove(at);
        }
        for follower in gone.iter().filter_map(|at| followers.get(at)).flatten() {
            let n = n_waits.entry(*follower).or_default();
            *n = n.saturating_sub(1);
            if *n == 0 && rest.contains(follower) {
                ready.push(*follower);
            }
        }
        ready.sort_unstable();
        waves.push(wave);
    }
    waves
}

fn waits_of(waits: &Waits, at: usize) -> impl Iterator<Item = &usize> {
    waits.get(&at).into_iter().flatten()
}

/// Returns a circle whose people wait for nobody else. Everybody of `rest` waits for somebody of `rest`.
fn circle(rest: &BTreeSet<usize>, waits: &Waits, followers: &HashMap<usize, Vec<usize>>) -> BTreeSet<usize> {
    let mut at = rest.first().copied();
    while let Some(start) = at {
        let ahead = reached(start, rest, |at| waits.get(&at).map(AsRef::as_ref).unwrap_or_default());
        let behind = reached(start, rest, |at| followers.get(&at).map(Vec::as_slice).unwrap_or_default());
        let members: BTreeSet<usize> = ahead.intersection(&behind).copied().collect();
        // Of those ahead one is in a circle that waits for nobody else: this one, or one further on.
        match ahead.difference(&members).next() {
            None => return members,
            Some(further) => at = Some(*further),
        }
    }
    BTreeSet::new()
}

fn reached<'w>(start: usize, rest: &BTreeSet<usize>, next: impl Fn(usize) -> &'w [usize]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(at) = open.pop() {
        for to in next(at).iter().filter(|to| rest.contains(to)) {
            if reached.insert(*to) {
                open.push(*to);
            }
        }
    }
    reached
}

/// Puts a circle in order: when nobody can go, the one for whom most wait steps aside.
pub(super) fn unwound(members: &BTreeSet<usize>, waits: &Waits, is_aside: &dyn Fn(usize) -> bool) -> Circle {
    let mut circle = Circle::default();
    let mut rest = members.clone();
    let mut asides: BTreeSet<usize> = BTreeSet::new();
    while !rest.is_empty() {
        let blocks = |holder: &&usize| rest.contains(holder) && !asides.contains(holder);
        let free = rest.iter().copied().find(|at| !waits_of(waits, *at).any(|holder| blocks(&holder)));
        if let Some(at) = free {
            rest.remove(&at);
            circle.links.push(at);
            continue;
        }
        let n_waiting = |at: usize| rest.iter().filter(|other| waits_of(waits, **other).any(|h| *h == at)).count();
        let candidates = rest.iter().copied().filter(|at| !asides.contains(at));
        let Some(at) = candidates.max_by_key(|at| (is_aside(*at), n_waiting(*at), std::cmp::Reverse(*at))) else {
            break;
        };
        asides.insert(at);
        circle.asides.push(at);
    }
    circle
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waits(pairs: &[(usize, usize)]) -> Waits {
        let mut all: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        pairs.iter().for_each(|(at, holder)| all.entry(*at).or_default().push(*holder));
        all.into_iter().map(|(at, holders)| (at, holders.into())).collect()
    }

    fn in_order(n: usize, pairs: &[(usize, usize)]) -> Vec<Ordered> {
        of(&(0..n).collect::<Vec<_>>(), &waits(pairs), &|_| false)
    }

    fn alone(all: &[usize]) -> Ordered {
        Ordered { alone: all.to_vec(), ..Ordered::default() }
    }

    #[test]
    fn a_chain_goes_from_its_end() {
        assert_eq!(in_order(4, &[(0, 1), (1, 2)]), [alone(&[2, 3]), alone(&[1]), alone(&[0])]);
    }

    #[test]
    fn of_a_circle_one_steps_aside_and_who_waits_for_it_comes_after() {
        let circle = Circle { asides: vec![0], links: vec![2, 1, 0] };
        let circle = Ordered { circles: vec![circle], ..Ordered::default() };
        assert_eq!(in_order(4, &[(0, 1), (1, 2), (2, 0), (3, 1)]), [circle, alone(&[3])]);
    }

    #[test]
    fn who_has_stepped_aside_before_is_the_one() {
        let waits = waits(&[(0, 1), (1, 0)]);
        let order = of(&[0, 1], &waits, &|at| at == 1);
        assert_eq!(order[0].circles, [Circle { asides: vec![1], links: vec![0, 1] }]);
    }

    proptest! {
        #[test]
        fn everybody_goes_once_and_nobody_before_whom_they_wait_for(
            n in 1usize..12,
            pairs in proptest::collection::vec((0usize..12, 0usize..12), 0..20),
        ) {
            let pairs: Vec<_> = pairs.into_iter().filter(|(a, b)| a != b && *a < n && *b < n).collect();
            let waits = waits(&pairs);
            let mut gone: BTreeSet<usize> = BTreeSet::new();
            let mut n_gone = 0;
            for wave in of(&(0..n).collect::<Vec<_>>(), &waits, &|_| false) {
                for at in &wave.alone {
                    prop_assert!(waits_of(&waits, *at).all(|holder| gone.contains(holder)));
                }
                n_gone += wave.alone.len();
                gone.extend(wave.alone);
                for circle in wave.circles {
                    prop_assert!(circle.links.len() > 1 && !circle.asides.is_empty());
                    for at in circle.links {
                        prop_assert!(waits_of(&waits, at).all(|h| gone.contains(h) || circle.asides.contains(h)));
                        n_gone += 1;
                        gone.insert(at);
                    }
                }
            }
            prop_assert_eq!((n_gone, gone.len()), (n, n));
        }
    }
}
