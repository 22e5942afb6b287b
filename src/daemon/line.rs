//! The files that wait for a target. Pure.

use std::collections::BTreeMap;
use std::collections::HashMap;

use crate::daemon::FeedIndex;
use crate::intake::scan::Candidate;

/// Files of several feeds, waiting for the same target.
#[derive(Debug, Default)]
pub(super) struct Line {
    feeds: HashMap<FeedIndex, BTreeMap<(i64, String), Candidate>>,
}

impl Line {
    /// Adds a file.
    pub(super) fn add(&mut self, feed: FeedIndex, candidate: Candidate) {
        let place = (candidate.identity.mtime_ns, candidate.name.clone());
        self.feeds.entry(feed).or_default().insert(place, candidate);
    }

    /// Takes the file that was changed longest ago, by name where that is equal, of the feeds that `may_go`.
    pub(super) fn take(&mut self, may_go: impl Fn(FeedIndex) -> bool) -> Option<(FeedIndex, Candidate)> {
        let heads = self.feeds.iter().filter(|(feed, _)| may_go(**feed));
        let first = heads.filter_map(|(feed, files)| Some((files.first_key_value()?.0, *feed))).min();
        let feed = first?.1;
        let (_, candidate) = self.feeds.get_mut(&feed)?.pop_first()?;
        Some((feed, candidate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::Identity;

    fn line(files: &[(usize, &str, i64)]) -> Line {
        let mut line = Line::default();
        for (feed, name, mtime_ns) in files {
            let identity = Identity { dev: 1, ino: 1, size: 1, mtime_ns: *mtime_ns, ctime_ns: 1 };
            line.add(FeedIndex(*feed), Candidate { name: (*name).to_owned(), identity });
        }
        line
    }

    fn drain(mut line: Line, may_go: impl Fn(FeedIndex) -> bool) -> Vec<String> {
        std::iter::from_fn(|| line.take(&may_go)).map(|(feed, file)| format!("{} {}", feed.0, file.name)).collect()
    }

    #[test]
    fn the_oldest_goes_first_whatever_its_feed() {
        let files = [(0, "b", 30), (1, "z", 10), (0, "a", 30), (1, "m", 20), (2, "a", 30)];
        assert_eq!(drain(line(&files), |_| true), ["1 z", "1 m", "0 a", "2 a", "0 b"]);
    }

    #[test]
    fn a_feed_that_is_held_up_lets_the_others_pass() {
        let files = [(0, "a", 10), (1, "b", 20), (0, "c", 30)];
        assert_eq!(drain(line(&files), |feed| feed != FeedIndex(0)), ["1 b"]);
        assert_eq!(drain(line(&[]), |_| true), [""; 0]);
    }
}
