//! What the columns of a roster mean.
//!
//! Header names are compared by [`normalized`]: without regard to case, blanks, `_` and `-`. A feed's own words come
//! before the built-in aliases: a column that it maps to an attribute does not become the username because it is
//! called `UserID`.

use std::collections::HashSet;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use super::problem::Damage;
use super::problem::DamageKind;

#[cfg(test)]
mod tests;

/// A column that rosterd knows without being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Known {
    /// The login name.
    Username,
    /// The first name.
    FirstName,
    /// The surname.
    Surname,
    /// The mail address.
    Email,
    /// The password.
    Password,
    /// Whether the password must be changed at the next login.
    MustChange,
    /// Groups.
    Groups,
    /// Roles.
    Roles,
    /// What is to be done with the row.
    Action,
    /// Choice: create the account.
    Add,
    /// Choice: change the account.
    Update,
    /// Choice: take the person out of groups that the row does not name.
    SyncGroups,
    /// The same for roles.
    SyncRoles,
    /// Choice: subscribe to every channel.
    Subscribe,
    /// Written by rosterd itself into `*.errors.csv`; read over.
    Own,
}

/// Every known column with its names as [`normalized`], the canonical one first.
const KNOWN: &[(Known, &[&str])] = &[
    (
        Known::Username,
        &["username", "user", "userid", "uid", "login", "loginname", "loginid", "logon", "logonname", "userlogin"],
    ),
    (Known::FirstName, &["firstname", "first", "givenname", "given", "forename", "fname"]),
    (Known::Surname, &["surname", "lastname", "last", "sn", "familyname", "family", "lname"]),
    (Known::Email, &["email", "mail", "emailaddress", "mailaddress"]),
    (Known::Password, &["password", "passwd", "pwd", "userpassword", "initialpassword", "newpassword"]),
    (
        Known::MustChange,
        &[
            "changepasswordnexttime",
            "changepassword",
            "changepasswordnextlogin",
            "changepasswordnextlogon",
            "changepasswordatnextlogin",
            "changepasswordatnextlogon",
            "changepasswordonnextlogin",
            "mustchangepassword",
            "forcepasswordchange",
        ],
    ),
    (Known::Groups, &["groups", "group", "memberof"]),
    (Known::Roles, &["roles", "role"]),
    (Known::Action, &["action"]),
    (Known::Add, &["add", "addnew"]),
    (Known::Update, &["update"]),
    (Known::SyncGroups, &["syncgroups", "syncgroup"]),
    (Known::SyncRoles, &["syncroles", "syncrole"]),
    (
        Known::Subscribe,
        &[
            "subscribe",
            "subscribetoallchannels",
            "subscribetoallnewschannels",
            "subscribeallchannels",
            "subscribeallnewschannels",
        ],
    ),
    (Known::Own, &["rosterdline", "rosterdcolumn", "rosterdreason"]),
];

impl Known {
    /// Returns the known column that `name` is an alias of, in any spelling.
    pub fn named(name: &str) -> Option<Self> {
        Self::of_key(&normalized(name))
    }

    fn of_key(key: &str) -> Option<Self> {
        KNOWN.iter().find(|(_, names)| names.contains(&key)).map(|(known, _)| *known)
    }

    /// Returns the name that people are told.
    pub fn word(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::FirstName => "firstname",
            Self::Surname => "surname",
            Self::Email => "email",
            Self::Password => "password",
            Self::MustChange => "change password next time",
            Self::Groups => "groups",
            Self::Roles => "roles",
            Self::Action => "action",
            Self::Add => "add",
            Self::Update => "update",
            Self::SyncGroups => "sync groups",
            Self::SyncRoles => "sync roles",
            Self::Subscribe => "subscribe",
            Self::Own => "rosterd",
        }
    }

    fn is_canonical(self, key: &str) -> bool {
        KNOWN.iter().any(|(known, names)| *known == self && names.first() == Some(&key))
    }

    /// Whether a column may say this of a person and be mapped to an attribute as well.
    fn is_shared(self) -> bool {
        matches!(self, Self::FirstName | Self::Surname | Self::Email)
    }
}

/// Folds a column's name for comparison: NFKC, lower case, without blanks, `_`, `-` and invisible characters.
pub fn normalized(name: &str) -> String {
    // Decomposed first: what a blank kept apart (`c ¸`) must come out the same the next time.
    name.nfkd()
        .flat_map(char::to_lowercase)
        .filter(|c| {
            !c.is_whitespace() && !matches!(c, '_' | '-' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
        })
        .nfc()
        .collect()
}

/// What a feed itself says about columns.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Header aliases: the header's name, and what it is called from then on.
    pub aliases: Vec<(String, String)>,
    /// Columns that a rule names for something known, such as `username = "Login ID"`.
    pub assigned: Vec<(Known, String)>,
    /// Columns that a rule maps to something else.
    pub claimed: HashSet<String>,
    /// Columns that a template uses: of several with one meaning they stand back, that is all.
    pub used: HashSet<String>,
}

impl Wishes {
    /// Returns whether a column called `name` may hold passwords.
    pub fn is_secret(&self, name: &str) -> bool {
        let key = normalized(name);
        let assigned = |key: &str| self.assigned.iter().any(|(k, n)| *k == Known::Password && normalized(n) == key);
        if Known::of_key(&key) == Some(Known::Password) || assigned(&key) {
            return true;
        }
        self.aliases.iter().any(|(header, alias)| {
            let alias = normalized(alias);
            (normalized(header) == key || alias == key)
                && (Known::of_key(&alias) == Some(Known::Password) || assigned(&alias))
        })
    }
}

/// The columns of one roster.
#[derive(Clone, Debug)]
pub struct Columns {
    columns: Vec<Column>,
    known: Vec<(Known, usize)>,
}

#[derive(Clone, Debug)]
struct Column {
    header: Arc<str>,
    key: String,
    alias: Option<String>,
    secret: bool,
}

impl Columns {
    /// Finds out what the columns of `header` mean.
    ///
    /// Damage: two columns mean the same known thing, or one alias is given to two of them.
    pub fn new(header: &[String], wishes: &Wishes) -> Result<Self, Damage> {
        let columns: Vec<Column> = header
            .iter()
            .map(|name| {
                let key = normalized(name);
                let alias = wishes.aliases.iter().find(|(from, _)| normalized(from) == key);
                Column {
                    header: Arc::from(name.as_str()),
                    alias: alias.map(|(_, to)| normalized(to)),
                    secret: wishes.is_secret(name),
                    key,
                }
            })
            .collect();
        let mut all = Self { columns, known: Vec::new() };
        let claimed: HashSet<String> = wishes.claimed.iter().map(|name| normalized(name)).collect();
        let mentioned: HashSet<String> =
            wishes.used.iter().map(|name| normalized(name)).chain(claimed.clone()).collect();
        for (known, _) in KNOWN.iter().filter(|(known, _)| *known != Known::Own) {
            if let Some(index) = all.role(*known, wishes, &claimed, &mentioned)? {
                all.known.push((*known, index));
            }
        }
        Ok(all)
    }

    /// Chooses the column that means `known`: the feed's rule, then its alias, then the built-in aliases. For names
    /// and mail address the rule comes last: `mail = "Work mail"` does not make an `email` column unknown.
    fn role(
        &self,
        known: Known,
        wishes: &Wishes,
        claimed: &HashSet<String>,
        mentioned: &HashSet<String>,
    ) -> Result<Option<usize>, Damage> {
        let by_rule = || match wishes.assigned.iter().find(|(k, _)| *k == known) {
            Some((_, name)) => self.by_name(&normalized(name)),
            None => Ok(None),
        };
        if !known.is_shared()
            && let Some(index) = by_rule()?
        {
            return Ok(Some(index));
        }
        let by_alias =
            self.only(known.word(), |c| c.alias.as_deref().is_some_and(|a| Known::of_key(a) == Some(known)))?;
        if by_alias.is_some() {
            return Ok(by_alias);
        }
        let is_candidate = |c: &Column| {
            let kept = known.is_shared() || known.is_canonical(&c.key) || !claimed.contains(&c.key);
            c.alias.is_none() && Known::of_key(&c.key) == Some(known) && kept
        };
        let n_candidates = self.columns.iter().filter(|c| is_candidate(c)).count();
        // Of several candidates those that the feed uses for something else stand back.
        let index =
            self.only(known.word(), |c| is_candidate(c) && (n_candidates < 2 || !mentioned.contains(&c.key)))?;
        match index {
            Some(index) => Ok(Some(index)),
            None if n_candidates > 0 => self.only(known.word(), is_candidate),
            None if known.is_shared() => by_rule(),
            None => Ok(None),
        }
    }

    fn only(&self, word: &str, fits: impl Fn(&Column) -> bool) -> Result<Option<usize>, Damage> {
        let fitting: Vec<usize> = (0..self.columns.len()).filter(|i| fits(&self.columns[*i])).collect();
        match *fitting.as_slice() {
            [] => Ok(None),
            [index] => Ok(Some(index)),
            _ => {
                let headers: Vec<&str> = fitting.iter().map(|i| &*self.columns[*i].header).collect();
                let same = headers.iter().all(|h| *h == word);
                let name = if same { word.to_owned() } else { format!("{word} ({})", headers.join(", ")) };
                Err(Damage { line: None, kind: DamageKind::DuplicateColumn(name) })
            }
        }
    }

    fn by_name(&self, key: &str) -> Result<Option<usize>, Damage> {
        match self.only(key, |c| c.key == key)? {
            Some(index) => Ok(Some(index)),
            None => self.only(key, |c| c.alias.as_deref() == Some(key)),
        }
    }

    /// Returns the column called `name`: by header, by the feed's alias, or as the known column that `name` means.
    ///
    /// Only names and mail address are known here by all their aliases: a feed that says `Login ID` means that column,
    /// not another one that would be a username too.
    ///
    /// Damage: two columns have that name.
    pub fn find(&self, name: &str) -> Result<Option<usize>, Damage> {
        let key = normalized(name);
        let by_name = self.by_name(&key)?;
        let meant = Known::of_key(&key).filter(|known| known.is_shared() || known.is_canonical(&key));
        Ok(by_name.or_else(|| self.known(meant?)))
    }

    /// Returns the column that means `known`.
    pub fn known(&self, known: Known) -> Option<usize> {
        self.known.iter().find(|(k, _)| *k == known).map(|(_, index)| *index)
    }

    /// Iterates over the known columns that the roster has.
    pub fn all_known(&self) -> impl Iterator<Item = (Known, usize)> {
        self.known.iter().copied()
    }

    /// Returns the column's name as the roster spells it.
    pub fn header(&self, index: usize) -> &Arc<str> {
        &self.columns[index].header
    }

    /// Returns the number of columns.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Returns whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Returns whether the column may hold passwords, used or not.
    pub fn is_secret(&self, index: usize) -> bool {
        self.columns[index].secret
    }

    /// Returns whether rosterd has written the roster: the rows in error of another one.
    pub fn has_own(&self) -> bool {
        (0..self.columns.len()).any(|index| self.is_own(index))
    }

    /// Returns whether rosterd wrote the column itself.
    pub fn is_own(&self, index: usize) -> bool {
        Known::of_key(&self.columns[index].key) == Some(Known::Own)
    }
}
