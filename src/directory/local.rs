//! The built-in directory: accounts, groups, roles and channels in one SQLite file.
//!
//! It is there for a first try, to rehearse an import, and for small sites, and it keeps the same promises as the
//! others. Logins of its accounts are checked with [`Local::verify`].

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use rusqlite::Connection;

use super::Capabilities;
use super::Directory;
use super::Finding;
use super::Login;
use super::Lookup;
use super::Pace;
use super::Wanted;
use crate::roster::account::Account;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::ExistingGroup;
use crate::roster::account::GroupKind;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Done;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::reference::Fold;
use crate::roster::secret::Secret;
use crate::sqlite::Database;
use crate::sqlite::DatabaseError;

mod check;
mod fault;
mod hashing;
mod people;
mod protected;
mod read;
pub mod rules;
mod schema;
mod write;

pub use hashing::Argon2Refused;
pub use hashing::Argon2Settings;
pub use hashing::FLOORS;
use hashing::Hasher;
pub use people::LocalGroup;
pub use people::LocalUser;
pub use people::Verified;
use protected::Protected;
use schema::Identity;
use write::Prepared;
use write::Writer;

/// What a target of kind `local` says.
#[derive(Clone, Debug)]
pub struct LocalSettings {
    /// The SQLite file; it is created when it is missing, its folder is not.
    pub file: PathBuf,
    /// How passwords are hashed.
    pub argon2: Argon2Settings,
    /// User names, patterns of them with `*` and `?`, and `/expressions/`, that are never written.
    pub protected: Vec<String>,
}

/// The built-in directory.
#[derive(Debug)]
pub struct Local {
    settings: LocalSettings,
    database: Database,
    identity: Identity,
    hasher: Hasher,
    protected: Arc<Protected>,
    now: fn() -> jiff::Timestamp,
}

/// Why the built-in directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The file could be neither found nor created.
    #[error("cannot create the local directory {}", file.display())]
    Create {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is no database, or not one of this kind and age.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A rule of `protected` cannot be used.
    #[error("protected: {0}")]
    Protected(String),
}

impl LocalSettings {
    /// Proves what can be proved without opening the file.
    pub fn prove(&self) -> Result<(), LocalError> {
        Protected::new(&self.protected).map(|_| ()).map_err(LocalError::Protected)
    }
}

impl Local {
    /// Opens the file, or creates it for its owner alone, and brings its schema up to date. Blocks meanwhile.
    ///
    /// `now` gives the times that accounts are marked with.
    pub fn open(settings: LocalSettings, now: fn() -> jiff::Timestamp) -> Result<Self, LocalError> {
        let create = |source| LocalError::Create { file: settings.file.clone(), source };
        schema::create(&settings.file).map_err(create)?;
        let database = Database::open(&settings.file, schema::migrate)?;
        let identity = Identity::of(&settings.file).map_err(create)?;
        let hasher = Hasher::new(settings.argon2);
        let protected = Arc::new(Protected::new(&settings.protected).map_err(LocalError::Protected)?);
        Ok(Self { settings, database, identity, hasher, protected, now })
    }

    fn reader(&self) -> impl FnOnce() -> Result<Connection, Fault> + Send + 'static {
        let (file, identity) = (self.settings.file.clone(), self.identity);
        move || read::open(&file, identity)
    }

    /// Runs `work` with a connection that can only read, away from the async threads.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let open = self.reader();
        tokio::task::spawn_blocking(move || work(&open()?).map_err(|e| fault::of(&e)))
            .await
            .unwrap_or_else(|_| Err(Fault::new(Next::Retry, "the local directory stopped in the middle of reading")))
    }

    /// Checks every operation and hashes its password, all at the same time as far as there are cores.
    async fn prepare(&self, batch: &[Operation]) -> Vec<Result<Prepared, Fault>> {
        stream::iter(batch.iter().cloned())
            .map(|mut operation| async {
                if let Some(problem) = rules::refusal(&operation) {
                    return Err(Fault::new(Next::RejectRow, problem.to_string()));
                }
                let password = match &mut operation {
                    Operation::Create(create) => create.password.take(),
                    Operation::Update(update) => update.password.take(),
                    Operation::Delete { .. } | Operation::CreateGroup { .. } | Operation::ChangeMembers { .. } => None,
                };
                let hash = match password {
                    Some(password) => Some(self.hasher.hash(password).await?),
                    None => None,
                };
                Ok(Prepared { operation, hash })
            })
            .buffered(64)
            .collect()
            .await
    }

    async fn write(&self, batch: Vec<Result<Prepared, Fault>>) -> Vec<Result<Done, Fault>> {
        let mut good = Vec::with_capacity(batch.len());
        let mut refused = Vec::with_capacity(batch.len());
        for prepared in batch {
            match prepared {
                Ok(prepared) => {
                    good.push(prepared);
                    refused.push(None);
                }
                Err(fault) => refused.push(Some(fault)),
            }
        }
        let mut done = self.write_checked(good).await.into_iter();
        let unanswered = || Err(Fault::new(Next::LookAgain, "the local directory was closed before it answered"));
        refused.into_iter().map(|fault| fault.map_or_else(|| done.next().unwrap_or_else(unanswered), Err)).collect()
    }

    /// Returns nothing at all when the thread of the database has ended.
    async fn write_checked(&self, batch: Vec<Prepared>) -> Vec<Result<Done, Fault>> {
        if batch.is_empty() {
            return Vec::new();
        }
        let writer = Writer { now: (self.now)(), protected: Arc::clone(&self.protected) };
        let done: Result<_, DatabaseError> =
            self.database.call(move |connection| Ok(writer.batch(connection, &batch))).await;
        done.unwrap_or_default()
    }
}

impl Directory for Local {
    async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        const ALL: &Capabilities = &Capabilities {
            groups: true,
            roles: true,
            channels: true,
            disable: true,
            must_change: true,
            passwords: true,
        };
        Ok(ALL)
    }

    fn objections(&self, account: &Account) -> Vec<Problem> {
        let mut problems = rules::account_problems(&account.username, &account.attributes, account.password.as_ref());
        if let Some(why) = self.protected.why_not_new(&account.username) {
            problems.push(Problem::error(Some("username"), ProblemKind::Protected(why.into())));
        }
        problems
    }

    fn fold_of_references(&self) -> Fold {
        MatchKey::new
    }

    fn existing(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        read::existing(self.reader(), Arc::clone(&self.protected), lookup)
    }

    async fn groups(&self, kind: GroupKind, wanted: Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        self.read(move |connection| read::groups(connection, kind, &wanted)).await
    }

    async fn apply(&self, batch: &[Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        let receipts = |answers: Vec<Result<Done, Fault>>| answers.into_iter().map(|answer| answer.map(Receipt::from));
        let prepared = self.prepare(batch).await;
        if pace.is_unlimited() {
            return receipts(self.write(prepared).await).collect();
        }
        // A batch that is written at one stroke would be too many at once.
        let mut answers = Vec::with_capacity(prepared.len());
        for one in prepared {
            if one.is_ok() {
                pace.permit().await;
            }
            answers.extend(receipts(self.write(vec![one]).await));
        }
        answers
    }

    async fn login(&self, _id: &EntryId, username: &str, password: &Secret) -> Result<Login, Fault> {
        Ok(self.verify(username, password).await?.into())
    }

    async fn check(&self) -> Vec<Finding> {
        self.findings().await
    }
}

/// Returns the word for a kind of group in the file's tables.
fn word(kind: GroupKind) -> &'static str {
    match kind {
        GroupKind::Group => "group",
        GroupKind::Role => "role",
        GroupKind::Channel => "channel",
    }
}

#[cfg(test)]
mod tests;
