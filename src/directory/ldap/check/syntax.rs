//! Whether a value has the form that its syntax asks for (RFC 4517 section 3.3), as far as that can be told for sure.

use super::super::name::Dn;

/// The arc of the syntaxes of RFC 4517.
const ARC: &str = "1.3.6.1.4.1.1466.115.121.1.";

/// Returns why a value is none of the syntax with the `oid`; `None`: nothing is wrong as far as can be told.
pub fn misfit(oid: &str, value: &[u8]) -> Option<&'static str> {
    let number: u32 = oid.strip_prefix(ARC)?.parse().ok()?;
    let text = std::str::from_utf8(value).ok();
    let all = |fits: &dyn Fn(char) -> bool| text.is_some_and(|text| !text.is_empty() && text.chars().all(fits));
    let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:?=".contains(c);
    let (fits, why) = match number {
        // Boolean
        7 => (matches!(value, b"TRUE" | b"FALSE"), "it is neither TRUE nor FALSE"),
        // Country String
        11 => (value.len() == 2 && all(&printable), "it is no country of two letters"),
        // DN
        12 => (text.is_some_and(|text| Dn::parse(text).is_ok()), "it is not the name of an entry"),
        // Directory String
        15 => (text.is_some_and(|text| !text.is_empty()), "it is no text in UTF-8"),
        // Generalized Time
        24 => (text.is_some_and(is_time), "it is no time such as 20270131120000Z"),
        // IA5 String
        26 => (value.is_ascii(), "it has characters that are not ASCII"),
        // INTEGER
        27 => (text.is_some_and(is_integer), "it is no whole number"),
        // JPEG
        28 => (value.starts_with(&[0xff, 0xd8]), "it is no JPEG picture"),
        // Numeric String
        36 => (all(&|c| c.is_ascii_digit() || c == ' '), "it has more than digits and blanks"),
        // Printable String, Telephone Number
        44 => (all(&printable), "it has characters that are not in a Printable String"),
        50 => (all(&|c| printable(c) || c == '"'), "it has characters that are not in a telephone number"),
        _ => return None,
    };
    (!fits).then_some(why)
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_time(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    // Minutes and seconds may be left out; a fraction and another zone than Z may follow.
    (10..=14).contains(&digits) && digits % 2 == 0 && text[digits..].starts_with(['Z', '+', '-', '.', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(number: u32, value: &str) -> bool {
        misfit(&format!("{ARC}{number}"), value.as_bytes()).is_none()
    }

    #[test]
    fn values_of_each_syntax() {
        let good = [
            (7, "TRUE"),
            (11, "DE"),
            (12, "uid=ada,o=x"),
            (15, "Zoë"),
            (24, "20270131120000Z"),
            (24, "2027013112+0100"),
            (26, "a@x.org"),
            (27, "-42"),
            (36, "15 079"),
            (50, "+49 (30) 1"),
        ];
        for (number, value) in good {
            assert!(fits(number, value), "{number} {value}");
        }
        let bad = [
            (7, "yes"),
            (11, "Germany"),
            (12, "ada"),
            (15, ""),
            (24, "31.1.2027"),
            (26, "zoë@x.org"),
            (27, "4.2"),
            (27, "-"),
            (28, "GIF89a"),
            (36, "12a"),
            (44, "a_b"),
            (50, ""),
        ];
        for (number, value) in bad {
            assert!(!fits(number, value), "{number} {value}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known() {
        assert!(fits(40, "\u{1}") && misfit("1.2.840.113556.1.4.903", b"x").is_none());
        assert_eq!(misfit(&format!("{ARC}15"), &[0xff]), Some("it is no text in UTF-8"));
    }
}
