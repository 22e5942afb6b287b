//! Licence seats: who of the new people gets one.

use super::account::Account;
use super::name_key::MatchKey;
use super::plan::Intent;
use super::plan::Item;
use super::plan::Seats;
use super::plan::Status;
use super::plan::Subject;
use super::problem::Problem;
use super::problem::ProblemKind;

/// Makes an Error of every New account for which there is no seat, and returns the forecast.
///
/// `taken` seats are those of enabled accounts. People who come back take theirs first; of the new ones those come first
/// whose match values do, so that the order of rows is no matter. Seats that come free in the same plan do not count:
/// switching off is the last thing done, and may be held.
pub fn assign(items: &mut [Item], accounts: &[Account], limit: usize, taken: usize) -> Seats {
    let back = items.iter().filter(|item| comes_back(item)).count();
    let free = limit.saturating_sub(taken + back);
    let mut new: Vec<(MatchKey, &mut Item)> = items
        .iter_mut()
        .filter(|item| matches!(item.intent, Intent::Create(_)))
        .filter_map(|item| match item.subject {
            Subject::Account(index) => Some((MatchKey::new(accounts[index as usize].match_value()), item)),
            Subject::Named(_) => None,
        })
        .collect();
    new.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (_, item) in new.into_iter().skip(free) {
        item.status = Status::Error;
        item.intent = Intent::Nothing;
        let no_seat = Problem::error(None, ProblemKind::NoSeat { seats: limit });
        item.problems = std::mem::take(&mut item.problems).into_iter().chain([no_seat]).collect();
    }
    Seats { limit, taken, after: after(items, taken) }
}

fn comes_back(item: &Item) -> bool {
    matches!(&item.intent, Intent::Update(update) if update.enabled == Some(true))
}

fn after(items: &[Item], taken: usize) -> usize {
    let come = items.iter().filter(|item| matches!(item.intent, Intent::Create(_)) || comes_back(item)).count();
    let goes = |item: &&Item| match &item.intent {
        Intent::Disable | Intent::Delete | Intent::Archive { enabled: true, .. } => true,
        // Nobody was switched off before who is deleted at once.
        Intent::Purge { since } => since.is_empty(),
        _ => false,
    };
    let go = items.iter().filter(goes).count();
    (taken + come).saturating_sub(go)
}
