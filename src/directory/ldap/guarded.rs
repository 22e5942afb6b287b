//! Who is an administrator now: the members of protected groups, however deep, as the directory has them.
//!
//! They are read when a plan is made, and again before a batch is written when what is known is no longer fresh: at
//! most one second old, or twenty times as old as reading them takes, so that it costs a twentieth of the time at most.

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::stream;
use ldap3::Scope;
use tokio::time::Instant;

use super::Dsa;
use super::complete::complete;
use super::connection::Connection;
use super::entry::Entry;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::group::By;
use super::group::Class;
use super::group::member_name;
use super::name::Dn;
use super::read::AT_ONCE;
use crate::directory::name_rules;
use crate::roster::account::GroupKind;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;

/// Members that protected groups may have, all together. More would take longer to read than to write a batch, and
/// speak of a slip in the rules.
const MOST: usize = 20_000;
/// How old what is known may be in any case.
const FRESH: Duration = Duration::from_secs(1);
/// How many times as old as reading it takes.
const PATIENCE: u32 = 20;

/// What is known of protected groups.
#[derive(Debug, Default)]
pub struct Guarded {
    known: RwLock<Arc<Members>>,
    /// Held while they are read, so that two batches do not read them twice.
    reading: tokio::sync::Mutex<()>,
}

/// Everybody in protected groups, with the name of the group.
#[derive(Debug, Default)]
struct Members {
    people: HashMap<MatchKey, Arc<str>>,
    usernames: HashMap<MatchKey, Arc<str>>,
    /// What the names of those look like.
    looks: HashMap<String, Box<str>>,
    /// Groups within protected groups: who joins one becomes an administrator.
    groups: HashMap<MatchKey, Arc<str>>,
    /// Who has one of these as `gidNumber` is a member without being listed (RFC 2307 section 3).
    gids: HashMap<String, Arc<str>>,
    read: Option<(Instant, Duration)>,
}

/// How fresh what is known must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As of now.
    Now,
    /// See the module.
    Recent,
}

impl Dsa {
    /// Makes sure that the members of protected groups are known.
    pub(super) async fn know_guarded(&self, connection: &Connection, freshness: Freshness) -> Result<(), Fault> {
        if self.site.protected.groups().is_empty() {
            return Ok(());
        }
        let _one = self.guarded.reading.lock().await;
        if freshness == Freshness::Recent && self.guarded.known().is_recent() {
            return Ok(());
        }
        let began = Instant::now();
        let mut members = Walk::new(self, connection).members().await?;
        members.read = Some((began, began.elapsed()));
        *self.guarded.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(members);
        Ok(())
    }

    /// Returns why an account is never written, when that is so.
    pub(super) fn guards(&self, dn: &Dn, username: &str) -> Option<String> {
        self.guards_spelled(&dn.to_string(), username)
    }

    /// The same for the name of an entry in its canonical spelling.
    pub(super) fn guards_spelled(&self, dn: &str, username: &str) -> Option<String> {
        self.site.protected.reason(dn, username).or_else(|| self.guarded.known().reason(dn, username))
    }

    /// Returns why a group is never written, when that is so.
    pub(super) fn guards_group(&self, dn: &Dn, name: &str) -> Option<String> {
        let nested = || {
            let known = self.guarded.known();
            let group = known.groups.get(&dn.key())?;
            Some(format!("who joins it becomes a member of the protected group {group}"))
        };
        self.site.protected.group_reason(dn, name).or_else(nested)
    }

    /// Returns why no new account may have this name, when that is so.
    pub(super) fn guards_new_name(&self, username: &str) -> Option<String> {
        let listed = self.site.protected.look_alike(username);
        listed.or_else(|| {
            let known = self.guarded.known();
            let like = known.looks.get(&name_rules::look(username)).filter(|_| !known.looks.is_empty())?;
            Some(format!("the name looks like `{like}`, which is an administrator's"))
        })
    }

    /// Returns why an attribute never gets a value, when that is so: some numbers are rights.
    pub(super) fn guards_value(&self, attribute: &str, value: &[u8]) -> Option<String> {
        let is = |name: &str| attribute.eq_ignore_ascii_case(name);
        if !is("uidNumber") && !is("gidNumber") {
            return None;
        }
        let number = std::str::from_utf8(value).ok()?.trim();
        if number.parse::<i64>() == Ok(0) {
            return Some(format!("{attribute} 0 is that of the superuser"));
        }
        let known = self.guarded.known();
        let group = known.gids.get(number).filter(|_| is("gidNumber"))?;
        Some(format!("{attribute} {number} is that of the protected group {group}"))
    }
}

impl Guarded {
    fn known(&self) -> Arc<Members> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Members {
    fn is_recent(&self) -> bool {
        self.read.is_some_and(|(began, took)| began.elapsed() <= FRESH.max(took * PATIENCE))
    }

    fn reason(&self, dn: &str, username: &str) -> Option<String> {
        if self.people.is_empty() && self.usernames.is_empty() {
            return None;
        }
        let by_name = || self.usernames.get(&MatchKey::new(username)).filter(|_| !username.is_empty());
        let group = self.people.get(&MatchKey::new(dn)).or_else(by_name)?;
        Some(format!("it is a member of the protected group {group}"))
    }

    fn add_username(&mut self, username: &str, group: &Arc<str>) {
        self.usernames.entry(MatchKey::new(username)).or_insert_with(|| Arc::clone(group));
        self.add_look(username);
    }

    fn add_look(&mut self, username: &str) {
        self.looks.entry(name_rules::look(username)).or_insert_with(|| username.into());
    }
}

/// A walk from the protected groups to everybody in them.
struct Walk<'a> {
    dsa: &'a Dsa,
    connection: &'a Connection,
    attributes: Vec<&'static str>,
    members: Members,
}

impl<'a> Walk<'a> {
    fn new(dsa: &'a Dsa, connection: &'a Connection) -> Self {
        let mut attributes = vec!["objectClass", "cn", "gidNumber"];
        for class in classes(dsa) {
            if !attributes.contains(&class.attribute) {
                attributes.push(class.attribute);
            }
        }
        Self { dsa, connection, attributes, members: Members::default() }
    }

    async fn members(mut self) -> Result<Members, Fault> {
        let roots = self.roots().await?;
        self.walk(roots).await?;
        self.by_number().await?;
        Ok(self.members)
    }

    /// Finds the protected groups. One that is listed by its DN must be there, and be readable.
    async fn roots(&self) -> Result<Vec<Entry>, Fault> {
        let groups = self.dsa.site.protected.groups();
        let mut roots = Vec::new();
        for dn in &groups.entries {
            let found = self.entry(&dn.to_string()).await?;
            let missing = || {
                let why = "it does not exist, or the bind DN may not read it, so nobody can say who is in it";
                Fault::new(Next::StopRun, format!("protected_groups {dn}: {why}"))
            };
            roots.push(found.ok_or_else(missing)?);
        }
        let is_group = Filter::any(classes(self.dsa).map(Class::filter));
        let named = Filter::any(groups.exact.iter().map(|name| Filter::eq("cn", name)));
        let filter = match (groups.has_patterns, groups.exact.is_empty()) {
            (true, _) => is_group,
            (false, false) => Filter::all([is_group, named]),
            (false, true) => return Ok(roots),
        };
        let is_protected = |entry: &Entry| entry.texts("cn").any(|name| groups.names.reason(name).is_some());
        roots.extend(self.search(&filter).await?.into_iter().filter(is_protected));
        Ok(roots)
    }

    async fn walk(&mut self, roots: Vec<Entry>) -> Result<(), Fault> {
        let mut seen: HashSet<MatchKey> = HashSet::new();
        let with_name = |root: Entry| {
            let name = named(&root);
            (root, name)
        };
        let mut groups: VecDeque<(Entry, Arc<str>)> = roots.into_iter().map(with_name).collect();
        while let Some((mut group, root)) = groups.pop_front() {
            let Some(own) = Dn::parse(&group.dn).ok().map(|dn| dn.key()) else { continue };
            seen.insert(own.clone());
            self.members.groups.entry(own).or_insert_with(|| Arc::clone(&root));
            self.note_number(&group, &root);
            let mut listed = Vec::new();
            for class in classes(self.dsa) {
                self.dsa.read_rest(self.connection, &mut group, class.attribute).await?;
                match class.by {
                    By::Username => {
                        group.texts(class.attribute).for_each(|name| self.members.add_username(name, &root));
                    }
                    By::Dn => {
                        listed.extend(group.texts(class.attribute).filter_map(|v| Dn::parse(member_name(v)).ok()));
                    }
                    By::OwnEntry { .. } if group.has_text("objectClass", class.name) => {
                        let holders = self.search(&Filter::eq(class.attribute, &group.dn)).await?;
                        listed.extend(holders.iter().filter_map(|entry| Dn::parse(&entry.dn).ok()));
                    }
                    By::OwnEntry { .. } => {}
                }
            }
            listed.retain(|dn| seen.insert(dn.key()));
            if seen.len() > MOST {
                let why = format!("protected groups have more than {MOST} members; are these the right groups?");
                return Err(Fault::new(Next::StopRun, why));
            }
            let entries = self.entries(&listed).await?;
            for (dn, entry) in listed.iter().zip(entries) {
                match entry {
                    Some(entry) if is_group(self.dsa, &entry) => groups.push_back((entry, Arc::clone(&root))),
                    // Whoever is given the name of a member that is not there is a member at once.
                    entry => self.note_person(dn, entry.as_ref(), &root),
                }
            }
        }
        Ok(())
    }

    /// Adds those whose own group it is.
    async fn by_number(&mut self) -> Result<(), Fault> {
        if self.members.gids.is_empty() {
            return Ok(());
        }
        let gids = self.members.gids.clone();
        for entry in self.search(&Filter::any(gids.keys().map(|gid| Filter::eq("gidNumber", gid)))).await? {
            let group = entry.text("gidNumber").and_then(|gid| gids.get(gid));
            let (Some(group), Ok(dn)) = (group, Dn::parse(&entry.dn)) else { continue };
            if !is_group(self.dsa, &entry) {
                self.note_person(&dn, Some(&entry), group);
            }
        }
        Ok(())
    }

    fn note_number(&mut self, group: &Entry, root: &Arc<str>) {
        if let Some(gid) = group.text("gidNumber") {
            self.members.gids.entry(gid.to_owned()).or_insert_with(|| Arc::clone(root));
        }
    }

    fn note_person(&mut self, dn: &Dn, entry: Option<&Entry>, group: &Arc<str>) {
        self.members.people.entry(dn.key()).or_insert_with(|| Arc::clone(group));
        let attribute = &self.dsa.site.username_attribute;
        for username in entry.into_iter().flat_map(|entry| entry.texts(attribute)) {
            self.members.add_look(username);
        }
    }

    async fn entries(&self, names: &[Dn]) -> Result<Vec<Option<Entry>>, Fault> {
        let reads: Vec<_> = names.iter().map(|dn| async { self.entry(&dn.to_string()).await }.boxed()).collect();
        stream::iter(reads).buffered(AT_ONCE).try_collect().await
    }

    /// Reads one entry; `None` when it is not there or not to be seen.
    async fn entry(&self, dn: &str) -> Result<Option<Entry>, Fault> {
        let mut attributes = self.attributes.clone();
        attributes.push(&self.dsa.site.username_attribute);
        let all = Filter::present("objectClass");
        let answer = self.connection.read(dn, &all, &attributes).await.map_err(Trouble::of_read)?;
        match answer.result.rc {
            // No such entry, no name at all, not for us, or on another server.
            10 | 32 | 34 | 50 => Ok(None),
            _ => complete(answer, self.dsa.apart()).map(|entries| entries.into_iter().next()),
        }
    }

    /// Searches the part of the directory that people are in, as far as it can be read.
    async fn search(&self, filter: &Filter) -> Result<Vec<Entry>, Fault> {
        let site = &self.dsa.site;
        let contexts = self.connection.root.contexts.iter().filter_map(|text| Dn::parse(text).ok());
        let context =
            contexts.filter(|context| site.people_base.is_within(context)).min_by_key(|dn| dn.to_string().len());
        if let Some(context) = context
            && let Some(found) = self.search_below(&context, filter).await?
        {
            return Ok(found);
        }
        let mut found = Vec::new();
        let bases = site.bases.iter().filter_map(|(_, base)| base.as_ref()).chain([&site.people_base]);
        for base in bases {
            found.extend(self.search_below(base, filter).await?.unwrap_or_default());
        }
        Ok(found)
    }

    /// Returns what is below a base; `None` when it is not there or not to be seen. References to other servers are
    /// passed over: groups of other domains cannot be written from here either.
    async fn search_below(&self, base: &Dn, filter: &Filter) -> Result<Option<Vec<Entry>>, Fault> {
        let mut attributes = self.attributes.clone();
        attributes.push(&self.dsa.site.username_attribute);
        let (mut found, mut cookie) = (Vec::new(), Vec::new());
        loop {
            let page = (self.dsa.site.page_size, cookie);
            let page = self.connection.page(&base.to_string(), Scope::Subtree, filter, &attributes, page).await;
            let (answer, next) = page.map_err(Trouble::of_read)?;
            match answer.result.rc {
                0 => found.extend(answer.entries),
                32 | 50 => return Ok(None),
                _ => {
                    let fault = refused(During::Read, &answer.result, None);
                    let reason = format!("the protected groups cannot be read: {}", fault.reason);
                    return Err(Fault { reason, ..fault });
                }
            }
            if next.is_empty() {
                return Ok(Some(found));
            }
            cookie = next;
        }
    }
}

fn classes(dsa: &Dsa) -> impl Iterator<Item = &'static Class> {
    dsa.site.profile.classes(GroupKind::Role)
}

fn is_group(dsa: &Dsa, entry: &Entry) -> bool {
    classes(dsa).any(|class| entry.has_text("objectClass", class.name))
}

fn named(group: &Entry) -> Arc<str> {
    group.text("cn").unwrap_or(&group.dn).into()
}
