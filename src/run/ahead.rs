//! Roster and directory, read side by side.

use std::collections::VecDeque;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use futures_util::stream::Fuse;

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
/// How many octets of accounts are kept at most before they are looked at.
const AHEAD: usize = 32 << 20;
/// How many accounts are looked at before the directory has its turn: a fraction of a millisecond's work.
const TURN: usize = 32;

/// Reads the roster, and meanwhile the first accounts of the directory, when it is to be read as a whole anyway. What is
/// wrong with the roster comes before what is wrong with the directory.
pub(super) async fn read_both<'d, D: Directory>(
    run: &Run,
    feed: &Feed,
    directory: &'d D,
) -> Result<(Reading, Ahead<'d>), PlanningError> {
    let mut roster = std::pin::pin!(reading::read(run.spool.clone().into(), feed));
    let existing = |which| Ahead::of(directory.existing(Lookup { which, attributes: feed.attributes.clone() }).boxed());
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
    let mut existing = existing(Which::All);
    let read = tokio::select! {
        biased;
        read = &mut roster => read?,
        () = async { while existing.read_on().await {} } => roster.await?,
    };
    // A read that rests while it gets to know the directory keeps everybody else from it, so it goes on until then.
    if existing.read.is_empty() {
        existing.read_on().await;
    }
    if let Some(Err(fault)) = existing.read.pop_back_if(|last| last.is_err()) {
        return Err(fault.into());
    }
    Ok((read, existing))
}

/// The accounts of a directory, read before somebody asks for them, so that the directory need not wait: while the
/// roster is read, and then while others are looked at.
pub(super) struct Ahead<'d> {
    rest: Fuse<BoxStream<'d, Result<ExistingAccount, Fault>>>,
    read: VecDeque<Result<ExistingAccount, Fault>>,
    /// How many octets those take that are read.
    octets: usize,
    /// How many are given away before the directory has its turn.
    turn: usize,
}

impl<'d> Ahead<'d> {
    fn of(accounts: BoxStream<'d, Result<ExistingAccount, Fault>>) -> Self {
        Self { rest: accounts.fuse(), read: VecDeque::new(), octets: 0, turn: TURN }
    }

    /// Gives away the next one.
    pub async fn next(&mut self) -> Option<Result<ExistingAccount, Fault>> {
        if self.turn == 0 {
            self.turn = TURN;
            // Lets connections carry what has come; then the directory is asked for more.
            tokio::task::yield_now().await;
            while self.read_on().now_or_never() == Some(true) {}
        }
        self.turn -= 1;
        if self.read.is_empty() {
            self.read_on().await;
        }
        let account = self.read.pop_front()?;
        self.octets -= octets_of(&account);
        Some(account)
    }

    /// Reads one more, if there is one, and room for it.
    async fn read_on(&mut self) -> bool {
        if self.octets >= AHEAD {
            return false;
        }
        let Some(account) = self.rest.next().await else { return false };
        self.octets += octets_of(&account);
        self.read.push_back(account);
        true
    }
}

fn octets_of(account: &Result<ExistingAccount, Fault>) -> usize {
    account.as_ref().map_or(0, ExistingAccount::octets)
}

/// Returns whether every account of the target is to be read: for some feeds that is so whatever rows there are.
pub(super) fn reads_all(feed: &Feed, rows: Option<&Rows>) -> bool {
    feed.plan.old != OldPolicy::Keep
        || feed.plan.seats.is_some()
        || !feed.matching.unique.is_empty()
        || feed.matching.by != MatchBy::Username
        || rows.is_some_and(|rows| rows.accounts.len() > ASK_FOR_EACH)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;

    use futures_util::stream;

    use super::*;
    use crate::roster::account::EntryId;

    const LARGE: usize = 1 << 20;

    fn account(number: usize) -> ExistingAccount {
        ExistingAccount {
            id: EntryId::default(),
            username: number.to_string().into(),
            attributes: [("description", vec!["x".repeat(LARGE)])].into_iter().collect(),
            enabled: true,
            must_change: None,
            protected: None,
            archived: false,
        }
    }

    #[tokio::test]
    async fn everybody_is_given_in_order_and_no_more_is_kept_than_there_is_room_for() {
        let n_read = AtomicUsize::new(0);
        let read = |number| {
            n_read.fetch_add(1, Ordering::Relaxed);
            Ok(account(number))
        };
        let mut ahead = Ahead::of(stream::iter(0..100).map(read).boxed());
        let mut most = 0;
        for number in 0..100 {
            let account = ahead.next().await.expect("another one").expect("no fault");
            assert_eq!(*account.username, *number.to_string());
            most = most.max(n_read.load(Ordering::Relaxed) - number);
        }
        assert!(ahead.next().await.is_none() && ahead.octets == 0);
        // Each takes a little more than its value.
        assert_eq!(most, AHEAD / LARGE);
    }

    #[tokio::test]
    async fn what_was_read_is_given_whether_or_not_there_is_more() {
        let rest = stream::pending();
        let mut ahead = Ahead::of(stream::iter((0..2 * TURN).map(|number| Ok(account(number)))).chain(rest).boxed());
        for _ in 0..2 * TURN {
            assert!(ahead.next().await.is_some());
        }
    }
}
