//! Changing one resource: by PATCH, attribute by attribute where the service refuses some, else by PUT of the whole of
//! it with the changes made on our side.

use std::sync::Arc;

use serde_json::Value;

use super::flat::put_of;
use super::provider::Provider;
use super::read::Seen;
use super::service::Capability;
use super::sweep::List;
use super::sweep::unreadable;
use super::transport::Reply;
use super::transport::Request;
use super::transport::Trouble;
use super::wire::ETag;
use super::wire::ErrorReply;
use super::wire::Op;
use super::wire::PatchOp;
use super::wire::PatchOperation;
use super::wire::Resource;
use super::wire::ScimType;
use super::wire::lenient;
use super::wire::urn;
use crate::directory::Pace;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::remark::Remark;

/// Operations in one PATCH at most.
const OPERATIONS: usize = 100;

/// What came of a change.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The resource as the service showed it with its last answer.
    pub(super) shown: Option<Resource>,
    /// Whether the service says that it did anything.
    pub(super) any: bool,
    /// What it refused, by the operation's place, and why.
    pub(super) refused: Vec<(usize, ErrorReply)>,
}

/// What a refusal means for the other operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// This cannot be done here, whatever the values: an attribute or a form that the service does not know.
    NotHere,
    /// The method is not there at all.
    NoMethod,
    /// The row cannot be done, or nobody knows.
    Final,
}

impl Provider {
    /// Does `operations` to a resource that was just read. Those that the service refuses by their attribute, and
    /// whatever value it has, are told with what came of the others. All else is a fault.
    pub(super) async fn write(
        self: &Arc<Self>,
        list: List,
        before: &Resource,
        operations: &[PatchOperation],
        pace: &Pace,
    ) -> Result<Written, Fault> {
        if operations.is_empty() {
            return Ok(Written::default());
        }
        if !self.service.can(Capability::Patch) {
            return self.put(list, before, operations, pace).await;
        }
        let mut written = Written::default();
        let mut version = self.version_of(before);
        for (at, part) in operations.chunks(OPERATIONS).enumerate() {
            let first = at * OPERATIONS;
            match self.patch(list, before, part, version.clone(), pace).await {
                Ok(reply) => {
                    version = self.taken(&reply, before, &mut written)?;
                    written.any = true;
                }
                Err(trouble) => match self.meaning(list, before, &trouble).await? {
                    Meaning::Final => return Err(partly(final_fault(trouble), written.any)),
                    Meaning::NoMethod | Meaning::NotHere if part.len() == 1 => {
                        written.refused.push((first, refusal(trouble)?));
                    }
                    Meaning::NoMethod if is_gone_method(&trouble) => {
                        let reply = refusal(trouble)?;
                        written.refused.extend((first..first + part.len()).map(|at| (at, reply.clone())));
                    }
                    Meaning::NoMethod | Meaning::NotHere => {
                        self.one_by_one(list, before, (first, part), &mut version, pace, &mut written).await?;
                    }
                },
            }
        }
        self.put_refused(list, before, operations, pace, &mut written).await?;
        Ok(written)
    }

    /// Does operations one after the other, since together they are refused; together they were all or nothing (RFC 7644
    /// section 3.5.2), so that nothing is done yet.
    async fn one_by_one(
        self: &Arc<Self>,
        list: List,
        before: &Resource,
        (first, part): (usize, &[PatchOperation]),
        version: &mut Option<ETag>,
        pace: &Pace,
        written: &mut Written,
    ) -> Result<(), Fault> {
        for (at, operation) in part.iter().enumerate() {
            match self.patch(list, before, std::slice::from_ref(operation), version.clone(), pace).await {
                Ok(reply) => {
                    *version = self.taken(&reply, before, written)?;
                    written.any = true;
                }
                Err(trouble) => match self.meaning(list, before, &trouble).await? {
                    Meaning::Final => return Err(partly(final_fault(trouble), written.any)),
                    Meaning::NoMethod | Meaning::NotHere => written.refused.push((first + at, refusal(trouble)?)),
                },
            }
        }
        Ok(())
    }

    /// Tries what PATCH cannot do with PUT.
    async fn put_refused(
        self: &Arc<Self>,
        list: List,
        before: &Resource,
        operations: &[PatchOperation],
        pace: &Pace,
        written: &mut Written,
    ) -> Result<(), Fault> {
        if written.refused.is_empty() {
            return Ok(());
        }
        if !self.service.can(Capability::Put) {
            return Ok(());
        }
        let refused: Vec<PatchOperation> = written.refused.iter().map(|(at, _)| operations[*at].clone()).collect();
        let now = match written.any {
            true => self.there(list, &before.id).await?.ok_or_else(gone)?,
            false => before.clone(),
        };
        let done = self.put(list, &now, &refused, pace).await.map_err(|fault| partly(fault, written.any))?;
        let places: Vec<usize> = written.refused.iter().map(|(at, _)| *at).collect();
        // 501 may be about this one attribute. And what PUT cannot do either says nothing about PATCH.
        let is_missing = |reply: &ErrorReply| match reply.status {
            404 | 405 => true,
            status => status == 501 && operations.len() > 1,
        };
        if done.any
            && !written.any
            && places.len() == operations.len()
            && let Some((_, reply)) = written.refused.iter().find(|(_, reply)| is_missing(reply))
        {
            self.without(Capability::Patch, format!("the service answers: {reply}"));
        }
        written.refused = done.refused.into_iter().map(|(at, reply)| (places[at], reply)).collect();
        written.any |= done.any;
        written.shown = done.shown;
        Ok(())
    }

    /// Sends the whole resource, as it was read, with `operations` done to it (RFC 7644 section 3.5.1): what is left out
    /// may be cleared, so that nothing is.
    pub(super) async fn put(
        self: &Arc<Self>,
        list: List,
        before: &Resource,
        operations: &[PatchOperation],
        pace: &Pace,
    ) -> Result<Written, Fault> {
        if !self.service.can(Capability::Put) {
            return Err(Fault::new(Next::RejectRow, "the service can change nothing: it has neither PATCH nor PUT"));
        }
        let mut written = Written::default();
        match self.put_once(list, before, operations, pace).await {
            Ok(reply) => {
                self.taken(&reply, before, &mut written)?;
                written.any = true;
            }
            Err(trouble) => match self.meaning(list, before, &trouble).await? {
                Meaning::Final => return Err(final_fault(trouble)),
                Meaning::NoMethod => {
                    let reply = refusal(trouble)?;
                    // A 404 may be of something in front of the service, and pass.
                    if reply.status != 404 {
                        self.without(Capability::Put, format!("the service answers: {reply}"));
                    }
                    written.refused = (0..operations.len()).map(|at| (at, reply.clone())).collect();
                }
                Meaning::NotHere if operations.len() == 1 => written.refused.push((0, refusal(trouble)?)),
                Meaning::NotHere => {
                    let mut now = before.clone();
                    for (at, operation) in operations.iter().enumerate() {
                        let one = Box::pin(self.put(list, &now, std::slice::from_ref(operation), pace)).await;
                        let one = one.map_err(|fault| partly(fault, written.any))?;
                        written.refused.extend(one.refused.into_iter().map(|(_, reply)| (at, reply)));
                        if one.any {
                            written.any = true;
                            now = self.there(list, &before.id).await?.ok_or_else(gone)?;
                            written.shown = Some(now.clone());
                        }
                    }
                }
            },
        }
        Ok(written)
    }

    async fn put_once(
        &self,
        list: List,
        before: &Resource,
        operations: &[PatchOperation],
        pace: &Pace,
    ) -> Result<Reply, Trouble> {
        let core = match list {
            List::Users => urn::USER,
            List::Groups | List::GroupNames => urn::GROUP,
        };
        let mut body = put_of(before, operations, core, &self.service);
        drop_valueless(&mut body);
        let url = self.endpoint(list)?.resource(&before.id);
        let request = Request::put(url, body).if_match(self.version_of(before));
        self.transport.send(request, Some(pace)).await
    }

    pub(super) async fn patch(
        &self,
        list: List,
        before: &Resource,
        operations: &[PatchOperation],
        version: Option<ETag>,
        pace: &Pace,
    ) -> Result<Reply, Trouble> {
        let url = self.endpoint(list)?.resource(&before.id);
        let body = PatchOp::from(operations.to_vec()).to_value();
        // With a version, the second time would be refused.
        let is_repeatable = version.is_none() && operations.iter().all(|one| one.op != Op::Add);
        let request = Request::patch(url, body).if_match(version);
        let request = if is_repeatable { request.repeatable() } else { request };
        self.transport.send(request, Some(pace)).await
    }

    fn version_of(&self, resource: &Resource) -> Option<ETag> {
        resource.version.clone().filter(|_| self.service.can(Capability::ETag))
    }

    /// Keeps what an answer shows, and returns the version that there is now.
    fn taken(&self, reply: &Reply, before: &Resource, written: &mut Written) -> Result<Option<ETag>, Fault> {
        written.shown = None;
        if let Some(body) = reply.body.as_ref().filter(|body| body.is_object()) {
            let shown = Resource::read_with(body, Some(&before.id)).map_err(|misread| unreadable(&misread))?;
            if shown.id != before.id {
                let reason = format!("the service answers about another resource than {}: look at `url`", before.id);
                return Err(Fault::new(Next::StopRun, reason));
            }
            written.shown = Some(shown);
        }
        let shown = written.shown.as_ref().and_then(|shown| shown.version.clone());
        Ok(reply.etag.clone().or(shown).filter(|_| self.service.can(Capability::ETag)))
    }

    /// Tells what a refusal means. That a resource is gone is not concluded from a refusal to write it.
    async fn meaning(self: &Arc<Self>, list: List, before: &Resource, trouble: &Trouble) -> Result<Meaning, Fault> {
        let Trouble::Refused(reply) = trouble else { return Ok(Meaning::Final) };
        Ok(match (reply.status, &reply.scim_type) {
            (404, _) => match self.look_up(list, &before.id).await? {
                Seen::There(_) => Meaning::NoMethod,
                Seen::Gone | Seen::Doubtful => Meaning::Final,
            },
            (405 | 501, _) => Meaning::NoMethod,
            (_, Some(ScimType::InvalidPath | ScimType::NoTarget | ScimType::Mutability)) => Meaning::NotHere,
            (400, Some(ScimType::InvalidSyntax)) => Meaning::NotHere,
            _ => Meaning::Final,
        })
    }

    /// Does without a capability from now on, and tells so once.
    pub(super) fn without(&self, capability: Capability, why: String) {
        if self.service.downgrade(capability, why) {
            self.remarks.tell(Remark::DoesWithout(capability.to_string()));
        }
    }
}

/// Somebody else has a value: that does not pass. Other conflicts are about versions (RFC 7644 section 3.12, table 8).
fn final_fault(trouble: Trouble) -> Fault {
    match trouble {
        Trouble::Refused(reply) if reply.status == 409 && reply.is_uniqueness() => {
            let fault = Trouble::Refused(reply).fault_of_write();
            Fault { next: Next::RejectRow, ..fault }
        }
        trouble => trouble.fault_of_write(),
    }
}

/// What was done in part must be looked at before anything else is.
fn partly(fault: Fault, any: bool) -> Fault {
    if any && fault.next != Next::StopRun { Fault { next: Next::LookAgain, code: None, ..fault } } else { fault }
}

/// Takes elements such as `{"primary": true, "value": ""}` out of lists: services show them in the place of nothing, and
/// refuse to be sent them back.
fn drop_valueless(body: &mut Value) {
    let lists = body.as_object_mut().into_iter().flat_map(|map| map.values_mut()).filter_map(Value::as_array_mut);
    for list in lists {
        list.retain(|element| match element.as_object().and_then(|map| lenient::field(map, "value")) {
            Some(Value::Null) => false,
            Some(Value::String(text)) => !text.is_empty(),
            _ => true,
        });
    }
}

/// The address takes no such method.
fn is_gone_method(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Refused(reply) if matches!(reply.status, 404 | 405))
}

pub(super) fn gone() -> Fault {
    Fault::new(Next::LookAgain, "the account is no longer there").with_code("404")
}

fn refusal(trouble: Trouble) -> Result<ErrorReply, Fault> {
    match trouble {
        Trouble::Refused(reply) => Ok(reply),
        other => Err(other.fault_of_write()),
    }
}
