//! Ordering letters: a password is told only when it is proved that it works as the letter says.

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::stream;

use super::Early;
use super::Progression;
use super::batch::Concluded;
use super::courier::Fate;
use super::tasks::Task;
use crate::directory::Directory;
use crate::directory::Login;
use crate::provision::letters::LetterOrder;
use crate::provision::letters::LetterProof;
use crate::roster::account::ExistingAccount;
use crate::roster::account::LineNo;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Operation;
use crate::roster::outcome::LetterOutcome;
use crate::roster::secret::Secret;
use crate::sqlite::DatabaseError;

/// Logins tried at the same time.
const LOGINS: usize = 4;

/// A letter that can go out once its password is proved.
struct Ready<'b> {
    task: &'b Task,
    line: LineNo,
    entry: &'b ExistingAccount,
    password: Secret,
    must_change: bool,
}

/// What a proof came to.
enum Proof {
    /// The letter may go out, and says whether the password must be changed.
    Good { must_change: bool },
    /// It must not go out.
    Bad(String),
    /// Nobody knows now.
    Open(Fault),
}

impl<D: Directory> Progression<'_, D> {
    /// Orders the letters of people whose account was read back, as far as their passwords are proved.
    pub(super) async fn post(&mut self, batch: &Concluded) -> Result<(), DatabaseError> {
        if self.work.letters.is_none() {
            return Ok(());
        }
        let Concluded { tasks, fates, entries, generations } = batch;
        let ready = tasks.iter().zip(fates).enumerate().filter_map(|(place, (task, fate))| {
            let is_written = matches!(fate, Fate::Settled(outcome) if outcome.reason().is_none());
            ready(task, entries.get(&place)?).filter(|ready| is_written && ready.task.letter)
        });
        let ready: Vec<Ready<'_>> = ready.collect();
        let proofs: Vec<_> = ready.iter().map(|ready| self.prove(ready).boxed()).collect();
        let proofs: Vec<Proof> = stream::iter(proofs).buffered(LOGINS).collect().await;
        let mut evidence = self.evidence();
        for (Ready { task, line, entry, password, .. }, proof) in ready.into_iter().zip(proofs) {
            let account = self.work.plan.account(&self.work.plan.items[task.item]);
            let (Some(account), Some(desk)) = (account, &self.work.letters) else { continue };
            let result = &mut self.results[task.item];
            let must_change = match proof {
                Proof::Good { must_change } => must_change,
                Proof::Bad(why) => {
                    let why = format!("no letter: {why}");
                    result.letter = LetterOutcome::Failed;
                    result.notes.push(why.clone());
                    evidence.letter_failed.push((line, why));
                    continue;
                }
                Proof::Open(fault) => {
                    result.letter = LetterOutcome::Owed;
                    result.notes.push(format!("the letter is still owed: the login could not be tried: {fault}"));
                    if fault.next == Next::StopRun {
                        self.courier.end(Early::Useless(fault));
                    }
                    continue;
                }
            };
            result.letter = LetterOutcome::Owed;
            desk.order(LetterOrder {
                item: task.item,
                line,
                generation: generations.get(&line).copied().unwrap_or(1),
                username: entry.username.clone(),
                person: account.person.clone(),
                password,
                must_change,
                created: task.creates,
            });
            self.work.progress.letters(1);
        }
        self.keep_evidence(evidence).await
    }

    async fn prove(&self, ready: &Ready<'_>) -> Proof {
        let Ready { entry, password, must_change, .. } = ready;
        let wanted = *must_change;
        match self.work.directory.capabilities().await {
            Ok(capabilities) if !capabilities.passwords => {
                return Proof::Bad("the target takes no passwords, so that none was set".to_owned());
            }
            Ok(_) => {}
            Err(fault) => return Proof::Open(fault),
        }
        if self.work.letter_proof == LetterProof::None {
            return Proof::Good { must_change: wanted };
        }
        if wanted && entry.must_change != Some(true) {
            let why = "the directory does not prove that the password must be changed at the next login";
            return Proof::Bad(why.to_owned());
        }
        if self.work.letter_proof == LetterProof::State {
            return Proof::Good { must_change: wanted };
        }
        match self.work.directory.login(&entry.id, &entry.username, password).await {
            Ok(login) => of_login(wanted, login),
            Err(fault) if fault.next == Next::RejectRow => Proof::Bad(fault.to_string()),
            Err(fault) => Proof::Open(fault),
        }
    }
}

/// Returns the letter of a task whose account was read back, if it wrote a password.
fn ready<'b>(task: &'b Task, entry: &'b ExistingAccount) -> Option<Ready<'b>> {
    let (password, must_change) = match &task.operation {
        Operation::Create(create) => (&create.password, create.must_change),
        Operation::Update(update) => (&update.password, update.must_change == Some(true)),
        _ => return None,
    };
    Some(Ready { task, line: task.line()?, entry, password: password.clone()?, must_change })
}

/// A directory that forces a change though nobody asked for it is taken at its word.
fn of_login(wanted: bool, login: Login) -> Proof {
    match (wanted, login) {
        (_, Login::MustChange) => Proof::Good { must_change: true },
        (false, Login::Welcome) => Proof::Good { must_change: false },
        (true, Login::Welcome) => {
            let why = "a login with the new password need not change it, though the directory says that it must";
            Proof::Bad(why.to_owned())
        }
        (_, Login::Refused(why)) => Proof::Bad(format!("a login with the new password is refused: {why}")),
    }
}
