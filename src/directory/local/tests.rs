use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use futures_util::TryStreamExt;
use tempfile::TempDir;

use super::*;
use crate::directory::Verdict;
use crate::directory::Which;
use crate::roster::account::Action;
use crate::roster::account::Choices;
use crate::roster::account::EntryId;
use crate::roster::account::GroupName;
use crate::roster::account::LineNo;
use crate::roster::account::Person;
use crate::roster::attribute::Attributes;
use crate::roster::attribute::Schema;
use crate::roster::attribute::Values;
use crate::roster::change::Change;
use crate::roster::operation::Create;
use crate::roster::operation::Member;
use crate::roster::operation::Update;
use crate::roster::place::Relocation;
use crate::roster::place::Step;

mod people;

fn at_2_15() -> jiff::Timestamp {
    "2026-11-22T02:15:00Z".parse().expect("a time")
}

fn settings(folder: &TempDir, protected: &[&str]) -> LocalSettings {
    LocalSettings {
        file: folder.path().join("directory.sqlite"),
        argon2: Argon2Settings::default(),
        protected: protected.iter().map(ToString::to_string).collect(),
    }
}

fn open(folder: &TempDir) -> Local {
    Local::open(settings(folder, &[]), at_2_15).expect("opens")
}

fn folder() -> TempDir {
    TempDir::new().expect("temporary folder")
}

fn create(username: &str, password: Option<&str>) -> Operation {
    let attributes = [("cn", vec![username])].into_iter().collect();
    let password = password.map(Into::into);
    Operation::Create(Create { username: username.into(), locator: None, attributes, password, must_change: false })
}

fn update(id: EntryId, username: &str) -> Update {
    let username = username.into();
    Update { id, username, relocation: None, changes: Vec::new(), password: None, must_change: None, enabled: None }
}

async fn ask(local: &Local, operation: Operation) -> Result<Done, Fault> {
    local.apply(&[operation], &Pace::unlimited()).await.remove(0).map(|receipt| receipt.done)
}

async fn created(local: &Local, operation: Operation) -> EntryId {
    match ask(local, operation).await {
        Ok(Done::Created(id)) => id,
        other => panic!("{other:?}"),
    }
}

async fn all(local: &Local) -> Vec<ExistingAccount> {
    let attributes = Schema::new(["cn".into(), "jpegPhoto".into()]);
    local.existing(Lookup { which: Which::All, attributes }).try_collect().await.expect("can be read")
}

#[tokio::test]
async fn near_equal_usernames_cannot_be_there_together() {
    let folder = folder();
    let local = open(&folder);
    created(&local, create("Müller", None)).await;
    let like = ask(&local, create("muller", None)).await.expect_err("too like");
    assert_eq!(like.next, Next::RejectRow);
    assert!(like.reason.contains("`Müller`"), "{like}");
    let same = ask(&local, create("MÜLLER", None)).await.expect_err("the same");
    assert_eq!(same.next, Next::LookAgain);
    assert_eq!(all(&local).await.len(), 1);
}

#[tokio::test]
async fn protected_accounts_are_never_written() {
    let folder = folder();
    let id = created(&open(&folder), create("svc-backup", Some("first Password 1"))).await;
    let local = Local::open(settings(&folder, &["svc-*", "root"]), at_2_15).expect("opens");
    let batch = [
        create("Root", None),
        create("svc-new", None),
        Operation::Update(Update { enabled: Some(false), ..update(id.clone(), "svc-backup") }),
        // The name that counts is the one in the directory.
        Operation::Update(Update { password: Some("x".into()), ..update(id.clone(), "ada") }),
        Operation::Delete { id, username: "ada".into() },
    ];
    for answer in local.apply(&batch, &Pace::unlimited()).await {
        let fault = answer.expect_err("protected");
        assert_eq!(fault.next, Next::RejectRow);
        assert!(fault.reason.contains("protected"), "{fault}");
    }
    assert_eq!(all(&local).await.len(), 1);
    assert_eq!(local.verify("svc-backup", &"first Password 1".into()).await, Ok(Verified::Good));
}

#[tokio::test]
async fn nobody_is_given_a_name_that_looks_like_a_protected_one() {
    let folder = folder();
    let id = created(&open(&folder), create("ada", Some("first Password 1"))).await;
    let local = Local::open(settings(&folder, &["svc-*", "root"]), at_2_15).expect("opens");
    for name in ["Root", "r\u{43e}ot", "svc-new", "svc\u{2010}new"] {
        let step = Step { from: "ada".into(), to: name.into() };
        let relocation = Some(Relocation { username: Some(step), place: None });
        let fault = ask(&local, Operation::Update(Update { relocation, ..update(id.clone(), "ada") })).await;
        assert_eq!(fault.expect_err(name).next, Next::RejectRow, "{name}");
    }
    assert_eq!(&*all(&local).await[0].username, "ada");
}

#[tokio::test]
async fn octets_that_are_no_text_are_kept() {
    let folder = folder();
    let local = open(&folder);
    let schema = Schema::new(["jpegPhoto".into()]);
    let first: &[u8] = b"\xff\xd8\x00\x07first";
    let id = created(
        &local,
        Operation::Create(Create {
            username: "ada".into(),
            locator: None,
            attributes: schema.pack([("jpegPhoto", [first])]),
            password: None,
            must_change: false,
        }),
    )
    .await;
    assert_eq!(all(&local).await[0].attributes.get("jpegphoto").map(Values::to_vec), Some(vec![first.to_vec()]));
    let second: &[u8] = b"\xff\xd8second";
    let change = Change { attribute: "jpegPhoto".into(), old: [first.into()].into(), new: [second.into()].into() };
    let update = Update { changes: vec![change], ..update(id, "ada") };
    assert_eq!(ask(&local, Operation::Update(update)).await, Ok(Done::Changed));
    assert_eq!(all(&local).await[0].attributes.get("jpegphoto").map(Values::to_vec), Some(vec![second.to_vec()]));
}

#[tokio::test]
async fn only_the_owner_can_read_the_files_and_no_password_is_in_them() {
    let folder = folder();
    let local = open(&folder);
    let id = created(&local, create("ada", Some("plain-Password-1"))).await;
    let new = Update { password: Some("plain-Password-2".into()), ..update(id, "ada") };
    assert_eq!(ask(&local, Operation::Update(new)).await, Ok(Done::Changed));
    let mut n_files = 0;
    for file in std::fs::read_dir(folder.path()).expect("folder").flatten() {
        n_files += 1;
        assert_eq!(file.metadata().expect("metadata").permissions().mode() & 0o777, 0o600, "{file:?}");
        let bytes = std::fs::read(file.path()).expect("readable");
        assert!(!bytes.windows(14).any(|part| part == b"plain-Password"), "{file:?}");
    }
    assert!(n_files >= 2, "the database and its log");
    assert!(!format!("{local:?}").contains("$argon2"));
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let folder = folder();
    let local = open(&folder);
    let id = created(&local, create("ada", Some("first Password 1"))).await;
    local.add_group(GroupKind::Role, &GroupName::new("Editors")).await.expect("added");
    drop(local);
    let local = open(&folder);
    assert_eq!(all(&local).await[0].id, id);
    assert_eq!(local.verify("ada", &"first Password 1".into()).await, Ok(Verified::Good));
    assert_eq!(local.add_group(GroupKind::Role, &GroupName::new("EDITORS")).await, Ok(Done::AlreadySo));
}

#[tokio::test]
async fn a_stream_shows_one_moment() {
    let folder = folder();
    let local = open(&folder);
    let batch: Vec<Operation> = (0..2_500).map(|i| create(&format!("person{i}"), None)).collect();
    assert!(local.apply(&batch, &Pace::unlimited()).await.iter().all(Result::is_ok));
    let before = all(&local).await;
    let ids = before.iter().map(|account| account.id.clone()).collect();
    let mut stream = std::pin::pin!(local.existing(Lookup { which: Which::Ids(ids), attributes: Schema::default() }));
    let mut n_seen = usize::from(stream.try_next().await.expect("can be read").is_some());
    let deletes: Vec<Operation> =
        before.into_iter().map(|account| Operation::Delete { id: account.id, username: account.username }).collect();
    assert!(local.apply(&deletes, &Pace::unlimited()).await.iter().all(Result::is_ok));
    while stream.try_next().await.expect("can be read").is_some() {
        n_seen += 1;
    }
    assert_eq!(n_seen, 2_500);
    assert_eq!(all(&local).await.len(), 0);
}

#[tokio::test]
async fn a_full_disk_stops_the_run_and_the_answers_are_true() {
    let folder = folder();
    let local = open(&folder);
    let limit: Result<(), DatabaseError> = local
        .database
        .call(|connection| {
            let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            connection.execute_batch(&format!("PRAGMA max_page_count = {}", pages + 40))?;
            Ok(())
        })
        .await;
    limit.expect("limits the file");
    let big = "x".repeat(30_000);
    let batch: Vec<Operation> = (0..12)
        .map(|i| {
            let Operation::Create(create) = create(&format!("person{i}"), None) else { panic!("a create") };
            let attributes: Attributes = [("description", vec![big.as_str()])].into_iter().collect();
            Operation::Create(Create { attributes, ..create })
        })
        .collect();
    let answers = local.apply(&batch, &Pace::unlimited()).await;
    assert_eq!(answers.len(), batch.len());
    let faults: Vec<&Fault> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(!faults.is_empty());
    assert!(faults.iter().all(|fault| fault.next == Next::StopRun), "{faults:?}");
    let there: Vec<EntryId> = all(&local).await.into_iter().map(|account| account.id).collect();
    let said: Vec<EntryId> = answers
        .into_iter()
        .filter_map(|answer| match answer {
            Ok(Receipt { done: Done::Created(id), .. }) => Some(id),
            _ => None,
        })
        .collect();
    assert_eq!(there, said);
}

#[tokio::test]
async fn a_batch_that_cannot_be_committed_is_not_said_to_be_done() {
    let folder = folder();
    let local = open(&folder);
    let refuse: Result<(), DatabaseError> = local
        .database
        .call(|connection| {
            connection.commit_hook(Some(|| true))?;
            Ok(())
        })
        .await;
    refuse.expect("hooks");
    let batch = [create("ada", None), create("", None), create("bob", None)];
    let answers = local.apply(&batch, &Pace::unlimited()).await;
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    assert_eq!(all(&local).await.len(), 0);
}

#[tokio::test]
async fn a_directory_that_another_process_writes_is_tried_again() {
    let folder = folder();
    let local = open(&folder);
    let hurry: Result<(), DatabaseError> =
        local.database.call(|connection| Ok(connection.busy_timeout(Duration::ZERO)?)).await;
    hurry.expect("no waiting");
    let other = Connection::open(folder.path().join("directory.sqlite")).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("locks");
    let answers = local.apply(&[create("ada", None), create("bob", None)], &Pace::unlimited()).await;
    let next = |answer: &Result<Receipt, Fault>| answer.as_ref().err().map(|fault| fault.next);
    assert_eq!(answers.iter().map(next).collect::<Vec<_>>(), [Some(Next::Retry); 2]);
    assert_eq!(all(&local).await.len(), 0, "reading goes on meanwhile");
    other.execute_batch("ROLLBACK").expect("unlocks");
    created(&local, create("ada", None)).await;
}

#[tokio::test]
async fn a_file_that_was_replaced_is_noticed() {
    let folder = folder();
    let local = open(&folder);
    created(&local, create("ada", None)).await;
    let file = folder.path().join("directory.sqlite");
    std::fs::copy(&file, folder.path().join("other")).expect("copies");
    std::fs::rename(folder.path().join("other"), &file).expect("replaces");
    let read: Result<Vec<_>, Fault> =
        local.existing(Lookup { which: Which::All, attributes: Schema::default() }).try_collect().await;
    assert_eq!(read.expect_err("another file").next, Next::StopRun);
    assert!(local.check().await.iter().any(|finding| matches!(finding.verdict, Verdict::Bad(..))));
}

#[tokio::test]
async fn only_a_directory_of_ours_is_opened() {
    let folder = folder();
    let file = folder.path().join("directory.sqlite");
    std::fs::write(&file, "username,firstname\n".repeat(100)).expect("writes");
    assert!(matches!(Local::open(settings(&folder, &[]), at_2_15), Err(LocalError::Database(_))));
    assert_eq!(std::fs::read(&file).expect("reads"), "username,firstname\n".repeat(100).as_bytes());

    std::fs::remove_file(&file).expect("removes");
    let other = Connection::open(&file).expect("opens");
    other.execute_batch("CREATE TABLE theirs (x)").expect("creates");
    assert!(matches!(Local::open(settings(&folder, &[]), at_2_15), Err(LocalError::Database(_))));

    let nowhere = LocalSettings { file: folder.path().join("no/such/file"), ..settings(&folder, &[]) };
    assert!(matches!(Local::open(nowhere, at_2_15), Err(LocalError::Create { .. })));
}

#[tokio::test]
async fn objections_name_the_column() {
    let folder = folder();
    let local = Local::open(settings(&folder, &["root"]), at_2_15).expect("opens");
    let account = Account {
        deferred: None,
        line: LineNo(2),
        username: "root".into(),
        match_value: "".into(),
        locator: None,
        attributes: [("title", vec!["bell\u{7}"]), ("not a name", vec!["x"])].into_iter().collect(),
        groups: None,
        roles: None,
        password: Some("".into()),
        must_change: None,
        choices: Choices {
            add: true,
            update: true,
            sync_groups: false,
            sync_roles: false,
            subscribe: false,
            action: Action::Auto,
        },
        person: Person::default(),
    };
    let objections: Vec<String> = local.objections(&account).iter().map(ToString::to_string).collect();
    assert_eq!(
        objections,
        [
            "not a name: `not a name` is not a name of an attribute",
            "title: has a control character (U+0007)",
            "password: required, but empty",
            "username: the account is protected: `root` is in `protected` of the target",
        ]
    );
}

#[tokio::test]
async fn check_warns_when_others_can_read_the_hashes() {
    let folder = folder();
    let local = open(&folder);
    assert!(local.check().await.iter().all(|finding| matches!(finding.verdict, Verdict::Good(_))));
    let file = folder.path().join("directory.sqlite");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("chmod");
    let warnings: Vec<Finding> =
        local.check().await.into_iter().filter(|f| matches!(f.verdict, Verdict::Warning(_))).collect();
    assert!(matches!(&warnings[..], [Finding { verdict: Verdict::Warning(text), .. }] if text.contains("644")));
}

#[tokio::test]
async fn a_member_that_is_gone_is_not_passed_over() {
    let folder = folder();
    let local = open(&folder);
    let ada = created(&local, create("ada", None)).await;
    let bob = created(&local, create("bob", None)).await;
    local.add_group(GroupKind::Group, &GroupName::new("staff")).await.expect("added");
    assert_eq!(ask(&local, Operation::Delete { id: bob.clone(), username: "bob".into() }).await, Ok(Done::Changed));
    let members = [(ada, "ada"), (bob, "bob")].map(|(id, name)| Member { id, username: name.into() });
    let name = GroupName::new("staff");
    let change = |add: &[Member], remove: &[Member]| Operation::ChangeMembers {
        kind: GroupKind::Group,
        name: name.clone(),
        add: add.to_vec(),
        remove: remove.to_vec(),
    };
    let fault = ask(&local, change(&members, &[])).await.expect_err("bob is gone");
    assert_eq!(fault.next, Next::LookAgain);
    let listed = local.all_groups().await.expect("lists");
    assert_eq!(listed[0].n_members, 0, "no part of it was done");
    assert_eq!(ask(&local, change(&[], &members)).await, Ok(Done::AlreadySo));
}
