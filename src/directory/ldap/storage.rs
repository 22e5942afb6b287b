//! Passwords that rosterd hashes itself: made before a batch is sent, and proved by a login before the others follow.
//!
//! Found by experiment with OpenLDAP 2.5: a hash of a scheme that the server does not know is taken for the password
//! itself, hashed once more, and nobody can log in; nothing in the protocol says which schemes a server knows. With the
//! `ppolicy` overlay and `pwdCheckQuality` 2 it refuses every hash unless the account that writes may `manage`
//! passwords, because it cannot check their quality.

use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::scheme::SALT;
use self::scheme::Scheme;
use super::Dsa;
use super::pipeline::Answers;
use crate::directory::Login;
use crate::directory::Pace;
use crate::roster::account::EntryId;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;
use crate::roster::secret::Secret;

mod scheme;

/// How long a login that worked proves that others will. A server can be restarted without a module.
const PROVED_FOR: Duration = Duration::from_secs(60);

/// What logins have shown of hashed passwords.
#[derive(Debug, Default)]
pub struct Proof {
    shown: Mutex<Shown>,
    /// Held while one account is written and tried: another batch waits for what comes of it.
    proving: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    /// Which server has let somebody in, and when.
    proved: Option<(usize, Instant)>,
    /// When it last came out that nobody can log in.
    refuted: Option<Instant>,
}

impl Proof {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self, server: usize) -> bool {
        self.shown().proved.is_some_and(|(of, when)| of == server && when.elapsed() < PROVED_FOR)
    }
}

impl Dsa {
    /// Writes a batch, with its passwords in the form in which the server is to have them.
    pub(super) async fn write(&self, batch: &[Operation], pace: &Pace) -> Answers {
        let Some(scheme) = Scheme::of(self.site.password_storage) else {
            return self.send(&batch.iter().collect::<Vec<_>>(), pace).await;
        };
        let began = Instant::now();
        match hashed(batch, scheme).await {
            Ok(stored) => self.prove_and_send((batch, &stored), began, scheme, pace).await,
            Err(fault) => batch.iter().map(|_| Err(fault.clone())).collect(),
        }
    }

    /// Sends those with passwords one by one until a login has worked, then all others.
    async fn prove_and_send(
        &self,
        (batch, stored): (&[Operation], &[Cow<'_, Operation>]),
        began: Instant,
        scheme: Scheme,
        pace: &Pace,
    ) -> Answers {
        let mut answers: Vec<Option<Result<Receipt, Fault>>> = batch.iter().map(|_| None).collect();
        let one = self.proof.proving.lock().await;
        let unsent = Fault::new(Next::Retry, "not sent: no login has proved yet that passwords work");
        if self.proof.shown().refuted.is_some_and(|when| when >= began) {
            return batch.iter().map(|_| Err(unsent.clone())).collect();
        }
        for (place, operation) in batch.iter().enumerate() {
            let server = self.pool.server();
            if self.proof.holds(server) {
                break;
            }
            let (Some(clear), Some(hash)) = (password(operation), password(&stored[place])) else { continue };
            let answer = self.send(&[&*stored[place]], pace).await.pop().unwrap_or_else(no_answer);
            let answer = match answer {
                Ok(receipt) => {
                    let proved = self.prove(operation, &receipt, (clear, hash), scheme).await;
                    if proved == Ok(true) {
                        self.proof.shown().proved = Some((server, Instant::now()));
                    }
                    proved.map(|_| receipt)
                }
                refused => refused,
            };
            // A refusal of one row says nothing about the next; silence, and whatever concerns everybody, does.
            let goes_on = match &answer {
                Ok(_) => true,
                Err(fault) => match fault.next {
                    Next::RejectRow => true,
                    Next::Retry | Next::LookAgain => fault.code.is_some(),
                    Next::StopRun => false,
                },
            };
            answers[place] = Some(answer);
            if !goes_on {
                self.proof.shown().refuted = Some(Instant::now());
                return answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(unsent.clone()))).collect();
            }
        }
        drop(one);
        let places: Vec<usize> = (0..batch.len()).filter(|place| answers[*place].is_none()).collect();
        let rest: Vec<&Operation> = places.iter().map(|place| &*stored[*place]).collect();
        if !rest.is_empty() {
            for (place, answer) in places.into_iter().zip(self.send(&rest, pace).await) {
                answers[place] = Some(answer);
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(no_answer)).collect()
    }

    /// Logs in with a password that was just written. Returns whether that was possible; an account that is switched off
    /// proves nothing. A fault says that nobody else may get a password in this form now.
    async fn prove(
        &self,
        operation: &Operation,
        receipt: &Receipt,
        (clear, hash): (&Secret, &Secret),
        scheme: Scheme,
    ) -> Result<bool, Fault> {
        let Some(account) = receipt.account.as_deref().filter(|account| account.enabled) else { return Ok(false) };
        let unknown = |fault: Fault| Fault {
            next: Next::LookAgain,
            reason: format!("written, but the login that proves the password could not be tried: {}", fault.reason),
            ..Fault { code: None, hung_up: None, ..fault }
        };
        let why = match self.log_in(&account.id, clear).await.map_err(unknown)? {
            Login::Welcome | Login::MustChange => return Ok(true),
            Login::Refused(why) => why,
        };
        let (name, module) = (scheme.name(), scheme.module());
        let storage = self.site.password_storage.word();
        // Whoever can log in with the hash is the proof of what went wrong.
        let is_taken_for_text = matches!(self.log_in(&account.id, hash).await, Ok(Login::Welcome | Login::MustChange));
        let what = match is_taken_for_text {
            true => format!("the server does not know {name} and took the hash for the password itself"),
            false => format!("a login with the first password written as {name} is refused ({why})"),
        };
        let reason = format!(
            "password_storage = \"{storage}\": {what}; load its module (OpenLDAP: {module}), or set \
             `password_storage = \"server\"`"
        );
        let fault = Fault::new(Next::StopRun, reason);
        Err(match operation {
            Operation::Create(create) => self.withdraw(&account.id, &create.username, fault).await,
            _ => fault,
        })
    }

    /// Deletes an account that was just made and that nobody can use.
    async fn withdraw(&self, id: &EntryId, username: &str, fault: Fault) -> Fault {
        const INVALID_CREDENTIALS: u32 = 49; // RFC 4511 section 4.1.9
        let taken_back = match self.pool.lease().await {
            Ok(lease) => self.delete(&lease, id, username).await.map(drop),
            Err(fault) => Err(fault),
        };
        match taken_back {
            Ok(()) => fault.with_code(INVALID_CREDENTIALS),
            Err(why) => {
                Fault { reason: format!("{}; the account {} is left over: {why}", fault.reason, id.locator), ..fault }
            }
        }
    }

    /// Makes a reason to stop of the refusal of a hash because it is one: it would be the same for everybody.
    pub(super) fn judged(&self, operation: &Operation, fault: Fault) -> Fault {
        let is_hashed = Scheme::of(self.site.password_storage).is_some() && password(operation).is_some();
        let by_policy = fault.reason.contains("quality checking");
        if !is_hashed || fault.code.as_deref() != Some("19") || !(by_policy || fault.reason.contains("storage scheme"))
        {
            return fault;
        }
        let hint = match by_policy {
            true => "give the bind DN `manage` on userPassword or let pwdCheckQuality be 1",
            false => "make the bind DN the password administrator (passwordAdminDN)",
        };
        let storage = self.site.password_storage.word();
        let reason = format!(
            "password_storage = \"{storage}\": the server refuses passwords that are hashed already ({}); {hint}, or set \
             `password_storage = \"server\"`",
            fault.reason
        );
        Fault { next: Next::StopRun, reason, ..fault }
    }
}

fn no_answer() -> Result<Receipt, Fault> {
    Err(Fault::new(Next::LookAgain, "there is no answer to this operation"))
}

/// Returns the password that an operation writes. An empty one is none: it is refused before it is sent.
fn password(operation: &Operation) -> Option<&Secret> {
    let password = match operation {
        Operation::Create(create) => create.password.as_ref(),
        Operation::Update(update) => update.password.as_ref(),
        Operation::Delete { .. } | Operation::CreateGroup { .. } | Operation::ChangeMembers { .. } => None,
    };
    password.filter(|password| !password.expose().is_empty())
}

/// Returns a batch with hashes in the place of passwords. They are made away from the async threads, on every core.
async fn hashed(batch: &[Operation], scheme: Scheme) -> Result<Vec<Cow<'_, Operation>>, Fault> {
    let clear: Vec<(usize, Secret)> =
        batch.iter().enumerate().filter_map(|(place, one)| Some((place, password(one)?.clone()))).collect();
    let mut stored: Vec<Cow<'_, Operation>> = batch.iter().map(Cow::Borrowed).collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut makers = JoinSet::new();
    for portion in clear.chunks(clear.len().div_ceil(cores).max(1)) {
        let portion = portion.to_vec();
        makers.spawn_blocking(move || {
            let hash = |(place, password): (usize, Secret)| Some((place, scheme.hash(&password, &salt()?)?));
            portion.into_iter().map(hash).collect::<Option<Vec<_>>>()
        });
    }
    while let Some(made) = makers.join_next().await {
        let lacking = || Fault::new(Next::Retry, "not sent: there is not enough memory to hash a password");
        for (place, hash) in made.ok().flatten().ok_or_else(lacking)? {
            match stored[place].to_mut() {
                Operation::Create(create) => create.password = Some(hash),
                Operation::Update(update) => update.password = Some(hash),
                _ => {}
            }
        }
    }
    Ok(stored)
}

/// Returns octets from the operating system's random source.
fn salt() -> Option<[u8; SALT]> {
    let mut salt = [0; SALT];
    SysRng.try_fill_bytes(&mut salt).ok()?;
    Some(salt)
}
