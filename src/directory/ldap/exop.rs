//! Passwords that an operation of their own sets: `PasswordModify` (RFC 3062). The server hashes them, whatever its policy.
//!
//! The operation writes nothing else, is bound to nothing but a name, and cannot be part of a transaction. So a new
//! account is made switched off and without a password; the operation follows, then what forces a change and what
//! switches the account on. There is no moment in which anybody could use the account without a password, and until all
//! is done nobody has been told the password. What is cut short is found switched off, and gone through once more.

use ldap3::Mod;
use ldap3::exop::Exop;
use ldap3::exop::PasswordModify;

use super::Dsa;
use super::connection::Connection;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::profile::ByExop;
use super::profile::Wanted;
use super::settings::PasswordStorage;
use super::write::another;
use super::write::assertion;
use super::write::protected;
use super::write::reject;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::Schema;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Create;
use crate::roster::operation::Done;
use crate::roster::operation::Receipt;
use crate::roster::operation::Update;
use crate::roster::secret::Secret;

/// The operation's name.
pub const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";

impl Dsa {
    /// Returns how a password is set by an operation of its own, when it is to be.
    pub(super) fn by_exop(&self, password: Option<&Secret>) -> Option<&'static ByExop> {
        let wanted = self.site.password_storage == PasswordStorage::Exop && password.is_some();
        self.site.profile.credentials.by_exop.as_ref().filter(|_| wanted)
    }

    /// Sets the password of an account that was just made switched off, and lets the person in. If the server refuses
    /// any of it, the account is deleted again.
    pub(super) async fn complete_new(
        &self,
        connection: &Connection,
        by: &ByExop,
        create: &Create,
        account: &ExistingAccount,
        schema: &Schema,
    ) -> Result<ExistingAccount, Fault> {
        let Create { username, password, must_change, .. } = create;
        let wanted = Wanted { password: password.as_ref(), must_change: Some(*must_change), enabled: Some(true) };
        match self.set_password(connection, by, &account.id, wanted).await {
            Ok(_) => {}
            Err(fault) if fault.code.is_some() && fault.next != Next::Retry => {
                return Err(match self.delete(connection, &account.id, username).await {
                    Ok(_) => fault,
                    Err(why) => left_over(fault, &account.id, &why),
                });
            }
            Err(fault) => return Err(Fault { next: Next::LookAgain, code: None, ..fault }),
        }
        let unread = || Fault::new(Next::LookAgain, "created, but it could not be read back with its password");
        self.shown(connection, &account.id.locator, None, schema).await.ok_or_else(unread)
    }

    /// Does an update whose password is set by an operation of its own: first all that has nothing to do with it.
    pub(super) async fn update_by_exop(
        &self,
        connection: &Connection,
        by: &ByExop,
        update: &Update,
    ) -> Result<Receipt, Fault> {
        let Update { id, changes, password, must_change, enabled, .. } = update;
        let wanted = Wanted { password: password.as_ref(), must_change: *must_change, enabled: *enabled };
        if !changes.is_empty() {
            let rest = Update { password: None, must_change: None, enabled: None, ..update.clone() };
            Box::pin(self.update(connection, &rest)).await?;
        }
        let set = self.set_password(connection, by, id, wanted).await;
        let done = set.map_err(|fault| match fault.next {
            Next::RejectRow if !changes.is_empty() => {
                Fault { reason: format!("all but the password was written: {}", fault.reason), ..fault }
            }
            // Whoever tries again must look first: the password may be set.
            Next::Retry => Fault { next: Next::LookAgain, code: None, ..fault },
            _ => fault,
        })?;
        let schema = Schema::new(changes.iter().map(|change| change.attribute.clone()));
        let account = self.shown(connection, &id.locator, None, &schema).await;
        let account = account.filter(|account| account.id.stable == id.stable).map(Box::new);
        Ok(Receipt { done, account })
    }

    async fn set_password(
        &self,
        connection: &Connection,
        by: &ByExop,
        id: &EntryId,
        wanted: Wanted<'_>,
    ) -> Result<Done, Fault> {
        let (credentials, guards) = (&self.site.profile.credentials, &self.site.profile.guards);
        let Some(password) = wanted.password else { return Ok(Done::AlreadySo) };
        // The operation knows the entry by its name only, which may be another one's by now.
        let attributes = [credentials.attributes, guards.attributes].concat();
        let seen = self.read_one(connection, &id.locator, &self.same(id), &attributes).await?.ok_or_else(another)?;
        if let Some(why) = (guards.reason)(&seen) {
            return Err(protected(why));
        }
        let before = (by.before)(wanted, &seen).map_err(|why| reject(&why))?;
        self.modify_state(connection, id, before).await?;
        let request = Exop::from(PasswordModify {
            user_id: Some(&id.locator),
            old_pass: None,
            new_pass: Some(password.expose()),
        });
        let sent = connection.extended(PASSWORD_MODIFY, request.val).await;
        let (answer, _) = sent.map_err(Trouble::of_write)?;
        if answer.rc != 0 {
            return Err(refused(During::Modify, &answer, Some(password)));
        }
        let done = self.settle(connection, id, wanted).await?;
        self.modify_state(connection, id, (by.after)(wanted)).await?;
        Ok(done)
    }

    async fn modify_state(&self, connection: &Connection, id: &EntryId, mods: Vec<Mod<Vec<u8>>>) -> Result<(), Fault> {
        if mods.is_empty() {
            return Ok(());
        }
        let condition = connection.root.has_assertion().then(|| assertion(&self.same(id)));
        let sent = connection.modify(&self.address(id).name, mods, condition.into_iter().collect()).await;
        let answer = sent.map_err(Trouble::of_write)?;
        if answer.rc == 0 { Ok(()) } else { Err(refused(During::Modify, &answer, None)) }
    }
}

/// Says that an account is there that should not be. If the run ends with that, the next one looks at it.
fn left_over(fault: Fault, id: &EntryId, why: &Fault) -> Fault {
    let reason =
        format!("{}; the account {} is left over, as it could not be deleted: {why}", fault.reason, id.locator);
    Fault { reason, code: fault.code.filter(|_| fault.next != Next::StopRun), ..fault }
}
