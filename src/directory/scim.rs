//! A SCIM 2.0 service (RFC 7643, RFC 7644) as a directory.

use std::sync::Arc;

use futures_util::Stream;
use futures_util::TryStreamExt;
use futures_util::stream;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use self::guard::Guard;
use self::provider::Provider;
use self::provider::Site;
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
mod gather;
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
    /// What was discovered. It holds as long as this does, which is for one run.
    provider: OnceCell<Arc<Provider>>,
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
        Ok(Self { site, provider: OnceCell::new() })
    }

    /// Returns what is known of the service, after it was asked.
    async fn provider(&self) -> Result<&Arc<Provider>, Fault> {
        let discover = async || {
            let service = Box::pin(discovery::discover(&self.site.transport, &self.site.settings)).await?;
            Ok(Arc::new(Provider::new(self.site.clone(), service)))
        };
        self.provider.get_or_try_init(discover).await
    }
}

impl Directory for Scim {
    async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        Ok(self.provider().await?.capabilities())
    }

    fn objections(&self, account: &Account) -> Vec<Problem> {
        let Some(provider) = self.provider.get() else { return Vec::new() };
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
        self.provider.get().is_none_or(|provider| !provider.is_left_out(attribute))
    }

    fn goes_on_without_must_change(&self) -> bool {
        true
    }

    /// Ids are compared exactly (RFC 7643 section 3.1): two that differ by case are two accounts.
    fn fold_of_references(&self) -> Fold {
        exactly
    }

    fn max_rate(&self) -> Option<Rate> {
        Some(self.site.settings.max_rate())
    }

    fn remarks(&self) -> Option<&Remarks> {
        Some(&self.site.remarks)
    }

    fn heed(&self, stop: &CancellationToken) {
        self.site.transport.heed(stop);
    }

    fn existing(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        stream::once(async move { Ok(Arc::clone(self.provider().await?).existing(lookup)) }).try_flatten()
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
