//! 389 Directory Server, for real.

use futures_util::TryStreamExt;
use rosterd::directory::Directory;
use rosterd::directory::Lookup;
use rosterd::directory::Pace;
use rosterd::directory::Wanted;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::ExistingGroup;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::account::MatchBy;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Schema;
use rosterd::roster::fault::Fault;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Member;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::secret::Secret;

use crate::server::ds389::Territory;

mod check;
mod connections;
mod groups;
mod posix;
mod reading;
mod rights;
mod states;
mod storage;

const PASSWORD: &str = "first-Passw0rd.1";

fn ldap(territory: &Territory<'_>) -> Ldap {
    Ldap::new(territory.settings()).expect("good settings")
}

fn person(uid: &str) -> Create {
    Create {
        username: uid.into(),
        locator: None,
        attributes: [("sn", vec![uid]), ("cn", vec![uid])].into_iter().collect(),
        password: Some(Secret::from(PASSWORD)),
        must_change: true,
    }
}

async fn ask(ldap: &Ldap, operation: Operation) -> Result<Done, Fault> {
    let mut answers = ldap.apply(&[operation], &Pace::unlimited()).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0).map(|receipt| receipt.done)
}

async fn find(ldap: &Ldap, uid: &str) -> ExistingAccount {
    let which = Which::Matching { by: MatchBy::Username, values: vec![uid.into()] };
    let mut found = read(ldap, which).await.expect("readable");
    assert_eq!(found.len(), 1, "{uid}");
    found.remove(0)
}

async fn read(ldap: &Ldap, which: Which) -> Result<Vec<ExistingAccount>, Fault> {
    let attributes = Schema::new(["sn", "cn", "description"].map(AttributeName::new));
    ldap.existing(Lookup { which, attributes }).try_collect().await
}

async fn created(ldap: &Ldap, uid: &str) -> ExistingAccount {
    ask(ldap, Operation::Create(person(uid))).await.expect("created");
    find(ldap, uid).await
}

fn update(account: &ExistingAccount) -> Update {
    Update {
        id: account.id.clone(),
        username: account.username.clone(),
        relocation: None,
        changes: Vec::new(),
        password: None,
        must_change: None,
        enabled: None,
    }
}

fn member(account: &ExistingAccount) -> Member {
    Member { id: account.id.clone(), username: account.username.clone() }
}

fn members(kind: GroupKind, name: &str, add: &[&ExistingAccount], remove: &[&ExistingAccount]) -> Operation {
    let members = |accounts: &[&ExistingAccount]| accounts.iter().map(|account| member(account)).collect();
    Operation::ChangeMembers { kind, name: GroupName::new(name), add: members(add), remove: members(remove) }
}

async fn group(ldap: &Ldap, kind: GroupKind, name: &str) -> ExistingGroup {
    let mut groups = ldap.groups(kind, Wanted::Named(vec![GroupName::new(name)])).await.expect("readable");
    assert_eq!(groups.len(), 1, "{groups:?}");
    groups.remove(0)
}
