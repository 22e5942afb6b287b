//! `rosterd check` for an LDAP target: everything is tried that can be tried without writing.

use std::collections::BTreeSet;

use ldap3::Scope;

use super::Dsa;
use super::Ldap;
use super::complete::complete;
use super::connection::Connection;
use super::dial;
use super::fault::Trouble;
use super::filter::Filter;
use super::group::base_key;
use super::name::Dn;
use super::profile::Policy;
use super::server::RootDse;
use super::server::Schema;
use super::settings::Access;
use super::settings::Identity;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::attribute::AttributeName;
use crate::roster::fault::Fault;

pub use self::mapped::MappedAttribute;

mod certificate;
mod mapped;
mod numbers;
mod probe;
mod storage;

impl Ldap {
    /// Tries everything, one finding each. What needs a connection is left out when there is none.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut first = None;
        for access in self.pool.servers() {
            let connection = checked_connection(access, &mut findings).await;
            if connection.is_some() {
                findings.extend(certificate::certificate(access).await);
            }
            first = first.or(connection);
        }
        let Some(connection) = first else { return findings };
        findings.push(features(&connection.root));
        match self.dsa().await {
            Ok(dsa) => dsa.findings(&connection, &mut findings).await,
            Err(fault) => findings.push(bad("settings", &fault, "correct [target.ldap]")),
        }
        findings
    }
}

impl Dsa {
    async fn findings(&self, connection: &Connection, findings: &mut Vec<Finding>) {
        let profile = self.site.profile;
        findings.push(finding("kind of server", Verdict::Good(format!("{} ({})", profile.title, profile.kind))));
        findings.push(self.people(connection).await);
        self.model(connection, findings).await;
        self.policy(connection, findings).await;
        findings.push(self.storage(connection).await);
        self.group_bases(connection, findings).await;
        findings.extend(self.numbers_in_order(connection).await);
    }

    pub(super) async fn findings_on_attributes(&self, attributes: &[AttributeName]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let lease = match self.pool.lease().await {
            Ok(lease) => lease,
            Err(fault) => return vec![bad("attributes", &fault, "")],
        };
        let names: Vec<&str> = attributes.iter().map(AttributeName::as_str).collect();
        let schema = match self.schema(&lease, &names, &[]).await {
            Ok(schema) => schema,
            Err(fault) => return vec![bad("attributes", &fault, "")],
        };
        for name in names {
            let subject = format!("attribute {name}");
            if let Some(why) = self.site.profile.refuses(name) {
                findings.push(finding(subject, Verdict::Bad(why.to_owned(), "take it out of [feed.map]".to_owned())));
            } else if schema.is_empty() {
                findings.push(finding(subject, Verdict::Warning("the schema cannot be read to check it".to_owned())));
            } else {
                findings.push(finding(subject, self.attribute(&schema, name)));
            }
        }
        findings
    }

    fn attribute(&self, schema: &Schema, name: &str) -> Verdict {
        let classes = &self.site.object_classes;
        if !schema.has_attribute(name) {
            let hint = "correct the name in [feed.map], or load the schema that defines it";
            return Verdict::Bad("the server does not know it".to_owned(), hint.to_owned());
        }
        if schema.is_read_only(name) {
            return Verdict::Bad("only the server writes it".to_owned(), "take it out of [feed.map]".to_owned());
        }
        if !schema.allows(classes, name) {
            let hint = "add an object class that has it to `object_classes`";
            return Verdict::Bad(format!("new accounts ({}) cannot have it", classes.join(", ")), hint.to_owned());
        }
        Verdict::Good("known".to_owned())
    }

    /// Reads every account by name only: this proves the base, the filter and the limits.
    async fn people(&self, connection: &Connection) -> Finding {
        let base = &self.site.people_base;
        let stable = &self.site.profile.stable;
        let subject = format!("read accounts below {base}");
        if let Err(fault) = self.prove_base(connection, "people_base", base).await {
            return bad(subject, &fault, "check `people_base` and the rights of the bind DN");
        }
        let (mut count, mut without_id, mut cookie) = (0, 0, Vec::new());
        loop {
            let page = (self.site.page_size, cookie);
            let read = connection
                .page(&base.to_string(), self.scope(), &self.site.people_filter, &[stable.attribute], page)
                .await;
            let (entries, next) =
                match read.map_err(Trouble::of_read).and_then(|(a, next)| Ok((complete(a, self.apart())?, next))) {
                    Ok(page) => page,
                    Err(fault) => {
                        return bad(subject, &fault, self.site.profile.limits_hint);
                    }
                };
            count += entries.len();
            without_id += entries.iter().filter(|entry| stable.of(entry).is_none()).count();
            if next.is_empty() {
                break;
            }
            cookie = next;
        }
        let verdict = match (count, without_id) {
            (0, _) => Verdict::Warning("none found; right only if the directory is still empty".to_owned()),
            (_, 0) => Verdict::Good(format!("{count} found, no limit met")),
            _ => {
                let hint = format!("let the bind DN read the attribute {}", stable.attribute);
                Verdict::Bad(format!("{without_id} of {count} accounts show no {}", stable.attribute), hint)
            }
        };
        finding(subject, verdict)
    }

    async fn model(&self, connection: &Connection, findings: &mut Vec<Finding>) {
        let (mut attributes, mut classes) = self.site.people_filter.names();
        attributes.push(&self.site.username_attribute);
        classes.extend(self.site.object_classes.iter().map(String::as_str));
        let any_base = self.site.bases.iter().any(|(_, base)| base.is_some());
        classes.extend(any_base.then_some(self.site.group_class.name));
        let schema = match self.schema(connection, &attributes, &classes).await {
            Ok(schema) => schema,
            Err(fault) => return findings.push(bad("schema", &fault, "")),
        };
        if schema.is_empty() {
            let text = "it cannot be read, so a wrong name of an attribute or object class shows only when it is used";
            return findings.push(finding("schema", Verdict::Warning(text.to_owned())));
        }
        let unknown: BTreeSet<String> = attributes
            .iter()
            .filter(|name| !schema.has_attribute(name))
            .map(|name| format!("the attribute `{name}`"))
            .chain(
                classes.iter().filter(|name| !schema.has_class(name)).map(|name| format!("the object class `{name}`")),
            )
            .collect();
        let verdict = if unknown.is_empty() {
            Verdict::Good("all object classes and attributes of [target.ldap] are known".to_owned())
        } else {
            let names = unknown.into_iter().collect::<Vec<_>>().join(", ");
            Verdict::Bad(format!("the server does not know {names}"), "correct the name, or load its schema".to_owned())
        };
        findings.push(finding("schema", verdict));
    }

    /// A forced change and disabling work only with the overlay, and with a policy that honours what is written.
    async fn policy(&self, connection: &Connection, findings: &mut Vec<Finding>) {
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
        findings.push(finding(
            "password policy",
            Verdict::Good(
                "the ppolicy overlay is loaded; `rosterd check --write-probe` proves that it is on this database"
                    .to_owned(),
            ),
        ));
        let policies = Filter::eq("objectClass", "pwdPolicy");
        let mut seen = false;
        for context in &connection.root.contexts {
            let attributes = ["pwdMustChange", "pwdLockout"];
            let page = self.site.page_size;
            let found = self.search_all(connection, context, Scope::Subtree, &policies, &attributes, page).await;
            for entry in found.unwrap_or_default() {
                seen = true;
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

    async fn group_bases(&self, connection: &Connection, findings: &mut Vec<Finding>) {
        for (kind, base) in &self.site.bases {
            let Some(base) = base else { continue };
            let key = base_key(*kind);
            let subject = format!("read {}s below {base}", kind.word());
            findings.push(match self.prove_base(connection, key, base).await {
                Ok(()) => finding(subject, Verdict::Good("readable".to_owned())),
                Err(fault) => bad(subject, &fault, &format!("check `{key}` and the rights of the bind DN")),
            });
        }
    }

    /// Returns the attributes that a new account must have: by the schema if it is known by now, else by RFC 4519.
    pub(super) fn required_attributes(&self) -> BTreeSet<String> {
        let classes = &self.site.object_classes;
        let required: BTreeSet<String> = match self.known_schema().filter(|schema| !schema.is_empty()) {
            Some(schema) => schema.required(classes).into_iter().collect(),
            None => {
                let persons = ["person", "organizationalPerson", "inetOrgPerson"];
                let is_person = classes.iter().any(|class| persons.iter().any(|p| p.eq_ignore_ascii_case(class)));
                if is_person { ["sn", "cn"].map(str::to_owned).into() } else { BTreeSet::new() }
            }
        };
        let made_up = self.site.profile.peculiar.made_up;
        let given = self.allocates();
        let is_made_up = |name: &String| {
            made_up.contains(&name.as_str()) || given.iter().any(|given| given.eq_ignore_ascii_case(name))
        };
        required.into_iter().filter(|name| name != "objectclass" && !is_made_up(name)).collect()
    }
}

async fn checked_connection(access: &Access, findings: &mut Vec<Finding>) -> Option<Connection> {
    let subject = format!("connect to {}", access.url);
    let mut connection = match dial::link(access).await {
        Ok(connection) => connection,
        Err(fault) => {
            findings.push(bad(subject, &fault, "check `url`, `ca_file`, and that the server runs"));
            return None;
        }
    };
    let link = format!("{:?}", access.link);
    findings.push(finding(
        subject,
        match access.no_password() {
            None => Verdict::Good(link),
            Some(why) => {
                Verdict::Warning(format!("{link}: everybody on the way can read and change everything; {why}"))
            }
        },
    ));
    let subject = match &access.identity {
        Identity::Simple(dn, _) => format!("bind as {dn}"),
        Identity::External => "bind as the user of this process (SASL EXTERNAL)".to_owned(),
    };
    if let Err(fault) = dial::bind(access, &connection).await {
        findings.push(bad(subject, &fault, "check `bind_dn` and `bind_password`"));
        return None;
    }
    findings.push(finding(subject, Verdict::Good("accepted".to_owned())));
    match dial::root_dse(&connection).await {
        Ok(root) => connection.root = root,
        Err(fault) => findings.push(bad("root DSE", &fault, "")),
    }
    Some(connection)
}

fn features(root: &RootDse) -> Finding {
    let vendor = root.vendor.as_deref().unwrap_or("unknown server");
    let missing: Vec<&str> = [
        (root.has_paging(), "paged results (needed)"),
        (root.has_assertion(), "assertions, so each change needs one more read"),
        (root.has_post_read(), "post-read, so each new account needs one more read"),
    ]
    .into_iter()
    .filter_map(|(has, name)| (!has).then_some(name))
    .collect();
    let verdict = match (root.has_paging(), missing.as_slice()) {
        (_, []) => Verdict::Good(vendor.to_owned()),
        (true, missing) => Verdict::Warning(format!("{vendor}, without {}", missing.join(", "))),
        (false, _) => Verdict::Bad(
            format!("{vendor} does not offer paged results to the bind DN"),
            "let the bind DN read the root DSE, and use the control 1.2.840.113556.1.4.319".to_owned(),
        ),
    };
    finding("features of the server", verdict)
}

fn finding(subject: impl Into<String>, verdict: Verdict) -> Finding {
    Finding { subject: subject.into(), verdict }
}

pub(super) fn bad(subject: impl Into<String>, fault: &Fault, hint: &str) -> Finding {
    finding(subject, Verdict::Bad(fault.to_string(), hint.to_owned()))
}
