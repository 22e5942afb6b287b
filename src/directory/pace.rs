//! The one place that says when the next operation may be sent.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;
use governor::RateLimiter;
use governor::clock::Clock;
use governor::clock::Reference;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::InMemoryState;
use governor::state::NotKeyed;
use tokio::time::Instant;

/// Hands out permits, one per operation, never more than the rate in any window of a second.
#[derive(Debug)]
pub struct Pace {
    limiter: Option<RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<TokioInstant>>>,
}

impl Pace {
    /// Returns a pace without a limit.
    pub fn unlimited() -> Self {
        Self { limiter: None }
    }

    /// Returns a pace of at most `per_second` operations a second, evenly spaced.
    pub fn per_second(per_second: NonZeroU32) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(NonZeroU32::MIN);
        Self { limiter: Some(RateLimiter::direct_with_clock(quota, TokioClock)) }
    }

    /// Returns whether there is no limit, so that a directory may send a batch at one stroke.
    pub fn is_unlimited(&self) -> bool {
        self.limiter.is_none()
    }

    /// Waits until one more operation may be sent.
    pub async fn permit(&self) {
        while let Err(wait) = self.try_permit() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes the permit for one more operation, or returns how long there is none.
    pub fn try_permit(&self) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check().map_err(|not_yet| not_yet.wait_time_from(TokioClock.now()))
    }
}

/// Tokio's clock, so that a test which pauses time pauses the limiter too.
#[derive(Clone, Copy, Debug)]
struct TokioClock;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TokioInstant(Instant);

impl Clock for TokioClock {
    type Instant = TokioInstant;

    fn now(&self) -> TokioInstant {
        TokioInstant(Instant::now())
    }
}

impl Reference for TokioInstant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        let duration: Duration = duration.into();
        Self(self.0.checked_sub(duration).unwrap_or(self.0))
    }
}

impl std::ops::Add<Nanos> for TokioInstant {
    type Output = Self;

    fn add(self, duration: Nanos) -> Self {
        let duration: Duration = duration.into();
        Self(self.0 + duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn never_more_than_the_rate_in_any_second() {
        let pace = Pace::per_second(NonZeroU32::new(20).expect("20 is not zero"));
        let start = Instant::now();
        let mut sent = Vec::new();
        for _ in 0..100 {
            pace.permit().await;
            sent.push(start.elapsed());
        }
        for (i, at) in sent.iter().enumerate() {
            let in_window = sent[i..].iter().take_while(|later| **later < *at + Duration::from_secs(1)).count();
            assert!(in_window <= 20, "{in_window} operations in the second from {at:?}");
        }
        assert!(sent[99] >= Duration::from_millis(4900), "{:?}", sent[99]);
    }
}
