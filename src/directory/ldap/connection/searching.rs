//! Searches on one connection.

use std::sync::atomic::Ordering;

use ldap3::LdapResult;
use ldap3::Scope;
use ldap3::controls::Control;
use ldap3::controls::ControlType;
use ldap3::controls::MakeCritical;
use ldap3::controls::PagedResults;
use ldap3::controls::RawControl;

use super::Connection;
use super::Trouble;
use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::filter::Filter;
use crate::directory::ldap::tap::Kept;
use crate::directory::ldap::tap::Tap;

/// What a search found, and how it ended. The entries are complete only if the result code is 0.
#[derive(Debug)]
pub struct Answer {
    pub entries: Vec<Entry>,
    pub result: LdapResult,
}

type Search = ldap3::SearchStream<'static, String, Vec<String>>;

/// A server that refuses pages of this size does so for another reason.
const SMALL_PAGE: i32 = 50;

/// A page that was asked for.
pub struct Page(Search);

impl Connection {
    /// Reads one entry; `None` when it is not there, is hidden, or `filter` does not match.
    pub async fn read(&self, dn: &str, filter: &Filter, attributes: &[&str]) -> Result<Answer, Trouble> {
        self.search(dn, Scope::Base, filter, attributes, Vec::new()).await
    }

    /// Returns whether it is for reading pages only.
    pub fn is_tapped(&self) -> bool {
        self.tap.is_some()
    }

    /// Reads one page (RFC 2696). An empty cookie asks for the first page; one that comes back empty was the last.
    pub async fn page(
        &self,
        base: &str,
        scope: Scope,
        filter: &Filter,
        attributes: &[&str],
        (size, cookie): (i32, Vec<u8>),
    ) -> Result<(Answer, Vec<u8>), Trouble> {
        let (mut answer, mut kept, cookie) = loop {
            let page = self.begin_page(base, scope, filter, attributes, (size, cookie.clone())).await?;
            let page = self.end_page(page).await?;
            if !self.takes_smaller_pages(&page.0, (size, &cookie)) {
                break page;
            }
        };
        let mut entry = Entry::default();
        while self.read_kept(&mut kept, &mut entry)? {
            answer.entries.push(std::mem::take(&mut entry));
        }
        Ok((answer, cookie))
    }

    /// Asks for a page and does not wait for it. The control is critical, so that a server without it cannot flood the
    /// memory.
    pub async fn begin_page(
        &self,
        base: &str,
        scope: Scope,
        filter: &Filter,
        attributes: &[&str],
        (size, cookie): (i32, Vec<u8>),
    ) -> Result<Page, Trouble> {
        let size = size.min(self.largest_page.load(Ordering::Relaxed));
        let control = PagedResults { size, cookie }.critical().into();
        if let Some(tap) = &self.tap {
            tap.keep();
        }
        self.begin_search(base, scope, filter, attributes, vec![control]).await.map(Page)
    }

    /// Waits for a page. Some of its entries, or all, are still to be read: see [`Connection::read_kept`].
    pub async fn end_page(&self, Page(search): Page) -> Result<(Answer, Kept, Vec<u8>), Trouble> {
        let answer = self.end_search(search).await?;
        let kept = self.tap.as_ref().map(Tap::kept).unwrap_or_default();
        let cookie = match answer.result.ctrls.iter().find(|c| matches!(c.0, Some(ControlType::PagedResults))) {
            None => Vec::new(),
            Some(Control(_, raw)) => {
                let parsed = std::panic::catch_unwind(|| raw.parse::<PagedResults>().cookie);
                parsed.map_err(|_| self.malformed())?
            }
        };
        Ok((answer, kept, cookie))
    }

    /// Returns whether the server has refused a first page that may just have been too large, as OpenLDAP does where
    /// `size.pr` is less. It is worth asking again then: pages will be half as large.
    pub fn takes_smaller_pages(&self, answer: &Answer, (size, cookie): (i32, &[u8])) -> bool {
        const ADMIN_LIMIT_EXCEEDED: u32 = 11; // RFC 4511 section 4.1.9
        let size = size.min(self.largest_page.load(Ordering::Relaxed));
        let is_refused = answer.result.rc == ADMIN_LIMIT_EXCEEDED && answer.entries.is_empty() && cookie.is_empty();
        if !is_refused || size <= SMALL_PAGE {
            return false;
        }
        self.largest_page.store((size / 2).max(SMALL_PAGE), Ordering::Relaxed);
        true
    }

    /// Reads the next entry of a page into `entry`; returns whether there was one.
    pub fn read_kept(&self, kept: &mut Kept, entry: &mut Entry) -> Result<bool, Trouble> {
        kept.read(entry).map_err(|_| self.malformed())
    }

    /// Reads all that `filter` matches, in one answer.
    pub async fn search(
        &self,
        base: &str,
        scope: Scope,
        filter: &Filter,
        attributes: &[&str],
        controls: Vec<RawControl>,
    ) -> Result<Answer, Trouble> {
        let search = self.begin_search(base, scope, filter, attributes, controls).await?;
        self.end_search(search).await
    }

    async fn begin_search(
        &self,
        base: &str,
        scope: Scope,
        filter: &Filter,
        attributes: &[&str],
        controls: Vec<RawControl>,
    ) -> Result<Search, Trouble> {
        let mut handle = self.handle.clone();
        let attributes: Vec<String> = attributes.iter().map(|&name| name.to_owned()).collect();
        let filter = filter.as_str();
        self.call(async move { handle.with_controls(controls).streaming_search(base, scope, filter, attributes).await })
            .await
    }

    async fn end_search(&self, mut search: Search) -> Result<Answer, Trouble> {
        let (raw, references, mut result) = self
            .call(async move {
                let (mut entries, mut references) = (Vec::new(), Vec::new());
                while let Some(raw) = search.next().await? {
                    if raw.is_ref() {
                        references.extend(ldap3::parse_refs(raw.0));
                    } else if !raw.is_intermediate() {
                        entries.push(raw);
                    }
                }
                Ok((entries, references, search.finish().await))
            })
            .await?;
        result.refs.extend(references);
        let entries = raw.iter().map(|raw| Entry::decode(raw).ok_or_else(|| self.malformed()));
        Ok(Answer { entries: entries.collect::<Result<_, _>>()?, result })
    }
}
