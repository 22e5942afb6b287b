//! Groups, roles and channels: who comes in and who leaves.

use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::Hash;

use globset::GlobSet;

use super::account::Account;
use super::account::EntryId;
use super::account::ExistingGroup;
use super::account::GroupKind;
use super::account::GroupName;
use super::account::Members;
use super::name_key::MatchKey;
use super::plan::MembershipChange;
use super::problem::Problem;
use super::problem::ProblemKind;

/// What a feed may do with one kind of group.
#[derive(Clone, Debug)]
pub struct MembershipRules {
    /// Create groups that the directory does not have.
    pub create: bool,
    /// Groups that sync may remove people from, besides those named in the roster; matched against folded names.
    pub owned: GlobSet,
}

/// The groups of one kind that a plan may touch, turned around to answer "which groups is this person in".
#[derive(Debug)]
pub struct GroupIndex {
    kind: GroupKind,
    rules: MembershipRules,
    groups: Vec<Indexed>,
    by_name: HashMap<MatchKey, u32>,
    by_entry: HashMap<MatchKey, Vec<u32>>,
    by_id: HashMap<Box<str>, Vec<u32>>,
    by_username: HashMap<MatchKey, Vec<u32>>,
}

#[derive(Debug)]
struct Indexed {
    name: GroupName,
    owned: bool,
    protected: Option<Box<str>>,
}

impl GroupIndex {
    /// Indexes `existing`; groups named in `named` (the roster) count as the feed's.
    pub fn new(
        kind: GroupKind,
        rules: MembershipRules,
        existing: Vec<ExistingGroup>,
        named: &HashSet<GroupName>,
    ) -> Self {
        let mut index = Self {
            kind,
            rules,
            groups: Vec::with_capacity(existing.len()),
            by_name: HashMap::new(),
            by_entry: HashMap::new(),
            by_id: HashMap::new(),
            by_username: HashMap::new(),
        };
        let named: HashSet<MatchKey> = named.iter().map(GroupName::key).collect();
        for group in existing {
            let key = group.name.key();
            let place = u32::try_from(index.groups.len()).unwrap_or(u32::MAX);
            let owned = named.contains(&key) || index.rules.owned.is_match(key.as_str());
            index.groups.push(Indexed { name: group.name, owned, protected: group.protected });
            index.by_name.insert(key, place);
            match group.members {
                Members::ByEntry(members) => note(&mut index.by_entry, members, place),
                Members::ById(members) => note(&mut index.by_id, members, place),
                Members::ByUsername(members) => note(&mut index.by_username, members, place),
            }
        }
        index
    }

    /// Returns the names of the groups.
    pub fn names(&self) -> impl Iterator<Item = &GroupName> {
        self.groups.iter().map(|group| &group.name)
    }

    /// Returns the feed's groups that a person is in.
    fn owned_of(&self, entry: &EntryId, username: &str) -> Vec<u32> {
        let by_entry = self.by_entry.get(&MatchKey::new(&entry.locator)).into_iter().flatten();
        let by_id = self.by_id.get(&entry.stable).into_iter().flatten();
        let by_username = self.by_username.get(&MatchKey::new(username)).into_iter().flatten();
        let mut places: Vec<u32> = by_entry
            .chain(by_id)
            .chain(by_username)
            .copied()
            .filter(|place| self.groups[*place as usize].owned)
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Returns what changes for one person, and how many of the feed's groups the person is in now.
    ///
    /// `wanted` are the row's groups, from the column `label`; with `sync` the person leaves every other group of the
    /// feed.
    pub fn change(
        &self,
        wanted: &[GroupName],
        sync: bool,
        entry: Option<(&EntryId, &str)>,
        label: &str,
    ) -> Result<(Option<MembershipChange>, usize), Vec<Problem>> {
        let current = entry.map(|(id, username)| self.owned_of(id, username)).unwrap_or_default();
        let mut problems = Vec::new();
        let mut add: Vec<GroupName> = Vec::new();
        let mut stays: Vec<u32> = Vec::new();
        for name in wanted {
            match self.by_name.get(&name.key()) {
                Some(place) if current.contains(place) => stays.push(*place),
                Some(place) => {
                    let group = &self.groups[*place as usize];
                    problems.extend(group.protected.as_deref().map(|why| self.protected(label, &group.name, why)));
                    add.push(group.name.clone());
                }
                None if self.rules.create => add.push(name.clone()),
                None => problems.push(Problem::error(
                    Some(label),
                    ProblemKind::Unknown { kind: self.kind.word(), name: name.to_string() },
                )),
            }
        }
        let leaves =
            current.iter().filter(|place| sync && !stays.contains(place)).map(|place| &self.groups[*place as usize]);
        let mut remove: Vec<GroupName> = Vec::new();
        for group in leaves {
            problems.extend(group.protected.as_deref().map(|why| self.protected(label, &group.name, why)));
            remove.push(group.name.clone());
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        add.sort();
        add.dedup();
        remove.sort();
        let n_current = current.len();
        if add.is_empty() && remove.is_empty() {
            return Ok((None, n_current));
        }
        let mut before: Vec<GroupName> =
            current.iter().map(|place| self.groups[*place as usize].name.clone()).collect();
        before.sort();
        let change =
            MembershipChange { kind: self.kind, add: add.into(), remove: remove.into(), before: before.into() };
        Ok((Some(change), n_current))
    }

    fn protected(&self, label: &str, name: &GroupName, why: &str) -> Problem {
        Problem::error(Some(label), ProblemKind::Protected(format!("{} {name}: {why}", self.kind.word())))
    }
}

fn note<K: Eq + Hash>(table: &mut HashMap<K, Vec<u32>>, members: HashSet<K>, place: u32) {
    for member in members {
        table.entry(member).or_default().push(place);
    }
}

/// Returns the names that the roster gives to groups of `kind`.
pub fn named(accounts: &[Account], kind: GroupKind) -> HashSet<GroupName> {
    let of = |account: &Account| match kind {
        GroupKind::Group => account.groups.clone(),
        GroupKind::Role => account.roles.clone(),
        GroupKind::Channel => None,
    };
    let mut spellings: HashSet<std::sync::Arc<str>> = HashSet::new();
    let mut names = HashSet::new();
    for name in accounts.iter().filter_map(of).flatten() {
        if spellings.insert(name.as_str().into()) {
            names.insert(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_differs_by_case_is_somebody_else() {
        let id = |text: &str| EntryId { locator: text.into(), stable: text.into() };
        let group = |name: &str, members| ExistingGroup {
            kind: GroupKind::Group,
            name: GroupName::new(name),
            members,
            protected: None,
        };
        let rules = MembershipRules { create: false, owned: GlobSet::empty() };
        let names = ["exact", "folded"].map(GroupName::new);
        let exact = group("exact", Members::ById(HashSet::from(["a1".into()])));
        let folded = group("folded", Members::ByEntry(HashSet::from([MatchKey::new("a1")])));
        assert!(exact.members.has(&id("a1"), "ada") && !exact.members.has(&id("A1"), "ada"));
        assert!(folded.members.has(&id("A1"), "ada"));
        let index = GroupIndex::new(GroupKind::Group, rules, vec![exact, folded], &names.into());
        let n_groups = |own: &str| index.change(&[], false, Some((&id(own), "ada")), "groups").map(|(_, n)| n);
        assert_eq!((n_groups("a1"), n_groups("A1")), (Ok(2), Ok(1)));
    }
}
