//! Why a new entry is refused since something is there already.

use super::Dsa;
use super::connection::Connection;
use super::filter::Filter;
use super::name::Dn;
use super::write::reject;
use crate::roster::fault::Fault;
use crate::roster::name_key::MatchKey;

impl Dsa {
    /// Returns what to make of `fault`, the answer that an entry like the new one exists.
    ///
    /// Where entries are not named by the login name, two people may be in each other's way, and anywhere something that
    /// is no person may have the name: looking for the person again would not find anybody, so the row is refused with
    /// what to do about it.
    pub(super) async fn clash(
        &self,
        connection: &Connection,
        dn: &Dn,
        username: &str,
        fault: Fault,
    ) -> Result<Fault, Fault> {
        let attribute = &self.site.username_attribute;
        let all = Filter::present("objectClass");
        if dn.rdn().value(attribute).is_some() {
            let place = dn.to_string();
            let is_there = self.read_one(connection, &place, &all, &["1.1"]).await?.is_some();
            let is_person = self.read_one(connection, &place, &self.site.people_filter, &["1.1"]).await?.is_some();
            if is_person || !is_there {
                return Ok(fault);
            }
            return Ok(reject(&format!(
                "{dn} is there already and is not among the people ({})",
                self.site.people_filter.as_str()
            )));
        }
        if let Some(entry) = self.read_one(connection, &dn.to_string(), &all, &[attribute]).await? {
            let theirs = entry.text(attribute).unwrap_or_default();
            if MatchKey::new(theirs) == MatchKey::new(username) {
                return Ok(fault);
            }
            return Ok(reject(&format!(
                "{dn} is the entry of `{theirs}`: two people need two names; map `{}` to something that differs, or \
                 give [feed.map] a `dn`; with `{0}` in `unique` the preview tells",
                self.site.naming_attribute
            )));
        }
        let same = Filter::all([self.site.people_filter.clone(), Filter::eq(attribute, username)]);
        let base = self.site.people_base.to_string();
        let (scope, page) = (self.scope(), self.site.page_size);
        let found = self.search_all(connection, &base, scope, &same, &["1.1"], page).await?;
        if !found.is_empty() {
            return Ok(fault);
        }
        Ok(reject(&format!("the name is taken by something that is not among the people of {base}: {fault}")))
    }
}
