//! Numbers for new accounts of class `posixAccount` and for new groups of class `posixGroup` (RFC 2307).
//!
//! The next one is after the greatest in use, and after the greatest that was ever given out. Other programs give out
//! numbers too: after an entry is added, rosterd looks whether somebody else has the same, and if so takes the next one
//! for its own entry. Only one rosterd at a time writes.

use std::collections::HashMap;
use std::collections::HashSet;
use std::ops::RangeInclusive;

use ldap3::LdapResult;
use ldap3::Mod;
use ldap3::Scope;

use super::Dsa;
use super::connection::Connection;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::name::Dn;
use super::read::canonical;
use super::write::reject;
use crate::directory::numbers::Highest;
use crate::directory::numbers::Kind;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;

/// How often a number that another program has taken meanwhile is given up for the next one.
pub(super) const ROUNDS: usize = 4;

/// Numbers of new accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PosixSettings {
    /// The numbers for them.
    pub uid_range: RangeInclusive<u32>,
    /// Their primary group.
    pub gid: PosixGid,
}

/// The number of a new account's primary group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PosixGid {
    /// The same for everybody.
    Fixed(u32),
    /// The account's own number.
    Uid,
}

/// The numbers of one new account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub uid: u32,
    /// `None`: the row says it.
    pub gid: Option<u32>,
}

impl Dsa {
    /// Returns the attributes that new accounts get without the roster saying anything.
    pub(super) fn allocates(&self) -> &'static [&'static str] {
        let is_posix = self.site.object_classes.iter().any(|class| class.eq_ignore_ascii_case("posixAccount"));
        if is_posix && self.site.posix.is_some() { &["uidNumber", "gidNumber"] } else { &[] }
    }

    /// Gives out the numbers of a new account, if it needs some: `has` tells which attributes its row fills.
    pub(super) async fn numbers_of_new(
        &self,
        connection: &Connection,
        has: impl Fn(&str) -> bool,
    ) -> Result<Option<Given>, Fault> {
        let Some(posix) = self.site.posix.as_ref().filter(|_| !self.allocates().is_empty() && !has("uidNumber")) else {
            return Ok(None);
        };
        let uid = self.next_number(connection, Kind::Uid).await?;
        let gid = match posix.gid {
            PosixGid::Fixed(gid) => gid,
            PosixGid::Uid => uid,
        };
        Ok(Some(Given { uid, gid: (!has("gidNumber")).then_some(gid) }))
    }

    /// Makes sure that nobody else has the number of a new account.
    pub(super) async fn keep_uid_unique(
        &self,
        connection: &Connection,
        place: &str,
        given: Given,
    ) -> Result<(), Fault> {
        let follows = given.gid == Some(given.uid);
        self.keep_unique(connection, Kind::Uid, place, (given.uid, follows)).await
    }

    /// Another program may have taken the same number at the same moment: then this group takes the next one.
    pub(super) async fn keep_gid_unique(&self, connection: &Connection, place: &str, gid: u32) -> Result<(), Fault> {
        self.keep_unique(connection, Kind::Gid, place, (gid, false)).await
    }

    /// Returns the next number. Gaps are not filled: files may still belong to somebody who is gone.
    pub(super) async fn next_number(&self, connection: &Connection, kind: Kind) -> Result<u32, Fault> {
        let mut has_looked = self.numbering.lock().await;
        // Many accounts come at once; whoever takes a number meanwhile is found out when the entry is there.
        if kind == Kind::Gid || !*has_looked {
            let range = self.range(kind);
            let holders = self.holders(connection, kind, &Filter::present(attribute(kind))).await?;
            let greatest = holders.into_values().flatten().filter(|number| range.contains(number)).max().unwrap_or(0);
            self.numbers.never_again(match kind {
                Kind::Uid => Highest { uid: greatest, gid: 0 },
                Kind::Gid => Highest { uid: 0, gid: greatest },
            });
            *has_looked |= kind == Kind::Uid;
        }
        let range = self.range(kind);
        self.numbers.take(kind, range).ok_or_else(|| {
            let key = if kind == Kind::Uid { "posix.uid_range" } else { "group_gid_range" };
            let (name, low, high) = (attribute(kind), range.start(), range.end());
            reject(&format!("no {name} is left in `{key}` ({low} to {high})"))
        })
    }

    async fn keep_unique(
        &self,
        connection: &Connection,
        kind: Kind,
        place: &str,
        (mut number, gid_follows): (u32, bool),
    ) -> Result<(), Fault> {
        let name = attribute(kind);
        for _ in 0..ROUNDS {
            if self.holders(connection, kind, &Filter::eq(name, &number.to_string())).await?.len() < 2 {
                return Ok(());
            }
            number = self.next_number(connection, kind).await?;
            let value = || HashSet::from([number.to_string().into_bytes()]);
            let mut mods = vec![Mod::Replace(name.into(), value())];
            mods.extend(gid_follows.then(|| Mod::Replace(attribute(Kind::Gid).into(), value())));
            let answer = connection.modify(place, mods, Vec::new()).await.map_err(Trouble::of_write)?;
            if answer.rc != 0 && !is_taken(&answer) {
                return Err(refused(During::Modify, &answer, None));
            }
        }
        Err(Fault::new(Next::LookAgain, format!("another program takes the same {name} again and again")))
    }

    /// Returns the entries that `filter` matches and their numbers: groups below their bases, accounts wherever they
    /// are on the server.
    async fn holders(
        &self,
        connection: &Connection,
        kind: Kind,
        filter: &Filter,
    ) -> Result<HashMap<MatchKey, Vec<u32>>, Fault> {
        let bases: Vec<String> = match kind {
            Kind::Gid => self.site.bases.iter().filter_map(|(_, base)| base.as_ref()).map(Dn::to_string).collect(),
            Kind::Uid => vec![self.context(connection).to_string()],
        };
        let (name, page) = (attribute(kind), self.site.page_size);
        let mut holders = HashMap::new();
        for base in bases {
            for entry in self.search_all(connection, &base, Scope::Subtree, filter, &[name], page).await? {
                let numbers = entry.texts(name).filter_map(|number| number.parse().ok()).collect();
                holders.insert(MatchKey::new(&canonical(&entry.dn)), numbers);
            }
        }
        Ok(holders)
    }

    /// Returns the top of the part of the directory that has the accounts.
    fn context(&self, connection: &Connection) -> Dn {
        let people = &self.site.people_base;
        let contexts = connection.root.contexts.iter().filter_map(|context| Dn::parse(context).ok());
        let above = contexts.filter(|context| people.is_within(context));
        above.max_by_key(|context| context.to_string().len()).unwrap_or_else(|| people.clone())
    }

    fn range(&self, kind: Kind) -> &RangeInclusive<u32> {
        match (kind, &self.site.posix) {
            (Kind::Uid, Some(posix)) => &posix.uid_range,
            _ => &self.site.gids,
        }
    }
}

/// Returns whether the server itself keeps numbers unique, and somebody has this one.
pub(super) fn is_taken(answer: &LdapResult) -> bool {
    answer.rc == 19 && answer.text.to_ascii_lowercase().contains("uidnumber")
}

fn attribute(kind: Kind) -> &'static str {
    match kind {
        Kind::Uid => "uidNumber",
        Kind::Gid => "gidNumber",
    }
}
