//! Reading whole lists, page by page.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::stream;
use serde_json::Value;

use super::filter::Filter;
use super::paging::Page;
use super::paging::Paging;
use super::provider::Provider;
use super::service::Capability;
use super::transport::Request;
use super::transport::Trouble;
use super::url::Endpoint;
use super::wire::ListResponse;
use super::wire::Misread;
use super::wire::Resource;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::remark::Remark;

/// How often a list that is not complete is read.
const ROUNDS: u32 = 4;
/// How long to wait before it is read once more.
const PAUSE: Duration = Duration::from_millis(500);

/// A list of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum List {
    /// Users.
    Users,
    /// Groups with their members.
    Groups,
    /// Groups, whose members are not needed; some services send them all the same.
    GroupNames,
}

/// A list that is being read.
#[derive(Debug)]
pub(super) struct Sweep {
    provider: Arc<Provider>,
    list: List,
    filter: Option<Filter>,
    paging: Paging,
    round: u32,
    is_over: bool,
}

impl Sweep {
    /// Begins to read what `filter` selects of a list, or all of it.
    pub(super) fn new(provider: Arc<Provider>, list: List, filter: Option<Filter>) -> Self {
        let paging = Paging::new(provider.page_size(), provider.service.can(Capability::Cursor));
        Self { provider, list, filter, paging, round: 1, is_over: false }
    }

    /// Reads the next page: what is on it and has not come before. `None`: everything has come.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Resource>>, Trouble> {
        while !self.is_over {
            let value = match self.provider.page(self.list, self.paging.page(), self.filter.as_ref()).await {
                Ok(value) => value,
                Err(trouble) => {
                    self.go_on_otherwise(trouble)?;
                    continue;
                }
            };
            let list = ListResponse::read(&value).map_err(|misread| misreading(&misread))?;
            match self.paging.take(&list) {
                Ok((fresh, more)) => {
                    self.is_over = !more;
                    if self.is_over && self.filter.is_none() {
                        self.provider.note_total(self.list, Some(self.paging.n_seen() as u64));
                    }
                    let read: Result<Vec<Resource>, Misread> = fresh.into_iter().map(Resource::read).collect();
                    return read.map(Some).map_err(|misread| misreading(&misread));
                }
                Err(incomplete) if self.round >= ROUNDS => {
                    self.is_over = true;
                    return Err(Trouble::NotSent(format!("it cannot be read as a whole: {incomplete}")));
                }
                Err(_) => {
                    self.round += 1;
                    self.provider.remarks.tell(Remark::ReadAgain);
                    tokio::time::sleep(PAUSE * self.round).await;
                    self.paging.again(self.provider.service.can(Capability::Cursor));
                }
            }
        }
        Ok(None)
    }

    /// Returns whether everything has come.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Returns how many there are, as far as the service says so.
    pub(super) fn total(&self) -> Option<u64> {
        self.paging.total()
    }

    /// Finds another way to ask for the page, or gives the trouble back.
    fn go_on_otherwise(&mut self, trouble: Trouble) -> Result<(), Trouble> {
        let service = &self.provider.service;
        match &trouble {
            Trouble::TooLarge { .. } if self.paging.count().is_some_and(|count| count > 1) => {
                let half = self.paging.count().map(|count| count / 2);
                self.paging.ask_for(half);
                return Ok(());
            }
            Trouble::Refused(reply) if matches!(self.paging.page(), Page::Cursor { .. }) && reply.status != 429 => {
                service.downgrade(Capability::Cursor, trouble.to_string());
                self.paging.again(false);
                return Ok(());
            }
            // There are services that fail at any `count`.
            Trouble::Refused(reply)
                if self.filter.is_none()
                    && self.paging.is_at_start()
                    && self.paging.count().is_some()
                    && matches!(reply.status, 400 | 500) =>
            {
                self.paging.ask_for(None);
                self.provider.service.downgrade(Capability::Count, trouble.to_string());
                return Ok(());
            }
            _ => {}
        }
        self.is_over = true;
        Err(trouble)
    }
}

impl Provider {
    /// Reads a whole list, page by page; each resource once.
    pub(super) fn sweep(
        self: Arc<Self>,
        list: List,
        filter: Option<Filter>,
    ) -> impl Stream<Item = Result<Resource, Fault>> + Send + use<> {
        let sweep = Sweep::new(self, list, filter);
        stream::try_unfold(sweep, |mut sweep| async move {
            let page = sweep.next().await.map_err(Trouble::fault_of_read)?;
            Ok(page.map(|page| (stream::iter(page.into_iter().map(Ok)), sweep)))
        })
        .try_flatten()
        .boxed()
    }

    /// Returns how many resources are asked for at a time.
    pub(super) fn page_size(&self) -> Option<u64> {
        self.service.can(Capability::Count).then(|| self.service.page_size.get() as u64)
    }

    pub(super) fn endpoint(&self, list: List) -> Result<&Endpoint, Trouble> {
        match list {
            List::Users => Ok(&self.service.users),
            List::Groups | List::GroupNames => {
                self.service.groups.as_ref().ok_or_else(|| Trouble::Unfit("the service has no groups".to_owned()))
            }
        }
    }

    async fn page(&self, list: List, page: &Page, filter: Option<&Filter>) -> Result<Value, Trouble> {
        let mut parameters: Vec<(&str, String)> = Vec::new();
        if let Some(filter) = filter {
            parameters.push(("filter", filter.to_string()));
        }
        if list == List::GroupNames {
            parameters.push(("excludedAttributes", "members".to_owned()));
        }
        let count = match page {
            Page::Index { .. } if !self.service.can(Capability::Paging) => None,
            Page::Index { start, count } => {
                // What a filter selects is on one page nearly always.
                if filter.is_none() || *start > 1 {
                    parameters.push(("startIndex", start.to_string()));
                }
                count.filter(|_| filter.is_none())
            }
            Page::Cursor { cursor, count } => {
                parameters.push(("cursor", cursor.clone()));
                *count
            }
        };
        parameters.extend(count.map(|count| ("count", count.to_string())));
        let url = self.endpoint(list)?.query(parameters.iter().map(|(name, value)| (*name, value.as_str())));
        let reply = self.transport.send(Request::get(url), None).await?;
        reply.body.ok_or(Trouble::NotJson { status: reply.status })
    }
}

pub(super) fn misreading(misread: &Misread) -> Trouble {
    Trouble::Unfit(format!("{misread}: look at `url`"))
}

/// A read that came to nothing by what the service says rather than by the line.
pub(super) fn unreadable(misread: &Misread) -> Fault {
    Fault::new(Next::StopRun, format!("{misread}: look at `url`"))
}
