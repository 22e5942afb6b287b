//! Roles that people hold by an attribute of their own entries: the role is named there, and lists nobody itself.

use std::collections::HashMap;
use std::collections::HashSet;

use ldap3::Mod;

use super::Dsa;
use super::connection::Connection;
use super::entry::Entry;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::group::By;
use super::group::Found;
use super::group::Held;
use super::name::Dn;
use super::read::canonical;
use super::write::another;
use super::write::reject;
use crate::directory::Pace;
use crate::roster::account::GroupKind;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Done;
use crate::roster::operation::Member;

/// Names in one filter.
const CHUNK: usize = 100;

/// Whether somebody is to hold a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Give,
    Take,
}

impl Dsa {
    /// Returns who holds those of `groups` that are held.
    pub(super) async fn held(&self, connection: &Connection, kind: GroupKind, groups: &[Entry]) -> Result<Held, Fault> {
        let mut by_attribute: HashMap<&str, Vec<&Entry>> = HashMap::new();
        for group in groups {
            if let Some(Found { class, .. }) = self.found(kind, group)
                && matches!(class.by, By::OwnEntry { .. })
            {
                by_attribute.entry(class.attribute).or_default().push(group);
            }
        }
        let mut held = Held::new();
        let (base, page) = (self.site.people_base.to_string(), self.site.page_size);
        for (attribute, groups) in by_attribute {
            for chunk in groups.chunks(CHUNK) {
                let filter = Filter::any(chunk.iter().map(|group| Filter::eq(attribute, &group.dn)));
                let holders = self.search_all(connection, &base, self.scope(), &filter, &[attribute], page).await?;
                for holder in holders {
                    let key = MatchKey::new(&canonical(&holder.dn));
                    for role in holder.texts(attribute) {
                        held.entry(MatchKey::new(&canonical(role))).or_default().insert(key.clone());
                    }
                }
            }
        }
        Ok(held)
    }

    /// Returns what a new role says of where those are who may hold it, if it would not reach them.
    pub(super) fn reach(&self, role: &Dn) -> Option<String> {
        let people = &self.site.people_base;
        let reaches = role.parent().is_some_and(|parent| people.is_within(&parent));
        (!reaches).then(|| people.to_string())
    }

    /// Gives a role to some and takes it from others, one entry after the other. What is refused for one does not keep
    /// the others from it.
    pub(super) async fn change_holders(
        &self,
        connection: &Connection,
        pace: &Pace,
        role: &Found,
        (add, remove): (&[Member], &[Member]),
    ) -> Result<Done, Fault> {
        let coming: HashSet<MatchKey> = add.iter().map(|member| MatchKey::new(&member.id.locator)).collect();
        let leaving = remove.iter().filter(|member| !coming.contains(&MatchKey::new(&member.id.locator)));
        let all = add.iter().map(|m| (m, Change::Give)).chain(leaving.map(|m| (m, Change::Take)));
        let (mut sent, mut changed, mut failed) = (false, false, None);
        for (member, change) in all {
            if sent {
                pace.permit().await;
            }
            sent = true;
            match self.change_holder(connection, role, member, change).await {
                Ok(Done::AlreadySo) => {}
                Ok(_) => changed = true,
                Err(fault) if matches!(fault.next, Next::RejectRow) => failed = Some(fault),
                Err(fault) => {
                    failed = Some(fault);
                    break;
                }
            }
        }
        match failed {
            // Half of it is done, so only a look can tell what is still to do.
            Some(fault) if changed && fault.next != Next::StopRun => Err(Fault { next: Next::LookAgain, ..fault }),
            Some(fault) => Err(fault),
            None if changed => Ok(Done::Changed),
            None => Ok(Done::AlreadySo),
        }
    }

    async fn change_holder(
        &self,
        connection: &Connection,
        role: &Found,
        member: &Member,
        change: Change,
    ) -> Result<Done, Fault> {
        let dn = Dn::parse(&member.id.locator).map_err(|e| reject(&e))?;
        if let Some(why) = self.guards(&dn, &member.username) {
            return Err(reject(&format!("the account {dn} is protected: {why}")));
        }
        let (attribute, value) = (role.class.attribute, role.dn.to_string());
        // The name alone could be another person's by now.
        let entry = self.read_one(connection, &member.id.locator, &self.same(&member.id), &[attribute]).await?;
        let Some(entry) = entry else {
            return match change {
                Change::Give => Err(another()),
                Change::Take => Ok(Done::AlreadySo),
            };
        };
        let key = role.dn.key();
        let holds = entry.texts(attribute).any(|held| MatchKey::new(&canonical(held)) == key);
        let values = HashSet::from([value.into_bytes()]);
        let modification = match change {
            Change::Give if !holds => Mod::Add(attribute.into(), values),
            Change::Take if holds => Mod::Delete(attribute.into(), values),
            _ => return Ok(Done::AlreadySo),
        };
        let sent = connection.modify(&member.id.locator, vec![modification], Vec::new()).await;
        let answer = sent.map_err(Trouble::of_write)?;
        match answer.rc {
            0 => Ok(Done::Changed),
            // Somebody else was faster.
            16 | 20 => Ok(Done::AlreadySo),
            _ => Err(refused(During::Modify, &answer, None)),
        }
    }
}
