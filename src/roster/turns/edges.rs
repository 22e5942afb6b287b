//! Who waits for whom.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::Names;
use super::order::Waits;
use super::row;
use super::way;
use crate::roster::account::EntryId;
use crate::roster::claim::Claim;
use crate::roster::columns::Known;
use crate::roster::name_key::CoarseKey;
use crate::roster::name_key::MatchKey;
use crate::roster::place::Home;
use crate::roster::place::Relocation;
use crate::roster::place::Step;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::Status;
use crate::roster::plan::Subject;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::problem::Severity;

/// Who waits for whom, by what they wait for.
#[derive(Debug, Default)]
pub(super) struct Edges<'n> {
    /// For a name or a place.
    pub(super) names: Waits,
    /// For a value.
    pub(super) values: Waits,
    /// Who waits for which value, and for whom.
    pub(super) claims: Vec<(usize, usize, &'n Claim)>,
}

impl Edges<'_> {
    /// Returns who waits for whom for whatever.
    pub(super) fn all(&self) -> Waits {
        let mut all: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, holders) in self.names.iter().chain(&self.values) {
            holders.iter().for_each(|holder| push(all.entry(*at).or_default(), *holder));
        }
        boxed(all)
    }

    /// Returns everybody who takes values, or gives some up.
    pub(super) fn parties(&self) -> HashSet<usize> {
        self.claims.iter().flat_map(|(at, holder, _)| [*at, *holder]).collect()
    }
}

#[derive(Default)]
struct Draft {
    names: BTreeMap<usize, Vec<usize>>,
    values: BTreeMap<usize, Vec<usize>>,
    followers: HashMap<usize, Vec<usize>>,
    /// What is wrong with those who wait in vain.
    problems: HashMap<usize, Problem>,
    vain: Vec<usize>,
}

impl Draft {
    fn waits(&self, at: usize) -> bool {
        self.names.contains_key(&at) || self.values.contains_key(&at)
    }

    /// Makes errors of those who wait in vain, and of those who wait for them.
    fn refuse(&mut self, items: &mut [Item], names: &Names<'_>) {
        while let Some(at) = self.vain.pop() {
            let waited = self.waits(at);
            self.names.remove(&at);
            self.values.remove(&at);
            if let Some(problem) = self.problems.get(&at)
                && (waited || items[at].status != Status::Error)
            {
                refuse(&mut items[at], problem.clone(), names);
            }
            let followers = self.followers.remove(&at).unwrap_or_default();
            let more: Vec<usize> = followers.into_iter().filter(|at| self.waits(*at)).collect();
            self.vain.extend(more);
        }
    }
}

/// Returns who waits for whom; who would wait in vain becomes an error.
pub(super) fn of<'n>(items: &mut [Item], movers: &[usize], names: &Names<'n>) -> Edges<'n> {
    let mut draft = Draft::default();
    wait_for_names(&mut draft, items, movers, names);
    let mut claims = wait_for_values(&mut draft, items, names);
    draft.refuse(items, names);
    claims.retain(|(at, ..)| draft.values.contains_key(at));
    wait_for_places(&mut draft, items, movers, names);
    Edges { names: boxed(draft.names), values: boxed(draft.values), claims }
}

fn boxed(waits: BTreeMap<usize, Vec<usize>>) -> Waits {
    waits.into_iter().map(|(at, holders)| (at, holders.into())).collect()
}

fn wait_for_names(draft: &mut Draft, items: &[Item], movers: &[usize], names: &Names<'_>) {
    let mut by_name: HashMap<CoarseKey, Vec<usize>> = HashMap::new();
    for at in movers {
        if let Some(Relocation { username: Some(Step { from, .. }), .. }) = way(&items[*at]) {
            by_name.entry(CoarseKey::new(from)).or_default().push(*at);
        }
    }
    let by_row: HashMap<u32, usize> = movers.iter().filter_map(|at| Some((row(&items[*at])?, *at))).collect();
    for (at, item) in items.iter().enumerate() {
        let Some(name) = wanted(item, names) else { continue };
        let key = CoarseKey::new(name);
        let taken = row(item).and_then(|row| names.taken.get(&row)).map(Vec::as_slice).unwrap_or_default();
        let leaves = |at: &usize| {
            let step = way(&items[*at]).and_then(|way| way.username.as_ref());
            step.is_some_and(|step| CoarseKey::new(&step.to) != key)
        };
        let holders = taken.iter().map(|holder| holder.row.and_then(|row| by_row.get(&row)).copied());
        let mut holders: Vec<Option<usize>> = holders.map(|at| at.filter(leaves)).collect();
        holders.extend(by_name.get(&key).into_iter().flatten().filter(|other| **other != at).map(|at| Some(*at)));
        if !holders.is_empty() {
            let label = names.labels.known(Known::Username);
            draft.problems.insert(at, Problem::error(Some(label), ProblemKind::Taken(name.to_owned())));
        }
        if holders.contains(&None) {
            draft.vain.push(at);
        }
        for holder in holders.into_iter().flatten() {
            push(draft.names.entry(at).or_default(), holder);
            push(draft.followers.entry(holder).or_default(), at);
        }
    }
}

fn wait_for_values<'n>(draft: &mut Draft, items: &[Item], names: &Names<'n>) -> Vec<(usize, usize, &'n Claim)> {
    if names.claims.is_empty() {
        return Vec::new();
    }
    let by_row: HashMap<u32, usize> = (0..).zip(items).filter_map(|(at, item)| Some((row(item)?, at))).collect();
    let mut claims = Vec::new();
    for claim in names.claims {
        let holder = claim.holder.and_then(|row| by_row.get(&row)).copied();
        let (Some(at), Some(holder)) = (by_row.get(&claim.row).copied(), holder) else { continue };
        if items[at].status == Status::Error {
            continue;
        }
        let problem = || claim.problem(names.labels.attribute(&claim.attribute));
        draft.problems.entry(at).or_insert_with(problem);
        match &items[holder].intent {
            Intent::Update(update) if claim.is_given_up(&update.changes) => {
                if items[at].intent.writes() {
                    push(draft.values.entry(at).or_default(), holder);
                    push(draft.followers.entry(holder).or_default(), at);
                    claims.push((at, holder, claim));
                }
            }
            _ => draft.vain.push(at),
        }
    }
    claims
}

fn wait_for_places(draft: &mut Draft, items: &[Item], movers: &[usize], names: &Names<'_>) {
    let left = movers.iter().filter_map(|at| Some((MatchKey::new(&way(&items[*at])?.place.as_ref()?.from), *at)));
    let by_place: HashMap<MatchKey, usize> = left.collect();
    if by_place.is_empty() {
        return;
    }
    for (at, item) in items.iter().enumerate() {
        let Some(place) = place(item, names) else { continue };
        if let Some(holder) = by_place.get(&MatchKey::new(&place)).filter(|holder| **holder != at) {
            push(draft.names.entry(at).or_default(), *holder);
        }
    }
}

/// Returns the login name that an item is to get.
fn wanted<'n>(item: &'n Item, names: &Names<'n>) -> Option<&'n str> {
    match &item.intent {
        Intent::Create(_) => row(item).map(|row| &*names.accounts[row as usize].username),
        _ => way(item)?.username.as_ref().map(|step| &*step.to),
    }
}

/// Returns the place that an item is to get.
fn place(item: &Item, names: &Names<'_>) -> Option<Box<str>> {
    match (&item.intent, &item.subject) {
        (Intent::Create(_), Subject::Account(row)) => {
            let home = Home::New(&names.accounts[*row as usize]);
            (names.place_of)(&EntryId::default(), &home).ok().flatten().map(|place| place.step.to)
        }
        _ => way(item)?.place.as_ref().map(|step| step.to.clone()),
    }
}

fn push(list: &mut Vec<usize>, at: usize) {
    if !list.contains(&at) {
        list.push(at);
    }
}

/// Makes an error of somebody whose name or value is not free. Who is under a temporary name goes back to the one before.
fn refuse(item: &mut Item, problem: Problem, names: &Names<'_>) {
    let now = row(item).and_then(|row| names.called.get(&row));
    if let (Some(now), Some(entry), Intent::Update(update)) = (now, &item.entry, &mut item.intent)
        && let Some(before) = update.relocation.take().map(|way| way.before())
        && *now != before.username
    {
        update.relocation = Some(Relocation {
            username: (!before.username.is_empty()).then(|| Step { from: now.clone(), to: before.username }),
            place: (!before.place.is_empty()).then(|| Step { from: entry.locator.clone(), to: before.place }),
        });
        update.changes.clear();
        super::tell_of(item, Problem { severity: Severity::Warning, ..problem });
        return;
    }
    super::tell_of(item, problem);
    (item.status, item.entry, item.intent) = (Status::Error, None, Intent::Nothing);
}
