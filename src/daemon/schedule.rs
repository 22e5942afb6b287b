//! At which times a feed is processed. Pure: the time is an argument.

use std::fmt;

use croner::Cron;
use croner::parser::CronParser;
use croner::parser::Seconds;
use croner::parser::Year;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Short forms of cron.
const NICKNAMES: [&str; 6] = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually"];

/// Times by the five fields of cron and a time zone.
///
/// Where clocks go forward, a fixed time that does not exist that day means the first moment after the gap; times that
/// repeat by the hour or minute are passed over. Where clocks go back, a fixed time means its first pass only.
#[derive(Clone)]
pub struct Schedule {
    cron: Cron,
    text: String,
    time_zone: TimeZone,
}

/// A schedule that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleFault {
    /// The cron expression is wrong.
    #[error("the schedule `{text}` cannot be understood: {reason}")]
    Cron {
        /// As configured.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such time, as on 30 February.
    #[error("the schedule `{0}` never comes")]
    Never(String),
    /// The time zone is not known on this machine.
    #[error("the time zone `{0}` is not known")]
    TimeZone(String),
}

impl ScheduleFault {
    /// Returns how to write it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Cron { .. } | Self::Never(_) => {
                "five fields: minute, hour, day of month, month, day of week; `0 2 * * *` is every night at two"
            }
            Self::TimeZone(_) => "use a name such as `Europe/Berlin`, and have the system's tzdata installed",
        }
    }
}

impl Schedule {
    /// Understands `cron` in the zone `time_zone`, the system's if there is none. `now` is there to prove that such a
    /// time will ever come.
    pub fn new(cron: &str, time_zone: Option<&str>, now: Timestamp) -> Result<Self, ScheduleFault> {
        let fault = |reason: String| ScheduleFault::Cron { text: cron.to_owned(), reason };
        let fields = cron.split_whitespace().count();
        if cron.trim_start().starts_with('@') {
            if !NICKNAMES.iter().any(|name| cron.trim().eq_ignore_ascii_case(name)) {
                return Err(fault(format!("it is none of {}", NICKNAMES.join(", "))));
            }
        } else if fields != 5 {
            return Err(fault(format!("it has {fields} fields instead of 5")));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let parsed = parser.parse(cron).map_err(|e| fault(plain(&e.to_string())))?;
        let time_zone = match time_zone {
            Some(name) => TimeZone::get(name).map_err(|_| ScheduleFault::TimeZone(name.to_owned()))?,
            None => TimeZone::system(),
        };
        let schedule = Self { cron: parsed, text: cron.to_owned(), time_zone };
        match schedule.next_after(now) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleFault::Never(cron.to_owned())),
        }
    }

    /// Returns the first scheduled time later than `instant`, or `None` if there is none.
    pub fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        let from = instant.to_zoned(self.time_zone.clone());
        self.cron.find_next_occurrence(&from, false).ok().map(|next| next.timestamp())
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({} {:?})", self.text, self.time_zone.iana_name())
    }
}

/// Turns the parser's texts into half a sentence.
fn plain(reason: &str) -> String {
    let reason = reason.rsplit_once(": ").map_or(reason, |(_, reason)| reason).trim_end_matches('.');
    let reason = reason.replace("CronPattern contains", "it has");
    let mut letters = reason.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Which scheduled time comes next, and which have passed.
#[derive(Clone, Debug)]
pub struct Timetable {
    schedule: Schedule,
    next: Option<Timestamp>,
    last_look: Timestamp,
}

impl Timetable {
    /// Starts at the time `now`. If a scheduled time has passed since the last run that is remembered, it is due at
    /// once, and once only however many have passed.
    pub fn start(schedule: Schedule, last_run: Option<Timestamp>, now: Timestamp) -> Self {
        // A last run in the future was written by a clock that was wrong.
        let from = last_run.map_or(now, |last_run| last_run.min(now));
        let next = schedule.next_after(from);
        Self { schedule, next, last_look: now }
    }

    /// Returns whether a scheduled time has come since the last look, and goes on to the next one.
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        if now < self.last_look {
            // The clock was set back. What was next may be far away now.
            self.next = self.schedule.next_after(now);
        }
        self.last_look = now;
        let due = self.next.is_some_and(|next| next <= now);
        if due {
            self.next = self.schedule.next_after(now);
        }
        due
    }

    /// Returns the next scheduled time.
    pub fn next(&self) -> Option<Timestamp> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn schedule(cron: &str, zone: &str) -> Schedule {
        Schedule::new(cron, Some(zone), at("2024-01-01T00:00:00Z")).expect("a schedule")
    }

    /// Lists the `count` times after `from`, in the schedule's zone, with their offsets from UTC.
    fn times(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = schedule(cron, zone);
        let mut instant = at(from);
        let mut found = Vec::new();
        for _ in 0..count {
            instant = schedule.next_after(instant).expect("comes");
            let zoned = instant.to_zoned(schedule.time_zone.clone());
            found.push(zoned.strftime("%m-%d %H:%M%:z").to_string());
        }
        found
    }

    #[test]
    fn every_night_at_two() {
        let found = times("0 2 * * *", "Europe/Berlin", "2026-01-10T12:00:00Z", 2);
        assert_eq!(found, ["01-11 02:00+01:00", "01-12 02:00+01:00"]);
        let found = times("@daily", "UTC", "2026-01-10T00:00:00Z", 1);
        assert_eq!(found, ["01-11 00:00+00:00"], "later than, not at");
    }

    #[test]
    fn a_time_that_does_not_exist_is_the_first_moment_after_the_gap_and_once() {
        // 29 March 2026: 02:00 becomes 03:00 in Berlin.
        let found = times("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3);
        assert_eq!(found, ["03-28 02:30+01:00", "03-29 03:00+02:00", "03-30 02:30+02:00"]);
        // Beirut changes at midnight.
        let found = times("0 0 * * *", "Asia/Beirut", "2026-03-27T22:30:00Z", 2);
        assert_eq!(found, ["03-29 01:00+03:00", "03-30 00:00+03:00"]);
    }

    #[test]
    fn a_time_that_comes_twice_is_taken_once() {
        // 25 October 2026: 03:00 becomes 02:00 in Berlin.
        let found = times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(found, ["10-25 02:30+02:00", "10-26 02:30+01:00"]);
    }

    #[test]
    fn every_half_hour_goes_on_through_both_passes_of_the_hour() {
        let found = times("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15:00Z", 4);
        assert_eq!(found, ["10-25 02:30+02:00", "10-25 02:00+01:00", "10-25 02:30+01:00", "10-25 03:00+01:00"]);
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        let cases = [
            ("", "it has 0 fields instead of 5"),
            ("0 2 * *", "it has 4 fields instead of 5"),
            ("0 0 2 * * *", "it has 6 fields instead of 5"),
            ("61 2 * * *", "number out of bounds"),
            ("0 5-2 * * *", "range out of bounds"),
            ("0 two * * *", "it has illegal character 'T' in part 'TWO'"),
            ("@noon", "it is none of @hourly, @daily, @weekly, @monthly, @yearly, @annually"),
        ];
        let now = at("2026-01-01T00:00:00Z");
        for (cron, reason) in cases {
            let fault = Schedule::new(cron, Some("UTC"), now).expect_err(cron);
            assert_eq!(fault, ScheduleFault::Cron { text: cron.to_owned(), reason: reason.to_owned() });
            assert!(fault.hint().contains("`0 2 * * *`"));
        }
        let fault = Schedule::new("0 2 30 2 *", Some("UTC"), now).expect_err("30 February");
        assert_eq!(fault.to_string(), "the schedule `0 2 30 2 *` never comes");
        let fault = Schedule::new("0 2 * * *", Some("Europe/Berln"), now).expect_err("no such zone");
        assert_eq!(fault.to_string(), "the time zone `Europe/Berln` is not known");
        assert!(fault.hint().contains("`Europe/Berlin`"));
    }

    #[test]
    fn a_time_that_was_missed_is_due_once_at_the_start() {
        let now = at("2026-01-10T12:00:00Z");
        let daily = || schedule("0 2 * * *", "UTC");
        let cases = [
            // No run is remembered: nothing was missed.
            (None, false),
            (Some("2026-01-10T02:00:00Z"), false),
            (Some("2026-01-10T01:59:00Z"), true),
            (Some("2025-12-01T02:00:00Z"), true),
            // Written while the clock was wrong.
            (Some("2027-01-01T02:00:00Z"), false),
        ];
        for (last_run, due) in cases {
            let mut timetable = Timetable::start(daily(), last_run.map(at), now);
            assert_eq!(timetable.is_due(now), due, "{last_run:?}");
            assert!(!timetable.is_due(now), "{last_run:?}: once only");
            assert_eq!(timetable.next(), Some(at("2026-01-11T02:00:00Z")), "{last_run:?}");
        }
    }

    #[test]
    fn a_clock_that_jumps_forward_runs_once_and_one_that_jumps_back_does_not_stop_the_feed() {
        let mut timetable = Timetable::start(schedule("0 2 * * *", "UTC"), None, at("2026-01-10T12:00:00Z"));
        assert!(timetable.is_due(at("2026-02-20T12:00:00Z")));
        assert!(!timetable.is_due(at("2026-02-20T12:00:01Z")));
        assert!(!timetable.is_due(at("2026-01-10T12:00:02Z")), "set back");
        assert_eq!(timetable.next(), Some(at("2026-01-11T02:00:00Z")));
        assert!(timetable.is_due(at("2026-01-11T02:00:00Z")));
    }

    proptest! {
        /// However often one looks, each scheduled time is due once, and never before it has come.
        #[test]
        fn every_time_is_due_exactly_once(minutes in prop::collection::vec(1_i64..50, 1..400)) {
            let start = at("2026-10-24T00:00:10Z");
            let schedule = schedule("15 * * * *", "Europe/Berlin");
            let mut timetable = Timetable::start(schedule.clone(), None, start);
            let (mut now, mut due) = (start, 0);
            for step in minutes {
                now = now.checked_add(step.minutes()).expect("in range");
                due += usize::from(timetable.is_due(now));
            }
            let mut expected = 0;
            let mut next = schedule.next_after(start).expect("comes");
            while next <= now {
                expected += 1;
                next = schedule.next_after(next).expect("comes");
            }
            prop_assert_eq!(due, expected);
        }
    }
}
