//! What is never written, whatever a roster says.

use super::name::Dn;
use crate::roster::name_key::MatchKey;
use crate::roster::name_key::folded;

/// The entries and login names that an admin has listed, and rosterd's own account.
#[derive(Clone, Debug, Default)]
pub struct Protected {
    /// Names folded for comparison, and why.
    entries: Vec<(MatchKey, String)>,
    /// Patterns, and why.
    usernames: Vec<(MatchKey, String)>,
}

impl Protected {
    /// Reads the list: DNs, or login names with `*` and `?`. `builtin` are names that the server itself has.
    pub fn new(listed: &[String], builtin: &[&str], own: Option<&Dn>) -> Self {
        let mut protected = Self::default();
        for text in listed {
            match Dn::parse(text) {
                Ok(dn) => protected.entries.push((dn.key(), listed_as(text))),
                Err(_) => protected.usernames.push((MatchKey::new(text), listed_as(text))),
            }
        }
        let builtin = builtin.iter().map(|name| (MatchKey::new(name), "it is built into the server".to_owned()));
        protected.usernames.extend(builtin);
        protected.entries.extend(own.map(|dn| (dn.key(), "it is rosterd's own account".to_owned())));
        protected
    }

    /// Returns why an entry must never be written, when that is so.
    pub fn reason(&self, dn: &Dn, username: &str) -> Option<String> {
        self.reason_spelled(&dn.to_string(), username)
    }

    /// The same for the name of an entry in its canonical spelling.
    pub fn reason_spelled(&self, dn: &str, username: &str) -> Option<String> {
        let key = folded(dn);
        let entry = self.entries.iter().find(|(entry, _)| entry.as_str() == key).map(|(_, why)| why.clone());
        entry.or_else(|| {
            if self.usernames.is_empty() {
                return None;
            }
            let name = folded(username);
            let hit = self.usernames.iter().find(|(pattern, _)| fits(pattern.as_str(), &name));
            hit.map(|(_, why)| why.clone())
        })
    }
}

fn listed_as(text: &str) -> String {
    format!("`{text}` is listed in `protected`")
}

/// Returns whether `name` fits `pattern`, in which `*` stands for any text and `?` for one character.
fn fits(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == name;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // After a mismatch, the last star takes one more character.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_names_are_found_in_any_spelling() {
        let own = Dn::parse("cn=rosterd,o=x").expect("valid");
        let listed = ["uid=boss,ou=people,o=x", "svc-*", "adm?n", "*-Ä*x"].map(str::to_owned);
        let protected = Protected::new(&listed, &[], Some(&own));
        let entry = |name: &str| format!("uid={name},ou=people,o=x");
        for (dn, name) in [("BOSS", "boss"), ("x", "SVC-backup"), ("x", "admin"), ("x", "admün"), ("x", "a-äbcx")] {
            assert!(protected.reason_spelled(&entry(dn), name).is_some(), "{name}");
        }
        assert!(protected.reason_spelled("cn=Rosterd,o=x", "").is_some());
        for name in ["ada", "xsvc-1", "admiin", "sv", ""] {
            assert_eq!(protected.reason_spelled(&entry("x"), name), None, "{name}");
        }
    }
}
