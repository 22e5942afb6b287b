//! Ids of 16 octets and their text (MS-DTYP section 2.3.4): the first three fields are little-endian in octets.

/// The octets in the order in which the text shows them.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// Returns the text, in lower case without braces; `None` when there are not 16 octets.
pub fn text(octets: &[u8]) -> Option<String> {
    let octets: &[u8; 16] = octets.try_into().ok()?;
    let mut text = String::with_capacity(36);
    for (index, place) in ORDER.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [octets[*place] >> 4, octets[*place] & 15] {
            text.push(char::from_digit(nibble.into(), 16)?);
        }
    }
    Some(text)
}

/// Returns the octets of a text that [`text`] has made.
pub fn octets(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.is_ascii() {
        return None;
    }
    let mut octets = [0; 16];
    for (index, place) in ORDER.iter().enumerate() {
        octets[*place] = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_little_endian() {
        let octets: Vec<u8> = (0..16).collect();
        assert_eq!(text(&octets).expect("16 octets"), "03020100-0504-0706-0809-0a0b0c0d0e0f");
        assert_eq!(text(&octets[1..]), None);
        assert_eq!(super::octets("03020100-0504"), None);
        assert_eq!(super::octets("ü3020100-0504-0706-0809-0a0b0c0d0e0"), None);
    }

    proptest! {
        #[test]
        fn text_and_octets_are_the_same(id in any::<[u8; 16]>()) {
            prop_assert_eq!(octets(&text(&id).expect("16 octets")), Some(id));
        }
    }
}
