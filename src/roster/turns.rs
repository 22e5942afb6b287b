//! Who comes first: names and places that people take from each other within one plan.
//!
//! Somebody who is to have what another one leaves waits until that one has left. Where that comes back to where it
//! began, one of them steps aside to a temporary name meanwhile. All of it is decided here and nothing at the edge.

mod order;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::account::Account;
use super::account::EntryId;
use super::matching::Holder;
use super::name_key::CoarseKey;
use super::name_key::MatchKey;
use super::place::Home;
use super::place::PlaceOf;
use super::place::Relocation;
use super::place::Step;
use super::place::temporary_name;
use super::plan::Intent;
use super::plan::Item;
use super::plan::Status;
use super::plan::Subject;
use super::problem::Problem;
use super::problem::ProblemKind;

/// The order in which people of a plan get other names and places. Items are named by their place in
/// [`super::plan::Plan::items`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// Who waits, and for whom: those who have the name or the place before.
    pub waits: BTreeMap<usize, Box<[usize]>>,
    /// Everybody who is renamed or moved, one wave after the other. Who is not goes after them.
    pub waves: Vec<Wave>,
}

/// Those who need wait for nobody but those of waves before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wave {
    /// Each by itself.
    pub alone: Vec<usize>,
    /// Those who take names or places from each other.
    pub circles: Vec<Circle>,
}

/// People each of whom takes what another one of them has. All of it is done, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circle {
    /// Who steps aside first.
    pub asides: Vec<Aside>,
    /// Everybody, in the order in which they get what they are to have.
    pub links: Vec<Link>,
}

/// Somebody who has another name for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    /// Who.
    pub item: usize,
    /// The way there.
    pub there: Relocation,
    /// The way from there.
    pub back: Relocation,
}

/// One of a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Who.
    pub item: usize,
    /// The login name as it is; not the one before when a run was interrupted in the middle of it.
    pub called: Box<str>,
}

/// What is known about names besides the items.
pub struct Names<'n> {
    /// The rows' accounts.
    pub accounts: &'n [Account],
    /// Whose entries have the names that accounts are to have, by place of the account.
    pub taken: &'n HashMap<u32, Vec<Holder>>,
    /// What those are called now who were in the middle of a circle when the run was interrupted.
    pub called: &'n HashMap<u32, Box<str>>,
    /// Asked for temporary places.
    pub place_of: &'n PlaceOf<'n>,
    /// The column of login names.
    pub label: &'n str,
}

/// Puts those in error whose name is somebody's who does not leave it, and those in order who take names and places
/// from each other. Who waits is told so.
pub fn settle(items: &mut [Item], names: &Names<'_>) -> Turns {
    let movers: Vec<usize> = (0..).zip(&*items).filter(|(_, item)| way(item).is_some()).map(|(at, _)| at).collect();
    if movers.is_empty() {
        return Turns::default();
    }
    let waits = waits(items, &movers, names);
    let movers: Vec<usize> = movers.into_iter().filter(|at| way(&items[*at]).is_some()).collect();
    let is_aside = |at: usize| row(&items[at]).is_some_and(|row| names.called.contains_key(&row));
    let order = order::of(&movers, &waits, &is_aside);
    let mut waves = Vec::with_capacity(order.len());
    for ordered in order {
        let circles = ordered.circles.into_iter().map(|circle| circled(items, &circle, names));
        waves.push(Wave { circles: circles.collect(), alone: ordered.alone });
    }
    let turns = Turns { waits, waves };
    tell(items, &turns);
    turns
}

/// Returns the way of an account that is there.
pub fn way(item: &Item) -> Option<&Relocation> {
    match &item.intent {
        Intent::Update(update) => update.relocation.as_ref(),
        _ => None,
    }
}

fn row(item: &Item) -> Option<u32> {
    match item.subject {
        Subject::Account(row) => Some(row),
        Subject::Named(_) => None,
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
    match &item.intent {
        Intent::Create(_) => {
            let home = Home::New(&names.accounts[row(item)? as usize]);
            (names.place_of)(&EntryId::default(), &home).ok().flatten().map(|place| place.step.to)
        }
        _ => way(item)?.place.as_ref().map(|step| step.to.clone()),
    }
}

/// Returns who waits for whom; who would wait in vain becomes an error.
fn waits(items: &mut [Item], movers: &[usize], names: &Names<'_>) -> BTreeMap<usize, Box<[usize]>> {
    let mut by_name: HashMap<CoarseKey, Vec<usize>> = HashMap::new();
    let mut by_place: HashMap<MatchKey, usize> = HashMap::new();
    for at in movers {
        let Some(Relocation { username, place }) = way(&items[*at]) else { continue };
        if let Some(Step { from, .. }) = username {
            by_name.entry(CoarseKey::new(from)).or_default().push(*at);
        }
        if let Some(Step { from, .. }) = place {
            by_place.insert(MatchKey::new(from), *at);
        }
    }
    let by_row: HashMap<u32, usize> = movers.iter().filter_map(|at| Some((row(&items[*at])?, *at))).collect();
    let mut waits: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut followers: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut vain = Vec::new();
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
        if holders.contains(&None) {
            vain.push(at);
        }
        for holder in holders.into_iter().flatten() {
            push(waits.entry(at).or_default(), holder);
            push(followers.entry(holder).or_default(), at);
        }
    }
    while let Some(at) = vain.pop() {
        if waits.remove(&at).is_some() || items[at].status != Status::Error {
            refuse(&mut items[at], names);
        }
        vain.extend(followers.remove(&at).unwrap_or_default().into_iter().filter(|at| waits.contains_key(at)));
    }
    if by_place.is_empty() {
        return waits.into_iter().map(|(at, holders)| (at, holders.into())).collect();
    }
    for (at, item) in items.iter().enumerate() {
        let Some(place) = place(item, names) else { continue };
        let holder = by_place.get(&MatchKey::new(&place)).filter(|at| way(&items[**at]).is_some()).copied();
        if let Some(holder) = holder.filter(|holder| *holder != at) {
            push(waits.entry(at).or_default(), holder);
        }
    }
    waits.into_iter().map(|(at, holders)| (at, holders.into())).collect()
}

fn push(list: &mut Vec<usize>, at: usize) {
    if !list.contains(&at) {
        list.push(at);
    }
}

/// Makes an error of somebody whose name is not free. Who is under a temporary name goes back to the one before.
fn refuse(item: &mut Item, names: &Names<'_>) {
    let Some(name) = wanted(item, names).map(str::to_owned) else { return };
    let taken = ProblemKind::Taken(name);
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
        tell_of(item, Problem::warning(Some(names.label), taken));
        return;
    }
    tell_of(item, Problem::error(Some(names.label), taken));
    (item.status, item.entry, item.intent) = (Status::Error, None, Intent::Nothing);
}

fn tell_of(item: &mut Item, problem: Problem) {
    item.problems = std::mem::take(&mut item.problems).into_iter().chain([problem]).collect();
}

fn circled(items: &[Item], circle: &order::Circle, names: &Names<'_>) -> Circle {
    let called = |at: usize| {
        let now = row(&items[at]).and_then(|row| names.called.get(&row)).cloned();
        let before = || way(&items[at])?.username.as_ref().map(|step| step.from.clone());
        let stays = || row(&items[at]).map(|row| names.accounts[row as usize].username.clone());
        now.or_else(before).or_else(stays).unwrap_or_default()
    };
    let asides = circle.asides.iter().filter_map(|at| {
        let (way, entry) = (way(&items[*at])?, items[*at].entry.as_deref()?);
        let name: Box<str> = temporary_name(&entry.stable).into();
        let over = |step: &Step, name: Box<str>| {
            let there = Step { from: step.from.clone(), to: name.clone() };
            (there, Step { from: name, to: step.to.clone() })
        };
        let (called, called_back) = way.username.as_ref().map(|step| over(step, name.clone())).unzip();
        let (mut placed, mut placed_back) = (None, way.place.clone());
        if let Some(step) = &way.place {
            let mut before = entry.clone();
            before.locator.clone_from(&step.from);
            if let Ok(Some(place)) = (names.place_of)(&before, &Home::Aside(&name)) {
                (placed, placed_back) = Some(over(step, place.step.to)).unzip();
            }
        }
        let there = Relocation { username: called, place: placed };
        Some(Aside { item: *at, there, back: Relocation { username: called_back, place: placed_back } })
    });
    let links = circle.links.iter().map(|at| Link { item: *at, called: called(*at) });
    Circle { asides: asides.collect(), links: links.collect() }
}

/// Says in the plan who waits for whom, and who goes over a temporary name.
fn tell(items: &mut [Item], turns: &Turns) {
    let asides: Vec<&Aside> =
        turns.waves.iter().flat_map(|wave| &wave.circles).flat_map(|circle| &circle.asides).collect();
    let first: HashSet<usize> = asides.iter().map(|aside| aside.item).collect();
    for (at, holders) in &turns.waits {
        let lines: Vec<String> =
            holders.iter().filter_map(|at| items[*at].line).map(|line| format!("line {line}")).collect();
        let mut text = format!("gets its name or place when {} has left it", lines.join(" and "));
        if first.contains(at)
            && let Some(aside) = asides.iter().find(|aside| aside.item == *at)
            && let Some(step) = aside.there.username.as_ref().or(aside.there.place.as_ref())
        {
            text = format!("{text}; `{}` meanwhile, since that one waits too", step.to);
        }
        tell_of(&mut items[*at], Problem::warning(None, ProblemKind::Other(text)));
    }
}
