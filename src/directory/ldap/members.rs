//! Writing groups: one request per group for many members, and what to do when the group is not as it was.

use std::collections::HashMap;
use std::collections::HashSet;

use ldap3::LdapResult;
use ldap3::Mod;

use super::Dsa;
use super::connection::Connection;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::group::By;
use super::group::Class;
use super::group::Found;
use super::name::Dn;
use super::name::Rdn;
use super::posix::Holder;
use super::write::reject;
use crate::directory::Pace;
use crate::directory::numbers::Kind;
use crate::roster::account::EntryId;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Done;
use crate::roster::operation::Member;

/// Values in one request. Servers cut off requests of a few megabytes, some without saying why.
const VALUES: usize = 5_000;
/// Octets of values in one request.
const OCTETS: usize = 512 * 1024;
/// How often a group that others are changing too is read again.
const ROUNDS: usize = 4;

/// The membership changes of one group on their way.
#[derive(PartialEq, Eq)]
struct Plan {
    add: Vec<Vec<u8>>,
    remove: Vec<Vec<u8>>,
    /// The member that stands in where a group must not be empty: the group itself.
    placeholder: Placeholder,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Leave,
    Put,
    Drop,
}

impl Dsa {
    pub(super) async fn change_members(
        &self,
        connection: &Connection,
        pace: &Pace,
        (kind, name): (GroupKind, &GroupName),
        (add, remove): (&[Member], &[Member]),
    ) -> Result<Done, Fault> {
        self.admit(add.iter().chain(remove))?;
        let group = self.find_group(connection, kind, name).await?;
        if matches!(group.class.by, By::OwnEntry { .. }) {
            return self.change_holders(connection, pace, &group, (add, remove)).await;
        }
        let comes = by_key(&group.class, add);
        let mut goes = by_key(&group.class, remove);
        goes.retain(|key, _| !comes.contains_key(key));
        if comes.is_empty() && goes.is_empty() {
            return Ok(Done::AlreadySo);
        }
        let stands_in = !comes.is_empty() && self.has_placeholder(connection, &group).await?;
        let mut plan = Plan {
            add: comes.values().cloned().collect(),
            remove: goes.values().cloned().collect(),
            placeholder: if stands_in { Placeholder::Drop } else { Placeholder::Leave },
        };
        let mut changed = false;
        for _ in 0..ROUNDS {
            let mut refusal = None;
            let sent_before = changed;
            for mods in plan.requests(&group) {
                if changed || refusal.is_some() {
                    pace.permit().await;
                }
                let sent = connection.modify(&group.dn.to_string(), mods, Vec::new()).await;
                let answer = sent.map_err(Trouble::of_write)?;
                if answer.rc != 0 {
                    refusal = Some(answer);
                    break;
                }
                changed = true;
            }
            match &refusal {
                None => return Ok(Done::Changed),
                // Somebody is there already, or gone already (68 and 53 in Active Directory), or the group would be
                // left empty: send what differs.
                Some(LdapResult { rc: 16 | 20 | 53 | 68, .. }) => {}
                Some(LdapResult { rc: 65, .. }) if group.class.needs_member && !goes.is_empty() => {}
                Some(answer) => return Err(refused(During::Modify, answer, None)),
            }
            let differs = self.what_differs(connection, &group, &comes, &goes).await?;
            if differs.is_empty() {
                return Ok(if changed { Done::Changed } else { Done::AlreadySo });
            }
            // Nothing is different from what was refused: it is refused for good.
            if let Some(answer @ LdapResult { rc: 53 | 68, .. }) = refusal
                && changed == sent_before
                && differs == plan
            {
                return Err(refused(During::Modify, &answer, None));
            }
            plan = differs;
        }
        let reason = format!("the {} {name} is being changed by somebody else", kind.word());
        Err(Fault::new(Next::LookAgain, reason))
    }

    pub(super) async fn create_group(
        &self,
        connection: &Connection,
        pace: &Pace,
        (kind, name): (GroupKind, &GroupName),
        members: &[Member],
    ) -> Result<Done, Fault> {
        let class = if kind == GroupKind::Role { self.site.role_class } else { self.site.group_class };
        let base = self.group_base(kind)?;
        let rdn = Rdn::new("cn", name.as_str()).ok_or_else(|| reject("the name is empty"))?;
        let dn = base.child(rdn);
        if let Some(why) = self.guards_group(&dn, name.as_str()) {
            return Err(reject(&format!("the {} {name} is protected: {why}", kind.word())));
        }
        if let Some(why) = self.overlong(&dn) {
            return Err(reject(&why));
        }
        self.admit(members)?;
        let holders = if let By::OwnEntry { .. } = class.by { members } else { &[] };
        let listed = if holders.is_empty() { members } else { &[] };
        let values: Vec<Vec<u8>> = by_key(&class, listed).into_values().collect();
        let mut chunks = chunks(values).into_iter();
        let mut first: HashSet<Vec<u8>> = chunks.next().unwrap_or_default().into_iter().collect();
        if first.is_empty() && class.needs_member {
            first.insert(dn.to_string().into_bytes());
        }
        let mut attributes = vec![
            ("objectClass".into(), ["top", class.name].map(|c| c.as_bytes().to_vec()).into()),
            ("cn".into(), HashSet::from([name.as_str().trim().as_bytes().to_vec()])),
        ];
        if !first.is_empty() {
            attributes.push((class.attribute.into(), first));
        }
        if let By::OwnEntry { scope } = class.by {
            attributes.extend(self.reach(&dn).map(|reach| (scope.into(), HashSet::from([reach.into_bytes()]))));
        }
        for (name, value) in (self.site.profile.peculiar.of_new_group)(name.as_str(), self.site.group_type) {
            attributes.push((name.into(), HashSet::from([value])));
        }
        let gid = match self.numbers_groups(&class) {
            true => Some(self.next_number(connection, Kind::Gid, None).await?),
            false => None,
        };
        if let Some(gid) = gid {
            attributes.push(("gidNumber".into(), HashSet::from([gid.to_string().into_bytes()])));
        }
        let place = dn.to_string();
        let (answer, _) = connection.add(&place, attributes, Vec::new()).await.map_err(Trouble::of_write)?;
        if answer.rc != 0 {
            let fault = refused(During::Add, &answer, None);
            let members_in_it = !members.is_empty();
            return Err(self.no_group(connection, (kind, &dn), answer.rc, members_in_it, fault).await?);
        }
        let half_done = |fault: Fault| Fault { next: Next::LookAgain, ..fault };
        if let Some(gid) = gid {
            let holder = Holder { place: &dn, name: name.as_str() };
            self.keep_gid_unique(connection, holder, gid).await.map_err(half_done)?;
        }
        for chunk in chunks {
            pace.permit().await;
            let mods = vec![Mod::Add(class.attribute.into(), chunk.into_iter().collect())];
            let answer = connection.modify(&place, mods, Vec::new()).await.map_err(Trouble::of_write)?;
            if answer.rc != 0 {
                return Err(half_done(refused(During::Modify, &answer, None)));
            }
        }
        let stable = &self.site.profile.stable;
        if !holders.is_empty() {
            let role = Found { dn, class };
            pace.permit().await;
            self.change_holders(connection, pace, &role, (holders, &[])).await.map_err(half_done)?;
        }
        // A group has no id of its own in the plan; its name is what everybody knows it by.
        let created = self.read_one(connection, &place, &Filter::present("cn"), &[stable.attribute]).await;
        let id = created.ok().flatten().and_then(|entry| stable.of(&entry));
        Ok(Done::Created(EntryId { locator: place.into(), stable: id.unwrap_or_default() }))
    }

    /// Refuses members that are protected: their memberships are a part of what they are.
    fn admit<'m>(&self, members: impl IntoIterator<Item = &'m Member>) -> Result<(), Fault> {
        for Member { id, username } in members {
            let place = Dn::parse(&id.locator).map_err(|e| reject(&e))?;
            if let Some(why) = self.guards(&place, username) {
                return Err(reject(&format!("{username} is protected: {why}")));
            }
        }
        Ok(())
    }

    /// Returns what to make of `fault`, the answer to an Add of a group.
    async fn no_group(
        &self,
        connection: &Connection,
        (kind, dn): (GroupKind, &Dn),
        rc: u32,
        has_members: bool,
        fault: Fault,
    ) -> Result<Fault, Fault> {
        let place = dn.to_string();
        match rc {
            // The base is there, so it is a member that is not.
            32 if has_members => Ok(Fault { next: Next::LookAgain, ..fault }),
            68 if self.read_one(connection, &place, &Filter::present("cn"), &["1.1"]).await?.is_none() => {
                let hint = "an account or another group has a name like this one's (sAMAccountName); rename one of \
                            them, or create the group by hand";
                Ok(reject(&format!("{hint}: {fault}")))
            }
            68 if self.read_one(connection, &place, &self.of_kind(kind), &["1.1"]).await?.is_none() => {
                Ok(reject(&format!("{dn} is there already and is no {}", kind.word())))
            }
            _ => Ok(fault),
        }
    }

    /// Reads the members and returns what is still to be done.
    async fn what_differs(
        &self,
        connection: &Connection,
        group: &Found,
        comes: &HashMap<MatchKey, Vec<u8>>,
        goes: &HashMap<MatchKey, Vec<u8>>,
    ) -> Result<Plan, Fault> {
        let Found { dn, class } = group;
        let all = Filter::present("objectClass");
        let entry = self.read_one(connection, &dn.to_string(), &all, &[class.attribute]).await?;
        let mut entry = entry.ok_or_else(|| Fault::new(Next::LookAgain, "the group is gone"))?;
        self.read_rest(connection, &mut entry, class.attribute).await?;
        let now: HashMap<MatchKey, Vec<u8>> =
            entry.texts(class.attribute).map(|value| (class.key(value), value.as_bytes().to_vec())).collect();
        let own = dn.key();
        let stands_in = now.contains_key(&own);
        let mut add: Vec<_> = comes.iter().filter(|(key, _)| !now.contains_key(*key)).map(|(_, v)| v.clone()).collect();
        let mut remove: Vec<_> =
            now.iter().filter(|(key, _)| **key != own && goes.contains_key(*key)).map(|(_, v)| v.clone()).collect();
        add.sort_unstable();
        remove.sort_unstable();
        let real = now.len() - usize::from(stands_in) - remove.len() + add.len();
        let placeholder = match (class.needs_member, stands_in, real) {
            (true, false, 0) => Placeholder::Put,
            (_, true, 1..) => Placeholder::Drop,
            _ => Placeholder::Leave,
        };
        Ok(Plan { add, remove, placeholder })
    }

    async fn has_placeholder(&self, connection: &Connection, group: &Found) -> Result<bool, Fault> {
        if !group.class.needs_member {
            return Ok(false);
        }
        let place = group.dn.to_string();
        let itself = Filter::eq(group.class.attribute, &place);
        Ok(self.read_one(connection, &place, &itself, &["1.1"]).await?.is_some())
    }
}

impl Plan {
    fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty() && self.placeholder == Placeholder::Leave
    }

    /// Returns the requests, each within the limits. Who comes, comes first, so that the group is never empty between.
    fn requests(&self, group: &Found) -> Vec<Vec<Mod<Vec<u8>>>> {
        let attribute = || Vec::from(group.class.attribute);
        let own = || HashSet::from([group.dn.to_string().into_bytes()]);
        let adds = chunks(self.add.clone()).into_iter().map(|c| Mod::Add(attribute(), c.into_iter().collect()));
        let removes =
            chunks(self.remove.clone()).into_iter().map(|c| Mod::Delete(attribute(), c.into_iter().collect()));
        let mut requests: Vec<Vec<Mod<Vec<u8>>>> = Vec::new();
        let small = self.add.len() + self.remove.len() <= VALUES && octets(&self.add) + octets(&self.remove) <= OCTETS;
        if small {
            requests.push(adds.chain(removes).collect());
        } else {
            requests.extend(adds.chain(removes).map(|one| vec![one]));
        }
        match (self.placeholder, requests.first_mut()) {
            (Placeholder::Put, Some(first)) => first.insert(0, Mod::Add(attribute(), own())),
            (Placeholder::Drop, Some(first)) => {
                let after_adds = first.iter().take_while(|one| matches!(one, Mod::Add(..))).count();
                first.insert(after_adds, Mod::Delete(attribute(), own()));
            }
            _ => {}
        }
        requests.retain(|mods| !mods.is_empty());
        requests
    }
}

fn by_key(class: &Class, members: &[Member]) -> HashMap<MatchKey, Vec<u8>> {
    members
        .iter()
        .map(|member| {
            let value = class.value(member);
            (class.key(&String::from_utf8_lossy(&value)), value)
        })
        .collect()
}

fn octets(values: &[Vec<u8>]) -> usize {
    values.iter().map(Vec::len).sum()
}

/// Splits values into parts that fit one request.
fn chunks(values: Vec<Vec<u8>>) -> Vec<Vec<Vec<u8>>> {
    let mut parts: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut size = 0;
    for value in values {
        size += value.len();
        match parts.last_mut().filter(|part| part.len() < VALUES && size <= OCTETS) {
            Some(part) => part.push(value),
            None => {
                size = value.len();
                parts.push(vec![value]);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_request_is_over_the_limits() {
        let short: Vec<Vec<u8>> = (0..12_000).map(|i| format!("u{i}").into_bytes()).collect();
        let parts = chunks(short.clone());
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [5000, 5000, 2000]);
        assert_eq!(parts.concat(), short);
        let long: Vec<Vec<u8>> = (0..1_000).map(|_| vec![b'x'; 1_000]).collect();
        let parts = chunks(long);
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 1_000);
        assert!(parts.iter().all(|part| octets(part) <= OCTETS), "{}", parts.len());
        assert!(chunks(Vec::new()).is_empty());
    }
}
