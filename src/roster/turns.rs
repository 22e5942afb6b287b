//! Who comes first: names, places and values that people take from each other within one plan.
//!
//! Somebody who is to have what another one leaves waits until that one has left. Where that comes back to where it
//! began, one of them steps aside to a temporary name meanwhile, or is without the value. All of it is decided here and
//! nothing at the edge.

mod edges;
mod order;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use self::edges::Edges;
use super::account::Account;
use super::attribute::AttributeName;
use super::change::Change;
use super::checks::Labels;
use super::claim::Claim;
use super::matching::Holder;
use super::place::Home;
use super::place::PlaceOf;
use super::place::Relocation;
use super::place::Step;
use super::place::temporary_name;
use super::plan::Intent;
use super::plan::Item;
use super::plan::Subject;
use super::problem::Problem;
use super::problem::ProblemKind;

/// The order in which people of a plan get other names and places. Items are named by their place in
/// [`super::plan::Plan::items`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns {
    /// Who waits, and for whom: those who have the name or the place before.
    pub waits: BTreeMap<usize, Box<[usize]>>,
    /// Everybody who is renamed or moved, or takes or gives up a value, one wave after the other. Who does not goes after
    /// them.
    pub waves: Vec<Wave>,
    /// The attributes of which others wait for values.
    pub gives: BTreeMap<usize, Vec<AttributeName>>,
}

/// Those who need wait for nobody but those of waves before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wave {
    /// Each by itself.
    pub alone: Vec<usize>,
    /// Those who take names or places from each other.
    pub circles: Vec<Circle>,
}

/// People each of whom takes what another one of them has. All names and places are changed, or none; values follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circle {
    /// Who steps aside first.
    pub asides: Vec<Aside>,
    /// Everybody, in the order in which they get what they are to have.
    pub links: Vec<Link>,
    /// Who gives values up before anybody gets some.
    pub yields: Vec<Yield>,
    /// Everybody, in the order in which they get their values; nobody if values are not taken from each other.
    pub handed: Vec<Handed>,
}

/// Somebody who is without some values for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Yield {
    /// Who.
    pub item: usize,
    /// What is taken away.
    pub changes: Vec<Change>,
}

/// Somebody who gets values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// Who.
    pub item: usize,
    /// Those of the circle who must have given them up.
    pub from: Box<[usize]>,
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
    /// Values that accounts are to have and that entries of others have.
    pub claims: &'n [Claim],
    /// What those are called now who were in the middle of a circle when the run was interrupted.
    pub called: &'n HashMap<u32, Box<str>>,
    /// Asked for temporary places.
    pub place_of: &'n PlaceOf<'n>,
    /// What columns are called.
    pub labels: &'n Labels,
}

/// Puts those in error whose name is somebody's who does not leave it, and those in order who take names and places
/// from each other. Who waits is told so.
pub fn settle(items: &mut [Item], names: &Names<'_>) -> Turns {
    let movers: Vec<usize> = (0..).zip(&*items).filter(|(_, item)| way(item).is_some()).map(|(at, _)| at).collect();
    if movers.is_empty() && names.claims.is_empty() {
        return Turns::default();
    }
    let edges = edges::of(items, &movers, names);
    let parties = edges.parties();
    let is_party = |(at, item): &(usize, &Item)| {
        way(item).is_some() || (parties.contains(at) && matches!(item.intent, Intent::Update(_)))
    };
    let parties: Vec<usize> = (0..).zip(&*items).filter(is_party).map(|(at, _)| at).collect();
    let is_aside = |at: usize| row(&items[at]).is_some_and(|row| names.called.contains_key(&row));
    let waits = edges.all();
    let order = order::of(&parties, &waits, &is_aside);
    let mut waves = Vec::with_capacity(order.len());
    for ordered in order {
        let circles = ordered.circles.into_iter().map(|circle| circled(items, &circle, names, &edges));
        waves.push(Wave { circles: circles.collect(), alone: ordered.alone });
    }
    let mut gives: BTreeMap<usize, Vec<AttributeName>> = BTreeMap::new();
    for (_, holder, claim) in &edges.claims {
        gives.entry(*holder).or_default().push(claim.attribute.clone());
    }
    let turns = Turns { waits, waves, gives };
    tell(items, &turns, &edges);
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

fn tell_of(item: &mut Item, problem: Problem) {
    item.problems = std::mem::take(&mut item.problems).into_iter().chain([problem]).collect();
}

fn circled(items: &[Item], circle: &order::Circle, names: &Names<'_>, edges: &Edges<'_>) -> Circle {
    let members: BTreeSet<usize> = circle.links.iter().copied().collect();
    let is_aside = |at: usize| row(&items[at]).is_some_and(|row| names.called.contains_key(&row));
    let circle = order::unwound(&members, &edges.names, &is_aside);
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
    let (yields, handed) = handed_over(items, &members, edges);
    Circle { asides: asides.collect(), links: links.collect(), yields, handed }
}

/// Returns who of a circle gives up values first, and in which order all get theirs.
fn handed_over(items: &[Item], members: &BTreeSet<usize>, edges: &Edges<'_>) -> (Vec<Yield>, Vec<Handed>) {
    let within = || edges.claims.iter().filter(|(at, holder, _)| members.contains(at) && members.contains(holder));
    if within().next().is_none() {
        return (Vec::new(), Vec::new());
    }
    let order = order::unwound(members, &edges.values, &|_| false);
    let mut yields = Vec::new();
    for item in order.asides {
        let Intent::Update(update) = &items[item].intent else { continue };
        let mut changes: Vec<Change> = Vec::new();
        for (_, _, claim) in within().filter(|(_, holder, _)| *holder == item) {
            match changes.iter_mut().find(|change| change.attribute == claim.attribute) {
                Some(change) => change.new = claim.taken_from(&change.new),
                None => {
                    let planned = update.changes.iter().find(|change| change.attribute == claim.attribute);
                    changes
                        .extend(planned.map(|change| Change { new: claim.taken_from(&change.old), ..change.clone() }));
                }
            }
        }
        yields.push(Yield { item, changes });
    }
    let from = |item| edges.values.get(&item).into_iter().flatten().filter(|at| members.contains(at)).copied();
    (yields, order.links.into_iter().map(|item| Handed { item, from: from(item).collect() }).collect())
}

/// Says in the plan who waits for whom, who goes over a temporary name, and who is without a value for a while.
fn tell(items: &mut [Item], turns: &Turns, edges: &Edges<'_>) {
    let circles = || turns.waves.iter().flat_map(|wave| &wave.circles);
    let asides: HashMap<usize, &Aside> =
        circles().flat_map(|circle| &circle.asides).map(|aside| (aside.item, aside)).collect();
    let yields: HashSet<usize> = circles().flat_map(|circle| &circle.yields).map(|one| one.item).collect();
    let listed = |values: Vec<&str>| format!("`{}`", values.join("`, `"));
    for (at, holders) in &turns.waits {
        let lines: Vec<String> =
            holders.iter().filter_map(|at| items[*at].line).map(|line| format!("line {line}")).collect();
        let what = match edges.names.contains_key(at) {
            true => "its name or place".to_owned(),
            false => listed(edges.claims.iter().filter(|(own, ..)| own == at).map(|(.., one)| &*one.value).collect()),
        };
        let mut text = format!("gets {what} when {} has left it", lines.join(" and "));
        let mut meanwhile = Vec::new();
        if let Some(step) =
            asides.get(at).and_then(|aside| aside.there.username.as_ref().or(aside.there.place.as_ref()))
        {
            meanwhile.push(format!("`{}`", step.to));
        }
        if yields.contains(at) {
            let given = edges.claims.iter().filter(|(_, holder, _)| holder == at).map(|(.., one)| &*one.value);
            meanwhile.push(format!("without {}", listed(given.collect())));
        }
        if !meanwhile.is_empty() {
            text = format!("{text}; {} meanwhile, since that one waits too", meanwhile.join(" and "));
        }
        tell_of(&mut items[*at], Problem::warning(None, ProblemKind::Other(text)));
    }
}
