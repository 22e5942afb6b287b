//! OpenLDAP, for real.

use futures_util::TryStreamExt;
use rosterd::directory::Directory;
use rosterd::directory::Lookup;
use rosterd::directory::Pace;
use rosterd::directory::Wanted;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::EntryId;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::ExistingGroup;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::account::MatchBy;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Schema;
use rosterd::roster::change::Change;
use rosterd::roster::fault::Fault;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Member;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Receipt;
use rosterd::roster::operation::Update;
use rosterd::roster::secret::Secret;

use crate::server::slapd::Territory;

mod accounts;
mod check;
mod connections;
mod failover;
mod faults;
mod groups;
mod handing_over;
mod leavers;
mod logins;
mod mirrors;
mod oversize;
mod posix;
mod protected;
mod reading;
mod references;
mod renaming;
mod rights;
mod sample;
mod storage;
mod stored_runs;
mod tls;
mod transactions;
mod uniqueness;
mod values;

pub const PASSWORD: &str = "first-Passw0rd";

fn ldap(territory: &Territory<'_>) -> Ldap {
    Ldap::new(territory.settings()).expect("good settings")
}

pub fn person(uid: &str) -> Create {
    let mail = format!("{uid}@example.org");
    Create {
        username: uid.into(),
        locator: None,
        attributes: [("sn", vec![uid]), ("cn", vec![uid]), ("mail", vec![&mail])].into_iter().collect(),
        password: Some(Secret::from(PASSWORD)),
        must_change: true,
    }
}

pub async fn apply(ldap: &Ldap, operations: &[Operation]) -> Vec<Result<Done, Fault>> {
    done_of(ldap.apply(operations, &Pace::unlimited()).await)
}

/// Returns what was done, without what was shown of it.
fn done_of(answers: Vec<Result<Receipt, Fault>>) -> Vec<Result<Done, Fault>> {
    answers.into_iter().map(|answer| answer.map(|receipt| receipt.done)).collect()
}

pub async fn one(ldap: &Ldap, operation: Operation) -> Result<Done, Fault> {
    let mut answers = apply(ldap, &[operation]).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

pub async fn create(ldap: &Ldap, create: Create) -> EntryId {
    match one(ldap, Operation::Create(create)).await {
        Ok(Done::Created(id)) => id,
        other => panic!("not created: {other:?}"),
    }
}

pub async fn read(ldap: &Ldap, which: Which) -> Result<Vec<ExistingAccount>, Fault> {
    let attributes = Schema::new(["sn", "cn", "mail", "title", "jpegPhoto", "employeeNumber"].map(AttributeName::new));
    ldap.existing(Lookup { which, attributes }).try_collect().await
}

pub async fn by_username(ldap: &Ldap, usernames: &[&str]) -> Vec<ExistingAccount> {
    let values = usernames.iter().map(|name| (*name).into()).collect();
    let mut found = read(ldap, Which::Matching { by: MatchBy::Username, values }).await.expect("readable");
    found.sort_by(|a, b| a.username.cmp(&b.username));
    found
}

pub fn update(id: &EntryId) -> Update {
    Update {
        id: id.clone(),
        username: "".into(),
        relocation: None,
        changes: Vec::new(),
        password: None,
        must_change: None,
        enabled: None,
    }
}

pub fn change(attribute: &str, old: &[&str], new: &[&str]) -> Change {
    let values = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().into()).collect();
    Change { attribute: AttributeName::new(attribute), old: values(old), new: values(new) }
}

pub async fn group(ldap: &Ldap, kind: GroupKind, name: &str) -> ExistingGroup {
    let mut groups = ldap.groups(kind, Wanted::Named(vec![GroupName::new(name)])).await.expect("readable");
    assert_eq!(groups.len(), 1, "{groups:?}");
    groups.remove(0)
}

pub async fn members(ldap: &Ldap, name: &str, add: &[Member], remove: &[Member]) -> Result<Done, Fault> {
    let name = GroupName::new(name);
    one(ldap, Operation::ChangeMembers { kind: GroupKind::Group, name, add: add.into(), remove: remove.into() }).await
}

pub async fn people(ldap: &Ldap, names: &[&str]) -> (Vec<Member>, Vec<ExistingAccount>) {
    for name in names {
        create(ldap, person(name)).await;
    }
    let accounts = by_username(ldap, names).await;
    (accounts.iter().map(|a| Member { id: a.id.clone(), username: a.username.clone() }).collect(), accounts)
}

pub fn fault(answer: Result<Done, Fault>, next: Next, code: Option<&str>) -> Fault {
    let fault = answer.expect_err("a fault");
    assert_eq!((fault.next, fault.code.as_deref()), (next, code), "{fault}");
    fault
}
