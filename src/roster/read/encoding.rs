//! Which encoding a text file is in.
//!
//! A byte order mark decides. Without one, a file that is valid UTF-8 as a whole is UTF-8: text in another encoding is
//! that by accident only when it is pure ASCII, where it makes no difference. Only then is there guessing.

use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;

use chardetng::EncodingDetector;
use chardetng::Iso2022JpDetection;
use chardetng::Utf8Detection;
use encoding_rs::Encoding;
use encoding_rs::UTF_8;
use encoding_rs::UTF_16BE;
use encoding_rs::UTF_16LE;

use super::Sure;
use super::unreadable;
use crate::roster::problem::Damage;
use crate::roster::problem::DamageKind;

/// The encoding of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) encoding: &'static Encoding,
    pub(super) sure: Sure,
    /// Where the text begins, past the byte order mark.
    pub(super) start: u64,
    /// Whether the file ends in the middle of a character.
    pub(super) cut: bool,
}

/// For each invalid byte a file that still is UTF-8 has this many valid sequences. Other encodings of East Asia have one
/// for two or three invalid ones, all others next to none.
const VALID_PER_INVALID: u64 = 2;

/// Guessing looks at this many bytes of those blocks that are not pure ASCII.
const GUESS_BYTES: usize = 4 << 20;

/// Finds the encoding of `input`, whose first bytes are `head`.
pub(super) fn find<R: Read + Seek>(
    input: &mut R,
    head: &[u8],
    configured: Option<&'static Encoding>,
) -> Result<Found, Damage> {
    let marked = Encoding::for_bom(head);
    let start = marked.map_or(0, |(_, length)| length as u64);
    let named = marked
        .map(|(encoding, _)| (encoding, Sure::Certain))
        .or(configured.map(|encoding| (encoding, Sure::Configured)))
        .or(utf_16_by_zeros(head).map(|encoding| (encoding, Sure::Likely)));
    if let Some((encoding, _)) = named
        && encoding == encoding_rs::REPLACEMENT
    {
        return Err(Damage { line: None, kind: DamageKind::Unsupported("in an encoding out of use") });
    }
    let census = Census::take(input, start)?;
    let found = |encoding, sure, cut| Found { encoding, sure, start, cut };
    Ok(match named {
        Some((encoding, sure)) if encoding == UTF_16LE || encoding == UTF_16BE => {
            found(encoding, sure, census.bytes % 2 == 1)
        }
        Some((encoding, sure)) => found(encoding, sure, encoding == UTF_8 && census.cut),
        None if census.invalid == 0 && !(census.cut && census.valid == 0) => found(UTF_8, Sure::Likely, census.cut),
        None if census.valid >= VALID_PER_INVALID * census.invalid.max(1) => found(UTF_8, Sure::Guess, census.cut),
        None => found(guess(input)?, Sure::Guess, false),
    })
}

/// Tells UTF-16 without byte order mark: every other byte of Western text, and of any roster's delimiters, is zero.
fn utf_16_by_zeros(head: &[u8]) -> Option<&'static Encoding> {
    let pairs = head.len() / 2;
    let zeros_at = |offset| head.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (high_first, low_first) = (zeros_at(0), zeros_at(1));
    let plain = |zeros: usize, others: usize| pairs > 1 && zeros * 4 >= pairs && others * 20 <= zeros;
    if plain(low_first, high_first) {
        Some(UTF_16LE)
    } else if plain(high_first, low_first) {
        Some(UTF_16BE)
    } else {
        None
    }
}

fn guess<R: Read + Seek>(input: &mut R) -> Result<&'static Encoding, Damage> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut fed = 0;
    blocks(input, 0, |block| {
        if fed < GUESS_BYTES && !block.is_ascii() {
            detector.feed(block, false);
            fed += block.len();
        }
    })?;
    detector.feed(b"", true);
    Ok(detector.guess(None, Utf8Detection::Deny))
}

/// Counts of what is UTF-8 in a file and what is not.
#[derive(Debug, Default, PartialEq, Eq)]
struct Census {
    bytes: u64,
    /// Valid sequences of more than one byte.
    valid: u64,
    /// Bytes and parts of sequences that are not valid.
    invalid: u64,
    /// The file ends with the first bytes of a sequence.
    cut: bool,
}

impl Census {
    fn take<R: Read + Seek>(input: &mut R, start: u64) -> Result<Self, Damage> {
        let mut census = Self::default();
        let mut pending = Vec::new();
        blocks(input, start, |block| {
            census.bytes += block.len() as u64;
            if pending.is_empty() {
                census.count(block, &mut pending);
            } else {
                let mut joined = std::mem::take(&mut pending);
                joined.extend_from_slice(block);
                census.count(&joined, &mut pending);
            }
        })?;
        census.cut = !pending.is_empty();
        Ok(census)
    }

    fn count(&mut self, mut bytes: &[u8], pending: &mut Vec<u8>) {
        while !bytes.is_ascii() {
            let (valid, skip) = match std::str::from_utf8(bytes) {
                Ok(_) => (bytes.len(), None),
                Err(error) => (error.valid_up_to(), Some(error.error_len())),
            };
            self.valid += bytes[..valid].iter().filter(|byte| **byte >= 0xC2).count() as u64;
            bytes = &bytes[valid..];
            match skip {
                None => return,
                Some(None) => return pending.extend_from_slice(bytes),
                Some(Some(length)) => {
                    self.invalid += 1;
                    bytes = &bytes[length..];
                }
            }
        }
    }
}

fn blocks<R: Read + Seek>(input: &mut R, start: u64, mut see: impl FnMut(&[u8])) -> Result<(), Damage> {
    input.seek(SeekFrom::Start(start)).map_err(unreadable)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => see(&buffer[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}
