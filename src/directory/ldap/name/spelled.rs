//! Names as servers spell them, which is mostly the canonical way.

use super::Dn;
use super::is_plain;
use super::short_name;

/// The name of an entry as a server spells it, in the canonical spelling of [`Dn`].
#[derive(Debug)]
pub enum Spelled<'t> {
    /// It is spelled so already, which can be seen without taking all of it apart; most names are.
    Already(&'t str),
    /// It was spelled in another way.
    Parsed(Dn, String),
    /// It is no name.
    Odd(&'t str),
}

impl<'t> Spelled<'t> {
    /// Spells the name `text`.
    pub fn of(text: &'t str) -> Self {
        if is_canonical(text) {
            return Self::Already(text);
        }
        match Dn::parse(text) {
            Ok(dn) => {
                let canonical = dn.to_string();
                Self::Parsed(dn, canonical)
            }
            Err(_) => Self::Odd(text),
        }
    }

    /// Returns the canonical text; what is no name stays as it is.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Already(text) | Self::Odd(text) => text,
            Self::Parsed(_, canonical) => canonical,
        }
    }

    /// Returns whether it is a name.
    pub fn is_dn(&self) -> bool {
        !matches!(self, Self::Odd(_))
    }

    /// Returns the value of `attribute` in the first RDN.
    pub fn value(&self, attribute: &str) -> Option<&str> {
        match self {
            Self::Already(text) => {
                let (name, value) = text.split(',').next()?.split_once('=')?;
                (name.eq_ignore_ascii_case(attribute) || name == short_name(attribute)).then_some(value)
            }
            Self::Parsed(dn, _) => dn.rdn().value(attribute),
            Self::Odd(_) => None,
        }
    }
}

/// Returns whether `text` is, without any doubt, a name in its canonical spelling: short names of attributes, and values
/// in which nothing must be escaped or trimmed.
fn is_canonical(text: &str) -> bool {
    text.as_bytes().split(|byte| *byte == b',').all(|rdn| {
        let Some(equals) = rdn.iter().position(|byte| *byte == b'=') else { return false };
        let (attribute, value) = (&rdn[..equals], &rdn[equals + 1..]);
        matches!(attribute, b"uid" | b"cn" | b"ou" | b"dc" | b"o" | b"c" | b"l" | b"st")
            && value.first().is_some_and(|first| *first != b' ')
            && value.last() != Some(&b' ')
            && value.iter().copied().all(is_plain)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_looks_canonical_is(text in "(uid|UID|cn|mail|userid|2.5.4.3)=[aB1 .,+=\\\\#ü-]{1,5}(,(ou|o)=[a ,=]{1,3})?") {
            let spelled = Spelled::of(&text);
            match Dn::parse(&text) {
                Ok(dn) => {
                    prop_assert_eq!(spelled.as_str(), dn.to_string());
                    for attribute in ["uid", "userid", "CN", "mail"] {
                        prop_assert_eq!(spelled.value(attribute), dn.rdn().value(attribute));
                    }
                }
                Err(_) => prop_assert!(!spelled.is_dn()),
            }
        }
    }
}
