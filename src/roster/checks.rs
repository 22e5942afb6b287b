//! What must hold for a person, and for all people of a roster together.
//!
//! [`CHECKS`] looks at one account at a time and reports everything that is wrong with it; [`duplicates`] looks at
//! all of them. Nothing here knows the directory.

use std::sync::Arc;

use super::account::Account;
use super::account::GroupName;
use super::attribute::AttributeName;
use super::attribute::Values;
use super::columns::Known;
use super::problem::Problem;
use super::problem::ProblemKind;
use super::problem::Severity;

pub mod duplicates;
pub mod email;
pub mod text;

pub use text::Characters;

#[cfg(test)]
mod tests;

/// What `[feed.checks]` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// Further columns that must not be empty.
    pub required: Vec<String>,
    /// Attributes that two people must not share.
    pub unique: Vec<AttributeName>,
    /// What a username may look like.
    pub username: UsernameRule,
    /// Characters of any value, at most.
    pub max_length: usize,
    /// Characters of single attributes, at most.
    pub limits: Vec<(AttributeName, usize)>,
    /// Attributes whose values are no text.
    pub octets: Vec<AttributeName>,
    /// What a reference to nobody does to its row.
    pub dangling: Severity,
    /// What a file that cannot be used does to its row.
    pub files: Severity,
    /// Whether mail addresses may have a domain of one word, such as `ada@intranet`.
    pub dotless_domains: bool,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            required: Vec::new(),
            unique: Vec::new(),
            username: UsernameRule::default(),
            max_length: 1024,
            limits: Vec::new(),
            octets: Vec::new(),
            dangling: Severity::Warning,
            files: Severity::Warning,
            dotless_domains: false,
        }
    }
}

/// What a username may look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsernameRule {
    /// Characters at least.
    pub min: usize,
    /// Characters at most.
    pub max: usize,
    /// The characters allowed.
    pub characters: Characters,
}

impl Default for UsernameRule {
    fn default() -> Self {
        Self { min: 1, max: 64, characters: Characters::default() }
    }
}

/// How the roster calls what an account has, for problems.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    known: Vec<(Known, Arc<str>)>,
    attributes: Vec<(AttributeName, Arc<str>)>,
}

impl Labels {
    /// Calls what comes from the known column `known` by `label`.
    pub fn set_known(&mut self, known: Known, label: Arc<str>) {
        self.known.retain(|(k, _)| *k != known);
        self.known.push((known, label));
    }

    /// Calls the attribute `name` by `label`.
    pub fn set_attribute(&mut self, name: AttributeName, label: Arc<str>) {
        self.attributes.retain(|(n, _)| *n != name);
        self.attributes.push((name, label));
    }

    /// Returns the column of `known`, or the word for it when the roster has none.
    pub fn known(&self, known: Known) -> &str {
        self.known.iter().find(|(k, _)| *k == known).map_or(known.word(), |(_, label)| label)
    }

    /// Returns the column that the attribute `name` comes from, or its own name.
    pub fn attribute<'s>(&'s self, name: &'s AttributeName) -> &'s str {
        self.attributes.iter().find(|(n, _)| n == name).map_or(name.as_str(), |(_, label)| label)
    }
}

/// One account under check.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The account.
    pub account: &'a Account,
    /// The feed's rules.
    pub settings: &'a CheckSettings,
    /// The names of the columns.
    pub labels: &'a Labels,
}

/// One check: adds what it finds to the problems of the row.
pub type Check = fn(&Subject<'_>, &mut Vec<Problem>);

/// Every check of a single account, by name.
pub const CHECKS: &[(&str, Check)] = &[
    ("username is given", username_is_given),
    ("username has an allowed length", username_length),
    ("username has allowed characters", username_characters),
    ("mail addresses are addresses", addresses),
    ("no value is too long", lengths),
    ("names hide nothing", names_hide_nothing),
];

/// Runs every check on `subject`.
pub fn check(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    for (_, check) in CHECKS {
        check(subject, problems);
    }
}

/// Returns what an account lacks to be created, beyond its username: a name, a mail address, and a password unless
/// the feed `generates` them. Accounts that exist may come without: a roster may carry a few columns only.
pub fn missing_for_create(account: &Account, generates: bool, labels: &Labels) -> Vec<Problem> {
    let mut problems = Vec::new();
    if account.person.first().is_empty() && account.person.surname().is_empty() {
        problems.push(Problem::error(None, ProblemKind::MissingName));
    }
    if account.person.email().is_empty() {
        problems.push(Problem::error(Some(labels.known(Known::Email)), ProblemKind::Missing));
    }
    if account.password.is_none() && !generates {
        problems.push(Problem::error(Some(labels.known(Known::Password)), ProblemKind::MissingPassword));
    }
    problems
}

fn username_is_given(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let label = subject.labels.known(Known::Username);
    let is_told = problems.iter().any(|p| p.severity == Severity::Error && p.column.as_deref() == Some(label));
    if subject.account.username.is_empty() && !is_told {
        problems.push(Problem::error(Some(label), ProblemKind::Missing));
    }
}

fn username_length(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let username = &*subject.account.username;
    let rule = &subject.settings.username;
    let length = username.chars().count();
    let kind = if length > rule.max {
        ProblemKind::TooLong { length, limit: rule.max }
    } else if !username.is_empty() && length < rule.min {
        ProblemKind::Other(format!("`{username}` has {length} characters, at least {} are needed", rule.min))
    } else {
        return;
    };
    problems.push(Problem::error(Some(subject.labels.known(Known::Username)), kind));
}

fn username_characters(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let username = &*subject.account.username;
    if let Some(c) = username.chars().find(|c| !subject.settings.username.characters.has(*c)) {
        let kind = text::character(username, c, "is not allowed in a username");
        problems.push(Problem::error(Some(subject.labels.known(Known::Username)), kind));
    }
}

fn addresses(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let Subject { account, settings, labels } = *subject;
    let person = account.person.email();
    let mut check = |address: &str, label: &str| {
        if let Some(kind) = email::fault(address, settings.dotless_domains) {
            problems.push(Problem::error(Some(label), kind));
        }
    };
    if !person.is_empty() {
        check(person, labels.known(Known::Email));
    }
    for address in account.attributes.get("mail").into_iter().flat_map(Values::text) {
        if address != person {
            check(address, labels.attribute(&AttributeName::new("mail")));
        }
    }
}

fn lengths(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    let Subject { account, settings, labels } = *subject;
    // Mostly a person's values are shorter all together than any one of them may be.
    let smallest = settings.limits.iter().map(|(_, limit)| *limit).fold(settings.max_length, usize::min);
    let mut check = |text: &str, limit: usize, label: &str| {
        // A character has a byte at least, so most values need no counting.
        let length = if text.len() > limit { text.chars().count() } else { 0 };
        if length > limit {
            problems.push(Problem::error(Some(label), ProblemKind::TooLong { length, limit }));
        }
    };
    let is_text = |name: &AttributeName| !settings.octets.contains(name);
    let attributes = (account.attributes.n_octets() > smallest).then(|| account.attributes.iter());
    for (name, values) in attributes.into_iter().flatten().filter(|(name, _)| is_text(name)) {
        let limit = settings.limits.iter().find(|(n, _)| n == name).map_or(settings.max_length, |(_, limit)| *limit);
        let long = values.octets().filter(|octets| octets.len() > limit);
        let long = long.filter_map(|octets| std::str::from_utf8(octets).ok());
        long.for_each(|text| check(text, limit, labels.attribute(name)));
    }
    for (names, known) in [(&account.groups, Known::Groups), (&account.roles, Known::Roles)] {
        let names = names.iter().flatten().map(GroupName::as_str);
        names.for_each(|name| check(name, settings.max_length, labels.known(known)));
    }
    if let Some(password) = &account.password {
        check(password.expose(), settings.max_length, labels.known(Known::Password));
    }
}

/// Invisible characters and those that change the reading direction make one name look like another: an error in
/// names, a warning in other values.
fn names_hide_nothing(subject: &Subject<'_>, problems: &mut Vec<Problem>) {
    const WHY: &str = "is invisible or changes the reading direction";
    let Subject { account, settings, labels } = *subject;
    let before = problems.len();
    let mut check = |text: &str, label: &str| {
        if let Some(c) = text::hidden(text) {
            problems.push(Problem::error(Some(label), text::character(text, c, WHY)));
        }
    };
    check(account.person.first(), labels.known(Known::FirstName));
    check(account.person.surname(), labels.known(Known::Surname));
    for (names, known) in [(&account.groups, Known::Groups), (&account.roles, Known::Roles)] {
        names.iter().flatten().for_each(|name| check(name.as_str(), labels.known(known)));
    }
    if problems.len() > before {
        return;
    }
    // What is ASCII hides nothing; nothing else need be decoded.
    if account.attributes.is_ascii() {
        return;
    }
    for (name, values) in account.attributes.iter() {
        let rest = values.octets().filter(|octets| !octets.is_ascii());
        let mut rest = rest.filter_map(|octets| std::str::from_utf8(octets).ok());
        let hides = rest.find_map(|value| Some((value, text::hidden(value)?)));
        if let Some((value, c)) = hides.filter(|_| !settings.octets.contains(name)) {
            problems.push(Problem::warning(Some(labels.attribute(name)), text::character(value, c, WHY)));
        }
    }
}
