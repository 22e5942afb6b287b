//! What is held back until somebody approves.

use std::fmt;

/// A limit that the plan breaches, and what is held back until somebody approves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What is held back.
    pub class: HoldClass,
    /// How many the plan has.
    pub planned: usize,
    /// How many the feed allows.
    pub limit: usize,
    /// Of how many.
    pub of: usize,
}

/// The dangerous parts of a plan, each with a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldClass {
    /// Disabling, moving away and deleting accounts.
    Old,
    /// Taking people out of groups and roles.
    Removals,
    /// Emptying attributes.
    Clears,
    /// New passwords for existing accounts.
    Passwords,
    /// Changes of existing accounts.
    Updates,
    /// New accounts.
    Creates,
    /// Deleting accounts.
    Deletions,
    /// Other names or places for existing accounts.
    Moves,
    /// Changes that make another person of an account.
    Takeovers,
}

impl HoldClass {
    /// Every class.
    pub const ALL: [Self; 9] = [
        Self::Old,
        Self::Removals,
        Self::Clears,
        Self::Passwords,
        Self::Updates,
        Self::Creates,
        Self::Deletions,
        Self::Moves,
        Self::Takeovers,
    ];

    /// Returns the words for people, fit for "12 of 40 ...".
    pub fn words(self) -> &'static str {
        match self {
            Self::Old => "accounts to disable or delete",
            Self::Removals => "memberships to remove",
            Self::Clears => "accounts with an attribute to empty",
            Self::Passwords => "existing accounts to get a new password",
            Self::Updates => "accounts to change",
            Self::Creates => "accounts to create",
            Self::Deletions => "accounts to delete",
            Self::Moves => "accounts to rename or move",
            Self::Takeovers => "accounts to get another first name and another surname",
        }
    }

    /// Returns the key in `[feed.limits]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::Removals => "removals",
            Self::Clears => "clears",
            Self::Passwords => "passwords",
            Self::Updates => "updates",
            Self::Creates => "creates",
            Self::Deletions => "deletions",
            Self::Moves => "moves",
            Self::Takeovers => "takeovers",
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, planned, limit, of } = self;
        write!(f, "{planned} {} of {of}, the limit is {limit} (`limits.{}`)", class.words(), class.key())
    }
}
