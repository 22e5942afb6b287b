//! Attributes: names that compare as directories compare them, and the values a person should have.

mod name;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use sha2::Digest;
use sha2::Sha256;

pub use name::AttributeName;

/// Attributes with their values, each name once, in name order, immutable once built.
///
/// A roster of a million rows holds a million of these, so the values lie in one buffer and the names are shared:
/// about 24 bytes plus the text. An attribute always has at least one value; an attribute that is wanted empty is
/// listed with [`Attributes::is_cleared`].
///
/// Values are octet strings (RFC 4511 section 4.1.5); nearly all of them are text.
#[derive(Clone, Default)]
pub struct Attributes {
    names: Arc<[AttributeName]>,
    packed: Box<[u8]>,
}

impl Attributes {
    /// Iterates over `(name, values)` in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&AttributeName, Values<'_>)> {
        let mut rest: &[u8] = &self.packed;
        std::iter::from_fn(move || {
            let (index, after) = take_number(rest)?;
            let (n_values, after) = take_number(after)?;
            let (values, after) = after.split_at(values_len(after, n_values));
            rest = after;
            Some((self.names.get(index)?, Values { rest: values }))
        })
    }

    /// Returns the values of `name`, or `None` when it is not listed or listed as cleared.
    pub fn get(&self, name: &str) -> Option<Values<'_>> {
        self.iter().find(|(n, _)| n.is(name)).map(|(_, values)| values).filter(|values| !values.is_empty())
    }

    /// Returns the first value of `name` when it is valid UTF-8.
    pub fn first_text(&self, name: &str) -> Option<&str> {
        self.get(name)?.text().next()
    }

    /// Returns the names that are listed, and those of others that were built with the same schema.
    pub fn schema(&self) -> Schema {
        Schema { names: Arc::clone(&self.names) }
    }

    /// Returns whether `name` is listed without any value: the attribute is wanted absent.
    pub fn is_cleared(&self, name: &str) -> bool {
        self.iter().any(|(n, values)| n.is(name) && values.is_empty())
    }

    /// Returns those attributes that `keeps` says yes to.
    #[must_use]
    pub fn only(&self, keeps: impl Fn(&AttributeName) -> bool) -> Self {
        let schema = Schema { names: Arc::clone(&self.names) };
        schema.pack(self.iter().filter(|(name, _)| keeps(name)).map(|(name, v)| (name.as_str(), v.octets())))
    }

    /// Returns whether `name` is listed, be it as cleared.
    pub fn lists(&self, name: &AttributeName) -> bool {
        self.iter().any(|(other, _)| other == name)
    }

    /// Returns whether every value is ASCII. May say no when there are long ones.
    pub fn is_ascii(&self) -> bool {
        // Lengths and places lie between the values, and are bytes below 128 unless there is much of something.
        self.packed.is_ascii()
    }

    /// Returns the number of attributes listed.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// Returns how many octets of memory all values take, with what tells them apart: none is longer than that.
    pub fn n_octets(&self) -> usize {
        self.packed.len()
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Attributes {}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Appends `number` in seven-bit groups, the lowest first (LEB128): most lengths take one byte.
fn put_number(packed: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        packed.push(number as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

fn put_attribute<'v>(packed: &mut Vec<u8>, place: usize, values: impl ExactSizeIterator<Item = &'v [u8]>) {
    put_number(packed, place);
    put_number(packed, values.len());
    for value in values {
        put_number(packed, value.len());
        packed.extend_from_slice(value);
    }
}

fn take_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes.split_first()? {
        (&byte, rest) if byte < 0x80 => Some((usize::from(byte), rest)),
        _ => take_long_number(bytes),
    }
}

fn take_long_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    None
}

fn take_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = take_number(bytes)?;
    rest.split_at_checked(length)
}

fn values_len(bytes: &[u8], n_values: usize) -> usize {
    let mut rest = bytes;
    for _ in 0..n_values {
        match take_value(rest) {
            Some((_, after)) => rest = after,
            None => break,
        }
    }
    bytes.len() - rest.len()
}

/// The values of one attribute, in the order they were given.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    rest: &'a [u8],
}

impl<'a> Values<'a> {
    /// Iterates over the values as octets.
    pub fn octets(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.rest;
        std::iter::from_fn(move || {
            let (value, after) = take_value(rest)?;
            rest = after;
            Some(value)
        })
    }

    /// Iterates over the values that are valid UTF-8.
    pub fn text(self) -> impl Iterator<Item = &'a str> {
        self.octets().filter_map(|octets| std::str::from_utf8(octets).ok())
    }

    /// Returns whether there are no values.
    pub fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// Returns the values as owned octet strings.
    pub fn to_vec(self) -> Vec<Vec<u8>> {
        self.octets().map(<[u8]>::to_vec).collect()
    }

    /// Returns the values for people: text as it is, other octets by length and digest.
    pub fn shown(self) -> Vec<Cow<'a, str>> {
        self.octets().map(show_octets).collect()
    }
}

/// Returns one value for people: text as it is, other octets by length and digest.
pub fn show_octets(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) if !text.contains('\0') => text.into(),
        _ => show_digest(octets.len(), &Sha256::digest(octets).into()).into(),
    }
}

/// Shows `12,345 octets (sha256 abcd1234…)`: what tells octets apart.
pub fn show_digest(length: usize, sha256: &[u8; 32]) -> String {
    let mut digits = length.to_string();
    for at in (1..digits.len()).rev().filter(|at| (digits.len() - at).is_multiple_of(3)).collect::<Vec<_>>() {
        digits.insert(at, ',');
    }
    let start: String = sha256[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digits} octets (sha256 {start}…)")
}

impl PartialEq for Values<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rest == other.rest
    }
}

impl Eq for Values<'_> {}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.shown()).finish()
    }
}

/// The attribute names that the accounts of one feed or the entries of one target use, shared by all of them.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    names: Arc<[AttributeName]>,
}

impl Schema {
    /// Sorts `names` and drops repetitions.
    pub fn new(names: impl IntoIterator<Item = AttributeName>) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort();
        names.dedup();
        Self { names: names.into() }
    }

    /// Iterates over the names in order.
    pub fn names(&self) -> impl Iterator<Item = &AttributeName> {
        self.names.iter()
    }

    /// Packs `attributes`, leaving out names that the schema does not list.
    ///
    /// A name given twice keeps the values of both. A name with no values is kept as *cleared*.
    pub fn pack<'v, V>(&self, attributes: impl IntoIterator<Item = (&'v str, V)>) -> Attributes
    where
        V: IntoIterator<Item = &'v [u8]>,
    {
        // What is nearly always enough: growing step by step takes longer than all the rest.
        let mut by_place: Vec<(usize, V)> = Vec::with_capacity(self.names.len());
        by_place.extend(attributes.into_iter().filter_map(|(name, values)| Some((self.place(name)?, values))));
        by_place.sort_by_key(|(place, _)| *place);
        self.pack_by_place(by_place)
    }

    /// Returns which of the names, in their order, `name` is.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|own| own.is(name))
    }

    /// Packs attributes given by their [`Schema::place`], which must not descend; see [`Schema::pack`].
    pub fn pack_by_place<'v, V>(&self, attributes: impl IntoIterator<Item = (usize, V)>) -> Attributes
    where
        V: IntoIterator<Item = &'v [u8]>,
    {
        let mut packed = Vec::with_capacity(32 * self.names.len());
        let mut all: Vec<&[u8]> = Vec::new();
        let mut rest = attributes.into_iter().peekable();
        while let Some((place, values)) = rest.next() {
            all.clear();
            all.extend(values);
            while let Some((_, more)) = rest.next_if(|(next, _)| *next == place) {
                all.extend(more);
            }
            put_attribute(&mut packed, place, all.iter().copied());
        }
        Attributes { names: Arc::clone(&self.names), packed: packed.as_slice().into() }
    }

    /// Packs the values that `values_of` returns for each name, leaving out names for which there are none.
    pub fn pack_found<'v, V>(&self, values_of: impl Fn(&AttributeName) -> V) -> Attributes
    where
        V: ExactSizeIterator<Item = &'v [u8]>,
    {
        let mut packed = Vec::with_capacity(32 * self.names.len());
        for (place, name) in self.names.iter().enumerate() {
            let values = values_of(name);
            if values.len() > 0 {
                put_attribute(&mut packed, place, values);
            }
        }
        Attributes { names: Arc::clone(&self.names), packed: packed.as_slice().into() }
    }

    /// Packs attributes of text values; see [`Schema::pack`].
    pub fn pack_text<N: AsRef<str>, V: AsRef<str>>(&self, attributes: &[(N, Vec<V>)]) -> Attributes {
        self.pack(attributes.iter().map(|(name, values)| (name.as_ref(), values.iter().map(|v| v.as_ref().as_bytes()))))
    }
}

/// Builds attributes of text values with a schema of just these names, for directories of a few entries and tests.
impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, Vec<V>)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, Vec<V>)>>(pairs: I) -> Self {
        let pairs: Vec<_> = pairs.into_iter().collect();
        Schema::new(pairs.iter().map(|(name, _)| AttributeName::new(name.as_ref()))).pack_text(&pairs)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_compare_without_case_and_keep_their_spelling() {
        assert_eq!(AttributeName::new("givenName"), AttributeName::new("GIVENNAME"));
        assert_eq!(AttributeName::new("givenName").to_string(), "givenName");
    }

    #[test]
    fn options_are_part_of_the_name_in_any_order() {
        let name = AttributeName::new("cn;x-b;lang-de");
        assert_eq!(name, AttributeName::new("CN;Lang-DE;X-B"));
        assert!(name.is("cn;lang-de;x-b") && name.is("cn;X-b;lang-de"));
        assert!(!name.is("cn") && !name.is("cn;lang-de"));
        assert_ne!(AttributeName::new("cn;lang-de"), AttributeName::new("cn"));
        assert!(AttributeName::new("userCertificate;Binary").is_binary());
        assert!(!AttributeName::new("binary").is_binary());
    }

    #[test]
    fn octets_are_shown_by_length_and_digest() {
        // Digests by sha256sum.
        assert_eq!(show_octets(&[0xff]), "1 octets (sha256 a8100ae6…)");
        assert_eq!(show_octets(b"\0\x01"), "2 octets (sha256 b413f47d…)");
        assert_eq!(show_octets(&vec![0xff; 12_345]), "12,345 octets (sha256 644bdcb9…)");
        assert_eq!(show_digest(1_000_000, &[0; 32]), "1,000,000 octets (sha256 00000000…)");
    }

    #[test]
    fn cleared_is_not_absent() {
        let attributes: Attributes = [("title", Vec::<&str>::new()), ("sn", vec!["Byron"])].into_iter().collect();
        assert!(attributes.is_cleared("TITLE"));
        assert!(!attributes.is_cleared("mail"));
        assert_eq!(attributes.get("title"), None);
        assert_eq!(attributes.first_text("sn"), Some("Byron"));
    }

    proptest! {
        #[test]
        fn packing_keeps_every_value(
            wanted in proptest::collection::btree_map("[a-z]{1,6}", proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..5), 0..8)
        ) {
            let schema = Schema::new(wanted.keys().map(|n| AttributeName::new(n)));
            let packed = schema.pack(wanted.iter().map(|(n, v)| (n.as_str(), v.iter().map(Vec::as_slice))));
            let unpacked: Vec<(String, Vec<Vec<u8>>)> =
                packed.iter().map(|(n, v)| (n.to_string(), v.to_vec())).collect();
            prop_assert_eq!(unpacked, wanted.clone().into_iter().collect::<Vec<_>>());
            let there = wanted.iter().filter(|(_, values)| !values.is_empty());
            let packed = schema.pack(there.map(|(n, v)| (n.as_str(), v.iter().map(Vec::as_slice))));
            prop_assert_eq!(schema.pack_found(|name| wanted[name.as_str()].iter().map(Vec::as_slice)), packed);
        }
    }
}
