//! Letters to a mail server (RFC 5321).
//!
//! The talk is led command by command rather than through lettre's transport, which does not tell where it broke off.
//! Only that tells a letter that was never handed over from one that may have arrived.

use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Data;
use lettre::transport::smtp::commands::Mail;
use lettre::transport::smtp::commands::Rcpt;
use lettre::transport::smtp::commands::Rset;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::extension::Extension;
use lettre::transport::smtp::extension::MailParameter;
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio::time::timeout;

use super::fault::MailFault;
use super::fault::MailNext;
use super::fault::Stage;
use super::fault::fault_of;
use super::message::Composed;
use super::message::MessageId;
use super::message::Sender;
use super::message::compose;
use super::settings::MailSettings;
use super::settings::MailSettingsFault;
use super::settings::Route;
use super::settings::Security;
use crate::roster::letter::Letter;

mod guarded;

use guarded::Guarded;

/// For the TCP connection to one address of the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// For all talk before the content of a letter.
const TALK_TIMEOUT: Duration = Duration::from_secs(120);
/// For the sign of life of a connection that was kept open.
const RESET_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection is kept open this long; servers under load close theirs after some ten seconds or more.
const KEEP_OPEN: Duration = Duration::from_secs(60);

/// Sends letters to one mail server, and keeps a connection open between two of them.
pub struct SmtpMailer {
    route: Route,
    login: Option<Credentials>,
    sender: Sender,
    timeout: Duration,
    idle: Mutex<Option<(AsyncSmtpConnection, Instant)>>,
}

/// Why a letter's content could not be sent yet.
struct NotSent {
    fault: MailFault,
    /// The server said so in good order, so the connection can be used again.
    connection_is_sound: bool,
}

impl SmtpMailer {
    /// Returns a mailer, or everything that is wrong with the settings. Contacts nobody.
    pub fn new(settings: &MailSettings) -> Result<Self, Vec<MailSettingsFault>> {
        let (route, sender) = settings.prove()?;
        let login = settings
            .login
            .as_ref()
            .map(|login| Credentials::new(login.username.clone(), login.password.expose().to_owned()));
        Ok(Self { route, login, sender, timeout: settings.timeout, idle: Mutex::new(None) })
    }

    /// Hands `letter` over to exactly one recipient.
    pub async fn send(&self, letter: &Letter, message_id: &MessageId) -> Result<(), MailFault> {
        let message = compose(letter, message_id, &self.sender)?;
        let talk = TALK_TIMEOUT.min(self.timeout);
        let mut connection = match timeout(talk, self.announce(&message)).await {
            Ok(result) => result?,
            Err(_) => return Err(self.too_slow(talk)),
        };
        match timeout(self.timeout, connection.message(&message.bytes)).await {
            Ok(Ok(answer)) if is_success(&answer) => {
                self.keep_open(connection);
                Ok(())
            }
            Ok(Ok(_)) => Err(MailFault::new(
                MailNext::Unknown,
                format!("{} did not say whether it took the letter: it may have arrived", self.server()),
            )),
            Ok(Err(error)) => {
                if error.status().is_some() && !says_goodbye(&error) {
                    self.keep_open(connection);
                }
                Err(self.fault(Stage::Content, &error, None))
            }
            Err(_) => Err(MailFault::new(
                MailNext::Unknown,
                format!(
                    "the letter was sent to {} and not answered within {} s: it may have arrived",
                    self.server(),
                    self.timeout.as_secs_f32()
                ),
            )),
        }
    }

    /// Connects, secures the connection and logs in. Returns what was found, in plain words.
    pub async fn check(&self) -> Result<String, MailFault> {
        let talk = TALK_TIMEOUT.min(self.timeout);
        let connected = timeout(talk, self.connect()).await;
        let mut connection = connected.map_err(|_| self.too_slow(talk))??;
        let secured = if connection.is_encrypted() { "encrypted" } else { "NOT encrypted" };
        let login = if self.login.is_some() { ", logged in" } else { "" };
        let found = format!("{} answers, {secured}{login}", self.server());
        // The proof is done; a server that takes its time to part is no fault.
        let _ = timeout(RESET_TIMEOUT, connection.quit()).await;
        Ok(found)
    }

    /// Returns the domain of the sender's address.
    pub fn domain(&self) -> &str {
        self.sender.from.email.domain()
    }

    /// Says goodbye to the server, if a connection is open.
    pub async fn close(&self) {
        if let Some(mut connection) = self.take_idle() {
            // Nothing depends on the answer.
            let _ = timeout(RESET_TIMEOUT, connection.quit()).await;
        }
    }

    /// Talks with the server up to where it waits for the content.
    async fn announce(&self, message: &Composed) -> Result<AsyncSmtpConnection, MailFault> {
        if let Some(mut connection) = self.take_idle() {
            let reset = timeout(RESET_TIMEOUT, connection.command(Rset)).await;
            if matches!(reset, Ok(Ok(_))) {
                match self.envelope(&mut connection, message).await {
                    Ok(()) => return Ok(connection),
                    Err(not_sent) if not_sent.connection_is_sound => {
                        self.keep_open(connection);
                        return Err(not_sent.fault);
                    }
                    // The connection was at its end, and no content has been sent: a new one is safe.
                    Err(_) => {}
                }
            }
        }
        let mut connection = self.connect().await?;
        match self.envelope(&mut connection, message).await {
            Ok(()) => Ok(connection),
            Err(not_sent) => {
                if not_sent.connection_is_sound {
                    self.keep_open(connection);
                }
                Err(not_sent.fault)
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailFault> {
        let hello = ClientId::default();
        let at = |stage| move |error: Error| self.fault(stage, &error, None);
        let mut connection = match &self.route.security {
            Security::Wrapped(tls) => {
                let place = (self.route.host.as_str(), self.route.port);
                AsyncSmtpConnection::connect_tokio1(place, Some(CONNECT_TIMEOUT), &hello, Some(tls.clone()), None)
                    .await
                    .map_err(at(Stage::Connect))?
            }
            Security::StartTls(_) | Security::None => {
                let stream = Box::new(Guarded::new(self.tcp().await?));
                AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(at(Stage::Connect))?
            }
        };
        if let Security::StartTls(tls) = &self.route.security {
            connection.starttls(tls.clone(), &hello).await.map_err(at(Stage::StartTls))?;
        }
        if let Some(login) = &self.login {
            connection.auth(DEFAULT_MECHANISMS, login).await.map_err(at(Stage::Login))?;
        }
        Ok(connection)
    }

    async fn tcp(&self) -> Result<TcpStream, MailFault> {
        let place = (self.route.host.as_str(), self.route.port);
        let reason = match timeout(CONNECT_TIMEOUT, TcpStream::connect(place)).await {
            Ok(Ok(tcp)) => return Ok(tcp),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "connection timed out".to_owned(),
        };
        Err(MailFault::new(MailNext::Retry, format!("cannot connect to {}: {reason}", self.server())))
    }

    /// Names the one sender and the one recipient, and asks to send the content.
    async fn envelope(&self, connection: &mut AsyncSmtpConnection, message: &Composed) -> Result<(), NotSent> {
        let mut parameters = Vec::new();
        // Everything else is ASCII: domains, encoded headers, quoted-printable parts.
        if !text(&message.recipient).is_ascii() || !text(&message.sender).is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let reason = format!("{} takes no addresses with other than ASCII characters", self.server());
                let fault = MailFault::new(MailNext::Refused, reason);
                return Err(NotSent { fault, connection_is_sound: true });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let mail = connection.command(Mail::new(Some(message.sender.clone()), parameters)).await;
        self.proceed(Stage::Sender, message, mail)?;
        let recipient = connection.command(Rcpt::new(message.recipient.clone(), Vec::new())).await;
        self.proceed(Stage::Recipient, message, recipient)?;
        let answer = self.proceed(Stage::Data, message, connection.command(Data).await)?;
        if answer.has_code(354) {
            return Ok(());
        }
        // The answers are not those to our commands: nothing that this server says about a letter could be believed.
        let reason = format!("{} answers out of step, so no letter was sent", self.server());
        Err(NotSent { fault: MailFault::new(MailNext::Retry, reason), connection_is_sound: false })
    }

    fn proceed(&self, stage: Stage, message: &Composed, answer: Result<Response, Error>) -> Result<Response, NotSent> {
        answer.map_err(|error| NotSent {
            fault: self.fault(stage, &error, Some(text(&message.recipient))),
            connection_is_sound: error.status().is_some() && !says_goodbye(&error),
        })
    }

    fn keep_open(&self, connection: AsyncSmtpConnection) {
        if !connection.has_broken() {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some((connection, Instant::now()));
        }
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        idle.filter(|(_, since)| since.elapsed() < KEEP_OPEN).map(|(connection, _)| connection)
    }

    fn fault(&self, stage: Stage, error: &Error, recipient: Option<&str>) -> MailFault {
        fault_of(&self.server(), stage, error, recipient)
    }

    fn too_slow(&self, after: Duration) -> MailFault {
        let reason =
            format!("{} did not answer within {} s, and no letter was sent", self.server(), after.as_secs_f32());
        MailFault::new(MailNext::Retry, reason)
    }

    fn server(&self) -> String {
        format!("{}:{}", self.route.host, self.route.port)
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("server", &self.server()).finish_non_exhaustive()
    }
}

fn text(address: &Address) -> &str {
    address.as_ref()
}

fn is_success(answer: &Response) -> bool {
    (200..300).contains(&u16::from(answer.code()))
}

/// Whether the server closes the connection after this reply (RFC 5321 section 3.8).
fn says_goodbye(error: &Error) -> bool {
    error.status().map(u16::from) == Some(421)
}
