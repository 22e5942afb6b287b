//! Credential letters: a template compiled and proved once, filled in for one person at a time.
//!
//! Nothing here sends. A letter that was made has exactly one recipient and no control character where a mail header
//! could be broken by it, so whoever sends it cannot be made to send anything else.

use std::fmt;

use minijinja::Environment;

use super::secret::Secret;

pub mod address;
mod proof;

use address::AddressFault;

/// The names that templates may use.
pub const FIELDS: [&str; 8] =
    ["username", "password", "first", "surname", "email", "must_change", "login_url", "created"];

/// The built-in subject.
pub const BUILT_IN_SUBJECT: &str = include_str!("letter/subject.txt");
/// The built-in text.
pub const BUILT_IN_TEXT: &str = include_str!("letter/credentials.txt");
/// The built-in HTML.
pub const BUILT_IN_HTML: &str = include_str!("letter/credentials.html");

/// Instructions that rendering one part may take; the built-in letter takes some hundreds.
const FUEL: u64 = 100_000;

/// What a feed says about its letters; what it leaves out is the built-in letter.
///
/// Templates are Jinja (`{{ username }}`, `{% if created %}`) over [`FIELDS`]. A text without HTML gives letters
/// without HTML; HTML needs a text beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterSources {
    /// The subject, one line.
    pub subject: Option<String>,
    /// The text.
    pub text: Option<String>,
    /// The HTML.
    pub html: Option<String>,
    /// Where people sign in; an `http` or `https` address.
    pub login_url: Option<String>,
}

/// What a letter tells one person.
#[derive(Clone, Copy, Debug)]
pub struct LetterFields<'a> {
    /// The login name.
    pub username: &'a str,
    /// The password.
    pub password: &'a Secret,
    /// The first name, maybe empty.
    pub first: &'a str,
    /// The surname, maybe empty.
    pub surname: &'a str,
    /// The one address that the letter goes to.
    pub email: &'a str,
    /// Whether the password must be changed at the next login.
    pub must_change: bool,
    /// Whether the account is new; else only the password is.
    pub created: bool,
}

/// A compiled letter. Templates that passed [`LetterTemplate::compile`] use known names only, show the password in
/// every case, and escape what they show in HTML.
pub struct LetterTemplate {
    templates: Environment<'static>,
    login_url: String,
    has_html: bool,
}

/// One letter to one person. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Letter {
    to: String,
    name: String,
    subject: String,
    text: Secret,
    html: Option<Secret>,
}

/// A part of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterPart {
    /// The subject.
    Subject,
    /// The text.
    Text,
    /// The HTML.
    Html,
}

impl LetterPart {
    /// Returns the word for people, which is also the key of the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
        }
    }
}

/// Why a letter cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {kind}", part.word(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct TemplateFault {
    /// Which template.
    pub part: LetterPart,
    /// The line of the template, counted from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub kind: TemplateFaultKind,
}

/// What is wrong with a letter's template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFaultKind {
    /// It is no template, or it fails while it is filled in.
    #[error("{0}")]
    Jinja(String),
    /// A name that no letter has.
    #[error("`{0}` is not a field of letters; the fields are {fields}", fields = FIELDS.join(", "))]
    UnknownField(String),
    /// The reader would not learn the password.
    #[error("the password is not shown when {0}")]
    NoPassword(String),
    /// Subjects are shown in lists and on locked screens.
    #[error("the subject must not show the password")]
    PasswordInSubject,
    /// The subject has a line break or another control character, or is empty.
    #[error("the subject must be one line of text")]
    SubjectNotOneLine,
    /// `safe` or `autoescape false`.
    #[error("values must be escaped: leave out `safe` and `autoescape false`")]
    NotEscaped,
    /// HTML alone.
    #[error("an HTML letter needs a text beside it, for readers that show no HTML")]
    HtmlWithoutText,
    /// The login address.
    #[error("`login_url` must begin with https:// or http:// and have no blanks")]
    LoginUrl,
}

/// Why one person's letter cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LetterError {
    /// The address is not one mailbox.
    #[error("no letter can be sent to the mail address: {0}")]
    Address(#[from] AddressFault),
    /// A field has a line break or another control character.
    #[error("no letter can be written: {0} has a control character")]
    Control(&'static str),
    /// The template failed on this person.
    #[error("the letter's {} cannot be filled in for this person{}: {reason}", part.word(),
        line.map(|line| format!(" (line {line})")).unwrap_or_default())]
    Template {
        /// Which template.
        part: LetterPart,
        /// The line of the template.
        line: Option<usize>,
        /// What kind of failure; no values.
        reason: String,
    },
}

impl LetterTemplate {
    /// Compiles the templates and proves them on sample people.
    pub fn compile(sources: &LetterSources) -> Result<Self, TemplateFault> {
        let text = sources.text.as_deref().unwrap_or(BUILT_IN_TEXT);
        let html = match (&sources.text, &sources.html) {
            (None, None) => Some(BUILT_IN_HTML),
            (None, Some(_)) => {
                let kind = TemplateFaultKind::HtmlWithoutText;
                return Err(TemplateFault { part: LetterPart::Html, line: None, kind });
            }
            (Some(_), html) => html.as_deref(),
        };
        let subject = sources.subject.as_deref().unwrap_or(BUILT_IN_SUBJECT);
        let template = Self {
            templates: proof::environment(subject, text, html)?,
            login_url: sources.login_url.clone().unwrap_or_default(),
            has_html: html.is_some(),
        };
        proof::prove(&template)?;
        Ok(template)
    }

    /// Fills the letter in.
    ///
    /// Whether this works depends on the fields alone, so a caller can try it before it changes a password.
    pub fn render(&self, fields: &LetterFields<'_>) -> Result<Letter, LetterError> {
        address::check(fields.email)?;
        for (name, value) in [
            ("the username", fields.username),
            ("the password", fields.password.expose()),
            ("the first name", fields.first),
            ("the surname", fields.surname),
        ] {
            if value.contains(breaks_lines) {
                return Err(LetterError::Control(name));
            }
        }
        let fill = |part| {
            // The kind of an error is told and its detail is not: that may quote values.
            self.fill(part, fields).map_err(|error| LetterError::Template {
                part,
                line: error.line(),
                reason: error.kind().to_string(),
            })
        };
        let subject = fill(LetterPart::Subject)?.trim().to_owned();
        if subject.contains(breaks_lines) {
            return Err(LetterError::Control("the subject"));
        }
        Ok(Letter {
            to: fields.email.to_owned(),
            name: [fields.first, fields.surname].join(" ").trim().to_owned(),
            subject,
            text: Secret::new(fill(LetterPart::Text)?),
            html: if self.has_html { Some(Secret::new(fill(LetterPart::Html)?)) } else { None },
        })
    }

    fn fill(&self, part: LetterPart, fields: &LetterFields<'_>) -> Result<String, minijinja::Error> {
        let LetterFields { username, password, first, surname, email, must_change, created } = *fields;
        self.templates.get_template(part.word())?.render(minijinja::context! {
            username, first, surname, email, must_change, created,
            password => password.expose(),
            login_url => self.login_url.as_str(),
        })
    }
}

impl fmt::Debug for LetterTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LetterTemplate").field("login_url", &self.login_url).finish_non_exhaustive()
    }
}

/// Returns whether `c` ends a line somewhere, or is an invisible command to a terminal or a mail program.
pub(crate) fn breaks_lines(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

impl Letter {
    /// Returns the one address that the letter goes to.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// Returns how the person is called, maybe empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the subject, one line.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the text.
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// Returns the HTML, if the letter has it.
    pub fn html(&self) -> Option<&Secret> {
        self.html.as_ref()
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
