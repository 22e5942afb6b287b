//! Numbers for new accounts of class `posixAccount` and for new groups of class `posixGroup` (RFC 2307).
//!
//! The next one is after the greatest in use, and after the greatest that was ever given out. Other programs give out
//! numbers too, another rosterd among them: after an entry is added, rosterd looks whether somebody else has the same,
//! and if so takes the next one for its own entry. Whoever comes second sees the first, so no number stays with two.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use ldap3::LdapResult;
use ldap3::Mod;
use ldap3::Scope;

use super::Dsa;
use super::connection::Connection;
use super::entry::Entry;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::group::By;
use super::group::Class;
use super::name::Dn;
use super::profile::Profile;
use super::read::canonical;
use super::write::reject;
use crate::directory::numbers::Highest;
use crate::directory::numbers::Kind;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;

/// How often a number that another program has taken meanwhile is given up for the next one.
pub(super) const ROUNDS: usize = 8;
/// How long to wait at most, the first time, before a number is given up. Another rosterd may be doing just the same:
/// whoever waits longer finds that the other one has gone on, and keeps the number.
const PAUSE: Duration = Duration::from_millis(50);

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

/// The greatest number that was there when somebody last looked, if anybody has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looked {
    uid: Option<u32>,
    gid: Option<u32>,
}

/// An entry that has just got a number.
#[derive(Clone, Copy)]
pub(super) struct Holder<'a> {
    pub place: &'a Dn,
    /// Its login name, or the name of the group.
    pub name: &'a str,
}

impl PosixSettings {
    /// Proves that they fit the classes of new accounts, and the numbers of new groups.
    pub(super) fn prove(
        &self,
        classes: &[String],
        profile: &Profile,
        gids: &RangeInclusive<u32>,
    ) -> Result<(), String> {
        let is_posix = classes.iter().any(|class| class.eq_ignore_ascii_case("posixAccount"));
        if !is_posix && !profile.peculiar.numbered {
            return Err("new accounts have numbers only with `posixAccount` in `object_classes`".to_owned());
        }
        let overlap = self.uid_range.start() <= gids.end() && gids.start() <= self.uid_range.end();
        match self.gid {
            PosixGid::Fixed(0) => Err("gidNumber 0 is that of the superuser".to_owned()),
            PosixGid::Uid if overlap => {
                let why = "who has a group's number is its member: with `gid = \"uid\"`, `uid_range` and \
                           `group_gid_range` must have no number in common";
                Err(why.to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Dsa {
    /// Returns the attributes that new accounts get without the roster saying anything.
    pub(super) fn allocates(&self) -> &'static [&'static str] {
        if self.site.posix.is_some() { &["uidNumber", "gidNumber"] } else { &[] }
    }

    /// Returns whether new groups of a class get a number.
    pub(super) fn numbers_groups(&self, class: &Class) -> bool {
        class.by == By::Username || (self.site.posix.is_some() && self.site.profile.peculiar.numbered)
    }

    /// Gives out the numbers of a new account, if it needs some: `has` tells which attributes its row fills, and `taken`
    /// is a number that somebody else had already.
    pub(super) async fn numbers_of_new(
        &self,
        connection: &Connection,
        has: impl Fn(&str) -> bool,
        taken: Option<u32>,
    ) -> Result<Option<Given>, Fault> {
        let Some(posix) = self.site.posix.as_ref().filter(|_| !has("uidNumber")) else { return Ok(None) };
        let uid = self.next_number(connection, Kind::Uid, taken).await?;
        let gid = match posix.gid {
            PosixGid::Fixed(gid) => gid,
            PosixGid::Uid => uid,
        };
        // Whatever the configuration says: nobody becomes a member of a protected group by a number.
        self.harmless("gidNumber", [gid.to_string().as_bytes()])?;
        Ok(Some(Given { uid, gid: (!has("gidNumber")).then_some(gid) }))
    }

    /// Makes sure that nobody else has the number of a new account.
    pub(super) async fn keep_uid_unique(
        &self,
        connection: &Connection,
        holder: Holder<'_>,
        given: Given,
    ) -> Result<(), Fault> {
        let follows = given.gid == Some(given.uid);
        self.keep_unique(connection, Kind::Uid, holder, (given.uid, follows)).await
    }

    /// Another program may have taken the same number at the same moment: then this group takes the next one.
    pub(super) async fn keep_gid_unique(
        &self,
        connection: &Connection,
        holder: Holder<'_>,
        gid: u32,
    ) -> Result<(), Fault> {
        self.keep_unique(connection, Kind::Gid, holder, (gid, false)).await
    }

    /// Returns the next number, which is not `taken`. Gaps are not filled: files may still belong to somebody who is
    /// gone.
    pub(super) async fn next_number(
        &self,
        connection: &Connection,
        kind: Kind,
        taken: Option<u32>,
    ) -> Result<u32, Fault> {
        let range = self.range(kind);
        let mut looked = self.numbering.lock().await;
        let last = match kind {
            Kind::Uid => &mut looked.uid,
            Kind::Gid => &mut looked.gid,
        };
        // Many entries come at once; whoever takes a number meanwhile is found out when the entry is there.
        if last.is_none() || taken > *last {
            let any = Filter::any(self.names(kind).iter().map(|name| Filter::present(name)));
            let numbers = self.numbered(connection, kind, &any).await?;
            let numbers = numbers.iter().flat_map(|entry| self.numbers_in(kind, entry));
            let greatest = numbers.filter(|number| range.contains(number)).max().unwrap_or(0);
            self.numbers.never_again(match kind {
                Kind::Uid => Highest { uid: greatest, gid: 0 },
                Kind::Gid => Highest { uid: 0, gid: greatest },
            });
            *last = Some(greatest);
        }
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
        holder: Holder<'_>,
        (mut number, gid_follows): (u32, bool),
    ) -> Result<(), Fault> {
        let name = attribute(kind);
        let mut patience = PAUSE;
        for _ in 0..ROUNDS {
            if !self.is_shared(connection, kind, holder, number).await? {
                return Ok(());
            }
            tokio::time::sleep(patience.mul_f64(rand::random())).await;
            patience *= 2;
            if !self.is_shared(connection, kind, holder, number).await? {
                return Ok(());
            }
            number = self.next_number(connection, kind, Some(number)).await?;
            let value = || HashSet::from([number.to_string().into_bytes()]);
            let mut mods = vec![Mod::Replace(name.into(), value())];
            mods.extend(gid_follows.then(|| Mod::Replace(attribute(Kind::Gid).into(), value())));
            let sent = connection.modify(&holder.place.to_string(), mods, Vec::new()).await;
            let answer = sent.map_err(Trouble::of_write)?;
            if answer.rc != 0 && !is_taken(&answer) {
                return Err(refused(During::Modify, &answer, None));
            }
        }
        Err(Fault::new(Next::LookAgain, format!("another program takes the same {name} again and again")))
    }

    /// Returns whether another entry has the number of `holder`. A group of the account's own, which some servers make
    /// by themselves, has the number and the name of its account.
    async fn is_shared(
        &self,
        connection: &Connection,
        kind: Kind,
        holder: Holder<'_>,
        number: u32,
    ) -> Result<bool, Fault> {
        let text = number.to_string();
        let has_it = Filter::any(self.names(kind).iter().map(|name| Filter::eq(name, &text)));
        let (own, own_name) = (holder.place.key(), MatchKey::new(holder.name));
        let is_own_group = |entry: &Entry| {
            let is_group =
                self.site.profile.group_classes.iter().any(|class| entry.has_text("objectClass", class.name));
            kind == Kind::Uid && is_group && entry.texts("cn").any(|cn| MatchKey::new(cn) == own_name)
        };
        let found = self.numbered(connection, kind, &has_it).await?;
        Ok(found.iter().any(|entry| MatchKey::new(&canonical(&entry.dn)) != own && !is_own_group(entry)))
    }

    /// Returns the entries that `filter` matches with their numbers, wherever they are on the server.
    pub(super) async fn numbered(
        &self,
        connection: &Connection,
        kind: Kind,
        filter: &Filter,
    ) -> Result<Vec<Entry>, Fault> {
        let (top, page) = (self.context(connection).to_string(), self.site.page_size);
        let attributes = [&["objectClass", "cn"], self.names(kind)].concat();
        self.search_all(connection, &top, Scope::Subtree, filter, &attributes, page).await
    }

    fn numbers_in<'e>(&self, kind: Kind, entry: &'e Entry) -> impl Iterator<Item = u32> + 'e {
        let texts = self.names(kind).iter().flat_map(|name| entry.texts(name));
        texts.filter_map(|number| number.parse().ok())
    }

    /// Returns the attributes in which nobody else may have a number. Whoever has that of a group is its member, so an
    /// account whose group's number is its own must not come upon somebody else's group.
    fn names(&self, kind: Kind) -> &'static [&'static str] {
        let follows = self.site.posix.as_ref().is_some_and(|posix| posix.gid == PosixGid::Uid);
        match kind {
            Kind::Uid if follows => &["uidNumber", "gidNumber"],
            Kind::Uid => &["uidNumber"],
            Kind::Gid => &["gidNumber"],
        }
    }

    /// Returns the top of the part of the directory that has the accounts.
    pub(super) fn context(&self, connection: &Connection) -> Dn {
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
