//! Which of the rows' entries are to be called otherwise, or to be elsewhere.

use super::Account;
use super::ExistingAccount;
use super::MatchBy;
use super::MatchKey;
use super::MatchRules;
use super::Matched;
use crate::roster::attribute::AttributeName;
use crate::roster::change::Change;
use crate::roster::place::Home;
use crate::roster::place::May;
use crate::roster::place::PlaceOf;
use crate::roster::place::Relocation;
use crate::roster::place::Step;
use crate::roster::place::Wish;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;

/// Returns the login name that the row's entry is to get, if it gets another one: rows must find their entries by
/// something else, the feed must allow it, and counted names are not the row's to give.
pub(super) fn new_name(rules: &MatchRules, counts: bool, account: &Account, entry: &ExistingAccount) -> Option<Step> {
    let may = rules.may.rename && rules.by != MatchBy::Username && !counts;
    let differs = || {
        !entry.username.is_empty()
            && account.username != entry.username
            && MatchKey::new(&account.username) != MatchKey::new(&entry.username)
    };
    (may && !entry.archived && differs()).then(|| Step { from: entry.username.clone(), to: account.username.clone() })
}

/// What one row wants of its entry.
pub(super) struct Wished<'w> {
    pub index: u32,
    pub locator: Option<&'w str>,
    pub new_name: Option<Step>,
    pub changes: Vec<Change>,
}

impl Wished<'_> {
    /// Works out where the entry belongs, and takes out the changes that cannot be written without a new name that it
    /// may not get. What is not done is told.
    pub fn place(
        self,
        place_of: Option<&PlaceOf<'_>>,
        may: May,
        entry: &ExistingAccount,
        matched: &mut Matched,
    ) -> (Vec<Change>, Option<Relocation>) {
        let Self { index, locator, new_name, mut changes } = self;
        // Who comes back from the archive is put where they belong when it is known that they may.
        let place_of = place_of.filter(|_| !entry.archived);
        let mut ask = |changes: &[Change], may| {
            let wish = Wish { locator, username: new_name.as_ref().map(|step| &*step.to), changes };
            match place_of?(&entry.id, &Home::Feed(wish, may)) {
                Ok(place) => place,
                Err(why) => {
                    if may != May::default() {
                        matched.problems.push((index, Problem::error(None, ProblemKind::Other(why))));
                    }
                    None
                }
            }
        };
        let place = match ask(&changes, if place_of.is_some() { May::ALL } else { may }) {
            Some(place) if !may.allows(&place) => {
                let allowed = ask(&changes, may);
                if place.moves && !may.relocate {
                    let (n, first) = &mut matched.misplaced;
                    *n += 1;
                    if first.is_empty() {
                        *first = entry.id.locator.clone();
                    }
                }
                if !may.rename && !place.named_by.is_empty() {
                    changes.retain(|change| !place.named_by.contains(&change.attribute));
                    let names: Vec<&str> = place.named_by.iter().map(AttributeName::as_str).collect();
                    let text = format!(
                        "the entry is named by `{}`, which is not written: `rename` is off in [feed.defaults]",
                        names.join("`, `")
                    );
                    matched.problems.push((index, Problem::warning(None, ProblemKind::Other(text))));
                }
                allowed
            }
            place => place,
        };
        let relocation = Relocation { username: new_name, place: place.map(|place| place.step) };
        (changes, (relocation != Relocation::default()).then_some(relocation))
    }
}
