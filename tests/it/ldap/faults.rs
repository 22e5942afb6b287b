//! Servers that die, hang and lag.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;
use std::time::Instant;

use futures_util::StreamExt;
use rosterd::directory::Directory;
use rosterd::directory::Lookup;
use rosterd::directory::Pace;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;
use rosterd::directory::ldap::StartTls;
use rosterd::roster::attribute::Schema;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::remark::Remark;
use rosterd::roster::secret::Secret;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::server::scripted;
use crate::server::slapd::Slapd;

use super::apply;
use super::by_username;
use super::create;
use super::fault;
use super::ldap;
use super::one;
use super::person;
use super::read;

#[tokio::test]
async fn a_busy_server_is_told_of_once() {
    let port =
        scripted::listen(|question| (question.scope == 0).then(|| vec![(question.base.clone(), Vec::new())])).await;
    let mut settings =
        LdapSettings::new(Url::parse(&format!("ldap://127.0.0.1:{port}")).expect("a URL"), "ou=people,dc=x");
    settings.tls = StartTls::Off;
    settings.allow_cleartext = true;
    settings.bind_dn = Some("cn=rosterd,dc=x".to_owned());
    settings.bind_password = Some(Secret::from("secret"));
    let ldap = Ldap::new(settings).expect("good settings");
    let person = |uid| Operation::Create(Create { password: None, must_change: false, ..person(uid) });
    for _ in 0..2 {
        let answers = ldap.apply(&[person("ada"), person("bob")], &Pace::unlimited()).await;
        for answer in answers {
            let fault = answer.expect_err("busy");
            assert_eq!((fault.next, fault.code.as_deref()), (Next::Retry, Some("51")), "{fault}");
        }
    }
    assert_eq!(ldap.remarks().expect("LDAP tells").told(), [Remark::Busy]);
}

#[tokio::test]
async fn a_server_killed_half_way_leaves_no_operation_without_an_answer() {
    let server = Slapd::start();
    let territory = server.territory().await;
    let ldap = ldap(&territory);
    let batch: Vec<_> = (0..3000).map(|i| Operation::Create(person(&format!("p{i}")))).collect();
    let killing = async {
        while by_username(&ldap, &["p100"]).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.kill();
    };
    let pace = Pace::unlimited();
    let (answers, ()) = tokio::join!(ldap.apply(&batch, &pace), killing);
    assert_eq!(answers.len(), batch.len());
    let count = |next| answers.iter().filter(|a| a.as_ref().is_err_and(|f| f.next == next)).count();
    let (done, unknown, unsent) =
        (answers.iter().filter(|a| a.is_ok()).count(), count(Next::LookAgain), count(Next::Retry));
    assert_eq!(done + unknown + unsent, batch.len(), "{:?}", answers.iter().find(|a| a.is_err()));
    // Those that could not be read back any more are unknown, too.
    assert!(unknown > 0 && unsent > 0, "{done} done, {unknown} unknown, {unsent} unsent");
    // While it is down: nothing is sent, nothing is known.
    let down = read(&ldap, Which::All).await.expect_err("down");
    assert_eq!(down.next, Next::Retry, "{down}");
    fault(one(&ldap, Operation::Create(person("late"))).await, Next::Retry, None);
    server.launch();
    let found: BTreeSet<_> =
        read(&ldap, Which::All).await.expect("back").iter().map(|a| a.username.to_string()).collect();
    for (operation, answer) in batch.iter().zip(&answers) {
        let Operation::Create(create) = operation else { continue };
        let there = found.contains(&*create.username);
        match answer {
            Ok(_) => assert!(there, "{} was answered as created, and is not there", create.username),
            Err(fault) if fault.next == Next::Retry => {
                assert!(!there, "{} was not sent, and is there", create.username);
            }
            Err(_) => {}
        }
    }
    // Who is missing can be created now.
    let rest: Vec<_> = batch
        .iter()
        .filter(|o| matches!(o, Operation::Create(c) if !found.contains(&*c.username)))
        .take(200)
        .cloned()
        .collect();
    assert!(apply(&ldap, &rest).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_at_the_deadline() {
    let server = Slapd::start();
    let territory = server.territory().await;
    let mut settings = territory.settings();
    settings.timeout = Duration::from_millis(700);
    settings.connect_timeout = Duration::from_millis(300);
    settings.in_flight = NonZeroUsize::new(32);
    let ldap = Ldap::new(settings).expect("good settings");
    create(&ldap, person("ada")).await;
    server.signal("STOP");
    let started = Instant::now();
    let batch: Vec<_> = (0..100).map(|i| Operation::Create(person(&format!("p{i}")))).collect();
    let answers = apply(&ldap, &batch).await;
    let unknown = answers.iter().filter(|a| a.as_ref().is_err_and(|f| f.next == Next::LookAgain)).count();
    let unsent = answers.iter().filter(|a| a.as_ref().is_err_and(|f| f.next == Next::Retry)).count();
    assert_eq!((unknown, unsent), (32, 68), "in flight, and not sent any more");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let hung = read(&ldap, Which::All).await.expect_err("it hangs");
    assert_eq!(hung.next, Next::Retry, "{hung}");
    server.signal("CONT");
    // Some of what was sent is done after all, and nothing of what was not sent.
    let found = read(&ldap, Which::All).await.expect("back");
    let sent: BTreeSet<_> = (0..32).map(|i| format!("p{i}")).chain(["ada".to_owned()]).collect();
    assert!(found.iter().all(|account| sent.contains(&*account.username)), "{found:?}");
    let first = answers.iter().find_map(|a| a.as_ref().err()).expect("no answer");
    assert!(first.reason.contains("700ms") || first.reason.contains("given up"), "{first}");
}

#[tokio::test]
async fn two_thousand_accounts_in_one_batch() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let batch: Vec<_> = (0..2000)
        .map(|i| Operation::Create(Create { password: None, must_change: false, ..person(&format!("p{i}")) }))
        .collect();
    let started = Instant::now();
    let answers = apply(&ldap, &batch).await;
    let took = started.elapsed();
    assert!(answers.iter().all(Result::is_ok), "{:?}", answers.iter().find(|a| a.is_err()));
    let found = read(&ldap, Which::All).await.expect("readable");
    assert_eq!(found.len(), 2000);
    // Answers are in the order of the operations, whatever the order on the wire.
    for (operation, answer) in batch.iter().zip(answers) {
        let (Operation::Create(create), Ok(Done::Created(id))) = (operation, answer) else { panic!("not created") };
        let account = found.iter().find(|a| a.id == id).expect("read back");
        assert_eq!(account.username, create.username);
    }
    let rate = 2000.0 / took.as_secs_f64();
    assert!(rate > 20.0, "{rate:.0} accounts a second");
}

#[tokio::test]
async fn the_pace_is_kept() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    by_username(&ldap, &["nobody"]).await;
    let batch: Vec<_> = (0..21).map(|i| Operation::Create(person(&format!("p{i}")))).collect();
    let started = Instant::now();
    let answers = ldap.apply(&batch, &Pace::per_second(20.try_into().expect("not zero"))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(started.elapsed() >= Duration::from_millis(990), "{:?}", started.elapsed());
}

#[tokio::test]
async fn answers_that_are_no_ldap_are_a_fault_and_no_panic() {
    // A BindResponse without a result code, a search entry where a bind was answered, a length that never ends, HTTP.
    let answers: [&[u8]; 4] = [
        &[0x30, 5, 2, 1, 1, 0x61, 0],
        &[0x30, 9, 2, 1, 1, 0x64, 4, 4, 0, 0x30, 0],
        &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ];
    futures_util::future::join_all(answers.map(meets_nonsense)).await;
}

async fn meets_nonsense(answer: &'static [u8]) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let server = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = client.read(&mut request).await;
            let _ = client.write_all(answer).await;
        }
    });
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.url = Url::parse(&format!("ldap://127.0.0.1:{port}")).expect("a URL");
    settings.tls = StartTls::Off;
    settings.allow_cleartext = true;
    settings.timeout = Duration::from_millis(300);
    let ldap = Ldap::new(settings).expect("good settings");
    let create = Create { password: None, ..person("ada") };
    let (read, written) = tokio::join!(read(&ldap, Which::All), one(&ldap, Operation::Create(create)));
    assert_eq!(read.expect_err("no LDAP").next, Next::Retry, "{answer:?}");
    fault(written, Next::Retry, None);
    server.abort();
}

#[tokio::test]
async fn a_read_that_is_cut_in_the_middle_ends_with_a_fault() {
    let server = Slapd::start();
    let territory = server.territory().await;
    let mut settings = territory.settings();
    settings.page_size = 5.try_into().expect("not zero");
    let ldap = Ldap::new(settings).expect("good settings");
    let batch: Vec<_> = (0..20).map(|i| Operation::Create(person(&format!("p{i}")))).collect();
    assert!(apply(&ldap, &batch).await.iter().all(Result::is_ok));
    let all = Lookup { which: Which::All, attributes: Schema::default() };
    let mut stream = std::pin::pin!(ldap.existing(all));
    for _ in 0..5 {
        stream.next().await.expect("the first page").expect("an account");
    }
    server.kill();
    // The second page may have been on its way.
    let mut delivered = 5;
    let cut = loop {
        match stream.next().await.expect("not the end") {
            Ok(_) => delivered += 1,
            Err(cut) => break cut,
        }
    };
    assert!(delivered <= 10, "{delivered}");
    assert_eq!(cut.next, Next::Retry, "{cut}");
    assert!(stream.next().await.is_none(), "nothing comes after a fault");
    // A read that begins on a connection that has died meanwhile finds another one.
    server.launch();
    assert_eq!(read(&ldap, Which::All).await.expect("back").len(), 20);
    server.kill();
    server.launch();
    assert_eq!(read(&ldap, Which::All).await.expect("back again").len(), 20);
}
