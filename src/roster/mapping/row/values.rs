//! What a row's cells make of attributes.

use super::super::bind::Bound;
use super::super::few::Few;
use super::super::rule::Encoding;
use super::super::rule::Means;
use super::super::template::RowCells;
use super::Row;
use super::SHOWN;
use crate::roster::attribute::Attributes;
use crate::roster::enclosed;
use crate::roster::problem::ProblemKind;
use std::borrow::Cow;

impl<'r> Row<'r> {
    /// Returns the values of attributes by their places in the schema, in that order.
    pub(super) fn attributes(&mut self, filled: &RowCells) -> Vec<(usize, Few<Cow<'r, [u8]>>)> {
        let mapper = self.mapper;
        let has_username = filled.username.as_str().is_some_and(|u| !u.is_empty());
        // What needs the username would only repeat that it is missing.
        let can_fill = |bound: &Bound| has_username || !mapper.uses_username(bound);
        let is_own = |bound: &Bound| matches!(bound.means, Means::Text | Means::Octets(_));
        let rules = mapper.attributes.iter().zip(&mapper.places);
        let rules = rules.filter(|((_, bound), _)| is_own(bound) && can_fill(bound));
        let mut attributes = Vec::with_capacity(mapper.attributes.len());
        for ((_, bound), place) in rules {
            let Some(values) = self.values(bound, filled) else { continue };
            let octets = match bound.means {
                Means::Octets(encoding) => self.decoded(&bound.label, encoding, &values).map(Few::List),
                _ => Some(values.map(into_octets)),
            };
            attributes.extend(octets.map(|octets| (*place, octets)));
        }
        attributes.sort_by_key(|(place, _)| *place);
        attributes
    }

    /// Decodes values; `None` when one is not well formed, which is noted.
    fn decoded(&mut self, label: &str, encoding: Encoding, values: &[Cow<'r, str>]) -> Option<Vec<Cow<'r, [u8]>>> {
        let mut octets = Vec::with_capacity(values.len());
        for value in values {
            match encoding.decode(value).filter(|octets| !octets.is_empty()) {
                Some(decoded) => octets.push(Cow::Owned(decoded)),
                None => {
                    let value = value.chars().take(SHOWN).collect();
                    self.error(label, ProblemKind::Syntax { value, wanted: encoding.words() });
                    return None;
                }
            }
        }
        Some(octets)
    }

    /// Returns what cells say that stands for something else.
    pub(super) fn deferred(&mut self, filled: &RowCells) -> Option<Box<Attributes>> {
        let mapper = self.mapper;
        let is_deferred = |bound: &Bound| matches!(bound.means, Means::Person(_) | Means::File(_));
        let mut wanted = Vec::new();
        for (name, bound) in mapper.attributes.iter().filter(|(_, bound)| is_deferred(bound)) {
            let Some(values) = self.values(bound, filled) else { continue };
            if matches!(bound.means, Means::File(_)) {
                for value in values.iter().filter(|value| !enclosed::is_within(value)) {
                    self.error(&bound.label, ProblemKind::FileName(value.to_string()));
                }
            }
            wanted.push((name.as_str(), values));
        }
        let octets = wanted.iter().map(|(name, values)| (*name, values.iter().map(|value| value.as_bytes())));
        (!wanted.is_empty()).then(|| Box::new(mapper.schema().pack(octets)))
    }
}

fn into_octets(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}
