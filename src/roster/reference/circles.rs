//! References that come back to where they began: everybody in a circle is below themself.

use std::collections::HashMap;
use std::sync::Arc;

/// People of one circle that are named at most; a circle can be as long as the roster.
const NAMED: usize = 8;

/// Returns everybody who is in a circle of two or more, with the circle in words as it begins with them.
///
/// `next` is whom each refers to, by place.
pub(super) fn of<'n>(next: &[Option<u32>], name: impl Fn(u32) -> &'n str) -> HashMap<u32, Arc<str>> {
    let mut found = HashMap::new();
    // The walk in which a place was reached first; a walk that meets itself has found a circle.
    let mut walks: Vec<u32> = vec![0; next.len()];
    for (walk, start) in (1u32..).zip(0..next.len()) {
        let mut at = start;
        while walks[at] == 0 {
            walks[at] = walk;
            match next[at] {
                Some(to) => at = to as usize,
                None => break,
            }
        }
        if walks[at] == walk && next[at].is_some() {
            let circle = circle(next, at);
            if circle.len() > 1 {
                for first in 0..circle.len() {
                    found.insert(circle[first], words(&circle, first, &name));
                }
            }
        }
    }
    found
}

fn circle(next: &[Option<u32>], start: usize) -> Vec<u32> {
    let mut circle = Vec::new();
    let mut at = start;
    while let Some(to) = next[at] {
        circle.push(to);
        at = to as usize;
        if at == start {
            break;
        }
    }
    circle
}

fn words<'n>(circle: &[u32], first: usize, name: &impl Fn(u32) -> &'n str) -> Arc<str> {
    let names = circle[first..].iter().chain(&circle[..first]).map(|index| name(*index));
    let mut shown: Vec<&str> = names.take(NAMED).collect();
    if circle.len() > NAMED {
        shown.push("...");
    }
    shown.push(name(circle[first]));
    shown.join(" -> ").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(next: &[Option<u32>]) -> Vec<(u32, String)> {
        let names: Vec<String> = (0..next.len()).map(|n| format!("p{n}")).collect();
        let found = of(next, |index| names[index as usize].as_str());
        let mut found: Vec<_> = found.into_iter().map(|(index, text)| (index, text.to_string())).collect();
        found.sort();
        found
    }

    #[test]
    fn a_tree_has_none() {
        assert_eq!(circles(&[None, Some(0), Some(0), Some(1), Some(3)]), []);
        assert_eq!(circles(&[]), []);
    }

    #[test]
    fn two_and_those_below_them() {
        // 3 and 4 are below the circle, not in it.
        let found = circles(&[Some(1), Some(0), None, Some(0), Some(3)]);
        assert_eq!(found, [(0, "p0 -> p1 -> p0".to_owned()), (1, "p1 -> p0 -> p1".to_owned())]);
    }

    #[test]
    fn two_circles_reached_in_any_order() {
        let found = circles(&[Some(3), Some(2), Some(1), Some(4), Some(5), Some(3)]);
        let expected = [(1, "p1 -> p2 -> p1"), (2, "p2 -> p1 -> p2"), (3, "p3 -> p4 -> p5 -> p3")];
        assert_eq!(found[..3], expected.map(|(n, text)| (n, text.to_owned())));
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn oneself_is_another_matter() {
        assert_eq!(circles(&[Some(0), Some(0)]), []);
    }

    #[test]
    fn a_long_one_is_cut() {
        let n = 100_000;
        let next: Vec<Option<u32>> = (0..n).map(|i| Some((i + 1) % n)).collect();
        let found = circles(&next);
        assert_eq!(found.len(), n as usize);
        assert_eq!(found[0].1, "p0 -> p1 -> p2 -> p3 -> p4 -> p5 -> p6 -> p7 -> ... -> p0");
    }
}
