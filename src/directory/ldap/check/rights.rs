//! Which rights the bind DN has, as far as the server tells without being written to.

use std::collections::BTreeSet;

use super::super::Dsa;
use super::super::Ldap;
use super::super::connection::Connection;
use super::super::entry::Entry;
use super::super::filter::Filter;
use super::super::group::By;
use super::super::group::Class;
use super::super::name::Dn;
use super::super::profile::Rights;
use super::super::settings::Identity;
use super::bad;
use super::finding;
use super::needs::Needs;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::account::GroupKind;

mod control;
mod descriptor;
mod descriptors;

/// Entries that are looked at to find one that is not guarded.
const CANDIDATES: i32 = 20;

impl Ldap {
    /// Tells which of the rights that feeds need are missing, one finding for each thing that they do; and whether the
    /// passwords that they generate are long enough. Nothing is written.
    pub async fn check_rights(&self, needs: &Needs) -> Vec<Finding> {
        let found = async {
            let dsa = self.dsa().await?;
            let connection = dsa.pool.lease().await?;
            let mut findings = match dsa.site.profile.rights {
                Rights::Control => dsa.rights_by_control(&connection, needs).await?,
                Rights::Descriptors => dsa.rights_by_descriptors(&connection, needs).await?,
                Rights::Untold => vec![dsa.untold(needs)],
            };
            if let Some(length) = needs.shortest_password {
                findings.push(dsa.password_length(&connection, length).await);
            }
            Ok(findings)
        };
        found.await.unwrap_or_else(|fault| vec![bad("rights to write", &fault, "")])
    }

    /// Returns whether the server tells rights, so that what [`Ldap::check_rights`] finds proves something.
    pub async fn tells_rights(&self) -> bool {
        self.dsa().await.is_ok_and(|dsa| dsa.site.profile.rights != Rights::Untold)
    }
}

impl Dsa {
    /// What an admin has to do where the server does not tell.
    fn untold(&self, needs: &Needs) -> Finding {
        let base = &self.site.people_base;
        let mut text = format!(
            "{} tells nobody his rights, so they are unproved; `rosterd check --write-probe` tries them with an account \
             that it creates and deletes again",
            self.site.profile.title
        );
        if let ("openldap", Identity::Simple(dn, _)) = (self.site.profile.kind, &self.pool.access().identity) {
            let attributes = self.attributes_to_write(needs);
            let writes: Vec<String> = ["entry", "children"]
                .into_iter()
                .chain(attributes.iter().map(String::as_str))
                .map(|name| format!("{name}/write"))
                .collect();
            let somebody = format!("{}=somebody,{base}", self.site.naming_attribute);
            text += ". Or as root on the server, for somebody there: slapacl -F /etc/ldap/slapd.d";
            text += &[" -D \"", &dn.to_string(), "\" -b \"", &somebody, "\" ", &writes.join(" ")].concat();
        }
        finding("rights to write", Verdict::Warning(text))
    }

    /// Returns the attributes that are written to accounts, in lower case without options: what feeds map, and what
    /// holds the state. Passwords are apart: they are a right of their own in some servers.
    fn attributes_to_write(&self, needs: &Needs) -> BTreeSet<String> {
        let bare = |name: &str| name.split(';').next().unwrap_or_default().to_ascii_lowercase();
        let mut names = BTreeSet::new();
        if needs.updates {
            let refused = |name: &str| self.site.profile.refuses(name).is_some();
            names.extend(needs.mapped.iter().filter(|name| !refused(name.as_str())).map(|name| bare(name.as_str())));
        }
        if needs.switches || needs.resets || needs.creates {
            names.extend(self.site.profile.credentials.attributes.iter().map(|name| bare(name)));
        }
        // A number that somebody else has too is given up.
        if needs.creates {
            names.extend(self.allocates().iter().map(|name| bare(name)));
        }
        // What an entry is called by changes with its name only.
        if !needs.relocates {
            let naming = bare(&self.site.naming_attribute);
            names.retain(|name| *name != naming && *name != bare(&self.site.username_attribute));
        }
        names
    }

    /// Returns an account that exists and that feeds may write, to ask for the rights to it.
    async fn an_account(&self, connection: &Connection) -> Option<Dn> {
        let attributes: Vec<&str> = [self.site.username_attribute.as_str()]
            .into_iter()
            .chain(self.site.profile.guards.attributes.iter().copied())
            .collect();
        let (base, filter) = (self.site.people_base.to_string(), &self.site.people_filter);
        let page = connection.page(&base, self.scope(), filter, &attributes, (CANDIDATES, Vec::new())).await;
        let (answer, _) = page.ok()?;
        let is_free = |entry: &&Entry| {
            let username = entry.text(&self.site.username_attribute).unwrap_or_default();
            let guarded = Dn::parse(&entry.dn).map_or(true, |dn| self.guards(&dn, username).is_some());
            !guarded && (self.site.profile.guards.reason)(entry).is_none()
        };
        answer.entries.iter().find(is_free).and_then(|entry| Dn::parse(&entry.dn).ok())
    }

    /// Returns a group that exists.
    async fn a_group(&self, connection: &Connection, kind: GroupKind, base: &Dn) -> Option<Entry> {
        let filter = Filter::all([self.of_kind(kind), Filter::present("cn")]);
        let (place, scope) = (base.to_string(), ldap3::Scope::Subtree);
        let page = connection.page(&place, scope, &filter, &["objectClass", "cn"], (CANDIDATES, Vec::new())).await;
        let (answer, _) = page.ok()?;
        let is_free = |entry: &Entry| {
            let name = entry.text("cn").unwrap_or_default();
            Dn::parse(&entry.dn).is_ok_and(|dn| dn.key() != base.key() && self.guards_group(&dn, name).is_none())
        };
        answer.entries.into_iter().find(is_free)
    }

    /// Returns the kinds of groups that are written, each with where they are and the class of new ones.
    fn written_groups(&self, needs: &Needs) -> Vec<(GroupKind, Dn, Class)> {
        let class = |kind| if kind == GroupKind::Role { self.site.role_class } else { self.site.group_class };
        let is_written = |kind: &GroupKind| needs.members.contains(kind) || needs.groups.contains(kind);
        let bases = self.site.bases.iter().filter(|(kind, _)| is_written(kind));
        bases.filter_map(|(kind, base)| Some((*kind, base.clone()?, class(*kind)))).collect()
    }
}

/// Says whether something that feeds do is allowed.
fn granted(subject: String, is_granted: bool, page: &str) -> Finding {
    let verdict = match is_granted {
        true => Verdict::Good("granted".to_owned()),
        false => Verdict::Bad("not granted".to_owned(), format!("give the bind DN this right: {page}")),
    };
    finding(subject, verdict)
}

/// Says which of the attributes that feeds write may not be written.
fn granted_attributes(subject: String, asked: usize, missing: &[String], page: &str) -> Finding {
    let verdict = match missing {
        [] => Verdict::Good(format!("granted for {asked} attributes")),
        _ => Verdict::Bad(
            format!("not granted for {}", missing.join(", ")),
            format!("let the bind DN write {}: {page}", missing.join(", ")),
        ),
    };
    finding(subject, verdict)
}

/// Returns whether members are listed by the group.
fn lists_members(class: &Class) -> bool {
    !matches!(class.by, By::OwnEntry { .. })
}
