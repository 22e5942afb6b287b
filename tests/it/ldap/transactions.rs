//! Batches as transactions of a real slapd.

use std::num::NonZeroUsize;
use std::time::Duration;

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;
use rosterd::directory::ldap::StartTls;
use rosterd::exit::Exit;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Receipt;
use rosterd::roster::remark::NoTransactions;
use rosterd::roster::remark::Remark;
use rosterd::run::Carried;
use rosterd::run::Order;
use url::Url;

use super::apply;
use super::by_username;
use super::create;
use super::person;
use super::read;
use crate::server::eavesdropper::Eavesdropper;
use crate::server::slapd::Slapd;
use crate::server::slapd::Territory;
use crate::world::World;

/// What ends a transaction (RFC 5805 section 2.4).
const END: &str = "1.3.6.1.1.21.3";

/// Returns a directory that uses transactions, and somebody who listens.
fn listened_to(territory: &Territory<'_>) -> (Ldap, Eavesdropper) {
    listened(territory, Some(LdapSettings::TRANSACTION))
}

fn listened(territory: &Territory<'_>, transactions: Option<NonZeroUsize>) -> (Ldap, Eavesdropper) {
    let ear = Eavesdropper::before(territory.server.port());
    let mut settings = territory.settings();
    settings.url = Url::parse(&format!("ldap://localhost:{}", ear.port)).expect("a URL");
    settings.tls = StartTls::Off;
    settings.allow_cleartext = true;
    settings.transactions = transactions;
    (Ldap::new(settings).expect("good settings"), ear)
}

fn without_password(uid: &str) -> Create {
    Create { password: None, must_change: false, ..person(uid) }
}

fn creates(range: std::ops::Range<usize>) -> Vec<Operation> {
    range.map(|n| Operation::Create(without_password(&format!("p{n:04}")))).collect()
}

/// The server need not show each entry while other writers wait (RFC 4527): a few searches read all of them.
#[tokio::test]
async fn without_transactions_many_new_accounts_are_read_back_together() {
    const POST_READ: &str = "1.3.6.1.1.13.2";
    let territory = Slapd::shared().territory().await;
    let (ldap, ear) = listened(&territory, None);
    let few = ldap.apply(&creates(7..8), &Pace::unlimited()).await;
    assert!(few[0].as_ref().is_ok_and(|receipt| receipt.account.is_some()) && ear.heard(POST_READ));
    let before = ear.count(POST_READ);
    let mut batch = creates(0..40);
    let Operation::Create(odd) = &mut batch[20] else { panic!("a creation") };
    odd.attributes =
        [("sn", vec!["x"]), ("cn", vec!["x"]), ("mail", vec!["m\u{fc}ller@example.org"])].into_iter().collect();
    let answers = ldap.apply(&batch, &Pace::unlimited()).await;
    assert_eq!(ear.count(POST_READ), before);
    for (n, answer) in answers.iter().enumerate() {
        match (n, answer) {
            (7, Err(fault)) => assert_eq!((fault.next, fault.code.as_deref()), (Next::LookAgain, Some("68"))),
            (20, Err(fault)) => assert_eq!((fault.next, fault.code.as_deref()), (Next::RejectRow, Some("21"))),
            (_, Ok(Receipt { done: Done::Created(id), account: Some(account) })) => {
                let found = by_username(&ldap, &[&format!("p{n:04}")]).await;
                assert_eq!((&found[0].id, &account.id), (id, id));
                assert!(account.attributes.first_text("sn").is_some(), "{account:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn refused_rows_fail_alone_and_the_others_go_in_once() {
    let territory = Slapd::risked().territory().await;
    let (ldap, ear) = listened_to(&territory);
    create(&ldap, without_password("p0007")).await;
    let mut batch = creates(0..240);
    // One that is refused when it is to be queued, one that is refused at the commit.
    let Operation::Create(odd) = &mut batch[100] else { panic!("a creation") };
    odd.attributes =
        [("sn", vec!["x"]), ("cn", vec!["x"]), ("mail", vec!["m\u{fc}ller@example.org"])].into_iter().collect();
    let answers = apply(&ldap, &batch).await;
    for (n, answer) in answers.iter().enumerate() {
        match (n, answer) {
            (7, Err(fault)) => assert_eq!((fault.next, fault.code.as_deref()), (Next::LookAgain, Some("68"))),
            (100, Err(fault)) => {
                assert_eq!((fault.next, fault.code.as_deref()), (Next::RejectRow, Some("21")));
                assert!(fault.reason.contains("mail"), "the server's own words: {fault}");
            }
            (_, Ok(Done::Created(id))) => {
                let found = by_username(&ldap, &[&format!("p{n:04}")]).await;
                assert_eq!(found.iter().map(|account| &account.id).collect::<Vec<_>>(), [id]);
            }
            (n, answer) => panic!("{n}: {answer:?}"),
        }
    }
    assert_eq!(read(&ldap, Which::All).await.expect("readable").len(), 239);
    // Taken back, refused, and then done without both of them.
    assert_eq!(ear.count(END), 3);
    assert!(apply(&ldap, &creates(300..500)).await.iter().all(Result::is_ok), "and the next batch is one again");
    assert_eq!(ear.count(END), 4);
}

#[tokio::test]
async fn few_rows_and_limited_rates_go_one_by_one() {
    let territory = Slapd::risked().territory().await;
    let (ldap, ear) = listened_to(&territory);
    assert!(apply(&ldap, &creates(0..99)).await.iter().all(Result::is_ok));
    let pace = Pace::per_second(2000.try_into().expect("not zero"));
    assert!(ldap.apply(&creates(100..210), &pace).await.iter().all(Result::is_ok));
    assert_eq!(ear.count(END), 0);
    assert!(apply(&ldap, &creates(210..511)).await.iter().all(Result::is_ok));
    assert_eq!(ear.count(END), 2, "301 rows are two transactions, none of them short");
    assert_eq!(read(&ldap, Which::All).await.expect("readable").len(), 99 + 110 + 301);
}

#[tokio::test]
async fn a_server_killed_in_a_transaction_is_looked_at_and_gets_no_other_one() {
    let server = Slapd::start();
    let territory = server.territory().await;
    let (ldap, ear) = listened_to(&territory);
    let batch = creates(0..2000);
    let killing = async {
        while by_username(&ldap, &["p0300"]).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        server.kill();
    };
    let pace = Pace::unlimited();
    let (answers, ()) = tokio::join!(ldap.apply(&batch, &pace), killing);
    assert_eq!(answers.len(), batch.len());
    server.launch();
    let found = read(&ldap, Which::All).await.expect("back");
    let is_there = |n: usize| found.iter().any(|account| *account.username == *format!("p{n:04}"));
    for (n, answer) in answers.iter().enumerate() {
        match answer {
            Ok(_) => assert!(is_there(n), "p{n:04} was answered as created, and is not there"),
            Err(fault) => match fault.next {
                Next::LookAgain => {}
                Next::Retry => assert!(!is_there(n), "p{n:04} was not sent, and is there"),
                other => panic!("{other:?}: {fault}"),
            },
        }
    }
    assert!(answers.iter().any(|answer| answer.as_ref().is_err_and(|fault| fault.next == Next::LookAgain)));
    let n_before = ear.count(END);
    assert!(apply(&ldap, &creates(3000..3200)).await.iter().all(Result::is_ok));
    assert_eq!(ear.count(END), n_before, "without transactions from then on");
    let told = ldap.remarks().expect("LDAP tells").told();
    // Which of the three depends on the very moment at which the server died.
    let lost = [NoTransactions::LostDuring, NoTransactions::LostAfter, NoTransactions::Unreachable];
    let is_it = |remark: &&Remark| lost.iter().any(|why| **remark == Remark::WithoutTransactions(*why));
    assert_eq!(told.iter().filter(is_it).count(), 1, "{told:?}");
}

#[tokio::test]
async fn a_server_that_has_no_transactions_is_written_to_all_the_same() {
    let territory = crate::server::ds389::Ds389::shared().territory().await;
    let mut settings = territory.settings();
    settings.transactions = Some(NonZeroUsize::MIN);
    let ldap = Ldap::new(settings).expect("good settings");
    let rows: String = (0..120).map(|n| format!("p{n:04},Given,Surname,p{n:04}@example.org\n")).collect();
    let world = World::new("", &format!("Username,First name,Surname,Email\n{rows}"));
    let carried = world.carry(&ldap, Order::AsTheFeedSays).await;
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
    let told = &world.result()["remarks"];
    assert_eq!(
        (&told[0]["kind"], &told[0]["detail"]),
        (&"without_transactions".into(), &"not_offered".into()),
        "{told}"
    );
    assert_eq!(told.as_array().map(Vec::len), Some(1), "once: {told}");
}
