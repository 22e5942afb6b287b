//! Promises about batches, pace and what is shown.

use std::num::NonZeroU32;
use std::time::Duration;
use std::time::Instant;

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::Verdict;
use rosterd::directory::Which;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::attribute::Schema;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;

use super::LoginResult;
use super::Rig;
use super::Start;
use super::apply;
use super::change;
use super::created;
use super::find;
use super::group;
use super::member;
use super::one;
use super::person;
use super::read;
use super::update;

const STAFF: Start = Start { groups: &[(GroupKind::Group, "staff")], protected: &[] };

/// Returns an account with a value that the directory refuses.
fn refused<R: Rig>(rig: &R, username: &str) -> Create {
    let (attribute, value) = rig.refused_value();
    let mut pairs: Vec<(&str, Vec<&[u8]>)> = vec![("cn", vec![username.as_bytes()]), ("sn", vec![b"Byron"])];
    pairs.retain(|(name, _)| !name.eq_ignore_ascii_case(attribute));
    pairs.push((attribute, vec![&value]));
    let schema = Schema::new(pairs.iter().map(|(name, _)| (*name).into()));
    Create {
        attributes: schema.pack(pairs.iter().map(|(name, values)| (*name, values.clone()))),
        ..person(username, &[])
    }
}

pub async fn one_bad_operation_does_not_hinder_the_others<R: Rig>() {
    let rig = R::new(STAFF).await;
    let ada = created(rig.directory(), person("ada", &[("title", &["Countess"])])).await;
    let bob = created(rig.directory(), person("bob", &[])).await;
    let eve = created(rig.directory(), person("eve", &[("title", &["Dr"])])).await;
    let batch = [
        Operation::Create(person("new1", &[])),
        Operation::Update(Update { changes: vec![change("title", &["Countess"], &["Lady"])], ..update(&ada) }),
        Operation::Create(refused(&rig, "bad")),
        Operation::Update(Update { changes: vec![change("title", &["Prof"], &["none"])], ..update(&eve) }),
        Operation::ChangeMembers {
            kind: GroupKind::Group,
            name: GroupName::new("no such group"),
            add: vec![member(&ada)],
            remove: Vec::new(),
        },
        Operation::Delete { id: bob.id.clone(), username: "bob".into() },
        Operation::ChangeMembers {
            kind: GroupKind::Group,
            name: GroupName::new("staff"),
            add: vec![member(&ada)],
            remove: Vec::new(),
        },
        Operation::Create(person("new2", &[])),
    ];
    let answers = apply(rig.directory(), &batch, &Pace::unlimited()).await;
    let shown: Vec<String> = answers
        .iter()
        .map(|answer| match answer {
            Ok(Done::Created(_)) => "created".to_owned(),
            Ok(done) => format!("{done:?}"),
            Err(fault) => format!("{:?}", fault.next),
        })
        .collect();
    assert_eq!(
        shown,
        ["created", "Changed", "RejectRow", "LookAgain", "RejectRow", "Changed", "Changed", "created"],
        "{answers:?}"
    );
    for (index, username) in [(0, "new1"), (7, "new2")] {
        assert_eq!(answers[index], Ok(Done::Created(one(rig.directory(), username).await.id)), "answers in order");
    }
    assert_eq!(one(rig.directory(), "ada").await.attributes.first_text("title"), Some("Lady"));
    assert_eq!(one(rig.directory(), "eve").await.attributes.first_text("title"), Some("Dr"));
    assert!(find(rig.directory(), "bad").await.is_none());
    assert!(find(rig.directory(), "bob").await.is_none());
    assert!(group(rig.directory(), GroupKind::Group, "staff").await.expect("is there").has(&ada));
}

pub async fn a_refused_value_rejects_only_its_row<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), person("ada", &[])).await;
    let (attribute, value) = rig.refused_value();
    let mut bad = change(attribute, &[], &[]);
    bad.new = [value.into_boxed_slice()].into();
    let too_much = Update { password: Some("new Password 1".into()), changes: vec![bad], ..update(&ada) };
    let batch = [
        Operation::Create(person("good1", &[])),
        Operation::Create(refused(&rig, "bad")),
        Operation::Update(too_much),
        Operation::Create(person("good2", &[])),
    ];
    let answers = apply(rig.directory(), &batch, &Pace::unlimited()).await;
    assert!(answers[0].is_ok() && answers[3].is_ok(), "{answers:?}");
    for answer in &answers[1..3] {
        let fault = answer.as_ref().expect_err("the value is refused");
        assert_eq!(fault.next, Next::RejectRow, "{fault:?}");
        assert!(!fault.reason.is_empty());
    }
    assert!(find(rig.directory(), "bad").await.is_none());
    assert_eq!(rig.login("ada", "new Password 1").await, LoginResult::Refused, "no part of it was done");
}

pub async fn there_is_one_answer_per_operation<R: Rig>() {
    let rig = R::new(Start::default()).await;
    assert_eq!(apply(rig.directory(), &[], &Pace::unlimited()).await, []);
    for n in [1, 2, 33, 150] {
        let batch: Vec<Operation> =
            (0..n).map(|i| Operation::Create(person(&format!("person-{n}-{i}"), &[]))).collect();
        let answers = apply(rig.directory(), &batch, &Pace::unlimited()).await;
        assert_eq!(answers.len(), n);
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Done::Created(_)))), "{answers:?}");
    }
    let nothing = update(&one(rig.directory(), "person-1-0").await);
    let answers = apply(rig.directory(), &[Operation::Update(nothing)], &Pace::unlimited()).await;
    assert!(matches!(answers[..], [Ok(_)]), "{answers:?}");
}

pub async fn the_pace_is_kept<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let pace = Pace::per_second(NonZeroU32::new(20).expect("20 is not zero"));
    let batch = |from: usize| -> Vec<Operation> {
        (from..from + 6).map(|i| Operation::Create(person(&format!("person{i}"), &[]))).collect()
    };
    let start = Instant::now();
    for from in [0, 6] {
        let answers = apply(rig.directory(), &batch(from), &pace).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
    // Twelve operations have eleven gaps of 50 ms between them, whatever the batches.
    assert!(start.elapsed() >= Duration::from_millis(11 * 50 - 10), "{:?}", start.elapsed());
}

pub async fn two_batches_at_the_same_time_do_not_mix<R: Rig>() {
    let rig = R::new(STAFF).await;
    let ada = created(rig.directory(), person("ada", &[("title", &["Countess"])])).await;
    let bob = created(rig.directory(), person("bob", &[])).await;
    let eve = created(rig.directory(), person("eve", &[])).await;
    let batch = |side: &str, joins: &rosterd::roster::account::ExistingAccount| -> Vec<Operation> {
        let mut batch: Vec<Operation> = (0..40)
            .map(|i| {
                let title = format!("{side}{i}");
                Operation::Create(person(&format!("{side}-{i}"), &[("title", &[&title])]))
            })
            .collect();
        let title = change("title", &["Countess"], &[side]);
        batch.insert(20, Operation::Create(person("both", &[("title", &[side])])));
        batch.push(Operation::Update(Update { changes: vec![title], ..update(&ada) }));
        batch.push(Operation::ChangeMembers {
            kind: GroupKind::Group,
            name: GroupName::new("staff"),
            add: vec![member(joins)],
            remove: Vec::new(),
        });
        batch
    };
    let (left, right) = (batch("left", &bob), batch("right", &eve));
    let pace = Pace::unlimited();
    let (l, r) = tokio::join!(apply(rig.directory(), &left, &pace), apply(rig.directory(), &right, &pace));
    assert_eq!((l.len(), r.len()), (43, 43));
    for i in (0..40).map(|i| if i < 20 { i } else { i + 1 }).chain([42]) {
        assert!(l[i].is_ok() && r[i].is_ok(), "{i}: {:?} {:?}", l[i], r[i]);
    }
    // Whoever comes first wins, wholly, and the other one is told.
    for (index, username) in [(20, "both"), (41, "ada")] {
        let winner = match (&l[index], &r[index]) {
            (Ok(_), Err(_)) => "left",
            (Err(_), Ok(_)) => "right",
            both => panic!("{username}: {both:?}"),
        };
        assert_eq!(one(rig.directory(), username).await.attributes.first_text("title"), Some(winner), "{username}");
    }
    assert_eq!(read(rig.directory(), Which::All).await.len(), 3 + 1 + 80);
    for (side, i) in ["left", "right"].into_iter().flat_map(|side| [0, 19, 20, 39].map(|i| (side, i))) {
        let account = one(rig.directory(), &format!("{side}-{i}")).await;
        assert_eq!(account.attributes.first_text("title"), Some(&*format!("{side}{i}")));
    }
    let staff = group(rig.directory(), GroupKind::Group, "staff").await.expect("is there");
    assert!(staff.has(&bob) && staff.has(&eve) && !staff.has(&ada));
}

pub async fn nothing_that_is_shown_holds_a_password<R: Rig>() {
    const PASSWORD: &str = "hunter2 Geheim! 3";
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), person("ada", &[("title", &["Countess"])])).await;
    let with_password = |create: Create| Operation::Create(Create { password: Some(PASSWORD.into()), ..create });
    let batch = [
        with_password(person("new", &[])),
        with_password(refused(&rig, "bad")),
        Operation::Update(Update {
            changes: vec![change("title", &["Lady"], &["Dr"])],
            password: Some(PASSWORD.into()),
            ..update(&ada)
        }),
    ];
    let answers = apply(rig.directory(), &batch, &Pace::unlimited()).await;
    assert!(matches!(answers[..], [Ok(_), Err(_), Err(_)]), "{answers:?}");
    let again = apply(rig.directory(), &batch[..1], &Pace::unlimited()).await;
    assert!(again[0].is_err());
    let read = read(rig.directory(), Which::All).await;
    let findings = rig.directory().check().await;
    let mut shown = format!("{batch:?} {answers:?} {again:?} {read:?} {findings:?}");
    shown.extend(answers.iter().chain(&again).filter_map(|answer| answer.as_ref().err()).map(ToString::to_string));
    for secret in ["hunter2", "Geheim", "$argon2"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
    assert_eq!(rig.login("new", PASSWORD).await, LoginResult::Good);
}

pub async fn the_check_finds_nothing_bad_and_changes_nothing<R: Rig>() {
    let rig = R::new(STAFF).await;
    let before =
        created(rig.directory(), Create { password: Some("first Password 1".into()), ..person("ada", &[]) }).await;
    let findings = rig.directory().check().await;
    assert!(!findings.is_empty());
    assert!(!findings.iter().any(|finding| matches!(finding.verdict, Verdict::Bad(..))), "{findings:?}");
    let after = read(rig.directory(), Which::All).await;
    assert_eq!(after.len(), 1);
    assert_eq!((&after[0].id, after[0].enabled), (&before.id, true));
}
