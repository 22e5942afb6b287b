//! Logging in as a person: the only proof that a password works, and that it must be changed.

use ldap3::LdapResult;

use super::Dsa;
use super::dial;
use super::fault::During;
use super::fault::Trouble;
use super::fault::next;
use super::fault::refused;
use super::fault::scrubbed;
use crate::directory::Login;
use crate::roster::account::EntryId;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::secret::Secret;

/// The response that says more than the result code (draft-behera-ldap-password-policy section 6); sent when asked for.
pub const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// Sent unasked by servers of Netscape's family: the password has expired (draft-vchu-ldap-pwd-policy section 4.1).
const EXPIRED: &str = "2.16.840.1.113730.3.4.4";

impl Dsa {
    /// Binds as a person, once, on a fresh connection that is closed at once. The bind is never repeated: what a server
    /// counts towards a lock is its business.
    pub(super) async fn log_in(&self, id: &EntryId, password: &Secret) -> Result<Login, Fault> {
        if password.expose().is_empty() {
            // It would be taken for an anonymous bind, which succeeds (RFC 4513 section 5.1.2).
            return Ok(Login::Refused("the password is empty".to_owned()));
        }
        if let Some(why) = self.pool.no_password() {
            return Err(Fault::new(Next::RejectRow, why));
        }
        let connection = dial::link(self.pool.access()).await?;
        let answer = connection.bind_as(&id.locator, password.expose()).await.map_err(Trouble::of_read)?;
        if next(During::Bind, answer.rc) == Next::Retry || matches!(answer.rc, 1 | 80) {
            return Err(Fault { next: Next::Retry, ..refused(During::Bind, &answer, Some(password)) });
        }
        Ok(match (self.site.profile.credentials.login)(&answer) {
            Login::Refused(why) => Login::Refused(scrubbed(&why, Some(password))),
            login => login,
        })
    }
}

/// Reads a login from the result code and the controls of servers with a password policy.
///
/// A password that has expired need not be one that must be changed first: only a bind that was accepted proves that.
pub fn by_controls(answer: &LdapResult) -> Login {
    let control = |oid: &str| answer.ctrls.iter().find(|control| control.1.ctype == oid);
    let policy = control(PASSWORD_POLICY).and_then(|control| control.1.val.as_deref()).and_then(policy_error);
    let refused = |why: &str| Login::Refused(why.to_owned());
    match (answer.rc, policy) {
        (0, Some(PolicyError::CHANGE_AFTER_RESET)) => Login::MustChange,
        (0, _) if control(EXPIRED).is_some() => Login::MustChange,
        (0, _) => Login::Welcome,
        (_, Some(PolicyError::ACCOUNT_LOCKED)) => refused("the account is locked or switched off"),
        (_, Some(PolicyError::PASSWORD_EXPIRED)) => refused("the password has expired"),
        (49, _) if control(EXPIRED).is_some() => refused("the password has expired"),
        (49, _) => refused("the password is not accepted"),
        (rc, _) if answer.text.is_empty() => Login::Refused(format!("the server refuses the login ({rc})")),
        (rc, _) => Login::Refused(format!("{} ({rc})", answer.text)),
    }
}

/// The error of a password policy response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PolicyError(u8);

impl PolicyError {
    const PASSWORD_EXPIRED: Self = Self(0);
    const ACCOUNT_LOCKED: Self = Self(1);
    const CHANGE_AFTER_RESET: Self = Self(2);
}

/// Reads `SEQUENCE { warning [0] ... OPTIONAL, error [1] ENUMERATED OPTIONAL }`, whose lengths are all below 128.
fn policy_error(value: &[u8]) -> Option<PolicyError> {
    let [0x30, length, rest @ ..] = value else { return None };
    let mut rest = rest.get(..usize::from(*length))?;
    while let [tag, length, after @ ..] = rest {
        let content = after.get(..usize::from(*length))?;
        if let (0x81, [error]) = (*tag, content) {
            return Some(PolicyError(*error));
        }
        rest = &after[content.len()..];
    }
    None
}

#[cfg(test)]
mod tests {
    use ldap3::controls::Control;
    use ldap3::controls::RawControl;

    use super::*;

    fn answer(rc: u32, text: &str, controls: &[(&str, Option<&[u8]>)]) -> LdapResult {
        let control = |(oid, value): &(&str, Option<&[u8]>)| {
            Control(None, RawControl { ctype: (*oid).to_owned(), crit: false, val: value.map(<[u8]>::to_vec) })
        };
        let ctrls = controls.iter().map(control).collect();
        LdapResult { rc, matched: String::new(), text: text.to_owned(), refs: vec![], ctrls }
    }

    #[test]
    fn the_policy_response_is_read_with_and_without_a_warning() {
        assert_eq!(policy_error(&[0x30, 0]), None);
        assert_eq!(policy_error(&[0x30, 3, 0x81, 1, 2]), Some(PolicyError::CHANGE_AFTER_RESET));
        assert_eq!(policy_error(&[0x30, 8, 0xa0, 3, 0x80, 1, 2, 0x81, 1, 1]), Some(PolicyError::ACCOUNT_LOCKED));
        // A warning whose octets look like an error.
        assert_eq!(policy_error(&[0x30, 6, 0xa0, 4, 0x80, 2, 0x81, 2]), None);
        for broken in [&[][..], &[0x30], &[0x30, 9, 0x81, 1, 2], &[0x30, 3, 0x81, 9, 2], &[0x31, 3, 0x81, 1, 2]] {
            assert_eq!(policy_error(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn what_a_login_came_to() {
        let must_change = (PASSWORD_POLICY, Some(&[0x30_u8, 3, 0x81, 1, 2][..]));
        let locked = (PASSWORD_POLICY, Some(&[0x30_u8, 3, 0x81, 1, 1][..]));
        let silent = (PASSWORD_POLICY, Some(&[0x30_u8, 0][..]));
        assert_eq!(by_controls(&answer(0, "", &[])), Login::Welcome);
        assert_eq!(by_controls(&answer(0, "", &[silent])), Login::Welcome);
        assert_eq!(by_controls(&answer(0, "", &[must_change])), Login::MustChange);
        assert_eq!(by_controls(&answer(0, "", &[silent, (EXPIRED, Some(b"0"))])), Login::MustChange);
        let refusals = [
            (answer(49, "", &[]), "the password is not accepted"),
            (answer(49, "", &[must_change]), "the password is not accepted"),
            (answer(49, "", &[locked]), "the account is locked or switched off"),
            (answer(49, "", &[(EXPIRED, Some(b"0"))]), "the password has expired"),
            (answer(53, "Account inactivated", &[]), "Account inactivated (53)"),
            (answer(50, "", &[]), "the server refuses the login (50)"),
        ];
        for (answer, why) in refusals {
            assert_eq!(by_controls(&answer), Login::Refused(why.to_owned()));
        }
    }
}
