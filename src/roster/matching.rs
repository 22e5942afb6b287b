//! Which row is which entry: found while the directory's accounts stream by, so that memory holds the roster and the
//! differences, not the directory.

mod by_name;
mod found;
mod relocating;
mod unique;

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use hashbrown::HashTable;

use super::account::Account;
use super::account::Action;
use super::account::ExistingAccount;
use super::account::MatchBy;
use super::attribute::AttributeName;
use super::attribute::Attributes;
use super::collision::Candidates;
use super::columns::Known;
use super::deferred::Held;
use super::diff;
use super::diff::Policy;
use super::mapping::Mapper;
use super::mapping::Rejected;
use super::name_key::CoarseKey;
use super::name_key::MatchKey;
use super::name_key::folded;
use super::name_key::folded_coarsely;
use super::owners::Owners;
use super::place::May;
use super::place::PlaceOf;
use super::problem::Problem;
use super::problem::ProblemKind;
use super::reference::Referred;
use super::rows::Certainty;
use super::rows::Rows;

pub use found::Found;
pub use found::Holder;
pub use found::Matched;
pub use found::OldEntry;
pub use found::Seen;

/// How rows and entries are compared.
#[derive(Clone, Debug)]
pub struct MatchRules {
    /// By what a row finds its entry.
    pub by: MatchBy,
    /// Whether an entry without a value of that attribute belongs to the row with its username.
    pub then_by_username: bool,
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
    /// What of the names and places of existing accounts may be changed.
    pub may: May,
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
    hasher: DefaultHashBuilder,
    by_value: HashTable<u32>,
    by_username: HashTable<u32>,
    by_unique: Vec<HashTable<Place>>,
    like: Vec<Like>,
    /// Identities of rows in error, and whether an entry has them.
    rejected: HashMap<CoarseKey, bool>,
    /// Usernames of rows in error, where entries are found by them too.
    rejected_names: HashSet<CoarseKey>,
    /// Entries that a row may have by their username, when all others are known.
    by_name: Vec<ExistingAccount>,
    candidates: Option<&'r mut Candidates>,
    /// Works out where entries belong; `None`: nobody asks.
    place_of: Option<&'r PlaceOf<'r>>,
    /// Whom rows refer to.
    referred: Option<Referred>,
    matched: Matched,
}

/// A value that must be one person's: the account's place, and which of its values.
type Place = (u32, u32);

/// Whose an entry is.
#[derive(Clone, Copy)]
enum Whose {
    Row(u32),
    /// It differs from a row's value by case, marks or look-alike spelling.
    Like(u32),
    Nobodys,
}

/// An entry that is like a row.
struct Like {
    index: u32,
    value: String,
    old: Option<OldEntry>,
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
            hasher: DefaultHashBuilder::default(),
            by_value: HashTable::with_capacity(rows.accounts.len()),
            by_username: HashTable::new(),
            by_unique: Vec::new(),
            like: Vec::new(),
            rejected: rows.rejected.iter().filter_map(|r| Some((identity(r, &rules.by)?, false))).collect(),
            rejected_names: by_name::of_rejected(rows, rules),
            by_name: Vec::new(),
            candidates,
            place_of: None,
            referred: None,
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
        }
        matching.by_unique = rules.unique.iter().map(|attribute| matching.places(attribute)).collect();
        let late = rules.unique.iter().filter(|attribute| mapper.is_late(attribute));
        matching.matched.owners = late.map(|attribute| (attribute.clone(), Owners::default())).collect();
        matching
    }

    /// Asks `place_of` where the entries of rows belong.
    #[must_use]
    pub fn placed_by(self, place_of: &'r PlaceOf<'r>) -> Self {
        Self { place_of: Some(place_of), ..self }
    }

    /// Remembers the entries that rows refer to as well.
    #[must_use]
    pub fn with_references(self, referred: Option<Referred>) -> Self {
        Self { referred, ..self }
    }

    /// Compares one entry with the rows; returns whether one of them is, or may be, about it.
    pub fn see(&mut self, entry: ExistingAccount) -> bool {
        self.matched.n_entries += 1;
        self.matched.n_enabled += usize::from(entry.enabled);
        let in_scope = self.is_in_scope(&entry.attributes);
        self.matched.n_in_scope += usize::from(in_scope && !entry.archived);
        if let Some(candidates) = &mut self.candidates {
            candidates.see(&entry.username);
        }
        if self.is_found_by_name(&entry) {
            self.by_name.push(entry);
            return true;
        }
        let whose = self.whose(&entry);
        self.note(entry, whose, in_scope)
    }

    /// Notes whose the entry is; returns whether a row is, or may be, about it.
    fn note(&mut self, entry: ExistingAccount, whose: Whose, in_scope: bool) -> bool {
        let own = if let Whose::Row(index) = whose { Some(index) } else { None };
        self.see_name(&entry, own);
        self.see_unique_values(&entry, own);
        let is_rejected = self.see_rejected(&entry);
        if let (None, Some(referred)) = (own, &mut self.referred) {
            referred.see(&entry, None);
        }
        match whose {
            Whose::Row(index) => self.found(index, entry),
            Whose::Like(index) => {
                let value = entry.match_value(&self.rules.by).unwrap_or_default().to_owned();
                let old = (in_scope && !is_rejected).then(|| OldEntry::of(entry));
                self.like.push(Like { index, value, old });
            }
            Whose::Nobodys => {
                if in_scope && !is_rejected {
                    self.matched.old.push(OldEntry::of(entry));
                }
                return is_rejected;
            }
        }
        true
    }

    /// Returns what was found. Call it only after every entry was seen: an entry that was not seen counts as absent.
    pub fn finish(mut self) -> Matched {
        self.note_found_by_name();
        let column = self.match_column();
        for Like { index, value, old } in std::mem::take(&mut self.like) {
            // A row that has its own entry is told apart from all others by this very directory.
            if matches!(self.matched.seen[index as usize], Seen::Nowhere) {
                self.matched.problems.push((index, Problem::error(Some(column), ProblemKind::TooLike(value))));
            } else {
                self.matched.old.extend(old);
            }
        }
        let is_there = |r: &Rejected| identity(r, &self.rules.by).is_some_and(|key| self.rejected[&key]);
        let is_anybody = |r: &&Rejected| match r.certainty(&self.rules.by, column) {
            Certainty::Sure => false,
            Certainty::IfThere => !is_there(r),
            Certainty::None => true,
        };
        self.matched.unidentified = self.rows.rejected.iter().filter(is_anybody).count();
        self.matched.referred = self.referred;
        self.matched.old.sort_by(|a, b| (&a.username, &a.id.stable).cmp(&(&b.username, &b.id.stable)));
        self.matched
    }

    /// Returns the row that the entry belongs to, or is like.
    fn whose(&self, entry: &ExistingAccount) -> Whose {
        let Some(value) = entry.match_value(&self.rules.by) else { return Whose::Nobodys };
        let coarse = folded_coarsely(value);
        let accounts = &self.rows.accounts;
        let like = self.by_value.find(self.hasher.hash_one(&coarse), |i| value_key(&accounts[*i as usize]) == coarse);
        match like.copied() {
            Some(index) if are_same(accounts[index as usize].match_value(), value) => Whose::Row(index),
            Some(index) => Whose::Like(index),
            None => Whose::Nobodys,
        }
    }

    /// Returns the column that rows find their entries by.
    fn match_column(&self) -> &'r str {
        match &self.rules.by {
            MatchBy::Username => self.mapper.labels().known(Known::Username),
            MatchBy::Attribute(name) => self.mapper.labels().attribute(name),
        }
    }

    fn see_name(&mut self, entry: &ExistingAccount, own: Option<u32>) {
        if self.rules.by == MatchBy::Username || entry.username.is_empty() {
            return;
        }
        let key = folded_coarsely(&entry.username);
        let accounts = &self.rows.accounts;
        let same_name = self
            .by_username
            .iter_hash(self.hasher.hash_one(&key))
            .copied()
            .filter(|i| Some(*i) != own && name_key(&accounts[*i as usize]) == key);
        for index in same_name {
            self.matched.name_taken.entry(index).or_default().push(Holder { row: own });
        }
    }

    fn found(&mut self, index: u32, entry: ExistingAccount) {
        let account = &self.rows.accounts[index as usize];
        if !matches!(self.matched.seen[index as usize], Seen::Nowhere) {
            let (column, value) = match entry.match_value(&self.rules.by) {
                Some(_) => (self.match_column(), account.match_value()),
                None => (self.mapper.labels().known(Known::Username), &*account.username),
            };
            self.matched.problems.push((index, Problem::error(Some(column), ProblemKind::Ambiguous(value.to_owned()))));
            return;
        }
        // Values made from the username are compared as they are with the name that the account has, or gets.
        let new_name = relocating::new_name(self.rules, self.candidates.is_some(), account, &entry);
        let keeps_name = new_name.is_none() && account.username != entry.username;
        let renamed = self.rows.late.get(index as usize).filter(|_| keeps_name).map(|late| {
            let mut renamed = account.clone();
            self.mapper.rename(&mut renamed, late, &entry.username);
            renamed
        });
        let account = renamed.as_ref().unwrap_or(account);
        if let Some(referred) = &mut self.referred {
            referred.see(&entry, Some((index, account)));
        }
        let changes = diff::changes(&entry.attributes, &account.attributes, |name| self.rules.policy(name));
        let wish = relocating::Wished { index, locator: account.locator.as_deref(), new_name, changes };
        let (changes, relocation) = wish.place(self.place_of, self.rules.may, &entry, &mut self.matched);
        let deferred = account.deferred.as_deref().map(|wanted| {
            let files: Vec<AttributeName> = self.mapper.files().iter().map(|rule| rule.attribute.clone()).collect();
            Box::new(Held::of(&entry.attributes, wanted, &files))
        });
        let is_deferred_same = deferred.is_none()
            || self.referred.is_none() && {
                let (changes, problems) = self.rows.files.changes(self.mapper, account, deferred.as_deref());
                changes.is_empty() && problems.is_empty()
            };
        let needs_nothing = changes.is_empty()
            && relocation.is_none()
            && !entry.archived
            && is_deferred_same
            && entry.enabled
            && account.choices.action == Action::Auto
            && !(self.rules.memberships
                && (account.groups.is_some() || account.roles.is_some() || account.choices.subscribe))
            && !self.rules.touches_all
            && (self.rules.by == MatchBy::Username
                || are_same(&self.rows.accounts[index as usize].username, &entry.username));
        self.matched.seen[index as usize] = if needs_nothing {
            Seen::Same
        } else {
            Seen::Found(Box::new(Found {
                id: entry.id,
                username: entry.username,
                relocation,
                changes,
                deferred,
                enabled: entry.enabled,
                must_change: entry.must_change,
                protected: entry.protected,
                archived: entry.archived,
            }))
        };
    }

    fn is_in_scope(&self, attributes: &Attributes) -> bool {
        self.rules.scope.iter().all(|(name, wanted)| {
            attributes.get(name.as_str()).is_some_and(|values| values.text().any(|v| folded(v) == wanted.as_str()))
        })
    }

    /// Returns whether a row in error is, or may be, about the entry.
    fn see_rejected(&mut self, entry: &ExistingAccount) -> bool {
        if self.rejected.is_empty() && self.rejected_names.is_empty() {
            return false;
        }
        let Some(value) = entry.match_value(&self.rules.by) else {
            return self.rejected_names.contains(&CoarseKey::new(&entry.username));
        };
        self.rejected.get_mut(&CoarseKey::new(value)).map(|is_there| *is_there = true).is_some()
    }
}

fn identity(rejected: &Rejected, by: &MatchBy) -> Option<CoarseKey> {
    rejected.identity(by).map(CoarseKey::new)
}

/// Returns whether two names are the same by their [`MatchKey`].
fn are_same(one: &str, other: &str) -> bool {
    one == other || folded(one) == folded(other)
}

fn value_key(account: &Account) -> Cow<'_, str> {
    folded_coarsely(account.match_value())
}

fn name_key(account: &Account) -> Cow<'_, str> {
    folded_coarsely(&account.username)
}
