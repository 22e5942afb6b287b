//! Which row is which entry: found while the directory's accounts stream by, so that memory holds the roster and the
//! differences, not the directory.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::account::Account;
use super::account::Action;
use super::account::EntryId;
use super::account::ExistingAccount;
use super::account::MatchBy;
use super::account::Person;
use super::attribute::AttributeName;
use super::attribute::Attributes;
use super::change::Change;
use super::collision::Candidates;
use super::diff;
use super::diff::Policy;
use super::mapping::Mapper;
use super::name_key::CoarseKey;
use super::name_key::MatchKey;
use super::problem::Problem;
use super::problem::ProblemKind;
use super::rows::Rows;

/// How rows and entries are compared.
#[derive(Clone, Debug)]
pub struct MatchRules {
    /// By what a row finds its entry.
    pub by: MatchBy,
    /// How each mapped attribute is written to an existing account; [`Policy::Force`] for those not listed.
    pub policies: Vec<(AttributeName, Policy)>,
    /// Attributes that two people must not share.
    pub unique: Vec<AttributeName>,
    /// Values that make an entry one of this feed's; none: all are.
    pub scope: Vec<(AttributeName, MatchKey)>,
    /// Whether memberships of existing people are looked at.
    pub memberships: bool,
    /// Whether existing people get something even when no attribute differs, such as a new password.
    pub touches_all: bool,
}

impl MatchRules {
    /// Returns how `attribute` is written to an existing account.
    pub fn policy(&self, attribute: &AttributeName) -> Policy {
        self.policies.iter().find(|(name, _)| name == attribute).map_or(Policy::Force, |(_, policy)| *policy)
    }
}

/// Entries being compared with rows.
pub struct Matching<'r> {
    rows: &'r Rows,
    rules: &'r MatchRules,
    mapper: &'r Mapper,
    hasher: RandomState,
    by_value: HashTable<u32>,
    by_username: HashTable<u32>,
    by_unique: Vec<HashTable<u32>>,
    rejected: HashSet<CoarseKey>,
    candidates: Option<&'r mut Candidates>,
    matched: Matched,
}

/// What became of the rows, and who is in the directory only.
#[derive(Debug, Default)]
pub struct Matched {
    /// One per account of the roster.
    pub seen: Vec<Seen>,
    /// Entries within the feed's scope that no row is about.
    pub old: Vec<OldEntry>,
    /// Errors found by comparing with entries, by place of the account.
    pub problems: Vec<(u32, Problem)>,
    /// Accounts whose username belongs to somebody else's entry.
    pub name_taken: HashSet<u32>,
    /// Entries seen.
    pub n_entries: usize,
    /// Entries seen that can log in.
    pub n_enabled: usize,
    /// Entries seen within the feed's scope.
    pub n_in_scope: usize,
}

/// What the directory has for one row.
#[derive(Debug, Default)]
pub enum Seen {
    /// No entry.
    #[default]
    Nowhere,
    /// An entry that needs nothing.
    Same,
    /// An entry that something may have to be done with.
    Found(Box<Found>),
}

/// The entry of one row.
#[derive(Debug)]
pub struct Found {
    /// Which entry.
    pub id: EntryId,
    /// Its login name.
    pub username: Box<str>,
    /// What differs.
    pub changes: Vec<Change>,
    /// Whether the person can log in.
    pub enabled: bool,
    /// Whether the password must be changed at the next login.
    pub must_change: Option<bool>,
    /// Why it must never be written.
    pub protected: Option<Box<str>>,
}

/// An entry that no row is about.
#[derive(Debug)]
pub struct OldEntry {
    /// Which entry.
    pub id: EntryId,
    /// Its login name.
    pub username: Box<str>,
    /// The names and mail address that it has.
    pub person: Person,
    /// Whether the person can log in.
    pub enabled: bool,
    /// Why it must never be written.
    pub protected: Option<Box<str>>,
}

impl<'r> Matching<'r> {
    /// Indexes the rows that `mapper` made. `candidates` are the names that a counter may have to step over, if the feed
    /// counts.
    pub fn new(
        rows: &'r Rows,
        rules: &'r MatchRules,
        mapper: &'r Mapper,
        candidates: Option<&'r mut Candidates>,
    ) -> Self {
        let mut matching = Self {
            rows,
            rules,
            mapper,
            hasher: RandomState::new(),
            by_value: HashTable::with_capacity(rows.accounts.len()),
            by_username: HashTable::new(),
            by_unique: rules.unique.iter().map(|_| HashTable::new()).collect(),
            rejected: rows.rejected.iter().filter_map(|r| r.identity(&rules.by)).map(CoarseKey::new).collect(),
            candidates,
            matched: Matched::default(),
        };
        matching.matched.seen.resize_with(rows.accounts.len(), Seen::default);
        let by_other_than_name = rules.by != MatchBy::Username;
        for (index, account) in (0..).zip(&rows.accounts) {
            matching.by_value.insert_unique(matching.hasher.hash_one(value_key(account)), index, |i| {
                matching.hasher.hash_one(value_key(&rows.accounts[*i as usize]))
            });
            if by_other_than_name {
                matching.by_username.insert_unique(matching.hasher.hash_one(name_key(account)), index, |i| {
                    matching.hasher.hash_one(name_key(&rows.accounts[*i as usize]))
                });
            }
            for (attribute, table) in rules.unique.iter().zip(&mut matching.by_unique) {
                let hash =
                    |i: &u32| matching.hasher.hash_one(unique_key(&rows.accounts[*i as usize].attributes, attribute));
                if unique_key(&account.attributes, attribute).is_some() {
                    table.insert_unique(hash(&index), index, hash);
                }
            }
        }
        matching
    }

    /// Compares one entry with the rows.
    pub fn see(&mut self, entry: ExistingAccount) {
        self.matched.n_entries += 1;
        self.matched.n_enabled += usize::from(entry.enabled);
        let in_scope = self.is_in_scope(&entry.attributes);
        self.matched.n_in_scope += usize::from(in_scope);
        if let Some(candidates) = &mut self.candidates {
            candidates.see(&entry.username);
        }
        let own = self.row_of(&entry);
        self.see_name(&entry, own);
        self.see_unique_values(&entry, own);
        match own {
            Some(index) => self.found(index, entry),
            None if in_scope && !self.is_somebody_rejected(&entry) => self.matched.old.push(OldEntry {
                person: person_of(&entry.attributes),
                id: entry.id,
                username: entry.username,
                enabled: entry.enabled,
                protected: entry.protected,
            }),
            None => {}
        }
    }

    /// Returns what was found. Call it only after every entry was seen: an entry that was not seen counts as absent.
    pub fn finish(mut self) -> Matched {
        self.matched.old.sort_by(|a, b| (&a.username, &a.id.stable).cmp(&(&b.username, &b.id.stable)));
        self.matched
    }

    /// Returns the row that the entry belongs to. A row that is only *like* the entry gets an error: no directory must
    /// be asked to tell the two apart.
    fn row_of(&mut self, entry: &ExistingAccount) -> Option<u32> {
        let value = entry.match_value(&self.rules.by)?;
        let coarse = CoarseKey::new(value);
        let accounts = &self.rows.accounts;
        let index =
            *self.by_value.find(self.hasher.hash_one(&coarse), |i| value_key(&accounts[*i as usize]) == coarse)?;
        if MatchKey::new(accounts[index as usize].match_value()) == MatchKey::new(value) {
            return Some(index);
        }
        self.matched.problems.push((index, Problem::error(None, ProblemKind::TooLike(value.to_owned()))));
        None
    }

    fn see_name(&mut self, entry: &ExistingAccount, own: Option<u32>) {
        if self.rules.by == MatchBy::Username || entry.username.is_empty() {
            return;
        }
        let key = CoarseKey::new(&entry.username);
        let accounts = &self.rows.accounts;
        let same_name = self
            .by_username
            .iter_hash(self.hasher.hash_one(&key))
            .copied()
            .filter(|i| Some(*i) != own && name_key(&accounts[*i as usize]) == key);
        self.matched.name_taken.extend(same_name);
    }

    fn see_unique_values(&mut self, entry: &ExistingAccount, own: Option<u32>) {
        for (attribute, table) in self.rules.unique.iter().zip(&self.by_unique) {
            let key = unique_key(&entry.attributes, attribute);
            let Some(value) = entry.attributes.first_text(attribute.as_str()) else { continue };
            let accounts = &self.rows.accounts;
            for index in table.iter_hash(self.hasher.hash_one(&key)).copied() {
                if Some(index) != own && unique_key(&accounts[index as usize].attributes, attribute) == key {
                    let taken = Problem::error(Some(attribute.as_str()), ProblemKind::Taken(value.to_owned()));
                    self.matched.problems.push((index, taken));
                }
            }
        }
    }

    fn found(&mut self, index: u32, entry: ExistingAccount) {
        let account = &self.rows.accounts[index as usize];
        let seen = &mut self.matched.seen[index as usize];
        if !matches!(seen, Seen::Nowhere) {
            let value = account.match_value().to_owned();
            self.matched.problems.push((index, Problem::error(None, ProblemKind::Ambiguous(value))));
            return;
        }
        // Values made from the username are compared as they are with the name that the account has.
        let renamed = self.rows.late.get(index as usize).filter(|_| account.username != entry.username).map(|late| {
            let mut renamed = account.clone();
            self.mapper.rename(&mut renamed, late, &entry.username);
            renamed
        });
        let wanted = renamed.as_ref().map_or(&account.attributes, |renamed| &renamed.attributes);
        let changes = diff::changes(&entry.attributes, wanted, |name| self.rules.policy(name));
        let needs_nothing = changes.is_empty()
            && entry.enabled
            && account.choices.action == Action::Auto
            && !(self.rules.memberships
                && (account.groups.is_some() || account.roles.is_some() || account.choices.subscribe))
            && !self.rules.touches_all
            && (self.rules.by == MatchBy::Username
                || MatchKey::new(&account.username) == MatchKey::new(&entry.username));
        *seen = if needs_nothing {
            Seen::Same
        } else {
            Seen::Found(Box::new(Found {
                id: entry.id,
                username: entry.username,
                changes,
                enabled: entry.enabled,
                must_change: entry.must_change,
                protected: entry.protected,
            }))
        };
    }

    fn is_in_scope(&self, attributes: &Attributes) -> bool {
        self.rules.scope.iter().all(|(name, wanted)| {
            attributes.get(name.as_str()).is_some_and(|values| values.text().any(|v| MatchKey::new(v) == *wanted))
        })
    }

    fn is_somebody_rejected(&self, entry: &ExistingAccount) -> bool {
        let has = |value: &str| self.rejected.contains(&CoarseKey::new(value));
        !self.rejected.is_empty() && entry.match_value(&self.rules.by).is_some_and(has)
    }
}

fn value_key(account: &Account) -> CoarseKey {
    CoarseKey::new(account.match_value())
}

fn name_key(account: &Account) -> CoarseKey {
    CoarseKey::new(&account.username)
}

fn unique_key(attributes: &Attributes, name: &AttributeName) -> Option<MatchKey> {
    attributes.first_text(name.as_str()).map(MatchKey::new)
}

fn person_of(attributes: &Attributes) -> Person {
    let text = |name| attributes.first_text(name).unwrap_or_default();
    Person::new(text("givenName"), text("sn"), text("mail"))
}
