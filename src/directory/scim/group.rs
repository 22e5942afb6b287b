//! Groups: which there are, and who is in them.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::Value;

use super::create::id_of;
use super::create::reject;
use super::find::Wanted as Values;
use super::path::AttributePath;
use super::provider::Provider;
use super::read::entry_id;
use super::service::Capability;
use super::sweep::List;
use super::transport::Request;
use super::transport::Trouble;
use super::wire::Group;
use super::wire::Op;
use super::wire::PatchOperation;
use super::wire::Resource;
use super::wire::ResourceId;
use super::wire::writer::NewMember;
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

/// Who comes and who goes.
#[derive(Debug, Default)]
struct Delta {
    add: Vec<ResourceId>,
    remove: Vec<ResourceId>,
}

impl Provider {
    /// Reads groups with their members.
    pub(super) async fn groups(self: &Arc<Self>, wanted: &Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        let named = match wanted {
            Wanted::All => None,
            Wanted::Named(names) => Some(names.iter().map(|name| name.as_str().into()).collect::<Vec<Box<str>>>()),
        };
        if named.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let found = self.named(named).await?;
        let mut by_name: HashMap<MatchKey, ExistingGroup> = HashMap::new();
        for group in found {
            let name = GroupName::new(&group.display_name().unwrap_or_default());
            if let Some(first) = by_name.get_mut(&name.key()) {
                first.protected = Some(several(&name).into());
                continue;
            }
            let Some(group) = self.there(List::Groups, &group.id).await? else { continue };
            let members = group.members().into_iter().map(|member| MatchKey::new(member.id.as_str())).collect();
            let existing = ExistingGroup {
                kind: GroupKind::Group,
                members: Members::ByEntry(members),
                protected: self.guard.why_not_group(name.as_str()).map(Into::into),
                name: name.clone(),
            };
            by_name.insert(name.key(), existing);
        }
        Ok(by_name.into_values().collect())
    }

    /// Finds groups by name, without their members; all without names.
    async fn named(self: &Arc<Self>, names: Option<Vec<Box<str>>>) -> Result<Vec<Resource>, Fault> {
        let Some(names) = names else {
            let mut found = Vec::new();
            let mut all = std::pin::pin!(Arc::clone(self).sweep(List::GroupNames, None));
            while let Some(group) = all.next().await {
                found.extend(Some(group?).filter(|group| group.display_name().is_some()));
            }
            return Ok(found);
        };
        let wanted = Values::new(AttributePath::display_name(), names);
        match self.find(List::GroupNames, &wanted).await? {
            Some(found) => Ok(found),
            None => self.look_through(List::GroupNames, &wanted).await,
        }
    }

    /// Creates a group with its members, unless there is one of this name: services let there be several.
    pub(super) async fn create_group(
        self: &Arc<Self>,
        name: &GroupName,
        members: &[Member],
        pace: &Pace,
    ) -> Result<Done, Fault> {
        let _turn = self.locks.lock(&format!("group {}", name.key().as_str())).await;
        if let Some(why) = self.guard.why_not_group(name.as_str()) {
            return Err(reject(&ProblemKind::Protected(why)));
        }
        if !self.named(Some(vec![name.as_str().into()])).await?.is_empty() {
            return Err(Fault::new(Next::LookAgain, format!("the group `{name}` exists already")).with_code("409"));
        }
        let most = self.settings.members_per_request().get();
        let ids: Vec<ResourceId> = members.iter().map(|member| id_of(&member.id)).collect::<Result<_, _>>()?;
        let first = ids.iter().take(most).map(|id| NewMember::new(id, self.service.preset.member_type)).collect();
        let url = self.endpoint(List::Groups).map_err(Trouble::fault_of_write)?.url();
        let body = Group::new(name.as_str(), first).to_value();
        let reply =
            self.transport.send(Request::post(url, body), Some(pace)).await.map_err(|trouble| match trouble {
                // It was not there when it was looked for, so that it is not shown.
                Trouble::Refused(reply) if reply.status == 409 => {
                    let reason = "the service says that there is such a group, and shows none";
                    Fault::new(Next::RejectRow, reason).with_code(reply.status)
                }
                trouble => trouble.fault_of_write(),
            })?;
        let located = || reply.location.as_deref().and_then(|at| self.service.groups.as_ref()?.id_in(at));
        let shown = reply.body.as_ref().and_then(|body| Resource::read_with(body, located().as_ref()).ok());
        let id = match shown.map(|group| group.id).or_else(located) {
            Some(id) => id,
            None => self.only(name).await?.id,
        };
        self.settle(&id, &Delta { add: ids, remove: Vec::new() }, pace).await?;
        Ok(Done::Created(entry_id(&id)))
    }

    /// Finds the one group of a name.
    async fn only(self: &Arc<Self>, name: &GroupName) -> Result<Resource, Fault> {
        let found = self.named(Some(vec![name.as_str().into()])).await?;
        match <[Resource; 1]>::try_from(found) {
            Ok([group]) => Ok(group),
            Err(found) if found.is_empty() => {
                Err(reject(&ProblemKind::Unknown { kind: GroupKind::Group.word(), name: name.to_string() }))
            }
            Err(_) => Err(reject(&several(name))),
        }
    }

    /// Lets people come into a group and leave it, by what differs alone.
    pub(super) async fn change_members(
        self: &Arc<Self>,
        name: &GroupName,
        (add, remove): (&[Member], &[Member]),
        pace: &Pace,
    ) -> Result<Done, Fault> {
        let _turn = self.locks.lock(&format!("group {}", name.key().as_str())).await;
        if let Some(why) = self.guard.why_not_group(name.as_str()) {
            return Err(reject(&ProblemKind::Protected(why)));
        }
        let group = self.only(name).await?;
        let inside = self.inside().await?;
        let mut wanted = Delta::default();
        for member in add {
            let id = id_of(&member.id)?;
            if let Some(why) = self.guard.why(&member.username, &id, &inside) {
                return Err(reject(&format!("the account `{}` is protected: {why}", member.username)));
            }
            wanted.add.push(id);
        }
        // Who is nobody is in no group.
        wanted.remove.extend(remove.iter().filter_map(|member| id_of(&member.id).ok()));
        wanted.remove.retain(|id| !wanted.add.contains(id));
        self.settle(&group.id, &wanted, pace).await
    }

    /// Changes members until the group shows that they are as wanted, or there is no other way to try.
    async fn settle(self: &Arc<Self>, id: &ResourceId, wanted: &Delta, pace: &Pace) -> Result<Done, Fault> {
        let mut changed = false;
        for way in [Way::Filter, Way::Values, Way::Put] {
            let group = self.there(List::Groups, id).await?.ok_or_else(gone)?;
            let delta = wanted.left(&group);
            if delta.is_empty() {
                break;
            }
            let can = self.service.can(if way == Way::Put { Capability::Put } else { Capability::Patch });
            // Only removals have two ways.
            if !can || (way == Way::Values && delta.remove.is_empty()) {
                continue;
            }
            let sent = match way {
                Way::Put => self.put_members(&group, &delta, pace).await.map(|any| (any, None)),
                _ => self.patch_members(&group, &delta, way, pace).await,
            };
            match sent {
                Ok((any, _)) => changed |= any,
                Err(fault) if changed && fault.next == Next::RejectRow => {
                    return Err(Fault { next: Next::LookAgain, ..fault });
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(if changed { Done::Changed } else { Done::AlreadySo })
    }

    /// Sends what differs, so many members at a time. What a service refuses by its form is left for another way.
    async fn patch_members(
        self: &Arc<Self>,
        group: &Resource,
        delta: &Delta,
        way: Way,
        pace: &Pace,
    ) -> Result<(bool, Option<Fault>), Fault> {
        let most = self.settings.members_per_request().get();
        let typed = self.service.preset.member_type;
        let adds = delta.add.chunks(most).map(|ids| {
            let members: Vec<Value> = ids.iter().map(|id| NewMember::new(id, typed).to_value()).collect();
            vec![PatchOperation::add(AttributePath::members(), Value::Array(members))]
        });
        let removes = delta.remove.chunks(most).map(|ids| match way {
            Way::Values => {
                let members = ids.iter().map(|id| NewMember::new(id, false).to_value()).collect();
                let (op, path) = (Op::Remove, AttributePath::members());
                vec![PatchOperation { op, path, value: Some(Value::Array(members)) }]
            }
            _ => ids.iter().map(|id| PatchOperation::remove(AttributePath::member(id))).collect(),
        });
        let mut requests: Vec<Vec<PatchOperation>> = adds.chain(removes).collect();
        if delta.add.len() + delta.remove.len() <= most {
            requests = vec![requests.concat()];
        }
        let (mut any, mut refused) = (false, None);
        for operations in requests {
            match self.send_patch(group, &operations, pace).await {
                Ok(()) => any = true,
                Err(fault) if fault.next == Next::RejectRow && operations.len() > 1 => {
                    // One of them: those who come must not wait for those who cannot go.
                    for operation in operations {
                        match self.send_patch(group, &[operation], pace).await {
                            Ok(()) => any = true,
                            Err(fault) if fault.next == Next::RejectRow => refused = Some(fault),
                            Err(fault) => return Err(fault),
                        }
                    }
                }
                Err(fault) if fault.next == Next::RejectRow => refused = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        Ok((any, refused))
    }

    async fn send_patch(&self, group: &Resource, operations: &[PatchOperation], pace: &Pace) -> Result<(), Fault> {
        // Several requests change one group, so that no version goes with them: nothing that is not in them is changed.
        match self.patch(List::Groups, group, operations, None, pace).await {
            Ok(_) => Ok(()),
            Err(Trouble::Refused(reply)) if matches!(reply.status, 404 | 409 | 412) => {
                Err(Fault::new(Next::RejectRow, reply.to_string()).with_code(reply.status))
            }
            Err(trouble) => Err(trouble.fault_of_write()),
        }
    }

    /// Sends the whole group with other members. Only who was read is sent back, so that a group which hides its members
    /// is left alone.
    async fn put_members(self: &Arc<Self>, group: &Resource, delta: &Delta, pace: &Pace) -> Result<bool, Fault> {
        // What PATCH has done, and is not shown, is hidden. Without PATCH nobody could change what is not shown.
        if !group.shows(&AttributePath::members()) && self.service.can_patch() {
            return Ok(false);
        }
        let typed = self.service.preset.member_type;
        let mut operations = Vec::new();
        if !delta.add.is_empty() {
            let members = delta.add.iter().map(|id| NewMember::new(id, typed).to_value()).collect();
            operations.push(PatchOperation::add(AttributePath::members(), Value::Array(members)));
        }
        operations.extend(delta.remove.iter().map(|id| PatchOperation::remove(AttributePath::member(id))));
        let written = self.put(List::Groups, group, &operations, pace).await?;
        Ok(written.any)
    }
}

/// How members are taken out of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// `members[value eq "id"]`, as RFC 7644 section 3.5.2.2 has it.
    Filter,
    /// `members` with a list of values, as the older clients do that some services were made for.
    Values,
    /// The whole group (RFC 7644 section 3.5.1).
    Put,
}

impl Delta {
    /// Returns what is still to be done to a group.
    fn left(&self, group: &Resource) -> Self {
        let now: HashSet<ResourceId> = group.members().into_iter().map(|member| member.id).collect();
        let mut seen = HashSet::new();
        Self {
            add: self.add.iter().filter(|id| !now.contains(*id) && seen.insert((*id).clone())).cloned().collect(),
            remove: self.remove.iter().filter(|id| now.contains(*id) && seen.insert((*id).clone())).cloned().collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

fn several(name: &GroupName) -> String {
    format!("there are several groups named `{name}`")
}

fn gone() -> Fault {
    Fault::new(Next::LookAgain, "the group is no longer there").with_code("404")
}
