//! Creating accounts, and what it means when the service says that one is there already.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::flat;
use super::flat::NewAccount;
use super::path::AttributePath;
use super::provider::Provider;
use super::read::entry_id;
use super::service::Uniqueness;
use super::sweep::List;
use super::transport::Reply;
use super::transport::Request;
use super::transport::Trouble;
use super::wire::ErrorReply;
use super::wire::Resource;
use super::wire::ResourceId;
use super::wire::ScimType;
use super::wire::urn;
use crate::directory::Pace;
use crate::roster::account::EntryId;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::change::Change;
use crate::roster::diff;
use crate::roster::diff::Policy;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Create;
use crate::roster::operation::Done;
use crate::roster::operation::Receipt;
use crate::roster::operation::Update;
use crate::roster::problem::ProblemKind;

/// How long a service may be at it after it has not answered.
const STILL_AT_IT: Duration = Duration::from_secs(1);
/// Attributes that are left out of one account, at most, since the service refuses them by name.
const LEFT_OUT: usize = 8;

impl Provider {
    /// Creates an account. It is never sent twice: what came of it when there was no answer is for a look to tell.
    pub(super) async fn create(self: &Arc<Self>, create: &Create, pace: &Pace) -> Result<Receipt, Fault> {
        let _turn = self.locks.lock(&format!("name {}", MatchKey::new(&create.username).as_str())).await;
        let mut body = self.addition(create)?;
        for _ in 0..LEFT_OUT {
            let request = Request::post(self.service.users.url(), body.clone());
            match self.transport.send(request, Some(pace)).await {
                Ok(reply) => return self.created(create, &body, &reply).await,
                Err(Trouble::Refused(reply)) => {
                    if let Some(name) = self.blamed(create, &reply) {
                        self.leave_out(&name, &reply.to_string());
                        body = self.addition(create)?;
                        continue;
                    }
                    return self.not_created(create, reply, pace).await;
                }
                Err(trouble) => {
                    if matches!(trouble, Trouble::Unanswered(_)) {
                        tokio::time::sleep(STILL_AT_IT).await;
                    }
                    return Err(trouble.fault_of_write());
                }
            }
        }
        Err(Fault::new(Next::RejectRow, "the service refuses one attribute after the other"))
    }

    /// Returns the body that creates an account.
    pub(super) fn addition(&self, create: &Create) -> Result<Value, Fault> {
        let Create { username, locator: _, attributes, password, must_change } = create;
        if let Some(why) = self.guard.why_not_new(username) {
            return Err(reject(&ProblemKind::Protected(why)));
        }
        let path = self.must_change_path();
        let kept = attributes.only(|name| !self.is_left_out(name));
        let account = NewAccount {
            username,
            attributes: &kept,
            external_id: None,
            password: password.as_ref().filter(|_| self.takes_passwords()),
            must_change: path.as_ref().map(|path| (path, *must_change)),
            active: true,
        };
        let written = flat::resource_of(&account, &self.service).map_err(|unwritable| reject(&unwritable))?;
        for left_out in &written.left_out {
            self.leave_out(&left_out.attribute, "its schema says so");
        }
        Ok(written.sent)
    }

    /// Finds out which account was created, and whether it is as it was sent.
    ///
    /// `sent` is what was asked for. Where the service shows nothing, that is what there is, once the service has been seen
    /// to do as it says.
    pub(super) async fn created(
        self: &Arc<Self>,
        create: &Create,
        sent: &Value,
        reply: &Reply,
    ) -> Result<Receipt, Fault> {
        let changes = changes_of(&create.attributes, |name| !self.is_left_out(name));
        let wants_proof = self.tally.wants_proof(changes.iter().map(|change| change.attribute.as_str()));
        let located = reply.location.as_deref().and_then(|location| self.service.users.id_in(location));
        let body = reply.body.as_ref().filter(|body| body.is_object());
        let shown = body.and_then(|body| Resource::read_with(body, located.as_ref()).ok());
        let mut shown = match (shown, located) {
            (Some(shown), _) => shown,
            (None, Some(id)) if !wants_proof && reply.status == 201 => as_sent(sent, &id)?,
            (None, Some(id)) => match self.there(List::Users, &id).await? {
                Some(there) => there,
                None => return Err(unknown("the service says that it has created the account, and does not show it")),
            },
            (None, None) => self.created_nameless(create).await?,
        };
        if reply.etag.is_some() {
            shown.version.clone_from(&reply.etag);
        }
        let username = shown.user_name().unwrap_or_default().into_owned();
        let is_named_so = MatchKey::new(&username) == MatchKey::new(&create.username);
        // Created is 201 (RFC 7644 section 3.3). There are services that answer 200 with the account that was there.
        if reply.status == 200 && (!is_named_so || !flat::unstored(&shown, &changes, &self.service.schema).is_empty()) {
            return Err(exists(&username));
        }
        if username.is_empty() || wants_proof {
            match self.there(List::Users, &shown.id).await? {
                Some(there) => shown = there,
                // A copy of the service that answers reads may be late; whoever wants to know looks again.
                None => return Ok(Receipt::from(Done::Created(entry_id(&shown.id)))),
            }
            self.prove(&shown, None, &changes);
        }
        let account = self.shape(&create.attributes.schema())?.account(&shown, None);
        let id = account.id.clone();
        let username = shown.user_name().unwrap_or_default();
        let done = if MatchKey::new(&username) == MatchKey::new(&create.username) {
            Done::Created(id)
        } else {
            Done::ChangedBut(format!("the service calls the account `{username}`"))
        };
        Ok(Receipt { done, account: Some(Box::new(account)) })
    }

    /// Finds an account that was created just now, and of which the service said nothing.
    async fn created_nameless(self: &Arc<Self>, create: &Create) -> Result<Resource, Fault> {
        let found = self.glimpse(List::Users, &AttributePath::user_name(), &create.username).await?;
        match <[Resource; 1]>::try_from(found) {
            Ok([found]) => {
                self.there(List::Users, &found.id).await?.ok_or_else(|| unknown("the account is gone again"))
            }
            Err(_) => Err(unknown("the service says that it has created the account, and not which one it is")),
        }
    }

    /// Tells what a refusal means: whether it is there, and whose it is.
    pub(super) async fn not_created(
        self: &Arc<Self>,
        create: &Create,
        reply: ErrorReply,
        pace: &Pace,
    ) -> Result<Receipt, Fault> {
        let is_clash = reply.status == 409 || reply.scim_type == Some(ScimType::Uniqueness);
        if !is_clash {
            return Err(Trouble::Refused(reply).fault_of_write());
        }
        let by_name = self.glimpse(List::Users, &AttributePath::user_name(), &create.username).await?;
        match by_name.as_slice() {
            [] => {}
            [there] if self.is_same_person(create, there) => return self.adopt(create, &there.id, pace).await,
            [there, ..] => return Err(exists(&there.user_name().unwrap_or_default())),
        }
        for (name, values) in create.attributes.iter() {
            let Ok(path) = AttributePath::of(name) else { continue };
            if !self.may_be_unique(&path) {
                continue;
            }
            for value in values.text() {
                let others = self.glimpse(List::Users, &path, value).await?;
                if let Some(other) = others.first() {
                    let username = other.user_name().unwrap_or_default();
                    let reason = format!("the account `{username}` has the same `{name}`");
                    return Err(Fault::new(Next::RejectRow, reason).with_code(reply.status));
                }
            }
        }
        // Once more would come to the same, for ever.
        let said = reply.detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
        let reason = format!(
            "the service says that there is such an account, and shows none: it may be deleted and kept, or in another \
             part of the service; look there{said}"
        );
        Err(Fault::new(Next::RejectRow, reason).with_code(reply.status))
    }

    /// Returns whether an account that has the name is the person's own: by the id that we alone give (RFC 7643 section
    /// 3.1, `externalId`).
    fn is_same_person(&self, create: &Create, there: &Resource) -> bool {
        let external = AttributePath::external_id();
        let is_it = |name: &AttributeName| AttributePath::of(name).is_ok_and(|path| path == external);
        let wanted =
            create.attributes.iter().find(|(name, _)| is_it(name)).and_then(|(_, values)| values.text().next());
        let is_protected = self.guard.why(&there.user_name().unwrap_or_default(), &there.id, &HashSet::new()).is_some();
        !is_protected && wanted.is_some() && there.external_id().as_deref() == wanted
    }

    /// Brings an account that is there up to date, instead of a second one.
    async fn adopt(self: &Arc<Self>, create: &Create, id: &ResourceId, pace: &Pace) -> Result<Receipt, Fault> {
        let there = self.there(List::Users, id).await?.ok_or_else(|| unknown("the account is gone again"))?;
        let held = self.shape(&create.attributes.schema())?.account(&there, None);
        let changes = diff::changes(&held.attributes, &create.attributes, |_| Policy::Force);
        let update = Update {
            id: entry_id(id),
            username: held.username.clone(),
            relocation: None,
            changes,
            password: create.password.clone(),
            must_change: self.must_change_path().map(|_| create.must_change),
            enabled: (!held.enabled).then_some(true),
        };
        let receipt = self.update(&update, pace).await?;
        let said = "the account was there already, with the same `externalId`, and is brought up to date";
        Ok(Receipt { done: Done::ChangedBut(said.to_owned()), account: None.or(receipt.account) })
    }

    /// Returns the attribute that a refusal is about, when the service refuses it whatever its value is.
    pub(super) fn blamed(&self, create: &Create, reply: &ErrorReply) -> Option<AttributeName> {
        let by_name =
            matches!(reply.scim_type, Some(ScimType::InvalidPath | ScimType::Mutability | ScimType::InvalidSyntax))
                || reply.status == 501;
        if !by_name {
            return None;
        }
        let sent = create.attributes.iter().filter(|(name, values)| !values.is_empty() && !self.is_left_out(name));
        let mut blamed = sent.filter(|(name, _)| AttributePath::of(name).is_ok_and(|path| reply.blames(&path)));
        match (blamed.next(), blamed.next()) {
            (Some((name, _)), None) => Some(name.clone()),
            _ => None,
        }
    }

    fn may_be_unique(&self, path: &AttributePath) -> bool {
        let schema = path.urn().map_or(urn::USER, |urn| urn.as_str());
        let rule = self.service.schema.rule(schema, path.attribute(), None);
        path.is_core("externalId")
            || path.whole().is_core("emails")
            || rule.is_some_and(|rule| rule.uniqueness != Uniqueness::None)
    }
}

/// Returns what a new account is to have, as changes of one that has nothing.
pub(super) fn changes_of(attributes: &Attributes, keeps: impl Fn(&AttributeName) -> bool) -> Vec<Change> {
    let listed = attributes.iter().filter(|(name, values)| !values.is_empty() && keeps(name));
    listed
        .map(|(name, values)| Change {
            attribute: name.clone(),
            old: Box::default(),
            new: values.octets().map(Box::from).collect(),
        })
        .collect()
}

pub(super) fn reject(why: &impl ToString) -> Fault {
    Fault::new(Next::RejectRow, why.to_string())
}

/// Returns the account as it was asked for.
fn as_sent(sent: &Value, id: &ResourceId) -> Result<Resource, Fault> {
    let mut attributes = sent.as_object().cloned().unwrap_or_default();
    attributes.retain(|key, _| !key.eq_ignore_ascii_case("password"));
    Resource::read_with(&Value::Object(attributes), Some(id)).map_err(|misread| unknown(&misread.to_string()))
}

fn exists(username: &str) -> Fault {
    Fault::new(Next::LookAgain, format!("the account `{username}` exists already")).with_code("409")
}

/// Nobody knows what came of it.
fn unknown(why: &str) -> Fault {
    Fault::new(Next::LookAgain, why)
}

/// Returns the id of an entry; see [`super::read::resource_id`].
pub(super) fn id_of(id: &EntryId) -> Result<ResourceId, Fault> {
    super::read::resource_id(id).ok_or_else(super::write::gone)
}
