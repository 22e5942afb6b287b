//! Credential letters: ordered when an account was read back, sent beside the provisioning, at the mail server's pace.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::mail::MailFault;
use crate::mail::MailNext;
use crate::mail::MailPace;
use crate::mail::Mailer;
use crate::mail::MessageId;
use crate::roster::account::LineNo;
use crate::roster::account::Person;
use crate::roster::letter::LetterFields;
use crate::roster::letter::LetterTemplate;
use crate::roster::outcome::LetterOutcome;
use crate::roster::secret::Secret;
use crate::sqlite::DatabaseError;
use crate::state::State;

/// How often a letter is offered to a mail server that cannot take it now.
const ATTEMPTS: u32 = 4;

/// One letter to send.
#[derive(Debug)]
pub struct LetterOrder {
    /// The item's place in the plan.
    pub item: usize,
    /// The row.
    pub line: LineNo,
    /// Counts the passwords made for this letter.
    pub generation: u32,
    /// The login name.
    pub username: Box<str>,
    /// Names and address.
    pub person: Person,
    /// The password.
    pub password: Secret,
    /// Whether it must be changed at the next login.
    pub must_change: bool,
    /// Whether the account is new.
    pub created: bool,
}

/// What came of one letter.
#[derive(Debug)]
pub struct LetterSent {
    /// The item's place in the plan.
    pub item: usize,
    /// What came of it.
    pub outcome: LetterOutcome,
    /// What a person should know about it.
    pub note: Option<String>,
}

/// How a feed writes letters.
#[derive(Clone, Debug)]
pub struct LetterRules {
    /// The letter.
    pub template: Arc<LetterTemplate>,
    /// The right-hand side of Message-IDs.
    pub domain: String,
}

/// Takes orders and sends the letters in a task of its own. Passwords live here until the mail server has accepted
/// their letter, and nowhere else.
#[derive(Debug)]
pub struct LetterDesk {
    orders: mpsc::UnboundedSender<LetterOrder>,
    clerk: JoinHandle<Result<Vec<LetterSent>, DatabaseError>>,
}

impl LetterDesk {
    /// Opens the desk for one run.
    pub fn open(
        run: String,
        rules: LetterRules,
        mailer: Arc<Mailer>,
        pace: Arc<MailPace>,
        state: State,
        stop: CancellationToken,
    ) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let clerk = Clerk { run, rules, mailer, pace, state, stop };
        Self { orders, clerk: tokio::spawn(clerk.work(inbox)) }
    }

    /// Orders a letter.
    pub fn order(&self, order: LetterOrder) {
        // The clerk only ends when the desk is closed or the journal is broken, which `finish` reports.
        let _ = self.orders.send(order);
    }

    /// Closes the desk, waits until every letter is sent or given up, and returns what came of each.
    pub async fn finish(self) -> Result<Vec<LetterSent>, DatabaseError> {
        drop(self.orders);
        self.clerk.await.map_err(|_| DatabaseError::Gone)?
    }
}

struct Clerk {
    run: String,
    rules: LetterRules,
    mailer: Arc<Mailer>,
    pace: Arc<MailPace>,
    state: State,
    stop: CancellationToken,
}

impl Clerk {
    async fn work(self, mut inbox: mpsc::UnboundedReceiver<LetterOrder>) -> Result<Vec<LetterSent>, DatabaseError> {
        let mut sent = Vec::new();
        let mut given_up: Option<String> = None;
        while let Some(order) = inbox.recv().await {
            let item = order.item;
            let (outcome, note) = match &given_up {
                Some(why) => (LetterOutcome::Owed, Some(why.clone())),
                None => self.one(&order).await?,
            };
            if outcome == LetterOutcome::Owed && given_up.is_none() {
                given_up.clone_from(&note);
            }
            sent.push(LetterSent { item, outcome, note });
        }
        Ok(sent)
    }

    async fn one(&self, order: &LetterOrder) -> Result<(LetterOutcome, Option<String>), DatabaseError> {
        let fields = LetterFields {
            username: &order.username,
            password: &order.password,
            first: order.person.first(),
            surname: order.person.surname(),
            email: order.person.email(),
            must_change: order.must_change,
            created: order.created,
        };
        let letter = match self.rules.template.render(&fields) {
            Ok(letter) => letter,
            Err(error) => return self.failed(order.line, format!("the letter cannot be written: {error}")).await,
        };
        let id = MessageId::new(&self.run, order.line, order.generation, &self.rules.domain);
        for attempt in 0..ATTEMPTS {
            tokio::select! {
                () = self.pace.permit() => {}
                () = self.stop.cancelled() => return Ok((LetterOutcome::Owed, Some("stopped before the letter was sent".to_owned()))),
            }
            match self.mailer.send(&letter, &id).await {
                Ok(()) => {
                    self.state.letter_ended(&self.run, order.line, None).await?;
                    return Ok((LetterOutcome::Sent, None));
                }
                Err(MailFault { next: MailNext::Refused, reason }) => {
                    return self.failed(order.line, format!("the mail server refused the letter: {reason}")).await;
                }
                // It may have arrived. The same letter with the same Message-ID and password does no harm.
                Err(MailFault { next: MailNext::Retry | MailNext::Unknown, reason }) if attempt + 1 < ATTEMPTS => {
                    tracing::warn!(row.line = order.line.0, "letter not accepted yet: {reason}");
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_secs(1) * 4_u32.pow(attempt)) => {}
                        () = self.stop.cancelled() => {}
                    }
                }
                Err(MailFault { reason, .. }) => {
                    return Ok((LetterOutcome::Owed, Some(format!("the letter is still owed: {reason}"))));
                }
            }
        }
        Ok((LetterOutcome::Owed, Some("the letter is still owed".to_owned())))
    }

    async fn failed(&self, line: LineNo, why: String) -> Result<(LetterOutcome, Option<String>), DatabaseError> {
        self.state.letter_ended(&self.run, line, Some(why.clone())).await?;
        Ok((LetterOutcome::Failed, Some(why)))
    }
}
