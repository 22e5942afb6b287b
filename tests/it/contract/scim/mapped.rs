//! A SCIM service under the names of attributes that the suite uses, as the map of a feed would name them.

use futures_util::Stream;
use futures_util::TryStreamExt;
use rosterd::directory::Capabilities;
use rosterd::directory::Directory;
use rosterd::directory::Finding;
use rosterd::directory::Login;
use rosterd::directory::Lookup;
use rosterd::directory::Pace;
use rosterd::directory::Remarks;
use rosterd::directory::Wanted;
use rosterd::directory::Which;
use rosterd::directory::scim::Scim;
use rosterd::roster::account::Account;
use rosterd::roster::account::EntryId;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::ExistingGroup;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::MatchBy;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Attributes;
use rosterd::roster::attribute::Schema;
use rosterd::roster::fault::Fault;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Receipt;
use rosterd::roster::problem::Problem;
use rosterd::roster::reference::Fold;
use rosterd::roster::secret::Secret;

/// The suite's names, each with the service's.
pub type Names = &'static [(&'static str, &'static str)];

/// A service with other names for attributes.
pub struct Mapped {
    scim: Scim,
    names: Names,
}

impl Mapped {
    pub fn new(scim: Scim, names: Names) -> Self {
        Self { scim, names }
    }

    fn there(&self, name: &AttributeName) -> AttributeName {
        let found = self.names.iter().find(|(own, _)| own.eq_ignore_ascii_case(name.as_str()));
        found.map_or_else(|| name.clone(), |(_, there)| AttributeName::new(there))
    }

    fn here(&self, name: &AttributeName) -> AttributeName {
        let found = self.names.iter().find(|(_, there)| there.eq_ignore_ascii_case(name.as_str()));
        found.map_or_else(|| name.clone(), |(own, _)| AttributeName::new(own))
    }

    fn account(&self, account: ExistingAccount) -> ExistingAccount {
        let attributes = renamed(&account.attributes, |name| self.here(name));
        ExistingAccount { attributes, ..account }
    }

    fn operation(&self, operation: &Operation) -> Operation {
        let mut operation = operation.clone();
        match &mut operation {
            Operation::Create(create) => create.attributes = renamed(&create.attributes, |name| self.there(name)),
            Operation::Update(update) => {
                for change in &mut update.changes {
                    change.attribute = self.there(&change.attribute);
                }
            }
            _ => {}
        }
        operation
    }
}

fn renamed(attributes: &Attributes, name: impl Fn(&AttributeName) -> AttributeName) -> Attributes {
    let pairs: Vec<(AttributeName, Vec<&[u8]>)> =
        attributes.iter().map(|(own, values)| (name(own), values.octets().collect())).collect();
    let schema = Schema::new(pairs.iter().map(|(name, _)| name.clone()));
    schema.pack(pairs.iter().map(|(name, values)| (name.as_str(), values.clone())))
}

impl Directory for Mapped {
    async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        self.scim.capabilities().await
    }

    fn objections(&self, account: &Account) -> Vec<Problem> {
        self.scim.objections(account)
    }

    fn fold_of_references(&self) -> Fold {
        self.scim.fold_of_references()
    }

    fn remarks(&self) -> Option<&Remarks> {
        self.scim.remarks()
    }

    fn existing(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        let Lookup { which, attributes } = lookup;
        let which = match which {
            Which::Matching { by: MatchBy::Attribute(name), values } => {
                Which::Matching { by: MatchBy::Attribute(self.there(&name)), values }
            }
            other => other,
        };
        let attributes = Schema::new(attributes.names().map(|name| self.there(name)));
        self.scim.existing(Lookup { which, attributes }).map_ok(|account| self.account(account))
    }

    async fn groups(&self, kind: GroupKind, wanted: Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        self.scim.groups(kind, wanted).await
    }

    async fn apply(&self, batch: &[Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        let batch: Vec<Operation> = batch.iter().map(|operation| self.operation(operation)).collect();
        let answers = self.scim.apply(&batch, pace).await;
        let back = |receipt: Receipt| {
            let account = receipt.account.map(|account| Box::new(self.account(*account)));
            Receipt { account, ..receipt }
        };
        answers.into_iter().map(|answer| answer.map(back)).collect()
    }

    async fn login(&self, id: &EntryId, username: &str, password: &Secret) -> Result<Login, Fault> {
        self.scim.login(id, username, password).await
    }

    async fn check(&self) -> Vec<Finding> {
        self.scim.check().await
    }
}
