//! How far a server has come with what was written to each of its copies.
//!
//! OpenLDAP tells that by the `contextCSN` of a naming context (slapo-syncprov(5)): for each server that takes writes the
//! change sequence number of the last one that has come from it, such as
//! `20261123011333.123456Z#000000#001#000000`. The third part is that server, and numbers of one server are in the order
//! of time as texts.

use std::collections::BTreeMap;
use std::fmt;

use super::Pool;
use crate::directory::ldap::connection::Connection;
use crate::directory::ldap::filter::Filter;
use crate::directory::ldap::name::Dn;
use crate::directory::ldap::profile;
use crate::directory::ldap::server::RootDse;
use crate::directory::ldap::settings::PasswordPolicy;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

/// The last number of each server that takes writes, by that server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress(BTreeMap<Box<str>, Box<str>>);

impl Progress {
    /// Reads it from the values of an attribute; `None` without any.
    pub fn of<'t>(values: impl Iterator<Item = &'t str>) -> Option<Self> {
        let server = |number: &str| number.split('#').nth(2).unwrap_or_default().into();
        let numbers: BTreeMap<_, _> = values.map(|number| (server(number), number.into())).collect();
        (!numbers.is_empty()).then_some(Self(numbers))
    }

    /// Returns whether everything that `other` has has come here too.
    pub fn has_all_of(&self, other: &Self) -> bool {
        other.0.iter().all(|(server, number)| self.0.get(server).is_some_and(|own| own >= number))
    }
}

/// The values, with blanks between them.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<&str> = self.0.values().map(|number| &**number).collect();
        f.write_str(&numbers.join(" "))
    }
}

impl Pool {
    /// Returns the attribute that servers of this kind tell their progress by, and the entry that has it.
    pub fn told_by(&self, root: &RootDse) -> Option<(&'static str, Dn)> {
        let attribute = profile::of(None, PasswordPolicy::Auto, root).peculiar.progress?;
        Some((attribute, self.context(root)?))
    }

    /// Reads how far a server has come; `None` when it does not tell.
    pub async fn progress(&self, connection: &Connection) -> Option<Progress> {
        let (attribute, context) = self.told_by(&connection.root)?;
        let any = Filter::present("objectClass");
        let answer = connection.read(&context.to_string(), &any, &[attribute]).await.ok()?;
        Progress::of(answer.entries.first()?.texts(attribute))
    }

    /// Remembers how far the server in use has come, where there are others that may be behind it.
    pub async fn note_progress(&self) {
        if self.servers.len() < 2 {
            return;
        }
        // Whoever must connect anew finds another server, maybe.
        if let Some(connection) = self.idle_one() {
            self.note_progress_of(&connection).await;
            self.give_back(connection);
        } else if let Some(lane) = self.open_lanes().first() {
            self.note_progress_of(lane).await;
        }
    }

    async fn note_progress_of(&self, connection: &Connection) {
        if let Some(progress) = self.progress(connection).await {
            self.newest.reached(self.servers[connection.server].url.as_str(), &progress.to_string());
        }
    }

    /// Proves that a server has what was written to the one before it, if that one has told how far it was. Where the
    /// target does not have that one any more, it is gone for good: what only it has nobody waits for.
    pub(super) async fn has_caught_up(&self, connection: &Connection) -> Result<(), Fault> {
        let own = self.servers[connection.server].url.as_str();
        let (Some(newest), Some(reached)) = (self.newest.server(), self.newest.progress()) else { return Ok(()) };
        if *newest == *own || !self.servers.iter().any(|server| *server.url.as_str() == *newest) {
            return Ok(());
        }
        let Some(wanted) = Progress::of(reached.split_whitespace()) else { return Ok(()) };
        let what = match self.progress(connection).await {
            Some(progress) if progress.has_all_of(&wanted) => return Ok(()),
            Some(_) => "does not have everything yet",
            // As while it is being filled for the first time.
            None => "does not tell whether it has everything",
        };
        let why = format!(
            "{own} {what} that was written to {newest}, and is not used before it has: replication is late, or has stopped"
        );
        Err(Fault::new(Next::Retry, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(numbers: &[&str]) -> Progress {
        Progress::of(numbers.iter().copied()).expect("numbers")
    }

    #[test]
    fn each_server_counts_by_itself() {
        const ONE: &str = "20261123011333.000001Z#000000#001#000000";
        const LATER: &str = "20261123011333.000001Z#000001#001#000000";
        const TWO: &str = "20261123011332.900000Z#000000#002#000000";
        assert!(progress(&[ONE]).has_all_of(&progress(&[ONE])));
        assert!(progress(&[LATER, TWO]).has_all_of(&progress(&[ONE])));
        assert!(!progress(&[ONE]).has_all_of(&progress(&[LATER])));
        assert!(!progress(&[LATER]).has_all_of(&progress(&[ONE, TWO])), "nothing of the second has come");
        assert!(!progress(&[TWO]).has_all_of(&progress(&[ONE])));
        assert_eq!(Progress::of(std::iter::empty()), None);
        let both = progress(&[TWO, LATER]);
        assert_eq!(Progress::of(both.to_string().split_whitespace()), Some(both));
    }
}
