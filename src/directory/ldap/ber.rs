//! As much of BER, within the bounds of RFC 4511 section 5.1, as it takes to tell messages apart and to read entries.

/// The identifier octet of an `LDAPMessage` and of any SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// The identifier octet of a SET.
pub const SET: u8 = 0x31;
/// The identifier octet of an INTEGER.
pub const INTEGER: u8 = 0x02;
/// The identifier octet of an OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// The identifier octet of a `SearchResultEntry` (RFC 4511 section 4.5.2).
pub const ENTRY: u8 = 0x64;

/// Octets that are no BER, or that no LDAP server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    pub identifier: u8,
    pub contents: &'a [u8],
}

impl<'a> Element<'a> {
    /// Takes the element that `octets` begin with, and returns it with what follows; `None` when more is to come.
    pub fn take(octets: &'a [u8]) -> Result<Option<(Self, &'a [u8])>, Malformed> {
        let [identifier, length, rest @ ..] = octets else { return Ok(None) };
        // Identifiers of several octets are in no message.
        if identifier & 0x1f == 0x1f {
            return Err(Malformed);
        }
        let (length, rest) = match length {
            0..=0x7f => (usize::from(*length), rest),
            // The indefinite form is not allowed; four octets are more than any entry.
            0x80 | 0x85.. => return Err(Malformed),
            _ => {
                let Some((number, rest)) = rest.split_at_checked(usize::from(length & 0x7f)) else { return Ok(None) };
                (number.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
            }
        };
        Ok(rest.split_at_checked(length).map(|(contents, rest)| (Self { identifier: *identifier, contents }, rest)))
    }

    /// Returns the elements that it consists of, which must be whole.
    pub fn parts(self) -> Parts<'a> {
        Parts { rest: self.contents }
    }
}

/// The elements of an element.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Takes the contents of the next element, which must have the `identifier`.
    pub fn expect(&mut self, identifier: u8) -> Result<Element<'a>, Malformed> {
        let next = self.next_if_any()?.ok_or(Malformed)?;
        if next.identifier == identifier { Ok(next) } else { Err(Malformed) }
    }

    /// Takes the next element, if there is one.
    pub fn next_if_any(&mut self) -> Result<Option<Element<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (element, rest) = Element::take(self.rest)?.ok_or(Malformed)?;
        self.rest = rest;
        Ok(Some(element))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_taken_one_by_one() {
        let octets = [0x04, 2, b'a', b'b', 0x02, 1, 7];
        let (first, rest) = Element::take(&octets).expect("valid").expect("whole");
        assert_eq!(first, Element { identifier: OCTET_STRING, contents: b"ab" });
        let (second, rest) = Element::take(rest).expect("valid").expect("whole");
        assert_eq!(second, Element { identifier: INTEGER, contents: &[7] });
        assert_eq!(Element::take(rest), Ok(None));
        for n in 0..4 {
            assert_eq!(Element::take(&octets[..n]), Ok(None), "{n}");
        }
    }

    #[test]
    fn what_no_server_sends_is_refused() {
        for octets in [[0x1f, 0x81, 0], [0x30, 0x80, 0], [0x30, 0x85, 0], [0x30, 0xff, 0]] {
            assert_eq!(Element::take(&octets), Err(Malformed), "{octets:?}");
        }
        let cut = Element { identifier: SEQUENCE, contents: &[0x04, 2, b'a'] };
        assert_eq!(cut.parts().next_if_any(), Err(Malformed));
    }

    proptest! {
        #[test]
        fn every_length_is_read(n in 0_usize..70_000, padded in any::<bool>()) {
            let mut octets = vec![OCTET_STRING];
            match n {
                0..0x80 if !padded => octets.push(u8::try_from(n).expect("small")),
                _ => {
                    octets.push(0x84);
                    octets.extend(u32::try_from(n).expect("small").to_be_bytes());
                }
            }
            octets.resize(octets.len() + n, b'x');
            let (element, rest) = Element::take(&octets).expect("valid").expect("whole");
            prop_assert_eq!((element.contents.len(), rest.len()), (n, 0));
            prop_assert_eq!(Element::take(&octets[..octets.len() - 1]), Ok(None));
        }

        #[test]
        fn nothing_makes_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(Some((element, _))) = Element::take(&octets) {
                let mut parts = element.parts();
                while let Ok(Some(_)) = parts.next_if_any() {}
            }
        }
    }
}
