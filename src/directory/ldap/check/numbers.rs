//! Whether POSIX numbers are in order, as far as `posix` in [target.ldap] gives them out.

use std::collections::BTreeMap;

use super::bad;
use super::finding;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::directory::ldap::Dsa;
use crate::directory::ldap::PosixGid;
use crate::directory::ldap::connection::Connection;
use crate::directory::ldap::filter::Filter;
use crate::directory::ldap::group::Class;
use crate::directory::numbers::Kind;

/// Shared numbers that are named.
const NAMED: usize = 3;

impl Dsa {
    /// Proves that no two accounts have the same number, and that the group of new ones is there.
    pub(super) async fn numbers_in_order(&self, connection: &Connection) -> Vec<Finding> {
        let Some(posix) = &self.site.posix else { return Vec::new() };
        let subject = "POSIX numbers";
        let entries = match self.numbered(connection, Kind::Uid, &Filter::present("uidNumber")).await {
            Ok(entries) => entries,
            Err(fault) => return vec![bad(subject, &fault, "let the bind DN read uidNumber everywhere")],
        };
        let mut holders: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
        for entry in &entries {
            // Others are for others to keep in order.
            let number = entry.text("uidNumber").and_then(|number| number.parse().ok());
            if let Some(number) = number.filter(|number| posix.uid_range.contains(number)) {
                holders.entry(number).or_default().push(&entry.dn);
            }
        }
        let shared: Vec<String> = holders
            .iter()
            .filter(|(_, dns)| dns.len() > 1)
            .map(|(number, dns)| format!("{number} ({})", dns.join("; ")))
            .collect();
        let verdict = match shared.len() {
            0 => Verdict::Good(format!("{} of `posix.uid_range` in use, each by one account", holders.len())),
            n => {
                let named = shared[..n.min(NAMED)].join(", ");
                Verdict::Warning(format!("{n} in use by several accounts, who share their files: {named}"))
            }
        };
        let mut findings = vec![finding(subject, verdict)];
        if let PosixGid::Fixed(gid) = posix.gid {
            let subject = format!("group with gidNumber {gid}");
            let is_group = Filter::any(self.site.profile.group_classes.iter().map(Class::filter));
            let has_number = Filter::all([is_group, Filter::eq("gidNumber", &gid.to_string())]);
            findings.push(match self.numbered(connection, Kind::Gid, &has_number).await {
                Ok(groups) if groups.is_empty() => {
                    let text = "the directory has none; right only if every computer has one of its own";
                    finding(subject, Verdict::Warning(text.to_owned()))
                }
                Ok(groups) => finding(subject, Verdict::Good(groups[0].dn.clone())),
                Err(fault) => bad(subject, &fault, "let the bind DN read the groups"),
            });
        }
        findings
    }
}
