//! What the service manager is told. Outside systemd nothing is said to nobody.

use std::time::Duration;

use sd_notify::NotifyState;

/// Something for the service manager to know, as in `sd_notify(3)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Everything is running: units that wait for this one may start.
    Ready,
    /// No new files are taken; what is in flight is being finished.
    Stopping,
    /// One line for `systemctl status`.
    Status(String),
    /// Every part of the daemon is alive.
    Watchdog,
}

/// Tells the service manager. A notice that cannot be delivered is logged and forgotten: work goes on.
pub fn tell(notice: &Notice) {
    if let Err(error) = sd_notify::notify(&[notice.as_state()]) {
        tracing::warn!(%error, "The service manager cannot be told {notice:?}");
    }
}

/// Returns after how long a silence the service manager restarts the daemon, if it does.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero())
}

impl Notice {
    fn as_state(&self) -> NotifyState<'_> {
        match self {
            Self::Ready => NotifyState::Ready,
            Self::Stopping => NotifyState::Stopping,
            Self::Status(line) => NotifyState::Status(line),
            Self::Watchdog => NotifyState::Watchdog,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_the_words_of_sd_notify() {
        let cases = [
            (Notice::Ready, "READY=1"),
            (Notice::Stopping, "STOPPING=1"),
            (Notice::Status("2 folders".to_owned()), "STATUS=2 folders"),
            (Notice::Watchdog, "WATCHDOG=1"),
        ];
        for (notice, expected) in cases {
            assert_eq!(notice.as_state().to_string(), expected);
        }
    }
}
