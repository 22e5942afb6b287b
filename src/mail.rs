//! Sends credential letters.
//!
//! A letter is handed over once. Whether it was is told apart in [`MailNext`]: what must be done next is the only
//! thing a caller may decide by. Nothing here logs, and no fault repeats a password or a full address.

use std::fmt;

use crate::roster::letter::Letter;

pub mod fault;
pub mod memory;
pub mod message;
pub mod pace;
pub mod settings;
pub mod smtp;

pub use fault::MailFault;
pub use fault::MailNext;
pub use memory::MemoryMailer;
pub use message::MessageId;
pub use pace::MailPace;
pub use settings::MailLogin;
pub use settings::MailSettings;
pub use settings::MailSettingsFault;
pub use settings::MailTls;
pub use smtp::SmtpMailer;

/// The ways a letter can leave.
#[derive(Debug)]
pub enum Mailer {
    /// To a mail server.
    Smtp(Box<SmtpMailer>),
    /// Into memory, for tests.
    Memory(MemoryMailer),
}

impl Mailer {
    /// Returns a mailer for the configured server, or everything that is wrong with the settings. Contacts nobody.
    pub fn smtp(settings: &MailSettings) -> Result<Self, Vec<MailSettingsFault>> {
        SmtpMailer::new(settings).map(|mailer| Self::Smtp(Box::new(mailer)))
    }

    /// Hands `letter` over.
    ///
    /// The same letter must always have the same `message_id`: it is by this that servers and people recognise a
    /// letter which came twice. When the future is dropped, nobody knows whether the letter was handed over.
    pub async fn send(&self, letter: &Letter, message_id: &MessageId) -> Result<(), MailFault> {
        match self {
            Self::Smtp(mailer) => mailer.send(letter, message_id).await,
            Self::Memory(mailer) => mailer.send(letter, message_id),
        }
    }

    /// Connects, secures the connection and logs in, and sends nothing. Returns what was found, in plain words.
    pub async fn check(&self) -> Result<String, MailFault> {
        match self {
            Self::Smtp(mailer) => mailer.check().await,
            Self::Memory(_) => Ok("letters are kept in memory".to_owned()),
        }
    }

    /// Returns the domain of the sender, for [`MessageId::new`].
    pub fn domain(&self) -> &str {
        match self {
            Self::Smtp(mailer) => mailer.domain(),
            Self::Memory(_) => "rosterd.invalid",
        }
    }

    /// Says goodbye to the server, if a connection is open.
    pub async fn close(&self) {
        match self {
            Self::Smtp(mailer) => mailer.close().await,
            Self::Memory(_) => {}
        }
    }
}

/// Returns `address` for logs: `a***@example.org`.
pub fn mask(address: &str) -> impl fmt::Display + '_ {
    struct Masked<'a>(&'a str);

    impl fmt::Display for Masked<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let Some((local, domain)) = self.0.rsplit_once('@') else { return f.write_str("***") };
            if let Some(first) = local.chars().next().filter(|c| c.is_alphanumeric()) {
                write!(f, "{first}")?;
            }
            f.write_str("***@")?;
            // A log line is one line, whatever is in a roster.
            domain.chars().filter(|c| !c.is_control()).try_for_each(|c| write!(f, "{c}"))
        }
    }

    Masked(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_addresses_tell_the_domain_only() {
        for (address, masked) in [
            ("ada@example.org", "a***@example.org"),
            ("örjan@example.org", "ö***@example.org"),
            ("\"x@y\"@example.org", "***@example.org"),
            ("ada@example.org\r\nBcc: eve", "a***@example.orgBcc: eve"),
            ("no address", "***"),
            ("", "***"),
        ] {
            assert_eq!(mask(address).to_string(), masked, "{address}");
        }
    }
}
