//! Random passwords: the rule they follow, and the draw.
//!
//! The randomness is an argument; nothing here stores, prints or compares a password.

use rand::CryptoRng;
use rand::RngExt;
use rand::seq::IndexedRandom;
use zeroize::Zeroizing;

use super::secret::Secret;

/// The shortest password that may be generated.
pub const MIN_LENGTH: usize = 15;
/// The longest password that may be generated; longer ones are cut or refused by directories (bcrypt stops at 72 bytes).
pub const MAX_LENGTH: usize = 64;
/// The fewest distinct symbols of an alphabet.
pub const MIN_SYMBOLS: usize = 16;
/// The least entropy of a password, in bits.
pub const MIN_ENTROPY: f64 = 80.0;

/// How often a whole password is drawn until it has every class of symbols. Even with the most lopsided alphabet (all
/// letters, one digit, one special) one draw in twenty has, so only a broken random source ever gets to the bound.
const MAX_DRAWS: usize = 1000;

/// How passwords are made: every acceptable password of the length is equally likely.
///
/// Acceptable is a password that starts with a letter or a digit, so that no spreadsheet takes it for a formula and no
/// directory takes it for a hash (`{SCHEME}`, RFC 3112), and that has a lower-case letter, an upper-case letter, a
/// digit and a special character as far as the alphabet has them, as Active Directory's complexity rule asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordPolicy {
    length: usize,
    symbols: Box<[u8]>,
    first: Box<[u8]>,
    classes: Box<[Class]>,
}

/// A kind of symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Special,
}

const CLASSES: [Class; 4] = [Class::Lower, Class::Upper, Class::Digit, Class::Special];

impl Class {
    fn has(self, symbol: u8) -> bool {
        match self {
            Self::Lower => symbol.is_ascii_lowercase(),
            Self::Upper => symbol.is_ascii_uppercase(),
            Self::Digit => symbol.is_ascii_digit(),
            Self::Special => symbol.is_ascii_punctuation(),
        }
    }
}

/// Why a rule for passwords is refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum WeakPolicy {
    /// The length is out of bounds.
    #[error("a length of {0} is not between {MIN_LENGTH} and {MAX_LENGTH}")]
    Length(usize),
    /// A symbol that some login form or directory would change.
    #[error("the alphabet has {0:?}, and may only have printable ASCII characters without blanks")]
    Symbol(char),
    /// Too few distinct symbols.
    #[error("the alphabet has {0} distinct characters, and needs {MIN_SYMBOLS}")]
    FewSymbols(usize),
    /// Nothing that a password may begin with.
    #[error("the alphabet has no letters and digits, and a password begins with one")]
    NoFirst,
    /// Too few possible passwords.
    #[error("passwords of this length and alphabet have {0:.1} bits of entropy, and need {MIN_ENTROPY}")]
    Entropy(f64),
}

impl PasswordPolicy {
    /// The length when nothing is configured.
    pub const DEFAULT_LENGTH: usize = 20;
    /// The alphabet when nothing is configured: without the look-alikes `I l O o 0 1`.
    pub const DEFAULT_ALPHABET: &str = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789-+=.:";

    /// Returns the rule, or why it would give weak passwords. A symbol that `alphabet` repeats counts once.
    pub fn new(length: usize, alphabet: &str) -> Result<Self, WeakPolicy> {
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
            return Err(WeakPolicy::Length(length));
        }
        if let Some(odd) = alphabet.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(WeakPolicy::Symbol(odd));
        }
        let mut symbols = alphabet.as_bytes().to_vec();
        symbols.sort_unstable();
        symbols.dedup();
        if symbols.len() < MIN_SYMBOLS {
            return Err(WeakPolicy::FewSymbols(symbols.len()));
        }
        let first: Box<[u8]> = symbols.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
        if first.is_empty() {
            return Err(WeakPolicy::NoFirst);
        }
        let classes = CLASSES.into_iter().filter(|class| symbols.iter().any(|s| class.has(*s))).collect();
        let policy = Self { length, symbols: symbols.into(), first, classes };
        let entropy = policy.entropy();
        if entropy < MIN_ENTROPY {
            return Err(WeakPolicy::Entropy(entropy));
        }
        Ok(policy)
    }

    /// Returns how many characters passwords have.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Returns the entropy of a password in bits: the logarithm of how many acceptable ones there are.
    pub fn entropy(&self) -> f64 {
        // Inclusion and exclusion over the sets of classes that are missing altogether. The largest number, 94^64, is
        // well within an f64.
        let mut acceptable = 0.0_f64;
        for missing in 0..1_u32 << self.classes.len() {
            let left = |symbols: &[u8]| symbols.iter().filter(|s| !self.in_any(missing, **s)).count() as f64;
            let rest = i32::try_from(self.length - 1).unwrap_or(i32::MAX);
            let n = left(&self.first) * left(&self.symbols).powi(rest);
            acceptable += if missing.count_ones() % 2 == 0 { n } else { -n };
        }
        acceptable.max(1.0).log2()
    }

    fn in_any(&self, set: u32, symbol: u8) -> bool {
        self.classes.iter().enumerate().any(|(i, class)| set & (1 << i) != 0 && class.has(symbol))
    }

    /// Draws a password.
    pub fn generate(&self, rng: &mut impl CryptoRng) -> Secret {
        self.generate_without(rng, &[])
    }

    /// Draws a password that holds no name of three or more characters out of `names`, in any case: Active Directory
    /// refuses a password with a part of the login name or of the display name in it.
    pub fn generate_without(&self, rng: &mut impl CryptoRng, names: &[&str]) -> Secret {
        let parts: Vec<String> = names
            .iter()
            .flat_map(|name| name.split([',', '.', '-', '_', ' ', '#', '\t']))
            .filter(|part| part.chars().count() >= 3)
            .map(str::to_ascii_lowercase)
            .collect();
        let mut password = Zeroizing::new(String::with_capacity(self.length));
        for _ in 0..MAX_DRAWS {
            self.draw(rng, &mut password);
            if self.has_all_classes(&password) && !has_part(&password, &parts) {
                return Secret::new(std::mem::take(&mut *password));
            }
        }
        self.force_classes(rng, &mut password);
        Secret::new(std::mem::take(&mut *password))
    }

    fn draw(&self, rng: &mut impl CryptoRng, password: &mut String) {
        password.clear();
        password.push(pick(rng, &self.first));
        while password.len() < self.length {
            password.push(pick(rng, &self.symbols));
        }
    }

    fn has_all_classes(&self, password: &str) -> bool {
        self.classes.iter().all(|class| password.bytes().any(|b| class.has(b)))
    }

    /// Puts one symbol of every class somewhere behind the first.
    fn force_classes(&self, rng: &mut impl CryptoRng, password: &mut String) {
        let mut free: Vec<usize> = (1..self.length).collect();
        for class in &self.classes {
            let members: Vec<u8> = self.symbols.iter().copied().filter(|s| class.has(*s)).collect();
            let at = free.swap_remove(rng.random_range(0..free.len()));
            let mut symbol = [0; 4];
            password.replace_range(at..=at, pick(rng, &members).encode_utf8(&mut symbol));
        }
    }
}

fn pick(rng: &mut impl CryptoRng, symbols: &[u8]) -> char {
    char::from(*symbols.choose(rng).expect("an alphabet is never empty"))
}

fn has_part(password: &str, parts: &[String]) -> bool {
    if parts.is_empty() {
        return false;
    }
    let folded = Zeroizing::new(password.to_ascii_lowercase());
    parts.iter().any(|part| folded.contains(part))
}

impl std::fmt::Debug for PasswordPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let symbols: String = self.symbols.iter().copied().map(char::from).collect();
        f.debug_struct("PasswordPolicy").field("length", &self.length).field("symbols", &symbols).finish()
    }
}

#[cfg(test)]
mod tests;
