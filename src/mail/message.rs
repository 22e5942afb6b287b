//! A letter as a mail message (RFC 5322), with one recipient.

use std::fmt;

use lettre::Address;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::MultiPart;
use lettre::message::SinglePart;
use lettre::message::header::ContentTransferEncoding;
use lettre::message::header::ContentType;
use lettre::message::header::HeaderName;
use lettre::message::header::HeaderValue;
use zeroize::Zeroizing;

use super::fault::MailFault;
use super::fault::MailNext;
use crate::roster::account::LineNo;
use crate::roster::letter::Letter;
use crate::roster::letter::address;
use crate::roster::letter::address::AddressFault;

/// The id of a letter (RFC 5322 section 3.6.4): the same letter has the same id however often it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MessageId(String);

impl MessageId {
    /// Returns the id of the letter that run `run` owes to the person of line `line`.
    ///
    /// `generation` counts the passwords that the run has set for this person: a fresh password is another letter.
    pub fn new(run: &str, line: LineNo, generation: u32, domain: &str) -> Self {
        let safe = |text: &str, also: &str| -> String {
            text.chars().map(|c| if c.is_ascii_alphanumeric() || also.contains(c) { c } else { '-' }).collect()
        };
        let domain = ascii_domain(domain).unwrap_or_else(|| domain.to_owned());
        Self(format!("<rosterd-{}-{line}-{generation}@{}>", safe(run, "-_"), safe(&domain, "-.")))
    }

    /// Returns the id with its angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who letters are from.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub from: Mailbox,
    pub reply_to: Option<Mailbox>,
}

/// A message and its envelope: one sender, one recipient.
pub(super) struct Composed {
    pub sender: Address,
    pub recipient: Address,
    pub bytes: Zeroizing<Vec<u8>>,
}

/// Separates the parts of every letter. Both parts are quoted-printable, in which `=_` cannot occur.
const BOUNDARY: &str = "=_rosterd_letter";

/// Writes `letter` as a message.
pub(super) fn compose(letter: &Letter, id: &MessageId, sender: &Sender) -> Result<Composed, MailFault> {
    let refused = |reason: String| MailFault::new(MailNext::Refused, reason);
    let recipient = parse_address(letter.to())
        .map_err(|fault| refused(format!("no letter can go to the mail address: {fault}")))?;
    let name = Some(letter.name().to_owned()).filter(|name| !name.is_empty());
    let mut message = Message::builder()
        .from(sender.from.clone())
        .to(Mailbox::new(name, recipient.clone()))
        .subject(letter.subject())
        .message_id(Some(id.as_str().to_owned()))
        // RFC 3834 section 5.2: no out-of-office replies, which would quote the letter.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    if let Some(reply_to) = &sender.reply_to {
        message = message.reply_to(reply_to.clone());
    }
    let text = part(ContentType::TEXT_PLAIN, letter.text().expose());
    let built = match letter.html() {
        None => message.singlepart(text),
        Some(html) => message.multipart(
            MultiPart::alternative()
                .boundary(BOUNDARY)
                .singlepart(text)
                .singlepart(part(ContentType::TEXT_HTML, html.expose())),
        ),
    };
    let message = built.map_err(|error| refused(format!("the letter cannot be written as a mail: {error}")))?;
    Ok(Composed { sender: sender.from.email.clone(), recipient, bytes: Zeroizing::new(message.formatted()) })
}

/// Quoted-printable whatever the text: no server on the way has a reason to touch it.
fn part(content_type: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(content_type).header(ContentTransferEncoding::QuotedPrintable).body(text.to_owned())
}

/// Reads one address. Its domain comes back in ASCII (RFC 5891), so that any server can deliver to it.
pub(super) fn parse_address(text: &str) -> Result<Address, AddressFault> {
    address::check(text)?;
    let (local, domain) = text.split_once('@').ok_or(AddressFault::NotOneAt)?;
    let domain = ascii_domain(domain).ok_or(AddressFault::Domain)?;
    Address::new(local, domain).map_err(|_| AddressFault::Domain)
}

fn ascii_domain(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_owned());
    }
    match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => Some(ascii),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_tell_letters_apart() {
        let id = |run: &str, line, generation| MessageId::new(run, LineNo(line), generation, "example.org");
        assert_eq!(id("0197-a", 7, 1).as_str(), "<rosterd-0197-a-7-1@example.org>");
        assert_eq!(id("0197-a", 7, 1), id("0197-a", 7, 1));
        for other in [id("0197-b", 7, 1), id("0197-a", 8, 1), id("0197-a", 7, 2)] {
            assert_ne!(id("0197-a", 7, 1), other);
        }
    }

    #[test]
    fn ids_cannot_break_a_header() {
        let id = MessageId::new("a>\r\nBcc: x", LineNo(1), 1, "bücher.example>\r\nX: y");
        assert!(!id.as_str()[1..id.as_str().len() - 1].contains(['<', '>', '\r', '\n', ' ', ':']), "{id}");
        assert!(MessageId::new("r", LineNo(1), 1, "bücher.example").as_str().ends_with("@xn--bcher-kva.example>"));
    }

    #[test]
    fn domains_go_out_in_ascii_and_local_parts_as_they_are() {
        let address = parse_address("jörg@bücher.example").expect("an address");
        assert_eq!(address.to_string(), "jörg@xn--bcher-kva.example");
        assert_eq!(parse_address("root@localhost").expect("an address").to_string(), "root@localhost");
        assert_eq!(parse_address("a@b, c@d"), Err(AddressFault::NotOneAt));
    }
}
