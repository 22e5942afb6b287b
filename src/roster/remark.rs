//! What is true of a run as a whole, and of no person in it.

use std::fmt;

/// Something that happened to a run and that its people should know: one sentence, told once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Remark {
    /// The run had ended early, and goes on.
    WentOn,
    /// The target has no accounts at all, and an operator has said that this is on purpose.
    BelievedEmpty,
    /// Another server of the target is used from then on; its URL.
    OtherServer(String),
    /// A server takes no writes; its URL.
    TakesNoWrites(String),
    /// Batches were to be transactions, and are not any more.
    WithoutTransactions(NoTransactions),
    /// The server had more to do than it could.
    Busy,
    /// A read did not succeed at once.
    ReadAgain,
    /// It was not known what came of some operations, so that their entries were looked at.
    LookedUp,
    /// The target refuses an attribute, or says that it has stored it and has not; its name.
    NotStored(String),
    /// The target offers something that it does not do; what.
    DoesWithout(String),
}

/// Why there are no transactions any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoTransactions {
    /// The server cannot be reached.
    Unreachable,
    /// The server does not offer them.
    NotOffered,
    /// The server does not start one.
    NotStarted,
    /// The connection was lost during one.
    LostDuring,
    /// The connection was lost after one.
    LostAfter,
}

impl NoTransactions {
    const ALL: [Self; 5] = [Self::Unreachable, Self::NotOffered, Self::NotStarted, Self::LostDuring, Self::LostAfter];

    fn key(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NotOffered => "not_offered",
            Self::NotStarted => "not_started",
            Self::LostDuring => "lost_during",
            Self::LostAfter => "lost_after",
        }
    }
}

impl fmt::Display for NoTransactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "the server could not be reached",
            Self::NotOffered => "the server does not offer them (RFC 5805)",
            Self::NotStarted => "the server did not start one",
            Self::LostDuring => "the connection was lost during one",
            Self::LostAfter => "the connection was lost after one",
        })
    }
}

impl Remark {
    /// Returns the word that is stored, and that programs read.
    pub fn key(&self) -> &'static str {
        match self {
            Self::WentOn => "went_on",
            Self::BelievedEmpty => "believed_empty",
            Self::OtherServer(_) => "other_server",
            Self::TakesNoWrites(_) => "takes_no_writes",
            Self::WithoutTransactions(_) => "without_transactions",
            Self::Busy => "busy",
            Self::ReadAgain => "read_again",
            Self::LookedUp => "looked_up",
            Self::NotStored(_) => "not_stored",
            Self::DoesWithout(_) => "does_without",
        }
    }

    /// Returns what else is stored of it: a server or a reason, or nothing.
    pub fn detail(&self) -> &str {
        match self {
            Self::OtherServer(what) | Self::TakesNoWrites(what) | Self::NotStored(what) | Self::DoesWithout(what) => {
                what
            }
            Self::WithoutTransactions(why) => why.key(),
            Self::WentOn | Self::BelievedEmpty | Self::Busy | Self::ReadAgain | Self::LookedUp => "",
        }
    }

    /// Makes a remark of what was stored; `None` if another version has stored it.
    pub fn of(key: &str, detail: &str) -> Option<Self> {
        Some(match key {
            "went_on" => Self::WentOn,
            "believed_empty" => Self::BelievedEmpty,
            "other_server" => Self::OtherServer(detail.to_owned()),
            "takes_no_writes" => Self::TakesNoWrites(detail.to_owned()),
            "without_transactions" => {
                Self::WithoutTransactions(NoTransactions::ALL.into_iter().find(|why| why.key() == detail)?)
            }
            "busy" => Self::Busy,
            "read_again" => Self::ReadAgain,
            "looked_up" => Self::LookedUp,
            "not_stored" => Self::NotStored(detail.to_owned()),
            "does_without" => Self::DoesWithout(detail.to_owned()),
            _ => return None,
        })
    }

    /// Returns what an admin can do about it, or need not do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::WentOn => "nothing is to be done: whoever was done before was not done again",
            Self::BelievedEmpty => "if that was a mistake, restore the directory before anything else is imported",
            Self::OtherServer(_) => "look at the server before it; it is tried first again after a pause",
            Self::TakesNoWrites(_) => "name the servers that take writes first in `url`, or leave the others out",
            Self::WithoutTransactions(_) => {
                "the import is slower, nothing is lost; if this comes again, set `transactions = false`"
            }
            Self::Busy => "if its other clients suffer, lower `in_flight` or `max_rate`, or set a `pause`",
            Self::ReadAgain => {
                "nothing is to be done: what was read is complete; if this comes again, look at the network"
            }
            Self::LookedUp => "nothing is to be done: nothing was sent twice; if this comes again, look at the network",
            Self::NotStored(_) => "take it out of `[feed.map]`, or have the service store it",
            Self::DoesWithout(_) => "nothing is to be done; the configuration can say so beforehand, which saves a try",
        }
    }
}

/// The sentence, without a full stop.
impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WentOn => f.write_str("the run had ended early, and has gone on where it was"),
            Self::BelievedEmpty => {
                f.write_str("the directory had no accounts at all, which an operator says is on purpose")
            }
            Self::OtherServer(url) => {
                write!(f, "{url} was used from some time on, since the server before it was not available")
            }
            Self::TakesNoWrites(url) => write!(f, "{url} takes no writes and was passed over"),
            Self::WithoutTransactions(why) => write!(f, "the run has gone on without transactions: {why}"),
            Self::Busy => {
                f.write_str("the server said that it was busy; what it had refused for that was sent again later")
            }
            Self::ReadAgain => f.write_str("the directory could not be read at the first attempt, and was read again"),
            Self::LookedUp => f.write_str("some answers of the directory did not come; what it had done was looked up"),
            Self::NotStored(attribute) => write!(f, "the target does not store `{attribute}`, which is left out"),
            Self::DoesWithout(what) => write!(f, "the target has no {what} after all, and the run has gone on without"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back_as_it_was() {
        let url = "ldaps://b.example.org".to_owned();
        let plain = [Remark::WentOn, Remark::BelievedEmpty, Remark::Busy, Remark::ReadAgain, Remark::LookedUp];
        let servers = [Remark::OtherServer(url.clone()), Remark::TakesNoWrites(url)];
        let lacks = [Remark::NotStored("title".to_owned()), Remark::DoesWithout("PATCH".to_owned())];
        let transactions = NoTransactions::ALL.map(Remark::WithoutTransactions);
        for remark in plain.into_iter().chain(servers).chain(lacks).chain(transactions) {
            assert_eq!(Remark::of(remark.key(), remark.detail()).as_ref(), Some(&remark));
        }
        assert_eq!(Remark::of("told_by_a_newer_one", ""), None);
        assert_eq!(Remark::of("without_transactions", "for_a_newer_reason"), None);
    }
}
