//! Reading accounts. What is delivered is complete, or a fault says that it is not.

use std::collections::HashSet;
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::stream;
use ldap3::Scope;

use super::Dsa;
use super::complete::complete;
use super::connection::Connection;
use super::connection::Page;
use super::entry::Entry;
use super::fault::Trouble;
use super::filter::Filter;
use super::guarded::Freshness;
use super::name::Dn;
use super::name::Spelled;
use super::pool::Lease;
use super::settings::SearchScope;
use super::settings::Site;
use super::tap::Kept;
use crate::directory::Lookup;
use crate::directory::Which;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::MatchBy;
use crate::roster::attribute;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::remark::Remark;

/// Values in one filter.
const CHUNK: usize = 100;
/// Entries that accounts are made of before the connection has its turn.
const TURN: usize = 64;
/// Reads of single entries that are unanswered at the same time.
pub(super) const AT_ONCE: usize = 32;
/// How often a read is begun on a connection before it is given up.
pub(super) const ATTEMPTS: usize = 3;
/// How long to wait before a read is begun again.
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// One thing to ask for.
enum Step {
    /// A paged search of one of [`Site::homes`]; the cookie says where it goes on. Its next page may have been asked for.
    Search { home: usize, filter: Filter, cookie: Vec<u8>, next: Option<Box<Page>> },
    /// Entries by their ids.
    Ids(Vec<EntryId>),
    /// Entries by their names.
    Located(Vec<Box<str>>),
}

/// What one step has brought.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    /// Entries that are still to be read.
    kept: Kept,
}

/// A read under way. While one page is looked at, the server is at work on the next: memory holds two.
struct Reading<'a> {
    dsa: &'a Dsa,
    lease: Option<Lease>,
    proven: bool,
    /// Whether everybody is read.
    whole: bool,
    wanted: attribute::Schema,
    /// The attribute that accounts are matched by.
    by: Option<String>,
    steps: VecDeque<Step>,
    /// A plan is made of what is now; what is read back was written with what was known then.
    freshness: Freshness,
    /// What was delivered, where one entry may match twice.
    seen: Option<HashSet<Box<str>>>,
}

impl Dsa {
    /// Streams accounts, page by page. A connection lost before a search has delivered anything is replaced;
    /// after that, the stream ends with a fault that says to read again.
    pub(super) fn accounts(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        let Lookup { which, attributes } = lookup;
        let mut reading = Reading {
            dsa: self,
            lease: None,
            proven: false,
            whole: which == Which::All,
            wanted: attributes,
            by: None,
            steps: VecDeque::new(),
            freshness: if matches!(which, Which::Ids(_)) { Freshness::Recent } else { Freshness::Now },
            seen: None,
        };
        let people = &self.site.people_filter;
        match which {
            Which::All => reading.search(people),
            Which::Matching { by, values } => {
                let attribute = match by {
                    MatchBy::Username => self.site.username_attribute.clone(),
                    MatchBy::Attribute(name) => name.as_str().to_owned(),
                };
                let mut keys = HashSet::new();
                let values: Vec<_> =
                    values.into_iter().filter(|v| !v.is_empty() && keys.insert(MatchKey::new(v))).collect();
                for chunk in values.chunks(CHUNK) {
                    let any = Filter::any(chunk.iter().map(|value| Filter::eq(&attribute, value)));
                    let filter = Filter::all([people.clone(), any]);
                    reading.search(&filter);
                }
                reading.seen = (reading.steps.len() > 1).then(HashSet::new);
                reading.by = Some(attribute);
            }
            Which::Ids(ids) => {
                let mut once = HashSet::new();
                let ids: Vec<_> = ids.into_iter().filter(|id| once.insert(id.stable.clone())).collect();
                reading.steps.extend(ids.chunks(CHUNK).map(|chunk| Step::Ids(chunk.to_vec())));
            }
            Which::Located(places) => {
                let places: Vec<_> = places.into_iter().filter(|place| Dn::parse(place).is_ok()).collect();
                reading.steps.extend(places.chunks(CHUNK).map(|chunk| Step::Located(chunk.to_vec())));
                reading.seen = Some(HashSet::new());
            }
        }
        stream::try_unfold(reading, |mut reading| async move {
            let page = reading.next_page().await?;
            Ok::<_, Fault>(page.map(|page| (stream::iter(page.into_iter().map(Ok)), reading)))
        })
        .try_flatten()
    }
}

impl Reading<'_> {
    /// Asks for all that `filter` matches, wherever accounts are.
    fn search(&mut self, filter: &Filter) {
        let search = |home| Step::Search { home, filter: filter.clone(), cookie: Vec::new(), next: None };
        self.steps.extend((0..self.dsa.site.homes().len()).map(search));
    }

    async fn next_page(&mut self) -> Result<Option<Vec<ExistingAccount>>, Fault> {
        let mut attempt = 1;
        while let Some(mut step) = self.steps.pop_front() {
            if self.lease.as_ref().is_none_or(|lease| lease.is_lost()) {
                let pool = &self.dsa.pool;
                self.lease = Some(if self.whole { pool.lease_tapped().await? } else { pool.lease().await? });
            }
            let begun = matches!(&step, Step::Search { cookie, .. } if !cookie.is_empty());
            match self.take(&mut step).await {
                Ok((found, rest)) => {
                    if let Some(rest) = rest {
                        self.steps.push_front(rest);
                    }
                    return self.deliver(found).await.map(Some);
                }
                Err(fault) if fault.next == Next::Retry && !begun && attempt < ATTEMPTS => {
                    attempt += 1;
                    self.lease = None;
                    self.dsa.pool.remarks().tell(Remark::ReadAgain);
                    tokio::time::sleep(PAUSE).await;
                    self.steps.push_front(step);
                }
                Err(fault) => {
                    self.lease = None;
                    return Err(fault);
                }
            }
        }
        self.lease = None;
        Ok(None)
    }

    /// Does one step, or one page of it, and returns what is left of it.
    async fn take(&mut self, step: &mut Step) -> Result<(Found, Option<Step>), Fault> {
        let dsa = self.dsa;
        let connection = self.lease.as_deref().ok_or_else(unread)?;
        if !self.proven {
            dsa.prove_base(connection, "people_base", &dsa.site.people_base).await?;
            if let Some(archive) = &dsa.site.archive_base {
                dsa.prove_base(connection, "archive_base", archive).await?;
            }
            dsa.prove_names(connection, self.by.as_deref()).await?;
            dsa.know_guarded(connection, self.freshness).await?;
            self.proven = true;
        }
        let attributes = dsa.attributes(&self.wanted);
        let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
        match step {
            Step::Search { home, filter, cookie, next } => {
                let homes = dsa.site.homes();
                let (base, scope) = homes.get(*home).ok_or_else(unread)?;
                let (base, scope) = (base.to_string(), scope_of(*scope));
                let begin = |cookie: &[u8]| {
                    let page = (dsa.site.page_size, cookie.to_vec());
                    connection.begin_page(&base, scope, filter, &attributes, page)
                };
                let page = match next.take() {
                    Some(page) => *page,
                    None => begin(cookie).await.map_err(Trouble::of_read)?,
                };
                let (answer, kept, rest) = connection.end_page(page).await.map_err(Trouble::of_read)?;
                if connection.takes_smaller_pages(&answer, (dsa.site.page_size, cookie)) {
                    let again = Step::Search { home: *home, filter: filter.clone(), cookie: Vec::new(), next: None };
                    return Ok((Found::default(), Some(again)));
                }
                let cookie = rest;
                let found = Found { entries: complete(answer, dsa.apart())?, kept };
                if cookie.is_empty() {
                    return Ok((found, None));
                }
                // A page that cannot be asked for now is asked for again when it is needed, and then told.
                let next = begin(&cookie).await.ok().map(Box::new);
                Ok((found, Some(Step::Search { home: *home, filter: filter.clone(), cookie, next })))
            }
            Step::Ids(ids) => {
                let entries = dsa.entries(connection, ids, &attributes).await?;
                Ok((Found { entries, ..Found::default() }, None))
            }
            Step::Located(places) => {
                let entries = dsa.entries_at(connection, places, &attributes).await?;
                Ok((Found { entries, ..Found::default() }, None))
            }
        }
    }

    /// Makes accounts of entries, a few at a time: the server stops sending when nobody takes what has come.
    async fn deliver(&mut self, found: Found) -> Result<Vec<ExistingAccount>, Fault> {
        let connection = self.lease.as_deref().ok_or_else(unread)?;
        let Found { entries, mut kept } = found;
        let (mut entries, mut entry) = (entries.into_iter(), Entry::default());
        let mut accounts = Vec::new();
        loop {
            for _ in 0..TURN {
                match entries.next() {
                    Some(read) => entry = read,
                    None if connection.read_kept(&mut kept, &mut entry).map_err(Trouble::of_read)? => {}
                    None => return Ok(accounts),
                }
                let account = self.dsa.account(&entry, &self.wanted)?;
                if self.seen.as_mut().is_none_or(|seen| seen.insert(account.id.stable.clone())) {
                    accounts.push(account);
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

/// What was to be read was not: it must not look as if there were nothing.
fn unread() -> Fault {
    Fault::new(Next::Retry, "the directory was not read to its end")
}

impl Dsa {
    /// Reads entries by id: where they were, and, if they are there no more, wherever they may be now.
    async fn entries(&self, connection: &Connection, ids: &[EntryId], names: &[&str]) -> Result<Vec<Entry>, Fault> {
        let mut reads = Vec::with_capacity(ids.len());
        for id in ids {
            let read = async move {
                let same = self.same(id);
                let answer = connection.read(&id.locator, &same, names).await.map_err(Trouble::of_read)?;
                match answer.result.rc {
                    32 | 34 => Ok(None),
                    _ => complete(answer, self.apart()).map(|entries| entries.into_iter().next()),
                }
            };
            reads.push(read.boxed());
        }
        let found: Vec<Option<Entry>> = stream::iter(reads).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        let moved: Vec<_> = ids.iter().zip(&found).filter(|(_, entry)| entry.is_none()).map(|(id, _)| id).collect();
        let mut entries: Vec<_> = found.iter().flatten().cloned().collect();
        if !moved.is_empty() {
            let any = Filter::any(moved.iter().map(|id| self.same(id)));
            for (base, _) in self.site.homes() {
                let (base, page) = (base.to_string(), self.site.page_size);
                entries.extend(self.search_all(connection, &base, Scope::Subtree, &any, names, page).await?);
            }
        }
        Ok(entries)
    }

    /// Reads the entries with these names. A name that is nowhere here, not even by referral, is nobody's.
    async fn entries_at(
        &self,
        connection: &Connection,
        places: &[Box<str>],
        names: &[&str],
    ) -> Result<Vec<Entry>, Fault> {
        let mut reads = Vec::with_capacity(places.len());
        for place in places {
            let read = async move {
                let anything = Filter::present("objectClass");
                let answer = connection.read(place, &anything, names).await.map_err(Trouble::of_read)?;
                match answer.result.rc {
                    10 | 32 | 34 => Ok(None),
                    _ => complete(answer, self.apart()).map(|entries| entries.into_iter().next()),
                }
            };
            reads.push(read.boxed());
        }
        let found: Vec<Option<Entry>> = stream::iter(reads).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Collects all pages of a search.
    pub(super) async fn search_all(
        &self,
        connection: &Connection,
        base: &str,
        scope: Scope,
        filter: &Filter,
        attributes: &[&str],
        page_size: i32,
    ) -> Result<Vec<Entry>, Fault> {
        let mut entries = Vec::new();
        let mut cookie = Vec::new();
        loop {
            let page = connection.page(base, scope, filter, attributes, (page_size, cookie)).await;
            let (answer, next) = page.map_err(Trouble::of_read)?;
            entries.extend(complete(answer, self.apart())?);
            if next.is_empty() {
                return Ok(entries);
            }
            cookie = next;
        }
    }

    pub(super) fn scope(&self) -> Scope {
        scope_of(self.site.scope)
    }

    /// Returns what to ask for to make an account of an entry.
    pub(super) fn attributes(&self, wanted: &attribute::Schema) -> Vec<String> {
        let Site { profile, username_attribute, .. } = &self.site;
        let own = [profile.stable.attribute, username_attribute];
        let more = profile.credentials.attributes.iter().chain(profile.guards.attributes);
        wanted
            .names()
            .map(|name| name.as_str().to_owned())
            .chain(own.iter().chain(more).map(|s| (*s).to_owned()))
            .collect()
    }

    /// Makes an account of an entry. An entry without its stable id is a fault: it could not be told from another one
    /// that takes its name later.
    pub(super) fn account(&self, entry: &Entry, wanted: &attribute::Schema) -> Result<ExistingAccount, Fault> {
        let name = Spelled::of(&entry.dn);
        let id = EntryId { locator: name.as_str().into(), stable: self.stable(entry)? };
        let attribute = &self.site.username_attribute;
        let username: Box<str> = name.value(attribute).or_else(|| entry.text(attribute)).unwrap_or_default().into();
        let profile = self.site.profile;
        let state = (profile.credentials.state)(entry);
        let guarded = || (profile.guards.reason)(entry).map(str::to_owned);
        let archived = self.site.is_archived(name.as_str());
        let listed = name.is_dn().then(|| self.guards_spelled(name.as_str(), &username)).flatten();
        Ok(ExistingAccount {
            attributes: wanted.pack_found(|name| entry.values(name.as_str())),
            enabled: state.enabled,
            must_change: state.must_change,
            protected: listed.or_else(guarded).map(Into::into),
            archived,
            username,
            id,
        })
    }

    fn stable(&self, entry: &Entry) -> Result<Box<str>, Fault> {
        let stable = &self.site.profile.stable;
        stable.of(entry).ok_or_else(|| {
            let reason = format!("{} has no {}, or the bind DN may not read it", entry.dn, stable.attribute);
            Fault::new(Next::StopRun, reason)
        })
    }

    /// Returns which branches hold no people, wherever they are.
    pub(super) fn apart(&self) -> &'static [&'static str] {
        self.site.profile.peculiar.apart
    }

    /// Matches the entry with this id.
    pub(super) fn same(&self, id: &EntryId) -> Filter {
        self.site.profile.stable.filter(&id.stable)
    }
}

fn scope_of(scope: SearchScope) -> Scope {
    match scope {
        SearchScope::Subtree => Scope::Subtree,
        SearchScope::One => Scope::OneLevel,
    }
}

/// Returns a name in the one spelling in which names are compared.
pub(super) fn canonical(dn: &str) -> String {
    Spelled::of(dn).as_str().to_owned()
}
