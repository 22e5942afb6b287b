//! Limits on a whole plan, looked at before the first write.

use super::change::Change;
use super::deferred::DeferredChange;
use super::plan::Hold;
use super::plan::HoldClass;
use super::plan::Intent;
use super::plan::Item;
use super::plan::Status;
use super::takeover;

/// How many of one class a plan may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// As many as there are.
    None,
    /// A share of the accounts concerned, in percent, and an absolute number: the smaller counts, but never less than
    /// one.
    AtMost {
        /// Percent, rounded down.
        percent: Option<u32>,
        /// Number.
        count: Option<usize>,
    },
}

impl Limit {
    /// Returns how many of `of` are allowed.
    pub fn of(self, of: usize) -> usize {
        match self {
            Self::None => usize::MAX,
            Self::AtMost { percent, count } => {
                let share = percent.map_or(usize::MAX, |p| of.saturating_mul(p as usize) / 100);
                share.min(count.unwrap_or(usize::MAX)).max(usize::from(count != Some(0) && percent != Some(0)))
            }
        }
    }
}

/// The limits of a feed, one per class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Accounts to disable, move to the archive or delete, of the accounts in scope.
    pub old: Limit,
    /// Memberships to remove, of the memberships of the roster's people.
    pub removals: Limit,
    /// Accounts with an attribute to empty, of those in both.
    pub clears: Limit,
    /// New passwords for existing accounts, of those in both.
    pub passwords: Limit,
    /// Accounts to change, of those in both.
    pub updates: Limit,
    /// Accounts to create, of the rows.
    pub creates: Limit,
    /// Accounts to delete, of the accounts in scope; they count for `old` too.
    pub deletions: Limit,
    /// Accounts to rename or move, of those in both.
    pub moves: Limit,
    /// Accounts to get another first name and another surname, of those in both.
    pub takeovers: Limit,
}

impl Default for Limits {
    fn default() -> Self {
        let both = |percent, count| Limit::AtMost { percent: Some(percent), count: Some(count) };
        Self {
            old: both(5, 10),
            removals: both(10, 50),
            clears: both(5, 10),
            passwords: both(5, 10),
            updates: Limit::None,
            creates: Limit::None,
            deletions: both(5, 10),
            moves: both(5, 10),
            takeovers: Limit::AtMost { percent: None, count: Some(0) },
        }
    }
}

/// What the limits are shares of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// Accounts of the directory within the feed's scope.
    pub in_scope: usize,
    /// Rows that found their entry.
    pub in_both: usize,
    /// Rows.
    pub rows: usize,
    /// Memberships, in the feed's groups and roles, of people in both.
    pub memberships: usize,
}

/// Returns the limits that the plan breaches.
///
/// `unidentified` rows could be anybody: as long as there are some, nobody is known to be Old, so every Old action is
/// held whatever its limit says.
pub fn breaches(items: &[Item], limits: &Limits, base: Base, unidentified: usize) -> Vec<Hold> {
    let planned = |class| items.iter().map(|item| count(item, class)).sum::<usize>();
    let classes = [
        (HoldClass::Old, limits.old, base.in_scope),
        (HoldClass::Removals, limits.removals, base.memberships),
        (HoldClass::Clears, limits.clears, base.in_both),
        (HoldClass::Passwords, limits.passwords, base.in_both),
        (HoldClass::Updates, limits.updates, base.in_both),
        (HoldClass::Creates, limits.creates, base.rows),
        (HoldClass::Deletions, limits.deletions, base.in_scope),
        (HoldClass::Moves, limits.moves, base.in_both),
        (HoldClass::Takeovers, limits.takeovers, base.in_both),
    ];
    classes
        .into_iter()
        .filter_map(|(class, limit, of)| {
            let planned = planned(class);
            let is_about_old = matches!(class, HoldClass::Old | HoldClass::Deletions);
            let allowed = if is_about_old && unidentified > 0 { 0 } else { limit.of(of) };
            (planned > allowed).then_some(Hold { class, planned, limit: allowed, of })
        })
        .collect()
}

/// Returns how much of `class` one item has.
pub fn count(item: &Item, class: HoldClass) -> usize {
    let removals = || item.intent.memberships().iter().map(|m| m.remove.len()).sum();
    match (class, &item.intent) {
        (HoldClass::Old, Intent::Disable | Intent::Delete | Intent::Archive { .. } | Intent::Purge { .. })
        | (HoldClass::Deletions, Intent::Delete | Intent::Purge { .. }) => 1,
        (HoldClass::Removals, _) => removals(),
        (HoldClass::Clears, Intent::Update(update)) => {
            let clears =
                update.changes.iter().any(Change::clears) || update.deferred.iter().any(DeferredChange::clears);
            usize::from(clears)
        }
        (HoldClass::Passwords, Intent::Update(update)) => usize::from(update.password.is_some() && !update.letter_owed),
        // An account that this run has made itself is not an existing one.
        (HoldClass::Updates, Intent::Update(_)) => usize::from(item.status != Status::New),
        (HoldClass::Creates, Intent::Create(_)) => 1,
        (HoldClass::Moves, Intent::Update(update)) => usize::from(update.relocation.is_some()),
        (HoldClass::Takeovers, Intent::Update(update)) => usize::from(takeover::is_one(&update.changes)),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_of_share_and_number_counts_and_one_is_always_allowed() {
        let limit = Limit::AtMost { percent: Some(5), count: Some(10) };
        assert_eq!(limit.of(400), 10);
        assert_eq!(limit.of(100), 5);
        assert_eq!(limit.of(10), 1);
        assert_eq!(Limit::None.of(3), usize::MAX);
    }

    #[test]
    fn zero_means_none_at_all() {
        assert_eq!(Limit::AtMost { percent: None, count: Some(0) }.of(100), 0);
        assert_eq!(Limit::AtMost { percent: Some(0), count: None }.of(100), 0);
    }
}
