use super::*;

fn fault(stage: Stage, code: u16, said: &str) -> MailFault {
    fault_with_code("mail.example.org", stage, code, said, Some("ada@example.org"))
}

#[test]
fn what_must_be_done_after_each_reply() {
    use MailNext::Refused;
    use MailNext::Retry;
    use MailNext::Stop;
    for (stage, code, next) in [
        (Stage::Connect, 421, Retry),
        (Stage::Connect, 554, Stop),
        (Stage::StartTls, 454, Retry),
        (Stage::StartTls, 502, Stop),
        (Stage::Login, 454, Retry),
        (Stage::Login, 535, Stop),
        (Stage::Sender, 451, Retry),
        (Stage::Sender, 550, Stop),
        (Stage::Sender, 530, Stop),
        (Stage::Recipient, 421, Retry),
        (Stage::Recipient, 450, Retry),
        (Stage::Recipient, 550, Refused),
        (Stage::Recipient, 530, Stop),
        (Stage::Data, 451, Retry),
        (Stage::Data, 554, Refused),
        (Stage::Content, 452, Retry),
        (Stage::Content, 552, Refused),
        (Stage::Content, 554, Refused),
    ] {
        assert_eq!(fault(stage, code, "").next, next, "{stage:?} {code}");
    }
}

#[test]
fn a_reason_quotes_the_server_without_the_address() {
    assert_eq!(
        fault(Stage::Recipient, 550, "5.1.1 <ADA@example.org>: user\r\nada@example.org unknown").reason,
        "mail.example.org refused the recipient: 550 5.1.1 <a***@example.org>: user  a***@example.org unknown"
    );
    assert_eq!(
        fault(Stage::Recipient, 451, "4.7.1 Greylisted").reason,
        "mail.example.org refused the recipient for now: 451 4.7.1 Greylisted"
    );
    assert_eq!(fault(Stage::Connect, 554, "").reason, "mail.example.org refused the connection: 554");
}

#[test]
fn a_server_that_saw_a_secret_is_not_quoted() {
    let said = "5.7.1 spam: Password: Hk7+tmV";
    assert_eq!(fault(Stage::Content, 554, said).reason, "mail.example.org refused the letter: 554 5.7.1");
    let said = "bad login rosterd / hunter2";
    assert_eq!(fault(Stage::Login, 535, said).reason, "mail.example.org refused the login: 535");
}

#[test]
fn long_talk_is_cut_at_a_character() {
    let reason = fault(Stage::Recipient, 550, &"ü".repeat(500)).reason;
    assert!(reason.ends_with("üü…") && reason.chars().count() < 220, "{reason}");
}

#[test]
fn only_codes_are_taken_for_codes() {
    for (said, code) in
        [("5.7.1 no", "5.7.1"), ("5.7.100", "5.7.100"), ("5.7", ""), ("a.b.c", ""), ("", ""), ("5.7.1x", "")]
    {
        assert_eq!(enhanced_code(said), code, "{said}");
    }
}
