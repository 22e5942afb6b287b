//! Lets the files of a feed pass at scheduled times. Pure.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::daemon::schedule::Timetable;

/// What may be taken of a feed that is processed at certain times only.
///
/// What is there at a scheduled time may pass, even if it takes longer to be complete; what comes later waits for the
/// next one.
#[derive(Debug)]
pub(super) struct Gate {
    timetable: Timetable,
    /// A scheduled time has come; what is found next was there in time.
    opening: Option<Timestamp>,
    /// Files that were there in time and are not taken yet.
    admitted: HashSet<String>,
    /// The scheduled time whose files are not all taken yet.
    running: Option<Timestamp>,
}

impl Gate {
    pub(super) fn new(timetable: Timetable) -> Self {
        Self { timetable, opening: None, admitted: HashSet::new(), running: None }
    }

    /// Says that a look at the folder begins now.
    pub(super) fn look(&mut self, now: Timestamp) {
        if self.timetable.is_due(now) {
            self.opening = Some(now);
        }
    }

    /// Says what the look has found. A look that failed says nothing, and the next one counts instead.
    pub(super) fn found(&mut self, there: &HashSet<&str>) {
        self.admitted.retain(|name| there.contains(name.as_str()));
        if let Some(at) = self.opening.take() {
            self.admitted.extend(there.iter().map(|name| (*name).to_owned()));
            self.running = Some(at);
        }
    }

    /// Returns whether a file may be taken now.
    pub(super) fn lets_pass(&self, name: &str) -> bool {
        self.admitted.contains(name)
    }

    /// Says that a file was taken, or needs not be.
    pub(super) fn passed(&mut self, name: &str) {
        self.admitted.remove(name);
    }

    /// Lets a file that was taken in vain pass again, without waiting for the next scheduled time.
    pub(super) fn admit_again(&mut self, name: String) {
        self.admitted.insert(name);
    }

    /// Returns the scheduled time that is to be remembered, because all its files are taken. Until then a restart would
    /// count it as missed.
    pub(super) fn completed(&self) -> Option<Timestamp> {
        self.running.filter(|_| self.admitted.is_empty())
    }

    /// Says that the completed time is remembered.
    pub(super) fn remembered(&mut self) {
        self.running = None;
    }

    /// Returns the next scheduled time.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.timetable.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::schedule::Schedule;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn gate() -> Gate {
        let now = at("2026-01-10T01:00:00Z");
        let schedule = Schedule::new("0 2 * * *", Some("UTC"), now).expect("a schedule");
        Gate::new(Timetable::start(schedule, None, now))
    }

    fn look(gate: &mut Gate, now: &str, there: &[&str]) {
        gate.look(at(now));
        gate.found(&there.iter().copied().collect());
    }

    #[test]
    fn what_is_there_in_time_passes_and_what_comes_later_waits() {
        let mut gate = gate();
        look(&mut gate, "2026-01-10T01:59:59Z", &["a.csv"]);
        assert!(!gate.lets_pass("a.csv"));
        look(&mut gate, "2026-01-10T02:00:00Z", &["a.csv", "b.csv"]);
        look(&mut gate, "2026-01-10T02:00:10Z", &["a.csv", "b.csv", "late.csv"]);
        assert!(gate.lets_pass("a.csv") && gate.lets_pass("b.csv"));
        assert!(!gate.lets_pass("late.csv"));
        gate.passed("a.csv");
        assert!(!gate.lets_pass("a.csv"), "once");
        look(&mut gate, "2026-01-11T02:00:00Z", &["a.csv", "late.csv"]);
        assert!(gate.lets_pass("late.csv"));
    }

    #[test]
    fn a_look_that_fails_at_the_time_does_not_cost_the_run() {
        let mut gate = gate();
        gate.look(at("2026-01-10T02:00:00Z"));
        look(&mut gate, "2026-01-10T02:00:30Z", &["a.csv"]);
        assert!(gate.lets_pass("a.csv"));
    }

    #[test]
    fn a_time_is_completed_when_all_its_files_are_taken_or_gone() {
        let mut gate = gate();
        assert_eq!(gate.completed(), None);
        let two = Some(at("2026-01-10T02:00:00Z"));
        look(&mut gate, "2026-01-10T02:00:00Z", &["a.csv", "b.csv", "c.csv"]);
        gate.passed("a.csv");
        gate.passed("b.csv");
        assert_eq!(gate.completed(), None);
        look(&mut gate, "2026-01-10T02:00:10Z", &["a.csv", "b.csv"]);
        assert_eq!(gate.completed(), two, "c.csv was removed");
        gate.admit_again("b.csv".to_owned());
        assert_eq!(gate.completed(), None);
        gate.passed("b.csv");
        assert_eq!(gate.completed(), two);
        gate.remembered();
        assert_eq!(gate.completed(), None);
    }

    #[test]
    fn an_empty_folder_completes_the_time_at_once() {
        let mut gate = gate();
        look(&mut gate, "2026-01-10T02:00:05Z", &[]);
        assert_eq!(gate.completed(), Some(at("2026-01-10T02:00:05Z")));
    }
}
