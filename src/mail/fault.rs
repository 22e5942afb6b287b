//! Faults of mail servers, told apart by what must be done next.

use std::error::Error as _;
use std::fmt;
use std::io;

use lettre::transport::smtp::Error;

/// A letter that was not certainly handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailFault {
    /// What must be done next.
    pub next: MailNext,
    /// One sentence for people. It has no password and no full address, whatever the server said.
    pub reason: String,
}

/// What must be done after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailNext {
    /// It was not handed over; try the same again after a pause.
    Retry,
    /// The server will not take this letter; others go on.
    Refused,
    /// Nobody knows whether it was handed over. Sent again, it may arrive twice.
    Unknown,
    /// No letter can be sent in this run: address, certificate or login of the server are wrong.
    Stop,
}

impl MailFault {
    /// Makes a fault.
    pub fn new(next: MailNext, reason: impl Into<String>) -> Self {
        Self { next, reason: reason.into() }
    }
}

impl fmt::Display for MailFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for MailFault {}

/// How far the talk with a server has come (RFC 5321 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connection, TLS from the start, greeting, EHLO.
    Connect,
    /// STARTTLS and the second EHLO.
    StartTls,
    /// AUTH.
    Login,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA, before any content.
    Data,
    /// Content, final dot, and the answer to it.
    Content,
}

impl Stage {
    fn refusal(self) -> &'static str {
        match self {
            Self::Connect => "refused the connection",
            Self::StartTls => "refused to encrypt the connection",
            Self::Login => "refused the login",
            Self::Sender => "refused the sender",
            Self::Recipient => "refused the recipient",
            Self::Data | Self::Content => "refused the letter",
        }
    }

    /// Whether what a server says here may be repeated: after a login or a letter it can quote their secrets.
    fn may_be_quoted(self) -> bool {
        !matches!(self, Self::Login | Self::Content)
    }
}

/// The codes by which a server asks for a login, or for a better one, wherever it does (RFC 4954 section 6).
const LOGIN_CODES: [u16; 4] = [530, 534, 535, 538];

/// Returns the fault that `error` at `stage` is. `recipient` is kept out of what the server is quoted with.
pub(super) fn fault_of(server: &str, stage: Stage, error: &Error, recipient: Option<&str>) -> MailFault {
    match error.status().map(u16::from) {
        Some(code) => {
            let said = error.source().map(ToString::to_string).unwrap_or_default();
            fault_with_code(server, stage, code, &said, recipient)
        }
        None => fault_without_code(server, stage, error),
    }
}

fn fault_with_code(server: &str, stage: Stage, code: u16, said: &str, recipient: Option<&str>) -> MailFault {
    let next = if code < 500 {
        MailNext::Retry
    } else if LOGIN_CODES.contains(&code) {
        MailNext::Stop
    } else {
        match stage {
            // The same for every letter.
            Stage::Connect | Stage::StartTls | Stage::Login | Stage::Sender => MailNext::Stop,
            Stage::Recipient | Stage::Data | Stage::Content => MailNext::Refused,
        }
    };
    let said = if stage.may_be_quoted() { quote(said, recipient) } else { enhanced_code(said).to_owned() };
    let not_now = if code < 500 { " for now" } else { "" };
    let reason = format!("{server} {}{not_now}: {code} {said}", stage.refusal());
    MailFault::new(next, reason.trim_end())
}

fn fault_without_code(server: &str, stage: Stage, error: &Error) -> MailFault {
    let cause = root_cause(error);
    if stage == Stage::Content {
        return MailFault::new(
            MailNext::Unknown,
            format!("the letter was sent to {server} and the answer was lost ({cause}): it may have arrived"),
        );
    }
    if let Some(tls) = tls_error(stage, error) {
        return MailFault::new(MailNext::Stop, format!("no secure connection to {server}: {tls}"));
    }
    match stage {
        Stage::Connect => MailFault::new(MailNext::Retry, format!("cannot connect to {server}: {cause}")),
        Stage::StartTls if error.is_client() => {
            MailFault::new(MailNext::Stop, format!("{server} offers no encryption (STARTTLS), so no letter was sent"))
        }
        Stage::Login if error.is_client() => {
            MailFault::new(MailNext::Stop, format!("{server} offers no login that rosterd knows (PLAIN, LOGIN)"))
        }
        _ => MailFault::new(
            MailNext::Retry,
            format!("the connection to {server} broke before the letter was sent: {cause}"),
        ),
    }
}

/// Returns why no secure connection came about, if that is the cause.
fn tls_error(stage: Stage, error: &Error) -> Option<String> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            if let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                return Some(tls.to_string());
            }
            if stage == Stage::StartTls && io.kind() == io::ErrorKind::InvalidData {
                return Some(io.to_string());
            }
        }
        cause = error.source();
    }
    None
}

fn root_cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Returns what a server said, as one short line without the address.
fn quote(said: &str, recipient: Option<&str>) -> String {
    const LONGEST: usize = 160;
    let mut line: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Some(address) = recipient {
        line = replace_ignoring_case(&line, address, &super::mask(address).to_string());
    }
    if let Some((cut, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

fn replace_ignoring_case(text: &str, wanted: &str, instead: &str) -> String {
    let folded = text.to_ascii_lowercase();
    let mut out = String::new();
    let mut from = 0;
    for (at, found) in folded.match_indices(&wanted.to_ascii_lowercase()) {
        out.push_str(&text[from..at]);
        out.push_str(instead);
        from = at + found.len();
    }
    out.push_str(&text[from..]);
    out
}

/// Returns the enhanced status code (RFC 3463) that a reply begins with, or nothing.
fn enhanced_code(said: &str) -> &str {
    let word = said.split_whitespace().next().unwrap_or_default();
    let parts: Vec<&str> = word.split('.').collect();
    let is_number = |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if parts.len() == 3 && parts.iter().all(is_number) { word } else { "" }
}

#[cfg(test)]
mod tests;
