//! Groups follow who is renamed or moved.

use super::super::Dsa;
use super::super::connection::Connection;
use super::super::fault::During;
use super::super::fault::Trouble;
use super::super::fault::refused;
use super::super::filter::Filter;
use super::super::group::By;
use super::super::group::Found;
use super::Way;
use crate::directory::Pace;
use crate::roster::account::GroupKind;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::place::Relocation;
use ldap3::Mod;
use ldap3::Scope;
use std::collections::HashSet;

impl Dsa {
    /// Puts the new name in place of the old one wherever a group still has it; returns which ones could not follow.
    pub(super) async fn follow(
        &self,
        connection: &Connection,
        pace: &Pace,
        relocation: &Relocation,
        way: Option<&Way>,
    ) -> Result<Option<String>, Fault> {
        let mut left_behind = Vec::new();
        let mut bases: HashSet<MatchKey> = HashSet::new();
        for kind in [GroupKind::Group, GroupKind::Role, GroupKind::Channel] {
            let Some(base) = self.site.base(kind).filter(|base| bases.insert(base.key())) else { continue };
            let old = self.classes(kind).filter_map(|class| {
                let (from, _) = value_of(class.by, relocation, way)?;
                Some(Filter::eq(class.attribute, &from))
            });
            let old: Vec<Filter> = old.collect();
            if old.is_empty() {
                continue;
            }
            let (base, page) = (base.to_string(), self.site.page_size);
            let filter = Filter::any(old);
            for entry in self.search_all(connection, &base, Scope::Subtree, &filter, &["objectClass"], page).await? {
                let Some(group) = self.found(kind, &entry) else { continue };
                let Some((from, to)) = value_of(group.class.by, relocation, way) else { continue };
                pace.permit().await;
                if let Err(fault) = self.swap_member(connection, &group, &from, &to).await {
                    match fault.next {
                        Next::RejectRow => left_behind.push(format!("{}: {}", group.dn, fault.reason)),
                        _ => return Err(fault),
                    }
                }
            }
        }
        let told = || format!("still a member by the old name of {}", left_behind.join("; "));
        Ok((!left_behind.is_empty()).then(told))
    }

    /// Swaps one member for another, of which either may be done already: the server may be about to do the same.
    async fn swap_member(&self, connection: &Connection, group: &Found, from: &str, to: &str) -> Result<(), Fault> {
        let (place, attribute) = (group.dn.to_string(), group.class.attribute);
        let set = |value: &str| HashSet::from([value.as_bytes().to_vec()]);
        let add = || Mod::Add(attribute.into(), set(to));
        let remove = || Mod::Delete(attribute.into(), set(from));
        // Never first the one and then the other: a group may have to have a member.
        let attempts = [vec![add(), remove()], vec![remove()], vec![add()], vec![remove()]];
        for mods in attempts {
            let answer = connection.modify(&place, mods, Vec::new()).await.map_err(Trouble::of_write)?;
            match answer.rc {
                0 => {
                    let old = Filter::eq(attribute, from);
                    if self.read_one(connection, &place, &old, &["1.1"]).await?.is_none() {
                        return Ok(());
                    }
                }
                // There already, or gone already.
                16 | 20 => {}
                32 => return Ok(()),
                _ => return Err(refused(During::Modify, &answer, None)),
            }
        }
        Ok(())
    }
}

/// Returns what a group of this sort called the member before, and what it is to call it, if that differs.
fn value_of(by: By, relocation: &Relocation, way: Option<&Way>) -> Option<(String, String)> {
    match by {
        By::Dn => way.map(|way| (way.from.to_string(), way.to.to_string())),
        // The entry itself names its groups, and takes that along.
        By::OwnEntry { .. } => None,
        By::Username => relocation.username.as_ref().map(|step| (step.from.to_string(), step.to.to_string())),
    }
}
