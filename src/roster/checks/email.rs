//! Mail addresses: one mailbox that mail systems and directories accept.

use super::super::problem::ProblemKind;
use super::text;

/// Octets of an address in an SMTP command, without the angle brackets (RFC 5321 section 4.5.3.1.3).
const MAX_ADDRESS: usize = 254;
/// Octets of what stands before the `@` (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// Returns what is wrong with `address`, which must be one bare mailbox.
///
/// Stricter than RFC 5321 section 4.1.2 where other systems are: no quoted local part, no comment, no address literal,
/// ASCII only (`mail` is an `IA5String`, RFC 4524 section 2.16), and a domain of two labels unless `dotless` allows one.
pub fn fault(address: &str, dotless: bool) -> Option<ProblemKind> {
    let is_sound = address.len() <= MAX_ADDRESS
        && address.split_once('@').is_some_and(|(local, domain)| {
            is_local_part(local) && is_domain(domain) && (dotless || domain.contains('.'))
        });
    if is_sound {
        return None;
    }
    Some(match address.chars().find(|c| !c.is_ascii_graphic()) {
        Some(c) => text::character(address, c, "is not allowed in an e-mail address"),
        None => ProblemKind::NotAnAddress(address.to_owned()),
    })
}

/// Words between dots (RFC 5321 section 4.1.2, `Dot-string`; RFC 5322 section 3.2.3, `atext`).
fn is_local_part(local: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let is_atom = |word: &[u8]| !word.is_empty() && word.iter().copied().all(is_atext);
    local.len() <= MAX_LOCAL && local.as_bytes().split(|b| *b == b'.').all(is_atom)
}

/// Letters, digits and hyphens between dots (RFC 1123 section 2.1), and no number at the end: that is an IP address.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && label.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    let mut labels = domain.as_bytes().split(|b| *b == b'.');
    let is_number = |label: &[u8]| label.iter().all(u8::is_ascii_digit);
    labels.clone().all(is_label) && !labels.next_back().is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use email_address::EmailAddress;
    use email_address::Options;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_people_are_accepted() {
        for address in [
            "ada@example.org",
            "ada.byron+list@sub.example.co.uk",
            "o'neill@example.org",
            "a_b-c@xn--mller-kva.example",
            "x@y.zz",
            "ADA@EXAMPLE.ORG",
        ] {
            assert_eq!(fault(address, false), None, "{address}");
        }
    }

    #[test]
    fn what_is_not_one_bare_mailbox_is_refused() {
        let long = format!("ada@{}.example.org", "a".repeat(64));
        let long_local = format!("{}@example.org", "a".repeat(65));
        let domain = ["abcdefghi"; 25].join(".");
        let too_long = format!("ada@{domain}.example");
        for address in [
            "ada",
            "@example.org",
            "ada@",
            "ada@example",
            "ada@example.org.",
            "ada@.example.org",
            "ada@example..org",
            ".ada@example.org",
            "ada.@example.org",
            "a..da@example.org",
            "ada@-example.org",
            "ada@example-.org",
            "ada@exam_ple.org",
            "ada@10.0.0.1",
            "ada@[10.0.0.1]",
            "\"ada.b\"@example.org",
            "\"ada@x\"@example.org",
            "ada@x@example.org",
            "<ada@example.org>",
            "Ada<ada@example.org>",
            "ada@example.org,bob@example.org",
            "ada@example.org;bob@example.org",
            "mailto:ada@example.org,",
            "ada(comment)@example.org",
            long.as_str(),
            long_local.as_str(),
            too_long.as_str(),
        ] {
            assert_eq!(fault(address, false), Some(ProblemKind::NotAnAddress(address.to_owned())), "{address}");
        }
    }

    #[test]
    fn a_character_that_does_not_belong_is_named() {
        for (address, c) in
            [("müller@example.org", "`ü`"), ("ada @example.org", "blank"), ("a\rb@example.org", "U+000D")]
        {
            match fault(address, false) {
                Some(ProblemKind::Character { character, .. }) => assert_eq!(character, c),
                other => panic!("{address}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_domain_of_one_word_needs_the_feeds_consent() {
        assert_eq!(fault("ada@intranet", true), None);
        assert!(fault("ada@intranet", false).is_some());
    }

    /// What else could say so.
    fn is_an_address(address: &str, dotless: bool) -> bool {
        let options = Options::default().without_display_text().without_domain_literal();
        let options = if dotless { options.with_no_minimum_sub_domains() } else { options.with_required_tld() };
        EmailAddress::parse_with_options(address, options).is_ok()
    }

    proptest! {
        #[test]
        fn local_parts_are_what_others_take_for_local_parts(local in "[!-~]{0,4}[a-b.!#'+~]{0,64}") {
            let address = format!("{local}@example.org");
            let is_quoted = local.contains(['"', '@']);
            prop_assert_eq!(fault(&address, false).is_none(), is_an_address(&address, false) && !is_quoted);
        }

        #[test]
        fn domains_are_what_others_take_for_domains(domain in "[!-~]{0,3}[a-b0-9.-]{0,70}", dotless: bool) {
            let address = format!("ada@{domain}");
            prop_assert_eq!(fault(&address, dotless).is_none(), is_an_address(&address, dotless) && is_domain(&domain));
        }

        #[test]
        fn nothing_that_passes_can_carry_a_second_header_or_mailbox(address in "[a-c@.,;<>\"()\\\\ \\r\\n:-]{1,20}") {
            if fault(&address, true).is_none() {
                prop_assert_eq!(address.matches('@').count(), 1);
                prop_assert!(!address.contains(['\r', '\n', ' ', ',', ';', '<', '>', '"', '(', ')', ':', '\\']));
            }
        }
    }
}
