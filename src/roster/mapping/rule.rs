//! One rule of `[feed.map]`: where the value of an attribute comes from, and how it is used.

use std::fmt;

use base64::Engine;

use crate::roster::attribute::AttributeName;
use crate::roster::diff::Policy;
use crate::roster::reference::ReferenceKey;

/// What a rule fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The login name.
    Username,
    /// Where a new entry goes.
    Dn,
    /// The password.
    Password,
    /// Groups.
    Groups,
    /// Roles.
    Roles,
    /// An attribute.
    Attribute(AttributeName),
}

impl Target {
    /// Returns the target of the key `key` in `[feed.map]`.
    pub fn from_key(key: &str) -> Self {
        match key.to_ascii_lowercase().as_str() {
            "username" => Self::Username,
            "dn" => Self::Dn,
            "password" => Self::Password,
            "groups" => Self::Groups,
            "roles" => Self::Roles,
            _ => Self::Attribute(AttributeName::new(key)),
        }
    }

    /// Returns the key in `[feed.map]`.
    pub fn key(&self) -> &str {
        match self {
            Self::Username => "username",
            Self::Dn => "dn",
            Self::Password => "password",
            Self::Groups => "groups",
            Self::Roles => "roles",
            Self::Attribute(name) => name.as_str(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The cell of the column with this name.
    Column(String),
    /// This template.
    Template(String),
    /// First name and surname.
    FullName,
    /// The surname, or the first name of people who have only one name: `inetOrgPerson` requires `sn` (RFC 4519
    /// section 2.32 and RFC 4524).
    SurnameOrFirst,
}

impl Source {
    /// Reads a short form: a template if it has `{{` or `{%`, else a column's name.
    pub fn parse(text: &str) -> Self {
        if text.contains("{{") || text.contains("{%") {
            Self::Template(text.to_owned())
        } else {
            Self::Column(text.to_owned())
        }
    }
}

/// What the text of a cell stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// Itself.
    Text,
    /// Octets, which it writes down in this encoding.
    Octets(Encoding),
    /// Another person, whom it names by this.
    Person(ReferenceKey),
    /// The content of a file beside the roster, of so many octets at most.
    File(usize),
}

/// How a cell writes octets down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 4648 section 4; padding and line breaks may be left out.
    Base64,
    /// RFC 4648 section 8, in any case; pairs may be parted by colons or blanks.
    Hex,
}

impl Encoding {
    /// Returns the octets; `None` when `text` is not well formed.
    pub fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Base64 => {
                let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
                base64::engine::general_purpose::STANDARD_NO_PAD.decode(bare.trim_end_matches('=')).ok()
            }
            Self::Hex => {
                let digits = text.chars().filter(|c| !c.is_ascii_whitespace() && *c != ':');
                let digits: Vec<u8> = digits.map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
                let (pairs, rest) = digits.as_chunks::<2>();
                rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
            }
        }
    }

    /// Returns what well-formed text is called.
    pub fn words(self) -> &'static str {
        match self {
            Self::Base64 => "base64 text",
            Self::Hex => "list of hexadecimal digits in pairs",
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it fills.
    pub target: Target,
    /// Where the value comes from.
    pub source: Source,
    /// What the text of the value stands for; only for attributes.
    pub means: Means,
    /// How it is written to an existing account; only for attributes.
    pub policy: Policy,
    /// The characters between two values in one cell, instead of the feed's.
    pub separators: Option<String>,
    /// Whether the cell holds several values.
    pub multi: bool,
    /// The value when the source gives none.
    pub default: Option<String>,
    /// Whether a roster may come without the column.
    pub optional: bool,
}

impl Rule {
    /// Returns a rule for one value that the roster forces.
    pub fn new(target: Target, source: Source) -> Self {
        Self {
            target,
            source,
            means: Means::Text,
            policy: Policy::Force,
            separators: None,
            multi: false,
            default: None,
            optional: false,
        }
    }

    /// Returns the rule of the short form `key = "text"`.
    pub fn short(key: &str, text: &str) -> Self {
        Self::new(Target::from_key(key), Source::parse(text))
    }
}

/// Returns the rules for the known columns by the usual names (RFC 2798 `inetOrgPerson`).
pub fn default_rules() -> Vec<Rule> {
    let column = |name: &str| Source::Column(name.to_owned());
    [
        ("givenName", column("firstname")),
        ("sn", Source::SurnameOrFirst),
        ("cn", Source::FullName),
        ("displayName", Source::FullName),
        ("mail", column("email")),
    ]
    .into_iter()
    .map(|(name, source)| Rule::new(Target::from_key(name), source))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_make_a_template() {
        assert_eq!(Source::parse("Job title"), Source::Column("Job title".to_owned()));
        assert_eq!(Source::parse("{{ first }}"), Source::Template("{{ first }}".to_owned()));
        assert_eq!(Source::parse("{% if a %}b{% endif %}"), Source::Template("{% if a %}b{% endif %}".to_owned()));
    }

    #[test]
    fn octets_are_written_in_base64_or_hexadecimal() {
        let base64 = |text| Encoding::Base64.decode(text);
        assert_eq!(base64("AP8Q"), Some(vec![0, 255, 16]));
        assert_eq!(base64("AP8="), Some(vec![0, 255]));
        assert_eq!(base64("AP8"), Some(vec![0, 255]));
        assert_eq!(base64("A P\n8="), Some(vec![0, 255]));
        for bad in ["A", "AP8*", "A_8=", "AP9", "=AP8"] {
            assert_eq!(base64(bad), None, "{bad}");
        }
        let hex = |text| Encoding::Hex.decode(text);
        assert_eq!(hex("00fF10"), Some(vec![0, 255, 16]));
        assert_eq!(hex("00:ff 10"), Some(vec![0, 255, 16]));
        for bad in ["0", "00f", "0x00", "gg"] {
            assert_eq!(hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn keys_that_are_no_attributes_are_known_in_any_case() {
        assert_eq!(Target::from_key("DN"), Target::Dn);
        assert_eq!(Target::from_key("Username"), Target::Username);
        assert_eq!(Target::from_key("givenName"), Target::Attribute(AttributeName::new("givenname")));
    }
}
