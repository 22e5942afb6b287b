//! Creating and deleting accounts: one request for everything about one entry.

use ldap3::LdapResult;
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
use super::posix::Holder;
use super::profile::New;
use super::profile::Wanted;
use super::settings::SearchScope;
use super::settings::Site;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute;
use crate::roster::attribute::Attributes;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Create;
use crate::roster::operation::Done;
use crate::roster::operation::Receipt;

impl Dsa {
    /// Returns the name of a new entry.
    pub(super) fn place(&self, username: &str, locator: Option<&str>, attributes: &Attributes) -> Result<Dn, String> {
        let Site { people_base: base, username_attribute, naming_attribute, .. } = &self.site;
        let Some(locator) = locator else {
            let by_username = naming_attribute.eq_ignore_ascii_case(username_attribute);
            let mapped = if by_username { None } else { attributes.first_text(naming_attribute) };
            let name = mapped.unwrap_or(username);
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

    /// Returns why the server has no room for a name, when that is so.
    pub(super) fn overlong(&self, dn: &Dn) -> Option<String> {
        let longest = self.site.profile.peculiar.longest_name?;
        let name = dn.rdn().as_str();
        let n = name.len();
        (n > longest).then(|| {
            let (title, begin) = (self.site.profile.title, name.chars().take(40).collect::<String>());
            format!("`{begin}...` is too long for the name of an entry in {title}: {n} octets, and {longest} fit")
        })
    }

    /// Returns the new entry's name and attributes.
    pub(super) fn addition(&self, create: &Create) -> Result<(Dn, NewEntry), Fault> {
        let Create { username, locator, attributes, password, must_change } = create;
        let dn = self.place(username, locator.as_deref(), attributes).map_err(|e| reject(&e))?;
        let secret = password.as_ref();
        self.allow(
            &dn,
            username,
            Wanted { password: secret, must_change: must_change.then_some(true), enabled: None },
        )?;
        if let Some(why) = self.guards_new_name(username).or_else(|| self.overlong(&dn)) {
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
        let by_exop = self.by_exop(secret);
        let state = match by_exop {
            Some(_) => New { username, suffix, password: None, must_change: false },
            None => New { username, suffix, password: secret, must_change: *must_change },
        };
        for (name, value) in by_exop.into_iter().flat_map(|by| by.waiting) {
            new.add(name, value.as_bytes());
        }
        for (name, value) in (credentials.of_new)(&state).map_err(|why| reject(&why))? {
            // What the roster says goes before what is made up.
            if !new.has(name) {
                new.add(name, &value);
            }
        }
        Ok((dn, new))
    }

    pub(super) async fn create(&self, connection: &Connection, create: &Create) -> Result<Receipt, Fault> {
        let (dn, mut new) = self.addition(create)?;
        let secret = create.password.as_ref();
        let name = dn.to_string();
        let schema = create.attributes.schema();
        let shown = self.attributes(&schema);
        let controls: Vec<RawControl> = self.post_read(connection, &shown).into_iter().collect();
        let mut given = self.numbers_of_new(connection, |name| new.has(name), None).await?;
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
            given = self.numbers_of_new(connection, |name| new.has(name), given.map(|given| given.uid)).await?;
            round += 1;
        };
        if answer.rc != 0 {
            return Err(self.not_added(connection, create, &dn, &answer).await);
        }
        let account = self.shown(connection, &name, read, &schema).await;
        let unread = || format!("created, but its {} could not be read back", self.site.profile.stable.attribute);
        let account = account.ok_or_else(|| Fault::new(Next::LookAgain, unread()))?;
        if let Some(given) = given {
            let half_done = |fault: Fault| Fault { next: Next::LookAgain, code: None, ..fault };
            let holder = Holder { place: &dn, name: &create.username };
            self.keep_uid_unique(connection, holder, given).await.map_err(half_done)?;
        }
        let account = match self.by_exop(secret) {
            Some(by) => Box::pin(self.complete_new(connection, by, create, &account, &schema)).await?,
            None => account,
        };
        Ok(Receipt { done: Done::Created(account.id.clone()), account: Some(Box::new(account)) })
    }

    /// Creates an account that is read later, together with others.
    pub(super) async fn add(&self, connection: &Connection, create: &Create) -> Result<Receipt, Fault> {
        let (dn, new) = self.addition(create)?;
        let sent = connection.add(&dn.to_string(), new.into_attributes(), Vec::new()).await;
        let (answer, _) = sent.map_err(Trouble::of_write)?;
        if answer.rc != 0 {
            return Err(self.not_added(connection, create, &dn, &answer).await);
        }
        Ok(Done::Changed.into())
    }

    async fn not_added(&self, connection: &Connection, create: &Create, dn: &Dn, answer: &LdapResult) -> Fault {
        let fault = refused(During::Add, answer, create.password.as_ref());
        match answer.rc {
            32 => without_parent(dn, fault),
            68 => self.clash(connection, dn, &create.username, fault).await.unwrap_or_else(|unread| unread),
            _ => fault,
        }
    }

    /// Asks for the entry as the write leaves it: what the server has made of the request, in the same step (RFC 4527).
    pub(super) fn post_read(&self, connection: &Connection, attributes: &[String]) -> Option<RawControl> {
        connection.root.has_post_read().then(|| PostRead::new(attributes.iter().map(String::as_str).collect()))
    }

    /// Returns the account that was just written: as the answer showed it, else as it is read.
    pub(super) async fn shown(
        &self,
        connection: &Connection,
        name: &str,
        read: Option<Entry>,
        schema: &attribute::Schema,
    ) -> Option<ExistingAccount> {
        let whole = read.filter(|entry| self.site.profile.stable.of(entry).is_some());
        let entry = match whole {
            Some(entry) => Some(entry),
            None => {
                let all = Filter::present("objectClass");
                let attributes = self.attributes(schema);
                let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
                self.read_one(connection, name, &all, &attributes).await.ok().flatten()
            }
        };
        self.account(&entry?, schema).ok()
    }

    /// Proves that an entry may be deleted, and returns the condition that it is this one.
    pub(super) fn deletion(&self, id: &EntryId, username: &str) -> Result<RawControl, Fault> {
        let dn = Dn::parse(&id.locator).map_err(|e| reject(&e))?;
        self.allow(&dn, username, Wanted::default())?;
        Ok(assertion(&self.same(id)))
    }

    /// Deletes the entry, and no other one that has its name by now. An entry that is gone is no fault.
    pub(super) async fn delete(&self, connection: &Connection, id: &EntryId, username: &str) -> Result<Done, Fault> {
        let condition = self.deletion(id, username)?;
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
        let controls = if connection.root.has_assertion() { vec![condition] } else { Vec::new() };
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
    pub(super) fn allow(&self, dn: &Dn, username: &str, wanted: Wanted<'_>) -> Result<(), Fault> {
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
    pub(super) fn harmless<'v>(
        &self,
        attribute: &str,
        values: impl IntoIterator<Item = &'v [u8]>,
    ) -> Result<(), Fault> {
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

pub(super) fn protected(why: &str) -> Fault {
    reject(&format!("the account is protected: {why}"))
}

pub(super) fn another() -> Fault {
    Fault::new(Next::LookAgain, "the entry is gone, has moved, or is another one by now")
}

pub(super) fn reject(reason: &(impl ToString + ?Sized)) -> Fault {
    Fault::new(Next::RejectRow, reason.to_string())
}
