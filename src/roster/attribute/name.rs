//! Names of attributes.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;

/// The name of an attribute (RFC 4512 section 2.5), options included (`cn;lang-de`).
///
/// `Eq`, `Ord` and `Hash` ignore ASCII case and the order of options, as RFC 4512 section 2.5 asks for; the original
/// spelling is kept for display, with several options in alphabetical order. An attribute with options is another one
/// than that without.
#[derive(Clone)]
pub struct AttributeName {
    shown: Arc<str>,
}

impl AttributeName {
    /// Keeps `name` as it is spelled.
    pub fn new(name: &str) -> Self {
        match in_order(name) {
            Some(ordered) => Self { shown: ordered.into() },
            None => Self { shown: Arc::from(name) },
        }
    }

    /// Returns the original spelling.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Returns whether `name` is this name in any spelling.
    pub fn is(&self, name: &str) -> bool {
        // Options in another order are as long.
        self.shown.len() == name.len()
            && (self.shown.eq_ignore_ascii_case(name)
                || in_order(name).is_some_and(|ordered| self.shown.eq_ignore_ascii_case(&ordered)))
    }

    /// Returns whether values are transferred as octets, whatever they hold (RFC 4522).
    pub fn is_binary(&self) -> bool {
        self.shown.split(';').skip(1).any(|option| option.eq_ignore_ascii_case("binary"))
    }

    pub(super) fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.shown.bytes().map(|b| b.to_ascii_lowercase())
    }
}

/// Returns a name of several options with these in order; `None` when there is nothing to put in order.
fn in_order(name: &str) -> Option<String> {
    let (kind, options) = name.split_once(';').filter(|(_, options)| options.contains(';'))?;
    let mut options: Vec<&str> = options.split(';').collect();
    options.sort_by_key(|option| option.to_ascii_lowercase());
    Some(format!("{kind};{}", options.join(";")))
}

impl PartialEq for AttributeName {
    fn eq(&self, other: &Self) -> bool {
        // Names that are compared come mostly from one schema.
        Arc::ptr_eq(&self.shown, &other.shown) || self.is(&other.shown)
    }
}

impl Eq for AttributeName {}

impl Ord for AttributeName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        if Arc::ptr_eq(&self.shown, &other.shown) {
            return std::cmp::Ordering::Equal;
        }
        self.folded().cmp(other.folded())
    }
}

impl PartialOrd for AttributeName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for AttributeName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.folded() {
            state.write_u8(byte);
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

impl From<&str> for AttributeName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}
