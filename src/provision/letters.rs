//! Credential letters: ordered when an account was read back, sent beside the provisioning, at the mail server's pace.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;

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
const TRIES: u32 = 4;

/// The pause before a letter is offered for the second time. Later ones are four times as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long a mail server may take to answer once the run is to stop.
const GRACE: Duration = Duration::from_secs(8);

const STOPPED: &str = "stopped before the letter was sent";

type Inbox = mpsc::UnboundedReceiver<LetterOrder>;

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

/// What must be proved before a letter goes out, when a change of the password is to be forced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterProof {
    /// Nothing.
    None,
    /// The directory says so when the account is read back.
    State,
    /// And a login with the new password says so too; without a forced change, that it lets the person in.
    Login,
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
///
/// A desk that is dropped sends nothing more.
#[derive(Debug)]
pub struct LetterDesk {
    orders: mpsc::UnboundedSender<LetterOrder>,
    clerk: JoinHandle<Result<Vec<LetterSent>, DatabaseError>>,
    open: DropGuard,
}

impl LetterDesk {
    /// Opens the desk for one run.
    pub fn open(
        run: String,
        rules: LetterRules,
        mailer: Arc<Mailer>,
        pace: Arc<MailPace>,
        state: State,
        stop: &CancellationToken,
    ) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let stop = stop.child_token();
        let clerk = Clerk {
            run,
            rules,
            mailer,
            pace,
            state,
            stop: stop.clone(),
            sent: Vec::new(),
            n_accepted: 0,
            waiting: Vec::new(),
        };
        Self { orders, clerk: tokio::spawn(clerk.work(inbox)), open: stop.drop_guard() }
    }

    /// Orders a letter.
    pub fn order(&self, order: LetterOrder) {
        // The clerk ends before the desk is closed only if the journal is broken, which `finish` reports.
        let _ = self.orders.send(order);
    }

    /// Returns whether the clerk has ended although the desk is open: the journal cannot be written.
    pub fn is_broken(&self) -> bool {
        self.clerk.is_finished()
    }

    /// Closes the desk, waits until every letter is sent or given up, and returns what came of each.
    pub async fn finish(self) -> Result<Vec<LetterSent>, DatabaseError> {
        let Self { orders, clerk, open } = self;
        drop(orders);
        let sent = clerk.await.map_err(|_| DatabaseError::Gone)?;
        drop(open);
        sent
    }

    /// Closes the desk after a fault of the journal: what is not on its way is not sent any more.
    pub async fn abandon(self) {
        let Self { orders, clerk, open } = self;
        drop(open);
        drop(orders);
        if let Ok(Err(fault)) = clerk.await {
            tracing::debug!("the letters have ended too: {fault}");
        }
    }
}

struct Clerk {
    run: String,
    rules: LetterRules,
    mailer: Arc<Mailer>,
    pace: Arc<MailPace>,
    state: State,
    stop: CancellationToken,
    sent: Vec<LetterSent>,
    /// How many letters the mail server has accepted.
    n_accepted: usize,
    /// Letters to be offered once more.
    waiting: Vec<Waiting>,
}

/// A letter on its way.
struct Waiting {
    order: LetterOrder,
    /// When it is to be offered.
    due: Instant,
    /// How often it was offered.
    n_tries: u32,
    /// How many letters had been accepted when it was offered first.
    n_accepted: usize,
    /// The server was given the whole letter and has not said whether it took it.
    may_have_arrived: bool,
}

impl Clerk {
    async fn work(mut self, mut inbox: Inbox) -> Result<Vec<LetterSent>, DatabaseError> {
        let why = loop {
            let Some(mut letter) = self.next(&mut inbox).await else { break STOPPED.to_owned() };
            letter.n_tries += 1;
            match self.offer(&letter.order).await {
                Ok(()) => self.accepted(letter).await?,
                Err(fault) => {
                    if let Some(why) = self.not_accepted(letter, fault).await? {
                        break why;
                    }
                }
            }
        };
        for letter in std::mem::take(&mut self.waiting) {
            if letter.may_have_arrived {
                self.fail(&letter.order, uncertain(&why)).await?;
            } else {
                self.owe(&letter.order, &why);
            }
        }
        while let Some(order) = inbox.recv().await {
            self.owe(&order, &why);
        }
        Ok(self.sent)
    }

    /// Returns the letter to be offered next: one that waits as soon as it is due, or a new one. `None`: there will be
    /// none any more, or the run is to stop.
    async fn next(&mut self, inbox: &mut Inbox) -> Option<Waiting> {
        loop {
            let first = self.waiting.iter().map(|letter| letter.due).min();
            let is_closed = inbox.is_closed() && inbox.is_empty();
            if first.is_none() && is_closed {
                return None;
            }
            let due = async {
                match first {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                () = due => {
                    let place = self.waiting.iter().position(|letter| Some(letter.due) == first)?;
                    if self.may_send().await {
                        return Some(self.waiting.swap_remove(place));
                    }
                }
                order = inbox.recv(), if !is_closed => {
                    let Some(order) = order else { continue };
                    let (due, n_accepted) = (Instant::now(), self.n_accepted);
                    let letter = Waiting { order, due, n_tries: 0, n_accepted, may_have_arrived: false };
                    if self.may_send().await {
                        return Some(letter);
                    }
                    self.waiting.push(letter);
                }
            }
        }
    }

    /// Waits until one more letter may be sent; `false`: the run is to stop.
    async fn may_send(&self) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = self.pace.permit() => true,
        }
    }

    async fn offer(&self, order: &LetterOrder) -> Result<(), MailFault> {
        let fields = LetterFields {
            username: &order.username,
            password: &order.password,
            first: order.person.first(),
            surname: order.person.surname(),
            email: order.person.email(),
            must_change: order.must_change,
            created: order.created,
        };
        let letter = self.rules.template.render(&fields);
        let letter = letter
            .map_err(|error| MailFault::new(MailNext::Refused, format!("the letter cannot be written: {error}")))?;
        let id = MessageId::new(&self.run, order.line, order.generation, &self.rules.domain);
        tokio::select! {
            biased;
            answer = self.mailer.send(&letter, &id) => answer,
            () = grace(&self.stop) => Err(MailFault::new(MailNext::Unknown, "stopped before the mail server answered")),
        }
    }

    async fn accepted(&mut self, letter: Waiting) -> Result<(), DatabaseError> {
        let Waiting { order, may_have_arrived, .. } = letter;
        self.state.letter_ended(&self.run, order.line, order.generation, None).await?;
        self.n_accepted += 1;
        let note = may_have_arrived.then(|| "the letter may have come twice: the first answer was lost".to_owned());
        self.sent.push(LetterSent { item: order.item, outcome: LetterOutcome::Sent, note });
        Ok(())
    }

    /// Decides what becomes of a letter that was not accepted. Returns why no letter can be sent any more, if so.
    async fn not_accepted(&mut self, mut letter: Waiting, fault: MailFault) -> Result<Option<String>, DatabaseError> {
        let MailFault { next, reason } = fault;
        match next {
            MailNext::Refused => self.fail(&letter.order, reason).await?,
            // The same letter, with the same Message-ID and password, once more and never again.
            MailNext::Unknown if !letter.may_have_arrived => {
                letter.may_have_arrived = true;
                self.wait(letter, &reason);
            }
            MailNext::Retry if letter.n_tries < TRIES => self.wait(letter, &reason),
            _ if letter.may_have_arrived => self.fail(&letter.order, uncertain(&reason)).await?,
            // Others were taken meanwhile, so it is this one alone.
            MailNext::Retry if letter.n_accepted < self.n_accepted => self.owe(&letter.order, &reason),
            MailNext::Retry | MailNext::Unknown | MailNext::Stop => {
                self.owe(&letter.order, &reason);
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    fn wait(&mut self, mut letter: Waiting, reason: &str) {
        tracing::warn!(row.line = letter.order.line.0, "letter not accepted yet: {reason}");
        letter.due = Instant::now() + FIRST_PAUSE * 4_u32.saturating_pow(letter.n_tries.saturating_sub(1));
        self.waiting.push(letter);
    }

    fn owe(&mut self, order: &LetterOrder, why: &str) {
        let note = Some(format!("the letter is still owed: {why}"));
        self.sent.push(LetterSent { item: order.item, outcome: LetterOutcome::Owed, note });
    }

    async fn fail(&mut self, order: &LetterOrder, why: String) -> Result<(), DatabaseError> {
        self.state.letter_ended(&self.run, order.line, order.generation, Some(why.clone())).await?;
        self.sent.push(LetterSent { item: order.item, outcome: LetterOutcome::Failed, note: Some(why) });
        Ok(())
    }
}

fn uncertain(why: &str) -> String {
    format!("nobody knows whether the letter has arrived ({why}); if it has not, set a new password by hand")
}

/// Ends some time after the stop: a letter that is being handed over is given the time to be.
async fn grace(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}
