//! One entry as a server sends it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use ldap3::ResultEntry;
use ldap3::SearchEntry;

use crate::roster::attribute::AttributeName;

/// An entry: its name and the attributes that were asked for. Values are octets; names compare without case.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name, as the server spells it.
    pub dn: String,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// Decodes a search result; `None` when it is malformed, on which the library panics.
    pub fn decode(raw: ResultEntry) -> Option<Self> {
        let entry = catch_unwind(AssertUnwindSafe(|| SearchEntry::construct(raw))).ok()?;
        Some(Self::of(entry.dn, entry.attrs, entry.bin_attrs))
    }

    /// Puts together what the library keeps apart: attributes whose values are all UTF-8, and the others.
    pub fn of(dn: String, text: HashMap<String, Vec<String>>, binary: HashMap<String, Vec<Vec<u8>>>) -> Self {
        let text = text.into_iter().map(|(name, values)| (name, values.into_iter().map(String::into_bytes).collect()));
        Self { dn, attributes: text.chain(binary).collect() }
    }

    /// Iterates over the values of `name`. The option `;binary` need not be given (RFC 4522).
    pub fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let exact = || self.attributes.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        // Only several options can be in another order.
        let ordered = || {
            let wanted = name.contains(';').then(|| AttributeName::new(name))?;
            self.attributes.iter().find(|(n, _)| wanted.is(n))
        };
        let found = exact().or_else(ordered).or_else(|| {
            self.attributes.iter().find(|(n, _)| {
                n.len() == name.len() + 7
                    && n.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
                    && n[name.len()..].eq_ignore_ascii_case(";binary")
            })
        });
        found.into_iter().flat_map(|(_, values)| values.iter().map(Vec::as_slice))
    }

    /// Returns the part of the values of `attribute` that the server sent, when it did not send all of them.
    pub fn part(&self, attribute: &str) -> Option<Part<'_>> {
        self.attributes.iter().find_map(|(name, values)| {
            let (first, last) = range(name, attribute)?;
            Some(Part { values, first, last })
        })
    }

    /// Puts all values of `attribute` in the place of any part of them.
    pub fn complete(&mut self, attribute: &str, values: Vec<Vec<u8>>) {
        self.attributes.retain(|(name, _)| !name.eq_ignore_ascii_case(attribute) && range(name, attribute).is_none());
        self.attributes.push((attribute.to_owned(), values));
    }

    /// Iterates over the values of `name` that are text.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values(name).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// Returns the first value of `name`, when it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    /// Returns whether one of the values of `name` is `value`, in any case.
    pub fn has_text(&self, name: &str, value: &str) -> bool {
        self.texts(name).any(|text| text.eq_ignore_ascii_case(value))
    }
}

/// Values that a server sends a part at a time, such as `member;range=0-1499` (MS-ADTS section 3.1.1.3.1.3.3).
#[derive(Debug, PartialEq, Eq)]
pub struct Part<'a> {
    pub values: &'a [Vec<u8>],
    /// The place of the first value among all.
    pub first: usize,
    /// The place of the last one; `None` when there are no more.
    pub last: Option<usize>,
}

/// Returns what the range option of an attribute's `name` says.
fn range(name: &str, attribute: &str) -> Option<(usize, Option<usize>)> {
    let (bare, option) = name.split_once(';')?;
    let (key, bounds) = option.split_once('=')?;
    if !bare.eq_ignore_ascii_case(attribute) || !key.eq_ignore_ascii_case("range") {
        return None;
    }
    let (first, last) = bounds.split_once('-')?;
    let last = if last == "*" { None } else { Some(last.parse().ok()?) };
    Some((first.parse().ok()?, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_octets_stay() {
        let entry = Entry::of(
            "o=x".to_owned(),
            HashMap::from([("givenName".to_owned(), vec!["Ada".to_owned()])]),
            HashMap::from([
                ("jpegPhoto".to_owned(), vec![vec![0xff, 0xd8]]),
                ("userCertificate;binary".to_owned(), vec![vec![0xff]]),
                ("cn;x-b;lang-de".to_owned(), vec![vec![0xfe]]),
            ]),
        );
        assert_eq!(entry.text("GIVENNAME"), Some("Ada"));
        assert_eq!(entry.values("jpegphoto").collect::<Vec<_>>(), [[0xff, 0xd8].as_slice()]);
        assert_eq!(entry.values("usercertificate").count(), 1);
        assert_eq!(entry.values("sn").count(), 0);
        assert_eq!(entry.values("CN;lang-de;x-b").count(), 1);
        assert_eq!(entry.values("cn").count() + entry.values("cn;lang-de").count(), 0);
        assert!(entry.has_text("givenname", "ADA"));
    }

    #[test]
    fn a_part_of_the_values_is_told_from_all() {
        let values = vec!["CN=Ada,o=x".to_owned()];
        let of = |name: &str| {
            let text = HashMap::from([("member".to_owned(), Vec::new()), (name.to_owned(), values.clone())]);
            Entry::of("CN=staff,o=x".to_owned(), text, HashMap::new())
        };
        let bounds = |name: &str| of(name).part("member").map(|part| (part.first, part.last, part.values.len()));
        assert_eq!(bounds("member;range=0-1499"), Some((0, Some(1499), 1)));
        assert_eq!(bounds("Member;Range=1500-*"), Some((1500, None, 1)));
        for other in ["memberOf;range=0-1499", "member;binary", "member;range=x-*", "member;range=0"] {
            assert_eq!(bounds(other), None, "{other}");
        }
        let mut entry = of("member;range=0-0");
        entry.complete("member", vec![b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(entry.part("member"), None);
        assert_eq!(entry.values("MEMBER").count(), 2);
    }
}
