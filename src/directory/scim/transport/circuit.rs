//! A service that does not take our credentials is not asked again and again: that is how accounts are locked.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::trouble::Trouble;

/// How long nothing is sent after credentials were refused. A run ends by it; the next one begins later.
const OPEN_FOR: Duration = Duration::from_secs(30);

/// Lets requests through, until credentials are refused.
#[derive(Debug, Default)]
pub struct Circuit {
    open: Mutex<Option<(Instant, String)>>,
}

impl Circuit {
    /// Returns why nothing may be sent, if nothing may.
    pub fn prove_closed(&self) -> Result<(), Trouble> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match &*open {
            Some((since, why)) if since.elapsed() < OPEN_FOR => Err(Trouble::Unauthorized(why.clone())),
            Some(_) => {
                *open = None;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Lets nothing through for a while.
    pub fn open(&self, why: &str) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), why.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_refusal_nothing_passes_for_a_while() {
        let circuit = Circuit::default();
        assert_eq!(circuit.prove_closed(), Ok(()));
        circuit.open("no");
        tokio::time::advance(OPEN_FOR - Duration::from_millis(1)).await;
        assert_eq!(circuit.prove_closed(), Err(Trouble::Unauthorized("no".into())));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(circuit.prove_closed(), Ok(()));
    }
}
