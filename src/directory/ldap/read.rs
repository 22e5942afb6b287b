//! Reading accounts. What is delivered is complete, or a fault says that it is not.

use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;
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
use super::entry::Entry;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::guarded::Freshness;
use super::name::Dn;
use super::name::is_attribute_description;
use super::pool::Lease;
use super::server::Schema;
use super::settings::SearchScope;
use super::settings::Site;
use crate::directory::Lookup;
use crate::directory::Which;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::MatchBy;
use crate::roster::attribute;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;

/// Values in one filter.
const CHUNK: usize = 100;
/// How often a read is begun on a connection before it is given up.
pub(super) const ATTEMPTS: usize = 3;
/// How long to wait before a read is begun again.
pub(super) const PAUSE: Duration = Duration::from_millis(250);

/// One thing to ask for.
enum Step {
    /// A paged search of one of [`Site::homes`]; the cookie says where it goes on.
    Search { home: usize, filter: Filter, cookie: Vec<u8> },
    /// Entries by their ids.
    Ids(Vec<EntryId>),
    /// Entries by their names.
    Located(Vec<Box<str>>),
}

/// A read under way. Memory holds one page.
struct Reading<'a> {
    dsa: &'a Dsa,
    lease: Option<Lease<'a>>,
    proven: bool,
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
    /// Streams accounts, one page in memory. A connection lost before a search has delivered anything is replaced;
    /// after that, the stream ends with a fault that says to read again.
    pub(super) fn accounts(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        let Lookup { which, attributes } = lookup;
        let mut reading = Reading {
            dsa: self,
            lease: None,
            proven: false,
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
        let search = |home| Step::Search { home, filter: filter.clone(), cookie: Vec::new() };
        self.steps.extend((0..self.dsa.site.homes().len()).map(search));
    }

    async fn next_page(&mut self) -> Result<Option<Vec<ExistingAccount>>, Fault> {
        let mut attempt = 1;
        while let Some(step) = self.steps.pop_front() {
            if self.lease.as_ref().is_none_or(|lease| lease.is_lost()) {
                self.lease = Some(self.dsa.pool.lease().await?);
            }
            let begun = matches!(&step, Step::Search { cookie, .. } if !cookie.is_empty());
            match self.take(&step).await {
                Ok((entries, rest)) => {
                    if let Some(rest) = rest {
                        self.steps.push_front(rest);
                    }
                    return self.deliver(&entries).map(Some);
                }
                Err(fault) if fault.next == Next::Retry && !begun && attempt < ATTEMPTS => {
                    attempt += 1;
                    self.lease = None;
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
    async fn take(&mut self, step: &Step) -> Result<(Vec<Entry>, Option<Step>), Fault> {
        let dsa = self.dsa;
        let Some(connection) = self.lease.as_deref() else { return Ok((Vec::new(), None)) };
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
            Step::Search { home, filter, cookie } => {
                let homes = dsa.site.homes();
                let Some((base, scope)) = homes.get(*home) else { return Ok((Vec::new(), None)) };
                let (base, scope) = (base.to_string(), scope_of(*scope));
                let page = (dsa.site.page_size, cookie.clone());
                let (answer, cookie) =
                    connection.page(&base, scope, filter, &attributes, page).await.map_err(Trouble::of_read)?;
                let entries = complete(answer, dsa.apart())?;
                let rest = (!cookie.is_empty()).then(|| Step::Search { home: *home, filter: filter.clone(), cookie });
                Ok((entries, rest))
            }
            Step::Ids(ids) => Ok((dsa.entries(connection, ids, &attributes).await?, None)),
            Step::Located(places) => Ok((dsa.entries_at(connection, places, &attributes).await?, None)),
        }
    }

    fn deliver(&mut self, entries: &[Entry]) -> Result<Vec<ExistingAccount>, Fault> {
        let mut accounts = Vec::with_capacity(entries.len());
        for entry in entries {
            let account = self.dsa.account(entry, &self.wanted)?;
            if self.seen.as_mut().is_none_or(|seen| seen.insert(account.id.stable.clone())) {
                accounts.push(account);
            }
        }
        Ok(accounts)
    }
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
        let found: Vec<Option<Entry>> =
            stream::iter(reads).buffered(self.site.in_flight).try_collect::<Vec<_>>().await?;
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
        let found: Vec<Option<Entry>> =
            stream::iter(reads).buffered(self.site.in_flight).try_collect::<Vec<_>>().await?;
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

    /// Makes sure that a base is there and can be read, so that an empty answer below it means what it says.
    pub(super) async fn prove_base(&self, connection: &Connection, key: &str, base: &Dn) -> Result<(), Fault> {
        let anchor = connection.read(&base.to_string(), &Filter::present("objectClass"), &["1.1"]).await;
        let answer = anchor.map_err(Trouble::of_read)?;
        let place = format!("{key} {base}");
        if answer.result.rc != 0 {
            let fault = refused(During::Read, &answer.result, None);
            return Err(Fault { reason: format!("{place}: {}", fault.reason), ..fault });
        }
        if answer.entries.is_empty() {
            let reason = format!("{place}: it does not exist, or the bind DN may not read it");
            return Err(Fault::new(Next::StopRun, reason));
        }
        Ok(())
    }

    /// Makes sure that the server knows the names in the filters: a filter with an unknown attribute matches nothing,
    /// without any error (RFC 4511 section 4.5.1.7).
    async fn prove_names(&self, connection: &Connection, by: Option<&str>) -> Result<(), Fault> {
        let stop = |reason| Err(Fault::new(Next::StopRun, reason));
        if let Some(by) = by.filter(|by| !is_attribute_description(by)) {
            return stop(format!("`{by}` is not an attribute's name"));
        }
        let (mut attributes, classes) = self.site.people_filter.names();
        attributes.push(&self.site.username_attribute);
        attributes.extend(by);
        let schema = self.schema(connection, &attributes, &classes).await?;
        if schema.is_empty() {
            return Ok(());
        }
        if let Some(name) = attributes.iter().find(|name| !schema.has_attribute(name)) {
            return stop(format!("the server does not know the attribute `{name}`, so no search by it finds anybody"));
        }
        if let Some(name) = classes.iter().find(|name| !schema.has_class(name)) {
            return stop(format!("the server does not know the object class `{name}` of `people_filter`"));
        }
        match by.filter(|by| !schema.has_equality(by)) {
            Some(name) => stop(format!("the server cannot search by the attribute `{name}`: it has no equality rule")),
            None => Ok(()),
        }
    }

    /// Returns the schema; read once, and again when it does not know a name. Empty when it cannot be read.
    pub(super) async fn schema(
        &self,
        connection: &Connection,
        attributes: &[&str],
        classes: &[&str],
    ) -> Result<Arc<Schema>, Fault> {
        if let Some(known) = self.known_schema() {
            let knows_all = attributes.iter().all(|name| known.has_attribute(name))
                && classes.iter().all(|name| known.has_class(name));
            if knows_all {
                return Ok(known);
            }
        }
        let place = connection.root.schema.as_deref().unwrap_or("cn=Subschema");
        let filter = Filter::eq("objectClass", "subschema");
        let answer = connection.read(place, &filter, Schema::ATTRIBUTES).await.map_err(Trouble::of_read)?;
        let schema = Arc::new(answer.entries.first().map(Schema::of).unwrap_or_default());
        self.keep_schema(&schema);
        Ok(schema)
    }

    pub(super) fn scope(&self) -> Scope {
        scope_of(self.site.scope)
    }

    fn attributes(&self, wanted: &attribute::Schema) -> Vec<String> {
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
    fn account(&self, entry: &Entry, wanted: &attribute::Schema) -> Result<ExistingAccount, Fault> {
        let id = self.entry_id(entry)?;
        let dn = Dn::parse(&entry.dn).ok();
        let attribute = &self.site.username_attribute;
        let in_name = dn.as_ref().and_then(|dn| dn.rdn().value(attribute));
        let username: Box<str> = in_name.or_else(|| entry.text(attribute)).unwrap_or_default().into();
        let values = wanted.names().map(|name| (name.as_str(), entry.values(name.as_str()).collect::<Vec<_>>()));
        let profile = self.site.profile;
        let state = (profile.credentials.state)(entry);
        let guarded = || (profile.guards.reason)(entry).map(str::to_owned);
        let archived = dn.as_ref().is_some_and(|dn| self.site.is_archived(dn));
        let listed = dn.and_then(|dn| self.guards(&dn, &username));
        Ok(ExistingAccount {
            attributes: wanted.pack(values.filter(|(_, values)| !values.is_empty())),
            enabled: state.enabled,
            must_change: state.must_change,
            protected: listed.or_else(guarded).map(Into::into),
            archived,
            username,
            id,
        })
    }

    /// Returns the id of an entry that was read with its stable id.
    pub(super) fn entry_id(&self, entry: &Entry) -> Result<EntryId, Fault> {
        let stable = &self.site.profile.stable;
        let Some(id) = stable.of(entry) else {
            let reason = format!("{} has no {}, or the bind DN may not read it", entry.dn, stable.attribute);
            return Err(Fault::new(Next::StopRun, reason));
        };
        Ok(EntryId { locator: canonical(&entry.dn).into(), stable: id })
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
    Dn::parse(dn).map_or_else(|_| dn.to_owned(), |dn| dn.to_string())
}
