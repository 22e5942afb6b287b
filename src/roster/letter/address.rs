//! One mail address, and nothing that could be taken for more.

use unicode_normalization::char::is_combining_mark;

/// Why a text is not one mail address that a letter can go to. The address itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Longer than RFC 5321 section 4.5.3.1 allows.
    #[error("it is too long")]
    TooLong,
    /// Not `local@domain`.
    #[error("it needs exactly one @ with something on both sides")]
    NotOneAt,
    /// A character that separates, quotes or steers.
    #[error("it has the character {0:?}")]
    Character(char),
    /// A dot where none may be.
    #[error("it has a dot in the wrong place")]
    Dot,
    /// A domain that cannot exist.
    #[error("its domain is not valid")]
    Domain,
}

/// Checks that `address` is one `local@domain`: a dot-atom (RFC 5322 section 3.2.3, with letters of all scripts as in
/// RFC 6531) and a domain name. Quoted local parts, comments and address literals are refused: they are never what a
/// roster means, and always what an attacker tries.
pub fn check(address: &str) -> Result<(), AddressFault> {
    if address.is_empty() {
        return Err(AddressFault::Empty);
    }
    let (local, domain) = address.split_once('@').ok_or(AddressFault::NotOneAt)?;
    if local.is_empty() || domain.is_empty() || domain.contains('@') {
        return Err(AddressFault::NotOneAt);
    }
    if let Some(odd) = local.chars().find(|c| !is_atext(*c) && *c != '.') {
        return Err(AddressFault::Character(odd));
    }
    if let Some(odd) = domain.chars().find(|c| !is_of_a_label(*c) && *c != '.') {
        return Err(AddressFault::Character(odd));
    }
    if address.len() > 254 || local.len() > 64 {
        return Err(AddressFault::TooLong);
    }
    if [local, domain].iter().any(|part| part.split('.').any(str::is_empty)) {
        return Err(AddressFault::Dot);
    }
    if domain.split('.').any(|label| label.starts_with('-') || label.ends_with('-') || label.len() > 63) {
        return Err(AddressFault::Domain);
    }
    Ok(())
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || is_foreign_letter(c)
}

fn is_of_a_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || is_foreign_letter(c)
}

fn is_foreign_letter(c: char) -> bool {
    !c.is_ascii() && (c.is_alphanumeric() || is_combining_mark(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_mailbox_and_nothing_else() {
        for good in [
            "ada@example.org",
            "ada.byron+news@mail.example.org",
            "o'neil@example.org",
            "root@localhost",
            "jörg@bücher.example",
            "用户@例子.广告",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", AddressFault::Empty),
            ("ada", AddressFault::NotOneAt),
            ("@example.org", AddressFault::NotOneAt),
            ("ada@", AddressFault::NotOneAt),
            ("ada@example.org@evil.example", AddressFault::NotOneAt),
            ("ada@example.org,eve@evil.example", AddressFault::NotOneAt),
            ("ada@example.org\r\nBcc: eve", AddressFault::Character('\r')),
            ("ada@example.org>", AddressFault::Character('>')),
            ("<ada@example.org", AddressFault::Character('<')),
            ("ada byron@example.org", AddressFault::Character(' ')),
            ("\"ada\"@example.org", AddressFault::Character('"')),
            ("ada(x)@example.org", AddressFault::Character('(')),
            ("a;b@example.org", AddressFault::Character(';')),
            ("a:b@example.org", AddressFault::Character(':')),
            ("ada@[127.0.0.1]", AddressFault::Character('[')),
            ("ada\u{202e}@example.org", AddressFault::Character('\u{202e}')),
            ("ada@exa\u{200b}mple.org", AddressFault::Character('\u{200b}')),
            (".ada@example.org", AddressFault::Dot),
            ("ada..b@example.org", AddressFault::Dot),
            ("ada@example..org", AddressFault::Dot),
            ("ada@-example.org", AddressFault::Domain),
        ] {
            assert_eq!(check(bad), Err(why), "{bad:?}");
        }
        assert_eq!(check(&format!("{}@example.org", "a".repeat(65))), Err(AddressFault::TooLong));
    }

    proptest! {
        #[test]
        fn what_passes_cannot_separate_quote_or_steer(address in "\\PC{0,6}@\\PC{0,6}|[ -~\r\n\t]{1,8}@[ -~\r\n]{1,8}") {
            if check(&address).is_ok() {
                prop_assert_eq!(address.matches('@').count(), 1);
                prop_assert!(!address.contains([',', ';', ':', '<', '>', '"', '(', ')', '[', ']', '\\', ' ']));
                prop_assert!(!address.contains(|c: char| c.is_control() || c.is_whitespace()));
            }
        }
    }
}
