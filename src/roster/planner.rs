//! From matched rows to the plan: every person gets exactly one status.

mod names;
mod old;

use std::collections::HashMap;

use std::time::Duration;

use super::account::Account;
use super::account::Action;
use super::attribute::AttributeName;
use super::change::Change;
use super::columns::Known;
use super::deferred::DeferredChange;
use super::deferred::Held;
use super::earlier::Creation;
use super::earlier::Earlier;
use super::earlier::EarlierRow;
use super::enclosed::Files;
use super::guard;
use super::guard::Base;
use super::guard::Limits;
use super::leaver::Leavers;
use super::mapping::Mapper;
use super::matching::Found;
use super::matching::Matched;
use super::matching::Seen;
use super::memberships::GroupIndex;
use super::owners;
use super::place::Home;
use super::place::PlaceOf;
use super::place::Relocation;
use super::place::Wish;
use super::plan::CreateIntent;
use super::plan::HoldClass;
use super::plan::Intent;
use super::plan::Item;
use super::plan::MembershipChange;
use super::plan::Notice;
use super::plan::PasswordSource;
use super::plan::Plan;
use super::plan::Status;
use super::plan::Subject;
use super::plan::UpdateIntent;
use super::plan_id;
use super::problem::Problem;
use super::problem::ProblemKind;
use super::problem::Severity;
use super::reference;
use super::reference::Resolver;
use super::rows::Rows;
use super::seats;

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
    for (attribute, owners) in &matched.owners {
        let label = maker.mapper.labels().attribute(attribute);
        let conflicts = owners::conflicts(&rows.accounts, attribute, owners, label);
        conflicts.into_iter().for_each(|(index, problem)| problems.push(index, problem));
    }
    let referred = matched.referred.take();
    let resolver = referred.as_ref().map(|r| Resolver::new(r, &rows.accounts, &rows.rejected, maker.mapper));
    let mut items = Vec::with_capacity(base.rows + matched.old.len());
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
    if rules.old != OldPolicy::Keep {
        items.extend(old::items(matched.old, rules.old, around, place_of));
    }
    rows.notices.extend(misplaced(&matched.misplaced));
    let seats = rules.seats.map(|limit| seats::assign(&mut items, &rows.accounts, limit, matched.n_enabled));
    if referred.is_some() {
        reference::drop_unmade(&mut items, &rows.accounts, maker.mapper.labels());
    }
    let holds = guard::breaches(&items, &rules.limits, base, matched.unidentified);
    if matched.unidentified > 0 && holds.iter().any(|hold| hold.class == HoldClass::Old) {
        let n = matched.unidentified;
        let text = format!(
            "rows in error that do not say who they are about: {n}; until they are corrected, or somebody approves, nobody is switched off"
        );
        rows.notices.push(Notice { column: None, text });
    }
    let mut plan = Plan { id: plan_id::none(), accounts: rows.accounts, items, notices: rows.notices, holds, seats };
    plan.id = plan_id::of(&plan, maker.digest);
    plan
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

/// The decision about one account.
struct Decision<'d> {
    account: &'d Account,
    rules: &'d PlanRules,
    around: &'d Surroundings,
    mapper: &'d Mapper,
    resolver: Option<&'d Resolver<'d>>,
    files: &'d Files,
    memberships: &'d mut usize,
    problems: Vec<Problem>,
    place_of: &'d PlaceOf<'d>,
}

impl Decision<'_> {
    fn item(mut self, index: u32, seen: Seen, objections: &dyn Fn(&Account) -> Vec<Problem>) -> Item {
        let earlier = self.around.earlier.row(self.account.line);
        // Somebody whose account this run has made stays New, however often the run plans.
        let status = if earlier.creation == Creation::No { Status::Update } else { Status::New };
        let (status, entry, intent) = match seen {
            Seen::Nowhere if earlier.is_settled => {
                (Status::New, None, Intent::Skip("it was tried already in this run"))
            }
            Seen::Nowhere => (Status::New, None, self.for_new(index, objections)),
            Seen::Same => (status, None, Intent::Nothing),
            Seen::Found(found) => {
                let intent = self.for_existing(index, &found, earlier);
                let is_of_use = intent.writes() || self.account.choices.action == Action::Disable;
                (status, is_of_use.then(|| Box::new(found.id)), intent)
            }
        };
        let is_error = self.problems.iter().any(|problem| problem.severity == Severity::Error);
        Item {
            line: Some(self.account.line),
            status: if is_error { Status::Error } else { status },
            subject: Subject::Account(index),
            entry: if is_error { None } else { entry },
            intent: if is_error { Intent::Nothing } else { intent },
            problems: self.problems.into(),
        }
    }

    fn for_new(&mut self, index: u32, objections: &dyn Fn(&Account) -> Vec<Problem>) -> Intent {
        let choices = self.account.choices;
        match choices.action {
            Action::Disable => return self.no_account("disable"),
            Action::Delete => return self.no_account("delete"),
            Action::Auto => {}
        }
        if !choices.add {
            return Intent::Skip("`add` is off for this row");
        }
        let passwords = self.rules.passwords;
        self.problems.extend(self.mapper.missing_for_create(self.account, passwords.generate_for_new));
        let must_change = self.account.must_change.unwrap_or(passwords.change_next_time);
        let settled = Account { must_change: Some(must_change), ..self.account.clone() };
        self.problems.extend(objections(&settled));
        let deferred = self.deferred(index, None);
        let memberships = self.memberships(None);
        let is_given = |name: &&AttributeName| self.account.attributes.get(name.as_str()).is_none();
        let allocates = self.around.allocates.iter().filter(is_given).cloned().collect();
        let password = if self.account.password.is_some() { PasswordSource::Row } else { PasswordSource::Generated };
        Intent::Create(CreateIntent { allocates, password, must_change, deferred, memberships: memberships.into() })
    }

    fn no_account(&mut self, action: &'static str) -> Intent {
        let label = self.mapper.labels().known(Known::Action);
        self.problems.push(Problem::error(Some(label), ProblemKind::NoAccount(action)));
        Intent::Nothing
    }

    fn for_existing(&mut self, index: u32, found: &Found, earlier: EarlierRow) -> Intent {
        let choices = self.account.choices;
        if earlier.creation == Creation::InDoubt && !found.changes.is_empty() {
            let text = "an account of this name, but not as this run was about to make it, is in the directory since \
                        the run was interrupted; look at it, and drop the roster again";
            self.problems.push(Problem::error(None, ProblemKind::Other(text.to_owned())));
            return Intent::Nothing;
        }
        let intent = match choices.action {
            Action::Auto => self.update(index, found, earlier),
            Action::Disable if !found.enabled => Intent::Nothing,
            Action::Disable | Action::Delete if earlier.is_settled => Intent::Skip("it was tried already in this run"),
            Action::Disable => Intent::Disable,
            Action::Delete => Intent::Delete,
        };
        if !intent.writes() {
            return intent;
        }
        if let Some(why) = &found.protected {
            self.problems.push(Problem::error(None, ProblemKind::Protected(why.to_string())));
        }
        let is_ours = earlier.creation != Creation::No || earlier.letter_owed;
        if matches!(intent, Intent::Update(_)) && !choices.update && !is_ours {
            return Intent::Skip("`update` is off for this row");
        }
        intent
    }

    fn update(&mut self, index: u32, found: &Found, earlier: EarlierRow) -> Intent {
        let passwords = self.rules.passwords;
        let had_its_password = earlier.is_settled || earlier.password_written || earlier.creation != Creation::No;
        let of_row = self.account.password.is_some();
        // Some directories make an account switched off, and set its password afterwards.
        let is_unfinished = earlier.creation == Creation::InDoubt && !found.enabled;
        let password = if earlier.letter_owed || is_unfinished {
            Some(if of_row { PasswordSource::Row } else { PasswordSource::Generated })
        } else if had_its_password {
            None
        } else if passwords.from_file_for_existing && of_row {
            Some(PasswordSource::Row)
        } else if passwords.generate_for_existing {
            Some(PasswordSource::Generated)
        } else {
            None
        };
        // A forced change belongs to a new password: asking for it again every night would lock people into changing
        // a password that they have just chosen.
        let must_change = password.map(|_| self.account.must_change.unwrap_or(passwords.change_next_time));
        let back = !found.enabled && self.rules.reenable && self.around.leavers.contains_key(&found.id.stable);
        let mut changes = if earlier.is_settled { Vec::new() } else { found.changes.clone() };
        let mut relocation = self.relocation(found, earlier);
        if back && found.archived && !earlier.is_settled {
            relocation = self.way_back(found, &mut changes).or(relocation);
        }
        if !found.enabled && !back && !is_unfinished {
            let text = "the account is switched off in the directory, and not by rosterd; it stays so".to_owned();
            self.problems.push(Problem::warning(None, ProblemKind::Other(text)));
        }
        let deferred = self.deferred(index, Some(found));
        let memberships = self.memberships(Some(found));
        let update = UpdateIntent {
            relocation,
            changes,
            deferred,
            password,
            must_change,
            enabled: ((back && !earlier.is_settled) || is_unfinished).then_some(true),
            memberships,
            letter_owed: earlier.letter_owed,
        };
        if update == UpdateIntent::default() { Intent::Nothing } else { Intent::Update(Box::new(update)) }
    }

    /// Returns the new name or place. One that was begun before an interruption is gone through once more, for the sake
    /// of what follows from it.
    fn relocation(&self, found: &Found, earlier: EarlierRow) -> Option<Relocation> {
        if earlier.is_settled {
            return None;
        }
        let begun = || {
            let before = self.around.earlier.before.get(&self.account.line)?;
            Relocation::since(before, &found.id, &found.username)
        };
        found.relocation.clone().or_else(begun)
    }

    /// Returns the way out of the archive, and takes out what would give the entry another name on the way.
    fn way_back(&mut self, found: &Found, changes: &mut Vec<Change>) -> Option<Relocation> {
        let before = self.around.leavers.get(&found.id.stable).and_then(|leaver| leaver.place.as_deref());
        let wish = Wish { locator: self.account.locator.as_deref(), username: None, changes };
        match (self.place_of)(&found.id, &Home::Back(wish, before)) {
            Ok(place) => place.map(|place| {
                changes.retain(|change| !place.named_by.contains(&change.attribute));
                Relocation::to(place.step)
            }),
            Err(why) => {
                self.problems.push(Problem::error(None, ProblemKind::Other(why)));
                None
            }
        }
    }

    /// Returns what is written after all accounts. It is not settled with the account: the directory says what is left.
    fn deferred(&mut self, index: u32, found: Option<&Found>) -> Vec<DeferredChange> {
        let none = Held::default();
        let held = found.map(|found| found.deferred.as_deref().unwrap_or(&none));
        let (mut changes, problems) = self.files.changes(self.mapper, self.account, held);
        self.problems.extend(problems);
        if let Some(resolver) = self.resolver {
            let (references, problems) = resolver.changes(index, held);
            changes.extend(references);
            self.problems.extend(problems);
        }
        changes
    }

    fn memberships(&mut self, found: Option<&Found>) -> Vec<MembershipChange> {
        let account = self.account;
        let entry = found.map(|found| (&found.id, &*found.username));
        let every_channel: Option<Box<[_]>> = match &self.around.channels {
            Some(channels) if account.choices.subscribe => Some(channels.names().cloned().collect()),
            _ => None,
        };
        let kinds = [
            (&self.around.groups, &account.groups, account.choices.sync_groups, Known::Groups),
            (&self.around.roles, &account.roles, account.choices.sync_roles, Known::Roles),
            (&self.around.channels, &every_channel, false, Known::Subscribe),
        ];
        let mut all = Vec::new();
        for (index, wanted, sync, column) in kinds {
            let (Some(index), Some(wanted)) = (index, wanted) else { continue };
            match index.change(wanted, sync, entry, self.mapper.labels().known(column)) {
                Ok((change, n_current)) => {
                    *self.memberships += n_current;
                    all.extend(change);
                }
                Err(problems) => self.problems.extend(problems),
            }
        }
        all
    }
}
