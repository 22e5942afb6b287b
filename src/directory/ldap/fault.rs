//! Result codes, told apart by what must be done next. One table, see [`next`].

use ldap3::LdapResult;

use super::windows::Refusal;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::secret::Secret;

/// What was being done when a server answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    /// Connecting, securing or authenticating.
    Bind,
    /// Reading.
    Read,
    /// Adding an entry.
    Add,
    /// Changing an entry.
    Modify,
    /// Giving an entry another name or place.
    Rename,
    /// Deleting an entry.
    Delete,
}

impl During {
    fn is_write(self) -> bool {
        matches!(self, Self::Add | Self::Modify | Self::Rename | Self::Delete)
    }
}

/// Returns what must be done after result code `rc` (RFC 4511 appendix A; 122: RFC 4528).
///
/// A result code is an answer: the operation was not done. So a write is only looked at again when the entry is not as
/// it was thought to be.
pub fn next(during: During, rc: u32) -> Next {
    use During::Add;
    use During::Bind;
    match (during, rc) {
        // busy, unavailable, other and operationsError pass.
        (_, 51 | 52) => Next::Retry,
        (Bind, 1 | 80) => Next::StopRun,
        (_, 1 | 80) => Next::Retry,
        // A lock that another writer held for too long.
        (write, 3) if write.is_write() => Next::Retry,
        // The entry is not as it was: a value or the entry itself is there already, gone, or another one.
        (write, 16 | 20 | 122) if write.is_write() => Next::LookAgain,
        (Add, 68) => Next::LookAgain,
        (During::Modify | During::Rename | During::Delete, 32) => Next::LookAgain,
        // The server, its rights or the configuration are not fit for any write: protocolError, authentication,
        // referral (a read-only replica), a control it does not know, confidentiality, credentials.
        (_, 2 | 7 | 8 | 10 | 12 | 13 | 14 | 48 | 49) => Next::StopRun,
        // insufficientAccessRights, unwillingToPerform and all that is wrong with one entry concern that entry.
        (write, _) if write.is_write() => Next::RejectRow,
        // A bind or a read that fails for good, limits included, leaves nothing to work with.
        _ => Next::StopRun,
    }
}

/// Makes a fault of an answer that is not success. `secret` is what the operation sent: a server may echo it.
pub fn refused(during: During, result: &LdapResult, secret: Option<&Secret>) -> Fault {
    let meaning = told_by_windows(during, &result.text).unwrap_or_else(|| meaning(during, result.rc));
    let text = scrubbed(&result.text, secret);
    let reason = if text.is_empty() { meaning.to_owned() } else { format!("{meaning}: {text}") };
    Fault::new(next(during, result.rc), reason).with_code(result.rc)
}

/// Returns the sentence for a result code.
fn meaning(during: During, rc: u32) -> &'static str {
    match (during, rc) {
        (During::Read, 3) => {
            "the server's time limit cut the answer off, so it is incomplete; raise the limit for the bind DN (OpenLDAP: `olcLimits` with time=unlimited; 389 Directory Server: `nsTimeLimit: -1` in its entry)"
        }
        (During::Read, 4) => {
            "the server's size limit cut the answer off, so it is incomplete; raise the limit for the bind DN (OpenLDAP: `olcLimits` with size=unlimited; 389 Directory Server: `nsSizeLimit` and `nsPagedSizeLimit: -1` in its entry)"
        }
        (During::Read, 11) => {
            "an administrative limit of the server cut the answer off, so it is incomplete; raise the limits for the bind DN (OpenLDAP: `olcLimits` with size=unlimited size.unchecked=unlimited; 389 Directory Server: `nsLookThroughLimit` and `nsPagedLookThroughLimit: -1` in its entry)"
        }
        (During::Read, 10) => {
            "a part of the directory is on another server, so the answer is incomplete; referrals are not followed"
        }
        (During::Read, 32) => "the base does not exist, or the bind DN may not see it",
        (During::Read, 50) => "the bind DN may not read this",
        (During::Bind, 48 | 49) => "the server refuses the bind DN or its password",
        (During::Bind, 8 | 13) => "the server wants a secured connection before a bind",
        (During::Add, 32) => "the parent entry does not exist",
        (During::Add, 68) => "an entry with this name exists already",
        (During::Rename, 68) => "another entry has the new name already",
        (During::Rename, 71) => "the new place is on another server",
        (_, 32) => "the entry does not exist any more",
        (_, 10) => "this server does not take writes (it refers to another one)",
        (_, 12) => "the server does not support a control that is needed",
        (_, 13) => "the server wants a secured connection for this",
        (_, 16) => "an attribute or value that was to go is not there",
        (_, 17) => "the server does not know the attribute",
        (_, 18) => "the attribute has no rule by which its values can be compared",
        (_, 19) => "the server refuses a value",
        (_, 20) => "a value that was to come is there already",
        (_, 21) => "a value does not fit the attribute's syntax",
        (_, 34) => "the server does not take the name of the entry",
        (_, 49) => "the bind is no longer valid",
        (_, 50) => "the bind DN may not write this",
        (_, 51) => "the server is busy",
        (_, 52) => "the server is not available",
        (_, 53) => "the server is not willing to do this",
        (_, 64) => "the name does not fit the entry",
        (_, 65) => "the entry would not fit its object classes",
        (_, 66) => "the entry has other entries below it",
        (_, 67) => "the attribute is part of the entry's name, and `rename` is off in [feed.defaults]",
        (_, 122) => "the entry is not as it was when the plan was made",
        _ => "the server refuses this",
    }
}

/// Returns the sentence for a refusal of Windows, which says more than the result code.
fn told_by_windows(during: During, text: &str) -> Option<&'static str> {
    match (during, Refusal::of(text)?) {
        // The sentence for the result code names the settings.
        (During::Bind, Refusal::Nobody | Refusal::WrongPassword) => None,
        (During::Bind, Refusal::PasswordExpired) => {
            Some("the password of the account has expired; let it never expire")
        }
        (_, refusal) => Some(refusal.sentence()),
    }
}

/// Returns a server's text fit for reports: one line of at most 200 characters without anything secret.
///
/// Some servers print the whole request, with passwords in hexadecimal; so a text that comes to speak of a password
/// attribute after an operation with a secret is cut there.
pub fn scrubbed(text: &str, secret: Option<&Secret>) -> String {
    let mut text = text.to_owned();
    if secret.is_some() {
        let lower = text.to_ascii_lowercase();
        let cut = ["userpassword", "unicodepwd"].iter().filter_map(|name| lower.find(name)).min();
        if let Some(at) = cut.filter(|at| lower.len() - at > 20) {
            text.truncate(at);
            text.push_str("...");
        }
    }
    if let Some(secret) = secret.filter(|secret| !secret.expose().is_empty()) {
        text = text.replace(secret.expose(), "***");
    }
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.trim();
    if line.chars().count() <= 200 {
        return line.to_owned();
    }
    line.chars().take(200).chain("...".chars()).collect()
}

/// What a server most likely means that hangs up on one request each time: there is no result code for it, since it does
/// not read the request to its end.
const TOO_LARGE: &str = "its values are probably larger than the server's limit for one message (OpenLDAP: \
                         `sockbuf_max_incoming_auth`, `olcSockbufMaxIncomingAuth` in cn=config; 389 Directory Server: \
                         `nsslapd-maxbersize`); make them smaller, such as a photo, or raise the limit";

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was not sent.
    Unsent(String),
    /// It was sent, or may have been; nobody knows whether it was done.
    Unknown(String),
    /// It was sent, or was being sent, when the server hung up.
    HungUp(String),
    /// It cannot be put into the protocol.
    Unfit(String),
}

impl Trouble {
    /// Returns the fault for a read, which can always be tried again.
    pub fn of_read(self) -> Fault {
        match self {
            Self::Unsent(cause) | Self::Unknown(cause) | Self::HungUp(cause) => {
                Fault::new(Next::Retry, format!("the directory could not be read: {cause}"))
            }
            Self::Unfit(cause) => Fault::new(Next::StopRun, cause),
        }
    }

    /// Returns the fault for a write.
    pub fn of_write(self) -> Fault {
        match self {
            Self::Unsent(cause) => Fault::new(Next::Retry, format!("not sent: {cause}")),
            Self::Unknown(cause) => Fault::new(Next::LookAgain, format!("sent, but not answered: {cause}")),
            Self::HungUp(cause) => {
                let fault = Fault::new(Next::LookAgain, format!("sent, but not answered: {cause}"));
                Fault { hung_up: Some(TOO_LARGE), ..fault }
            }
            Self::Unfit(cause) => Fault::new(Next::RejectRow, cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::During::Add;
    use super::During::Bind;
    use super::During::Delete;
    use super::During::Modify;
    use super::During::Read;
    use super::During::Rename;
    use super::*;

    #[test]
    fn every_row_of_the_table() {
        let rows: &[(&[During], &[u32], Next)] = &[
            (&[Bind, Read, Add, Modify, Rename, Delete], &[51, 52], Next::Retry),
            (&[Read, Add, Modify, Rename, Delete], &[1, 80], Next::Retry),
            (&[Bind], &[1, 80], Next::StopRun),
            (&[Add, Modify, Rename, Delete], &[3], Next::Retry),
            (&[Add, Modify, Rename, Delete], &[16, 20, 122], Next::LookAgain),
            (&[Add], &[68], Next::LookAgain),
            (&[Add], &[32], Next::RejectRow),
            (&[Modify, Rename, Delete], &[32], Next::LookAgain),
            (&[Bind, Read, Add, Modify, Rename, Delete], &[2, 7, 8, 10, 12, 13, 14, 48, 49], Next::StopRun),
            (
                &[Add, Modify, Rename, Delete],
                &[4, 11, 17, 18, 19, 21, 33, 34, 36, 50, 53, 54, 64, 65, 66, 67, 69, 71, 4096],
                Next::RejectRow,
            ),
            (&[Modify, Rename, Delete], &[68], Next::RejectRow),
            (&[Bind, Read], &[3, 4, 11, 16, 17, 18, 19, 20, 21, 32, 34, 50, 53, 65, 68, 122, 4096], Next::StopRun),
        ];
        for (operations, codes, wanted) in rows {
            for operation in *operations {
                for code in *codes {
                    assert_eq!(next(*operation, *code), *wanted, "{operation:?} {code}");
                }
            }
        }
    }

    fn answer(rc: u32, text: &str) -> LdapResult {
        LdapResult { rc, matched: String::new(), text: text.to_owned(), refs: vec![], ctrls: vec![] }
    }

    #[test]
    fn a_cut_answer_says_so_and_names_the_limit() {
        for rc in [3, 4, 11] {
            let fault = refused(Read, &answer(rc, ""), None);
            assert!(fault.reason.contains("incomplete") && fault.reason.contains("olcLimits"), "{fault}");
        }
    }

    #[test]
    fn the_codes_of_windows_say_more() {
        let bind = |data: &str| {
            let text =
                format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1");
            refused(Bind, &answer(49, &text), None)
        };
        assert!(bind("773").reason.starts_with("the password of the account must be changed"), "{}", bind("773"));
        assert!(bind("533").reason.starts_with("the account is switched off"), "{}", bind("533"));
        assert_eq!(bind("533").next, Next::StopRun);
        assert!(bind("52e").reason.starts_with("the server refuses the bind DN"), "{}", bind("52e"));
        let weak = refused(Add, &answer(19, "0000052D: Constraint violation - too short"), None);
        assert!(weak.reason.starts_with("the password does not meet"), "{weak}");
        let other = refused(Add, &answer(68, "00002071: samldb: samAccountName 'U2' already in use!"), None);
        assert!(other.reason.starts_with("an entry with this name exists already: 00002071"), "{other}");
    }

    #[test]
    fn no_secret_comes_back_out_of_a_servers_text() {
        let secret = Secret::from("s3cr.t-pw");
        let echoed = refused(Add, &answer(19, "value s3cr.t-pw is weak"), Some(&secret));
        assert_eq!(echoed.to_string(), "the server refuses a value: value *** is weak (19)");
        let dumped = refused(
            Add,
            &answer(65, "failed: Add Request\n cn: a\n userPassword: 0x73 0x33 0x63 0x72 0x2e 0x74"),
            Some(&secret),
        );
        assert!(!dumped.reason.contains("0x73"), "{dumped}");
        let plain = refused(Add, &answer(65, &"long ".repeat(100)), None);
        assert!(plain.reason.chars().count() < 300, "{plain}");
        assert_eq!(scrubbed("a\r\nb\u{7}", None), "a  b");
    }

    #[test]
    fn without_an_answer_a_write_is_unknown_and_a_read_is_tried_again() {
        assert_eq!(Trouble::Unknown("cut".into()).of_write().next, Next::LookAgain);
        assert_eq!(Trouble::Unsent("cut".into()).of_write().next, Next::Retry);
        assert_eq!(Trouble::Unfit("cut".into()).of_write().next, Next::RejectRow);
        assert_eq!(Trouble::Unknown("cut".into()).of_read().next, Next::Retry);
        assert_eq!(Trouble::Unsent("cut".into()).of_read().next, Next::Retry);
        assert_eq!(Trouble::Unfit("cut".into()).of_read().next, Next::StopRun);
    }
}
