//! Whether an answer has everything that was asked for.

use super::connection::Answer;
use super::entry::Entry;
use super::fault::During;
use super::fault::refused;
use super::name::Dn;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

/// Returns the entries of an answer if they are all there are: the final result says success, and no part of the
/// directory is on another server, but for the branches that are `apart` from people and groups.
pub(super) fn complete(answer: Answer, apart: &[&str]) -> Result<Vec<Entry>, Fault> {
    if answer.result.rc != 0 {
        return Err(refused(During::Read, &answer.result, None));
    }
    if let Some(elsewhere) = answer.result.refs.iter().find(|url| !leads_to(url, apart)) {
        let reason = format!(
            "a part of the directory is on another server ({elsewhere}), so the answer is incomplete; referrals are not followed"
        );
        return Err(Fault::new(Next::StopRun, reason));
    }
    Ok(answer.entries)
}

/// Returns whether a reference (RFC 4516) is to an entry whose name begins with one of `firsts`.
fn leads_to(url: &str, firsts: &[&str]) -> bool {
    let Some((_, rest)) = url.split_once("://").and_then(|(_, rest)| rest.split_once('/')) else { return false };
    let dn = rest.split('?').next().unwrap_or_default();
    let first = Dn::parse(dn).ok().map(|dn| dn.rdn().to_string());
    first.is_some_and(|first| firsts.iter().any(|one| one.eq_ignore_ascii_case(&first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_references_to_branches_without_people_are_passed_over() {
        let apart = ["CN=Configuration", "DC=ForestDnsZones"];
        for url in [
            "ldap://ad.example.org/CN=Configuration,DC=ad,DC=example,DC=org",
            "ldaps://x/cn=configuration,DC=ad??base",
            "ldap://x/DC=ForestDnsZones,DC=ad",
        ] {
            assert!(leads_to(url, &apart), "{url}");
        }
        for url in
            ["ldap://child.x/DC=child,DC=ad", "ldap://x/OU=people,CN=Configuration,DC=ad", "ldap://x", "ldap://x/", ""]
        {
            assert!(!leads_to(url, &apart), "{url}");
        }
    }
}
