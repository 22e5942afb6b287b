//! SCIM services as directories.

mod capabilities;
mod checked;
mod creating;
mod fault_server;
mod joining;
mod patience;
mod reading;
mod services;
mod transport;
mod updating;

use std::time::Duration;

use futures_util::TryStreamExt;
use rosterd::directory::Directory;
use rosterd::directory::Lookup;
use rosterd::directory::Pace;
use rosterd::directory::Which;
use rosterd::directory::scim::Scim;
use rosterd::directory::scim::ScimSettings;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::MatchBy;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Schema;
use rosterd::roster::change::Change;
use rosterd::roster::fault::Fault;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;

use crate::contract::scim::settings;
use crate::server::scim_faults::FaultServer;

/// Longer than anything here takes, waits that the service asks for included.
const LONG: Duration = Duration::from_secs(60);

/// Returns the service as a directory, with settings of one's own.
fn directory_with(server: &FaultServer, change: impl FnOnce(&mut ScimSettings)) -> Scim {
    let mut settings = settings(&server.base(), server.token());
    change(&mut settings);
    Scim::new(settings).expect("good settings")
}

fn directory(server: &FaultServer) -> Scim {
    directory_with(server, |_| {})
}

fn person(username: &str, more: &[(&str, &str)]) -> Create {
    let pairs = [("sn", "Byron")].iter().chain(more);
    Create {
        username: username.into(),
        locator: None,
        attributes: pairs.map(|(name, value)| (*name, vec![*value])).collect(),
        password: None,
        must_change: false,
    }
}

fn update(account: &ExistingAccount, changes: &[(&str, &str, &str)]) -> Update {
    let octets = |value: &str| if value.is_empty() { Box::default() } else { Box::from([Box::from(value.as_bytes())]) };
    let changes = changes.iter().map(|(attribute, old, new)| Change {
        attribute: AttributeName::new(attribute),
        old: octets(old),
        new: octets(new),
    });
    Update {
        id: account.id.clone(),
        username: account.username.clone(),
        relocation: None,
        changes: changes.collect(),
        password: None,
        must_change: None,
        enabled: None,
    }
}

async fn apply(directory: &Scim, batch: &[Operation]) -> Vec<Result<Done, Fault>> {
    let unlimited = Pace::unlimited();
    let answers = tokio::time::timeout(LONG, directory.apply(batch, &unlimited)).await.expect("it comes to an end");
    answers.into_iter().map(|answer| answer.map(|receipt| receipt.done)).collect()
}

async fn ask(directory: &Scim, operation: Operation) -> Result<Done, Fault> {
    apply(directory, &[operation]).await.pop().expect("one answer")
}

async fn read(directory: &Scim, which: Which) -> Result<Vec<ExistingAccount>, Fault> {
    let names = ["sn", "title", "displayName", "employeeNumber"].map(AttributeName::new);
    let existing = directory.existing(Lookup { which, attributes: Schema::new(names) }).try_collect();
    tokio::time::timeout(LONG, existing).await.expect("it comes to an end")
}

fn named(usernames: &[&str]) -> Which {
    Which::Matching { by: MatchBy::Username, values: usernames.iter().map(|name| (*name).into()).collect() }
}

async fn one(directory: &Scim, username: &str) -> ExistingAccount {
    let mut found = read(directory, named(&[username])).await.expect("it can be read");
    assert_eq!(found.len(), 1, "`{username}`");
    found.remove(0)
}

fn usernames(accounts: &[ExistingAccount]) -> Vec<&str> {
    let mut names: Vec<&str> = accounts.iter().map(|account| &*account.username).collect();
    names.sort_unstable();
    names
}
