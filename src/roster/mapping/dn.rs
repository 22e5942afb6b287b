//! Values inside a distinguished name.

/// Escapes `value` so that it is one attribute value wherever it stands in a DN (RFC 4514 section 2.4).
///
/// Blanks and `#` at the ends are escaped even if the value is only a part of the RDN's value; that is always allowed
/// (section 3, `pair`).
pub fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 4);
    let last = value.len();
    for (at, c) in value.char_indices() {
        match c {
            '\0' => out.push_str("\\00"),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => {
                out.push('\\');
                out.push(c);
            }
            '#' if at == 0 => out.push_str("\\#"),
            // As a pair of digits, since parsers that trim values take `\ ` at the end for a lone `\`.
            ' ' if at == 0 || at + 1 == last => out.push_str("\\20"),
            // A line break needs no escape by the RFC, but DNs are written into line-based logs and LDIF.
            c if c.is_ascii_control() => {
                out.push('\\');
                out.extend([u32::from(c) >> 4, u32::from(c) & 15].map(|d| b"0123456789ABCDEF"[d as usize] as char));
            }
            c => out.push(c),
        }
    }
    out
}

/// Returns the place in a DN template where the text before a value would change what the value's escapes mean: a
/// lone `\`, or a quote (RFC 2253 style).
pub(super) fn unsafe_literal(template: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(tag) = template[at..].find("{{").map(|found| at + found) {
        let literal = &template[at..tag];
        let n_backslashes = literal.len() - literal.trim_end_matches('\\').len();
        if n_backslashes % 2 == 1 {
            return Some(tag - 1);
        }
        if let Some(quote) = bare_quote(literal) {
            return Some(at + quote);
        }
        at = template[tag..].find("}}").map_or(template.len(), |found| tag + found + 2);
    }
    bare_quote(&template[at..]).map(|quote| at + quote)
}

fn bare_quote(literal: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in literal.char_indices() {
        match c {
            '\\' => escaped = !escaped,
            '"' if !escaped => return Some(at),
            _ => escaped = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_rfc_4514_section_4() {
        assert_eq!(escape("James \"Jim\" Smith, III"), "James \\\"Jim\\\" Smith\\, III");
        assert_eq!(escape("Before\rAfter"), "Before\\0DAfter");
        assert_eq!(escape(" #x "), "\\20#x\\20");
        assert_eq!(escape("#x"), "\\#x");
        assert_eq!(escape("Lučić"), "Lučić");
        assert_eq!(escape(" "), "\\20");
        assert_eq!(escape("a\0b"), "a\\00b");
    }

    #[test]
    fn literals_that_would_undo_an_escape_are_found() {
        assert_eq!(unsafe_literal("uid={{ a }},ou=x"), None);
        assert_eq!(unsafe_literal("ou=a\\, b,uid={{ a }}"), None);
        assert_eq!(unsafe_literal("uid=\\{{ a }}"), Some(4));
        assert_eq!(unsafe_literal("uid=\\\\{{ a }}"), None);
        assert_eq!(unsafe_literal("uid=\"{{ a }}\""), Some(4));
        assert_eq!(unsafe_literal("uid={{ a|default(\"x\") }},ou=\"y"), Some(28));
    }

    /// Splits a DN into its RDNs by RFC 4514: at unescaped commas, and at unescaped plus signs.
    fn parts(dn: &str) -> Vec<Vec<String>> {
        let mut rdns = vec![vec![String::new()]];
        let mut chars = dn.chars();
        while let Some(c) = chars.next() {
            let rdn = rdns.last_mut().expect("never empty");
            match c {
                '\\' => {
                    let part = rdn.last_mut().expect("never empty");
                    part.push(c);
                    part.extend(chars.next());
                }
                ',' => rdns.push(vec![String::new()]),
                '+' => rdn.push(String::new()),
                c => rdn.last_mut().expect("never empty").push(c),
            }
        }
        rdns
    }

    proptest! {
        #[test]
        fn a_value_never_adds_an_rdn(value in "[\\x00-\\x7e\\\\,+=\"#; ä]{1,20}") {
            let dn = format!("uid={},ou=people,dc=x", escape(&value));
            prop_assert_eq!(parts(&dn).iter().map(Vec::len).collect::<Vec<_>>(), vec![1, 1, 1]);

            let parsed: Vec<Vec<(String, String)>> = ldapdn::parse::dn_from_str(&dn)
                .map(|rdn| {
                    rdn.expect("no empty RDN")
                        .map(|pair| pair.map(|(name, value)| (name.to_owned(), value.to_owned())).expect("a pair"))
                        .collect()
                })
                .collect();
            prop_assert_eq!(parsed.len(), 3);
            prop_assert_eq!(parsed[0].len(), 1);
            prop_assert_eq!(&parsed[0][0].0, "uid");
            let unescaped = ldapdn::escape::unescape_ldap_value_string_cow(&parsed[0][0].1).expect("UTF-8");
            prop_assert_eq!(unescaped.as_ref(), value.as_str());
        }
    }
}
