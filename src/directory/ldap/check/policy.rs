//! The password policy: whether it is there, whether it honours what rosterd writes, and whether generated passwords
//! satisfy it.

use ldap3::Scope;

use super::super::Dsa;
use super::super::connection::Connection;
use super::super::dial;
use super::super::entry::Entry;
use super::super::filter::Filter;
use super::super::login::PASSWORD_POLICY;
use super::super::name::Dn;
use super::super::profile::Policy;
use super::super::settings::Identity;
use super::bad;
use super::finding;
use crate::directory::Finding;
use crate::directory::Verdict;

const POLICY: &str = "password policy";
const MIN_LENGTHS: [&str; 3] = ["pwdMinLength", "passwordMinLength", "minPwdLength"];

/// Whether the overlay is on the database of accounts, or only loaded.
enum Overlay {
    /// What proves it.
    On(&'static str),
    Off,
    /// Why nobody can say.
    Unproved(&'static str),
}

impl Dsa {
    /// A forced change and disabling work only with the overlay, and with a policy that honours what is written.
    pub(super) async fn policy(&self, connection: &Connection, findings: &mut Vec<Finding>) {
        if !self.site.profile.credentials.disable {
            let text = "there is none: no change at next login can be forced, nobody can be disabled";
            return findings.push(finding("password policy", Verdict::Warning(text.to_owned())));
        }
        if let Some(policy) = &self.site.profile.policy {
            return findings.extend(self.policy_entry(connection, policy).await);
        }
        let hint = "load the ppolicy overlay, or set `password_policy = \"none\"`";
        let state = self.site.profile.credentials.attributes;
        if !self.site.profile.credentials.is_ppolicy() {
            let text = format!("forced changes and disabling are {}'s own", self.site.profile.title);
            return findings.push(finding("password policy", Verdict::Good(text)));
        }
        let known = match self.schema(connection, state, &[]).await {
            Ok(schema) => schema.is_empty() || state.iter().all(|name| schema.has_attribute(name)),
            Err(fault) => return findings.push(bad("password policy", &fault, hint)),
        };
        if !connection.root.has_password_policy() || !known {
            let verdict = Verdict::Bad("the server has no ppolicy overlay".to_owned(), hint.to_owned());
            return findings.push(finding("password policy", verdict));
        }
        findings.push(self.overlay_finding(connection).await);
        let policies = self.policies(connection).await;
        let seen = !policies.is_empty();
        for entry in policies {
            let subject = format!("password policy {}", entry.dn);
            for (attribute, what) in
                [("pwdMustChange", "forced changes are not enforced"), ("pwdLockout", "disabled people can log in")]
            {
                if !entry.has_text(attribute, "TRUE") {
                    let text = format!("{attribute} is not TRUE: {what} for those with this policy");
                    findings.push(finding(subject.clone(), Verdict::Warning(text)));
                }
            }
        }
        if !seen {
            let text =
                "no policy entry can be seen; make sure that the default policy has pwdMustChange and pwdLockout TRUE";
            findings.push(finding("password policy", Verdict::Warning(text.to_owned())));
        }
    }

    /// What one entry says about passwords. An admin may have good reasons to hide it, or to have another policy for
    /// people than for all, so what is missing here is a warning: reading back decides.
    async fn policy_entry(&self, connection: &Connection, policy: &Policy) -> Vec<Finding> {
        let Policy { dn, wants, names_us: (own, otherwise) } = policy;
        let subject = format!("password policy {dn}");
        let attributes: Vec<&str> = wants.iter().map(|(name, _, _)| *name).chain([*own]).collect();
        let entry = self.read_one(connection, dn, &Filter::present("objectClass"), &attributes).await;
        let entry = match entry.ok().flatten() {
            Some(entry) if attributes.iter().any(|name| entry.values(name).next().is_some()) => entry,
            _ => {
                let text =
                    format!("it cannot be read; make sure that {} are as they must be", attributes.join(" and "));
                return vec![finding(subject, Verdict::Warning(text))];
            }
        };
        let mut wrong: Vec<String> = Vec::new();
        for (name, value, what) in wants.iter().filter(|(name, value, _)| !entry.has_text(name, value)) {
            wrong.push(format!("{name} is not {value}: {what}"));
        }
        let named = |dn: &Dn| entry.texts(own).any(|text| Dn::parse(text).is_ok_and(|named| named.key() == dn.key()));
        if let Identity::Simple(dn, _) = &self.pool.access().identity
            && !named(dn)
        {
            wrong.push(format!("{own} is not the bind DN: {otherwise}, unless it is a group with it"));
        }
        if wrong.is_empty() {
            return vec![finding(subject, Verdict::Good("forced changes are enforced".to_owned()))];
        }
        wrong.into_iter().map(|text| finding(subject.clone(), Verdict::Warning(text))).collect()
    }

    async fn overlay_finding(&self, connection: &Connection) -> Finding {
        let base = &self.site.people_base;
        let verdict = match self.overlay(connection).await {
            Overlay::On(why) => Verdict::Good(format!("the ppolicy overlay is on the database of {base}: {why}")),
            Overlay::Off => Verdict::Bad(
                format!(
                    "the ppolicy module is loaded, and no policy answers the bind: the overlay is not on the database of \
                     {base}, or the bind DN is its root DN"
                ),
                "put the overlay on that database (docs/openldap.md, step 3), and let the bind DN be no root DN"
                    .to_owned(),
            ),
            Overlay::Unproved(why) => Verdict::Warning(format!(
                "the ppolicy overlay is loaded; whether it is on the database of {base} is unproved, since {why}; \
                 `rosterd check --write-probe` proves it"
            )),
        };
        finding(POLICY, verdict)
    }

    /// OpenLDAP's overlay answers the request control of every bind on its database but that of the root DN, so a
    /// successful bind without that answer proves that the overlay is not there.
    async fn overlay(&self, connection: &Connection) -> Overlay {
        let context = |dn: &Dn| self.context_of(connection, dn).map(|context| context.key());
        let unproved = match &self.pool.access().identity {
            _ if self.site.profile.kind != "openldap" => "only OpenLDAP tells",
            Identity::External => "rosterd binds without a password",
            Identity::Simple(dn, _) if context(dn).is_none() || context(dn) != context(&self.site.people_base) => {
                "the bind DN is in another database"
            }
            Identity::Simple(dn, password) => {
                let answer = match dial::link(self.pool.access()).await {
                    Ok(link) => link.bind_as(&dn.to_string(), password.expose()).await.ok(),
                    Err(_) => None,
                };
                match answer.filter(|answer| answer.rc == 0) {
                    Some(answer) if answer.ctrls.iter().any(|control| control.1.ctype == PASSWORD_POLICY) => {
                        return Overlay::On("it answers the bind");
                    }
                    Some(_) => return Overlay::Off,
                    None => "a second bind was not answered",
                }
            }
        };
        // Operational, and written by the overlay alone: with each password, where the policy lets passwords grow old.
        let changed = Filter::all([self.site.people_filter.clone(), Filter::present("pwdChangedTime")]);
        let base = self.site.people_base.to_string();
        let first = connection.page(&base, self.scope(), &changed, &["1.1"], (1, Vec::new())).await;
        match first {
            Ok((answer, _)) if !answer.entries.is_empty() => {
                Overlay::On("it has written the time of accounts' last passwords")
            }
            _ => Overlay::Unproved(unproved),
        }
    }

    async fn policies(&self, connection: &Connection) -> Vec<Entry> {
        let filter = Filter::eq("objectClass", "pwdPolicy");
        let (attributes, page) = (["pwdMustChange", "pwdLockout", "pwdMinLength"], self.site.page_size);
        let mut policies = Vec::new();
        for context in &connection.root.contexts {
            let found = self.search_all(connection, context, Scope::Subtree, &filter, &attributes, page).await;
            policies.extend(found.unwrap_or_default());
        }
        policies
    }

    /// Whether passwords of so many characters are long enough, as far as the server tells.
    pub(super) async fn password_length(&self, connection: &Connection, length: usize) -> Finding {
        let subject = "length of generated passwords";
        let policies = match &self.site.profile.policy {
            Some(policy) => self.one(connection, policy.dn).await,
            None if self.site.profile.credentials.is_ppolicy() => self.policies(connection).await,
            None => match self.context_of(connection, &self.site.people_base) {
                Some(context) => self.one(connection, &context.to_string()).await,
                None => Vec::new(),
            },
        };
        let minimum = |entry: &Entry| -> Option<usize> {
            MIN_LENGTHS.iter().find_map(|name| entry.text(name))?.trim().parse().ok()
        };
        let known = policies.iter().filter_map(|entry| Some((minimum(entry)?, entry)));
        finding(
            subject,
            match known.max_by_key(|(minimum, _)| *minimum) {
                Some((minimum, entry)) if minimum > length => Verdict::Bad(
                    format!("{length} characters, and {} wants {minimum}", entry.dn),
                    format!("set `length` in [feed.passwords] to {minimum} at least"),
                ),
                Some((minimum, _)) => Verdict::Good(format!("{length} characters; the policy wants {minimum}")),
                None => Verdict::Warning(format!("{length} characters; the server does not tell how many it wants")),
            },
        )
    }

    async fn one(&self, connection: &Connection, dn: &str) -> Vec<Entry> {
        let read = self.read_one(connection, dn, &Filter::present("objectClass"), &MIN_LENGTHS).await;
        read.ok().flatten().into_iter().collect()
    }

    /// Returns the top of the part of the directory that has an entry.
    pub(super) fn context_of(&self, connection: &Connection, dn: &Dn) -> Option<Dn> {
        let contexts = connection.root.contexts.iter().filter_map(|context| Dn::parse(context).ok());
        contexts.filter(|context| dn.is_within(context)).max_by_key(|context| context.to_string().len())
    }
}
