//! One authenticated connection, and the one wrapper through which every operation goes.
//!
//! The protocol library has no default deadline, panics on malformed answers and says little about a lost connection.
//! Here every operation has a deadline, panics end the connection and not the process, and an operation that fails
//! says whether it may have reached the server. A connection that missed a deadline is never used again.

use std::collections::HashSet;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use ldap3::LdapConnAsync;
use ldap3::LdapError;
use ldap3::LdapResult;
use ldap3::Mod;
use ldap3::controls::Control;
use ldap3::controls::ControlType;
use ldap3::controls::PostReadResp;
use ldap3::controls::RawControl;
use ldap3::exop::Exop;
use ldap3::exop::WhoAmI;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio::time::timeout;

use super::entry::Entry;
use super::fault::Trouble;
use super::login::PASSWORD_POLICY;
use super::name::Dn;
use super::server::RootDse;
use super::tap::Tap;

mod searching;

pub use self::searching::Answer;
pub use self::searching::Page;

/// What is said of a connection that this side has ended.
const GIVEN_UP: &str = "the connection was given up after another operation got no answer";

/// One connection. Operations may overlap; each works on a handle of its own.
#[derive(Debug)]
pub struct Connection {
    handle: ldap3::Ldap,
    driver: AbortHandle,
    /// Why the driver has ended, once it has.
    ended: watch::Receiver<Option<String>>,
    given_up: AtomicBool,
    deadline: Duration,
    /// Entries in a page at most, as far as the server has let us know.
    largest_page: AtomicI32,
    /// Where entries of pages are read; without it the library does that.
    tap: Option<Tap>,
    /// What the server says about itself.
    pub root: RootDse,
    /// Who the server takes rosterd for, if it says so and that is an entry.
    pub who: Option<Dn>,
    /// Which of the target's servers it leads to.
    pub server: usize,
    /// When it was last given back.
    pub idle_since: Instant,
}

impl Connection {
    /// Starts the driver of a fresh connection.
    pub fn start((driver, handle): (LdapConnAsync, ldap3::Ldap), tap: Option<Tap>, deadline: Duration) -> Self {
        let (report, ended) = watch::channel(None);
        let driver = tokio::spawn(async move {
            let cause = match AssertUnwindSafe(driver.drive()).catch_unwind().await {
                Ok(Ok(())) => "the server closed the connection".to_owned(),
                Ok(Err(error)) => format!("the connection broke: {}", innermost(&error)),
                Err(_panic) => "the server sent an answer that is no LDAP".to_owned(),
            };
            let _ = report.send(Some(cause));
        });
        Self {
            handle,
            driver: driver.abort_handle(),
            ended,
            given_up: AtomicBool::new(false),
            deadline,
            largest_page: AtomicI32::new(i32::MAX),
            tap,
            root: RootDse::default(),
            who: None,
            server: 0,
            idle_since: Instant::now(),
        }
    }

    /// Returns whether the connection can no longer be used.
    pub fn is_lost(&self) -> bool {
        self.given_up.load(Ordering::Relaxed) || self.driver.is_finished()
    }

    /// Ends the connection: every operation under way is answered with [`Trouble::Unknown`].
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
        self.driver.abort();
    }

    /// Authenticates with a DN and a password.
    pub async fn simple_bind(&self, dn: &str, password: &str) -> Result<LdapResult, Trouble> {
        let mut handle = self.handle.clone();
        self.call(async move { handle.simple_bind(dn, password).await }).await
    }

    /// Authenticates as somebody else, and asks for what the server's password policy says about it.
    pub async fn bind_as(&self, dn: &str, password: &str) -> Result<LdapResult, Trouble> {
        let mut handle = self.handle.clone();
        let ask = RawControl { ctype: PASSWORD_POLICY.to_owned(), crit: false, val: None };
        self.call(async move { handle.with_controls(vec![ask]).simple_bind(dn, password).await }).await
    }

    /// Authenticates as whoever the server takes the process for.
    pub async fn external_bind(&self) -> Result<LdapResult, Trouble> {
        let mut handle = self.handle.clone();
        self.call(async move { handle.sasl_external_bind().await }).await
    }

    /// Asks the server who it takes rosterd for (RFC 4532): `dn:...`, or nothing for nobody.
    pub async fn who_am_i(&self) -> Result<(LdapResult, String), Trouble> {
        let mut handle = self.handle.clone();
        let answer = self.call(async move { handle.extended(WhoAmI).await }).await?;
        let identity = answer.0.val.map(|octets| String::from_utf8_lossy(&octets).into_owned());
        Ok((answer.1, identity.unwrap_or_default()))
    }

    /// Adds an entry and returns what `controls` made the server return of it.
    pub async fn add(
        &self,
        dn: &str,
        attributes: NewAttributes,
        controls: Vec<RawControl>,
    ) -> Result<(LdapResult, Option<Entry>), Trouble> {
        let mut handle = self.handle.clone();
        let answer = self.call(async move { handle.with_controls(controls).add(dn, attributes).await }).await?;
        let entry = post_read(dn, &answer.ctrls);
        Ok((answer, entry))
    }

    /// Changes an entry.
    pub async fn modify(
        &self,
        dn: &str,
        mods: Vec<Mod<Vec<u8>>>,
        controls: Vec<RawControl>,
    ) -> Result<LdapResult, Trouble> {
        self.modify_and_show(dn, mods, controls).await.map(|(answer, _)| answer)
    }

    /// Changes an entry and returns what `controls` made the server return of it.
    pub async fn modify_and_show(
        &self,
        dn: &str,
        mods: Vec<Mod<Vec<u8>>>,
        controls: Vec<RawControl>,
    ) -> Result<(LdapResult, Option<Entry>), Trouble> {
        let mut handle = self.handle.clone();
        let answer = self.call(async move { handle.with_controls(controls).modify(dn, mods).await }).await?;
        let entry = post_read(dn, &answer.ctrls);
        Ok((answer, entry))
    }

    /// Gives an entry another name, and another parent if one is given (RFC 4511 section 4.9). The values of the old
    /// name go.
    pub async fn rename(
        &self,
        dn: &str,
        rdn: &str,
        parent: Option<&str>,
        controls: Vec<RawControl>,
    ) -> Result<LdapResult, Trouble> {
        let mut handle = self.handle.clone();
        self.call(async move { handle.with_controls(controls).modifydn(dn, rdn, true, parent).await }).await
    }

    /// Deletes an entry.
    pub async fn delete(&self, dn: &str, controls: Vec<RawControl>) -> Result<LdapResult, Trouble> {
        let mut handle = self.handle.clone();
        self.call(async move { handle.with_controls(controls).delete(dn).await }).await
    }

    /// Runs an extended operation and returns the value of its answer, if it has one.
    pub async fn extended(&self, name: &str, value: Option<Vec<u8>>) -> Result<(LdapResult, Option<Vec<u8>>), Trouble> {
        let mut handle = self.handle.clone();
        let request = Exop { name: Some(name.to_owned()), val: value };
        let answer = self.call(async move { handle.extended(request).await }).await?;
        Ok((answer.1, answer.0.val))
    }

    /// Sends a write and returns its message id with the answer: an answer to something else may refer to it.
    pub async fn write(&self, request: Request, control: RawControl) -> Result<(i32, LdapResult), Trouble> {
        let mut handle = self.handle.clone();
        let sent = async move {
            let Request { dn, write, condition } = request;
            let controls: Vec<RawControl> = condition.into_iter().chain([control]).collect();
            let answer = match write {
                Write::Add(attributes) => handle.with_controls(controls).add(&dn, attributes).await?,
                Write::Modify(mods) => handle.with_controls(controls).modify(&dn, mods).await?,
                Write::Delete => handle.with_controls(controls).delete(&dn).await?,
            };
            Ok((handle.last_id(), answer))
        };
        self.call(sent).await
    }

    fn malformed(&self) -> Trouble {
        self.give_up();
        Trouble::Unknown("the server sent an answer that is no LDAP".to_owned())
    }

    /// Runs one operation under the deadline.
    async fn call<T>(&self, operation: impl Future<Output = Result<T, LdapError>>) -> Result<T, Trouble> {
        if self.is_lost() {
            return Err(Trouble::Unsent(self.cause().await));
        }
        // An answer that has come in time counts, however late it is looked at.
        let operation = tokio::task::coop::unconstrained(AssertUnwindSafe(operation).catch_unwind());
        match timeout(self.deadline, operation).await {
            Err(_elapsed) => {
                self.give_up();
                Err(Trouble::Unknown(format!("no answer within {:?}", self.deadline)))
            }
            Ok(Err(_panic)) => Err(self.malformed()),
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(error))) => match error {
                LdapError::FilterParsing => Err(Trouble::Unfit("the search filter is not valid".to_owned())),
                LdapError::AddNoValues => Err(Trouble::Unfit("an attribute to add has no value".to_owned())),
                LdapError::OpSend { .. } => Err(Trouble::Unsent(self.cause().await)),
                _ => {
                    let cause = self.why_ended().await;
                    self.give_up();
                    Err(cause.map_or_else(|| Trouble::Unknown(GIVEN_UP.to_owned()), Trouble::HungUp))
                }
            },
        }
    }

    /// Returns why the connection is lost.
    async fn cause(&self) -> String {
        self.why_ended().await.unwrap_or_else(|| GIVEN_UP.to_owned())
    }

    /// Returns why the driver has ended, unless it was told to. It reports a moment after its operations have failed.
    async fn why_ended(&self) -> Option<String> {
        let mut ended = self.ended.clone();
        let known = timeout(Duration::from_millis(200), ended.wait_for(Option::is_some)).await;
        known.ok().and_then(Result::ok).and_then(|cause| cause.clone())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// One write to one entry.
#[derive(Debug)]
pub struct Request {
    pub dn: String,
    pub write: Write,
    /// What must hold for the server to do it.
    pub condition: Option<RawControl>,
}

/// What is written.
#[derive(Debug)]
pub enum Write {
    Add(NewAttributes),
    Modify(Vec<Mod<Vec<u8>>>),
    Delete,
}

/// The attributes of an entry to add.
pub type NewAttributes = Vec<(Vec<u8>, HashSet<Vec<u8>>)>;

fn post_read(dn: &str, controls: &[Control]) -> Option<Entry> {
    let Control(_, raw) = controls.iter().find(|c| matches!(c.0, Some(ControlType::PostReadResp)))?;
    let read = std::panic::catch_unwind(|| raw.parse::<PostReadResp>()).ok()?;
    Some(Entry::of(dn.to_owned(), read.attrs, read.bin_attrs))
}

/// Returns the text of the first cause of an error, which says most.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
