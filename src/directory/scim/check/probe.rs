//! `rosterd check --write-probe`: an account of its own goes through what imports do, and is deleted again.

use futures_util::TryStreamExt;
use rand::RngExt;
use tokio_util::sync::CancellationToken;

use super::super::Scim;
use super::super::flat;
use super::super::path::AttributePath;
use super::super::preset::Deleting;
use super::super::provider::Provider;
use super::bad;
use super::finding;
use super::known;
use crate::directory::Directory;
use crate::directory::Finding;
use crate::directory::Lookup;
use crate::directory::Pace;
use crate::directory::Verdict;
use crate::directory::Which;
use crate::directory::ldap::Example;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::MatchBy;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::attribute::Schema;
use crate::roster::change::Change;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Create;
use crate::roster::operation::Done;
use crate::roster::operation::Operation;
use crate::roster::operation::Update;
use crate::roster::password::PasswordPolicy;
use crate::roster::secret::Secret;

/// Returns a name that nobody has.
pub(super) fn random_name() -> String {
    format!("rosterd-probe-{:012x}", rand::rng().random_range(0..1_u64 << 48))
}

impl Scim {
    /// Proves the rights to write, and what becomes of what is written: an account is created, found again, changed,
    /// switched off and on, and deleted. One finding each.
    ///
    /// The password is one of the feed's, made by `passwords`. The account is like `example`, or has a made-up name and
    /// little else. It is deleted whatever happens, and a finding says so when that fails. Once `stop` is cancelled,
    /// nothing is left to do but that.
    pub async fn probe(
        &self,
        passwords: Option<&PasswordPolicy>,
        example: Option<Example>,
        stop: &CancellationToken,
    ) -> Vec<Finding> {
        let provider = match known(self, "probe").await {
            Ok(provider) => provider,
            Err(findings) => return findings,
        };
        if provider.service.preset.delete == Deleting::SuspendsForGood {
            let text = "not tried: the probe's account could never be deleted";
            return vec![finding("probe", Verdict::Warning(text.to_owned()))];
        }
        let probe = Probe::new(self, &provider, passwords, example.unwrap_or_else(made_up));
        probe.run(stop).await
    }
}

/// Somebody made up. The domain is one that nobody can have (RFC 2606 section 3).
fn made_up() -> Example {
    let username = random_name();
    let text = |value: &str| vec![value.to_owned()];
    let attributes = [
        ("givenName", text("Rosterd")),
        ("sn", text("Probe")),
        ("displayName", text("Rosterd Probe")),
        ("mail", vec![format!("{username}@example.org")]),
    ];
    Example {
        username: username.into(),
        locator: None,
        attributes: attributes.into_iter().collect(),
        only_its_own: Vec::new(),
    }
}

struct Probe<'p> {
    scim: &'p Scim,
    /// What DELETE does.
    deleting: Deleting,
    username: Box<str>,
    attributes: Attributes,
    /// An attribute with text.
    changeable: Option<AttributeName>,
    password: Option<Secret>,
    findings: Vec<Finding>,
}

impl<'p> Probe<'p> {
    fn new(scim: &'p Scim, provider: &Provider, passwords: Option<&PasswordPolicy>, example: Example) -> Self {
        let Example { username, locator: _, attributes, only_its_own } = example;
        let is_stored = |name: &AttributeName| {
            AttributePath::of(name)
                .is_ok_and(|path| !path.is_core("userName") && flat::not_stored(&path, &provider.service).is_none())
        };
        let own = |name: &AttributeName| {
            let path = AttributePath::of(name).ok();
            let is_unique = |path: &AttributePath| {
                path.is_core("externalId") || (path.urn().is_none() && path.attribute().eq_ignore_ascii_case("emails"))
            };
            only_its_own.contains(name) || path.as_ref().is_some_and(is_unique)
        };
        let mut kept: Vec<(String, Vec<String>)> = Vec::new();
        for (name, values) in attributes.iter().filter(|(name, values)| is_stored(name) && !values.is_empty()) {
            let values = values.text().map(|text| match text.split_once('@') {
                _ if !own(name) => text.to_owned(),
                Some((_, domain)) => format!("{username}@{domain}"),
                None => username.to_string(),
            });
            kept.push((name.to_string(), values.take(if own(name) { 1 } else { usize::MAX }).collect()));
        }
        let is_plain = |name: &&str| kept.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let changeable = ["displayName", "title", "givenName", "sn"].iter().copied().find(is_plain);
        let wants_password = provider.service.change_password && provider.settings.is_private();
        let usual = PasswordPolicy::new(PasswordPolicy::DEFAULT_LENGTH, PasswordPolicy::DEFAULT_ALPHABET).ok();
        let policy = passwords.or(usual.as_ref()).filter(|_| wants_password);
        let password = policy.map(|policy| policy.generate_without(&mut rand::rng(), &[&username]));
        Self {
            scim,
            deleting: provider.service.preset.delete,
            changeable: changeable.map(AttributeName::new),
            attributes: kept.into_iter().collect(),
            username,
            password,
            findings: Vec::new(),
        }
    }

    async fn run(mut self, stop: &CancellationToken) -> Vec<Finding> {
        let create = Create {
            username: self.username.clone(),
            locator: None,
            attributes: self.attributes.clone(),
            password: self.password.clone(),
            must_change: false,
        };
        let subject = format!("probe: create {}", self.username);
        match self.apply(Operation::Create(create)).await {
            Ok(Done::Created(id)) => {
                self.good(subject, "created");
                if self.steps(&id, stop).await.is_none() {
                    let text = "interrupted; what follows was not tried".to_owned();
                    self.findings.push(finding("probe", Verdict::Warning(text)));
                }
                self.remove(&id).await;
            }
            Ok(done) => {
                let text = format!("unexpected answer {done:?}");
                self.findings.push(finding(subject, Verdict::Bad(text, String::new())));
            }
            Err(fault) => {
                let hint = "map what the text names, give a row with --sample, or let the credentials create accounts";
                self.findings.push(bad(subject, &fault, hint));
                // Nobody knows whether it is there.
                if fault.next == Next::LookAgain
                    && let Ok(Some(account)) = self.read().await
                {
                    self.remove(&account.id).await;
                }
            }
        }
        self.findings
    }

    /// Goes through everything between creation and deletion; `None` when it was interrupted.
    async fn steps(&mut self, id: &EntryId, stop: &CancellationToken) -> Option<()> {
        let go_on = || (!stop.is_cancelled()).then_some(());
        go_on()?;
        self.find().await;
        go_on()?;
        self.change(id).await;
        go_on()?;
        self.switch_off_and_on(id).await;
        go_on()
    }

    async fn find(&mut self) {
        let subject = "probe: find the account again";
        let verdict = match self.read().await {
            Err(fault) => return self.findings.push(bad(subject, &fault, "")),
            Ok(None) => Verdict::Bad(
                "a search by its username does not find it".to_owned(),
                "the service may change usernames: name them as it does, or match by externalId".to_owned(),
            ),
            Ok(Some(account)) => {
                let lost =
                    |(name, values): &(&AttributeName, _)| account.attributes.get(name.as_str()) != Some(*values);
                let lost: Vec<_> = self.attributes.iter().filter(lost).map(|(name, _)| name.to_string()).collect();
                match lost.as_slice() {
                    [] => Verdict::Good("found, with all that was written".to_owned()),
                    lost => Verdict::Warning(format!("found, but not as written: {}", lost.join(", "))),
                }
            }
        };
        self.findings.push(finding(subject, verdict));
    }

    async fn change(&mut self, id: &EntryId) {
        let Some(name) = self.changeable.clone() else {
            let text = "not tried: the probe has no attribute for free text".to_owned();
            return self.findings.push(finding("probe: change an attribute", Verdict::Warning(text)));
        };
        let old = self.attributes.first_text(name.as_str()).unwrap_or_default().to_owned();
        let new = format!("{old} changed");
        let change = Change {
            attribute: name.clone(),
            old: [Box::from(old.as_bytes())].into(),
            new: [Box::from(new.as_bytes())].into(),
        };
        let subject = format!("probe: change {name}");
        let update = Update { changes: vec![change], ..Update::of(id.clone(), self.username.clone()) };
        if !self.attempt(subject.clone(), Operation::Update(update)).await {
            return;
        }
        let is_so = |account: &ExistingAccount| account.attributes.first_text(name.as_str()) == Some(&*new);
        match self.read().await {
            Ok(Some(account)) if is_so(&account) => {}
            Ok(_) => {
                let text = "the service says that it is done, and has not stored it".to_owned();
                let hint = "set `override = { patch = false }` to have whole accounts written".to_owned();
                self.findings.push(finding(subject, Verdict::Bad(text, hint)));
            }
            Err(fault) => self.findings.push(bad(subject, &fault, "")),
        }
    }

    async fn switch_off_and_on(&mut self, id: &EntryId) {
        for (enabled, subject) in [(false, "probe: disable the account"), (true, "probe: enable the account")] {
            let update =
                Operation::Update(Update { enabled: Some(enabled), ..Update::of(id.clone(), self.username.clone()) });
            if !self.attempt(subject.to_owned(), update).await {
                return;
            }
            let verdict = match self.read().await {
                Ok(Some(account)) if account.enabled == enabled => continue,
                Ok(_) => Verdict::Bad(
                    "the service says that it is done, and has not done it".to_owned(),
                    "nobody can be disabled there: let `policy` in [feed.old] be report or delete".to_owned(),
                ),
                Err(fault) => Verdict::Bad(fault.to_string(), String::new()),
            };
            self.findings.push(finding(subject, verdict));
        }
    }

    /// Deletes the account and looks whether it is gone. Where that fails it is at least switched off, and named.
    async fn remove(&mut self, id: &EntryId) {
        let subject = format!("probe: delete {}", self.username);
        let deleted = self.apply(Operation::Delete { id: id.clone(), username: self.username.clone() }).await;
        let left = match self.by_id(id).await {
            Ok(None) => return self.good(subject, "gone"),
            // It was enabled, so that deleting has done this.
            Ok(Some(account)) if !account.enabled => {
                let text = match (self.deleting, deleted) {
                    (Deleting::Deactivates, _) => "disabled: the service deletes nobody".to_owned(),
                    (_, Err(fault)) => fault.to_string(),
                    (_, Ok(_)) => "the service says that it is deleted, and shows it as disabled".to_owned(),
                };
                return self.findings.push(finding(subject, Verdict::Warning(text)));
            }
            Ok(Some(_)) => "it is left over",
            Err(_) => "it may be left over",
        };
        let mut text = match deleted {
            Ok(_) => left.to_owned(),
            Err(fault) => format!("{left}: {fault}"),
        };
        let off = Operation::Update(Update { enabled: Some(false), ..Update::of(id.clone(), self.username.clone()) });
        text.push_str(if self.apply(off).await.is_ok() { "; it is disabled" } else { "; it may be able to log in" });
        let hint = format!("delete {} by hand, and let the credentials delete accounts if feeds are to", self.username);
        self.findings.push(finding(subject, Verdict::Bad(text, hint)));
    }

    async fn read(&self) -> Result<Option<ExistingAccount>, Fault> {
        self.look(Which::Matching { by: MatchBy::Username, values: vec![self.username.clone()] }).await
    }

    async fn by_id(&self, id: &EntryId) -> Result<Option<ExistingAccount>, Fault> {
        self.look(Which::Ids(vec![id.clone()])).await
    }

    async fn look(&self, which: Which) -> Result<Option<ExistingAccount>, Fault> {
        let attributes = Schema::new(self.attributes.iter().map(|(name, _)| name.clone()));
        let found: Vec<ExistingAccount> = self.scim.existing(Lookup { which, attributes }).try_collect().await?;
        Ok(found.into_iter().next())
    }

    /// Does one thing the way imports do it.
    async fn apply(&self, operation: Operation) -> Result<Done, Fault> {
        let mut answers = self.scim.apply(&[operation], &Pace::unlimited()).await;
        let answer = answers.pop().unwrap_or_else(|| Err(Fault::new(Next::LookAgain, "there is no answer")));
        answer.map(|receipt| receipt.done)
    }

    async fn attempt(&mut self, subject: String, operation: Operation) -> bool {
        let answer = self.apply(operation).await;
        self.findings.push(match &answer {
            Ok(Done::ChangedBut(why)) => finding(subject, Verdict::Warning(why.clone())),
            Ok(_) => finding(subject, Verdict::Good("done".to_owned())),
            Err(fault) => bad(subject, fault, "let the credentials change accounts, or see what the text says"),
        });
        answer.is_ok()
    }

    fn good(&mut self, subject: String, text: &str) {
        self.findings.push(finding(subject, Verdict::Good(text.to_owned())));
    }
}
