//! What is true of a run as a whole, and which server it writes to, is in the journal as soon as it is told, so that no
//! interruption loses it.

use std::future::Future;
use std::future::pending;

use super::broken;
use crate::directory::Directory;
use crate::directory::Newest;
use crate::directory::Remarks;
use crate::exit::Failure;
use crate::roster::remark::Remark;
use crate::state::State;
use crate::state::run::Run;

/// Those who may have something to tell about a run.
pub(super) struct Noted<'n> {
    state: &'n State,
    run: &'n Run,
    /// What the run itself has noticed.
    pub(super) own: Remarks,
    directory: Option<&'n Remarks>,
    newest: Option<&'n Newest>,
}

impl<'n> Noted<'n> {
    pub(super) fn new<D: Directory>(state: &'n State, run: &'n Run, directory: &'n D) -> Self {
        Self { state, run, own: Remarks::default(), directory: directory.remarks(), newest: directory.newest() }
    }

    /// Writes everything down that was told, and returns it with what was told before an interruption.
    pub(super) async fn keep(&self) -> Result<Vec<Remark>, Failure> {
        self.write().await?;
        self.state.remarks(&self.run.id).await.map_err(broken)
    }

    async fn write(&self) -> Result<(), Failure> {
        let mut told = self.directory.map(Remarks::told).unwrap_or_default();
        told.extend(self.own.told());
        self.state.keep_remarks(&self.run.id, told).await.map_err(broken)
    }

    /// Writes down which server is written to, and how far it has come.
    pub(super) async fn keep_newest(&self) -> Result<(), Failure> {
        let Some((newest, server)) = self.newest.and_then(|newest| Some((newest, newest.server()?))) else {
            return Ok(());
        };
        let progress = newest.progress();
        self.state.keep_newest(&self.run.target, &server, progress.as_deref()).await.map_err(broken)
    }

    /// Waits for the end of `work`, and meanwhile writes down what is told. The work is never cut off for that: what
    /// cannot be written now is written, or fails, at the end.
    pub(super) async fn during<T>(&self, writes: bool, work: impl Future<Output = T>) -> T {
        let newest = self.newest.filter(|_| writes);
        let noting = async {
            loop {
                let written = tokio::select! {
                    () = self.own.news() => self.write().await,
                    () = async { match self.directory { Some(told) => told.news().await, None => pending().await } } => self.write().await,
                    () = async { match newest { Some(newest) => newest.news().await, None => pending().await } } => {
                        self.keep_newest().await
                    }
                };
                if let Err(failure) = written {
                    tracing::warn!(
                        run.id = self.run.id,
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
