//! From matched rows to the plan: every person gets exactly one status.

mod decision;
mod names;
mod old;

use std::collections::HashMap;

use std::time::Duration;

use super::account::Account;
use super::attribute::AttributeName;
use super::claim::Claim;
use super::earlier::Earlier;
use super::guard;
use super::guard::Base;
use super::guard::Limits;
use super::leaver::Leavers;
use super::matching::Matched;
use super::matching::Seen;
use super::memberships::GroupIndex;
use super::owners;
use super::place::PlaceOf;
use super::place::Relocation;
use super::place::Step;
use super::plan::HoldClass;
use super::plan::Intent;
use super::plan::Item;
use super::plan::Notice;
use super::plan::Plan;
use super::plan::Status;
use super::plan::Subject;
use super::plan_id;
use super::problem::Problem;
use super::reference;
use super::reference::Resolver;
use super::rows::Rows;
use super::seats;
use super::turns;
use super::turns::Names;

use decision::Decision;

pub use names::Maker;

/// What a feed decides about people, besides the mapping.
#[derive(Clone, Debug)]
pub struct PlanRules {
    /// Passwords.
    pub passwords: PasswordRules,
    /// What happens to people who are in the directory only.
    pub old: OldPolicy,
    /// How long those must have been missing who are deleted.
    pub grace: Option<Duration>,
    /// Let people in again who come back, if rosterd had switched them off.
    pub reenable: bool,
    /// Licence seats in all.
    pub seats: Option<usize>,
    /// Limits on the whole plan.
    pub limits: Limits,
}

/// What a feed decides about passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// Generate random passwords for new users.
    pub generate_for_new: bool,
    /// Generate random passwords for existing users.
    pub generate_for_existing: bool,
    /// Write the password column to existing accounts.
    pub from_file_for_existing: bool,
    /// Whether the password must be changed at the next login where the row does not say.
    pub change_next_time: bool,
}

/// What happens to people who are in the directory only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldPolicy {
    /// They are not looked for.
    Keep,
    /// They are reported.
    Report,
    /// They are switched off.
    Disable,
    /// They are switched off and moved to the target's archive.
    Move,
    /// They are switched off, and deleted when they have been missing for a while.
    Delete {
        /// There is no while.
        at_once: bool,
        /// Meanwhile they are in the target's archive.
        archives: bool,
    },
}

/// What is known about the target, besides its accounts.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Groups, if the target has them and the roster or the feed names some.
    pub groups: Option<GroupIndex>,
    /// The same for roles.
    pub roles: Option<GroupIndex>,
    /// The same for channels.
    pub channels: Option<GroupIndex>,
    /// Those whom rosterd itself has switched off.
    pub leavers: Leavers,
    /// Attributes of which the target gives out the values of new accounts.
    pub allocates: Vec<AttributeName>,
    /// What this run has done already.
    pub earlier: Earlier,
}

/// Decides about every row and every Old entry.
///
/// `objections` are the target's own about an account that is to be created; `place_of` is asked where entries belong
/// that come into the archive or out of it.
pub fn build(
    mut rows: Rows,
    mut matched: Matched,
    rules: &PlanRules,
    around: &Surroundings,
    maker: &Maker<'_>,
    objections: &dyn Fn(&Account) -> Vec<Problem>,
    place_of: &PlaceOf<'_>,
) -> Plan {
    let mut problems = Problems::of(&rows, std::mem::take(&mut matched.problems));
    maker.complete_new(&mut rows, &matched, &mut problems);
    let mut base = Base {
        in_scope: matched.n_in_scope,
        in_both: matched.seen.iter().filter(|seen| !matches!(seen, Seen::Nowhere)).count(),
        rows: rows.accounts.len() + rows.rejected.len(),
        memberships: 0,
    };
    maker.settle_existing_names(&mut rows, &matched, &mut problems);
    let (mut claims, labels) = (std::mem::take(&mut matched.claims), maker.mapper.labels());
    for (attribute, owners) in &matched.owners {
        let (conflicts, claimed) = owners::conflicts(&rows.accounts, attribute, owners, labels.attribute(attribute));
        conflicts.into_iter().for_each(|(index, problem)| problems.push(index, problem));
        claims.extend(claimed);
    }
    claims.retain(|claim| {
        let is_left = is_left(claim, &matched.seen);
        if !is_left {
            problems.push(claim.row, claim.problem(labels.attribute(&claim.attribute)));
        }
        is_left
    });
    let referred = matched.referred.take();
    let moves = || moves(&matched.seen, &rows.accounts, &around.earlier);
    let resolver = referred.as_ref().map(|r| Resolver::new(r, &rows.accounts, &rows.rejected, maker.mapper, moves()));
    let mut items = Vec::with_capacity(base.rows + matched.old.len());
    let called = called_now(&matched.seen, &rows.accounts, &around.earlier);
    let seen = std::mem::take(&mut matched.seen);
    for ((index, account), seen) in (0u32..).zip(&rows.accounts).zip(seen) {
        let problems = problems.take(index);
        let (mapper, resolver, files) = (maker.mapper, resolver.as_ref(), &rows.files);
        let memberships = &mut base.memberships;
        let decision = Decision { account, rules, around, mapper, resolver, files, memberships, problems, place_of };
        items.push(decision.item(index, seen, objections));
    }
    drop(resolver);
    items.extend(rows.rejected.into_iter().map(|rejected| Item {
        line: Some(rejected.line),
        status: Status::Error,
        subject: Subject::Named(Box::new(rejected.named)),
        entry: None,
        intent: Intent::Nothing,
        problems: rejected.problems.into(),
    }));
    items.sort_by_key(|item| item.line);
    let (accounts, taken) = (&rows.accounts, &matched.name_taken);
    let names = Names { accounts, taken, claims: &claims, called: &called, place_of, labels };
    let turns = turns::settle(&mut items, &names);
    if referred.is_some() {
        reference::drop_unmoved(&mut items);
    }
    if rules.old != OldPolicy::Keep {
        items.extend(old::items(matched.old, rules.old, around, place_of));
    }
    rows.notices.extend(misplaced(&matched.misplaced));
    let seats = rules.seats.map(|limit| seats::assign(&mut items, &rows.accounts, limit, matched.n_enabled));
    if referred.is_some() {
        reference::drop_unmade(&mut items, &rows.accounts, labels);
    }
    let holds = guard::breaches(&items, &rules.limits, base, matched.unidentified);
    if matched.unidentified > 0 && holds.iter().any(|hold| hold.class == HoldClass::Old) {
        let n = matched.unidentified;
        let text = format!(
            "rows in error that do not say who they are about: {n}; until they are corrected, or somebody approves, nobody is switched off"
        );
        rows.notices.push(Notice { column: None, text });
    }
    let (accounts, notices) = (rows.accounts, rows.notices);
    let mut plan = Plan { id: plan_id::none(), accounts, items, notices, holds, seats, turns };
    plan.id = plan_id::of(&plan, maker.digest);
    plan
}

/// Returns the ways of those who get another name or place, by place of their account.
fn moves(seen: &[Seen], accounts: &[Account], earlier: &Earlier) -> HashMap<u32, Step> {
    let way = |seen: &Seen, account: &Account| {
        let Seen::Found(found) = seen else { return None };
        let planned = found.relocation.as_ref();
        match earlier.first.get(&account.line) {
            Some(first) => Relocation::since_first(planned, first, &found.id, &found.username)?.place,
            None => planned?.place.clone(),
        }
    };
    let moved = |((index, seen), account)| Some((index, way(seen, account)?));
    (0u32..).zip(seen).zip(accounts).filter_map(moved).collect()
}

/// Returns whether somebody's entry may be about to lose what another account is to have. Whether it does is known when
/// everything is decided.
fn is_left(claim: &Claim, seen: &[Seen]) -> bool {
    let holder = claim.holder.and_then(|row| seen.get(row as usize));
    matches!(holder, Some(Seen::Found(found)) if claim.is_given_up(&found.changes))
}

/// Returns what those are called who were in the middle of a circle when the run was interrupted.
fn called_now(seen: &[Seen], accounts: &[Account], earlier: &Earlier) -> HashMap<u32, Box<str>> {
    if earlier.first.is_empty() {
        return HashMap::new();
    }
    let called = |((index, seen), account): ((u32, &Seen), &Account)| match seen {
        Seen::Found(found) if earlier.first.contains_key(&account.line) => Some((index, found.username.clone())),
        _ => None,
    };
    (0u32..).zip(seen).zip(accounts).filter_map(called).collect()
}

/// Tells of entries that are not where the feed says, and stay where they are.
fn misplaced((n, first): &(usize, Box<str>)) -> Option<Notice> {
    let text = format!(
        "accounts that are not below the entry that `dn` says: {n}, such as {first}; they stay where they are, since \
         `move` is off in [feed.defaults]"
    );
    (*n > 0).then_some(Notice { column: None, text })
}

/// Problems of accounts by place, taken out one account at a time.
struct Problems(HashMap<u32, Vec<Problem>>);

impl Problems {
    fn of(rows: &Rows, found: Vec<(u32, Problem)>) -> Self {
        let mut all: HashMap<u32, Vec<Problem>> = HashMap::new();
        for (index, problem) in rows.warnings.iter().cloned().chain(found) {
            let own = all.entry(index).or_default();
            if !own.contains(&problem) {
                own.push(problem);
            }
        }
        Self(all)
    }

    fn push(&mut self, index: u32, problem: Problem) {
        self.0.entry(index).or_default().push(problem);
    }

    fn take(&mut self, index: u32) -> Vec<Problem> {
        self.0.remove(&index).unwrap_or_default()
    }
}
