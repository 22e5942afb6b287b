//! Where entries are and what they are called: the way from one place, or from one login name, to another.
//!
//! Places are opaque here, like [`EntryId::locator`]: only the directory that has the entry can work out where a feed
//! wants it, and what of that is a new name among its siblings or a new parent.

use sha2::Digest;
use sha2::Sha256;

use super::account::Account;
use super::account::EntryId;
use super::account::ExistingAccount;
use super::attribute::AttributeName;
use super::change::Change;
use super::name_key::MatchKey;

/// From one to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// As it is.
    pub from: Box<str>,
    /// As it is to be.
    pub to: Box<str>,
}

/// Another login name, another place, or both, for an account that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relocation {
    /// The login name.
    pub username: Option<Step>,
    /// The place, a [`EntryId::locator`].
    pub place: Option<Step>,
}

/// How far a relocation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The account is called so, and there, as before.
    ToDo,
    /// All of it is done.
    Done,
    /// It has a name, or is at a place, that is neither of the two.
    Elsewhere,
}

/// Another place for an entry, as its directory has worked it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From where to where.
    pub step: Step,
    /// Whether it is called otherwise among its siblings.
    pub renames: bool,
    /// Whether it comes below another parent.
    pub moves: bool,
    /// Attributes whose changes take away what the entry is called by, so that they cannot be written without
    /// renaming it.
    pub named_by: Vec<AttributeName>,
}

/// What of the names and places of existing accounts may be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct May {
    /// Login names, and what entries are called among their siblings.
    pub rename: bool,
    /// What entries are below.
    pub relocate: bool,
}

impl May {
    /// Everything.
    pub const ALL: Self = Self { rename: true, relocate: true };

    /// Returns whether the way to `place` is allowed as a whole.
    pub fn allows(self, place: &Place) -> bool {
        (self.rename || !place.renames) && (self.relocate || !place.moves)
    }
}

/// What a feed wants of an entry that is there.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Where it is to be; see [`super::account::Account::locator`].
    pub locator: Option<&'a str>,
    /// Its new login name, when it gets one.
    pub username: Option<&'a str>,
    /// What changes of its attributes.
    pub changes: &'a [Change],
}

/// Where an entry belongs.
#[derive(Clone, Copy, Debug)]
pub enum Home<'a> {
    /// Where the feed wants it, as far as it may be changed. Without a locator it stays below its parent.
    Feed(Wish<'a>, May),
    /// Where somebody new goes, whose entry is [`EntryId::default`].
    New(&'a Account),
    /// Where the feed wants somebody who comes back from the archive; if the feed does not say, where the entry was
    /// before, or where new ones go. What it is called among its siblings stays.
    Back(Wish<'a>, Option<&'a str>),
    /// Among those who have left.
    Archive,
    /// Where it is, but called so for a while among its siblings.
    Aside(&'a str),
}

/// Works out where an entry belongs: `None` where it is. An error says why the feed's place is none.
pub type PlaceOf<'d> = dyn Fn(&EntryId, &Home<'_>) -> Result<Option<Place>, String> + Sync + 'd;

/// Returns what an account is called while somebody else takes its name, by its stable id: always the same, as long as
/// any directory allows, and nobody's.
pub fn temporary_name(stable: &str) -> String {
    const DIGITS: usize = 5;
    let digest = Sha256::digest(stable);
    digest.iter().take(DIGITS).fold("rosterd-".to_owned(), |name, byte| name + &format!("{byte:02x}"))
}

impl Relocation {
    /// Returns a relocation of the place alone.
    pub fn to(place: Step) -> Self {
        Self { username: None, place: Some(place) }
    }

    /// Returns what is left to be told of a relocation that may have been done by half: the account was called
    /// `username` and was at `place` before, and is now as `entry` and `now_called` say. `None`: it is as it was.
    pub fn since(before: &Before, entry: &EntryId, now_called: &str) -> Option<Self> {
        let step = |from: &str, to: &str| {
            let differs = !from.is_empty() && MatchKey::new(from) != MatchKey::new(to);
            differs.then(|| Step { from: from.into(), to: to.into() })
        };
        let since = Self { username: step(&before.username, now_called), place: step(&before.place, &entry.locator) };
        (since != Self::default()).then_some(since)
    }

    /// Returns what the account was before.
    pub fn before(&self) -> Before {
        let from = |step: &Option<Step>| step.as_ref().map(|step| step.from.clone()).unwrap_or_default();
        Before { username: from(&self.username), place: from(&self.place) }
    }

    /// Returns the same as it was before an interruption, when the account was called and placed as `first` says.
    pub fn since_first(planned: Option<&Self>, first: &Before, entry: &EntryId, now_called: &str) -> Option<Self> {
        let step = |first: &str, planned: Option<&Step>, now: &str| {
            let to = planned.map_or(now, |step| &step.to);
            let from = if first.is_empty() { planned.map_or(now, |step| &step.from) } else { first };
            let differs = !from.is_empty() && MatchKey::new(from) != MatchKey::new(to);
            differs.then(|| Step { from: from.into(), to: to.into() })
        };
        let username = step(&first.username, planned.and_then(|way| way.username.as_ref()), now_called);
        let place = step(&first.place, planned.and_then(|way| way.place.as_ref()), &entry.locator);
        let since = Self { username, place };
        (since != Self::default()).then_some(since)
    }

    /// Returns the way back.
    pub fn reversed(&self) -> Self {
        let back = |step: &Option<Step>| step.as_ref().map(|s| Step { from: s.to.clone(), to: s.from.clone() });
        Self { username: back(&self.username), place: back(&self.place) }
    }

    /// Returns whether an account that is called so, and there, has gone all of it.
    pub fn is_done(&self, called: &str, place: &str) -> bool {
        let is_there = |step: &Option<Step>, now: &str| {
            step.as_ref().is_none_or(|step| MatchKey::new(&step.to) == MatchKey::new(now))
        };
        is_there(&self.username, called) && is_there(&self.place, place)
    }

    /// Returns how far it has come, by the account as it is now.
    pub fn progress(&self, now: &ExistingAccount) -> Progress {
        let steps = [(&self.username, &now.username), (&self.place, &now.id.locator)];
        let mut progress = Progress::Done;
        for (step, now) in steps.into_iter().filter_map(|(step, now)| Some((step.as_ref()?, MatchKey::new(now)))) {
            if now == MatchKey::new(&step.to) {
                continue;
            }
            if now != MatchKey::new(&step.from) {
                return Progress::Elsewhere;
            }
            progress = Progress::ToDo;
        }
        progress
    }
}

/// What an account was called, and where it was, before it was relocated. Empty: that did not change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The login name.
    pub username: Box<str>,
    /// The place.
    pub place: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::attribute::Attributes;

    fn step(from: &str, to: &str) -> Option<Step> {
        Some(Step { from: from.into(), to: to.into() })
    }

    fn account(username: &str, place: &str) -> ExistingAccount {
        ExistingAccount {
            id: EntryId { locator: place.into(), stable: "1".into() },
            username: username.into(),
            attributes: Attributes::default(),
            enabled: true,
            must_change: None,
            protected: None,
            archived: false,
        }
    }

    #[test]
    fn progress_goes_by_what_is_there() {
        let both = Relocation { username: step("ada", "aking"), place: step("uid=ada,o=x", "uid=aking,o=x") };
        assert_eq!(both.progress(&account("ADA", "uid=Ada,o=x")), Progress::ToDo);
        assert_eq!(both.progress(&account("aking", "uid=ada,o=x")), Progress::ToDo);
        assert_eq!(both.progress(&account("aking", "uid=aking,o=x")), Progress::Done);
        assert_eq!(both.progress(&account("aking", "uid=aking,o=y")), Progress::Elsewhere);
        assert_eq!(both.progress(&account("eve", "uid=aking,o=x")), Progress::Elsewhere);
    }

    #[test]
    fn what_was_done_by_half_is_known_by_what_was_before() {
        let both = Relocation { username: step("ada", "aking"), place: step("uid=ada,o=x", "uid=aking,o=x") };
        let now = account("aking", "uid=aking,o=x");
        assert_eq!(Relocation::since(&both.before(), &now.id, &now.username), Some(both.clone()));
        let now = account("ada", "uid=ada,o=x");
        assert_eq!(Relocation::since(&both.before(), &now.id, &now.username), None);
        let moved = Relocation::to(step("uid=ada,o=x", "uid=ada,o=y").expect("a step"));
        let now = account("ada", "uid=ada,o=y");
        assert_eq!(Relocation::since(&moved.before(), &now.id, &now.username), Some(moved));
    }
}
