//! A feed: everything that decides how one folder's rosters become accounts.

use std::sync::Arc;

use crate::directory::Throttle;
use crate::provision::letters::LetterProof;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Schema;
use crate::roster::letter::LetterTemplate;
use crate::roster::mapping::Mapping;
use crate::roster::matching::MatchRules;
use crate::roster::memberships::MembershipRules;
use crate::roster::password::PasswordPolicy;
use crate::roster::planner::PlanRules;
use crate::roster::read::Dialect;

/// The rules of one feed, proven.
#[derive(Debug)]
pub struct Feed {
    /// Its name.
    pub name: String,
    /// The name of its target.
    pub target: String,
    /// Whether plans wait for approval.
    pub mode: Mode,
    /// The form of its rosters.
    pub dialect: Dialect,
    /// Columns to attributes.
    pub mapping: Mapping,
    /// How rows find entries.
    pub matching: MatchRules,
    /// What is decided about people.
    pub plan: PlanRules,
    /// Groups.
    pub groups: MembershipRules,
    /// Roles.
    pub roles: MembershipRules,
    /// How fast it writes.
    pub throttle: Throttle,
    /// How passwords are generated.
    pub passwords: PasswordPolicy,
    /// Credential letters, if it sends any.
    pub letters: Option<LetterSettings>,
    /// Attributes to read of every entry.
    pub attributes: Schema,
    /// The attributes that are written.
    pub mapped: Vec<AttributeName>,
    /// Stands for all of the above in the id of a plan: a digest of the feed's configuration.
    pub digest: Vec<u8>,
}

/// Whether plans wait for approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are applied at once.
    Apply,
    /// They wait for `rosterd approve`.
    Review,
}

/// Credential letters of one feed.
#[derive(Clone, Debug)]
pub struct LetterSettings {
    /// The text.
    pub template: Arc<LetterTemplate>,
    /// How many a minute.
    pub per_minute: std::num::NonZeroU32,
    /// What must be proved before one goes out.
    pub proof: LetterProof,
}
