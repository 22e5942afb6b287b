//! Changing accounts: one request that fails when the entry is not as the plan was made with.

use std::collections::HashSet;

use ldap3::LdapResult;
use ldap3::Mod;
use ldap3::controls::RawControl;

use super::Dsa;
use super::connection::Connection;
use super::entry::Entry;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::name::Dn;
use super::profile::Presumes;
use super::profile::Wanted;
use super::write::another;
use super::write::assertion;
use super::write::is_misled;
use super::write::protected;
use super::write::reject;
use crate::roster::account::EntryId;
use crate::roster::attribute;
use crate::roster::change::Change;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Done;
use crate::roster::operation::Receipt;
use crate::roster::operation::Update;

impl Dsa {
    /// Returns what is to be sent for an update; `None` when nothing is.
    pub(super) fn attempt<'a>(
        &'a self,
        connection: &'a Connection,
        update: &'a Update,
    ) -> Result<Option<Attempt<'a>>, Fault> {
        let Update { id, username, relocation: _, changes, password, must_change, enabled } = update;
        let dn = Dn::parse(&id.locator).map_err(|e| reject(&e))?;
        let wanted = Wanted { password: password.as_ref(), must_change: *must_change, enabled: *enabled };
        self.allow(&dn, username, wanted)?;
        for change in changes {
            self.writable(change.attribute.as_str())?;
            self.harmless(change.attribute.as_str(), change.new.iter().map(AsRef::as_ref))?;
            keeps_name(&dn, change)?;
        }
        if changes.is_empty() && wanted.is_nothing() {
            return Ok(None);
        }
        Ok(Some(Attempt {
            dsa: self,
            connection,
            id,
            changes,
            wanted,
            schema: attribute::Schema::new(changes.iter().map(|change| change.attribute.clone())),
            seen: None,
            shown: None,
            presumes: (self.site.profile.credentials.presumes)(wanted),
            by_replacing: false,
            unasserted: false,
        }))
    }

    pub(super) async fn update(&self, connection: &Connection, update: &Update) -> Result<Receipt, Fault> {
        let Update { id, changes, password, .. } = update;
        let Some(mut attempt) = self.attempt(connection, update)? else { return Ok(Done::AlreadySo.into()) };
        let wanted = attempt.wanted;
        if let Some(by) = self.by_exop(wanted.password) {
            return Box::pin(self.update_by_exop(connection, by, update)).await;
        }
        if attempt.needs_a_look() {
            attempt.look().await?;
        }
        if attempt.modifications()?.is_empty() {
            return Ok(Done::AlreadySo.into());
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
        if answer.rc != 0 {
            return Err(refused(During::Modify, &answer, password.as_ref()));
        }
        let done = self.settle(connection, id, wanted).await?;
        // What such a server has shown was not all yet.
        let shown = attempt.shown.filter(|_| self.site.profile.credentials.settles.is_none());
        let account = self.shown(connection, &self.address(id).name, shown, &attempt.schema).await;
        let account = account.filter(|account| account.id.stable == id.stable).map(Box::new);
        Ok(Receipt { done, account })
    }
}

/// One update on its way.
pub(super) struct Attempt<'a> {
    dsa: &'a Dsa,
    connection: &'a Connection,
    id: &'a EntryId,
    changes: &'a [Change],
    wanted: Wanted<'a>,
    /// What is shown of the account afterwards.
    schema: attribute::Schema,
    /// The entry with the attributes of its state, once somebody has looked.
    seen: Option<Entry>,
    /// The entry as the request left it, if the answer showed it.
    shown: Option<Entry>,
    /// What is taken for granted as long as nobody has looked; the request fails if it does not hold.
    presumes: Presumes,
    by_replacing: bool,
    /// Somebody has looked instead of the server.
    unasserted: bool,
}

impl Attempt<'_> {
    /// Changes are written so that they fail when an old value is no longer there.
    pub(super) fn modifications(&self) -> Result<Vec<Mod<Vec<u8>>>, Fault> {
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
    pub(super) fn condition(&self) -> Option<RawControl> {
        if !self.connection.root.has_assertion() || self.unasserted {
            return None;
        }
        let mut conditions = vec![self.dsa.same(self.id)];
        conditions.extend(self.unset().map(|name| Filter::present(name).negated()));
        if let Presumes::That(condition) = &self.presumes {
            conditions.push(condition.clone());
        }
        Some(assertion(&Filter::all(conditions)))
    }

    async fn send(&mut self) -> Result<LdapResult, Fault> {
        let post_read = self.dsa.post_read(self.connection, &self.dsa.attributes(&self.schema));
        let controls = self.condition().into_iter().chain(post_read).collect();
        let address = self.dsa.address(self.id);
        let sent = self.connection.modify_and_show(&address.name, self.modifications()?, controls).await;
        let (answer, shown) = sent.map_err(Trouble::of_write)?;
        self.shown = shown;
        Ok(answer)
    }

    /// Iterates over the attributes that have no value yet, as far as the plan knows.
    fn unset(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().filter(|change| change.old.is_empty()).map(|change| change.attribute.as_str())
    }

    /// Returns whether one request is all, with nothing before it and nothing after.
    pub(super) fn is_one_request(&self) -> bool {
        !self.needs_a_look() && self.dsa.site.profile.credentials.settles.is_none()
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
