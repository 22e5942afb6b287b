//! Places in memory: text in which whatever stands behind the first comma is the parent, as in a DN.

use super::Memory;
use super::State;
use super::number;
use crate::roster::account::EntryId;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::CoarseKey;
use crate::roster::name_key::MatchKey;
use crate::roster::place::Home;
use crate::roster::place::Place;
use crate::roster::place::Relocation;
use crate::roster::place::Step;
use crate::roster::problem::ProblemKind;

impl Memory {
    pub(super) fn relocated(entry: &EntryId, home: &Home<'_>) -> Option<Place> {
        if let Home::New(account) = home {
            let step = Step { from: entry.locator.clone(), to: account.locator.clone()? };
            return Some(Place { step, renames: false, moves: false, named_by: Vec::new() });
        }
        let (name, parent) = split(&entry.locator);
        let wish = match home {
            Home::Feed(wish, _) | Home::Back(wish, _) => wish.locator.map(split),
            Home::New(_) | Home::Archive | Home::Aside(_) => None,
        };
        let (new_name, new_parent) = match (home, wish) {
            (Home::Archive, _) => (name, Some(Self::ARCHIVE)),
            (Home::Aside(called), _) => (*called, parent),
            (Home::Back(..), Some((_, parent))) => (name, parent),
            (Home::Back(_, before), None) => (name, before.and_then(|before| split(before).1)),
            (Home::New(_), _) | (Home::Feed(..), None) => return None,
            (Home::Feed(_, may), Some(wanted)) => {
                (if may.rename { wanted.0 } else { name }, if may.relocate { wanted.1 } else { parent })
            }
        };
        let to: Box<str> = match new_parent {
            Some(parent) => format!("{new_name},{parent}").into(),
            None => new_name.into(),
        };
        let is_same = |a: &str, b: &str| MatchKey::new(a) == MatchKey::new(b);
        (!is_same(&to, &entry.locator)).then(|| Place {
            renames: !is_same(name, new_name),
            moves: !is_same(parent.unwrap_or_default(), new_parent.unwrap_or_default()),
            step: Step { from: entry.locator.clone(), to },
            named_by: Vec::new(),
        })
    }
}

fn split(place: &str) -> (&str, Option<&str>) {
    place.split_once(',').map_or((place, None), |(name, parent)| (name, Some(parent)))
}

impl State {
    /// Gives an account another name and another place; returns whether it had not got them before.
    pub(super) fn relocate(&mut self, id: &EntryId, relocation: &Relocation) -> Result<bool, Fault> {
        let Some(number) = number(id).filter(|number| self.accounts.contains_key(number)) else { return Ok(false) };
        let taken = |why: String| Err(Fault::new(Next::RejectRow, why).with_code("exists"));
        let mut changed = false;
        if let Some(Step { to, .. }) = &relocation.username {
            let (match_key, coarse_key) = (MatchKey::new(to), CoarseKey::new(to));
            if self.accounts.iter().any(|(other, held)| *other != number && held.coarse_key == coarse_key) {
                return taken(ProblemKind::Taken(to.to_string()).to_string());
            }
            if let Some(held) = self.accounts.get_mut(&number) {
                changed |= held.match_key != match_key;
                (held.username, held.match_key, held.coarse_key) = (to.clone(), match_key, coarse_key);
            }
        }
        if let Some(Step { from, to }) = &relocation.place {
            let is_there = |place: &str, at: &str| MatchKey::new(place) == MatchKey::new(at);
            let now = self.accounts[&number].id(number).locator;
            if self.accounts.iter().any(|(other, held)| *other != number && is_there(&held.id(*other).locator, to)) {
                return taken(format!("there is an entry at {to} already"));
            }
            if !is_there(&now, from) && !is_there(&now, to) {
                return Err(Fault::new(Next::LookAgain, "the account has been moved").with_code("gone"));
            }
            changed |= !is_there(&now, to);
            if let Some(held) = self.accounts.get_mut(&number) {
                held.place = Some(to.clone());
            }
        }
        self.writes.relocated += usize::from(changed);
        Ok(changed)
    }
}
