//! How fast letters may leave.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Hands out permits, one per letter, evenly spaced: mail servers that see a flood defer or block its sender.
#[derive(Debug)]
pub struct MailPace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl MailPace {
    /// Returns a pace of at most `per_minute` letters in any minute.
    pub fn per_minute(per_minute: NonZeroU32) -> Self {
        Self { gap: Duration::from_secs(60) / per_minute.get(), next: Mutex::new(Instant::now()) }
    }

    /// Waits until one more letter may be sent. Waiters are served in order; one that gives up takes no permit.
    pub async fn permit(&self) {
        let mut next = self.next.lock().await;
        tokio::time::sleep_until(*next).await;
        *next = Instant::now() + self.gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(per_minute: u32) -> MailPace {
        MailPace::per_minute(NonZeroU32::new(per_minute).expect("not zero"))
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_letters_than_allowed_in_any_minute() {
        let pace = pace(30);
        let start = Instant::now();
        let mut sent = Vec::new();
        for n in 0..100 {
            pace.permit().await;
            sent.push(start.elapsed());
            if n == 50 {
                // A pause earns no credit.
                tokio::time::sleep(Duration::from_secs(300)).await;
            }
        }
        assert_eq!(sent[0], Duration::ZERO);
        for (i, at) in sent.iter().enumerate() {
            let in_window = sent[i..].iter().take_while(|later| **later < *at + Duration::from_secs(60)).count();
            assert!(in_window <= 30, "{in_window} letters in the minute from {at:?}");
        }
        assert!(sent[50] < Duration::from_secs(101), "slower than allowed: {:?}", sent[50]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_gives_up_takes_no_permit() {
        let pace = pace(1);
        let start = Instant::now();
        pace.permit().await;
        tokio::time::timeout(Duration::from_secs(10), pace.permit()).await.expect_err("it gives up");
        pace.permit().await;
        assert_eq!(start.elapsed().as_secs(), 60);
    }
}
