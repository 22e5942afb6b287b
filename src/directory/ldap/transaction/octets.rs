//! What ends a transaction, in BER (X.690). The library panics on answers that are odd, or empty.

/// `SEQUENCE { commit BOOLEAN DEFAULT TRUE, identifier OCTET STRING }` (RFC 5805 section 2.4). The name is a short one.
pub(super) fn end_request(name: &[u8], commit: bool) -> Vec<u8> {
    const BOOLEAN_FALSE: &[u8] = &[0x01, 1, 0];
    let mut inner = if commit { Vec::new() } else { BOOLEAN_FALSE.to_vec() };
    inner.extend([0x04, name.len() as u8]);
    inner.extend(name);
    [&[0x30, inner.len() as u8], inner.as_slice()].concat()
}

/// Returns the message id of the request that a transaction failed for, from
/// `SEQUENCE { messageID MessageID OPTIONAL, ... }` (RFC 5805 section 2.4).
pub(super) fn failed_message(value: &[u8]) -> Option<i32> {
    let (0x30, inner) = element(value)? else { return None };
    let (0x02, octets @ [_, ..]) = element(inner)? else { return None };
    // A message id is not negative (RFC 4511 section 4.1.1.1).
    octets.iter().try_fold(0_i32, |id, octet| id.checked_mul(256)?.checked_add(i32::from(*octet)))
}

/// Splits off the first element: its tag and its contents (X.690 section 8.1, definite lengths).
fn element(octets: &[u8]) -> Option<(u8, &[u8])> {
    let (&[tag, first], rest) = octets.split_first_chunk()?;
    if first < 0x80 {
        return Some((tag, rest.get(..usize::from(first))?));
    }
    let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    let length = length.iter().try_fold(0_usize, |n, octet| n.checked_mul(256)?.checked_add(usize::from(*octet)))?;
    Some((tag, rest.get(..length)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::LONGEST_NAME;
    use super::*;

    #[test]
    fn the_octets_are_those_of_the_standard() {
        assert_eq!(end_request(b"", true), [0x30, 2, 4, 0]);
        assert_eq!(end_request(&[0xff, 7], false), [0x30, 7, 1, 1, 0, 4, 2, 0xff, 7]);
        let longest = end_request(&[7; LONGEST_NAME], false);
        assert_eq!(element(&longest).map(|(tag, inner)| (tag, inner.len())), Some((0x30, LONGEST_NAME + 5)));
        assert_eq!(failed_message(&[0x30, 3, 2, 1, 5]), Some(5));
        assert_eq!(failed_message(&[0x30, 0x81, 4, 2, 2, 1, 0]), Some(256));
        assert_eq!(failed_message(&[0x30, 6, 2, 4, 0x7f, 0xff, 0xff, 0xff]), Some(i32::MAX));
        for nothing in [&[][..], &[0x30], &[0x30, 0], &[0x30, 2, 2, 0], &[0x30, 5, 2, 1], &[0x30, 3, 4, 1, 5]] {
            assert_eq!(failed_message(nothing), None, "{nothing:?}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_are_too_odd(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = failed_message(&octets);
        }
    }
}
