//! People who are in the directory only, and what becomes of them.

use super::OldPolicy;
use super::Surroundings;
use crate::roster::account::EntryId;
use crate::roster::matching::OldEntry;
use crate::roster::place::Home;
use crate::roster::place::PlaceOf;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::Named;
use crate::roster::plan::Status;
use crate::roster::plan::Subject;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;

/// Decides about all of them, by username.
pub(super) fn items(old: Vec<OldEntry>, policy: OldPolicy, around: &Surroundings, place_of: &PlaceOf<'_>) -> Vec<Item> {
    let mut items: Vec<Item> = old.into_iter().filter_map(|entry| item(entry, policy, around, place_of)).collect();
    let gone = &around.earlier.gone_entries;
    if !gone.is_empty() {
        items.extend(gone.iter().map(|(stable, username)| self::gone(stable, username)));
        items.sort_by_cached_key(|item| match &item.subject {
            Subject::Named(named) => named.username.clone(),
            Subject::Account(_) => Box::default(),
        });
    }
    items
}

/// Decides about one of them; `None`: there is nothing to be said of somebody in the archive.
fn item(entry: OldEntry, policy: OldPolicy, around: &Surroundings, place_of: &PlaceOf<'_>) -> Option<Item> {
    let earlier = &around.earlier;
    let is_begun = earlier.begun_entries.contains(&entry.id.stable);
    let leaver = around.leavers.get(&entry.id.stable);
    let is_ours = leaver.is_some() || is_begun;
    let mut problems = Vec::new();
    let is_settled = earlier.settled_entries.contains(&entry.id.stable);
    let intent = if is_settled {
        Intent::Report
    } else {
        match policy {
            OldPolicy::Keep | OldPolicy::Report => Intent::Report,
            OldPolicy::Disable if entry.enabled => Intent::Disable,
            OldPolicy::Disable => Intent::Report,
            OldPolicy::Move if entry.archived && !(is_begun && entry.enabled) => Intent::Report,
            OldPolicy::Move if entry.enabled || is_ours => away(&entry, place_of, &mut problems),
            OldPolicy::Move => Intent::Report,
            OldPolicy::Delete { at_once: true, .. } if entry.enabled || is_ours => Intent::Purge { since: "".into() },
            OldPolicy::Delete { .. } if entry.enabled && !entry.archived => match policy {
                OldPolicy::Delete { archives: true, .. } => away(&entry, place_of, &mut problems),
                _ => Intent::Disable,
            },
            OldPolicy::Delete { archives, .. } => match leaver {
                // Whoever lets somebody in has the last word, in the archive too.
                Some(leaver) if leaver.due && !entry.enabled => Intent::Purge { since: leaver.since.clone() },
                Some(_) if archives && !entry.archived => away(&entry, place_of, &mut problems),
                Some(leaver) if !leaver.until.is_empty() && !entry.archived => {
                    let text = format!("it is deleted from {} on, if no file has the person until then", leaver.until);
                    problems.push(Problem::warning(None, ProblemKind::Other(text)));
                    Intent::Report
                }
                _ => Intent::Report,
            },
        }
    };
    let (intent, problems) = match &entry.protected {
        Some(why) if intent.writes() => {
            (Intent::Report, vec![Problem::warning(None, ProblemKind::Protected(why.to_string()))])
        }
        _ => (intent, problems),
    };
    let is_said = intent.writes() || !entry.archived || is_begun || is_settled || !problems.is_empty();
    is_said.then(|| old(entry.id, Named { username: entry.username, person: entry.person }, intent, problems))
}

/// Tells of an account that this run has deleted, or was about to when it was interrupted, and that is gone.
fn gone(stable: &str, username: &str) -> Item {
    let id = EntryId { locator: "".into(), stable: stable.into() };
    old(id, Named { username: username.into(), ..Named::default() }, Intent::Report, Vec::new())
}

fn old(id: EntryId, named: Named, intent: Intent, problems: Vec<Problem>) -> Item {
    Item {
        line: None,
        status: Status::Old,
        subject: Subject::Named(Box::new(named)),
        entry: Some(Box::new(id)),
        intent,
        problems: problems.into(),
    }
}

fn away(entry: &OldEntry, place_of: &PlaceOf<'_>, problems: &mut Vec<Problem>) -> Intent {
    match place_of(&entry.id, &Home::Archive) {
        Ok(Some(place)) => Intent::Archive { place: place.step, enabled: entry.enabled },
        // There already: what is left is to switch it off.
        Ok(None) if entry.enabled => Intent::Disable,
        Ok(None) => Intent::Report,
        Err(why) => {
            problems.push(Problem::warning(None, ProblemKind::Other(why)));
            Intent::Report
        }
    }
}
