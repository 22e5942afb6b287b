//! The walk from the protected groups to everybody in them.

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use futures_util::stream;
use ldap3::Scope;

use super::Members;
use crate::directory::ldap::Dsa;
use crate::directory::ldap::complete::complete;
use crate::directory::ldap::connection::Connection;
use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::fault::During;
use crate::directory::ldap::fault::Trouble;
use crate::directory::ldap::fault::refused;
use crate::directory::ldap::filter::Filter;
use crate::directory::ldap::group::By;
use crate::directory::ldap::group::Class;
use crate::directory::ldap::group::member_name;
use crate::directory::ldap::name::Dn;
use crate::directory::ldap::profile::Administrators;
use crate::directory::ldap::read::AT_ONCE;
use crate::roster::account::GroupKind;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

/// Members that protected groups may have, all together. More would take longer to read than to write a batch, and
/// speak of a slip in the rules.
const MOST: usize = 20_000;

/// A walk from the protected groups to everybody in them.
pub struct Walk<'a> {
    dsa: &'a Dsa,
    connection: &'a Connection,
    attributes: Vec<&'static str>,
    members: Members,
    /// Who has one of these as primary group is a member without being listed.
    primary: HashMap<String, Arc<str>>,
}

impl<'a> Walk<'a> {
    pub fn new(dsa: &'a Dsa, connection: &'a Connection) -> Self {
        let mut attributes = vec!["objectClass", "cn", "gidNumber"];
        let guards = &dsa.site.profile.guards;
        attributes.extend(guards.attributes);
        attributes.extend(guards.administrators.map(|administrators| administrators.primary));
        for class in classes(dsa) {
            if !attributes.contains(&class.attribute) {
                attributes.push(class.attribute);
            }
        }
        Self { dsa, connection, attributes, members: Members::default(), primary: HashMap::new() }
    }

    pub async fn members(mut self) -> Result<Members, Fault> {
        let roots = self.roots().await?;
        self.walk(roots).await?;
        let (gids, primary) = (self.members.gids.clone(), std::mem::take(&mut self.primary));
        self.by_number("gidNumber", &gids).await?;
        if let Some(administrators) = self.dsa.site.profile.guards.administrators {
            self.by_number(administrators.primary, &primary).await?;
        }
        Ok(self.members)
    }

    /// Finds the protected groups. One that is listed by its DN must be there, and be readable.
    async fn roots(&self) -> Result<Vec<Entry>, Fault> {
        let groups = self.dsa.site.protected.groups();
        let mut roots = match self.dsa.site.profile.guards.administrators {
            Some(administrators) => self.administrators(administrators).await?,
            None => Vec::new(),
        };
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

    /// Finds administrators' groups whatever they are called. If they cannot be found nobody is written.
    async fn administrators(&self, administrators: &Administrators) -> Result<Vec<Entry>, Fault> {
        let top = self.dsa.context(self.connection).to_string();
        let unknown = |why: &str| Fault::new(Next::StopRun, format!("nobody can say who is an administrator: {why}"));
        let filter = self.entry(&top).await?.as_ref().and_then(administrators.groups);
        let filter = filter.ok_or_else(|| unknown(&format!("let the bind DN read the objectSid of {top}")))?;
        let found = self.search(&filter).await?;
        if (administrators.are_there)(&found) {
            return Ok(found);
        }
        Err(unknown("let the bind DN read the objectSid of the groups in CN=Users and CN=Builtin"))
    }

    async fn walk(&mut self, roots: Vec<Entry>) -> Result<(), Fault> {
        let (mut seen, mut walked) = (HashSet::new(), HashSet::new());
        let with_name = |root: Entry| {
            let name = named(&root);
            (root, name)
        };
        let mut groups: VecDeque<(Entry, Arc<str>)> = roots.into_iter().map(with_name).collect();
        while let Some((mut group, root)) = groups.pop_front() {
            let Some(own) = Dn::parse(&group.dn).ok().map(|dn| dn.key()) else { continue };
            if !walked.insert(own.clone()) {
                continue;
            }
            seen.insert(own.clone());
            self.members.groups.entry(own).or_insert_with(|| Arc::clone(&root));
            self.note_number(&group, &root);
            if let Some(administrators) = self.dsa.site.profile.guards.administrators {
                let number = (administrators.number)(&group);
                self.primary.extend(number.map(|number| (number, Arc::clone(&root))));
            }
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
                return Err(too_many());
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

    /// Adds those who are members by the number of a group, without being listed in it.
    async fn by_number(&mut self, attribute: &str, groups: &HashMap<String, Arc<str>>) -> Result<(), Fault> {
        if groups.is_empty() {
            return Ok(());
        }
        for entry in self.search(&Filter::any(groups.keys().map(|number| Filter::eq(attribute, number)))).await? {
            let group = entry.text(attribute).and_then(|number| groups.get(number));
            let (Some(group), Ok(dn)) = (group, Dn::parse(&entry.dn)) else { continue };
            if !is_group(self.dsa, &entry) {
                self.note_person(&dn, Some(&entry), group);
            }
        }
        if self.members.people.len() > MOST { Err(too_many()) } else { Ok(()) }
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

fn too_many() -> Fault {
    let why = format!("protected groups have more than {MOST} members; are these the right groups?");
    Fault::new(Next::StopRun, why)
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
