//! In which form passwords get to the server, in plain words.

use ldap3::Scope;

use super::finding;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::directory::ldap::Dsa;
use crate::directory::ldap::PasswordStorage;
use crate::directory::ldap::connection::Connection;
use crate::directory::ldap::filter::Filter;

impl Dsa {
    /// Whether the server knows a scheme cannot be asked; whether a policy refuses every hash can, where it can be seen.
    pub(super) async fn storage(&self, connection: &Connection) -> Finding {
        let storage = self.site.password_storage;
        let subject = format!("password storage {}", storage.word());
        if let Some(dn) = self.strict_policy(connection).await {
            let text = format!(
                "pwdCheckQuality is 2 in {dn}: the server then refuses passwords that are hashed already, unless the bind \
                 DN has `manage` on userPassword"
            );
            return finding(subject, Verdict::Warning(text));
        }
        let text = match storage {
            PasswordStorage::Server => "as they are, over a connection that nobody else reads; the server hashes them",
            PasswordStorage::Exop => {
                "by PasswordModify (RFC 3062), which the server hashes; new accounts are switched off until it is done"
            }
            PasswordStorage::Argon2 | PasswordStorage::Ssha512 => {
                "hashed by rosterd; a login as the first person of a run proves that the server knows the scheme, and \
                 `rosterd check --write-probe` proves it now"
            }
        };
        finding(subject, Verdict::Good(text.to_owned()))
    }

    /// Returns a policy that refuses what rosterd hashes.
    async fn strict_policy(&self, connection: &Connection) -> Option<String> {
        let hashes = matches!(self.site.password_storage, PasswordStorage::Argon2 | PasswordStorage::Ssha512);
        if !hashes || !self.site.profile.credentials.is_ppolicy() {
            return None;
        }
        let strict = Filter::all([Filter::eq("objectClass", "pwdPolicy"), Filter::eq("pwdCheckQuality", "2")]);
        for context in &connection.root.contexts {
            let page = self.site.page_size;
            let found = self.search_all(connection, context, Scope::Subtree, &strict, &["1.1"], page).await;
            if let Some(entry) = found.unwrap_or_default().into_iter().next() {
                return Some(entry.dn);
            }
        }
        None
    }
}
