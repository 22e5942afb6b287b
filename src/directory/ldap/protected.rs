//! What is never written, whatever a roster, the rest of the configuration or an approver says.

use super::name::Dn;
use super::profile::Guards;
use super::settings::SettingFault;
use crate::directory::name_rules::NameRules;
use crate::roster::name_key::MatchKey;
use crate::roster::name_key::folded;

/// What an admin has listed, what the kind of server has built in, and rosterd's own account.
#[derive(Clone, Debug, Default)]
pub struct Protected {
    /// Entries, with everything below them.
    entries: Vec<Rule>,
    usernames: NameRules,
    groups: Groups,
}

/// Groups that are never written, and whose members are never written.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// By their DN. They must be there: else nobody could say who is in them.
    pub entries: Vec<Dn>,
    /// By name.
    pub names: NameRules,
    /// Names without wildcards, which the server can search for.
    pub exact: Vec<String>,
    /// Whether there are names with wildcards or expressions, for which every group's name is to be read.
    pub has_patterns: bool,
}

#[derive(Clone, Debug)]
struct Rule {
    dn: Dn,
    key: MatchKey,
    below: String,
    why: String,
}

/// The lists of the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listed<'l> {
    /// `protected`: DNs with everything below, login names with `*` and `?`, `/expressions/` for login names.
    pub people: &'l [String],
    /// `approvers`, in the same form.
    pub approvers: &'l [String],
    /// `protected_groups`: DNs, names with `*` and `?`, `/expressions/` for names.
    pub groups: &'l [String],
}

impl Protected {
    /// Reads the lists. `own` is rosterd's own account.
    pub fn new(listed: Listed<'_>, guards: &Guards, own: Option<&Dn>) -> Result<Self, SettingFault> {
        let mut protected = Self::default();
        for (key, list) in [("protected", listed.people), ("approvers", listed.approvers)] {
            for text in list {
                protected.list(text, &format!("`{text}` is listed in `{key}`")).map_err(|why| fault(key, why))?;
            }
        }
        for name in guards.names {
            protected.list(name, "it is built into the server").map_err(|why| fault("kind", why))?;
        }
        let built_in = guards.groups.iter().map(|name| ((*name).to_owned(), "it is an administrators' group"));
        let named = listed.groups.iter().map(|text| (text.clone(), "it is listed in `protected_groups`"));
        for (text, why) in built_in.chain(named) {
            protected.groups.list(&text, why).map_err(|why| fault("protected_groups", why))?;
        }
        if let Some(own) = own {
            protected.add_own(own);
        }
        Ok(protected)
    }

    /// Adds rosterd's own account.
    pub fn add_own(&mut self, own: &Dn) {
        self.entries.push(Rule::new(own.clone(), "it is rosterd's own account".to_owned()));
    }

    fn list(&mut self, text: &str, why: &str) -> Result<(), String> {
        match as_dn(text)? {
            Some(dn) => self.entries.push(Rule::new(dn, why.to_owned())),
            None => self.usernames.add(text, why)?,
        }
        Ok(())
    }

    /// Returns why an entry must never be written, when that is so. `dn` is its name in canonical spelling.
    pub fn reason(&self, dn: &str, username: &str) -> Option<String> {
        self.place(dn).or_else(|| self.usernames.reason(username).map(str::to_owned))
    }

    /// Returns why a group must never be written, when that is so.
    pub fn group_reason(&self, dn: &Dn, name: &str) -> Option<String> {
        let key = dn.key();
        let is_listed = self.groups.entries.iter().any(|entry| entry.key() == key);
        let listed = is_listed.then(|| "it is listed in `protected_groups`".to_owned());
        self.place(&dn.to_string()).or(listed).or_else(|| self.groups.names.reason(name).map(str::to_owned))
    }

    /// Returns why a new account must not have a name: people would take it for a protected one.
    pub fn look_alike(&self, username: &str) -> Option<String> {
        let (rule, _) = self.usernames.look_alike(username)?;
        Some(format!("the name looks like `{rule}`, which is protected"))
    }

    /// Returns the groups whose members are never written.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    fn place(&self, dn: &str) -> Option<String> {
        if self.entries.is_empty() {
            return None;
        }
        let key = folded(dn);
        self.entries.iter().find(|rule| rule.covers(dn, &key)).map(|rule| rule.why.clone())
    }
}

impl Rule {
    fn new(dn: Dn, why: String) -> Self {
        let key = dn.key();
        Self { below: format!(",{}", key.as_str()), dn, key, why }
    }

    fn covers(&self, dn: &str, key: &str) -> bool {
        // The ends are compared first, since that is cheap; a comma within a value makes them alike too.
        let is_below = || Dn::parse(dn).is_ok_and(|dn| dn.is_within(&self.dn));
        key == self.key.as_str() || (key.ends_with(&self.below) && is_below())
    }
}

impl Groups {
    fn list(&mut self, text: &str, why: &str) -> Result<(), String> {
        match as_dn(text)? {
            Some(dn) => self.entries.push(dn),
            None => {
                self.names.add(text, why)?;
                if is_exact(text) {
                    self.exact.push(text.to_owned());
                } else {
                    self.has_patterns = true;
                }
            }
        }
        Ok(())
    }

    /// Returns whether there is no such group.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.exact.is_empty() && !self.has_patterns
    }
}

fn is_exact(text: &str) -> bool {
    let is_expression = text.starts_with('/') && text.ends_with('/');
    !is_expression && !text.contains(['*', '?'])
}

/// Returns the DN that a rule is, if it is one. A rule that is nearly one is a slip that would protect nobody.
fn as_dn(text: &str) -> Result<Option<Dn>, String> {
    if !text.contains('=') || text.starts_with('/') {
        return Ok(None);
    }
    if text.contains('*') {
        let hint = "a DN protects everything below it; write `\\2a` for a star that is part of a name";
        return Err(format!("`{text}`: there are no wildcards in DNs; {hint}"));
    }
    Dn::parse(text).map(Some).map_err(|error| error.to_string())
}

fn fault(key: &'static str, reason: String) -> SettingFault {
    SettingFault { key, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dn(text: &str) -> Dn {
        Dn::parse(text).expect(text)
    }

    fn protected(people: &[&str], groups: &[&str]) -> Result<Protected, SettingFault> {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let (people, groups) = (own(people), own(groups));
        let listed = Listed { people: &people, approvers: &["okay".to_owned()], groups: &groups };
        Protected::new(listed, &Guards::NONE, Some(&dn("cn=rosterd,o=x")))
    }

    #[test]
    fn entries_and_names_are_found_in_any_spelling() {
        let rules = ["uid=boss,ou=people,o=x", "svc-*", "adm?n", "*-Ä*x", "ou=admins,o=x", "/^t[0-9]-/"];
        let protected = protected(&rules, &[]).expect("good rules");
        let entry = |name: &str| dn(&format!("uid={name},ou=people,o=x"));
        for (entry_name, name) in [
            ("BOSS", "boss"),
            ("x", "SVC-backup"),
            ("x", "admin"),
            ("x", "admün"),
            ("x", "a-äbcx"),
            ("x", "T0-ada"),
            ("x", "okay"),
        ] {
            assert!(protected.reason(&entry(entry_name).to_string(), name).is_some(), "{name}");
        }
        for place in ["CN=rosterd, o=x", "cn=x,uid=boss,ou=people,o=x", "uid=ada,OU=Admins,o=x", "ou=admins,o=x"] {
            assert!(protected.reason(&dn(place).to_string(), "x").is_some(), "{place}");
        }
        for place in [r"uid=ada\,ou=admins,o=x", "ou=xadmins,o=x", "uid=ada,ou=admins,o=y", "o=x"] {
            assert_eq!(protected.reason(&dn(place).to_string(), "x"), None, "{place}");
        }
        for name in ["ada", "xsvc-1", "admiin", "sv", ""] {
            assert_eq!(protected.reason(&entry("x").to_string(), name), None, "{name}");
        }
    }

    #[test]
    fn a_slip_in_a_rule_is_told_and_does_not_protect_nobody() {
        for slip in ["uid=adm*,ou=people,o=x", "uid=ada,ou", "", " ", "/(/"] {
            assert_eq!(protected(&[slip], &[]).expect_err(slip).key, "protected", "{slip}");
            assert_eq!(protected(&[], &[slip]).expect_err(slip).key, "protected_groups", "{slip}");
        }
    }

    #[test]
    fn groups_are_protected_by_place_and_by_name() {
        let protected = protected(&["ou=secret,o=x"], &["cn=Admins,ou=groups,o=x", "wheel", "ops-*"]).expect("good");
        for (place, name) in [
            ("cn=admins,ou=groups,o=x", "admins"),
            ("cn=wheel,o=x", "Wheel"),
            ("cn=ops-1,o=x", "OPS-1"),
            ("cn=any,ou=secret,o=x", "any"),
        ] {
            assert!(protected.group_reason(&dn(place), name).is_some(), "{place}");
        }
        assert_eq!(protected.group_reason(&dn("cn=admins,ou=other,o=x"), "admins"), None);
        // A rule for groups says nothing about login names, and the other way round.
        assert_eq!(protected.reason(&dn("uid=wheel,o=x").to_string(), "wheel"), None);
        assert_eq!(protected.group_reason(&dn("cn=okay,o=x"), "okay"), None);
    }
}
