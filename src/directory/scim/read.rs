//! Reading accounts: all, by value, by id.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::stream;
use futures_util::stream::BoxStream;

use super::find::Wanted;
use super::flat::Paths;
use super::flat::account_of;
use super::guard::Inside;
use super::path::AttributePath;
use super::provider::Provider;
use super::sweep::List;
use super::sweep::unreadable;
use super::transport::Request;
use super::transport::Trouble;
use super::wire::Resource;
use super::wire::ResourceId;
use crate::directory::Lookup;
use crate::directory::Which;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::MatchBy;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Schema;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

/// Groups within groups, at most.
const DEPTH: usize = 20;

/// What a look for one resource has shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seen {
    /// It is there.
    There(Box<Resource>),
    /// The service says, as SCIM does, that it is not.
    Gone,
    /// Something says that it is not, and is maybe not the service.
    Doubtful,
}

/// Which attributes of accounts are read, and where they are.
#[derive(Clone, Debug)]
pub(super) struct Shape(Paths);

impl Shape {
    pub(super) fn account(&self, resource: &Resource, protected: Option<String>) -> ExistingAccount {
        ExistingAccount { protected: protected.map(Into::into), ..account_of(resource, &self.0) }
    }
}

pub(super) fn entry_id(id: &ResourceId) -> EntryId {
    EntryId { locator: id.as_str().into(), stable: id.as_str().into() }
}

/// Returns the resource that an entry is; an id that is none belongs to nobody.
pub(super) fn resource_id(id: &EntryId) -> Option<ResourceId> {
    ResourceId::new(&id.stable)
}

impl Provider {
    /// Returns how accounts are read with these attributes. What cannot be an attribute here, such as a name with a
    /// language tag, nobody has.
    pub(super) fn shape(&self, schema: &Schema) -> Result<Shape, Fault> {
        let must_change = self.must_change_path();
        let table = &self.service.schema;
        let is_known = |name: &&AttributeName| Paths::new(&Schema::new([(*name).clone()]), None, table).is_ok();
        let known = Schema::new(schema.names().filter(is_known).cloned());
        let paths = Paths::new(&known, must_change.as_ref(), table);
        paths.map(Shape).map_err(|why| Fault::new(Next::StopRun, why.to_string()))
    }

    /// Returns where the service keeps that a password must be changed.
    pub(super) fn must_change_path(&self) -> Option<AttributePath> {
        AttributePath::of(&AttributeName::new(self.settings.must_change_attribute.as_deref()?)).ok()
    }

    /// Streams accounts, each once.
    pub(super) fn existing(self: Arc<Self>, lookup: Lookup) -> BoxStream<'static, Result<ExistingAccount, Fault>> {
        let Lookup { which, attributes } = lookup;
        let accounts = async move {
            let shape = self.shape(&attributes)?;
            let inside = self.inside().await?;
            let seer = Arc::clone(&self);
            Ok(self.resources(which).map_ok(move |resource: Resource| {
                let username = resource.user_name().unwrap_or_default();
                shape.account(&resource, seer.guard.why(&username, &resource.id, &inside))
            }))
        };
        stream::once(accounts).try_flatten().boxed()
    }

    fn resources(self: Arc<Self>, which: Which) -> BoxStream<'static, Result<Resource, Fault>> {
        let by_ids = |provider: Arc<Self>, texts: Vec<Box<str>>| {
            let distinct: HashSet<ResourceId> = texts.iter().filter_map(|text| ResourceId::new(text)).collect();
            stream::once(provider.by_ids(List::Users, distinct))
                .map_ok(|found| stream::iter(found).map(Ok))
                .try_flatten()
                .boxed()
        };
        match which {
            Which::All => self.sweep(List::Users, None).boxed(),
            Which::Ids(ids) => by_ids(self, ids.into_iter().map(|id| id.stable).collect()),
            Which::Located(places) => by_ids(self, places),
            Which::Matching { by, values } => {
                let path = match &by {
                    MatchBy::Username => Ok(AttributePath::user_name()),
                    MatchBy::Attribute(name) => AttributePath::of(name),
                };
                match path {
                    Ok(path) => self.matching(Wanted::new(path, values)).boxed(),
                    // No account has an attribute that cannot be named.
                    Err(_) => stream::empty().boxed(),
                }
            }
        }
    }

    fn matching(self: Arc<Self>, wanted: Wanted) -> impl Stream<Item = Result<Resource, Fault>> + Send + use<> {
        let found = async move {
            if wanted.is_empty() {
                return Ok(stream::empty().boxed());
            }
            Ok(match self.find(List::Users, &wanted).await? {
                Some(found) => stream::iter(found).map(Ok).boxed(),
                None => {
                    let selected = move |resource: &Resource| std::future::ready(wanted.selects(resource));
                    self.sweep(List::Users, None).try_filter(selected).boxed()
                }
            })
        };
        stream::once(found).try_flatten()
    }

    /// Reads these resources, as far as they are there.
    pub(super) async fn by_ids(self: Arc<Self>, list: List, ids: HashSet<ResourceId>) -> Result<Vec<Resource>, Fault> {
        let mut found = Vec::new();
        let mut doubtful = HashSet::new();
        if self.pages_of(list).is_some_and(|pages| pages < ids.len()) {
            doubtful = ids;
        } else {
            let look = |id: ResourceId| {
                let provider = Arc::clone(&self);
                async move { (provider.look_up(list, &id).await, id) }
            };
            let mut looks = stream::iter(ids).map(look).buffer_unordered(self.settings.in_flight().get());
            while let Some((seen, id)) = looks.next().await {
                match seen? {
                    Seen::There(resource) => found.push(*resource),
                    Seen::Gone => {}
                    Seen::Doubtful => {
                        doubtful.insert(id);
                    }
                }
            }
        }
        if !doubtful.is_empty() {
            let mut all = std::pin::pin!(Arc::clone(&self).sweep(list, None));
            while let Some(resource) = all.next().await {
                found.extend(Some(resource?).filter(|resource| doubtful.contains(&resource.id)));
            }
        }
        Ok(found)
    }

    /// Reads one resource for certain; `None`: it is not there.
    pub(super) async fn there(self: &Arc<Self>, list: List, id: &ResourceId) -> Result<Option<Resource>, Fault> {
        match self.look_up(list, id).await? {
            Seen::There(resource) => Ok(Some(*resource)),
            Seen::Gone => Ok(None),
            Seen::Doubtful => Ok(Arc::clone(self).in_list(list, id).await?),
        }
    }

    async fn in_list(self: Arc<Self>, list: List, id: &ResourceId) -> Result<Option<Resource>, Fault> {
        let mut all = std::pin::pin!(self.sweep(list, None));
        while let Some(resource) = all.next().await {
            let resource = resource?;
            if resource.id == *id {
                return Ok(Some(resource));
            }
        }
        Ok(None)
    }

    /// Asks for one resource.
    pub(super) async fn look_up(&self, list: List, id: &ResourceId) -> Result<Seen, Fault> {
        let url = self.endpoint(list).map_err(Trouble::fault_of_read)?.resource(id);
        match self.transport.send(Request::get(url), None).await {
            Ok(reply) => {
                let body = reply.body.ok_or(Trouble::NotJson { status: reply.status }.fault_of_read());
                let mut resource = Resource::read_with(&body?, Some(id)).map_err(|misread| unreadable(&misread))?;
                if resource.id != *id {
                    let reason = format!("the service shows another resource than {id}: look at `url`");
                    return Err(Fault::new(Next::StopRun, reason));
                }
                // The header is worth more (RFC 7644 section 3.14: it must be there, `meta.version` should).
                resource.version = reply.etag.or(resource.version);
                Ok(Seen::There(Box::new(resource)))
            }
            Err(Trouble::Refused(reply)) if reply.status == 404 && reply.is_scim => Ok(Seen::Gone),
            // An id that is none, for some services; and a 404 of whatever stands in front of the service.
            Err(Trouble::Refused(reply)) if matches!(reply.status, 400 | 404 | 410) => Ok(Seen::Doubtful),
            Err(trouble) => Err(trouble.fault_of_read()),
        }
    }

    /// Returns who is in groups that are never written, groups within groups included.
    pub(super) async fn inside(self: &Arc<Self>) -> Result<Inside, Fault> {
        if !self.guard.has_groups() {
            return Ok(Inside::default());
        }
        let mut recent = self.guard.inside().await;
        if let Some(known) = recent.known() {
            return Ok(known);
        }
        let mut inside = HashSet::new();
        let mut groups = Vec::new();
        let mut names = std::pin::pin!(Arc::clone(self).sweep(List::GroupNames, None));
        while let Some(group) = names.next().await {
            let group = group?;
            let name = group.display_name().unwrap_or_default();
            if self.guard.why_not_group(&name).is_some() {
                groups.push(group.id);
            }
        }
        let mut known: HashSet<ResourceId> = groups.iter().cloned().collect();
        for _ in 0..DEPTH {
            let Some(_) = groups.first() else { break };
            let mut below = Vec::new();
            for id in std::mem::take(&mut groups) {
                let Some(group) = self.there(List::Groups, &id).await? else { continue };
                for member in group.members() {
                    if member.is_group != Some(false)
                        && known.insert(member.id.clone())
                        && member.is_group == Some(true)
                    {
                        below.push(member.id.clone());
                    }
                    inside.insert(member.id);
                }
            }
            groups = below;
        }
        Ok(recent.keep(inside))
    }
}
