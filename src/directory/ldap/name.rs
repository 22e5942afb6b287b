//! Distinguished names: parsed, made and compared; never glued together from text.

use std::borrow::Cow;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::roster::name_key::MatchKey;

mod spelled;

pub use self::spelled::Spelled;

/// A distinguished name (RFC 4514) in one canonical spelling.
///
/// Attribute types are in lower case and by their short name, the parts of a multi-valued RDN are in order, blanks
/// around values are gone, and there is one escape for each character. Values keep their letters, so the text can be
/// sent to a server; [`Dn::key`] folds them for comparison.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Dn {
    rdns: Vec<Rdn>,
}

/// A text that is no distinguished name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a DN: {reason}")]
pub struct BadDn {
    text: String,
    reason: &'static str,
}

impl Dn {
    /// Parses `text` (RFC 4514 section 3). The empty DN is refused: nothing of rosterd's lives there.
    pub fn parse(text: &str) -> Result<Self, BadDn> {
        let bad = |reason| BadDn { text: text.chars().take(200).collect(), reason };
        let mut rdns = Vec::new();
        for part in split(text, b',').ok_or_else(|| bad("it ends in a backslash"))? {
            let mut parts = Vec::new();
            for part in split(part, b'+').ok_or_else(|| bad("it ends in a backslash"))? {
                parts.push(Ava::parse(part).map_err(bad)?);
            }
            rdns.push(Rdn::of(parts));
        }
        Ok(Self { rdns })
    }

    /// Returns the name of the entry `rdn` below this one.
    #[must_use]
    pub fn child(&self, rdn: Rdn) -> Self {
        Self { rdns: std::iter::once(rdn).chain(self.rdns.iter().cloned()).collect() }
    }

    /// Returns the name of the entry above, if there is one.
    pub fn parent(&self) -> Option<Self> {
        (self.rdns.len() > 1).then(|| Self { rdns: self.rdns[1..].to_vec() })
    }

    /// Returns the first RDN.
    pub fn rdn(&self) -> &Rdn {
        &self.rdns[0]
    }

    /// Returns the domain that the name's end stands for (RFC 2247), such as `example.org`; empty when there is none.
    pub fn domain(&self) -> String {
        let labels = self.rdns.iter().rev().map_while(|rdn| rdn.value("dc"));
        labels.collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(".")
    }

    /// Returns whether the entry is below `base`, or is `base` itself.
    pub fn is_within(&self, base: &Self) -> bool {
        self.rdns.len() >= base.rdns.len()
            && self.rdns.iter().rev().zip(base.rdns.iter().rev()).all(|(a, b)| a.key() == b.key())
    }

    /// Returns the name folded for comparison. Equal keys are the same entry.
    pub fn key(&self) -> MatchKey {
        MatchKey::new(&self.to_string())
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, rdn) in self.rdns.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            rdn.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Folds a value that is a DN for comparison, and any other text as a name.
pub fn folded(value: &str) -> MatchKey {
    Dn::parse(value).map_or_else(|_| MatchKey::new(value), |dn| dn.key())
}

/// A relative distinguished name: what tells an entry from its siblings. Shared by the names of all entries below, and
/// spelled once for all of them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Rdn {
    parts: Arc<[Ava]>,
    spelled: Arc<str>,
}

impl Rdn {
    /// Makes `attribute=value` of a value in any spelling; `None` when the value is blank.
    pub fn new(attribute: &str, value: &str) -> Option<Self> {
        Some(Self::of([Ava::new(attribute, value.as_bytes().to_vec())?]))
    }

    /// Returns the name with `value` for `attribute`, if that is a part of it; `None` when the value is blank.
    pub fn with(&self, attribute: &str, value: &str) -> Option<Self> {
        let name = short_name(attribute);
        let part = |part: &Ava| match part.attribute == name {
            true => Ava::new(attribute, value.as_bytes().to_vec()),
            false => Some(part.clone()),
        };
        Some(Self::of(self.parts.iter().map(part).collect::<Option<Vec<_>>>()?))
    }

    fn of(mut parts: impl AsMut<[Ava]> + Into<Arc<[Ava]>>) -> Self {
        parts.as_mut().sort();
        let parts = parts.into();
        let mut spelled = String::new();
        for part in &*parts {
            let plus = if spelled.is_empty() { "" } else { "+" };
            // Writing to a text cannot fail.
            let _ = write!(spelled, "{plus}{part}");
        }
        Self { parts, spelled: spelled.into() }
    }

    /// Returns the name in its canonical spelling.
    pub fn as_str(&self) -> &str {
        &self.spelled
    }

    /// Iterates over the attributes and their values.
    pub fn values(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.parts.iter().filter(|part| !part.ber).map(|part| (part.attribute.as_str(), part.value.as_slice()))
    }

    /// Returns the value of `attribute` in the RDN.
    pub fn value(&self, attribute: &str) -> Option<&str> {
        let wanted = short_name(attribute);
        let (_, value) = self.values().find(|(name, _)| *name == wanted)?;
        std::str::from_utf8(value).ok()
    }

    /// Returns the name folded for comparison.
    pub fn key(&self) -> MatchKey {
        MatchKey::new(&self.spelled)
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled)
    }
}

impl fmt::Debug for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One `attribute=value`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Ava {
    attribute: String,
    value: Vec<u8>,
    /// The value is the BER of one, written `#04...` (RFC 4514 section 2.4).
    ber: bool,
}

impl Ava {
    fn new(attribute: &str, value: Vec<u8>) -> Option<Self> {
        let value = match String::from_utf8(value) {
            Ok(text) if text.starts_with(' ') || text.ends_with(' ') => text.trim_matches(' ').into(),
            Ok(text) => text.into_bytes(),
            Err(octets) => octets.into_bytes(),
        };
        (!value.is_empty()).then(|| Self { attribute: short_name(attribute).into_owned(), value, ber: false })
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let (attribute, value) = text.split_once('=').ok_or("a part of it has no `=`")?;
        let attribute = attribute.trim_matches(' ');
        if !is_attribute_description(attribute) {
            return Err("a part of it has no attribute before the `=`");
        }
        let value = value.trim_start_matches(' ');
        if let Some(hex) = value.strip_prefix('#') {
            let octets = unhex(hex.trim_matches(' ')).ok_or("`#` is not followed by hexadecimal digits")?;
            return Ok(Self { attribute: short_name(attribute).into_owned(), value: octets, ber: true });
        }
        Self::new(attribute, unescape(value)?).ok_or("a part of it has no value")
    }
}

impl fmt::Display for Ava {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attribute)?;
        f.write_str("=")?;
        if self.ber {
            f.write_str("#")?;
            return self.value.iter().try_for_each(|octet| write!(f, "{octet:02x}"));
        }
        let Ok(text) = std::str::from_utf8(&self.value) else {
            return self.value.iter().try_for_each(|octet| write!(f, "\\{octet:02X}"));
        };
        if text.bytes().all(is_plain) {
            return f.write_str(text);
        }
        for (i, c) in text.char_indices() {
            if is_special(c) || (i == 0 && c == '#') {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer).bytes().try_for_each(|octet| write!(f, "\\{octet:02X}"))?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// Returns whether a value made of such octets alone is spelled as it is.
fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.' | b'@' | b'\'' | b' ')
}

/// Returns whether `c` must be escaped inside a value (RFC 4514 section 2.4), or would turn into such a character when
/// the name is folded for comparison, as a full-width comma does.
fn is_special(c: char) -> bool {
    let is_special = |c: char| matches!(c, '"' | '+' | ',' | ';' | '<' | '=' | '>' | '\\');
    if c.is_ascii() {
        return is_special(c) || c.is_control();
    }
    c.is_control() || std::iter::once(c).nfkc().any(|folded| is_special(folded) || folded == '#')
}

/// Returns a name that stands for the entry with an id, whatever it is called (MS-ADTS section 3.1.1.3.1.2.4); `None`
/// when `stable` is no id of 16 octets.
pub fn by_guid(stable: &str) -> Option<String> {
    super::profile::guid::octets(stable).map(|_| format!("<GUID={stable}>"))
}

/// Returns whether `text` can be an attribute's name in the protocol (RFC 4512 section 2.5).
pub fn is_attribute_description(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b';'))
}

/// Splits at unescaped separators; `None` when the text ends within an escape.
fn split(text: &str, separator: u8) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (i, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if byte == separator {
            parts.push(&text[start..i]);
            start = i + 1;
        }
    }
    parts.push(&text[start..]);
    (!escaped).then_some(parts)
}

/// Resolves the escapes of a value and drops unescaped blanks at its end.
fn unescape(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut value = Vec::with_capacity(text.len());
    let mut significant = 0;
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\\' => {
                let hex = rest.get(..2).and_then(|pair| std::str::from_utf8(pair).ok()).and_then(unhex);
                if let Some(octets) = hex {
                    value.extend(octets);
                    rest = &rest[2..];
                } else {
                    let (&next, after) = rest.split_first().ok_or("it ends in a backslash")?;
                    value.push(next);
                    rest = after;
                }
                significant = value.len();
            }
            b'"' | b';' | b'<' | b'>' => return Err("a special character in it is not escaped"),
            _ => {
                value.push(byte);
                if byte != b' ' {
                    significant = value.len();
                }
            }
        }
    }
    value.truncate(significant);
    Ok(value)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Returns the name that servers use for an attribute type: RFC 4514 section 3 lists them, RFC 4519 their synonyms.
fn short_name(attribute: &str) -> Cow<'_, str> {
    let lower = match attribute.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(attribute.to_ascii_lowercase()),
        false => Cow::Borrowed(attribute),
    };
    let short = match lower.strip_prefix("oid.").unwrap_or(&lower) {
        "commonname" | "2.5.4.3" => "cn",
        "localityname" | "2.5.4.7" => "l",
        "stateorprovincename" | "2.5.4.8" => "st",
        "organizationname" | "2.5.4.10" => "o",
        "organizationalunitname" | "2.5.4.11" => "ou",
        "countryname" | "2.5.4.6" => "c",
        "streetaddress" | "2.5.4.9" => "street",
        "surname" | "2.5.4.4" => "sn",
        "domaincomponent" | "0.9.2342.19200300.100.1.25" => "dc",
        "userid" | "0.9.2342.19200300.100.1.1" => "uid",
        other if other.len() < lower.len() => return Cow::Owned(other.to_owned()),
        _ => return lower,
    };
    Cow::Borrowed(short)
}

#[cfg(test)]
mod tests;
