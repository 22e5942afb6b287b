//! One entry as a server sends it.

use std::collections::HashMap;
use std::ops::Range;

use ldap3::ResultEntry;
use ldap3::asn1::PL;
use ldap3::asn1::StructureTag;

use super::ber::ENTRY;
use super::ber::Element;
use super::ber::Malformed;
use super::ber::OCTET_STRING;
use super::ber::SEQUENCE;
use super::ber::SET;
use crate::roster::attribute::AttributeName;

/// An entry: its name and the attributes that were asked for. Values are octets; names compare without case.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The name, as the server spells it.
    pub dn: String,
    /// Names and values, one after the other: an allocation for each would take longer than reading them.
    octets: Vec<u8>,
    names: Vec<Name>,
    /// Where values are in the octets.
    values: Vec<Range<usize>>,
    /// Whether there are names with options.
    has_options: bool,
}

/// Where an attribute's name is in the octets, and which of the values are its.
#[derive(Clone, Debug)]
struct Name {
    place: Range<usize>,
    values: Range<usize>,
}

impl Entry {
    /// Reads a `SearchResultEntry` (RFC 4511 section 4.5.2) into the memory of what it was before.
    pub fn read(&mut self, entry: Element<'_>) -> Result<(), Malformed> {
        let mut parts = entry.parts();
        let dn = std::str::from_utf8(parts.expect(OCTET_STRING)?.contents).map_err(|_| Malformed)?;
        let mut attributes = parts.expect(SEQUENCE)?.parts();
        dn.clone_into(&mut self.dn);
        self.octets.clear();
        self.names.clear();
        self.values.clear();
        self.has_options = false;
        while let Some(attribute) = attributes.next_if_any()? {
            let mut attribute = attribute.parts();
            self.push_name(attribute.expect(OCTET_STRING)?.contents);
            let mut values = attribute.expect(SET)?.parts();
            while let Some(value) = values.next_if_any()? {
                self.push_value(value.contents);
            }
        }
        Ok(())
    }

    /// Takes over a search result that the library has read; `None` when it is malformed.
    pub fn decode(raw: &ResultEntry) -> Option<Self> {
        let tag = Some(&raw.0).filter(|tag| tag.id == u64::from(ENTRY & 0x1f))?;
        let [dn, attributes] = constructed(tag)? else { return None };
        let mut entry = Self { dn: std::str::from_utf8(primitive(dn)?).ok()?.to_owned(), ..Self::default() };
        for attribute in constructed(attributes)? {
            let [name, values] = constructed(attribute)? else { return None };
            entry.push_name(primitive(name)?);
            for value in constructed(values)? {
                entry.push_value(primitive(value)?);
            }
        }
        Some(entry)
    }

    /// Puts together what the library keeps apart: attributes whose values are all UTF-8, and the others.
    pub fn of(dn: String, text: HashMap<String, Vec<String>>, binary: HashMap<String, Vec<Vec<u8>>>) -> Self {
        let mut entry = Self { dn, ..Self::default() };
        for (name, values) in text {
            entry.push_name(name.as_bytes());
            values.iter().for_each(|value| entry.push_value(value.as_bytes()));
        }
        for (name, values) in binary {
            entry.push_name(name.as_bytes());
            values.iter().for_each(|value| entry.push_value(value));
        }
        entry
    }

    fn push_name(&mut self, name: &[u8]) {
        self.has_options |= name.contains(&b';');
        let (place, n_values) = (self.keep(name), self.values.len());
        self.names.push(Name { place, values: n_values..n_values });
    }

    /// Adds a value of the name before it.
    fn push_value(&mut self, value: &[u8]) {
        let place = self.keep(value);
        self.values.push(place);
        if let Some(name) = self.names.last_mut() {
            name.values.end = self.values.len();
        }
    }

    fn keep(&mut self, octets: &[u8]) -> Range<usize> {
        let start = self.octets.len();
        self.octets.extend_from_slice(octets);
        start..self.octets.len()
    }

    /// Iterates over the values of `name`. The option `;binary` need not be given (RFC 4522).
    pub fn values<'e>(&'e self, name: &str) -> impl ExactSizeIterator<Item = &'e [u8]> + use<'e> {
        let exact = self.names.iter().find(|own| self.spelled(own).eq_ignore_ascii_case(name.as_bytes()));
        let other = || self.names.iter().find(|own| is_other_spelling(self.spelled(own), name));
        let found = exact.or_else(|| if self.has_options { other() } else { None });
        self.values_at(found.map_or(0..0, |own| own.values.clone()))
    }

    fn spelled(&self, name: &Name) -> &[u8] {
        &self.octets[name.place.clone()]
    }

    fn values_at(&self, values: Range<usize>) -> impl ExactSizeIterator<Item = &[u8]> {
        self.values[values].iter().map(|place| &self.octets[place.clone()])
    }

    /// Returns the part of the values of `attribute` that the server sent, when it did not send all of them.
    pub fn part(&self, attribute: &str) -> Option<Part> {
        self.names.iter().find_map(|name| {
            let (first, last) = range(self.spelled(name), attribute)?;
            Some(Part { values: self.values_at(name.values.clone()).map(<[u8]>::to_vec).collect(), first, last })
        })
    }

    /// Puts all values of `attribute` in the place of any part of them.
    pub fn complete(&mut self, attribute: &str, values: &[Vec<u8>]) {
        let mut others = Self { dn: std::mem::take(&mut self.dn), ..Self::default() };
        for name in &self.names {
            let spelled = self.spelled(name);
            if !spelled.eq_ignore_ascii_case(attribute.as_bytes()) && range(spelled, attribute).is_none() {
                others.push_name(spelled);
                self.values_at(name.values.clone()).for_each(|value| others.push_value(value));
            }
        }
        others.push_name(attribute.as_bytes());
        values.iter().for_each(|value| others.push_value(value));
        *self = others;
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

/// Returns whether an attribute's name is spelled `name;binary`, or with its options in another order.
fn is_other_spelling(spelled: &[u8], name: &str) -> bool {
    // Only several options can be in another order.
    if spelled.len() == name.len() && name.contains(';') {
        return std::str::from_utf8(spelled).is_ok_and(|spelled| AttributeName::new(name).is(spelled));
    }
    spelled.split_at_checked(name.len()).is_some_and(|(start, option)| {
        option.eq_ignore_ascii_case(b";binary") && start.eq_ignore_ascii_case(name.as_bytes())
    })
}

fn constructed(tag: &StructureTag) -> Option<&[StructureTag]> {
    match &tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn primitive(tag: &StructureTag) -> Option<&[u8]> {
    match &tag.payload {
        PL::P(octets) => Some(octets),
        PL::C(_) => None,
    }
}

/// Values that a server sends a part at a time, such as `member;range=0-1499` (MS-ADTS section 3.1.1.3.1.3.3).
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub values: Vec<Vec<u8>>,
    /// The place of the first value among all.
    pub first: usize,
    /// The place of the last one; `None` when there are no more.
    pub last: Option<usize>,
}

/// Returns what the range option of an attribute's `name` says.
fn range(name: &[u8], attribute: &str) -> Option<(usize, Option<usize>)> {
    let name = std::str::from_utf8(name).ok()?;
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
    use proptest::prelude::*;

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
        entry.complete("member", &[b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(entry.part("member"), None);
        assert_eq!(entry.values("MEMBER").count(), 2);
    }

    proptest! {
        /// The same octets, read here and by the library, are the same entry.
        #[test]
        fn entries_are_read_as_the_library_reads_them(
            dn in "[a-z=,]{0,140}",
            attributes in proptest::collection::btree_map(
                "[a-zA-Z]{1,8}",
                proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..4),
                0..6,
            ),
        ) {
            let octet_string = |octets: &[u8]| StructureTag {
                class: ldap3::asn1::TagClass::Universal,
                id: 4,
                payload: PL::P(octets.to_vec()),
            };
            let universal = |id, parts| StructureTag { class: ldap3::asn1::TagClass::Universal, id, payload: PL::C(parts) };
            let pairs = attributes.iter().map(|(name, values)| {
                let values = values.iter().map(|value| octet_string(value)).collect();
                universal(16, vec![octet_string(name.as_bytes()), universal(17, values)])
            });
            let tag = StructureTag {
                class: ldap3::asn1::TagClass::Application,
                id: 4,
                payload: PL::C(vec![octet_string(dn.as_bytes()), universal(16, pairs.collect())]),
            };
            let mut octets = tokio_util::bytes::BytesMut::new();
            ldap3::asn1::write::encode_into(&mut octets, tag.clone()).expect("to memory");
            let (element, rest) = Element::take(&octets).expect("valid").expect("whole");
            prop_assert_eq!((element.identifier, rest.len()), (ENTRY, 0));
            let mut read = Entry::of("o=before".to_owned(), HashMap::from([("cn;x-a".to_owned(), vec!["x".to_owned()])]), HashMap::new());
            read.read(element).expect("an entry");
            let decoded = Entry::decode(&ResultEntry::new(tag)).expect("an entry");
            for entry in [read, decoded] {
                prop_assert_eq!(&entry.dn, &dn);
                for (name, values) in &attributes {
                    let lower = name.to_ascii_lowercase();
                    if attributes.keys().filter(|other| other.eq_ignore_ascii_case(name)).count() == 1 {
                        prop_assert_eq!(&entry.values(&lower).map(<[u8]>::to_vec).collect::<Vec<_>>(), values);
                    }
                }
            }
        }
    }
}
