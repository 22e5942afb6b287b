//! A SCIM 2.0 service (RFC 7643, RFC 7644) as a directory.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use futures_util::Stream;
use futures_util::TryStreamExt;
use futures_util::stream;
use tokio::sync::OnceCell;

use self::guard::Guard;
use self::provider::Provider;
use self::provider::Site;
use self::transport::Limit;
use self::transport::Transport;
use super::Capabilities;
use super::Directory;
use super::Finding;
use super::Login;
use super::Lookup;
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
use crate::roster::forecast::Rate;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Create;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::reference::Fold;
use crate::roster::secret::Secret;

mod apply;
mod bulk;
mod check;
mod create;
mod discovery;
pub mod filter;
mod find;
pub mod flat;
mod group;
mod guard;
mod held;
mod locks;
mod login;
mod paging;
pub mod path;
mod preset;
mod provider;
mod read;
mod service;
mod settings;
mod sweep;
mod tally;
pub mod transport;
mod update;
pub mod url;
mod verify;
pub mod wire;
mod write;

pub use self::preset::Deleting;
pub use self::preset::Preset;
pub use self::settings::Overrides;
pub use self::settings::RoleAttribute;
pub use self::settings::ScimSettings;
pub use self::settings::SettingFault;
pub use self::settings::Verify;

/// A SCIM 2.0 service. It is contacted when it is first needed: what it can do is known only then.
#[derive(Debug)]
pub struct Scim {
    site: Site,
    /// What was discovered, until it is too old.
    provider: RwLock<Option<Arc<Provider>>>,
    /// Held while it is discovered.
    discovering: tokio::sync::Mutex<()>,
    capabilities: OnceCell<Capabilities>,
}

impl Scim {
    /// Proves the settings. Nothing is contacted yet.
    pub fn new(settings: ScimSettings) -> Result<Self, SettingFault> {
        settings.prove()?;
        let unfit = |error: transport::TransportError| SettingFault { key: "url", reason: error.to_string() };
        let transport = Arc::new(Transport::new(&settings.transport()).map_err(unfit)?);
        let guard = Arc::new(Guard::new(&settings)?);
        let site =
            Site { settings: Arc::new(settings), transport, guard, locks: Arc::default(), remarks: Arc::default() };
        Ok(Self {
            site,
            provider: RwLock::default(),
            discovering: tokio::sync::Mutex::default(),
            capabilities: OnceCell::new(),
        })
    }

    fn known(&self) -> Option<Arc<Provider>> {
        let known = self.provider.read().unwrap_or_else(PoisonError::into_inner).clone();
        known.filter(|provider| !provider.is_stale())
    }

    /// Returns what is known of the service, after it was asked.
    async fn provider(&self) -> Result<Arc<Provider>, Fault> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let _turn = self.discovering.lock().await;
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let service = Box::pin(discovery::discover(&self.site.transport, &self.site.settings)).await?;
        let provider = Arc::new(Provider::new(self.site.clone(), service));
        *self.provider.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&provider));
        Ok(provider)
    }
}

impl Directory for Scim {
    async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        self.capabilities.get_or_try_init(async || Ok(self.provider().await?.capabilities())).await
    }

    fn objections(&self, account: &Account) -> Vec<Problem> {
        let Some(provider) = self.known() else { return Vec::new() };
        let create = Create {
            username: account.username.clone(),
            locator: None,
            attributes: account.attributes.clone(),
            password: None,
            must_change: false,
        };
        let no_password = || account.password.is_some() && !provider.takes_passwords();
        let refusal = provider.addition(&create).err().map(|fault| fault.reason);
        let refusals = refusal.into_iter().chain(no_password().then(|| "the service takes no passwords".to_owned()));
        refusals.map(|why| Problem::error(None, ProblemKind::Other(why))).collect()
    }

    fn stores(&self, attribute: &AttributeName) -> bool {
        self.known().is_none_or(|provider| !provider.is_left_out(attribute))
    }

    /// Ids are compared exactly (RFC 7643 section 3.1): two that differ by case are two accounts.
    fn fold_of_references(&self) -> Fold {
        exactly
    }

    fn max_rate(&self) -> Option<Rate> {
        let Limit { n, per } = self.site.settings.max_rate();
        Some(Rate { n, per })
    }

    fn remarks(&self) -> Option<&Remarks> {
        Some(&self.site.remarks)
    }

    fn existing(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        stream::once(async move { Ok(self.provider().await?.existing(lookup)) }).try_flatten()
    }

    async fn groups(&self, kind: GroupKind, wanted: Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        let provider = self.provider().await?;
        match kind {
            GroupKind::Group => Box::pin(provider.groups(&wanted)).await,
            GroupKind::Role => Box::pin(provider.roles(&wanted)).await,
            GroupKind::Channel => Err(apply::no_channels()),
        }
    }

    async fn apply(&self, batch: &[Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        match self.provider().await {
            Ok(provider) => Box::pin(provider.apply(batch, pace)).await,
            // Nothing was sent.
            Err(fault) => batch.iter().map(|_| Err(fault.clone())).collect(),
        }
    }

    async fn login(&self, _id: &EntryId, _username: &str, _password: &Secret) -> Result<Login, Fault> {
        login::login()
    }

    async fn check(&self) -> Vec<Finding> {
        Box::pin(self.findings()).await
    }
}

/// Returns a key that keeps case apart.
fn exactly(id: &str) -> MatchKey {
    let digits: String = id.bytes().map(|byte| format!("{byte:02x}")).collect();
    MatchKey::new(&digits)
}
