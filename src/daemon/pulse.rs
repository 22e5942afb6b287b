//! Signs of life of the workers.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

/// How often a worker gives a sign.
pub(super) const BEAT: Duration = Duration::from_secs(2);

/// After this silence a worker does not count as alive.
const SILENCE: Duration = Duration::from_secs(30);

/// The signs of life of all workers.
#[derive(Debug, Default)]
pub(super) struct Pulses {
    workers: Vec<(String, Pulse)>,
}

/// One worker's sign of life.
#[derive(Clone, Debug)]
pub(super) struct Pulse(Arc<Mutex<Instant>>);

impl Pulses {
    /// Expects signs of one more worker from now on.
    pub(super) fn add(&mut self, name: String) -> Pulse {
        let pulse = Pulse(Arc::new(Mutex::new(Instant::now())));
        self.workers.push((name, pulse.clone()));
        pulse
    }

    /// Returns a worker that nothing has been heard of for too long.
    pub(super) fn silent(&self) -> Option<&str> {
        // The sign of a worker that has ended in order is shared with nobody any more.
        let is_silent = |pulse: &Pulse| Arc::strong_count(&pulse.0) > 1 && pulse.last().elapsed() > SILENCE;
        self.workers.iter().find(|(_, pulse)| is_silent(pulse)).map(|(name, _)| name.as_str())
    }
}

impl Pulse {
    /// Gives a sign.
    pub(super) fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_gives_no_sign_is_named_until_it_does() {
        let mut pulses = Pulses::default();
        let (a, b) = (pulses.add("a".to_owned()), pulses.add("b".to_owned()));
        tokio::time::advance(SILENCE).await;
        assert_eq!(pulses.silent(), None);
        a.beat();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(pulses.silent(), Some("b"));
        b.beat();
        assert_eq!(pulses.silent(), None);
        drop(a);
        tokio::time::advance(SILENCE - Duration::from_secs(1)).await;
        assert_eq!(pulses.silent(), None, "a has ended, b is alive");
    }
}
