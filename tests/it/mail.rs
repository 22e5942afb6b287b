//! Credential letters to a real mail server, and everything that goes wrong on the way.

use std::time::Duration;
use std::time::Instant;

use rosterd::mail::MailFault;
use rosterd::mail::MailLogin;
use rosterd::mail::MailNext;
use rosterd::mail::MailSettings;
use rosterd::mail::MailTls;
use rosterd::mail::Mailer;
use rosterd::mail::MessageId;
use rosterd::roster::account::LineNo;
use rosterd::roster::letter::Letter;
use rosterd::roster::letter::LetterFields;
use rosterd::roster::letter::LetterSources;
use rosterd::roster::letter::LetterTemplate;
use rosterd::roster::secret::Secret;

use crate::server::smtp::AfterData;
use crate::server::smtp::Received;
use crate::server::smtp::SmtpOptions;
use crate::server::smtp::SmtpSecurity;
use crate::server::smtp::SmtpServer;

mod content;
mod memory;

const PASSWORD: &str = "Hk7+tmV=w3x.Pq:9fNzC";

fn settings(server: &SmtpServer) -> MailSettings {
    MailSettings {
        server: format!("smtp://localhost:{}", server.port),
        tls: MailTls::Required,
        ca_pem: Some(server.ca_pem.clone()),
        login: None,
        from: "IT Service <it@example.org>".to_owned(),
        reply_to: None,
        timeout: Duration::from_secs(20),
    }
}

fn mailer(settings: &MailSettings) -> Mailer {
    Mailer::smtp(settings).expect("the settings are sound")
}

fn letter_to(email: &str) -> Letter {
    letter(&LetterSources::default(), "Ada", "Byron", email)
}

fn letter(sources: &LetterSources, first: &str, surname: &str, email: &str) -> Letter {
    let fields = LetterFields {
        username: "abyron",
        password: &Secret::from(PASSWORD),
        first,
        surname,
        email,
        must_change: true,
        created: true,
    };
    LetterTemplate::compile(sources).expect("a sound template").render(&fields).expect("a letter")
}

fn id(line: u32) -> MessageId {
    MessageId::new("019a5b1e-7c1d-7d38-a9cf-3e5b8d5f0c11", LineNo(line), 1, "example.org")
}

/// Sends one letter to a fresh server of this kind.
async fn send_to(options: SmtpOptions, email: &str) -> (Result<(), MailFault>, SmtpServer) {
    let server = SmtpServer::start(options);
    let sent = mailer(&settings(&server)).send(&letter_to(email), &id(2)).await;
    (sent, server)
}

fn fault(sent: Result<(), MailFault>) -> MailFault {
    let fault = sent.expect_err("the letter is not handed over");
    assert!(!fault.reason.contains(PASSWORD) && !fault.reason.contains("ada@"), "{fault}");
    fault
}

fn only(server: &SmtpServer) -> Received {
    let mut messages = server.messages();
    assert_eq!(messages.len(), 1, "messages on the server");
    messages.remove(0)
}

#[tokio::test]
async fn a_letter_goes_out_encrypted_by_starttls() {
    let (sent, server) = send_to(SmtpOptions::default(), "ada@example.org").await;
    sent.expect("handed over");
    let message = only(&server);
    assert!(message.tls);
    assert_eq!(message.sender, "it@example.org");
    assert_eq!(message.recipients, ["ada@example.org"]);
    assert_eq!(server.commands(), ["EHLO", "EHLO tls", "MAIL", "RCPT", "DATA"]);
}

#[tokio::test]
async fn a_letter_goes_out_by_smtps() {
    let server = SmtpServer::start(SmtpOptions { security: SmtpSecurity::Smtps, ..Default::default() });
    let settings = MailSettings { server: format!("smtps://127.0.0.1:{}", server.port), ..settings(&server) };
    mailer(&settings).send(&letter_to("ada@example.org"), &id(2)).await.expect("handed over");
    assert!(only(&server).tls);
}

#[tokio::test]
async fn a_letter_goes_out_unencrypted_only_when_that_was_asked_for() {
    let server = SmtpServer::start(SmtpOptions { security: SmtpSecurity::None, ..Default::default() });
    let settings = MailSettings { tls: MailTls::None, ..settings(&server) };
    mailer(&settings).send(&letter_to("ada@example.org"), &id(2)).await.expect("handed over");
    assert!(!only(&server).tls);
}

#[tokio::test]
async fn no_letter_goes_to_a_server_that_offers_no_encryption() {
    let options = SmtpOptions { security: SmtpSecurity::None, ..Default::default() };
    let (sent, server) = send_to(options, "ada@example.org").await;
    let fault = fault(sent);
    assert_eq!(fault.next, MailNext::Stop);
    assert!(fault.reason.ends_with("offers no encryption (STARTTLS), so no letter was sent"), "{fault}");
    assert_eq!(server.commands(), ["EHLO"]);
}

#[tokio::test]
async fn no_letter_goes_to_a_server_whose_certificate_nobody_knows() {
    for security in [SmtpSecurity::StartTls, SmtpSecurity::Smtps] {
        let server = SmtpServer::start(SmtpOptions { security, ..Default::default() });
        let stranger = SmtpServer::start(SmtpOptions::default());
        let scheme = if security == SmtpSecurity::Smtps { "smtps" } else { "smtp" };
        let settings = MailSettings {
            server: format!("{scheme}://localhost:{}", server.port),
            ca_pem: Some(stranger.ca_pem.clone()),
            ..settings(&server)
        };
        let fault = fault(mailer(&settings).send(&letter_to("ada@example.org"), &id(2)).await);
        assert_eq!(fault.next, MailNext::Stop);
        assert!(fault.reason.contains("no secure connection"), "{fault}");
        assert!(!server.commands().contains(&"MAIL".to_owned()));
    }
}

#[tokio::test]
async fn no_letter_goes_to_a_server_with_another_name() {
    let (sent, server) = send_to(SmtpOptions { other_name: true, ..Default::default() }, "ada@example.org").await;
    let fault = fault(sent);
    assert_eq!(fault.next, MailNext::Stop);
    assert!(fault.reason.contains("no secure connection"), "{fault}");
    assert!(!server.commands().contains(&"MAIL".to_owned()));
}

#[tokio::test]
async fn replies_slipped_in_before_encryption_are_not_believed() {
    let (sent, server) = send_to(SmtpOptions { inject: true, ..Default::default() }, "ada@example.org").await;
    let fault = fault(sent);
    assert_eq!(fault.next, MailNext::Stop);
    assert!(fault.reason.ends_with("data was slipped in before encryption began"), "{fault}");
    assert!(!server.commands().contains(&"MAIL".to_owned()));
}

#[tokio::test]
async fn a_login_that_works_and_logins_that_do_not() {
    let server = SmtpServer::start(SmtpOptions { login: Some(("rosterd", "hunter2")), ..Default::default() });
    let login = |password: &str| Some(MailLogin { username: "rosterd".to_owned(), password: Secret::from(password) });
    let good = MailSettings { login: login("hunter2"), ..settings(&server) };
    mailer(&good).send(&letter_to("ada@example.org"), &id(2)).await.expect("handed over");

    let wrong = MailSettings { login: login("hunter3"), ..settings(&server) };
    let fault_wrong = fault(mailer(&wrong).send(&letter_to("ada@example.org"), &id(3)).await);
    assert_eq!(fault_wrong.next, MailNext::Stop);
    assert!(fault_wrong.reason.ends_with("refused the login: 535 5.7.8"), "{fault_wrong}");

    let fault_none = fault(mailer(&settings(&server)).send(&letter_to("ada@example.org"), &id(4)).await);
    assert_eq!(fault_none.next, MailNext::Stop, "{fault_none}");
    assert_eq!(server.messages().len(), 1);
}

#[tokio::test]
async fn a_server_without_logins_is_not_sent_a_letter_either() {
    let server = SmtpServer::start(SmtpOptions { security: SmtpSecurity::None, ..Default::default() });
    let login = Some(MailLogin { username: "rosterd".to_owned(), password: Secret::from("hunter2") });
    let settings = MailSettings { tls: MailTls::None, login, ..settings(&server) };
    let fault = fault(mailer(&settings).send(&letter_to("ada@example.org"), &id(2)).await);
    assert_eq!(fault.next, MailNext::Stop);
    assert!(fault.reason.contains("offers no login"), "{fault}");
}

#[tokio::test]
async fn a_refused_recipient_does_not_hold_up_the_others() {
    let options = SmtpOptions { refuse_recipients: vec!["ada@example.org"], ..Default::default() };
    let server = SmtpServer::start(options);
    let mailer = mailer(&settings(&server));
    let fault = fault(mailer.send(&letter_to("ada@example.org"), &id(2)).await);
    assert_eq!(fault.next, MailNext::Refused);
    assert!(fault.reason.ends_with("refused the recipient: 550 5.1.1 <a***@example.org>: no such user"), "{fault}");
    mailer.send(&letter_to("bob@example.org"), &id(3)).await.expect("handed over");
    let message = only(&server);
    assert_eq!((message.recipients, message.connection), (vec!["bob@example.org".to_owned()], 1));
}

#[tokio::test]
async fn a_greylisted_letter_goes_out_later() {
    let server = SmtpServer::start(SmtpOptions { greylist: true, ..Default::default() });
    let mailer = mailer(&settings(&server));
    let fault = fault(mailer.send(&letter_to("ada@example.org"), &id(2)).await);
    assert_eq!(fault.next, MailNext::Retry);
    assert!(fault.reason.ends_with("refused the recipient for now: 451 4.7.1 greylisted, come again"), "{fault}");
    mailer.send(&letter_to("ada@example.org"), &id(2)).await.expect("handed over");
    only(&server);
}

#[tokio::test]
async fn a_refused_sender_stops_all_letters() {
    let options = SmtpOptions { refuse_senders: vec!["it@example.org"], ..Default::default() };
    let (sent, _server) = send_to(options, "ada@example.org").await;
    assert_eq!(fault(sent).next, MailNext::Stop);
}

#[tokio::test]
async fn a_refused_content_is_not_quoted() {
    let options = SmtpOptions { after_data: AfterData::Refuse, ..Default::default() };
    let (sent, server) = send_to(options, "ada@example.org").await;
    let fault = fault(sent);
    assert_eq!(fault.next, MailNext::Refused);
    assert!(fault.reason.ends_with("refused the letter: 554 5.7.1"), "{fault}");
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn a_letter_whose_answer_is_lost_may_have_arrived() {
    let (sent, server) =
        send_to(SmtpOptions { after_data: AfterData::Drop, ..Default::default() }, "ada@example.org").await;
    let fault = fault(sent);
    assert_eq!(fault.next, MailNext::Unknown, "{fault}");
    only(&server);
}

#[tokio::test]
async fn a_letter_that_is_never_answered_may_have_arrived() {
    let server = SmtpServer::start(SmtpOptions { after_data: AfterData::Hang, ..Default::default() });
    let settings = MailSettings { timeout: Duration::from_secs(5), ..settings(&server) };
    let fault = fault(mailer(&settings).send(&letter_to("ada@example.org"), &id(2)).await);
    assert_eq!(fault.next, MailNext::Unknown, "{fault}");
    only(&server);
}

#[tokio::test]
async fn a_server_that_says_nothing_was_sent_nothing() {
    let server = SmtpServer::start(SmtpOptions { mute: true, ..Default::default() });
    let settings = MailSettings { timeout: Duration::from_secs(1), ..settings(&server) };
    let start = Instant::now();
    let fault = fault(mailer(&settings).send(&letter_to("ada@example.org"), &id(2)).await);
    assert_eq!(fault.next, MailNext::Retry, "{fault}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("a port").port();
    let settings = MailSettings {
        server: format!("smtp://127.0.0.1:{free}"),
        tls: MailTls::Required,
        ca_pem: None,
        login: None,
        from: "it@example.org".to_owned(),
        reply_to: None,
        timeout: Duration::from_secs(20),
    };
    let fault = fault(mailer(&settings).send(&letter_to("ada@example.org"), &id(2)).await);
    assert_eq!(fault.next, MailNext::Retry);
    assert!(fault.reason.contains("cannot connect to 127.0.0.1:"), "{fault}");
}

#[tokio::test]
async fn letters_share_a_connection() {
    let server = SmtpServer::start(SmtpOptions::default());
    let mailer = mailer(&settings(&server));
    for line in 2..5 {
        mailer.send(&letter_to("ada@example.org"), &id(line)).await.expect("handed over");
    }
    mailer.close().await;
    assert_eq!(server.messages().iter().map(|m| m.connection).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(server.commands().last().map(String::as_str), Some("QUIT"));
}

#[tokio::test]
async fn a_connection_that_has_had_its_letters_is_replaced() {
    let server = SmtpServer::start(SmtpOptions { letters_per_connection: 1, ..Default::default() });
    let mailer = mailer(&settings(&server));
    for line in 2..5 {
        mailer.send(&letter_to("ada@example.org"), &id(line)).await.expect("handed over");
    }
    assert_eq!(server.messages().iter().map(|m| m.connection).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn letters_may_go_out_side_by_side() {
    let server = SmtpServer::start(SmtpOptions::default());
    let mailer = mailer(&settings(&server));
    let letters: Vec<_> = (0..5).map(|n| (letter_to(&format!("user{n}@example.org")), id(n))).collect();
    let sent = futures_util::future::join_all(letters.iter().map(|(letter, id)| mailer.send(letter, id))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let mut recipients: Vec<_> = server.messages().into_iter().flat_map(|m| m.recipients).collect();
    recipients.sort();
    assert_eq!(recipients, (0..5).map(|n| format!("user{n}@example.org")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_check_proves_everything_and_sends_nothing() {
    let server = SmtpServer::start(SmtpOptions { login: Some(("rosterd", "hunter2")), ..Default::default() });
    let login = Some(MailLogin { username: "rosterd".to_owned(), password: Secret::from("hunter2") });
    let found = mailer(&MailSettings { login, ..settings(&server) }).check().await.expect("it works");
    assert_eq!(found, format!("localhost:{} answers, encrypted, logged in", server.port));
    assert_eq!(server.commands(), ["EHLO", "EHLO tls", "QUIT"]);

    let login = Some(MailLogin { username: "rosterd".to_owned(), password: Secret::from("hunter3") });
    let fault = mailer(&MailSettings { login, ..settings(&server) }).check().await.expect_err("wrong login");
    assert_eq!(fault.next, MailNext::Stop);
}
