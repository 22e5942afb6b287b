//! In which form passwords get to the server: whatever it is, people can log in, or nobody is written.

use std::num::NonZeroUsize;

use rosterd::directory::Directory;
use rosterd::directory::Login;
use rosterd::directory::Pace;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;
use rosterd::directory::ldap::PasswordPolicy;
use rosterd::directory::ldap::PasswordStorage;
use rosterd::roster::fault::Fault;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Receipt;
use rosterd::roster::operation::Update;
use rosterd::roster::secret::Secret;
use tokio_util::sync::CancellationToken;

use super::PASSWORD;
use super::apply;
use super::by_username;
use super::change;
use super::create;
use super::fault;
use super::one;
use super::person;
use super::update;
use crate::server::slapd;
use crate::server::slapd::Options;
use crate::server::slapd::Slapd;
use crate::server::slapd::Territory;

const SECOND: &str = "second-Passw0rd.2";
const ALL: [PasswordStorage; 4] =
    [PasswordStorage::Server, PasswordStorage::Exop, PasswordStorage::Argon2, PasswordStorage::Ssha512];
const FOR_GOOD: &str = "000001010000Z";

fn settings(territory: &Territory<'_>, storage: PasswordStorage) -> LdapSettings {
    let mut settings = territory.settings();
    settings.password_storage = storage;
    settings
}

fn ldap(territory: &Territory<'_>, storage: PasswordStorage) -> Ldap {
    Ldap::new(settings(territory, storage)).expect("good settings")
}

fn free(uid: &str) -> Create {
    Create { must_change: false, ..person(uid) }
}

fn creates(uids: &[&str]) -> Vec<Operation> {
    uids.iter().map(|uid| Operation::Create(free(uid))).collect()
}

/// What stands in `userPassword`.
async fn stored(territory: &Territory<'_>, uid: &str) -> String {
    territory.values(&territory.person(uid), "userPassword").await.concat()
}

/// Asserts that the first answer ends the run and that nothing else was sent.
fn stopped(answers: &[Result<Receipt, Fault>], code: Option<&str>) -> String {
    let (first, rest) = answers.split_first().expect("answers");
    let fault = first.as_ref().expect_err("a fault");
    assert_eq!((fault.next, fault.code.as_deref()), (Next::StopRun, code), "{fault}");
    for unsent in rest {
        let unsent = unsent.as_ref().expect_err("not sent");
        assert!(unsent.next == Next::Retry && unsent.reason.starts_with("not sent"), "{unsent}");
    }
    fault.to_string()
}

#[tokio::test]
async fn people_log_in_whatever_the_form_of_their_password() {
    let forms = ["{SSHA}", "{SSHA}", "{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$", "{SSHA512}"];
    for (storage, form) in ALL.into_iter().zip(forms) {
        let territory = Slapd::hashing().territory().await;
        let ldap = ldap(&territory, storage);
        let id = create(&ldap, person("ada")).await;
        create(&ldap, free("bob")).await;
        for uid in ["ada", "bob"] {
            let stored = stored(&territory, uid).await;
            assert!(stored.starts_with(form) && !stored.contains(PASSWORD), "{storage:?} {stored}");
        }
        assert_eq!(territory.login("ada", PASSWORD).await, slapd::Login::MustChange, "{storage:?}");
        assert_eq!(territory.login("bob", PASSWORD).await, slapd::Login::Welcome, "{storage:?}");
        for wrong in [SECOND, "first-passw0rd", "", &stored(&territory, "bob").await] {
            assert_eq!(territory.login("bob", wrong).await, slapd::Login::Refused, "{storage:?} {wrong}");
        }
        let found = by_username(&ldap, &["ada", "bob"]).await;
        let states: Vec<_> = found.iter().map(|account| (account.enabled, account.must_change)).collect();
        assert_eq!(states, [(true, Some(true)), (true, Some(false))], "{storage:?}");

        let changes = vec![change("title", &[], &["Countess"])];
        let reset = Update { password: Some(SECOND.into()), must_change: Some(false), changes, ..update(&id) };
        assert_eq!(one(&ldap, Operation::Update(reset)).await, Ok(Done::Changed), "{storage:?}");
        assert_eq!(territory.login("ada", SECOND).await, slapd::Login::Welcome, "{storage:?}");
        assert_eq!(territory.login("ada", PASSWORD).await, slapd::Login::Refused, "{storage:?}");
        assert_eq!(territory.values(&id.locator, "title").await, ["Countess"]);
        let reset = Update { password: Some(PASSWORD.into()), must_change: Some(true), ..update(&id) };
        assert_eq!(one(&ldap, Operation::Update(reset)).await, Ok(Done::Changed), "{storage:?}");
        assert_eq!(ldap.login(&id, "ada", &Secret::from(PASSWORD)).await, Ok(Login::MustChange), "{storage:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_password_of_a_batch_has_a_salt_of_its_own() {
    let territory = Slapd::hashing().territory().await;
    for (storage, transactions) in [(PasswordStorage::Argon2, None), (PasswordStorage::Ssha512, NonZeroUsize::new(5))] {
        let mut settings = settings(&territory, storage);
        settings.transactions = transactions;
        let ldap = Ldap::new(settings).expect("good settings");
        let uids: Vec<String> = (0..12).map(|n| format!("{}{n}", storage.word())).collect();
        let batch: Vec<Operation> = uids.iter().map(|uid| Operation::Create(free(uid))).collect();
        let answers = apply(&ldap, &batch).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        let mut hashes = Vec::new();
        for uid in &uids {
            assert_eq!(territory.login(uid, PASSWORD).await, slapd::Login::Welcome);
            hashes.push(stored(&territory, uid).await);
        }
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), uids.len());
    }
}

#[tokio::test]
async fn a_scheme_that_the_server_does_not_know_stops_the_run_and_nobody_is_written() {
    let server = Slapd::start_with(Options { takes_hashes: true, ..Options::default() });
    for (storage, module) in [(PasswordStorage::Argon2, "argon2.so"), (PasswordStorage::Ssha512, "pw-sha2.so")] {
        let territory = server.territory().await;
        let batch = creates(&["ada", "bob", "cyd"]);
        let ldap = ldap(&territory, storage);
        // Two batches are on their way at the same time.
        let pace = Pace::unlimited();
        let second = creates(&["dan", "eve"]);
        let (answers, others) = tokio::join!(ldap.apply(&batch, &pace), ldap.apply(&second, &pace));
        // Whichever was hashed first is tried.
        let is_tried = answers[0].as_ref().is_err_and(|fault| fault.next == Next::StopRun);
        let (tried, others) = if is_tried { (answers, others) } else { (others, answers) };
        let why = stopped(&tried, Some("49"));
        assert!(why.contains("password_storage") && why.contains(module), "{why}");
        assert!(why.contains("took the hash for the password itself"), "{why}");
        assert!(!why.contains(PASSWORD) && !why.contains('$'), "{why}");
        assert!(others.iter().all(|other| other.as_ref().is_err_and(|fault| fault.next == Next::Retry)), "{others:?}");
        assert_eq!(territory.below().await, [""; 0]);

        // Somebody who is there keeps the account, and the journal keeps the row open: nobody knows the password.
        let plain = Ldap::new(territory.settings()).expect("good settings");
        let id = create(&plain, free("ada")).await;
        let reset = Operation::Update(Update { password: Some(SECOND.into()), ..update(&id) });
        stopped(&ldap.apply(&[reset], &Pace::unlimited()).await, None);
        assert_eq!(territory.below().await, [territory.person("ada")]);
    }
}

#[tokio::test]
async fn an_account_that_is_switched_off_proves_nothing() {
    let territory = Slapd::hashing().territory().await;
    let plain = Ldap::new(territory.settings()).expect("good settings");
    let id = create(&plain, free("ada")).await;
    one(&plain, Operation::Update(Update { enabled: Some(false), ..update(&id) })).await.expect("off");
    let ldap = ldap(&territory, PasswordStorage::Argon2);
    let reset = Operation::Update(Update { password: Some(SECOND.into()), ..update(&id) });
    let answers = apply(&ldap, &[vec![reset], creates(&["bob", "cyd"])].concat()).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(territory.login("ada", SECOND).await, slapd::Login::Locked);
    assert_eq!(territory.login("cyd", PASSWORD).await, slapd::Login::Welcome);
}

#[tokio::test]
async fn a_policy_that_refuses_hashes_stops_the_run() {
    let server = Slapd::start_with(Options { schemes: true, ..Options::default() });
    let territory = server.territory().await;
    let ldap = ldap(&territory, PasswordStorage::Ssha512);
    let answers = ldap.apply(&creates(&["ada", "bob", "cyd"]), &Pace::unlimited()).await;
    let why = stopped(&answers, Some("19"));
    for part in ["password_storage", "manage", "pwdCheckQuality"] {
        assert!(why.contains(part), "{why}");
    }
    assert_eq!(territory.below().await, [""; 0]);
    let findings = ldap.check().await;
    let finding = findings.iter().find(|finding| finding.subject == "password storage ssha512").expect("a finding");
    assert!(matches!(&finding.verdict, Verdict::Warning(text) if text.contains("pwdCheckQuality")), "{finding:?}");
}

#[tokio::test]
async fn who_may_manage_passwords_may_write_hashes_and_forces_changes_by_the_policy() {
    let options = Options { schemes: true, manages_passwords: true, ..Options::default() };
    let server = Slapd::start_with(options);
    for storage in ALL {
        let territory = server.territory().await;
        let ldap = ldap(&territory, storage);
        let id = create(&ldap, person("ada")).await;
        create(&ldap, free("bob")).await;
        assert_eq!(territory.login("ada", PASSWORD).await, slapd::Login::MustChange, "{storage:?}");
        assert_eq!(territory.login("bob", PASSWORD).await, slapd::Login::Welcome, "{storage:?}");
        let reset = Update { password: Some(SECOND.into()), must_change: Some(true), ..update(&id) };
        one(&ldap, Operation::Update(reset)).await.expect("reset");
        assert_eq!(territory.login("ada", SECOND).await, slapd::Login::MustChange, "{storage:?}");
    }
}

#[tokio::test]
async fn a_password_that_the_operation_refuses_leaves_no_account() {
    let territory = Slapd::hashing().territory().await;
    let ldap = ldap(&territory, PasswordStorage::Exop);
    let weak = Create { password: Some("short".into()), ..person("ada") };
    let mut answers = apply(&ldap, &[Operation::Create(weak), Operation::Create(person("bob"))]).await;
    assert!(answers.pop().expect("two answers").is_ok());
    let why = fault(answers.remove(0), Next::RejectRow, Some("19"));
    assert!(!why.reason.contains("left over") && !why.reason.contains("short"), "{why}");
    assert_eq!(territory.below().await, [territory.person("bob")]);
}

#[tokio::test]
async fn a_new_account_is_switched_off_until_its_password_is_set() {
    let server = Slapd::start_with(Options { may_not_delete: true, ..Options::default() });
    let territory = server.territory().await;
    let ldap = ldap(&territory, PasswordStorage::Exop);
    // Nothing comes after what is refused, so this is what an account looks like in between.
    let weak = Create { password: Some("short".into()), must_change: false, ..person("ada") };
    let why = fault(one(&ldap, Operation::Create(weak)).await, Next::RejectRow, Some("19"));
    assert!(why.reason.contains("left over"), "{why}");
    let ada = territory.person("ada");
    assert_eq!(territory.values(&ada, "pwdAccountLockedTime").await, [FOR_GOOD]);
    assert_eq!(stored(&territory, "ada").await, "");
    for guess in ["short", PASSWORD, "", "ada"] {
        assert!(matches!(territory.login("ada", guess).await, slapd::Login::Locked | slapd::Login::Refused));
    }
    // What was cut short is gone through once more.
    let found = by_username(&ldap, &["ada"]).await.remove(0);
    assert!(!found.enabled);
    let again =
        Update { password: Some(PASSWORD.into()), must_change: Some(true), enabled: Some(true), ..update(&found.id) };
    one(&ldap, Operation::Update(again)).await.expect("done");
    assert_eq!(territory.login("ada", PASSWORD).await, slapd::Login::MustChange);
    assert_eq!(territory.values(&ada, "pwdAccountLockedTime").await, [""; 0]);
}

#[tokio::test]
async fn nobody_is_switched_on_for_a_moment_by_a_password() {
    let territory = Slapd::hashing().territory().await;
    let ldap = ldap(&territory, PasswordStorage::Exop);
    let id = create(&ldap, free("ada")).await;
    one(&ldap, Operation::Update(Update { enabled: Some(false), ..update(&id) })).await.expect("off");
    let reset = Update { password: Some(SECOND.into()), ..update(&id) };
    let why = fault(one(&ldap, Operation::Update(reset)).await, Next::RejectRow, None);
    assert!(why.reason.contains("password_storage"), "{why}");
    assert_eq!(territory.login("ada", PASSWORD).await, slapd::Login::Locked);
    let on = Update { password: Some(SECOND.into()), enabled: Some(true), ..update(&id) };
    one(&ldap, Operation::Update(on)).await.expect("on");
    assert_eq!(territory.login("ada", SECOND).await, slapd::Login::Welcome);
    let off = Update { password: Some(PASSWORD.into()), enabled: Some(false), ..update(&id) };
    one(&ldap, Operation::Update(off)).await.expect("off");
    assert_eq!(territory.login("ada", PASSWORD).await, slapd::Login::Locked);
}

#[tokio::test]
async fn the_rights_of_the_documentation_are_enough_for_an_operation_of_its_own() {
    let server = Slapd::start_with(Options { documented_rights: true, ..Options::default() });
    let territory = server.territory().await;
    let ldap = ldap(&territory, PasswordStorage::Exop);
    let id = create(&ldap, person("ada")).await;
    assert_eq!(territory.login("ada", PASSWORD).await, slapd::Login::MustChange);
    let reset = Update { password: Some(SECOND.into()), must_change: Some(true), ..update(&id) };
    one(&ldap, Operation::Update(reset)).await.expect("reset");
    assert_eq!(territory.login("ada", SECOND).await, slapd::Login::MustChange);
}

#[tokio::test]
async fn the_probe_goes_through_passwords_as_imports_do() {
    let territory = Slapd::hashing().territory().await;
    for storage in ALL {
        let found = ldap(&territory, storage).probe(None, None, &CancellationToken::new()).await;
        let bad: Vec<_> = found.iter().filter(|finding| matches!(finding.verdict, Verdict::Bad(..))).collect();
        assert!(bad.is_empty(), "{storage:?} {bad:?}");
    }
    let server = Slapd::start_with(Options { takes_hashes: true, ..Options::default() });
    let territory = server.territory().await;
    let found = ldap(&territory, PasswordStorage::Argon2).probe(None, None, &CancellationToken::new()).await;
    let bad = |text: &str| {
        found.iter().any(|finding| matches!(&finding.verdict, Verdict::Bad(what, _) if what.contains(text)))
    };
    assert!(bad("argon2.so"), "{found:?}");
    assert_eq!(territory.below().await, [""; 0]);
}

#[tokio::test]
async fn without_a_policy_hashes_work_and_the_operation_is_refused_in_plain_words() {
    let server = Slapd::start_with(Options { schemes: true, without_policy: true, ..Options::default() });
    let territory = server.territory().await;
    let with = |storage, kind| {
        let mut settings = settings(&territory, storage);
        (settings.kind, settings.password_policy) = (kind, PasswordPolicy::None);
        Ldap::new(settings)
    };
    let argon2 = with(PasswordStorage::Argon2, None).expect("good settings");
    create(&argon2, free("ada")).await;
    assert_eq!(territory.login("ada", PASSWORD).await, slapd::Login::Welcome);
    let told = "without a password policy nobody can be switched off";
    let exop = with(PasswordStorage::Exop, Some("openldap")).expect_err("it is known before");
    assert!(exop.to_string().contains(told), "{exop}");
    let exop = with(PasswordStorage::Exop, None).expect("it may be another server");
    let fault = exop.capabilities().await.expect_err("it is not");
    assert!(fault.next == Next::StopRun && fault.reason.contains(told), "{fault}");
}
