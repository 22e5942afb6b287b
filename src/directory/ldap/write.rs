//! Writing accounts: one request for everything about one entry.

use std::collections::HashSet;

use ldap3::LdapResult;
use ldap3::Mod;
use ldap3::Scope;
use ldap3::controls::Assertion;
use ldap3::controls::PostRead;
use ldap3::controls::RawControl;

use super::Dsa;
use super::complete::complete;
use super::connection::Connection;
use super::entry::Entry;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::name::Dn;
use super::name::Rdn;
use super::name::is_attribute_description;
use super::new_entry::NewEntry;
use super::posix;
use super::profile::New;
use super::profile::Presumes;
use super::profile::Wanted;
use super::settings::SearchScope;
use super::settings::Site;
use crate::roster::account::EntryId;
use crate::roster::attribute::Attributes;
use crate::roster::change::Change;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Create;
use crate::roster::operation::Done;
use crate::roster::operation::Update;

impl Dsa {
    /// Returns the name of a new entry.
    pub(super) fn place(&self, username: &str, locator: Option<&str>, attributes: &Attributes) -> Result<Dn, String> {
        let Site { people_base: base, username_attribute, naming_attribute, .. } = &self.site;
        let Some(locator) = locator else {
            let mapped = attributes.first_text(naming_attribute);
            let by_username = naming_attribute.eq_ignore_ascii_case(username_attribute);
            let name = mapped.filter(|_| !by_username).unwrap_or(username);
            let rdn = Rdn::new(naming_attribute, name).ok_or("the login name is empty")?;
            return Ok(base.child(rdn));
        };
        self.inside(locator)
    }

    /// Parses a place that must be where accounts are read.
    pub(super) fn inside(&self, locator: &str) -> Result<Dn, String> {
        let base = &self.site.people_base;
        let dn = Dn::parse(locator).map_err(|e| e.to_string())?;
        let fits = match self.site.scope {
            SearchScope::Subtree => dn.is_within(base) && dn.key() != base.key(),
            SearchScope::One => dn.parent().is_some_and(|parent| parent.key() == base.key()),
        };
        if fits {
            return Ok(dn);
        }
        Err(format!("{dn} is not where accounts are read (people_base {base}), so it would not be found again"))
    }

    pub(super) async fn create(&self, connection: &Connection, create: &Create) -> Result<Done, Fault> {
        let Create { username, locator, attributes, password, must_change } = create;
        let dn = self.place(username, locator.as_deref(), attributes).map_err(|e| reject(&e))?;
        let secret = password.as_ref();
        self.allow(
            &dn,
            username,
            Wanted { password: secret, must_change: must_change.then_some(true), enabled: None },
        )?;
        if let Some(why) = self.guards_new_name(username) {
            return Err(reject(&why));
        }
        let mut new = NewEntry::default();
        for class in &self.site.object_classes {
            new.add("objectClass", class.as_bytes());
        }
        for (name, values) in attributes.iter() {
            self.writable(name.as_str())?;
            self.harmless(name.as_str(), values.octets())?;
            values.octets().for_each(|value| new.add(name.as_str(), value));
        }
        new.add_named(&self.site.username_attribute, username.as_bytes());
        // The values of an entry's name are values of the entry (RFC 4512 section 2.3.1).
        dn.rdn().values().for_each(|(name, value)| new.add_named(name, value));
        let credentials = &self.site.profile.credentials;
        let suffix = &self.site.upn_suffix;
        let state = New { username, suffix, password: secret, must_change: *must_change };
        for (name, value) in (credentials.of_new)(&state).map_err(|why| reject(&why))? {
            // What the roster says goes before what is made up.
            if !new.has(name) {
                new.add(name, &value);
            }
        }
        let name = dn.to_string();
        let stable = &self.site.profile.stable;
        let post_read = connection.root.has_post_read().then(|| PostRead::new(vec![stable.attribute]));
        let controls: Vec<RawControl> = post_read.into_iter().collect();
        let mut given = self.numbers_of_new(connection, |name| new.has(name)).await?;
        let mut round = 1;
        let (answer, read) = loop {
            let entry = match given {
                Some(given) => new.clone().with_numbers(given),
                None => std::mem::take(&mut new),
            };
            let sent = connection.add(&name, entry.into_attributes(), controls.clone()).await;
            let (answer, read) = sent.map_err(Trouble::of_write)?;
            if given.is_none() || !posix::is_taken(&answer) || round >= posix::ROUNDS {
                break (answer, read);
            }
            given = self.numbers_of_new(connection, |name| new.has(name)).await?;
            round += 1;
        };
        if answer.rc != 0 {
            let fault = refused(During::Add, &answer, secret);
            return Err(match answer.rc {
                32 => without_parent(&dn, fault),
                68 => self.clash(connection, &dn, username, fault).await?,
                _ => fault,
            });
        }
        let read = match read.filter(|entry| stable.of(entry).is_some()) {
            Some(entry) => Some(entry),
            None => {
                let all = Filter::present("objectClass");
                self.read_one(connection, &name, &all, &[stable.attribute]).await.ok().flatten()
            }
        };
        let id = read.as_ref().and_then(|entry| self.entry_id(entry).ok());
        let unread = || format!("created, but its {} could not be read back", stable.attribute);
        let id = id.ok_or_else(|| Fault::new(Next::LookAgain, unread()))?;
        if let Some(given) = given {
            let half_done = |fault: Fault| Fault { next: Next::LookAgain, code: None, ..fault };
            self.keep_uid_unique(connection, &name, given).await.map_err(half_done)?;
        }
        Ok(Done::Created(id))
    }

    pub(super) async fn update(&self, connection: &Connection, update: &Update) -> Result<Done, Fault> {
        let Update { id, username, relocation: _, changes, password, must_change, enabled } = update;
        let dn = Dn::parse(&id.locator).map_err(|e| reject(&e))?;
        let wanted = Wanted { password: password.as_ref(), must_change: *must_change, enabled: *enabled };
        self.allow(&dn, username, wanted)?;
        for change in changes {
            self.writable(change.attribute.as_str())?;
            self.harmless(change.attribute.as_str(), change.new.iter().map(AsRef::as_ref))?;
            keeps_name(&dn, change)?;
        }
        let mut attempt = Attempt {
            dsa: self,
            connection,
            id,
            changes,
            wanted,
            seen: None,
            presumes: (self.site.profile.credentials.presumes)(wanted),
            by_replacing: false,
            unasserted: false,
        };
        if changes.is_empty() && wanted.is_nothing() {
            return Ok(Done::AlreadySo);
        }
        if attempt.needs_a_look() {
            attempt.look().await?;
        }
        if attempt.modifications()?.is_empty() {
            return Ok(Done::AlreadySo);
        }
        let mut answer = attempt.send().await?;
        if answer.rc == 122 && matches!(attempt.presumes, Presumes::That(_)) {
            attempt.look().await?;
            answer = attempt.send().await?;
        }
        if is_misled(&answer) && attempt.finds_old_values().await? {
            attempt.unasserted = true;
            answer = attempt.send().await?;
        }
        if matches!(answer.rc, 16 | 18 | 20) && !changes.is_empty() {
            let as_planned = attempt.finds_old_values().await?;
            if as_planned && answer.rc == 18 {
                attempt.by_replacing = true;
                answer = attempt.send().await?;
            } else if as_planned && (attempt.seen.is_none() || wanted.is_nothing()) {
                // Nothing has changed meanwhile: the same request would fail the same way again.
                let fault = refused(During::Modify, &answer, password.as_ref());
                return Err(Fault { next: Next::RejectRow, ..fault });
            } else {
                answer.rc = 122;
            }
        }
        match answer.rc {
            0 => self.settle(connection, id, wanted).await,
            _ => Err(refused(During::Modify, &answer, password.as_ref())),
        }
    }

    /// Deletes the entry, and no other one that has its name by now. An entry that is gone is no fault.
    pub(super) async fn delete(&self, connection: &Connection, id: &EntryId, username: &str) -> Result<Done, Fault> {
        let dn = Dn::parse(&id.locator).map_err(|e| reject(&e))?;
        self.allow(&dn, username, Wanted::default())?;
        let same = self.same(id);
        let guards = &self.site.profile.guards;
        let address = self.address(id);
        if guards.needs_a_look || !(address.is_bound || connection.root.has_assertion()) {
            let attributes = if guards.attributes.is_empty() { &["1.1"][..] } else { guards.attributes };
            match self.read_one(connection, &address.name, &same, attributes).await? {
                None => return self.gone(connection, &same).await,
                Some(entry) => {
                    if let Some(why) = (guards.reason)(&entry) {
                        return Err(protected(why));
                    }
                }
            }
        }
        let controls = if connection.root.has_assertion() { vec![assertion(&same)] } else { Vec::new() };
        let answer = connection.delete(&address.name, controls).await.map_err(Trouble::of_write)?;
        match answer.rc {
            0 => Ok(Done::Changed),
            32 | 122 => self.gone(connection, &same).await,
            _ => Err(refused(During::Delete, &answer, None)),
        }
    }

    /// Returns whether an entry that is not where it was is nowhere else either.
    async fn gone(&self, connection: &Connection, same: &Filter) -> Result<Done, Fault> {
        for (base, _) in self.site.homes() {
            let (base, page) = (base.to_string(), self.site.page_size);
            if !self.search_all(connection, &base, Scope::Subtree, same, &["1.1"], page).await?.is_empty() {
                return Err(another());
            }
        }
        Ok(Done::AlreadySo)
    }

    /// Refuses what must not, or cannot, be written.
    fn allow(&self, dn: &Dn, username: &str, wanted: Wanted<'_>) -> Result<(), Fault> {
        let Wanted { password, must_change, enabled } = wanted;
        if let Some(why) = self.guards(dn, username) {
            return Err(protected(&why));
        }
        if let (Some(_), Some(why)) = (password, self.pool.no_password()) {
            return Err(reject(why));
        }
        if password.is_some_and(|password| password.expose().is_empty()) {
            return Err(reject("the password is empty"));
        }
        let credentials = &self.site.profile.credentials;
        if (must_change.is_some() && !credentials.must_change) || (enabled.is_some() && !credentials.disable) {
            let why = "without a password policy neither a forced change nor disabling can be written";
            return Err(reject(why));
        }
        Ok(())
    }

    /// Refuses attributes that are never written.
    pub(super) fn writable(&self, attribute: &str) -> Result<(), Fault> {
        if !is_attribute_description(attribute) {
            return Err(reject(&format!("`{attribute}` is not an attribute's name")));
        }
        match self.site.profile.refuses(attribute) {
            Some(why) => Err(reject(&format!("the attribute `{attribute}` is not written: {why}"))),
            None => Ok(()),
        }
    }

    /// Refuses values that would make an administrator of somebody.
    fn harmless<'v>(&self, attribute: &str, values: impl IntoIterator<Item = &'v [u8]>) -> Result<(), Fault> {
        match values.into_iter().find_map(|value| self.guards_value(attribute, value)) {
            Some(why) => Err(reject(&format!("the value is not written: {why}"))),
            None => Ok(()),
        }
    }

    /// Reads one entry if `filter` matches it.
    pub(super) async fn read_one(
        &self,
        connection: &Connection,
        dn: &str,
        filter: &Filter,
        attributes: &[&str],
    ) -> Result<Option<Entry>, Fault> {
        let answer = connection.read(dn, filter, attributes).await.map_err(Trouble::of_read)?;
        if answer.result.rc == 32 {
            return Ok(None);
        }
        Ok(complete(answer, self.apart())?.into_iter().next())
    }
}

/// One update on its way.
struct Attempt<'a> {
    dsa: &'a Dsa,
    connection: &'a Connection,
    id: &'a EntryId,
    changes: &'a [Change],
    wanted: Wanted<'a>,
    /// The entry with the attributes of its state, once somebody has looked.
    seen: Option<Entry>,
    /// What is taken for granted as long as nobody has looked; the request fails if it does not hold.
    presumes: Presumes,
    by_replacing: bool,
    /// Somebody has looked instead of the server.
    unasserted: bool,
}

impl Attempt<'_> {
    /// Changes are written so that they fail when an old value is no longer there.
    fn modifications(&self) -> Result<Vec<Mod<Vec<u8>>>, Fault> {
        let mut mods = Vec::new();
        for change in self.changes {
            let name = change.attribute.as_str().as_bytes().to_vec();
            let set = |values: &mut dyn Iterator<Item = &[u8]>| -> HashSet<Vec<u8>> {
                values.filter(|value| !value.is_empty()).map(<[u8]>::to_vec).collect()
            };
            let (gone, come) = (set(&mut change.removed()), set(&mut change.added()));
            if gone.is_empty() && come.is_empty() {
                continue;
            }
            if self.by_replacing {
                mods.push(Mod::Replace(name, set(&mut change.new.iter().map(AsRef::as_ref))));
                continue;
            }
            if !gone.is_empty() {
                mods.push(Mod::Delete(name.clone(), gone));
            }
            if !come.is_empty() {
                mods.push(Mod::Add(name, come));
            }
        }
        let credentials = &self.dsa.site.profile.credentials;
        mods.extend((credentials.modifications)(self.wanted, self.seen.as_ref()).map_err(|why| reject(&why))?);
        Ok(mods)
    }

    /// The request is bound to the entry, not only to its name, and to what cannot be said by deleting old values.
    fn controls(&self) -> Vec<RawControl> {
        if !self.connection.root.has_assertion() || self.unasserted {
            return Vec::new();
        }
        let mut conditions = vec![self.dsa.same(self.id)];
        conditions.extend(self.unset().map(|name| Filter::present(name).negated()));
        if let Presumes::That(condition) = &self.presumes {
            conditions.push(condition.clone());
        }
        vec![assertion(&Filter::all(conditions))]
    }

    async fn send(&self) -> Result<LdapResult, Fault> {
        let address = self.dsa.address(self.id);
        let sent = self.connection.modify(&address.name, self.modifications()?, self.controls()).await;
        sent.map_err(Trouble::of_write)
    }

    /// Iterates over the attributes that have no value yet, as far as the plan knows.
    fn unset(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().filter(|change| change.old.is_empty()).map(|change| change.attribute.as_str())
    }

    /// Returns whether something must be known that the request itself cannot be bound to.
    fn needs_a_look(&self) -> bool {
        let bound = self.dsa.address(self.id).is_bound && self.unset().next().is_none();
        let guards = &self.dsa.site.profile.guards;
        guards.needs_a_look || self.presumes == Presumes::ALook || !(self.connection.root.has_assertion() || bound)
    }

    /// Reads whether the entry is the one that is meant, whether it is locked, and whether what is to get its first
    /// value has none.
    async fn look(&mut self) -> Result<(), Fault> {
        let same = self.dsa.same(self.id);
        let profile = self.dsa.site.profile;
        let mut attributes = [profile.credentials.attributes, profile.guards.attributes].concat();
        attributes.extend(self.unset());
        if attributes.is_empty() {
            attributes.push("1.1");
        }
        let address = self.dsa.address(self.id);
        let entry = self.dsa.read_one(self.connection, &address.name, &same, &attributes).await?;
        let entry = entry.ok_or_else(another)?;
        if let Some(why) = (profile.guards.reason)(&entry) {
            return Err(protected(why));
        }
        if let Some(name) = self.unset().find(|name| entry.values(name).next().is_some()) {
            let reason = format!("the entry is not as it was when the plan was made: `{name}` has a value by now");
            return Err(Fault::new(Next::LookAgain, reason).with_code(122));
        }
        self.seen = Some(entry);
        self.presumes = Presumes::Nothing;
        Ok(())
    }

    /// Reads whether the attributes still have the values that the plan was made with.
    async fn finds_old_values(&self) -> Result<bool, Fault> {
        let same = self.dsa.same(self.id);
        let names: Vec<&str> = self.changes.iter().map(|change| change.attribute.as_str()).collect();
        let address = self.dsa.address(self.id);
        let entry = self.dsa.read_one(self.connection, &address.name, &same, &names).await?;
        let Some(entry) = entry else { return Ok(false) };
        Ok(self.changes.iter().all(|change| {
            let now: HashSet<&[u8]> = entry.values(change.attribute.as_str()).collect();
            now == change.old.iter().map(AsRef::as_ref).collect()
        }))
    }
}

/// Refuses a change that takes away what the entry is named by.
fn keeps_name(dn: &Dn, change: &Change) -> Result<(), Fault> {
    let Some(value) = dn.rdn().value(change.attribute.as_str()) else { return Ok(()) };
    let key = MatchKey::new(value);
    let kept = change.new.iter().filter_map(|v| std::str::from_utf8(v).ok()).any(|v| MatchKey::new(v) == key);
    if kept {
        return Ok(());
    }
    Err(reject(&format!("the entry is named by `{}`, and `rename` is off in [feed.defaults]", change.attribute)))
}

fn without_parent(dn: &Dn, fault: Fault) -> Fault {
    let parent = dn.parent().map(|parent| parent.to_string()).unwrap_or_default();
    Fault {
        reason: format!("the parent entry {parent} does not exist; create it, or correct the feed's `dn`"),
        ..fault
    }
}

/// Returns a condition that the server checks before it writes (RFC 4528). Critical: a server that does not know it
/// must refuse rather than write.
pub(super) fn assertion(filter: &Filter) -> RawControl {
    RawControl { crit: true, ..Assertion::new(filter.as_str()) }
}

/// Returns whether the condition was held against another entry: OpenLDAP's overlay `unique` looks for the value with
/// the controls of the request, and every entry that is not the one that is meant fails them.
pub(super) fn is_misled(answer: &LdapResult) -> bool {
    answer.rc == 122 && answer.text.starts_with("unique_search")
}

fn protected(why: &str) -> Fault {
    reject(&format!("the account is protected: {why}"))
}

pub(super) fn another() -> Fault {
    Fault::new(Next::LookAgain, "the entry is gone, has moved, or is another one by now")
}

pub(super) fn reject(reason: &(impl ToString + ?Sized)) -> Fault {
    Fault::new(Next::RejectRow, reason.to_string())
}
