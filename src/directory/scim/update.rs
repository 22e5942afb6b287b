//! Changing accounts: read, compared with what was planned, written, and read back.

use std::sync::Arc;

use super::create::id_of;
use super::create::reject;
use super::flat;
use super::flat::Changed;
use super::path::AttributePath;
use super::provider::Provider;
use super::sweep::List;
use super::transport::Request;
use super::transport::Trouble;
use super::wire::PatchOperation;
use super::wire::Resource;
use super::wire::ResourceId;
use super::wire::applied;
use super::write::Written;
use super::write::gone;
use crate::directory::Pace;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::Schema;
use crate::roster::attribute::Values;
use crate::roster::change::Change;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Done;
use crate::roster::operation::Receipt;
use crate::roster::operation::Update;
use crate::roster::problem::ProblemKind;

/// What is still to be done to an account, as it is now.
struct Work<'u> {
    changes: Vec<Change>,
    username: Option<&'u str>,
    must_change: Option<(AttributePath, bool)>,
    enabled: Option<bool>,
}

impl Provider {
    /// Changes an account, if it is as the plan says.
    pub(super) async fn update(self: &Arc<Self>, update: &Update, pace: &Pace) -> Result<Receipt, Fault> {
        let id = id_of(&update.id)?;
        let _turn = self.locks.lock(&format!("id {id}")).await;
        let before = self.to_write(&id).await?;
        let names = update.changes.iter().map(|change| change.attribute.clone());
        let shape = self.shape(&Schema::new(names))?;
        let held = shape.account(&before, None);
        let work = self.work(update, &before, &held)?;
        if let Some(username) = work.username {
            self.prove_free(username, &id).await?;
        }
        let password = update.password.as_ref();
        if password.is_some() && !self.changes_passwords() {
            return Err(reject(&"the service changes no passwords"));
        }
        let changed = Changed {
            changes: &work.changes,
            username: work.username,
            password,
            must_change: work.must_change.as_ref().map(|(path, value)| (path, *value)),
            enabled: work.enabled,
        };
        let planned = flat::changes_of(&changed, Some(&before), &self.service).map_err(|why| reject(&why))?;
        for left_out in &planned.left_out {
            self.leave_out(&left_out.attribute, "its schema says so");
        }
        let operations = planned.sent;
        if operations.is_empty() {
            return Ok(Receipt { done: Done::AlreadySo, account: Some(Box::new(held)) });
        }
        let mut written = self.write(List::Users, &before, &operations, pace).await?;
        let refused = self.refused(&work, &operations, &written)?;
        let after = self.confirm(&work, (&before, &operations), &mut written, pace).await?;
        // A service that says so and does not would leave somebody in, or out.
        if let Some(wanted) = work.enabled.filter(|wanted| after.active() != Some(*wanted)) {
            let state = if wanted { "on" } else { "off" };
            let reason =
                format!("the service says that the account is switched {state}, and it is not when it is read back");
            return Err(reject(&reason));
        }
        let account = shape.account(&after, None);
        let missing: Vec<String> = refused.into_iter().chain(self.lost(&work, &before, &after)).collect();
        let done = match missing.as_slice() {
            [] => Done::Changed,
            names => Done::ChangedBut(format!("the service does not store {}", names.join(", "))),
        };
        Ok(Receipt { done, account: Some(Box::new(account)) })
    }

    /// Reads an account that is to be written, and proves that it may be.
    async fn to_write(self: &Arc<Self>, id: &ResourceId) -> Result<Resource, Fault> {
        let before = self.there(List::Users, id).await?.ok_or_else(gone)?;
        let inside = self.inside().await?;
        match self.guard.why(&before.user_name().unwrap_or_default(), id, &inside) {
            Some(why) => Err(reject(&ProblemKind::Protected(why))),
            None => Ok(before),
        }
    }

    /// Compares what was planned with what there is.
    fn work<'u>(&self, update: &'u Update, before: &Resource, held: &ExistingAccount) -> Result<Work<'u>, Fault> {
        if let Some(change) = update.changes.iter().find(|change| !holds(held, change)) {
            let reason = format!("`{}` was changed by somebody else in the meantime", change.attribute);
            return Err(Fault::new(Next::LookAgain, reason).with_code("changed"));
        }
        let step = update.relocation.as_ref().and_then(|relocation| relocation.username.as_ref());
        let is_called = |name: &str| before.user_name().is_some_and(|own| MatchKey::new(&own) == MatchKey::new(name));
        let username = match step {
            Some(step) if before.user_name().as_deref() == Some(&*step.to) => None,
            Some(step) if is_called(&step.from) || is_called(&step.to) => Some(&*step.to),
            Some(_) => {
                let reason = "the account was renamed by somebody else in the meantime";
                return Err(Fault::new(Next::LookAgain, reason).with_code("changed"));
            }
            None => None,
        };
        let must_change = match (update.must_change, self.must_change_path()) {
            (Some(wanted), Some(path)) if held.must_change != Some(wanted) || update.password.is_some() => {
                Some((path, wanted))
            }
            _ => None,
        };
        let is_off = before.active() == Some(false);
        Ok(Work {
            changes: update.changes.iter().filter(|change| !self.is_left_out(&change.attribute)).cloned().collect(),
            username,
            must_change,
            // Who is not said to be active may be, or not.
            enabled: update.enabled.filter(|wanted| *wanted == is_off || before.active().is_none()),
        })
    }

    /// Proves that nobody else has the name: not every service does.
    async fn prove_free(self: &Arc<Self>, username: &str, id: &ResourceId) -> Result<(), Fault> {
        if let Some(why) = self.guard.why_not_new(username) {
            return Err(reject(&ProblemKind::Protected(why)));
        }
        let named = self.glimpse(List::Users, &AttributePath::user_name(), username).await?;
        match named.iter().any(|other| other.id != *id) {
            true => Err(reject(&ProblemKind::Taken(username.to_owned()))),
            false => Ok(()),
        }
    }

    /// Returns the attributes that the service refuses whatever their values are, which is told. Other things that it
    /// refuses are a fault.
    fn refused(&self, work: &Work<'_>, operations: &[PatchOperation], written: &Written) -> Result<Vec<String>, Fault> {
        let mut names = Vec::new();
        for (at, reply) in &written.refused {
            if matches!(reply.status, 404 | 405) {
                let fault = Fault::new(Next::RejectRow, format!("the service does not change accounts: {reply}"));
                let next = if written.any { Next::LookAgain } else { fault.next };
                return Err(Fault { next, ..fault.with_code(reply.status) });
            }
            let path = &operations[*at].path;
            let of_path =
                |change: &&Change| AttributePath::of(&change.attribute).is_ok_and(|own| own.whole() == path.whole());
            let Some(change) = work.changes.iter().find(of_path) else {
                let fault =
                    Fault::new(Next::RejectRow, format!("the service does not let `{path}` be written: {reply}"));
                let fault = fault.with_code(reply.status);
                let next = if written.any { Next::LookAgain } else { fault.next };
                return Err(Fault { next, ..fault });
            };
            self.leave_out(&change.attribute, &reply.to_string());
            names.push(format!("`{}`", change.attribute));
        }
        Ok(names)
    }

    /// Reads the account back, unless the service has been seen to do as it says with all of this. What PATCH has not done
    /// is tried with PUT.
    async fn confirm(
        self: &Arc<Self>,
        work: &Work<'_>,
        (before, operations): (&Resource, &[PatchOperation]),
        written: &mut Written,
        pace: &Pace,
    ) -> Result<Resource, Fault> {
        let names = work.changes.iter().map(|change| change.attribute.as_str());
        // Whether a person is locked out, or in, is never taken on trust.
        let is_grave = work.enabled.is_some() || work.username.is_some() || work.must_change.is_some();
        if !is_grave && !self.tally.wants_proof(names) {
            if let Some(shown) = written.shown.take().filter(|shown| shown.user_name().is_some()) {
                return Ok(shown);
            }
            // The service has said that it has done what it was seen to do before (RFC 7644 section 3.5.2: 204).
            let attributes = applied(before.attributes(), operations);
            if let Ok(resource) = Resource::read_with(&attributes.into(), Some(&before.id)) {
                return Ok(resource);
            }
        }
        let after = self.there(List::Users, &before.id).await?.ok_or_else(gone)?;
        let lost = self.prove(&after, Some(before), &work.changes);
        let is_lost = |operation: &&PatchOperation| {
            let path = &operation.path;
            let of_path =
                |change: &&Change| AttributePath::of(&change.attribute).is_ok_and(|own| own.whole() == path.whole());
            lost.iter().any(of_path)
                || path.is_core("active") && work.enabled.is_some_and(|wanted| after.active() != Some(wanted))
                || path.is_core("userName") && after.user_name().as_deref() != work.username
        };
        let again: Vec<PatchOperation> = operations.iter().filter(is_lost).cloned().collect();
        if again.is_empty() || !self.service.can_put() || !self.service.can_patch() {
            return Ok(after);
        }
        match self.put(List::Users, &after, &again, pace).await {
            Ok(_) => self.there(List::Users, &before.id).await?.ok_or_else(gone),
            Err(fault) if fault.next == Next::RejectRow => Ok(after),
            Err(fault) => Err(Fault { code: None, ..fault }),
        }
    }

    /// Returns the attributes that are as they were after all, which is told.
    fn lost(&self, work: &Work<'_>, before: &Resource, after: &Resource) -> Vec<String> {
        let changes = flat::unstored(after, &work.changes, &self.service.schema);
        let is_as_before = |change: &&Change| {
            AttributePath::of(&change.attribute).is_ok_and(|path| after.values(&path) == before.values(&path))
        };
        let lost: Vec<&Change> = changes.into_iter().filter(is_as_before).collect();
        for change in &lost {
            self.leave_out(&change.attribute, "it is as it was when it is read back");
        }
        lost.into_iter().map(|change| format!("`{}`", change.attribute)).collect()
    }

    /// Deletes an account that is still called so.
    pub(super) async fn delete(self: &Arc<Self>, id: &EntryId, username: &str, pace: &Pace) -> Result<Done, Fault> {
        let Ok(id) = id_of(id) else { return Ok(Done::AlreadySo) };
        let _turn = self.locks.lock(&format!("id {id}")).await;
        let before = match self.to_write(&id).await {
            Ok(before) => before,
            Err(fault) if fault.code.as_deref() == Some("404") => return Ok(Done::AlreadySo),
            Err(fault) => return Err(fault),
        };
        if MatchKey::new(&before.user_name().unwrap_or_default()) != MatchKey::new(username) {
            let reason = "the account was renamed by somebody else in the meantime";
            return Err(Fault::new(Next::LookAgain, reason).with_code("changed"));
        }
        let url = self.service.users.resource(&id);
        let version = before.version.filter(|_| self.service.can(super::service::Capability::ETag));
        let sent = self.transport.send(Request::delete(url).if_match(version), Some(pace)).await;
        let refused = match sent {
            Ok(_) => None,
            Err(Trouble::Refused(reply)) => Some(reply),
            Err(trouble) => return Err(trouble.fault_of_write()),
        };
        // Whatever it says, what counts is whether the account is there.
        let Some(after) = self.there(List::Users, &id).await? else { return Ok(Done::Changed) };
        match refused {
            Some(reply) if matches!(reply.status, 404 | 405 | 501) => {
                let reason = format!("the service does not delete accounts: {reply}");
                Err(Fault::new(Next::RejectRow, reason).with_code(reply.status))
            }
            Some(reply) => Err(Trouble::Refused(reply).fault_of_write()),
            None if after.active() == Some(false) => {
                let reason = "the service does not delete accounts: it has switched this one off, and keeps it";
                Err(Fault::new(Next::RejectRow, reason).with_code("200"))
            }
            None => Ok(Done::Changed),
        }
    }
}

/// Returns whether what the plan read is still so.
fn holds(held: &ExistingAccount, change: &Change) -> bool {
    let now: Vec<&[u8]> = held.attributes.get(change.attribute.as_str()).into_iter().flat_map(Values::octets).collect();
    let old: Vec<&[u8]> = change.old.iter().map(AsRef::as_ref).collect();
    now.iter().all(|value| old.contains(value)) && old.iter().all(|value| now.contains(value))
}
