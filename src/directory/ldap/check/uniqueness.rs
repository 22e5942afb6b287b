//! Whether two accounts can come to have one login name, because nothing but rosterd compares them.
//!
//! An entry's own name is one of a kind among its siblings. A login name that is not that, or is in several branches,
//! is looked for before it is written; of two programs that look at the same time, neither sees the other's.

use ldap3::Scope;

use super::finding;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::directory::ldap::Dsa;
use crate::directory::ldap::SearchScope;
use crate::directory::ldap::connection::Connection;
use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::filter::Filter;
use crate::directory::ldap::name::Dn;
use crate::directory::ldap::profile::Uniqueness;

/// Accounts that are looked at to see what they are named by.
const CANDIDATES: i32 = 20;

/// What the server's configuration says.
#[derive(Debug, PartialEq, Eq)]
enum Kept {
    /// This keeps the names apart.
    By(String),
    /// Nothing there does.
    Not,
    /// It cannot be seen.
    Unseen,
}

impl Dsa {
    pub(super) async fn names_are_kept_apart(&self, connection: &Connection) -> Finding {
        let attribute = &self.site.username_attribute;
        let subject = format!("each `{attribute}` once");
        let Some(why) = self.why_not_by_name(connection).await else {
            let text = format!("accounts are named by `{attribute}` in one place, and the server takes each name once");
            return finding(subject, Verdict::Good(text));
        };
        let base = &self.site.people_base;
        let (kept, place, hint) = match self.site.profile.uniqueness {
            Uniqueness::Itself => {
                let text = "the server refuses a login name that somebody has".to_owned();
                return finding(subject, Verdict::Good(text));
            }
            Uniqueness::Overlay => (
                self.kept_by_overlay(connection).await,
                "olcUniqueURI in cn=config",
                format!(
                    "put the overlay `unique` on the database, with olcUniqueURI: ldap:///{base}?{attribute}?sub \
                     (docs/openldap.md, step 3)"
                ),
            ),
            Uniqueness::Plugin => (
                self.kept_by_plugin(connection).await,
                "the attribute uniqueness plugins below cn=plugins,cn=config",
                format!(
                    "switch an attribute uniqueness plugin on with uniqueness-attribute-name: {attribute} and \
                     uniqueness-subtrees: {base} (docs/389-ds.md, step 1)"
                ),
            ),
            Uniqueness::Untold => {
                (Kept::Unseen, "its configuration", format!("have it keep `{attribute}` unique below {base}"))
            }
        };
        let risk = format!(
            "{why}, so the server itself takes one name twice; rosterd looks before it writes, but two programs that \
             write at the same time could give the same name to two people"
        );
        let verdict = match kept {
            Kept::By(what) => Verdict::Good(what),
            Kept::Not => Verdict::Warning(format!("{risk}. {hint}")),
            Kept::Unseen => Verdict::Warning(format!(
                "{risk}. Whether the server is set up against that cannot be seen by the bind DN: look at {place}; {hint}"
            )),
        };
        finding(subject, verdict)
    }

    /// Returns why an account's own name does not keep its login name apart, when that is so.
    async fn why_not_by_name(&self, connection: &Connection) -> Option<String> {
        let (naming, attribute) = (&self.site.naming_attribute, &self.site.username_attribute);
        if !naming.eq_ignore_ascii_case(attribute) {
            return Some(format!("new accounts are named by `{naming}`, not by `{attribute}`"));
        }
        let base = self.site.people_base.to_string();
        let page = connection.page(&base, self.scope(), &self.site.people_filter, &["1.1"], (CANDIDATES, Vec::new()));
        let (answer, _) = page.await.ok()?;
        let dns: Vec<Dn> = answer.entries.iter().filter_map(|entry| Dn::parse(&entry.dn).ok()).collect();
        if let Some(other) = dns.iter().find(|dn| dn.rdn().value(attribute).is_none()) {
            return Some(format!("there are accounts that are not named by `{attribute}`, such as {other}"));
        }
        let parent = |dn: &Dn| dn.parent().map(|parent| parent.key());
        let (first, other) = (dns.first()?, dns.iter().find(|dn| parent(dn) != parent(&dns[0]))?);
        Some(format!("there are accounts in several branches, such as {first} and {other}"))
    }

    async fn kept_by_overlay(&self, connection: &Connection) -> Kept {
        let (base, filter) = ("cn=config", Filter::present("olcSuffix"));
        let Some(databases) = self.configured(connection, base, &filter, &["olcSuffix"]).await else {
            return Kept::Unseen;
        };
        let suffix_of = |entry: &Entry| {
            let suffixes: Vec<Dn> = entry.texts("olcSuffix").filter_map(|text| Dn::parse(text).ok()).collect();
            suffixes.into_iter().find(|suffix| self.site.people_base.is_within(suffix))
        };
        let ours = databases.iter().filter_map(|entry| Some((suffix_of(entry)?, &entry.dn)));
        let Some((suffix, database)) = ours.max_by_key(|(suffix, _)| suffix.to_string().len()) else {
            return Kept::Unseen;
        };
        let filter = Filter::eq("objectClass", "olcUniqueConfig");
        let attributes = ["olcUniqueURI", "olcUniqueAttribute", "olcUniqueBase", "olcDisabled"];
        let Some(overlays) = self.configured(connection, database, &filter, &attributes).await else {
            return Kept::Unseen;
        };
        let covers = |overlay: &Entry| {
            if overlay.has_text("olcDisabled", "TRUE") {
                return None;
            }
            let uri = overlay.texts("olcUniqueURI").find(|domain| self.is_covered(domain, &suffix));
            let old = || {
                let names = overlay.texts("olcUniqueAttribute").any(|name| self.is_username(name));
                let below = overlay.text("olcUniqueBase").and_then(|base| Dn::parse(base).ok());
                let below = below.unwrap_or_else(|| suffix.clone());
                (names && self.site.people_base.is_within(&below)).then(|| format!("olcUniqueBase {below}"))
            };
            let what = uri.map(|uri| format!("olcUniqueURI {uri}")).or_else(old)?;
            Some(format!("the overlay `unique` sees to it: {what}"))
        };
        overlays.iter().find_map(covers).map_or(Kept::Not, Kept::By)
    }

    /// Returns whether a domain of the overlay (slapo-unique(5)) covers login names: URLs of RFC 4516 after words.
    fn is_covered(&self, domain: &str, suffix: &Dn) -> bool {
        let words = || domain.split_whitespace();
        !words().any(|word| word.eq_ignore_ascii_case("ignore"))
            && words().filter_map(|word| word.split_once(":///")).any(|(_, url)| {
                let mut parts = url.split('?');
                let mut next = || parts.next().unwrap_or_default();
                let (base, names, scope) = (next(), next(), next());
                let base = percent_encoding::percent_decode_str(base).decode_utf8_lossy();
                let below = if base.is_empty() { Some(suffix.clone()) } else { Dn::parse(&base).ok() };
                // Without a name all attributes are meant.
                let names = names.is_empty() || names.split(',').any(|name| self.is_username(name));
                let is_ours = |below: Dn| match scope.to_ascii_lowercase().as_str() {
                    "sub" | "subtree" => self.site.people_base.is_within(&below),
                    "one" | "onelevel" => self.is_level(&below),
                    _ => false,
                };
                names && below.is_some_and(is_ours)
            })
    }

    /// Returns whether all accounts are directly below an entry.
    fn is_level(&self, parent: &Dn) -> bool {
        self.site.scope == SearchScope::One && self.site.people_base.key() == parent.key()
    }

    fn is_username(&self, attribute: &str) -> bool {
        attribute.trim().eq_ignore_ascii_case(&self.site.username_attribute)
    }

    async fn kept_by_plugin(&self, connection: &Connection) -> Kept {
        let filter = Filter::all([
            Filter::eq("objectClass", "nsSlapdPlugin"),
            Filter::eq("nsslapd-pluginInitfunc", "NSUniqueAttr_Init"),
        ]);
        let attributes = ["nsslapd-pluginEnabled", "uniqueness-attribute-name", "uniqueness-subtrees"];
        let plugins = match self.configured(connection, "cn=plugins,cn=config", &filter, &attributes).await {
            Some(plugins) if plugins.iter().any(|plugin| plugin.text("nsslapd-pluginEnabled").is_some()) => plugins,
            _ => return Kept::Unseen,
        };
        let covers = |plugin: &&Entry| {
            let mut below = plugin.texts("uniqueness-subtrees").filter_map(|text| Dn::parse(text).ok());
            plugin.has_text("nsslapd-pluginEnabled", "on")
                && plugin.texts("uniqueness-attribute-name").any(|name| self.is_username(name))
                && below.any(|base| self.site.people_base.is_within(&base))
        };
        let what = |plugin: &Entry| Kept::By(format!("the attribute uniqueness plugin sees to it: {}", plugin.dn));
        plugins.iter().find(covers).map_or(Kept::Not, what)
    }

    /// Returns entries of the server's configuration, which takes no paging; `None` when they cannot be read.
    async fn configured(
        &self,
        connection: &Connection,
        base: &str,
        filter: &Filter,
        attributes: &[&str],
    ) -> Option<Vec<Entry>> {
        let answer = connection.search(base, Scope::Subtree, filter, attributes, Vec::new()).await.ok()?;
        (answer.result.rc == 0).then_some(answer.entries)
    }
}
