//! `rosterd check` for an LDAP target: everything is tried that can be tried without writing.

use super::Dsa;
use super::Ldap;
use super::connection::Connection;
use super::dial;
use super::server::RootDse;
use super::settings::Access;
use super::settings::Identity;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::fault::Fault;

pub use self::mapped::MappedAttribute;
pub use self::needs::Needs;
pub use self::probe::Example;
pub use self::sample::Sample;
pub use self::sample::Written;

mod certificate;
mod mapped;
mod model;
mod needs;
mod numbers;
mod policy;
mod probe;
mod reading;
mod rights;
mod sample;
mod storage;
mod syntax;
mod uniqueness;

impl Ldap {
    /// Tries everything, one finding each. What needs a connection is left out when there is none.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut connections = Vec::new();
        for access in self.pool.servers() {
            let connection = checked_connection(access, &mut findings).await;
            if let Some(connection) = connection {
                findings.extend(certificate::certificate(access).await);
                connections.push((access, connection));
            }
        }
        let Some(((_, first), others)) = connections.split_first() else { return findings };
        findings.push(features(&first.root));
        if self.settings.transactions.is_some() {
            findings.push(transactions(&first.root));
        }
        match self.dsa().await {
            Ok(dsa) => {
                dsa.findings(first, &mut findings).await;
                for (access, other) in others {
                    findings.push(dsa.copy(access, first, other).await);
                }
            }
            Err(fault) => findings.push(bad("settings", &fault, "correct [target.ldap]")),
        }
        findings
    }
}

impl Dsa {
    async fn findings(&self, connection: &Connection, findings: &mut Vec<Finding>) {
        let profile = self.site.profile;
        findings.push(finding("kind of server", Verdict::Good(format!("{} ({})", profile.title, profile.kind))));
        self.people(connection, findings).await;
        self.model(connection, findings).await;
        self.policy(connection, findings).await;
        findings.push(self.storage(connection).await);
        findings.push(self.names_are_kept_apart(connection).await);
        self.group_bases(connection, findings).await;
        findings.extend(self.numbers_in_order(connection).await);
    }

    /// Whether another server of the target holds the same directory, so that it can take over.
    async fn copy(&self, access: &Access, first: &Connection, other: &Connection) -> Finding {
        let subject = format!("take over by {}", access.url);
        if !self.pool.are_copies(&first.root, &other.root) {
            let text = "it is of another kind, or holds another naming context, than the first server".to_owned();
            let hint = "list only servers with the same directory in `url`".to_owned();
            return finding(subject, Verdict::Bad(text, hint));
        }
        match self.prove_base(other, "people_base", &self.site.people_base).await {
            Ok(()) => finding(subject, self.comparison(first, other).await),
            Err(fault) => bad(subject, &fault, "check that it is a copy of the first server, rights included"),
        }
    }

    /// Whether a server that is to take over has what the first one has, as far as they tell.
    async fn comparison(&self, first: &Connection, other: &Connection) -> Verdict {
        let same = "the same directory; accounts are there";
        let Some((attribute, context)) = self.pool.told_by(&first.root) else {
            return Verdict::Good(format!(
                "{same}; it is given `replication_wait` to catch up, which nobody can check"
            ));
        };
        match (self.pool.progress(first).await, self.pool.progress(other).await) {
            (Some(one), Some(two)) if two.has_all_of(&one) => Verdict::Good(format!("{same}, and it is up to date")),
            (Some(_), Some(_)) => Verdict::Warning(format!(
                "{same}; its {attribute} is behind the first server's: replication is late, or has stopped"
            )),
            _ => Verdict::Warning(format!(
                "{same}; whether it has what was written last cannot be compared, since the bind DN cannot read \
                 {attribute} of {context} on both (docs/openldap.md, several servers); rosterd waits for \
                 `replication_wait` and trusts it"
            )),
        }
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

fn transactions(root: &RootDse) -> Finding {
    let verdict = match root.has_transactions() {
        true => Verdict::Good("offered (RFC 5805)".to_owned()),
        false => Verdict::Warning(
            "`transactions` is true, and the server does not offer them (RFC 5805; 1.3.6.1.1.21.1 and .3 are not among \
             its supportedExtension): batches are written one operation at a time"
                .to_owned(),
        ),
    };
    finding("transactions", verdict)
}

fn finding(subject: impl Into<String>, verdict: Verdict) -> Finding {
    Finding { subject: subject.into(), verdict }
}

pub(super) fn bad(subject: impl Into<String>, fault: &Fault, hint: &str) -> Finding {
    finding(subject, Verdict::Bad(fault.to_string(), hint.to_owned()))
}
