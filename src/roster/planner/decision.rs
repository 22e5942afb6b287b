//! The decision about one row.

use std::borrow::Cow;

use super::PlanRules;
use super::Surroundings;
use crate::roster::account::Account;
use crate::roster::account::Action;
use crate::roster::attribute::AttributeName;
use crate::roster::change::Change;
use crate::roster::columns::Known;
use crate::roster::deferred::DeferredChange;
use crate::roster::deferred::Held;
use crate::roster::earlier::Creation;
use crate::roster::earlier::EarlierRow;
use crate::roster::enclosed::Files;
use crate::roster::mapping::Mapper;
use crate::roster::matching::Found;
use crate::roster::matching::Seen;
use crate::roster::place::Home;
use crate::roster::place::PlaceOf;
use crate::roster::place::Relocation;
use crate::roster::place::Wish;
use crate::roster::plan::CreateIntent;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::MembershipChange;
use crate::roster::plan::PasswordSource;
use crate::roster::plan::Status;
use crate::roster::plan::Subject;
use crate::roster::plan::UpdateIntent;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::problem::Severity;
use crate::roster::reference::Resolver;

/// The decision about one account.
pub(super) struct Decision<'d> {
    pub(super) account: &'d Account,
    pub(super) rules: &'d PlanRules,
    pub(super) around: &'d Surroundings,
    pub(super) mapper: &'d Mapper,
    pub(super) resolver: Option<&'d Resolver<'d>>,
    pub(super) files: &'d Files,
    pub(super) memberships: &'d mut usize,
    pub(super) problems: Vec<Problem>,
    pub(super) place_of: &'d PlaceOf<'d>,
}

impl Decision<'_> {
    pub(super) fn item(mut self, index: u32, seen: Seen, objections: &dyn Fn(&Account) -> Vec<Problem>) -> Item {
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
        let settled = match self.account.must_change {
            Some(_) => Cow::Borrowed(self.account),
            None => Cow::Owned(Account { must_change: Some(must_change), ..self.account.clone() }),
        };
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
        if let Some(first) = self.around.earlier.first.get(&self.account.line) {
            return Relocation::since_first(found.relocation.as_ref(), first, &found.id, &found.username);
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
