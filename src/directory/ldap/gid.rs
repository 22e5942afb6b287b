//! Numbers for new groups of class `posixGroup`.

use std::collections::HashMap;
use std::collections::HashSet;

use ldap3::Mod;
use ldap3::Scope;

use super::Dsa;
use super::connection::Connection;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::read::canonical;
use super::write::reject;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;

/// How often a number that another program has taken meanwhile is given up for the next one.
const ROUNDS: usize = 4;

impl Dsa {
    /// Returns the number after the greatest in use. Gaps are not filled: files may still belong to a group that is
    /// gone.
    pub(super) async fn next_gid(&self, connection: &Connection) -> Result<u32, Fault> {
        let (low, high) = (*self.site.gids.start(), *self.site.gids.end());
        let holders = self.holders(connection, &Filter::between("gidNumber", low, high)).await?;
        let greatest = holders.into_values().flatten().filter(|gid| self.site.gids.contains(gid)).max();
        let next = greatest.map_or(Some(low), |gid| gid.checked_add(1));
        next.filter(|gid| self.site.gids.contains(gid))
            .ok_or_else(|| reject(&format!("no gidNumber is left in `group_gid_range` ({low} to {high})")))
    }

    /// Another program may have taken the same number at the same moment: then this group takes the next one.
    pub(super) async fn keep_gid_unique(&self, connection: &Connection, place: &str, gid: u32) -> Result<(), Fault> {
        let mut gid = gid;
        for _ in 0..ROUNDS {
            if self.holders(connection, &Filter::eq("gidNumber", &gid.to_string())).await?.len() < 2 {
                return Ok(());
            }
            gid = self.next_gid(connection).await?;
            let mods = vec![Mod::Replace("gidNumber".into(), HashSet::from([gid.to_string().into_bytes()]))];
            let answer = connection.modify(place, mods, Vec::new()).await.map_err(Trouble::of_write)?;
            if answer.rc != 0 {
                return Err(refused(During::Modify, &answer, None));
            }
        }
        Err(Fault::new(Next::LookAgain, "another program takes the same gidNumber again and again"))
    }

    /// Returns the entries that `filter` matches below the bases of groups, and their numbers.
    async fn holders(&self, connection: &Connection, filter: &Filter) -> Result<HashMap<MatchKey, Vec<u32>>, Fault> {
        let mut holders = HashMap::new();
        for base in self.site.bases.iter().filter_map(|(_, base)| base.as_ref()) {
            let (base, page) = (base.to_string(), self.site.page_size);
            let found = self.search_all(connection, &base, Scope::Subtree, filter, &["gidNumber"], page).await?;
            for entry in found {
                let numbers = entry.texts("gidNumber").filter_map(|gid| gid.parse().ok()).collect();
                holders.insert(MatchKey::new(&canonical(&entry.dn)), numbers);
            }
        }
        Ok(holders)
    }
}
