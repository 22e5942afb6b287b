//! Creating, changing, switching off and deleting accounts.

use rosterd::directory::Directory;
use rosterd::directory::Verdict;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::PasswordPolicy;
use rosterd::directory::ldap::StartTls;
use rosterd::roster::account::EntryId;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Attributes;
use rosterd::roster::change::Change;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::secret::Secret;
use rosterd::run::Order;

use crate::server::slapd::Login;
use crate::server::slapd::Options;
use crate::server::slapd::Slapd;
use crate::world::World;

use super::PASSWORD;
use super::apply;
use super::by_username;
use super::change;
use super::create;
use super::fault;
use super::ldap;
use super::one;
use super::person;
use super::read;
use super::update;

#[tokio::test]
async fn a_new_account_must_change_its_password_and_then_can_log_in() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, person("ada")).await;
    assert_eq!(territory.login("ada", PASSWORD).await, Login::MustChange);
    assert_eq!(territory.login("ada", "wrong").await, Login::Refused);
    let found = &by_username(&ldap, &["ADA"]).await[0];
    assert_eq!((found.id.clone(), found.enabled, found.must_change), (id.clone(), true, Some(true)));
    assert_eq!(found.id.locator, id.locator);
    assert_eq!(found.attributes.first_text("mail"), Some("ada@example.org"));
    let lifted = Update { must_change: Some(false), ..update(&id) };
    assert_eq!(one(&ldap, Operation::Update(lifted)).await, Ok(Done::Changed));
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Welcome);
    assert_eq!(by_username(&ldap, &["ada"]).await[0].must_change, Some(false));
}

#[tokio::test]
async fn a_reset_forces_a_change_and_a_weak_password_is_refused() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, Create { must_change: false, ..person("ada") }).await;
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Welcome);
    let reset =
        |password: &str| Update { password: Some(Secret::from(password)), must_change: Some(true), ..update(&id) };
    assert_eq!(one(&ldap, Operation::Update(reset("second-Passw0rd"))).await, Ok(Done::Changed));
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Refused);
    assert_eq!(territory.login("ada", "second-Passw0rd").await, Login::MustChange);
    let weak = fault(one(&ldap, Operation::Update(reset("weak"))).await, Next::RejectRow, Some("19"));
    assert!(!weak.reason.contains("weak"), "{weak}");
    assert_eq!(territory.login("ada", "second-Passw0rd").await, Login::MustChange);
    let weak = Create { password: Some(Secret::from("weak")), ..person("bob") };
    fault(one(&ldap, Operation::Create(weak)).await, Next::RejectRow, Some("19"));
    assert!(territory.read(&territory.person("bob")).await.is_none());
}

#[tokio::test]
async fn disabled_is_disabled_until_enabled_whatever_happens_to_the_password() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, Create { must_change: false, ..person("ada") }).await;
    let run = async |update: Update| {
        assert_eq!(one(&ldap, Operation::Update(update)).await, Ok(Done::Changed));
        by_username(&ldap, &["ada"]).await[0].enabled
    };
    assert!(!run(Update { enabled: Some(false), ..update(&id) }).await);
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Locked);
    // Disabling twice is fine.
    assert!(!run(Update { enabled: Some(false), ..update(&id) }).await);
    // A reset alone leaves the account disabled, though the server would unlock it.
    let second = Some(Secret::from("second-Passw0rd"));
    assert!(!run(Update { password: second.clone(), must_change: Some(true), ..update(&id) }).await);
    assert_eq!(territory.login("ada", "second-Passw0rd").await, Login::Locked);
    assert!(run(Update { enabled: Some(true), ..update(&id) }).await);
    assert_eq!(territory.login("ada", "second-Passw0rd").await, Login::MustChange);
    // Both at once, either way.
    let third = Some(Secret::from("third-Passw0rd"));
    assert!(!run(Update { password: third.clone(), enabled: Some(false), ..update(&id) }).await);
    assert_eq!(territory.login("ada", "third-Passw0rd").await, Login::Locked);
    assert!(run(Update { password: second, must_change: Some(false), enabled: Some(true), ..update(&id) }).await);
    assert_eq!(territory.login("ada", "second-Passw0rd").await, Login::Welcome);
}

#[tokio::test]
async fn an_account_without_a_password_cannot_log_in() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    create(&ldap, Create { password: None, must_change: false, ..person("ada") }).await;
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Refused);
    assert!(!territory.read(&territory.person("ada")).await.expect("there").attrs.contains_key("userPassword"));
}

#[tokio::test]
async fn what_the_server_refuses_is_that_rows_problem() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.protected = vec!["svc-*".to_owned()];
    let ldap = Ldap::new(settings).expect("good settings");
    let with = |name: &str, value: &str| -> Attributes {
        [("sn", vec!["x"]), ("cn", vec!["x"]), (name, vec![value])].into_iter().collect()
    };
    let far = format!("uid=far,ou=nowhere,ou=people,{}", territory.base);
    let batch = [
        Create { attributes: [("cn", vec!["x"])].into_iter().collect(), ..person("a") },
        Create { attributes: with("fooBar", "1"), ..person("b") },
        Create { attributes: with("mail", "m\u{fc}@x.org"), ..person("c") },
        Create { attributes: with("uidNumber", "7"), ..person("d") },
        Create { locator: Some(far.into()), ..person("far") },
        Create { locator: Some("uid=out,dc=example,dc=org".into()), ..person("out") },
        Create { attributes: with("userPassword", "clear"), ..person("e") },
        Create { attributes: with("objectClass", "posixAccount"), ..person("f") },
        person("svc-backup"),
        person("good"),
    ];
    let batch: Vec<_> = batch.into_iter().map(Operation::Create).collect();
    let answers = apply(&ldap, &batch).await;
    let codes: Vec<_> =
        answers.iter().map(|a| a.as_ref().err().map(|f| (f.next, f.code.clone().unwrap_or_default()))).collect();
    let reject = |code: &str| Some((Next::RejectRow, code.into()));
    let wanted = [
        reject("65"),
        reject("17"),
        reject("21"),
        reject("65"),
        reject("32"),
        reject(""),
        reject(""),
        reject(""),
        reject(""),
        None,
    ];
    assert_eq!(codes, wanted);
    let parent = answers[4].as_ref().expect_err("no parent").reason.clone();
    assert!(parent.contains("ou=nowhere") && parent.contains("does not exist"), "{parent}");
    // Somebody has the name: the plan must look.
    fault(one(&ldap, Operation::Create(person("GOOD"))).await, Next::LookAgain, Some("68"));
    // The unique overlay: the same uid under another name.
    let other = format!("cn=Other,ou=people,{}", territory.base);
    let taken = Create { locator: Some(other.into()), ..person("good") };
    fault(one(&ldap, Operation::Create(taken)).await, Next::RejectRow, Some("19"));
}

/// Else the run would look for the person and send the row again, night after night, and nobody else would be served.
#[tokio::test]
async fn a_name_that_cannot_be_had_rejects_the_row() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    territory.add(&territory.person("backup"), &[("objectClass", &["account"]), ("uid", &["backup"])]).await;
    let taken = fault(one(&ldap, Operation::Create(person("backup"))).await, Next::RejectRow, None);
    assert!(taken.reason.contains("is not among the people"), "{taken}");
    // 245 octets are the most that slapd has room for.
    for (n, fits) in [(242, true), (243, false)] {
        let place = format!("cn={},ou=people,{}", "x".repeat(n), territory.base);
        let long = Create { locator: Some(place.into()), ..person(&format!("long{n}")) };
        let made = one(&ldap, Operation::Create(long)).await;
        assert_eq!(made.is_ok(), fits, "{n}: {made:?}");
        if let Err(made) = made {
            assert_eq!((made.next, made.code), (Next::RejectRow, None), "{n}");
        }
    }
}

#[tokio::test]
async fn empty_values_are_never_sent_and_the_name_is_a_value() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let place = format!("cn=Ada Byron,ou=people,{}", territory.base);
    let attributes: Attributes =
        [("sn", vec!["Byron"]), ("title", vec![""]), ("mail", vec!["", "a@x.org"])].into_iter().collect();
    create(&ldap, Create { locator: Some(place.clone().into()), attributes, ..person("ada") }).await;
    assert_eq!(territory.values(&place, "cn").await, ["Ada Byron"]);
    assert_eq!(territory.values(&place, "uid").await, ["ada"]);
    assert_eq!(territory.values(&place, "mail").await, ["a@x.org"]);
    assert_eq!(territory.values(&place, "title").await, [""; 0]);
}

#[tokio::test]
async fn a_change_applies_only_to_what_the_plan_has_seen() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, person("ada")).await;
    let dn = territory.person("ada");
    let changes = |changes: &[Change]| Operation::Update(Update { changes: changes.to_vec(), ..update(&id) });
    let all = [
        change("sn", &["ada"], &["Byron"]),
        change("title", &[], &["Countess"]),
        change("mail", &["ada@example.org"], &["a@x.org", "b@x.org"]),
    ];
    assert_eq!(one(&ldap, changes(&all)).await, Ok(Done::Changed));
    assert_eq!(territory.values(&dn, "mail").await, ["a@x.org", "b@x.org"]);
    // The same again: the old values are gone by now.
    fault(one(&ldap, changes(&all[..1])).await, Next::LookAgain, Some("122"));
    // Somebody has filled in a title meanwhile.
    fault(one(&ldap, changes(&all[1..2])).await, Next::LookAgain, Some("122"));
    // A change of letter case, and clearing.
    let more = [change("sn", &["Byron"], &["BYRON"]), change("title", &["Countess"], &[])];
    assert_eq!(one(&ldap, changes(&more)).await, Ok(Done::Changed));
    assert_eq!(territory.values(&dn, "sn").await, ["BYRON"]);
    assert_eq!(territory.values(&dn, "title").await, [""; 0]);
    // Two spellings of one value cannot both be there, however often it is tried.
    fault(one(&ldap, changes(&[change("title", &["x"], &["y"])])).await, Next::LookAgain, Some("122"));
    let twice = [change("mail", &["a@x.org", "b@x.org"], &["c@x.org", "C@x.org"])];
    fault(one(&ldap, changes(&twice)).await, Next::RejectRow, Some("20"));
    assert_eq!(territory.values(&dn, "mail").await, ["a@x.org", "b@x.org"], "nothing is done by halves");
    // The entry is named by uid.
    fault(one(&ldap, changes(&[change("uid", &["ada"], &["eda"])])).await, Next::RejectRow, None);
    assert_eq!(one(&ldap, changes(&[])).await, Ok(Done::AlreadySo));
}

#[tokio::test]
async fn octets_without_an_equality_rule_are_replaced_after_a_look() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, person("ada")).await;
    let photo = |old: &[&[u8]], new: &[&[u8]]| {
        let values = |octets: &[&[u8]]| octets.iter().map(|o| (*o).into()).collect();
        let change = Change { attribute: AttributeName::new("jpegPhoto"), old: values(old), new: values(new) };
        Operation::Update(Update { changes: vec![change], ..update(&id) })
    };
    let (first, second) = ([0xff, 0xd8, 1].as_slice(), [0xff, 0xd8, 2].as_slice());
    assert_eq!(one(&ldap, photo(&[], &[first])).await, Ok(Done::Changed));
    assert_eq!(one(&ldap, photo(&[first], &[second])).await, Ok(Done::Changed));
    let found = by_username(&ldap, &["ada"]).await;
    let value = found[0].attributes.get("jpegPhoto").expect("a photo").to_vec();
    assert_eq!(value, [second.to_vec()]);
    fault(one(&ldap, photo(&[first], &[])).await, Next::LookAgain, Some("122"));
    assert_eq!(one(&ldap, photo(&[second], &[])).await, Ok(Done::Changed));
    assert_eq!(by_username(&ldap, &["ada"]).await[0].attributes.get("jpegPhoto"), None);
}

#[tokio::test]
async fn another_entry_under_the_same_name_is_left_alone() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let old = create(&ldap, person("ada")).await;
    assert_eq!(one(&ldap, Operation::Delete { id: old.clone(), username: "ada".into() }).await, Ok(Done::Changed));
    let new = create(&ldap, person("ada")).await;
    assert_eq!(old.locator, new.locator);
    assert_ne!(old, new);
    let reset = Update { password: Some(Secret::from("second-Passw0rd")), ..update(&old) };
    fault(one(&ldap, Operation::Update(reset)).await, Next::LookAgain, None);
    let lift = Update { must_change: Some(false), ..update(&old) };
    fault(one(&ldap, Operation::Update(lift)).await, Next::LookAgain, Some("122"));
    let again = Operation::Delete { id: old.clone(), username: "ada".into() };
    assert_eq!(one(&ldap, again).await, Ok(Done::AlreadySo), "the entry that was meant is gone");
    assert_eq!(territory.login("ada", PASSWORD).await, Login::MustChange);
    assert_eq!(read(&ldap, Which::Ids(vec![old.clone()])).await.expect("readable").len(), 0);
    let gone = EntryId { locator: territory.person("nobody").into(), ..old };
    fault(
        one(&ldap, Operation::Update(Update { enabled: Some(false), ..update(&gone) })).await,
        Next::LookAgain,
        Some("32"),
    );
}

#[tokio::test]
async fn an_entry_is_found_where_it_has_moved() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, person("ada")).await;
    let mut admin = territory.server.admin().await;
    admin
        .modifydn(&territory.person("ada"), "uid=countess", true, None)
        .await
        .expect("an answer")
        .success()
        .expect("moved");
    let found = read(&ldap, Which::Ids(vec![id.clone()])).await.expect("readable");
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].id, &*found[0].username), (&id, "countess"));
    assert_ne!(found[0].id.locator, id.locator);
    // Deleting where it was does not say that it is gone.
    fault(one(&ldap, Operation::Delete { id, username: "ada".into() }).await, Next::LookAgain, None);
}

#[tokio::test]
async fn protected_accounts_are_marked_and_never_written() {
    let territory = Slapd::shared().territory().await;
    let plain = ldap(&territory);
    let boss = create(&plain, person("boss")).await;
    let mut settings = territory.settings();
    settings.protected = vec![territory.person("BOSS").replace(',', ", ")];
    let guarded = Ldap::new(settings).expect("good settings");
    assert!(by_username(&guarded, &["boss"]).await[0].protected.is_some());
    assert!(by_username(&plain, &["boss"]).await[0].protected.is_none());
    let disable = Operation::Update(Update { enabled: Some(false), ..update(&boss) });
    fault(one(&guarded, disable).await, Next::RejectRow, None);
    fault(one(&guarded, Operation::Delete { id: boss, username: "boss".into() }).await, Next::RejectRow, None);
    assert_eq!(territory.login("boss", PASSWORD).await, Login::MustChange);
}

/// What nobody could be created with is told before anything is written.
#[tokio::test]
async fn the_preview_tells_that_no_password_can_be_written_or_no_change_forced() {
    let territory = Slapd::shared().territory().await;
    let mut without_policy = territory.settings();
    without_policy.password_policy = PasswordPolicy::None;
    let mut without_tls = territory.settings();
    without_tls.tls = StartTls::Off;
    without_tls.allow_cleartext = true;
    for (settings, says) in [(without_policy, "no change at next login can be forced"), (without_tls, "without TLS")] {
        let ldap = Ldap::new(settings).expect("good settings");
        let world = World::new("", "Username,First name,Surname,Email\nada,Ada,Byron,ada@example.org\n");
        world.carry(&ldap, Order::AsTheFeedSays).await.expect("planned");
        let preview = std::fs::read_to_string(world.file("people.preview.csv")).expect("a preview");
        assert!(preview.contains("2,Error,") && preview.contains(says), "{preview}");
    }
}

#[tokio::test]
async fn without_a_policy_nothing_is_promised() {
    let server = Slapd::start_with(Options { without_policy: true, ..Options::default() });
    let territory = server.territory().await;
    let mut settings = territory.settings();
    settings.password_policy = PasswordPolicy::None;
    let ldap = Ldap::new(settings).expect("good settings");
    let capabilities = ldap.capabilities().await.expect("known");
    assert!(!capabilities.disable && !capabilities.must_change && capabilities.groups);
    fault(one(&ldap, Operation::Create(person("ada"))).await, Next::RejectRow, None);
    let id = create(&ldap, Create { must_change: false, ..person("ada") }).await;
    fault(one(&ldap, Operation::Update(Update { enabled: Some(false), ..update(&id) })).await, Next::RejectRow, None);
    assert_eq!(by_username(&ldap, &["ada"]).await[0].must_change, None);
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Welcome);
    // And where a policy is promised but not loaded, the check says so.
    let findings = self::ldap(&territory).check().await;
    let policy = findings.iter().find(|f| f.subject == "password policy").expect("a finding");
    assert!(matches!(&policy.verdict, Verdict::Bad(..)), "{findings:?}");
}
