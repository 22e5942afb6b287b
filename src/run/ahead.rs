//! Roster and directory, read side by side.

use futures_util::StreamExt;
use futures_util::stream;
use futures_util::stream::BoxStream;

use super::feed::Feed;
use super::planning::PlanningError;
use super::reading;
use super::reading::Reading;
use crate::directory::Directory;
use crate::directory::Lookup;
use crate::directory::Which;
use crate::roster::account::ExistingAccount;
use crate::roster::account::MatchBy;
use crate::roster::fault::Fault;
use crate::roster::planner::OldPolicy;
use crate::roster::rows::Rows;
use crate::state::run::Run;

/// How many rows make it worth reading the whole directory rather than asking for each.
const ASK_FOR_EACH: usize = 500;
/// How many accounts are kept at most while the roster is still being read.
const AHEAD: usize = 8_000;

/// Reads the roster, and meanwhile the first accounts of the directory, when it is to be read as a whole anyway. What is
/// wrong with the roster comes before what is wrong with the directory.
pub(super) async fn read_both<'d, D: Directory>(
    run: &Run,
    feed: &Feed,
    directory: &'d D,
) -> Result<(Reading, BoxStream<'d, Result<ExistingAccount, Fault>>), PlanningError> {
    let mut roster = std::pin::pin!(reading::read(run.spool.clone().into(), feed));
    let existing = |which| directory.existing(Lookup { which, attributes: feed.attributes.clone() }).boxed();
    if !reads_all(feed, None) {
        let read = roster.await?;
        let which = if reads_all(feed, Some(&read.rows)) {
            Which::All
        } else {
            let values = read.rows.accounts.iter().map(|account| account.match_value().into()).collect();
            Which::Matching { by: feed.matching.by.clone(), values }
        };
        return Ok((read, existing(which)));
    }
    let mut rest = existing(Which::All).fuse();
    let mut ahead = Vec::new();
    let read = loop {
        tokio::select! {
            biased;
            read = &mut roster => break read?,
            Some(entry) = rest.next(), if ahead.len() < AHEAD => ahead.push(entry),
        }
    };
    // A read that rests while it gets to know the directory keeps everybody else from it, so it goes on until then.
    if ahead.is_empty() {
        ahead.extend(rest.next().await);
    }
    if let Some(Err(fault)) = ahead.pop_if(|last| last.is_err()) {
        return Err(fault.into());
    }
    Ok((read, stream::iter(ahead).chain(rest).boxed()))
}

/// Returns whether every account of the target is to be read: for some feeds that is so whatever rows there are.
pub(super) fn reads_all(feed: &Feed, rows: Option<&Rows>) -> bool {
    feed.plan.old != OldPolicy::Keep
        || feed.plan.seats.is_some()
        || !feed.matching.unique.is_empty()
        || feed.matching.by != MatchBy::Username
        || rows.is_some_and(|rows| rows.accounts.len() > ASK_FOR_EACH)
}
