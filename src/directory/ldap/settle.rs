//! Servers that write the state of an account only after they have answered a new password.

use std::time::Duration;

use tokio::time::Instant;
use tokio::time::sleep;

use super::Dsa;
use super::connection::Connection;
use super::fault::During;
use super::fault::refused;
use super::profile::Settled;
use super::profile::Wanted;
use super::write::another;
use crate::roster::account::EntryId;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Done;

/// Between two looks at an account whose state the server has still to write.
const SETTLING: Duration = Duration::from_millis(5);
/// How long a server may take for that.
const SETTLED: Duration = Duration::from_secs(3);

impl Dsa {
    /// Waits until a server that writes the state of an account after its answer has done so, and corrects it.
    pub(super) async fn settle(
        &self,
        connection: &Connection,
        id: &EntryId,
        wanted: Wanted<'_>,
    ) -> Result<Done, Fault> {
        let credentials = &self.site.profile.credentials;
        let Some(settles) = credentials.settles.filter(|_| wanted.password.is_some()) else { return Ok(Done::Changed) };
        // Half of it is done, so only a look can tell what to do next.
        let half_done = |fault: Fault| Fault { next: Next::LookAgain, ..fault };
        let started = Instant::now();
        let mods = loop {
            let read = self.read_one(connection, &id.locator, &self.same(id), credentials.attributes).await;
            match settles(wanted, &read.map_err(half_done)?.ok_or_else(another)?) {
                Settled::Then(mods) => break mods,
                Settled::NotYet if started.elapsed() < SETTLED => sleep(SETTLING).await,
                // It has nothing to write. Were it only slow, then whoever reads the account back sees no proof.
                Settled::NotYet => return Ok(Done::Changed),
            }
        };
        if mods.is_empty() {
            return Ok(Done::Changed);
        }
        let sent = connection.modify(&self.address(id).name, mods, Vec::new()).await;
        let answer = sent.map_err(|trouble| half_done(trouble.of_write()))?;
        match answer.rc {
            0 => Ok(Done::Changed),
            _ => Err(half_done(refused(During::Modify, &answer, None))),
        }
    }
}
