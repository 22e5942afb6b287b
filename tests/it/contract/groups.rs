//! Promises about groups, roles and channels.

use rosterd::directory::Directory;
use rosterd::directory::Wanted;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;

use super::Rig;
use super::Start;
use super::ask;
use super::created;
use super::done;
use super::group;
use super::member;
use super::person;

const GROUPS: Start =
    Start { groups: &[(GroupKind::Group, "staff"), (GroupKind::Group, "All, of us")], protected: &[] };

fn change(kind: GroupKind, name: &str, add: &[&ExistingAccount], remove: &[&ExistingAccount]) -> Operation {
    let members = |accounts: &[&ExistingAccount]| accounts.iter().map(|account| member(account)).collect();
    Operation::ChangeMembers { kind, name: GroupName::new(name), add: members(add), remove: members(remove) }
}

async fn people(directory: &impl Directory) -> [ExistingAccount; 3] {
    let mut people = Vec::new();
    for username in ["ada", "bob", "eve"] {
        people.push(created(directory, person(username, &[])).await);
    }
    people.try_into().expect("three")
}

/// Returns who of `accounts` is in the group.
async fn within<'a>(directory: &impl Directory, name: &str, accounts: &'a [ExistingAccount]) -> Vec<&'a str> {
    let group = group(directory, GroupKind::Group, name).await.unwrap_or_else(|| panic!("no group `{name}`"));
    accounts.iter().filter(|account| group.has(account)).map(|account| &*account.username).collect()
}

pub async fn a_group_is_created_with_its_members<R: Rig>() {
    let rig = R::new(GROUPS).await;
    let all = people(rig.directory()).await;
    for (name, first) in [("admins", &all[..2]), ("R&D, \"new\" + <old>", &all[2..]), ("nobody yet", &all[..0])] {
        let create = Operation::CreateGroup {
            kind: GroupKind::Group,
            name: GroupName::new(name),
            members: first.iter().map(member).collect(),
        };
        assert!(matches!(done(rig.directory(), create).await, Done::Created(_)), "{name}");
        let wanted: Vec<&str> = first.iter().map(|account| &*account.username).collect();
        assert_eq!(within(rig.directory(), name, &all).await, wanted, "{name}");
        let read = group(rig.directory(), GroupKind::Group, name).await.expect("created");
        assert_eq!(read.name.as_str(), name);
        assert_eq!(read.kind, GroupKind::Group);
    }
    assert_eq!(within(rig.directory(), "staff", &all).await, [""; 0], "other groups are untouched");
}

pub async fn creating_a_group_twice_leaves_the_first_untouched<R: Rig>() {
    let rig = R::new(GROUPS).await;
    let all = people(rig.directory()).await;
    done(rig.directory(), change(GroupKind::Group, "staff", &[&all[0]], &[])).await;
    let name = GroupName::new("Staff");
    let again = Operation::CreateGroup { kind: GroupKind::Group, name, members: vec![member(&all[1])] };
    let fault = ask(rig.directory(), again).await.expect_err("there already");
    assert!(matches!(fault.next, Next::LookAgain | Next::RejectRow), "{fault:?}");
    assert_eq!(within(rig.directory(), "staff", &all).await, ["ada"]);
}

pub async fn members_come_and_go_in_one_operation<R: Rig>() {
    let rig = R::new(GROUPS).await;
    let all = people(rig.directory()).await;
    let [ada, bob, eve] = &all;
    assert_eq!(done(rig.directory(), change(GroupKind::Group, "staff", &[ada, bob], &[])).await, Done::Changed);
    assert_eq!(within(rig.directory(), "staff", &all).await, ["ada", "bob"]);
    assert_eq!(done(rig.directory(), change(GroupKind::Group, "STAFF", &[eve], &[ada, bob])).await, Done::Changed);
    assert_eq!(within(rig.directory(), "staff", &all).await, ["eve"]);
    assert_eq!(within(rig.directory(), "All, of us", &all).await, [""; 0]);
}

pub async fn a_member_that_is_there_or_gone_already_is_no_fault<R: Rig>() {
    let rig = R::new(GROUPS).await;
    let all = people(rig.directory()).await;
    let [ada, bob, eve] = &all;
    done(rig.directory(), change(GroupKind::Group, "staff", &[ada], &[])).await;
    done(rig.directory(), change(GroupKind::Group, "staff", &[ada], &[])).await;
    done(rig.directory(), change(GroupKind::Group, "staff", &[], &[bob])).await;
    assert_eq!(within(rig.directory(), "staff", &all).await, ["ada"]);
    // One that is there, or gone, does not keep the others from coming and going.
    done(rig.directory(), change(GroupKind::Group, "staff", &[ada, eve], &[bob])).await;
    assert_eq!(within(rig.directory(), "staff", &all).await, ["ada", "eve"]);
    done(rig.directory(), change(GroupKind::Group, "staff", &[], &[bob, eve])).await;
    assert_eq!(within(rig.directory(), "staff", &all).await, ["ada"]);
}

pub async fn the_last_member_can_leave<R: Rig>() {
    let rig = R::new(GROUPS).await;
    let all = people(rig.directory()).await;
    let [ada, bob, _] = &all;
    done(rig.directory(), change(GroupKind::Group, "staff", &[ada, bob], &[])).await;
    done(rig.directory(), change(GroupKind::Group, "staff", &[], &[bob, ada])).await;
    assert_eq!(within(rig.directory(), "staff", &all).await, [""; 0], "the group is there and empty");
    done(rig.directory(), change(GroupKind::Group, "staff", &[bob], &[])).await;
    assert_eq!(within(rig.directory(), "staff", &all).await, ["bob"]);
}

pub async fn an_unknown_group_is_rejected<R: Rig>() {
    let rig = R::new(GROUPS).await;
    let all = people(rig.directory()).await;
    for name in ["no such group", "staf*", "*"] {
        let fault = ask(rig.directory(), change(GroupKind::Group, name, &[&all[0]], &[])).await.expect_err("unknown");
        assert_eq!(fault.next, Next::RejectRow, "{name}: {fault:?}");
        assert!(group(rig.directory(), GroupKind::Group, name).await.is_none(), "{name}: nothing is created");
    }
    assert_eq!(within(rig.directory(), "staff", &all).await, [""; 0]);
}

pub async fn the_three_kinds_are_kept_apart<R: Rig>() {
    const START: Start = Start {
        groups: &[(GroupKind::Group, "news"), (GroupKind::Role, "news"), (GroupKind::Channel, "news")],
        protected: &[],
    };
    let rig = R::new(START).await;
    let all = people(rig.directory()).await;
    let capabilities = rig.directory().capabilities().await.expect("known").clone();
    let kinds = [
        (GroupKind::Group, capabilities.groups),
        (GroupKind::Role, capabilities.roles),
        (GroupKind::Channel, capabilities.channels),
    ];
    let kinds: Vec<GroupKind> = kinds.into_iter().filter(|(_, can)| *can).map(|(kind, _)| kind).collect();
    assert!(!kinds.is_empty());
    for (kind, account) in kinds.iter().zip(&all) {
        done(rig.directory(), change(*kind, "news", &[account], &[])).await;
    }
    for (kind, only) in kinds.iter().zip(&all) {
        let news = group(rig.directory(), *kind, "news").await.expect("is there");
        assert_eq!(news.kind, *kind);
        let members: Vec<&str> = all.iter().filter(|a| news.has(a)).map(|a| &*a.username).collect();
        assert_eq!(members, [&*only.username], "{kind:?}");
    }
}

pub async fn only_the_wanted_groups_are_read<R: Rig>() {
    let rig = R::new(GROUPS).await;
    let names = |found: Vec<rosterd::roster::account::ExistingGroup>| {
        let mut names: Vec<String> = found.into_iter().map(|group| group.name.to_string()).collect();
        names.sort();
        names
    };
    let all = rig.directory().groups(GroupKind::Group, Wanted::All).await.expect("read");
    assert_eq!(names(all), ["All, of us", "staff"]);
    let wanted = ["STAFF", "staff", "nope", "*", "s*", "all, OF us)(cn=*"].map(GroupName::new).to_vec();
    let named = rig.directory().groups(GroupKind::Group, Wanted::Named(wanted)).await.expect("read");
    assert_eq!(names(named), ["staff"]);
    let none = rig.directory().groups(GroupKind::Group, Wanted::Named(Vec::new())).await.expect("read");
    assert_eq!(names(none), [""; 0]);
}
