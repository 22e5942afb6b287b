//! When waiting for a service ends because the run is to end.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

/// What is waited for all the same, so that what was begun is not left half done for the sake of a moment.
const MOMENT: Duration = Duration::from_secs(5);

/// Whether the run is to end, if anybody can say so.
#[derive(Debug, Default)]
pub struct Stop(OnceLock<CancellationToken>);

/// The run is to end before what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopping;

impl Stop {
    /// Listens to `token` from now on. The first one counts.
    pub fn heed(&self, token: &CancellationToken) {
        let _ = self.0.set(token.clone());
    }

    /// Returns whether the run is to end.
    pub fn is_requested(&self) -> bool {
        self.0.get().is_some_and(CancellationToken::is_cancelled)
    }

    /// Waits until `until`, unless the run is to end long before.
    pub async fn unless_long(&self, until: Instant) -> Result<(), Stopping> {
        let requested = async {
            match self.0.get() {
                Some(token) => token.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = sleep_until(until) => return Ok(()),
            () = requested => {}
        }
        if until > Instant::now() + MOMENT {
            return Err(Stopping);
        }
        sleep_until(until).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_ends_with_the_run_and_a_moment_does_not() {
        let (stop, token) = (Stop::default(), CancellationToken::new());
        let began = Instant::now();
        assert_eq!(stop.unless_long(began + MOMENT * 2).await, Ok(()), "nobody says so");
        stop.heed(&token);
        assert!(!stop.is_requested());
        let began = Instant::now();
        let told = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            token.cancel();
        };
        let (ended, ()) = tokio::join!(stop.unless_long(began + Duration::from_secs(900)), told);
        assert_eq!((ended, began.elapsed().as_secs()), (Err(Stopping), 60));
        assert!(stop.is_requested());
        let began = Instant::now();
        assert_eq!(stop.unless_long(began + MOMENT).await, Ok(()));
        assert!(began.elapsed() >= MOMENT);
        assert_eq!(stop.unless_long(Instant::now() + MOMENT * 2).await, Err(Stopping));
    }
}
