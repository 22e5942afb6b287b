//! References: attributes such as `manager` whose cells name another person.
//!
//! A cell names somebody by a key. Who that is, is looked for among the rows first, since they say what will be, then in
//! the directory. Only keys that rows mention are remembered while the directory's accounts stream by.

use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;

use super::account::Account;
use super::account::EntryId;
use super::account::ExistingAccount;
use super::account::MatchBy;
use super::attribute::AttributeName;
use super::attribute::Attributes;
use super::attribute::Values;
use super::mapping::Rejected;
use super::name_key::MatchKey;

mod circles;
mod resolver;

pub use resolver::Resolver;
pub use resolver::drop_unmade;
pub use resolver::drop_unmoved;

/// The attribute that holds mail addresses (RFC 4524 section 2.16).
const MAIL: &str = "mail";

/// By what a cell names another person.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceKey {
    /// The login name.
    Username,
    /// A mail address.
    Email,
    /// Where the entry is, as the directory itself says it.
    Dn,
    /// The value of an attribute.
    Attribute(AttributeName),
}

impl ReferenceKey {
    /// Returns the key that a feed calls `name`.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "username" => Self::Username,
            "email" => Self::Email,
            "dn" => Self::Dn,
            _ => Self::Attribute(AttributeName::new(name)),
        }
    }

    /// Returns by what a directory finds the person; `None` for the place itself.
    pub fn match_by(&self) -> Option<MatchBy> {
        match self {
            Self::Username => Some(MatchBy::Username),
            Self::Email => Some(MatchBy::Attribute(AttributeName::new(MAIL))),
            Self::Attribute(name) => Some(MatchBy::Attribute(name.clone())),
            Self::Dn => None,
        }
    }

    /// Returns everything by which the key names the person of a row.
    fn of_account<'a>(&self, account: &'a Account) -> Vec<&'a str> {
        let place = account.locator.as_deref().unwrap_or_default();
        self.of([&account.username, account.person.email(), place], &account.attributes)
    }

    fn of_rejected<'r>(&self, row: &'r Rejected) -> Vec<&'r str> {
        self.of([&row.named.username, row.named.person.email(), ""], &row.attributes)
    }

    fn of_entry<'e>(&self, entry: &'e ExistingAccount) -> Vec<&'e str> {
        self.of([&entry.username, "", &entry.id.locator], &entry.attributes)
    }

    fn of<'v>(&self, [username, email, place]: [&'v str; 3], attributes: &'v Attributes) -> Vec<&'v str> {
        let all = |name: &str| attributes.get(name).into_iter().flat_map(Values::text);
        let mut values: Vec<&str> = match self {
            Self::Username => vec![username],
            Self::Email => std::iter::once(email).chain(all(MAIL)).collect(),
            Self::Dn => vec![place],
            Self::Attribute(name) => all(name.as_str()).collect(),
        };
        values.retain(|value| !value.is_empty());
        values
    }
}

impl fmt::Display for ReferenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username => f.write_str("username"),
            Self::Email => f.write_str("mail address"),
            Self::Dn => f.write_str("DN"),
            Self::Attribute(name) => name.fmt(f),
        }
    }
}

/// An attribute whose cells name other people.
#[derive(Clone, Debug)]
pub struct ReferenceRule {
    /// Which attribute.
    pub attribute: AttributeName,
    /// By what.
    pub key: ReferenceKey,
    /// Whether it may name several people.
    pub is_list: bool,
}

/// Folds a value that refers to an account, as [`crate::roster::name_key::MatchKey`] folds names: two values with equal
/// keys are the same account.
pub type Fold = fn(&str) -> MatchKey;

/// The people that rows refer to, as far as the directory has them.
#[derive(Clone, Debug)]
pub struct Referred {
    rules: Vec<ReferenceRule>,
    fold: Fold,
    /// What rows mention, key by key.
    keys: Vec<Mentioned>,
    /// The entries of rows that are referred to, by place of the account.
    own: HashMap<u32, EntryId>,
}

/// What rows mention by one key.
#[derive(Clone, Debug)]
struct Mentioned {
    key: ReferenceKey,
    values: HashMap<MatchKey, Mention>,
}

#[derive(Clone, Debug)]
struct Mention {
    /// As a cell spells it.
    spelled: Box<str>,
    /// Who has it in the directory.
    found: Vec<Known>,
}

/// Somebody in the directory.
#[derive(Clone, Debug)]
struct Known {
    id: EntryId,
    username: Box<str>,
    /// The place of the account of their row, if they have one.
    row: Option<u32>,
}

impl Referred {
    /// Collects what `accounts` mention; `None` when no row says anything about references.
    pub fn by(accounts: &[Account], rules: &[ReferenceRule], fold: Fold) -> Option<Self> {
        if rules.is_empty() || accounts.iter().all(|account| account.deferred.is_none()) {
            return None;
        }
        let mut keys: Vec<Mentioned> = Vec::new();
        for rule in rules {
            if keys.iter().all(|mentioned| mentioned.key != rule.key) {
                keys.push(Mentioned { key: rule.key.clone(), values: HashMap::new() });
            }
            let Some(mentioned) = keys.iter_mut().find(|mentioned| mentioned.key == rule.key) else { continue };
            for deferred in accounts.iter().filter_map(|account| account.deferred.as_deref()) {
                for text in deferred.get(rule.attribute.as_str()).into_iter().flat_map(Values::text) {
                    let mention = || Mention { spelled: text.into(), found: Vec::new() };
                    mentioned.values.entry(folded(&rule.key, text, fold)).or_insert_with(mention);
                }
            }
        }
        Some(Self { rules: rules.to_vec(), fold, keys, own: HashMap::new() })
    }

    /// Looks at one entry. `own` is its row: the place, and the account as it will be.
    pub fn see(&mut self, entry: &ExistingAccount, own: Option<(u32, &Account)>) {
        let row = own.map(|(index, _)| index);
        let mut is_mentioned = false;
        for Mentioned { key, values } in &mut self.keys {
            for text in key.of_entry(entry) {
                let Some(mention) = values.get_mut(&folded(key, text, self.fold)) else { continue };
                is_mentioned = true;
                if mention.found.iter().all(|known| known.id != entry.id) {
                    mention.found.push(Known { id: entry.id.clone(), username: entry.username.clone(), row });
                }
            }
            let of_row = own.map(|(_, account)| key.of_account(account)).unwrap_or_default();
            is_mentioned |= of_row.into_iter().any(|text| values.contains_key(&folded(key, text, self.fold)));
        }
        if let Some(index) = row.filter(|_| is_mentioned) {
            self.own.insert(index, entry.id.clone());
        }
    }

    /// Returns what nobody is known to have, neither a row nor an entry that was seen: the keys, and the values as cells
    /// spell them.
    pub fn unknown(&self, accounts: &[Account]) -> Vec<(ReferenceKey, Vec<Box<str>>)> {
        let unknown = self.keys.iter().map(|Mentioned { key, values }| {
            let of_rows: HashSet<MatchKey> = accounts
                .iter()
                .flat_map(|account| key.of_account(account))
                .map(|text| folded(key, text, self.fold))
                .collect();
            let is_unknown =
                |(value, mention): &(&MatchKey, &Mention)| mention.found.is_empty() && !of_rows.contains(*value);
            let spelled = values.iter().filter(is_unknown).map(|(_, mention)| mention.spelled.clone());
            (key.clone(), spelled.collect::<Vec<_>>())
        });
        unknown.filter(|(_, values)| !values.is_empty()).collect()
    }
}

fn folded(key: &ReferenceKey, text: &str, fold: Fold) -> MatchKey {
    if *key == ReferenceKey::Dn { fold(text) } else { MatchKey::new(text) }
}
