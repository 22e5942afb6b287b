//! Decides when a file is complete: it must have stayed the same for a while. Pure; the caller looks and tells the time.

use std::collections::HashMap;
use std::time::Duration;

use crate::intake::Identity;

/// What has been seen of the files of one folder so far.
///
/// Times are durations since any fixed moment, by a clock that never goes back. The file's own times are compared with
/// each other only, never with a clock: the clock may be another machine's.
#[derive(Debug)]
pub struct Settle {
    quiet: Duration,
    seen: HashMap<String, Observation>,
}

#[derive(Debug)]
struct Observation {
    identity: Identity,
    /// Since when it has been seen like this with nobody writing.
    since: Option<Duration>,
}

/// When a look at a file took place: not before the one moment, and not after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The look had not begun before this moment.
    pub began: Duration,
    /// The look was over at this moment.
    pub ended: Duration,
}

/// Whether a file is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may still change. If nothing happens until then, it is worth another look.
    Waiting {
        /// The earliest moment at which it can be settled.
        until: Duration,
    },
    /// It has been the same for the whole time.
    Settled,
}

impl Settle {
    /// Returns an observer that calls a file settled once it has been the same for `quiet`.
    ///
    /// If `quiet` is zero, files are settled at first sight: right only where everything is renamed into the folder.
    pub fn new(quiet: Duration) -> Self {
        Self { quiet, seen: HashMap::new() }
    }

    /// Notes that the file `name` looked like this, and decides. The time of quiet counts from the end of the first look
    /// to the beginning of the last one, because nobody knows what was between the two ends of a look.
    ///
    /// `in_use` says that somebody is known to have the file open for writing; the time of quiet starts after that. It
    /// does not matter how the file came: one that is renamed in when complete has to be quiet like any other.
    pub fn observe(&mut self, name: &str, identity: Identity, in_use: bool, look: Look) -> Verdict {
        let before = self.seen.get(name).filter(|before| before.identity == identity);
        let since = if in_use { None } else { Some(before.and_then(|before| before.since).unwrap_or(look.ended)) };
        match self.seen.get_mut(name) {
            Some(observation) => *observation = Observation { identity, since },
            None => {
                self.seen.insert(name.to_owned(), Observation { identity, since });
            }
        }
        match since {
            Some(since) if look.began.saturating_sub(since) >= self.quiet => Verdict::Settled,
            since => Verdict::Waiting { until: since.unwrap_or(look.ended) + self.quiet },
        }
    }

    /// Starts over with a file: it turned out not to be complete after all.
    pub fn forget(&mut self, name: &str) {
        self.seen.remove(name);
    }

    /// Forgets the files that are not there any more.
    pub fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.seen.retain(|name, _| is_there(name));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUIET: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> Look {
        let at = Duration::from_secs(seconds);
        Look { began: at, ended: at }
    }

    fn file(ino: u64, size: u64, mtime_ns: i64, ctime_ns: i64) -> Identity {
        Identity { dev: 1, ino, size, mtime_ns, ctime_ns }
    }

    /// Each step: seconds, what is seen (`None`: the file is gone), whether a writer is known, and whether that settles.
    fn check(steps: &[(u64, Option<Identity>, bool, bool)]) {
        let mut settle = Settle::new(QUIET);
        for (number, (seconds, seen, in_use, settled)) in steps.iter().enumerate() {
            match seen {
                None => {
                    settle.keep(|_| false);
                    assert!(!settled);
                }
                Some(identity) => {
                    let verdict = settle.observe("a.csv", *identity, *in_use, at(*seconds));
                    assert_eq!(verdict == Verdict::Settled, *settled, "step {number}: {verdict:?}");
                }
            }
        }
    }

    #[test]
    fn a_quiet_file_settles_after_the_whole_time() {
        let a = Some(file(7, 10, 1, 1));
        check(&[(0, a, false, false), (2, a, false, false), (3, a, false, true), (9, a, false, true)]);
    }

    #[test]
    fn every_part_of_the_identity_starts_the_time_anew() {
        let a = file(7, 10, 1, 1);
        let changed = [
            Identity { dev: 2, ..a },
            Identity { ino: 8, ..a },
            Identity { size: 11, ..a },
            Identity { size: 9, ..a },
            Identity { mtime_ns: 2, ..a },
            Identity { mtime_ns: 0, ..a },
            Identity { ctime_ns: 2, ..a },
        ];
        for b in changed {
            let (a, b) = (Some(a), Some(b));
            check(&[(0, a, false, false), (2, b, false, false), (4, b, false, false), (5, b, false, true)]);
        }
    }

    #[test]
    fn a_complete_file_that_is_renamed_in_has_to_be_quiet_too() {
        let (old, complete) = (Some(file(7, 10, 1, 1)), Some(file(8, 900, -5_000_000_000, 4)));
        check(&[
            (0, old, false, false),
            (3, old, false, true),
            (4, complete, false, false),
            (7, complete, false, true),
        ]);
    }

    #[test]
    fn a_file_that_goes_and_comes_back_starts_anew() {
        let a = Some(file(7, 10, 1, 1));
        check(&[(0, a, false, false), (2, None, false, false), (3, a, false, false), (6, a, false, true)]);
    }

    #[test]
    fn a_known_writer_keeps_a_file_that_does_not_change_waiting() {
        let a = Some(file(7, 10, 1, 1));
        check(&[
            (0, a, true, false),
            (5, a, true, false),
            (90, a, true, false),
            (91, a, false, false),
            (93, a, false, false),
            (94, a, false, true),
        ]);
    }

    #[test]
    fn a_look_that_takes_long_does_not_count_as_quiet() {
        let mut settle = Settle::new(QUIET);
        let mut observe = |began, ended| {
            let look = Look { began: Duration::from_secs(began), ended: Duration::from_secs(ended) };
            settle.observe("a.csv", file(1, 1, 1, 1), false, look)
        };
        assert_eq!(observe(0, 10), Verdict::Waiting { until: Duration::from_secs(13) });
        assert_eq!(observe(12, 60), Verdict::Waiting { until: Duration::from_secs(13) });
        assert_eq!(observe(13, 14), Verdict::Settled);
    }

    #[test]
    fn no_time_of_quiet_means_settled_at_first_sight() {
        let mut settle = Settle::new(Duration::ZERO);
        let verdict = settle.observe("a.csv", file(1, 1, 1, 1), false, at(0));
        assert_eq!(verdict, Verdict::Settled);
    }

    #[test]
    fn waiting_names_the_earliest_moment() {
        let mut settle = Settle::new(QUIET);
        let verdict = settle.observe("a.csv", file(1, 1, 1, 1), false, at(10));
        assert_eq!(verdict, Verdict::Waiting { until: Duration::from_secs(13) });
    }

    proptest! {
        /// Whatever happens and whenever one looks: settled means that every look at the file during the last `quiet`
        /// showed the same, that nobody was writing, and that there was a look at least that long ago.
        #[test]
        fn settled_is_never_said_of_a_file_that_changed_within_the_time(
            looks in prop::collection::vec((0u64..2500, 0u64..3, prop::bool::weighted(0.1)), 1..60),
        ) {
            let mut settle = Settle::new(QUIET);
            let mut at = Duration::ZERO;
            let mut history: Vec<(Duration, u64, bool)> = Vec::new();
            for (pause, size, in_use) in looks {
                at += Duration::from_millis(pause);
                history.push((at, size, in_use));
                let verdict = settle.observe("a.csv", file(7, size, 1, 1), in_use, Look { began: at, ended: at });
                let same: Vec<_> =
                    history.iter().rev().take_while(|(_, s, w)| *s == size && !w).map(|(t, _, _)| *t).collect();
                let expected = same.last().is_some_and(|first| at - *first >= QUIET);
                prop_assert_eq!(verdict == Verdict::Settled, expected);
            }
        }
    }
}
