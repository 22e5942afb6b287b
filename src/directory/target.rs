//! The kinds of directory, one of which is chosen by the configuration.

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

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
use crate::roster::account::Account;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::ExistingGroup;
use crate::roster::account::GroupKind;
use crate::roster::fault::Fault;
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
}

impl Directory for Target {
    async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        match self {
            Self::Local(local) => local.capabilities().await,
            Self::Ldap(ldap) => ldap.capabilities().await,
        }
    }

    fn objections(&self, account: &Account) -> Vec<Problem> {
        match self {
            Self::Local(local) => local.objections(account),
            Self::Ldap(ldap) => ldap.objections(account),
        }
    }

    fn place(&self, entry: &EntryId, home: &Home<'_>) -> Result<Option<Place>, String> {
        match self {
            Self::Local(local) => local.place(entry, home),
            Self::Ldap(ldap) => ldap.place(entry, home),
        }
    }

    fn allocates(&self) -> &'static [&'static str] {
        match self {
            Self::Local(local) => local.allocates(),
            Self::Ldap(ldap) => ldap.allocates(),
        }
    }

    fn numbers(&self) -> Option<&Numbers> {
        match self {
            Self::Local(local) => local.numbers(),
            Self::Ldap(ldap) => ldap.numbers(),
        }
    }

    fn remarks(&self) -> Option<&Remarks> {
        match self {
            Self::Local(local) => local.remarks(),
            Self::Ldap(ldap) => ldap.remarks(),
        }
    }

    fn newest(&self) -> Option<&Newest> {
        match self {
            Self::Local(local) => local.newest(),
            Self::Ldap(ldap) => ldap.newest(),
        }
    }

    fn fold_of_references(&self) -> Fold {
        match self {
            Self::Local(local) => local.fold_of_references(),
            Self::Ldap(ldap) => ldap.fold_of_references(),
        }
    }

    fn existing(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        let stream: BoxStream<'_, _> = match self {
            Self::Local(local) => local.existing(lookup).boxed(),
            Self::Ldap(ldap) => ldap.existing(lookup).boxed(),
        };
        stream
    }

    async fn groups(&self, kind: GroupKind, wanted: Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        match self {
            Self::Local(local) => local.groups(kind, wanted).await,
            Self::Ldap(ldap) => ldap.groups(kind, wanted).await,
        }
    }

    async fn apply(&self, batch: &[Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        match self {
            Self::Local(local) => local.apply(batch, pace).await,
            Self::Ldap(ldap) => ldap.apply(batch, pace).await,
        }
    }

    async fn login(&self, id: &EntryId, username: &str, password: &Secret) -> Result<Login, Fault> {
        match self {
            Self::Local(local) => local.login(id, username, password).await,
            Self::Ldap(ldap) => ldap.login(id, username, password).await,
        }
    }

    async fn check(&self) -> Vec<Finding> {
        match self {
            Self::Local(local) => local.check().await,
            Self::Ldap(ldap) => ldap.check().await,
        }
    }
}
