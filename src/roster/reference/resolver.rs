//! From the keys in cells to people, and to what must change.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use super::Known;
use super::ReferenceRule;
use super::Referred;
use super::circles;
use super::folded;
use crate::roster::account::Account;
use crate::roster::account::EntryId;
use crate::roster::account::LineNo;
use crate::roster::attribute::Attributes;
use crate::roster::attribute::Values;
use crate::roster::checks::Labels;
use crate::roster::deferred::DeferredChange;
use crate::roster::deferred::DeferredValue;
use crate::roster::deferred::Held;
use crate::roster::deferred::Moved;
use crate::roster::deferred::Referent;
use crate::roster::diff::Policy;
use crate::roster::mapping::Mapper;
use crate::roster::mapping::Rejected;
use crate::roster::name_key::MatchKey;
use crate::roster::place::Step;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::Subject;
use crate::roster::plan::UpdateIntent;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::problem::Severity;
use crate::roster::turns::way;

/// Knows everybody whom rows refer to, once everybody has a name.
pub struct Resolver<'r> {
    referred: &'r Referred,
    accounts: &'r [Account],
    mapper: &'r Mapper,
    keys: Vec<Holders>,
    /// The ways of people whom this run renames or moves, by place of their account.
    moves: HashMap<u32, Step>,
    /// What to say of rows whose references come back to them, by rule and place.
    circles: HashMap<(usize, u32), Arc<str>>,
}

/// The rows that have what is mentioned by one key.
struct Holders {
    accounts: HashMap<MatchKey, Vec<u32>>,
    rejected: HashMap<MatchKey, LineNo>,
}

/// Whom a key names.
enum Whom<'r> {
    /// The person of a row.
    Row(u32),
    /// Somebody who has no row.
    Entry(&'r Known),
    /// Nobody who could be referred to.
    Unclear(ProblemKind),
}

impl<'r> Resolver<'r> {
    /// Indexes the rows that are mentioned.
    pub fn new(
        referred: &'r Referred,
        accounts: &'r [Account],
        rejected: &[Rejected],
        mapper: &'r Mapper,
        moves: HashMap<u32, Step>,
    ) -> Self {
        let keys = referred.keys.iter().map(|mentioned| {
            let key = |text: &str| Some(folded(&mentioned.key, text, referred.fold));
            let mut holders = Holders { accounts: HashMap::new(), rejected: HashMap::new() };
            for (index, account) in (0u32..).zip(accounts) {
                for key in mentioned.key.of_account(account).into_iter().filter_map(key) {
                    if mentioned.values.contains_key(&key) {
                        let holding = holders.accounts.entry(key).or_default();
                        if holding.last() != Some(&index) {
                            holding.push(index);
                        }
                    }
                }
            }
            for row in rejected {
                for key in mentioned.key.of_rejected(row).into_iter().filter_map(key) {
                    if mentioned.values.contains_key(&key) {
                        holders.rejected.entry(key).or_insert(row.line);
                    }
                }
            }
            holders
        });
        let mut resolver = Self { referred, accounts, mapper, keys: keys.collect(), moves, circles: HashMap::new() };
        resolver.circles = resolver.find_circles();
        resolver
    }

    /// Returns what must change for the account at `index`, and what is wrong with whom it refers to. `held` is what the
    /// directory has; `None` for an account that is to be created.
    pub fn changes(&self, index: u32, held: Option<&Held>) -> (Vec<DeferredChange>, Vec<Problem>) {
        let (mut changes, mut problems) = (Vec::new(), Vec::new());
        let Some(wanted) = self.accounts[index as usize].deferred.as_deref() else { return (changes, problems) };
        for (nth, rule) in self.referred.rules.iter().enumerate() {
            let name = rule.attribute.as_str();
            let is_said = wanted.get(name).is_some() || wanted.is_cleared(name);
            let policy = self.mapper.policy(&rule.attribute);
            let old: Vec<&str> = held.and_then(|held| held.text.get(name)).into_iter().flat_map(Values::text).collect();
            let is_left = held.is_some() && (policy == Policy::CreateOnly || policy == Policy::Keep && !old.is_empty());
            if !is_said || is_left {
                continue;
            }
            let (people, found) = self.people(index, (nth, rule), wanted);
            let is_whole = found.iter().all(|problem| !problem.kind.is_about_nobody());
            problems.extend(found);
            changes.extend(self.change(rule, &old, people, is_whole && policy != Policy::Merge));
        }
        (changes, problems)
    }

    /// Returns whom the row refers to.
    fn people(
        &self,
        index: u32,
        (nth, rule): (usize, &ReferenceRule),
        wanted: &Attributes,
    ) -> (Vec<Referent>, Vec<Problem>) {
        let label = self.mapper.labels().attribute(&rule.attribute);
        let (mut people, mut problems): (Vec<Referent>, Vec<Problem>) = (Vec::new(), Vec::new());
        for text in wanted.get(rule.attribute.as_str()).into_iter().flat_map(Values::text) {
            let person = match self.named(rule, text) {
                Whom::Unclear(kind) => {
                    // Who is in error here is no reason to put others in error.
                    let is_unmade = matches!(kind, ProblemKind::NotMade { .. });
                    let severity = if is_unmade { Severity::Warning } else { self.mapper.dangling() };
                    problems.push(Problem { column: Some(label.into()), kind, severity });
                    continue;
                }
                Whom::Row(row) if row == index => {
                    problems.push(Problem::warning(Some(label), ProblemKind::SelfReference));
                    self.of_row(row)
                }
                Whom::Row(row) => self.of_row(row),
                Whom::Entry(known) => Referent {
                    value: Some(known.id.locator.clone()),
                    username: known.username.clone(),
                    row: None,
                    moved: None,
                },
            };
            if !people.contains(&person) {
                people.push(person);
            }
        }
        if let Some(circle) = self.circles.get(&(nth, index)) {
            problems.push(Problem::warning(Some(label), ProblemKind::Circle(circle.to_string())));
        }
        (people, problems)
    }

    /// Compares whom the directory has with whom the row wants.
    fn change(
        &self,
        rule: &ReferenceRule,
        old: &[&str],
        mut new: Vec<Referent>,
        removes: bool,
    ) -> Option<DeferredChange> {
        let fold = self.referred.fold;
        let nobody =
            |value: &&str| Referent { value: Some((*value).into()), username: Box::default(), row: None, moved: None };
        let mut old: Vec<Referent> = old.iter().map(nobody).collect();
        for person in &mut new {
            let Some(value) = person.value.as_deref().map(fold) else { continue };
            if let Some(same) = old.iter_mut().find(|old| old.value.as_deref().map(fold) == Some(value.clone())) {
                // Who stays keeps the spelling of the directory.
                person.value.clone_from(&same.value);
                *same = person.clone();
            }
        }
        // Who stays and gets another place is referred to by that one.
        for person in &mut new {
            let Some(Step { from, to }) = person.row.and_then(|row| self.moves.get(&row)) else { continue };
            if let Some(same) = old.iter_mut().find(|old| *old == person) {
                same.moved = Some(Moved::From(from.clone()));
                person.moved = Some(Moved::To(to.clone()));
            }
        }
        if !removes {
            let stays = |old: &&Referent| new.iter().any(|new| new.value == old.value);
            let left: Vec<Referent> = old.iter().filter(|old| !new.contains(old) && !stays(old)).cloned().collect();
            new.extend(left);
        }
        let same = old.iter().all(|old| new.contains(old)) && new.iter().all(|new| old.contains(new));
        let values = |people: Vec<Referent>| people.into_iter().map(DeferredValue::Person).collect();
        (!same).then(|| DeferredChange { attribute: rule.attribute.clone(), old: values(old), new: values(new) })
    }

    fn of_row(&self, row: u32) -> Referent {
        let value = self.referred.own.get(&row).map(|id: &EntryId| id.locator.clone());
        Referent { value, username: self.accounts[row as usize].username.clone(), row: Some(row), moved: None }
    }

    fn named(&self, rule: &ReferenceRule, text: &str) -> Whom<'r> {
        let key = folded(&rule.key, text, self.referred.fold);
        let place = self.referred.keys.iter().position(|mentioned| mentioned.key == rule.key);
        let (holders, mention) = match place.map(|place| (&self.keys[place], &self.referred.keys[place])) {
            Some((holders, mentioned)) => (holders, mentioned.values.get(&key)),
            None => return Whom::Unclear(ProblemKind::Dangling { key: rule.key.to_string(), value: text.to_owned() }),
        };
        let several = |who: Vec<String>| {
            let (key, value) = (rule.key.to_string(), text.to_owned());
            Whom::Unclear(ProblemKind::SeveralPeople { key, value, who: who.join(", ") })
        };
        match holders.accounts.get(&key).map(Vec::as_slice) {
            Some([row]) => return Whom::Row(*row),
            Some(rows) => {
                return several(rows.iter().map(|i| format!("line {}", self.accounts[*i as usize].line)).collect());
            }
            None => {}
        }
        match mention.map(|mention| mention.found.as_slice()).unwrap_or_default() {
            [known] => known.row.map_or(Whom::Entry(known), Whom::Row),
            [] => Whom::Unclear(match holders.rejected.get(&key) {
                Some(line) => ProblemKind::NotMade { who: text.to_owned(), line: *line },
                None => ProblemKind::Dangling { key: rule.key.to_string(), value: text.to_owned() },
            }),
            known => {
                let mut who: Vec<String> = known
                    .iter()
                    .map(|k| if k.username.is_empty() { &k.id.locator } else { &k.username }.to_string())
                    .collect();
                who.sort();
                several(who)
            }
        }
    }

    fn find_circles(&self) -> HashMap<(usize, u32), Arc<str>> {
        let mut all = HashMap::new();
        for (nth, rule) in self.referred.rules.iter().enumerate().filter(|(_, rule)| !rule.is_list) {
            let next = |account: &Account| {
                let text = account.deferred.as_deref()?.first_text(rule.attribute.as_str())?;
                match self.named(rule, text) {
                    Whom::Row(row) => Some(row),
                    _ => None,
                }
            };
            let next: Vec<Option<u32>> = self.accounts.iter().map(next).collect();
            let name = |index: u32| &*self.accounts[index as usize].username;
            let found = circles::of(&next, name);
            all.extend(found.into_iter().map(|(index, text)| ((nth, index), text)));
        }
        all
    }
}

/// Takes back what follows from other places of people who keep theirs after all.
pub fn drop_unmoved(items: &mut [Item]) {
    let is_moved = |item: &&Item| way(item).is_some_and(|way| way.place.is_some());
    let moved: HashSet<u32> = items
        .iter()
        .filter(is_moved)
        .filter_map(|item| match item.subject {
            Subject::Account(index) => Some(index),
            Subject::Named(_) => None,
        })
        .collect();
    for item in items {
        let changes = match &mut item.intent {
            Intent::Create(create) => &mut create.deferred,
            Intent::Update(update) => &mut update.deferred,
            _ => continue,
        };
        let mut is_other = false;
        for change in changes.iter_mut() {
            let people = change.old.iter_mut().chain(&mut change.new).filter_map(DeferredValue::person_mut);
            let stay = people.filter(|person| person.row.is_none_or(|row| !moved.contains(&row)));
            stay.for_each(|person| is_other |= person.moved.take().is_some());
        }
        if !is_other {
            continue;
        }
        let is_same = |change: &DeferredChange| {
            change.old.len() == change.new.len() && change.old.iter().all(|value| change.new.contains(value))
        };
        changes.retain(|change| !is_same(change));
        if matches!(&item.intent, Intent::Update(update) if **update == UpdateIntent::default()) {
            item.intent = Intent::Nothing;
            item.entry = None;
        }
    }
}

/// Takes people out of references whom the plan does not create after all, and says so: the next run writes them.
pub fn drop_unmade(items: &mut [Item], accounts: &[Account], labels: &Labels) {
    let made: HashSet<u32> = items
        .iter()
        .filter(|item| matches!(item.intent, Intent::Create(_)))
        .filter_map(|item| match item.subject {
            Subject::Account(index) => Some(index),
            Subject::Named(_) => None,
        })
        .collect();
    let unmade = |value: &DeferredValue| match value.person()? {
        Referent { value: None, row: Some(row), .. } if !made.contains(row) => Some(*row),
        _ => None,
    };
    for item in items {
        let changes = match &mut item.intent {
            Intent::Create(create) => &mut create.deferred,
            Intent::Update(update) => &mut update.deferred,
            _ => continue,
        };
        let mut problems = Vec::new();
        for change in changes.iter_mut() {
            let label = labels.attribute(&change.attribute);
            let rows: Vec<u32> = change.new.iter().filter_map(unmade).collect();
            problems.extend(rows.iter().map(|row| {
                let Account { username, line, .. } = &accounts[*row as usize];
                let kind = ProblemKind::NotMade { who: username.to_string(), line: *line };
                Problem::warning(Some(label), kind)
            }));
            if !rows.is_empty() {
                // As long as somebody is missing, nobody is taken out.
                let stay = change.new.iter().filter(|value| unmade(value).is_none());
                let left = change.old.iter().filter(|value| !change.new.contains(value));
                change.new = stay.chain(left).cloned().collect();
            }
        }
        if problems.is_empty() {
            continue;
        }
        changes.retain(|change| change.new.iter().any(|new| !change.old.contains(new)));
        item.problems = std::mem::take(&mut item.problems).into_iter().chain(problems).collect();
        if matches!(&item.intent, Intent::Update(update) if **update == UpdateIntent::default()) {
            item.intent = Intent::Nothing;
            item.entry = None;
        }
    }
}
