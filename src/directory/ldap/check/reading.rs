//! Whether all accounts and groups can be read: to the end, whatever limits the server has.

use ldap3::Scope;

use super::super::Dsa;
use super::super::complete::complete;
use super::super::connection::Connection;
use super::super::fault::Trouble;
use super::super::group::base_key;
use super::super::name::Dn;
use super::bad;
use super::finding;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::account::GroupKind;

impl Dsa {
    /// Reads every account by name only: this proves the bases, the filter and the limits.
    pub(super) async fn people(&self, connection: &Connection, findings: &mut Vec<Finding>) {
        findings.push(self.accounts_below(connection, "people_base", &self.site.people_base, self.scope()).await);
        if let Some(archive) = &self.site.archive_base {
            findings.push(self.accounts_below(connection, "archive_base", archive, Scope::Subtree).await);
        }
    }

    async fn accounts_below(&self, connection: &Connection, key: &str, base: &Dn, scope: Scope) -> Finding {
        let stable = &self.site.profile.stable;
        let subject = format!("read accounts below {base}");
        if let Err(fault) = self.prove_base(connection, key, base).await {
            return bad(subject, &fault, &format!("check `{key}` and the rights of the bind DN"));
        }
        let (mut count, mut without_id, mut cookie) = (0, 0, Vec::new());
        loop {
            let page = (self.site.page_size, cookie);
            let read =
                connection.page(&base.to_string(), scope, &self.site.people_filter, &[stable.attribute], page).await;
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
            (0, _) if key == "archive_base" => Verdict::Good("nobody is there yet".to_owned()),
            (0, _) => Verdict::Warning("none found; right only if the directory is still empty".to_owned()),
            (_, 0) => Verdict::Good(format!("{count} found, page by page to the end, no limit met")),
            _ => {
                let hint = format!("let the bind DN read the attribute {}", stable.attribute);
                Verdict::Bad(format!("{without_id} of {count} accounts show no {}", stable.attribute), hint)
            }
        };
        finding(subject, verdict)
    }

    pub(super) async fn group_bases(&self, connection: &Connection, findings: &mut Vec<Finding>) {
        for (kind, base) in &self.site.bases {
            let Some(base) = base else { continue };
            findings.push(self.groups_below(connection, *kind, base).await);
        }
    }

    async fn groups_below(&self, connection: &Connection, kind: GroupKind, base: &Dn) -> Finding {
        let (key, word) = (base_key(kind), kind.word());
        let subject = format!("read {word}s below {base}");
        if let Err(fault) = self.prove_base(connection, key, base).await {
            return bad(subject, &fault, &format!("check `{key}` and the rights of the bind DN"));
        }
        let (place, all, page) = (base.to_string(), self.of_kind(kind), self.site.page_size);
        match self.search_all(connection, &place, Scope::Subtree, &all, &["1.1"], page).await {
            Ok(found) => finding(subject, Verdict::Good(format!("{} found, no limit met", found.len()))),
            Err(fault) => bad(subject, &fault, self.site.profile.limits_hint),
        }
    }
}
