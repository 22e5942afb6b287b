//! The mailer that tests of other parts use.

use rosterd::mail::MemoryMailer;
use rosterd::mail::memory::MemoryAnswer;

use super::*;

#[tokio::test]
async fn it_keeps_what_was_handed_over_and_fails_as_told() {
    let kept = MemoryMailer::default();
    let mailer = Mailer::Memory(kept.clone());
    let busy = MailFault::new(MailNext::Retry, "busy");
    let no_such = MailFault::new(MailNext::Refused, "no such user");
    kept.answer_next(MemoryAnswer::Fail(busy.clone()));
    kept.answer_next(MemoryAnswer::LoseAnswer);
    kept.answer_to("bob@example.org", MemoryAnswer::Fail(no_such.clone()));
    let letter = letter_to("ada@example.org");
    assert_eq!(mailer.send(&letter, &id(2)).await, Err(busy));
    let lost = mailer.send(&letter, &id(2)).await.expect_err("the answer is lost");
    assert_eq!(lost.next, MailNext::Unknown);
    assert_eq!(mailer.send(&letter, &id(3)).await, Ok(()));
    assert_eq!(mailer.send(&letter_to("bob@example.org"), &id(4)).await, Err(no_such));
    let ids: Vec<_> = kept.kept().into_iter().map(|kept| kept.message_id).collect();
    assert_eq!(ids, [id(2), id(3)]);
}
