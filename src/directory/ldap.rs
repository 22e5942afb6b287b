//! An LDAP server as a directory.

use std::future::Future;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::TryStreamExt;
use futures_util::stream;
use tokio::sync::OnceCell;

use self::connection::Connection;
use self::guarded::Guarded;
use self::pool::Pool;
use self::posix::Looked;
use self::readback::ReadBack;
use self::readback::Shown;
use self::required::KnownSchema;
use self::settings::Site;
use self::storage::Proof;
use self::transaction::Transactions;
use self::window::Window;
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
use crate::roster::account::Account;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::ExistingGroup;
use crate::roster::account::GroupKind;
use crate::roster::attribute::AttributeName;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;
use crate::roster::place::Home;
use crate::roster::place::Place;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::reference::Fold;
use crate::roster::secret::Secret;

mod address;
mod ber;
mod check;
mod clash;
mod complete;
mod connection;
mod dial;
mod entry;
mod exop;
mod fault;
mod filter;
mod group;
mod guarded;
mod held;
mod login;
mod members;
mod name;
mod new_entry;
mod pipeline;
mod pool;
mod posix;
mod profile;
mod protected;
mod prove;
mod read;
mod readback;
mod rename;
mod required;
mod server;
mod settings;
mod settle;
mod storage;
mod tap;
mod transaction;
mod unreached;
mod update;
mod window;
mod windows;
mod write;

pub use self::check::Example;
pub use self::check::MappedAttribute;
pub use self::check::Needs;
pub use self::check::Sample;
pub use self::check::Written;
pub use self::posix::PosixGid;
pub use self::posix::PosixSettings;
pub use self::settings::GroupClass;
pub use self::settings::GroupType;
pub use self::settings::LdapSettings;
pub use self::settings::PasswordPolicy;
pub use self::settings::PasswordStorage;
pub use self::settings::SearchScope;
pub use self::settings::SettingFault;
pub use self::settings::StartTls;
pub use self::window::Width;

/// An LDAP server. It is contacted when it is first needed: only then it is known for sure what kind of server it is.
#[derive(Debug)]
pub struct Ldap {
    settings: LdapSettings,
    pool: Arc<Pool>,
    dsa: OnceCell<Dsa>,
    numbers: Arc<Numbers>,
}

impl Ldap {
    /// Proves the settings. Nothing is contacted yet.
    pub fn new(settings: LdapSettings) -> Result<Self, SettingFault> {
        let pool = Arc::new(settings.pool()?);
        Ok(Self { settings, pool, dsa: OnceCell::new(), numbers: Arc::default() })
    }

    /// Proves that the server knows the attributes that a feed maps, and that new accounts may have them.
    pub async fn check_attributes(&self, attributes: &[AttributeName]) -> Vec<Finding> {
        match self.dsa().await {
            Ok(dsa) => dsa.findings_on_attributes(attributes).await,
            Err(fault) => vec![check::bad("attributes", &fault, "")],
        }
    }

    async fn dsa(&self) -> Result<&Dsa, Fault> {
        let know = async || {
            let lease = self.pool.lease().await?;
            let profile = self.settings.profile(&lease.root);
            let site = self.settings.site(profile, self.pool.access());
            let mut site = site.map_err(|fault| Fault::new(Next::StopRun, fault.to_string()))?;
            if site.password_storage == PasswordStorage::Exop && !lease.root.has_password_modify() {
                let why = "the server offers no PasswordModify (RFC 3062)";
                return Err(Fault::new(Next::StopRun, format!("password_storage: \"exop\": {why}")));
            }
            if let Some(own) = &lease.who {
                site.protected.add_own(own);
            }
            Ok(Dsa::new(site, Arc::clone(&self.pool), Arc::clone(&self.numbers)))
        };
        Box::pin(self.dsa.get_or_try_init(know)).await
    }
}

/// A directory system agent (RFC 4512 section 1.3): a server of a known kind. Connections are made when they are
/// needed, and kept for a while.
///
/// Every operation has a deadline, and a connection that missed one is dropped. Referrals are never followed: an answer
/// that refers elsewhere is incomplete and a fault.
#[derive(Debug)]
struct Dsa {
    site: Site,
    capabilities: Capabilities,
    pool: Arc<Pool>,
    schema: KnownSchema,
    /// The writes that are not answered yet, of all batches together.
    window: Window,
    /// Held while a batch is being sent: the next one follows as soon as the last operation is on its way.
    turn: tokio::sync::Mutex<()>,
    transactions: Transactions,
    /// Held while a number is chosen.
    numbering: tokio::sync::Mutex<Looked>,
    numbers: Arc<Numbers>,
    guarded: Guarded,
    proof: Proof,
    read_back: ReadBack,
}

impl Dsa {
    fn new(site: Site, pool: Arc<Pool>, numbers: Arc<Numbers>) -> Self {
        let capabilities = Capabilities {
            groups: site.base(GroupKind::Group).is_some(),
            roles: site.base(GroupKind::Role).is_some(),
            channels: site.base(GroupKind::Channel).is_some(),
            disable: site.profile.credentials.disable,
            must_change: site.profile.credentials.must_change,
            passwords: true,
        };
        Self {
            capabilities,
            pool,
            schema: KnownSchema::default(),
            window: Window::new(site.in_flight),
            transactions: Transactions::new(site.transactions),
            turn: tokio::sync::Mutex::default(),
            numbering: tokio::sync::Mutex::default(),
            numbers,
            guarded: Guarded::default(),
            proof: Proof::default(),
            read_back: ReadBack::default(),
            site,
        }
    }

    /// Sends a batch: in transactions if that is wanted and can be had, else one operation after the other.
    async fn send(&self, batch: &[&Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        if self.transactions.are_of_use(batch.len(), pace) {
            Box::pin(self.transact(batch, pace)).await
        } else {
            Box::pin(self.pipeline(batch, pace)).await
        }
    }

    async fn perform(
        &self,
        connection: &Connection,
        pace: &Pace,
        operation: &Operation,
        shown: Shown,
    ) -> Result<Receipt, Fault> {
        let answer = self.ask(connection, pace, operation, shown).await;
        match answer {
            Err(fault) if takes_no_writes(&fault) && self.pool.pass_over(connection) => {
                Err(Fault { next: Next::Retry, ..fault })
            }
            Err(fault) => Err(self.judged(operation, fault)),
            answer => answer,
        }
    }

    async fn ask(
        &self,
        connection: &Connection,
        pace: &Pace,
        operation: &Operation,
        shown: Shown,
    ) -> Result<Receipt, Fault> {
        // On the heap: an operation is many steps, and there are many operations.
        match operation {
            Operation::Create(create) if shown == Shown::Later => Box::pin(self.add(connection, create)).await,
            Operation::Create(create) => Box::pin(self.create(connection, create)).await,
            Operation::Update(update) => match &update.relocation {
                Some(relocation) => {
                    Box::pin(self.relocate(connection, pace, update, relocation)).await.map(Receipt::from)
                }
                None => Box::pin(self.update(connection, update)).await,
            },
            Operation::Delete { id, username } => self.delete(connection, id, username).await.map(Receipt::from),
            Operation::CreateGroup { kind, name, members } => {
                Box::pin(self.create_group(connection, pace, (*kind, name), members)).await.map(Receipt::from)
            }
            Operation::ChangeMembers { kind, name, add, remove } => {
                Box::pin(self.change_members(connection, pace, (*kind, name), (add, remove))).await.map(Receipt::from)
            }
        }
    }

    fn objections(&self, account: &Account) -> Vec<Problem> {
        let mut objections = Vec::new();
        let mut object = |text: String| objections.push(Problem::error(None, ProblemKind::Other(text)));
        let place = self.place(&account.username, account.locator.as_deref(), &account.attributes);
        (self.site.profile.peculiar.bad_username)(&account.username).map(&mut object);
        // Every new account gets a password: the row's, or a generated one.
        if let Some(why) = self.pool.no_password() {
            object(why.to_owned());
        }
        if account.must_change == Some(true) && !self.site.profile.credentials.must_change {
            object("without a password policy no change at next login can be forced".to_owned());
        }
        let deferred = account.deferred.iter().flat_map(|deferred| deferred.iter());
        for (name, values) in account.attributes.iter().chain(deferred) {
            if let Err(fault) = self.writable(name.as_str()) {
                object(fault.reason);
            }
            if let Some(why) = values.octets().find_map(|value| self.guards_value(name.as_str(), value)) {
                object(format!("the value of `{name}` is not written: {why}"));
            }
        }
        if let Some(why) = self.guards_new_name(&account.username) {
            object(why);
        }
        for name in self.required_attributes().iter() {
            let is_in_name = || place.as_ref().is_ok_and(|dn| dn.rdn().value(name).is_some());
            let is_username = || name.eq_ignore_ascii_case(&self.site.username_attribute);
            if account.attributes.get(name).is_none() && !is_username() && !is_in_name() {
                object(format!(
                    "the object classes of new accounts require the attribute `{name}`, which has no value"
                ));
            }
        }
        match place {
            Err(why) => object(why),
            Ok(dn) => {
                self.overlong(&dn).map(&mut object);
                if let Some(why) = self.guards(&dn, &account.username) {
                    objections.push(Problem::error(None, ProblemKind::Protected(why)));
                }
            }
        }
        objections
    }
}

/// Returns whether a server has answered that it is a copy that only its own supplier writes to.
fn takes_no_writes(fault: &Fault) -> bool {
    let text = fault.reason.to_ascii_lowercase();
    match fault.code.as_deref() {
        // referral
        Some("10") => true,
        // unwillingToPerform; OpenLDAP without a reference to its supplier, or set to read only; 389 Directory Server
        Some("53") => {
            ["shadow context", "operation restricted", "read-only", "read only"].iter().any(|t| text.contains(t))
        }
        _ => false,
    }
}

impl Directory for Ldap {
    async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        Ok(&self.dsa().await?.capabilities)
    }

    fn objections(&self, account: &Account) -> Vec<Problem> {
        self.dsa.get().map_or_else(Vec::new, |dsa| dsa.objections(account))
    }

    fn place(&self, entry: &EntryId, home: &Home<'_>) -> Result<Option<Place>, String> {
        self.dsa.get().map_or(Ok(None), |dsa| dsa.relocated(&entry.locator, home))
    }

    fn allocates(&self) -> &'static [&'static str] {
        self.dsa.get().map_or(&[], Dsa::allocates)
    }

    fn numbers(&self) -> Option<&Numbers> {
        Some(&self.numbers)
    }

    fn remarks(&self) -> Option<&Remarks> {
        Some(self.pool.remarks())
    }

    fn newest(&self) -> Option<&Newest> {
        Some(self.pool.newest())
    }

    fn fold_of_references(&self) -> Fold {
        name::folded
    }

    fn existing(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        stream::once(async move { Ok(self.dsa().await?.accounts(lookup)) }).try_flatten()
    }

    async fn groups(&self, kind: GroupKind, wanted: Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        self.dsa().await?.read_groups(kind, &wanted).await
    }

    async fn apply(&self, batch: &[Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        match self.dsa().await {
            Ok(dsa) => {
                let answers = dsa.write(batch, pace).await;
                Box::pin(self.pool.note_progress()).await;
                answers
            }
            Err(fault) => batch.iter().map(|_| Err(fault.clone())).collect(),
        }
    }

    async fn login(&self, id: &EntryId, _username: &str, password: &Secret) -> Result<Login, Fault> {
        self.dsa().await?.log_in(id, password).await
    }

    fn check(&self) -> impl Future<Output = Vec<Finding>> + Send {
        self.findings()
    }
}
