//! Signals: the first asks the daemon to stop, the second ends it at once.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing::warn;

/// The signals that end the daemon.
#[derive(Debug)]
pub struct Signals {
    listening: Vec<(&'static str, Signal)>,
}

/// Says that somebody insists: whoever hears it ends the process, as a crash would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abort;

impl Signals {
    /// Takes SIGTERM, SIGINT, and SIGHUP, which a closing terminal sends, over from the system, which would end the
    /// process at once.
    pub fn install() -> io::Result<Self> {
        Self::listen(&[
            ("SIGTERM", SignalKind::terminate()),
            ("SIGINT", SignalKind::interrupt()),
            ("SIGHUP", SignalKind::hangup()),
        ])
    }

    /// Takes over these signals, each with its name.
    pub fn listen(kinds: &[(&'static str, SignalKind)]) -> io::Result<Self> {
        let listening = kinds.iter().map(|(name, kind)| Ok((*name, signal(*kind)?)));
        Ok(Self { listening: listening.collect::<io::Result<_>>()? })
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
        poll_fn(|context| {
            let received = self
                .listening
                .iter_mut()
                .find_map(|(name, signal)| matches!(signal.poll_recv(context), Poll::Ready(Some(()))).then_some(*name));
            received.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}
