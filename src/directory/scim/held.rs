//! Roles: values of an attribute of the person's own account, `roles` or `entitlements` (RFC 7643 section 4.1.2).
//!
//! A role is there when somebody has it. There is no list of them.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::Value;
use serde_json::json;

use super::create::id_of;
use super::create::reject;
use super::flat::whole_of;
use super::path::AttributePath;
use super::provider::Provider;
use super::sweep::List;
use super::wire::PatchOperation;
use super::wire::Resource;
use super::wire::lenient;
use super::write::gone;
use crate::directory::Pace;
use crate::directory::Wanted;
use crate::roster::account::ExistingGroup;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::account::Members;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Done;
use crate::roster::operation::Member;
use crate::roster::problem::ProblemKind;

impl Provider {
    fn roles_path(&self) -> Result<AttributePath, Fault> {
        let none = || reject(&"`role_attribute` of the target is not set, so that there are no roles");
        let attribute = self.settings.role_attribute.ok_or_else(none)?;
        AttributePath::parse(attribute.name()).map_err(|fault| reject(&fault))
    }

    /// Reads who holds which roles.
    pub(super) async fn roles(self: &Arc<Self>, wanted: &Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        let path = self.roles_path()?;
        let asked: Option<HashSet<MatchKey>> = match wanted {
            Wanted::All => None,
            Wanted::Named(names) => Some(names.iter().map(GroupName::key).collect()),
        };
        if asked.as_ref().is_some_and(HashSet::is_empty) {
            return Ok(Vec::new());
        }
        let mut roles: HashMap<MatchKey, (GroupName, HashSet<MatchKey>)> = HashMap::new();
        let mut all = std::pin::pin!(Arc::clone(self).sweep(List::Users, None));
        while let Some(user) = all.next().await {
            let user = user?;
            for role in user.values(&path) {
                let key = MatchKey::new(&role);
                if asked.as_ref().is_none_or(|asked| asked.contains(&key)) {
                    let (_, holders) = roles.entry(key).or_insert_with(|| (GroupName::new(&role), HashSet::new()));
                    holders.insert(MatchKey::new(user.id.as_str()));
                }
            }
        }
        let role = |(name, holders)| ExistingGroup {
            kind: GroupKind::Role,
            members: Members::ByEntry(holders),
            protected: self.guard.why_not_group(GroupName::as_str(&name)).map(Into::into),
            name,
        };
        Ok(roles.into_values().map(role).collect())
    }

    /// Gives a role to some and takes it from others, one account after the other. What is refused for one does not keep
    /// the others from it. `is_new` says that nobody needs to have it yet.
    pub(super) async fn change_holders(
        self: &Arc<Self>,
        role: &GroupName,
        (add, remove): (&[Member], &[Member]),
        is_new: bool,
        pace: &Pace,
    ) -> Result<Done, Fault> {
        let path = self.roles_path()?;
        let _turn = self.locks.lock(&format!("role {}", role.key().as_str())).await;
        if let Some(why) = self.guard.why_not_group(role.as_str()) {
            return Err(reject(&ProblemKind::Protected(why)));
        }
        let found = self.roles(&Wanted::Named(vec![role.clone()])).await?;
        let spelled = match (found.into_iter().next(), is_new) {
            (Some(_), true) => {
                return Err(Fault::new(Next::LookAgain, format!("the role `{role}` exists already")).with_code("409"));
            }
            (Some(known), false) => known.name,
            (None, true) => role.clone(),
            (None, false) if add.is_empty() => return Ok(Done::AlreadySo),
            (None, false) => {
                return Err(reject(&ProblemKind::Unknown { kind: GroupKind::Role.word(), name: role.to_string() }));
            }
        };
        let leaving = remove.iter().filter(|member| !add.iter().any(|other| other.id == member.id));
        let all = add.iter().map(|member| (member, true)).chain(leaving.map(|member| (member, false)));
        let (mut changed, mut failed) = (false, None);
        for (member, gives) in all {
            match self.change_holder(&path, &spelled, member, gives, pace).await {
                Ok(any) => changed |= any,
                Err(fault) if fault.next == Next::RejectRow => failed = Some(fault),
                Err(fault) => {
                    failed = Some(fault);
                    break;
                }
            }
        }
        match failed {
            // Half of it is done, so only a look can tell what is still to do.
            Some(fault) if changed && fault.next != Next::StopRun => Err(Fault { next: Next::LookAgain, ..fault }),
            Some(fault) => Err(fault),
            None if changed => Ok(Done::Changed),
            None => Ok(Done::AlreadySo),
        }
    }

    async fn change_holder(
        self: &Arc<Self>,
        path: &AttributePath,
        role: &GroupName,
        member: &Member,
        gives: bool,
        pace: &Pace,
    ) -> Result<bool, Fault> {
        let id = id_of(&member.id)?;
        let _turn = self.locks.lock(&format!("id {id}")).await;
        let Some(before) = self.there(List::Users, &id).await? else {
            return if gives { Err(gone()) } else { Ok(false) };
        };
        let inside = self.inside().await?;
        if let Some(why) = self.guard.why(&before.user_name().unwrap_or_default(), &id, &inside) {
            return Err(reject(&ProblemKind::Protected(why)));
        }
        if holds(&before, path, role) == gives {
            return Ok(false);
        }
        let delta = if gives {
            PatchOperation::add(path.clone(), json!([{ "value": role.as_str() }]))
        } else {
            // Other elements stay as they are, of whatever form they are.
            without(&before, path, role)
        };
        let whole = whole_of(&delta, &before);
        let mut last = None;
        for operation in [delta, whole] {
            let now = self.there(List::Users, &id).await?.ok_or_else(gone)?;
            let written = self.write(List::Users, &now, &[operation], pace).await?;
            let after = self.there(List::Users, &id).await?.ok_or_else(gone)?;
            if holds(&after, path, role) == gives {
                return Ok(true);
            }
            last = written.refused.into_iter().next().map(|(_, reply)| reply.to_string());
        }
        let why = last.unwrap_or_else(|| "it says that it has, and has not when it is read back".to_owned());
        Err(reject(&format!("the service does not store `{path}`: {why}")))
    }
}

fn holds(user: &Resource, path: &AttributePath, role: &GroupName) -> bool {
    let key = role.key();
    user.values(path).iter().any(|value| MatchKey::new(value) == key)
}

/// Returns what takes a role away: the list without it.
fn without(user: &Resource, path: &AttributePath, role: &GroupName) -> PatchOperation {
    let elements: Vec<Value> = match user.whole(path) {
        Some(Value::Array(elements)) => elements.clone(),
        Some(single) => vec![single.clone()],
        None => Vec::new(),
    };
    let is_it = |element: &Value| {
        let value = if element.is_object() { lenient::of(element, "value") } else { Some(element) };
        value.and_then(lenient::text).is_some_and(|text| MatchKey::new(&text) == role.key())
    };
    let left: Vec<Value> = elements.into_iter().filter(|element| !is_it(element)).collect();
    match left.is_empty() {
        true => PatchOperation::remove(path.whole()),
        false => PatchOperation::replace(path.whole(), Value::Array(left)),
    }
}
