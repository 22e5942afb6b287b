//! `rosterd check --write-probe`: an account of its own goes through all that imports do, and is deleted again.

use futures_util::TryStreamExt;
use tokio_util::sync::CancellationToken;

use super::super::Dsa;
use super::super::Ldap;
use super::super::fault::During;
use super::super::fault::Trouble;
use super::super::fault::refused;
use super::super::filter::Filter;
use super::super::name::Dn;
use super::bad;
use super::finding;
use crate::directory::Finding;
use crate::directory::Login;
use crate::directory::Lookup;
use crate::directory::Pace;
use crate::directory::Verdict;
use crate::directory::Which;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::GroupKind;
use crate::roster::account::MatchBy;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::attribute::Schema as Names;
use crate::roster::change::Change;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Create;
use crate::roster::operation::Done;
use crate::roster::operation::Operation;
use crate::roster::operation::Update;
use crate::roster::password::PasswordPolicy;
use crate::roster::secret::Secret;

impl Ldap {
    /// Proves the rights to write, and what becomes of what is written: an account is created, logs in, is changed, put
    /// into groups, switched off and on, and deleted. One finding each.
    ///
    /// The password is one of the feed's, made by `passwords`. The account is like `example`, and where that would be; or
    /// as little as the server takes, under a random name. It is deleted whatever happens, and a finding says so when
    /// that fails. Once `stop` is cancelled, nothing is left to do but that.
    pub async fn probe(
        &self,
        passwords: Option<&PasswordPolicy>,
        example: Option<Example>,
        stop: &CancellationToken,
    ) -> Vec<Finding> {
        let dsa = match self.dsa().await {
            Ok(dsa) => dsa,
            Err(fault) => return vec![bad("probe", &fault, "correct what is BAD above first")],
        };
        match Probe::new(dsa, passwords, example.unwrap_or_else(Example::nobody)).await {
            Ok(probe) => probe.run(stop).await,
            Err(fault) => vec![bad("probe", &fault, "")],
        }
    }
}

mod example;
mod groups;

pub use self::example::Example;

struct Probe<'d> {
    dsa: &'d Dsa,
    username: Box<str>,
    place: Dn,
    /// Where the feed wants it, if it says so.
    locator: Option<Box<str>>,
    attributes: Attributes,
    /// An attribute with text that is not part of the entry's name.
    changeable: Option<AttributeName>,
    /// None where no password may be sent.
    password: Option<Secret>,
    findings: Vec<Finding>,
}

impl<'d> Probe<'d> {
    async fn run(mut self, stop: &CancellationToken) -> Vec<Finding> {
        let must_change = self.dsa.capabilities.must_change && self.password.is_some();
        let create = Create {
            username: self.username.clone(),
            locator: self.locator.clone(),
            attributes: self.attributes.clone(),
            password: self.password.clone(),
            must_change,
        };
        let subject = format!("probe: create {}", self.place);
        match self.apply(Operation::Create(create)).await {
            Ok(Done::Created(id)) => {
                self.good(subject, "created");
                let stopped = self.steps(&id, must_change, stop).await.is_none();
                if stopped {
                    let text = "interrupted; what follows was not tried".to_owned();
                    self.findings.push(finding("probe", Verdict::Warning(text)));
                }
                self.remove(Some(&id)).await;
            }
            Ok(done) => {
                self.findings
                    .push(finding(subject, Verdict::Bad(format!("unexpected answer {done:?}"), String::new())));
                self.remove(None).await;
            }
            Err(fault) => {
                let hint = "give the bind DN the right to create accounts there with all that the text names; \
                            check `people_base` and `object_classes`";
                self.findings.push(bad(subject, &fault, hint));
                if fault.next == Next::LookAgain {
                    self.remove(None).await;
                }
            }
        }
        self.findings
    }

    /// Goes through everything between creation and deletion; `None` when it was interrupted.
    async fn steps(&mut self, id: &EntryId, must_change: bool, stop: &CancellationToken) -> Option<()> {
        let go_on = || (!stop.is_cancelled()).then_some(());
        go_on()?;
        self.find(must_change).await;
        go_on()?;
        self.first_login(id, must_change).await;
        go_on()?;
        self.change(id).await;
        for kind in [GroupKind::Group, GroupKind::Role, GroupKind::Channel] {
            go_on()?;
            if self.dsa.site.base(kind).is_some() {
                self.group(kind, id).await;
            }
        }
        go_on()?;
        if self.dsa.capabilities.disable {
            self.switch_off_and_on(id).await;
        }
        go_on()
    }

    /// An account that `people_filter` does not match, or that shows no state, is not found again by the next import.
    async fn find(&mut self, must_change: bool) {
        let subject = "probe: find the account again";
        let verdict = match self.read().await {
            Err(fault) => {
                return self.findings.push(bad(subject, &fault, "check `people_filter` and the rights to read"));
            }
            Ok(None) => Verdict::Bad(
                "a search by its login name does not find it".to_owned(),
                "let `people_filter` match the `object_classes` of new accounts, and the bind DN read them".to_owned(),
            ),
            Ok(Some(account)) if must_change && account.must_change != Some(true) => Verdict::Bad(
                "it is found, but not that its password must be changed".to_owned(),
                format!("let the bind DN read {}", self.dsa.site.profile.credentials.attributes.join(", ")),
            ),
            Ok(Some(account)) => {
                match self.attributes.iter().find(|(name, v)| account.attributes.get(name.as_str()) != Some(*v)) {
                    None => Verdict::Good("found, with all that was written".to_owned()),
                    Some((name, _)) => Verdict::Bad(
                        format!("it is found, but `{name}` is not read as it was written"),
                        format!("let the bind DN read `{name}`, or every import writes it again"),
                    ),
                }
            }
        };
        self.findings.push(finding(subject, verdict));
    }

    async fn first_login(&mut self, id: &EntryId, must_change: bool) {
        let subject = "probe: log in with the first password";
        let Some(password) = &self.password else {
            let why = self.dsa.pool.no_password().unwrap_or_default();
            return self.findings.push(finding(subject, Verdict::Warning(format!("not tried: {why}"))));
        };
        let verdict = match self.dsa.log_in(id, password).await {
            Err(fault) => return self.findings.push(bad(subject, &fault, "")),
            Ok(Login::MustChange) if must_change => {
                Verdict::Good("accepted, and the password must be changed".to_owned())
            }
            Ok(Login::Welcome) if !must_change => Verdict::Good("accepted".to_owned()),
            Ok(Login::Welcome) => Verdict::Bad(
                "let in without having to change the password".to_owned(),
                self.policy_hint("pwdMustChange"),
            ),
            Ok(Login::MustChange) => Verdict::Warning("the server wants another password, unasked".to_owned()),
            Ok(Login::Refused(why)) => Verdict::Bad(
                format!("refused: {why}"),
                "new people must be able to log in: check what the server lets them do before they are known"
                    .to_owned(),
            ),
        };
        self.findings.push(finding(subject, verdict));
    }

    fn policy_hint(&self, switch: &str) -> String {
        if self.dsa.site.profile.credentials.is_ppolicy() {
            return format!(
                "put the ppolicy overlay on the database of {} with a default policy in which {switch} is TRUE",
                self.dsa.site.people_base
            );
        }
        "check the password policy that applies there".to_owned()
    }

    async fn change(&mut self, id: &EntryId) {
        let Some(name) = self.changeable.clone() else {
            let text = "not tried: no attribute of new accounts is for free text".to_owned();
            return self.findings.push(finding("probe: change an attribute", Verdict::Warning(text)));
        };
        let subject = format!("probe: change {name}");
        let old: Box<[u8]> = self.username.as_bytes().into();
        let new: Box<[u8]> = format!("{} changed", self.username).into_bytes().into();
        let change = Change { attribute: name.clone(), old: [old].into(), new: [new].into() };
        let update = Update { changes: vec![change], ..Update::of(id.clone(), self.username.clone()) };
        let hint = format!("give the bind DN the right to write `{name}` of existing accounts");
        self.attempt(subject, Operation::Update(update), &hint).await;
    }

    async fn switch_off_and_on(&mut self, id: &EntryId) {
        let hint = "give the bind DN the right to write what disabling writes, or `password_policy = \"none\"`";
        let off = Operation::Update(Update { enabled: Some(false), ..Update::of(id.clone(), self.username.clone()) });
        if self.attempt("probe: disable the account".to_owned(), off, hint).await {
            if let Some(password) = &self.password {
                let subject = "probe: log in while disabled";
                let verdict = match self.dsa.log_in(id, password).await {
                    Err(fault) => Verdict::Bad(fault.to_string(), String::new()),
                    Ok(Login::Refused(_)) => Verdict::Good("refused, as it must be".to_owned()),
                    Ok(_) => Verdict::Bad("disabled people can log in".to_owned(), self.policy_hint("pwdLockout")),
                };
                self.findings.push(finding(subject, verdict));
            }
            let on = Operation::Update(Update { enabled: Some(true), ..Update::of(id.clone(), self.username.clone()) });
            self.attempt("probe: enable the account".to_owned(), on, hint).await;
        }
    }

    /// Deletes the account and looks whether it is gone. Where that fails it is at least switched off, and named.
    async fn remove(&mut self, id: Option<&EntryId>) {
        let subject = format!("probe: delete {}", self.place);
        let deleted = match id {
            Some(id) => {
                let delete = Operation::Delete { id: id.clone(), username: self.username.clone() };
                self.apply(delete).await.map(drop)
            }
            None => self.erase(&self.place).await,
        };
        let left = match self.is_there(&self.place).await {
            Ok(false) => return self.good(subject, "gone"),
            Ok(true) => "it is left over",
            Err(_) => "it may be left over",
        };
        let mut text = match deleted {
            Ok(()) => left.to_owned(),
            Err(fault) => format!("{left}: {fault}"),
        };
        if let Some(id) = id.filter(|_| self.dsa.capabilities.disable) {
            let off =
                Operation::Update(Update { enabled: Some(false), ..Update::of(id.clone(), self.username.clone()) });
            text.push_str(if self.apply(off).await.is_ok() {
                "; it is disabled"
            } else {
                "; it may be able to log in"
            });
        }
        let hint = format!("delete {} by hand, and let the bind DN delete accounts if feeds are to", self.place);
        self.findings.push(finding(subject, Verdict::Bad(text, hint)));
    }

    /// Deletes an entry that bears the probe's random name.
    async fn erase(&self, dn: &Dn) -> Result<(), Fault> {
        let lease = self.dsa.pool.lease().await?;
        let answer = lease.delete(&dn.to_string(), Vec::new()).await.map_err(Trouble::of_write)?;
        match answer.rc {
            0 | 32 => Ok(()),
            _ => Err(refused(During::Delete, &answer, None)),
        }
    }

    async fn is_there(&self, dn: &Dn) -> Result<bool, Fault> {
        let lease = self.dsa.pool.lease().await?;
        let all = Filter::present("objectClass");
        Ok(self.dsa.read_one(&lease, &dn.to_string(), &all, &["1.1"]).await?.is_some())
    }

    async fn read(&self) -> Result<Option<ExistingAccount>, Fault> {
        let attributes = Names::new(self.attributes.iter().map(|(name, _)| name.clone()));
        let which = Which::Matching { by: MatchBy::Username, values: vec![self.username.clone()] };
        let found: Vec<ExistingAccount> = self.dsa.accounts(Lookup { which, attributes }).try_collect().await?;
        Ok(found.into_iter().next())
    }

    /// Does one thing the way imports do it.
    async fn apply(&self, operation: Operation) -> Result<Done, Fault> {
        let mut answers = self.dsa.write(&[operation], &Pace::unlimited()).await;
        let answer = answers.pop().unwrap_or_else(|| Err(Fault::new(Next::LookAgain, "there is no answer")));
        answer.map(|receipt| receipt.done)
    }

    async fn attempt(&mut self, subject: String, operation: Operation, hint: &str) -> bool {
        let answer = self.apply(operation).await;
        self.findings.push(match &answer {
            Ok(Done::ChangedBut(why)) => finding(subject, Verdict::Warning(why.clone())),
            Ok(_) => finding(subject, Verdict::Good("done".to_owned())),
            Err(fault) => bad(subject, fault, hint),
        });
        answer.is_ok()
    }

    fn good(&mut self, subject: String, text: &str) {
        self.findings.push(finding(subject, Verdict::Good(text.to_owned())));
    }
}
