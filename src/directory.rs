//! The seam to the edge: everything rosterd knows about a directory, whatever its kind.

use std::future::Future;
use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::Stream;
use tokio_util::sync::CancellationToken;

use crate::roster::account::Account;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::ExistingGroup;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::account::MatchBy;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Schema;
use crate::roster::fault::Fault;
use crate::roster::forecast::Rate;
use crate::roster::forecast::Tempo;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;
use crate::roster::place::Home;
use crate::roster::place::Place;
use crate::roster::problem::Problem;
use crate::roster::reference::Fold;
use crate::roster::secret::Secret;

pub mod ldap;
pub mod local;
pub mod memory;
mod name_rules;
pub mod newest;
pub mod numbers;
pub mod pace;
pub mod remarks;
pub mod scim;
pub mod target;

pub use newest::Newest;
pub use numbers::Numbers;
pub use pace::Pace;
pub use remarks::Remarks;

/// A target that holds accounts and groups.
///
/// Reads are complete or they are a fault: a stream that ends without an `Err` has delivered everything that was asked
/// for, and a directory that cannot prove that says so with a fault. Nothing is ever concluded from silence.
pub trait Directory: Send + Sync {
    /// What the target can do. A target that says so itself is asked, once.
    fn capabilities(&self) -> impl Future<Output = Result<&Capabilities, Fault>> + Send;

    /// What the target would refuse about an account that is to be created, found without asking it: by what it has
    /// told when its capabilities were asked for.
    fn objections(&self, account: &Account) -> Vec<Problem>;

    /// Returns where an entry belongs, when that is another place than where it is; found like [`Self::objections`].
    /// Targets without places know none. An error says why the feed's place is none.
    fn place(&self, entry: &EntryId, home: &Home<'_>) -> Result<Option<Place>, String> {
        let _ = (entry, home);
        Ok(None)
    }
    /// Returns how the values of attributes that refer to accounts, such as `manager`, are compared. The value that
    /// refers to an account is its [`EntryId::locator`].
    fn fold_of_references(&self) -> Fold;

    /// Returns the attributes of which new accounts get values that the target gives out, found like
    /// [`Self::objections`].
    fn allocates(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns whether the target keeps what is written of an attribute, as far as that is known: after its capabilities
    /// were asked for, and more so after it was written to.
    fn stores(&self, attribute: &AttributeName) -> bool {
        let _ = attribute;
        true
    }

    /// Returns whether a change of password at the next login that cannot be forced is left out, and told once, rather
    /// than an error of each row: so where the protocol knows of none (RFC 7643).
    fn goes_on_without_must_change(&self) -> bool {
        false
    }

    /// Returns the numbers that the target gives out, if it does.
    fn numbers(&self) -> Option<&Numbers> {
        None
    }

    /// Returns how fast the target itself lets anybody write, whatever a feed says.
    fn max_rate(&self) -> Option<Rate> {
        None
    }

    /// Returns where the target tells what is true of the run as a whole, if it ever does.
    fn remarks(&self) -> Option<&Remarks> {
        None
    }

    /// Returns where the target tells which of its servers is written to, if it can have several. Whoever tells it before
    /// the target is first asked for anything has that server asked first.
    fn newest(&self) -> Option<&Newest> {
        None
    }

    /// Listens to what says that the run must end: from then on nothing waits for long, and nothing new is begun. Targets
    /// that never wait for long need not.
    fn heed(&self, stop: &CancellationToken) {
        let _ = stop;
    }

    /// Streams the accounts that `lookup` asks for, each once, in any order.
    fn existing(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send;

    /// Returns the groups, roles or channels that exist among those wanted.
    fn groups(&self, kind: GroupKind, wanted: Wanted)
    -> impl Future<Output = Result<Vec<ExistingGroup>, Fault>> + Send;

    /// Does `batch`, at most as fast as `pace` allows, and returns one answer per operation, in order.
    ///
    /// The operations of a batch concern different entries, or different groups, so their order does not matter.
    /// [`Next::LookAgain`](crate::roster::fault::Next::LookAgain) says that nobody knows whether an operation was done.
    /// Dropping the future may leave operations half way: callers let it finish.
    fn apply(&self, batch: &[Operation], pace: &Pace) -> impl Future<Output = Vec<Result<Receipt, Fault>>> + Send;

    /// Tries one login with a password that was just written, as the person would, on a connection of its own.
    ///
    /// The password is offered once, so that no login can ever count towards a lock. An `Err` says that nobody knows
    /// what a login comes to.
    fn login(
        &self,
        id: &EntryId,
        username: &str,
        password: &Secret,
    ) -> impl Future<Output = Result<Login, Fault>> + Send;

    /// Proves that the target can be used as configured: one finding per thing tried, in plain words.
    fn check(&self) -> impl Future<Output = Vec<Finding>> + Send;
}

/// What a target can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Groups can be read and written.
    pub groups: bool,
    /// Roles can be read and written.
    pub roles: bool,
    /// Channels can be read and written.
    pub channels: bool,
    /// An account can be switched off and on.
    pub disable: bool,
    /// A change of password at the next login can be forced, and read back.
    pub must_change: bool,
    /// Passwords are written. Without it none is ever told to anybody.
    pub passwords: bool,
}

/// What a login came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// The person is in.
    Welcome,
    /// The password is right, and must be changed before anything else.
    MustChange,
    /// The person is not in; the text says why, as far as the directory tells.
    Refused(String),
}

/// Which accounts to read, and what of them.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Which accounts.
    pub which: Which,
    /// Which attributes to return. The login name, the id and the state come anyway.
    pub attributes: Schema,
}

/// Which accounts to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every account within the target's base.
    All,
    /// The accounts whose value is one of these, compared as the directory compares.
    Matching {
        /// Username or an attribute.
        by: MatchBy,
        /// The values, in any spelling.
        values: Vec<Box<str>>,
    },
    /// These entries, as far as they are still there.
    Ids(Vec<EntryId>),
    /// The entries at these places ([`EntryId::locator`], in any spelling), as far as there are some.
    Located(Vec<Box<str>>),
}

/// Which groups to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of the target.
    All,
    /// Those with these names, as far as they exist.
    Named(Vec<GroupName>),
}

/// One thing that `rosterd check` tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was tried, such as `bind as cn=rosterd,dc=example,dc=org`.
    pub subject: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It works; the text adds what was found.
    Good(String),
    /// It works, but an admin should know this.
    Warning(String),
    /// It does not work; the second text says what to do.
    Bad(String, String),
}

/// How fast a run may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Operations between two pauses.
    pub batch_size: std::num::NonZeroUsize,
    /// Pause between two batches.
    pub pause: Duration,
    /// Operations per second at most.
    pub max_rate: Option<NonZeroU32>,
}

impl Throttle {
    /// Returns how fast a run writes to a target that is itself no faster than `own`.
    pub fn tempo(&self, own: Option<Rate>) -> Tempo {
        let Self { batch_size, pause, max_rate } = *self;
        let feed = max_rate.map(Rate::per_second);
        let rate = match (feed, own) {
            (Some(feed), Some(own)) => Some(feed.slower(own)),
            (feed, own) => feed.or(own),
        };
        Tempo { rate, batch_size, pause }
    }
}
