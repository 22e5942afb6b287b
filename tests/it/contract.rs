//! What every directory promises, whatever its kind: one suite, run against each of them.
//!
//! A new kind of directory joins with a [`Rig`] and a line `contract!(ItsRig);` in a file of its own below `contract/`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::TryStreamExt;
use rosterd::directory::Directory;
use rosterd::directory::Lookup;
use rosterd::directory::Pace;
use rosterd::directory::Wanted;
use rosterd::directory::Which;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::ExistingGroup;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::account::MatchBy;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Attributes;
use rosterd::roster::attribute::Schema;
use rosterd::roster::change::Change;
use rosterd::roster::fault::Fault;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Member;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;

/// Promises that what is behind a directory cannot keep: each with what it lacks, and a part of what the suite says then.
pub type NotPromised = &'static [(&'static str, &'static str, &'static str)];

/// A directory of one kind, made for one test, and what a test needs besides the directory itself.
pub trait Rig: Sized + Send + Sync + 'static {
    /// The kind of directory.
    type Directory: Directory;

    /// How many accounts make several pages here. Fewer for kinds that write slowly.
    const MANY: usize = 1200;

    /// Whether attributes can have options, such as language tags.
    const HAS_OPTIONS: bool = true;

    /// Whether the value that refers to an account can be spelled in several ways.
    const HAS_SPELLINGS: bool = true;

    /// Promises that this kind does not keep.
    const NOT_PROMISED: NotPromised = &[];

    /// Makes a directory that nobody else uses, with nothing in it but `start`.
    async fn new(start: Start) -> Self;

    /// Returns the directory.
    fn directory(&self) -> &Self::Directory;

    /// Tries a login, as an application would.
    async fn login(&self, username: &str, password: &str) -> LoginResult;

    /// Returns another place for an account of this name, below a parent that is there; `None` where there are no places.
    async fn elsewhere(&self, _username: &str) -> Option<String> {
        None
    }

    /// Returns an attribute and a value of it that this kind of directory refuses.
    fn refused_value(&self) -> (&'static str, Vec<u8>);
}

/// What a directory has at the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start {
    /// Groups, roles and channels without members.
    pub groups: &'static [(GroupKind, &'static str)],
    /// Accounts that are there and that the directory is told to protect.
    pub protected: &'static [&'static str],
}

/// What a login came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginResult {
    /// In.
    Good,
    /// The password is right, and must be changed before anything else.
    MustChange,
    /// Not in, for whatever reason.
    Refused,
}

/// Makes a test of every promise, for one kind of directory.
macro_rules! contract {
    ($rig:ty) => {
        contract! { $rig:
            accounts::what_is_created_is_read_back,
            accounts::values_with_special_characters_are_read_back,
            accounts::creating_twice_leaves_the_first_untouched,
            accounts::an_update_changes_exactly_the_named_attributes,
            accounts::an_update_adds_and_removes_single_values,
            accounts::an_update_of_values_that_no_longer_hold_overwrites_nothing,
            accounts::an_update_that_fails_in_one_part_does_no_part,
            accounts::an_update_of_an_account_that_is_gone_asks_to_look_again,
            accounts::deleting_takes_the_account_away_and_twice_is_no_fault,
            batches::one_bad_operation_does_not_hinder_the_others,
            batches::a_refused_value_rejects_only_its_row,
            batches::there_is_one_answer_per_operation,
            batches::the_pace_is_kept,
            batches::two_batches_at_the_same_time_do_not_mix,
            batches::nothing_that_is_shown_holds_a_password,
            batches::the_check_finds_nothing_bad_and_changes_nothing,
            groups::a_group_is_created_with_its_members,
            groups::creating_a_group_twice_leaves_the_first_untouched,
            groups::members_come_and_go_in_one_operation,
            groups::a_member_that_is_there_or_gone_already_is_no_fault,
            groups::the_last_member_can_leave,
            groups::an_unknown_group_is_rejected,
            groups::the_three_kinds_are_kept_apart,
            groups::only_the_wanted_groups_are_read,
            logins::a_password_lets_in_and_another_does_not,
            logins::an_account_without_a_password_lets_nobody_in,
            logins::a_forced_change_is_told_and_can_be_lifted,
            logins::a_new_password_replaces_the_old_one,
            logins::a_disabled_account_lets_nobody_in_until_it_is_enabled,
            logins::a_new_password_does_not_enable_an_account,
            relocating::a_new_name_is_that_of_the_same_account_in_the_same_groups,
            relocating::the_name_of_somebody_else_is_refused_and_nothing_is_done,
            relocating::a_relocation_that_was_begun_is_gone_through_once_more,
            relocating::a_new_name_for_an_account_that_is_gone_asks_to_look_again,
            relocating::an_account_moves_and_keeps_its_groups,
            relocating::two_swap_their_names_over_a_temporary_one_and_each_keeps_its_groups,
            logins::the_directory_tells_what_a_login_comes_to,
            reading::every_account_is_read_exactly_once,
            reading::matching_ignores_case,
            reading::matching_knows_no_wildcards,
            reading::matching_by_an_attribute_finds_every_value,
            reading::an_account_found_twice_is_read_once,
            reading::ids_find_their_accounts_and_unknown_ones_are_absent,
            reading::only_the_attributes_asked_for_are_read,
            reading::reading_can_be_given_up,
            reading::protected_accounts_are_marked,
            references::a_reference_comes_changes_and_goes,
            references::a_list_of_references_gains_and_loses_people_at_once,
            references::another_spelling_is_the_same_reference,
            references::places_find_their_accounts_and_unknown_ones_are_absent,
            values::options_make_another_attribute,
            values::octets_are_read_back_and_change,
        }
    };
    ($rig:ty: $($topic:ident :: $promise:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let kept = $crate::contract::$topic::$promise::<$rig>();
                $crate::contract::prove::<$rig>(stringify!($promise), kept).await;
            }
        )+
    };
}

mod accounts;
mod ad;
mod batches;
mod ds389;
mod groups;
mod ldap;
mod local;
mod logins;
mod memory;
mod reading;
mod references;
mod relocating;
pub mod scim;
mod storage;
mod transactions;
mod values;

/// The attributes that the suite uses; every `inetOrgPerson` can have them.
const ATTRIBUTES: [&str; 9] =
    ["cn", "departmentNumber", "description", "displayName", "employeeNumber", "givenName", "mail", "sn", "title"];

type Sets = BTreeMap<String, BTreeSet<Vec<u8>>>;

/// Proves that a promise is kept, or that one that is not made is broken in the way that is known.
async fn prove<R: Rig>(promise: &str, kept: impl Future<Output = ()>) {
    let Some((.., known)) = R::NOT_PROMISED.iter().find(|(name, ..)| *name == promise) else { return kept.await };
    let Err(panic) = AssertUnwindSafe(kept).catch_unwind().await else {
        panic!("`{promise}` is kept: let it be promised");
    };
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let said = said.unwrap_or_default();
    assert!(said.contains(known), "`{promise}` is broken in another way than `{known}`: {said}");
}

/// Returns an account that every directory accepts, with `more` attributes.
fn person(username: &str, more: &[(&str, &[&str])]) -> Create {
    let mut pairs = vec![("cn", vec![username]), ("sn", vec!["Byron"])];
    pairs.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    pairs.extend(more.iter().map(|(name, values)| (*name, values.to_vec())));
    Create {
        username: username.into(),
        locator: None,
        attributes: pairs.into_iter().collect(),
        password: None,
        must_change: false,
    }
}

/// Returns an update that changes nothing yet.
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

fn change(attribute: &str, old: &[&str], new: &[&str]) -> Change {
    let octets = |values: &[&str]| values.iter().map(|value| value.as_bytes().into()).collect();
    Change { attribute: AttributeName::new(attribute), old: octets(old), new: octets(new) }
}

fn member(account: &ExistingAccount) -> Member {
    Member { id: account.id.clone(), username: account.username.clone() }
}

fn lookup(which: Which) -> Lookup {
    Lookup { which, attributes: Schema::new(ATTRIBUTES.map(AttributeName::new)) }
}

fn username_is(values: &[&str]) -> Which {
    Which::Matching { by: MatchBy::Username, values: values.iter().map(|value| (*value).into()).collect() }
}

async fn read(directory: &impl Directory, which: Which) -> Vec<ExistingAccount> {
    directory.existing(lookup(which)).try_collect().await.expect("the directory can be read")
}

async fn find(directory: &impl Directory, username: &str) -> Option<ExistingAccount> {
    let mut found = read(directory, username_is(&[username])).await;
    assert!(found.len() <= 1, "`{username}` is there {} times", found.len());
    found.pop()
}

async fn one(directory: &impl Directory, username: &str) -> ExistingAccount {
    find(directory, username).await.unwrap_or_else(|| panic!("`{username}` is not there"))
}

/// Applies a batch and returns what was done. Whatever was shown of an account is as it is read right afterwards.
async fn apply(directory: &impl Directory, batch: &[Operation], pace: &Pace) -> Vec<Result<Done, Fault>> {
    let answers = directory.apply(batch, pace).await;
    for account in answers.iter().flatten().filter_map(|receipt| receipt.account.as_deref()) {
        let lookup = Lookup { which: Which::Ids(vec![account.id.clone()]), attributes: account.attributes.schema() };
        let read: Vec<ExistingAccount> = directory.existing(lookup).try_collect().await.expect("it can be read");
        let [read] = read.as_slice() else { panic!("{account:?} is there {} times", read.len()) };
        assert_eq!((&read.id, &read.username), (&account.id, &account.username));
        assert_eq!((read.enabled, read.must_change), (account.enabled, account.must_change), "{account:?}");
        assert_eq!(sets(&read.attributes), sets(&account.attributes));
    }
    answers.into_iter().map(|answer| answer.map(|receipt| receipt.done)).collect()
}

async fn ask(directory: &impl Directory, operation: Operation) -> Result<Done, Fault> {
    let mut answers = apply(directory, &[operation], &Pace::unlimited()).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

async fn done(directory: &impl Directory, operation: Operation) -> Done {
    let asked = format!("{operation:?}");
    ask(directory, operation).await.unwrap_or_else(|fault| panic!("{asked}: {fault}"))
}

/// Creates the account and returns it as it is read back.
async fn created(directory: &impl Directory, create: Create) -> ExistingAccount {
    let username = create.username.clone();
    let Done::Created(id) = done(directory, Operation::Create(create)).await else {
        panic!("`{username}`: not created")
    };
    let account = one(directory, &username).await;
    assert_eq!(account.id, id);
    account
}

async fn group(directory: &impl Directory, kind: GroupKind, name: &str) -> Option<ExistingGroup> {
    let wanted = Wanted::Named(vec![GroupName::new(name)]);
    let mut found = directory.groups(kind, wanted).await.expect("groups can be read");
    assert!(found.len() <= 1, "`{name}` is there {} times", found.len());
    found.pop()
}

/// Returns the attributes with their values as sets: not every directory keeps their order.
fn sets(attributes: &Attributes) -> Sets {
    attributes
        .iter()
        .map(|(name, values)| (name.as_str().to_lowercase(), values.octets().map(<[u8]>::to_vec).collect()))
        .collect()
}

/// The promises, read from the list above.
fn promises() -> Vec<String> {
    let source = include_str!("contract.rs");
    let list = source.split("($rig:ty) => {").nth(1).and_then(|rest| rest.split('}').next()).expect("the list");
    let named = list.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once("::"));
    named.map(|(_, promise)| promise.replace('_', " ")).collect()
}

#[test]
fn the_page_of_promises_lists_them_and_no_others() {
    let page = include_str!("../../docs/contract.md");
    let (page, _) = page.split_once("\n## SCIM services").expect("SCIM services have a table of their own");
    let rows =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" | yes | yes | yes | yes | yes | yes |"));
    let (mut told, mut kept): (Vec<_>, _) = (rows.map(str::to_owned).collect(), promises());
    told.sort_unstable();
    kept.sort_unstable();
    assert!(kept.len() > 40, "{kept:?}");
    assert_eq!(told, kept);
    let kinds = ["memory", "local", "ldap", "transactions", "ds389", "ad"];
    for kind in kinds {
        let path = format!("{}/tests/it/contract/{kind}.rs", env!("CARGO_MANIFEST_DIR"));
        let suite = std::fs::read_to_string(&path).expect(&path);
        assert!(suite.contains("\ncontract!(") && suite.contains("Rig);"), "{kind} runs the whole suite");
    }
}

#[test]
fn the_page_of_promises_says_what_scim_services_do_not_keep() {
    let lacks = scim::lacks();
    let head: Vec<&str> = lacks.iter().map(|(name, _)| *name).collect();
    let mut table = format!("| | {} |\n|---{}|\n", head.join(" | "), "|:-:".repeat(head.len()));
    for promise in promises() {
        let cells = lacks.map(|(_, lacks)| {
            let lack = lacks.iter().find(|(name, ..)| name.replace('_', " ") == promise);
            lack.map_or_else(|| "yes".to_owned(), |(_, lack, _)| format!("no: {lack}"))
        });
        let _ = writeln!(table, "| {promise} | {} |", cells.join(" | "));
    }
    for (service, lacks) in lacks {
        for (name, lack, _) in lacks {
            assert!(promises().contains(&name.replace('_', " ")), "{service}: no promise `{name}`");
            let page = include_str!("../../docs/contract.md");
            assert!(page.contains(&format!("- *{lack}*: ")), "the page says what `{lack}` is about");
        }
    }
    crate::page::holds("docs/contract.md", &table);
}
