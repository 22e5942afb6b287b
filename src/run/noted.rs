//! What is true of a run as a whole is in the journal as soon as it is told, so that no interruption loses it.

use std::future::Future;
use std::future::pending;

use super::broken;
use crate::directory::Remarks;
use crate::exit::Failure;
use crate::roster::remark::Remark;
use crate::state::State;

/// Those who may have something to tell about a run.
pub(super) struct Noted<'n> {
    state: &'n State,
    run: &'n str,
    /// What the run itself has noticed.
    pub(super) own: Remarks,
    directory: Option<&'n Remarks>,
}

impl<'n> Noted<'n> {
    pub(super) fn new(state: &'n State, run: &'n str, directory: Option<&'n Remarks>) -> Self {
        Self { state, run, own: Remarks::default(), directory }
    }

    /// Writes everything down that was told, and returns it with what was told before an interruption.
    pub(super) async fn keep(&self) -> Result<Vec<Remark>, Failure> {
        self.write().await?;
        self.state.remarks(self.run).await.map_err(broken)
    }

    async fn write(&self) -> Result<(), Failure> {
        let mut told = self.directory.map(Remarks::told).unwrap_or_default();
        told.extend(self.own.told());
        self.state.keep_remarks(self.run, told).await.map_err(broken)
    }

    /// Waits for the end of `work`, and meanwhile writes down what is told. The work is never cut off for that: what
    /// cannot be written now is written, or fails, at the end.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let noting = async {
            loop {
                tokio::select! {
                    () = self.own.news() => {}
                    () = async { match self.directory { Some(told) => told.news().await, None => pending().await } } => {}
                }
                if let Err(failure) = self.write().await {
                    tracing::warn!(
                        run.id = self.run,
                        "A note on the run is not in the journal yet: {}",
                        failure.line()
                    );
                }
            }
        };
        tokio::select! {
            biased;
            ended = work => ended,
            never = noting => never,
        }
    }
}
