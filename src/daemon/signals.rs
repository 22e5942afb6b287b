//! Signals: the first asks the daemon to stop, the second ends it at once.

use std::io;

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing::warn;

/// The signals that end the daemon: SIGTERM, SIGINT, and SIGHUP, which a closing terminal sends.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// Says that somebody insists: whoever hears it ends the process, as a crash would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abort;

impl Signals {
    /// Takes the signals over from the system, which would end the process at once.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Cancels `stop` at the first signal, and returns at the second.
    pub async fn obey(mut self, stop: CancellationToken) -> Abort {
        let name = self.next().await;
        info!("Stopping on {name}; a second signal ends at once");
        stop.cancel();
        let name = self.next().await;
        warn!("Ending at once on {name}; what is in flight is resumed at the next start");
        Abort
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}
