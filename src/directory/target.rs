//! The kinds of directory, one of which is chosen by the configuration.

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio_util::sync::CancellationToken;

use super::Capabilities;
use super::Directory;
use super::Finding;
use super::Login;
use super::Lookup;
use super::Newest;
use super::Numbers;
use super::Pace;
use super::Remarks;
use super::Wanted;
use super::ldap::Ldap;
use super::local::Local;
use super::scim::Scim;
use crate::roster::account::Account;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::ExistingGroup;
use crate::roster::account::GroupKind;
use crate::roster::attribute::AttributeName;
use crate::roster::fault::Fault;
use crate::roster::forecast::Rate;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;
use crate::roster::place::Home;
use crate::roster::place::Place;
use crate::roster::problem::Problem;
use crate::roster::reference::Fold;
use crate::roster::secret::Secret;

/// A directory of any kind.
#[derive(Debug)]
pub enum Target {
    /// The embedded directory.
    Local(Box<Local>),
    /// An LDAP server.
    Ldap(Box<Ldap>),
    /// A SCIM service.
    Scim(Box<Scim>),
}

impl Directory for Target {
    async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        match self {
            Self::Local(local) => local.capabilities().await,
            Self::Ldap(ldap) => ldap.capabilities().await,
            Self::Scim(scim) => scim.capabilities().await,
        }
    }

    fn objections(&self, account: &Account) -> Vec<Problem> {
        match self {
            Self::Local(local) => local.objections(account),
            Self::Ldap(ldap) => ldap.objections(account),
            Self::Scim(scim) => scim.objections(account),
        }
    }

    fn place(&self, entry: &EntryId, home: &Home<'_>) -> Result<Option<Place>, String> {
        match self {
            Self::Local(local) => local.place(entry, home),
            Self::Ldap(ldap) => ldap.place(entry, home),
            Self::Scim(scim) => scim.place(entry, home),
        }
    }

    fn allocates(&self) -> &'static [&'static str] {
        match self {
            Self::Local(local) => local.allocates(),
            Self::Ldap(ldap) => ldap.allocates(),
            Self::Scim(scim) => scim.allocates(),
        }
    }

    fn stores(&self, attribute: &AttributeName) -> bool {
        match self {
            Self::Local(local) => local.stores(attribute),
            Self::Ldap(ldap) => ldap.stores(attribute),
            Self::Scim(scim) => scim.stores(attribute),
        }
    }

    fn goes_on_without_must_change(&self) -> bool {
        match self {
            Self::Local(local) => local.goes_on_without_must_change(),
            Self::Ldap(ldap) => ldap.goes_on_without_must_change(),
            Self::Scim(scim) => scim.goes_on_without_must_change(),
        }
    }

    fn numbers(&self) -> Option<&Numbers> {
        match self {
            Self::Local(local) => local.numbers(),
            Self::Ldap(ldap) => ldap.numbers(),
            Self::Scim(scim) => scim.numbers(),
        }
    }

    fn max_rate(&self) -> Option<Rate> {
        match self {
            Self::Local(local) => local.max_rate(),
            Self::Ldap(ldap) => ldap.max_rate(),
            Self::Scim(scim) => scim.max_rate(),
        }
    }

    fn remarks(&self) -> Option<&Remarks> {
        match self {
            Self::Local(local) => local.remarks(),
            Self::Ldap(ldap) => ldap.remarks(),
            Self::Scim(scim) => scim.remarks(),
        }
    }

    fn newest(&self) -> Option<&Newest> {
        match self {
            Self::Local(local) => local.newest(),
            Self::Ldap(ldap) => ldap.newest(),
            Self::Scim(scim) => scim.newest(),
        }
    }

    fn heed(&self, stop: &CancellationToken) {
        match self {
            Self::Local(local) => local.heed(stop),
            Self::Ldap(ldap) => ldap.heed(stop),
            Self::Scim(scim) => scim.heed(stop),
        }
    }

    fn fold_of_references(&self) -> Fold {
        match self {
            Self::Local(local) => local.fold_of_references(),
            Self::Ldap(ldap) => ldap.fold_of_references(),
            Self::Scim(scim) => scim.fold_of_references(),
        }
    }

    fn existing(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        let stream: BoxStream<'_, _> = match self {
            Self::Local(local) => local.existing(lookup).boxed(),
            Self::Ldap(ldap) => ldap.existing(lookup).boxed(),
            Self::Scim(scim) => scim.existing(lookup).boxed(),
        };
        stream
    }

    async fn groups(&self, kind: GroupKind, wanted: Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        match self {
            Self::Local(local) => local.groups(kind, wanted).await,
            Self::Ldap(ldap) => ldap.groups(kind, wanted).await,
            Self::Scim(scim) => scim.groups(kind, wanted).await,
        }
    }

    async fn apply(&self, batch: &[Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        match self {
            Self::Local(local) => local.apply(batch, pace).await,
            Self::Ldap(ldap) => ldap.apply(batch, pace).await,
            Self::Scim(scim) => scim.apply(batch, pace).await,
        }
    }

    async fn login(&self, id: &EntryId, username: &str, password: &Secret) -> Result<Login, Fault> {
        match self {
            Self::Local(local) => local.login(id, username, password).await,
            Self::Ldap(ldap) => ldap.login(id, username, password).await,
            Self::Scim(scim) => scim.login(id, username, password).await,
        }
    }

    async fn check(&self) -> Vec<Finding> {
        match self {
            Self::Local(local) => local.check().await,
            Self::Ldap(ldap) => ldap.check().await,
            Self::Scim(scim) => scim.check().await,
        }
    }
}
