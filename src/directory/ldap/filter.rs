//! Search filters: values are escaped when a filter is made, so that no value can change its meaning.

use std::fmt;

/// A search filter (RFC 4515).
#[derive(Clone, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// Takes over a filter that an admin wrote; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = if text.starts_with('(') { text.to_owned() } else { format!("({text})") };
        ldap3::parse_filter(&text).ok().map(|_| Self(text))
    }

    /// Matches entries that have `value`.
    pub fn eq(attribute: &str, value: &str) -> Self {
        Self(format!("({}={})", ldap3::ldap_escape(attribute), ldap3::ldap_escape(value)))
    }

    /// Matches entries that have exactly these octets as a value.
    pub fn octets(attribute: &str, value: &[u8]) -> Self {
        let escaped: String = value.iter().map(|octet| format!("\\{octet:02x}")).collect();
        Self(format!("({}={escaped})", ldap3::ldap_escape(attribute)))
    }

    /// Matches entries that have any value.
    pub fn present(attribute: &str) -> Self {
        Self(format!("({}=*)", ldap3::ldap_escape(attribute)))
    }

    /// Matches entries that all of `filters` match.
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::list('&', filters)
    }

    /// Matches entries that at least one of `filters` matches.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::list('|', filters)
    }

    /// Matches entries that this one does not match.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self(format!("(!{})", self.0))
    }

    /// Returns the text for the protocol library, which encodes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the attributes and the object classes that the filter names.
    pub fn names(&self) -> (Vec<&str>, Vec<&str>) {
        let (mut attributes, mut classes) = (Vec::new(), Vec::new());
        // Parentheses inside values are escaped (RFC 4515 section 3), so these are the items.
        for item in self.0.split(['(', ')']).filter(|item| item.contains('=')) {
            let end = item.find(['=', '~', '<', '>', ':']).unwrap_or(item.len());
            let attribute = &item[..end];
            if attribute.eq_ignore_ascii_case("objectClass") {
                let value = item[end..].trim_start_matches(['=', '~', '<', '>']);
                if !value.contains('*') {
                    classes.push(value);
                }
            } else if !attribute.is_empty() {
                attributes.push(attribute);
            }
        }
        (attributes, classes)
    }

    fn list(operator: char, filters: impl IntoIterator<Item = Self>) -> Self {
        let mut text = format!("({operator}");
        for filter in filters {
            text.push_str(&filter.0);
        }
        text.push(')');
        Self(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_cannot_change_the_meaning() {
        assert_eq!(Filter::eq("uid", "*)(uid=*").as_str(), r"(uid=\2a\29\28uid=\2a)");
        assert_eq!(Filter::eq("uid)(cn", "a").as_str(), r"(uid\29\28cn=a)");
        assert!(ldap3::parse_filter(Filter::eq("uid)(cn", "a").as_str()).is_err());
    }

    #[test]
    fn octets_are_escaped_one_by_one() {
        assert_eq!(Filter::octets("objectGUID", b"*a\0").as_str(), r"(objectGUID=\2a\61\00)");
    }

    #[test]
    fn an_admins_filter_is_parsed_first() {
        assert_eq!(Filter::parse("objectClass=person").expect("valid").as_str(), "(objectClass=person)");
        for text in ["(uid=a", "(&(uid=a)", "uid", "(uid=a))", ""] {
            assert!(Filter::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn names_are_found() {
        let filter =
            Filter::parse("(&(objectClass=person)(|(uid=a*)(!(sn~=b)))(cn:caseExactMatch:=x)(n>=5))").expect("valid");
        assert_eq!(filter.names(), (vec!["uid", "sn", "cn", "n"], vec!["person"]));
    }

    proptest! {
        #[test]
        fn every_value_makes_a_valid_filter(value in any::<String>()) {
            let filter = Filter::any([Filter::eq("uid", &value), Filter::present("cn")]);
            prop_assert!(ldap3::parse_filter(filter.as_str()).is_ok());
        }
    }
}
