//! Groups, roles and channels: which entries they are, and who is in them.

use std::collections::HashMap;
use std::collections::HashSet;
use std::collections::hash_map::Entry as Slot;

use ldap3::Scope;

use super::Dsa;
use super::connection::Connection;
use super::entry::Entry;
use super::filter::Filter;
use super::guarded::Freshness;
use super::name::Dn;
use super::read::ATTEMPTS;
use super::read::PAUSE;
use super::read::canonical;
use super::write::reject;
use crate::directory::Wanted;
use crate::roster::account::ExistingGroup;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::account::Members;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Member;
use crate::roster::remark::Remark;

/// Names in one filter.
const CHUNK: usize = 100;
/// Groups per page: each may have many members.
const PAGE: i32 = 50;

/// An object class of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    pub name: &'static str,
    /// The attribute that lists the members.
    pub attribute: &'static str,
    pub by: By,
    /// A group without a member is refused (RFC 4519 section 3.5).
    pub needs_member: bool,
}

/// How a class names its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Dn,
    Username,
    /// It does not: the entry of each member names the group by its DN. `scope` is the attribute of a new group that
    /// says below which entry members are.
    OwnEntry {
        scope: &'static str,
    },
}

/// The classes of the standard schema (RFC 4519, RFC 2307). A role may be of [`ORGANIZATIONAL_ROLE`] too.
pub const STANDARD: &[Class] = &[
    Class { name: "groupOfNames", attribute: "member", by: By::Dn, needs_member: true },
    Class { name: "groupOfMembers", attribute: "member", by: By::Dn, needs_member: false },
    Class { name: "groupOfUniqueNames", attribute: "uniqueMember", by: By::Dn, needs_member: true },
    Class { name: "posixGroup", attribute: "memberUid", by: By::Username, needs_member: false },
];

/// Not a class of groups: service accounts are of that class too.
pub const ORGANIZATIONAL_ROLE: Class =
    Class { name: "organizationalRole", attribute: "roleOccupant", by: By::Dn, needs_member: false };

/// Groups, each with the members whose own entries name it.
pub type Held = HashMap<MatchKey, HashSet<MatchKey>>;

/// A group as it was found.
#[derive(Clone, Debug)]
pub struct Found {
    pub dn: Dn,
    pub class: Class,
}

impl Class {
    /// Matches the groups of this class.
    pub fn filter(&self) -> Filter {
        let class = Filter::eq("objectClass", self.name);
        match self.by {
            By::Dn | By::Username => class,
            // Definitions of roles are subentries, which only a search that speaks of them returns.
            By::OwnEntry { .. } => Filter::all([class, Filter::eq("objectClass", "ldapSubEntry")]),
        }
    }

    /// Returns the value that stands for a member.
    pub fn value(&self, member: &Member) -> Vec<u8> {
        match self.by {
            By::Dn | By::OwnEntry { .. } => member.id.locator.as_bytes().to_vec(),
            By::Username => member.username.as_bytes().to_vec(),
        }
    }

    /// Returns a value folded for comparison.
    pub fn key(&self, value: &str) -> MatchKey {
        match self.by {
            By::Username => MatchKey::new(value),
            By::Dn | By::OwnEntry { .. } => MatchKey::new(&canonical(member_name(value))),
        }
    }
}

impl Dsa {
    /// Reads groups with their members.
    pub(super) async fn read_groups(&self, kind: GroupKind, wanted: &Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        let base = self.group_base(kind)?;
        let filters = match wanted {
            Wanted::All => vec![self.of_kind(kind)],
            Wanted::Named(names) => self.named(kind, names),
        };
        for _ in 1..ATTEMPTS {
            let lease = self.pool.lease().await?;
            match self.groups_once(&lease, kind, base, &filters).await {
                Err(fault) if fault.next == Next::Retry => {
                    self.pool.remarks().tell(Remark::ReadAgain);
                    tokio::time::sleep(PAUSE).await;
                }
                read => return read.map(|(entries, held)| self.as_groups(kind, wanted, &entries, &held)),
            }
        }
        let lease = self.pool.lease().await?;
        let (entries, held) = self.groups_once(&lease, kind, base, &filters).await?;
        Ok(self.as_groups(kind, wanted, &entries, &held))
    }

    async fn groups_once(
        &self,
        connection: &Connection,
        kind: GroupKind,
        base: &Dn,
        filters: &[Filter],
    ) -> Result<(Vec<Entry>, Held), Fault> {
        self.prove_base(connection, base_key(kind), base).await?;
        self.know_guarded(connection, Freshness::Recent).await?;
        let mut entries = Vec::new();
        let mut attributes = vec!["objectClass", "cn"];
        attributes.extend(self.classes(kind).map(|class| class.attribute));
        attributes.extend(self.site.profile.guards.attributes);
        for filter in filters {
            let place = base.to_string();
            let page = PAGE.min(self.site.page_size);
            entries.extend(self.search_all(connection, &place, Scope::Subtree, filter, &attributes, page).await?);
        }
        for entry in &mut entries {
            for class in self.classes(kind) {
                self.read_rest(connection, entry, class.attribute).await?;
            }
        }
        let held = self.held(connection, kind, &entries).await?;
        Ok((entries, held))
    }

    /// Reads the values of an attribute that the server has not sent, when it sends them a part at a time.
    pub(super) async fn read_rest(
        &self,
        connection: &Connection,
        entry: &mut Entry,
        attribute: &str,
    ) -> Result<(), Fault> {
        let Some(part) = entry.part(attribute) else { return Ok(()) };
        let (mut values, mut last) = (part.values, part.last);
        while let Some(place) = last {
            let first = place + 1;
            let wanted = format!("{attribute};range={first}-*");
            let all = Filter::present("objectClass");
            let next = self.read_one(connection, &entry.dn, &all, &[&wanted]).await?;
            let next = next.as_ref().and_then(|entry| entry.part(attribute)).filter(|part| part.first == first);
            let cut = || {
                let reason = format!("{}: the server did not send the {attribute} values from {first} on", entry.dn);
                Fault::new(Next::Retry, reason)
            };
            let part = next.ok_or_else(cut)?;
            values.extend(part.values);
            last = part.last;
        }
        entry.complete(attribute, &values);
        Ok(())
    }

    fn as_groups(&self, kind: GroupKind, wanted: &Wanted, entries: &[Entry], held: &Held) -> Vec<ExistingGroup> {
        let asked: HashSet<MatchKey> = match wanted {
            Wanted::All => HashSet::new(),
            Wanted::Named(names) => names.iter().map(GroupName::key).collect(),
        };
        let mut groups: Vec<ExistingGroup> = Vec::new();
        let mut places: HashMap<MatchKey, (usize, MatchKey)> = HashMap::new();
        for entry in entries {
            let (Some(name), Some(found)) = (group_name(entry, &asked), self.found(kind, entry)) else { continue };
            let dn = found.dn.key();
            match places.entry(name.key()) {
                Slot::Occupied(slot) if slot.get().1 == dn => {}
                Slot::Occupied(slot) => {
                    groups[slot.get().0].protected = Some(several(kind, &name).into());
                }
                Slot::Vacant(slot) => {
                    slot.insert((groups.len(), dn.clone()));
                    let keys = entry.texts(found.class.attribute).map(|value| found.class.key(value));
                    let members = keys.filter(|key| *key != dn).collect();
                    groups.push(ExistingGroup {
                        kind,
                        members: match found.class.by {
                            By::Dn => Members::ByEntry(members),
                            By::Username => Members::ByUsername(members),
                            By::OwnEntry { .. } => Members::ByEntry(held.get(&dn).cloned().unwrap_or_default()),
                        },
                        protected: self.guards_found(&found.dn, name.as_str(), entry).map(Into::into),
                        name,
                    });
                }
            }
        }
        groups
    }

    /// Finds the one group of a name, without its members.
    pub(super) async fn find_group(
        &self,
        connection: &Connection,
        kind: GroupKind,
        name: &GroupName,
    ) -> Result<Found, Fault> {
        let base = self.group_base(kind)?.to_string();
        let filter = Filter::all([self.of_kind(kind), Filter::eq("cn", name.as_str())]);
        let page = self.site.page_size;
        let attributes = [&["objectClass", "cn"], self.site.profile.guards.attributes].concat();
        let entries = self.search_all(connection, &base, Scope::Subtree, &filter, &attributes, page).await?;
        let with_entry = |entry| self.found(kind, entry).map(|found| (found, entry));
        let mut found: Vec<(Found, &Entry)> = entries.iter().filter_map(with_entry).collect();
        match (found.pop(), found.is_empty()) {
            (Some((group, entry)), true) => match self.guards_found(&group.dn, name.as_str(), entry) {
                Some(why) => Err(reject(&format!("the {} {name} is protected: {why}", kind.word()))),
                None => Ok(group),
            },
            (Some(_), false) => Err(reject(&several(kind, name))),
            (None, _) => Err(reject(&format!("there is no {} named {name}", kind.word()))),
        }
    }

    /// Returns where groups of a kind are.
    pub(super) fn group_base(&self, kind: GroupKind) -> Result<&Dn, Fault> {
        let reason = || format!("`{}` is not set, so there are no {}s", base_key(kind), kind.word());
        self.site.base(kind).ok_or_else(|| Fault::new(Next::StopRun, reason()))
    }

    pub(super) fn classes(&self, kind: GroupKind) -> impl Iterator<Item = &'static Class> {
        self.site.profile.classes(kind)
    }

    pub(super) fn of_kind(&self, kind: GroupKind) -> Filter {
        Filter::any(self.classes(kind).map(Class::filter))
    }

    fn named(&self, kind: GroupKind, names: &[GroupName]) -> Vec<Filter> {
        let chunks = names.chunks(CHUNK);
        chunks
            .map(|chunk| {
                let any = Filter::any(chunk.iter().map(|name| Filter::eq("cn", name.as_str())));
                Filter::all([self.of_kind(kind), any])
            })
            .collect()
    }

    pub(super) fn found(&self, kind: GroupKind, entry: &Entry) -> Option<Found> {
        let class = self.classes(kind).find(|class| entry.has_text("objectClass", class.name))?;
        Some(Found { dn: Dn::parse(&entry.dn).ok()?, class: *class })
    }
}

/// Returns the DN in a value that may carry a bit string after it, as `uniqueMember` does (RFC 4517 section 3.3.21).
pub fn member_name(value: &str) -> &str {
    value.rsplit_once("#'").filter(|(_, bits)| bits.ends_with("'B")).map_or(value, |(name, _)| name)
}

/// Returns the key of the configuration that says where groups of a kind are.
pub(super) fn base_key(kind: GroupKind) -> &'static str {
    match kind {
        GroupKind::Group => "group_base",
        GroupKind::Role => "role_base",
        GroupKind::Channel => "channel_base",
    }
}

/// Returns the name by which the group was asked for, or that it is known by.
fn group_name(entry: &Entry, asked: &HashSet<MatchKey>) -> Option<GroupName> {
    let by_request = entry.texts("cn").find(|name| asked.contains(&MatchKey::new(name)));
    let dn = Dn::parse(&entry.dn).ok();
    let by_dn = dn.as_ref().and_then(|dn| dn.rdn().value("cn"));
    by_request.or(by_dn).or_else(|| entry.text("cn")).map(GroupName::new)
}

fn several(kind: GroupKind, name: &GroupName) -> String {
    format!("several {}s are named {name}, so nobody can say which one is meant", kind.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_compare_in_any_spelling() {
        let [by_dn, _, unique, by_name] = STANDARD else { panic!("four classes") };
        assert_eq!(by_dn.key("UID=Ada, OU=People,o=x"), by_dn.key("uid=ada,ou=people,o=x"));
        assert_eq!(unique.key("uid=ada,o=x#'0101'B"), unique.key("uid=ada,o=x"));
        assert_eq!(by_name.key("Ada"), by_name.key("ada"));
    }
}
