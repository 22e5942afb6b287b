//! How long a plan will take where the speed is limited.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::plan::Intent;
use super::plan::Plan;

/// So many in a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub n: NonZeroU32,
    /// In what time; not zero.
    pub per: Duration,
}

/// How fast a run may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tempo {
    /// Writes in a length of time, at most.
    pub rate: Option<Rate>,
    /// Writes between two pauses.
    pub batch_size: NonZeroUsize,
    /// How long a pause is.
    pub pause: Duration,
}

/// How long a plan takes at least. The directory may be slower than it is allowed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// What is to be written: accounts, references to others, and groups.
    pub writes: usize,
    /// How fast.
    pub tempo: Tempo,
}

impl Rate {
    /// Returns so many a second.
    pub const fn per_second(n: NonZeroU32) -> Self {
        Self { n, per: Duration::from_secs(1) }
    }

    /// Returns the slower one.
    #[must_use]
    pub fn slower(self, other: Self) -> Self {
        if self.each_second() <= other.each_second() { self } else { other }
    }

    /// Returns how many a second that is.
    pub fn each_second(self) -> f64 {
        f64::from(self.n.get()) / self.per.as_secs_f64()
    }
}

/// `25/s`, `180/min`, `1000/h`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n, per } = self;
        match per.as_secs() {
            1 => write!(f, "{n}/s"),
            60 => write!(f, "{n}/min"),
            3600 => write!(f, "{n}/h"),
            _ => write!(f, "{n} in {per:?}"),
        }
    }
}

impl Forecast {
    /// Returns the forecast for a plan; `None` when nothing is to be written, or nothing limits how fast.
    pub fn of(plan: &Plan, tempo: Tempo) -> Option<Self> {
        Self::for_writes(writes(plan), tempo)
    }

    /// Returns the forecast for so many writes, likewise.
    pub fn for_writes(writes: usize, tempo: Tempo) -> Option<Self> {
        let is_limited = tempo.rate.is_some() || !tempo.pause.is_zero();
        (writes > 0 && is_limited).then_some(Self { writes, tempo })
    }

    /// Returns how long it takes: the writes at their rate, and the pauses between batches.
    pub fn takes(self) -> Duration {
        let Self { writes, tempo: Tempo { rate, batch_size, pause } } = self;
        let n_pauses = writes.div_ceil(batch_size.get()).saturating_sub(1);
        let writing = rate.map_or(0.0, |rate| writes as f64 / rate.each_second());
        let seconds = writing + pause.as_secs_f64() * n_pauses as f64;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// `10,412 writes at 25/s: about 7 min`.
impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { writes, tempo: Tempo { rate, batch_size, pause } } = self;
        let noun = if *writes == 1 { "write" } else { "writes" };
        write!(f, "{} {noun}", grouped(*writes))?;
        if let Some(rate) = rate {
            write!(f, " at {rate}")?;
        }
        if !pause.is_zero() && *writes > batch_size.get() {
            write!(f, " with {} after every {}", rough(*pause), grouped(batch_size.get()))?;
        }
        match self.takes() {
            takes if takes < Duration::from_secs(1) => f.write_str(": about a second"),
            takes => write!(f, ": about {}", rough(takes)),
        }
    }
}

/// Returns how many writes a plan comes to at least: one for each account, one for what is written after all accounts,
/// one for each group.
fn writes(plan: &Plan) -> usize {
    let mut groups = HashSet::new();
    let mut writes = 0;
    for item in &plan.items {
        let (own, deferred, memberships) = match &item.intent {
            Intent::Nothing | Intent::Skip(_) | Intent::Report => continue,
            Intent::Disable | Intent::Delete | Intent::Archive { .. } | Intent::Purge { .. } => {
                writes += 1;
                continue;
            }
            Intent::Create(create) => (true, !create.deferred.is_empty(), &*create.memberships),
            Intent::Update(update) => {
                let is_own = update.relocation.is_some()
                    || !update.changes.is_empty()
                    || update.password.is_some()
                    || update.must_change.is_some()
                    || update.enabled.is_some();
                (is_own, !update.deferred.is_empty(), &*update.memberships)
            }
        };
        writes += usize::from(own) + usize::from(deferred);
        for change in memberships {
            groups.extend(change.add.iter().chain(&change.remove).map(|name| (change.kind, name)));
        }
    }
    writes + groups.len()
}

/// Writes a length of time as people say it: the largest unit of which there are at least one and a half, or two of
/// them where there are few.
fn rough(time: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    if time < Duration::from_secs(1) {
        return format!("{} ms", time.as_millis());
    }
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_millis() >= 500));
    let in_units = |unit: u64| seconds.saturating_add(unit / 2) / unit;
    if seconds < 90 {
        format!("{seconds} s")
    } else if seconds < 90 * MINUTE {
        format!("{} min", in_units(MINUTE))
    } else if seconds < 10 * HOUR {
        let minutes = in_units(10 * MINUTE) * 10;
        match minutes % 60 {
            0 => format!("{} h", minutes / 60),
            rest => format!("{} h {rest} min", minutes / 60),
        }
    } else if seconds < 48 * HOUR {
        format!("{} h", in_units(HOUR))
    } else {
        format!("{} days", in_units(DAY))
    }
}

/// Writes a number with commas between the thousands.
fn grouped(n: usize) -> String {
    let mut digits = n.to_string();
    for at in (1..digits.len()).rev().filter(|at| (digits.len() - at).is_multiple_of(3)).collect::<Vec<_>>() {
        digits.insert(at, ',');
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(n: u32, seconds: u64) -> Option<Rate> {
        Some(Rate { n: NonZeroU32::new(n).expect("not zero"), per: Duration::from_secs(seconds) })
    }

    fn said(writes: usize, rate: Option<Rate>, batch_size: usize, pause: u64) -> Option<String> {
        let batch_size = NonZeroUsize::new(batch_size).expect("not zero");
        let tempo = Tempo { rate, batch_size, pause: Duration::from_secs(pause) };
        Forecast::for_writes(writes, tempo).map(|forecast| forecast.to_string())
    }

    #[test]
    fn the_rate_decides() {
        // 10,412 / 25 = 416.48 s; 10,412 / 3 = 3,470.7 s; 10.412 h.
        assert_eq!(said(10_412, rate(25, 1), 250, 0).as_deref(), Some("10,412 writes at 25/s: about 7 min"));
        assert_eq!(said(10_412, rate(180, 60), 250, 0).as_deref(), Some("10,412 writes at 180/min: about 58 min"));
        assert_eq!(said(10_412, rate(1000, 3600), 250, 0).as_deref(), Some("10,412 writes at 1000/h: about 10 h"));
        assert_eq!(said(1, rate(25, 1), 250, 0).as_deref(), Some("1 write at 25/s: about a second"));
    }

    #[test]
    fn pauses_are_between_batches() {
        // Four batches have three pauses: 40 s of writing, and 30 s.
        let text = Some("1,000 writes at 25/s with 10 s after every 250: about 70 s");
        assert_eq!(said(1000, rate(25, 1), 250, 10).as_deref(), text);
        assert_eq!(said(251, None, 250, 60).as_deref(), Some("251 writes with 60 s after every 250: about 60 s"));
        // One batch has none.
        assert_eq!(said(250, rate(25, 1), 250, 10).as_deref(), Some("250 writes at 25/s: about 10 s"));
        assert_eq!(said(250, None, 250, 10).as_deref(), Some("250 writes: about a second"));
    }

    #[test]
    fn without_a_limit_nobody_knows() {
        assert_eq!(said(10_412, None, 250, 0), None);
        assert_eq!(said(0, rate(25, 1), 250, 10), None);
    }

    #[test]
    fn a_length_of_time_is_as_people_say_it() {
        let say = |seconds: u64| rough(Duration::from_secs(seconds));
        let spoken = [
            (1, "1 s"),
            (89, "89 s"),
            (90, "2 min"),
            (416, "7 min"),
            (89 * 60, "89 min"),
            (90 * 60, "1 h 30 min"),
            (2 * 3600, "2 h"),
            (2 * 3600 + 41 * 60, "2 h 40 min"),
            (10 * 3600, "10 h"),
            (47 * 3600, "47 h"),
            (72 * 3600, "3 days"),
        ];
        for (seconds, text) in spoken {
            assert_eq!(say(seconds), text);
        }
        assert_eq!(rough(Duration::from_millis(250)), "250 ms");
        assert_eq!(rough(Duration::from_millis(1500)), "2 s");
    }

    #[test]
    fn of_two_rates_the_slower_one_holds() {
        let (fast, slow) = (rate(25, 1).expect("a rate"), rate(180, 60).expect("a rate"));
        assert_eq!(fast.slower(slow), slow);
        assert_eq!(slow.slower(fast), slow);
    }

    #[test]
    fn no_forecast_is_too_long_to_say() {
        assert!(said(usize::MAX, rate(1, u64::MAX), 1, u64::MAX).is_some_and(|text| text.contains("days")));
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
