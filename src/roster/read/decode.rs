//! Text whose lines cannot be found in the raw bytes, turned into UTF-8 while it is read.

use std::io;
use std::io::Read;
use std::ops::Range;

use encoding_rs::Decoder;
use encoding_rs::Encoding;

/// Bytes in which line breaks, quotes and delimiters are ASCII bytes and nothing else is.
pub(super) enum Bytes<R> {
    /// As they stand in the file.
    Raw(R),
    /// Turned into UTF-8; what is not valid is U+FFFD.
    Decoded(Box<Utf8<R>>),
}

impl<R: Read> Bytes<R> {
    /// Reads `input`, which stands past the byte order mark.
    pub(super) fn new(input: R, encoding: &'static Encoding) -> Self {
        if is_read_raw(encoding) { Self::Raw(input) } else { Self::Decoded(Box::new(Utf8::new(input, encoding))) }
    }
}

/// Returns whether ASCII bytes mean themselves wherever they stand.
///
/// In UTF-16 they do not, and in Shift JIS or Big5 the second byte of a character can be a `|`.
pub(super) fn is_read_raw(encoding: &'static Encoding) -> bool {
    encoding == encoding_rs::UTF_8 || encoding.is_single_byte()
}

impl<R: Read> Read for Bytes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Raw(input) => input.read(buffer),
            Self::Decoded(text) => text.read(buffer),
        }
    }
}

/// A reader that turns another encoding into UTF-8.
pub(super) struct Utf8<R> {
    input: R,
    decoder: Decoder,
    raw: Box<[u8]>,
    raw_left: Range<usize>,
    text: Box<[u8]>,
    text_left: Range<usize>,
    ended: bool,
}

const RAW: usize = 32 * 1024;

impl<R: Read> Utf8<R> {
    fn new(input: R, encoding: &'static Encoding) -> Self {
        Self {
            input,
            decoder: encoding.new_decoder_without_bom_handling(),
            raw: vec![0; RAW].into(),
            raw_left: 0..0,
            text: vec![0; 3 * RAW + 16].into(),
            text_left: 0..0,
            ended: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        while self.text_left.is_empty() && !self.ended {
            if self.raw_left.is_empty() {
                let length = self.input.read(&mut self.raw)?;
                self.raw_left = 0..length;
                self.ended = length == 0;
            }
            let raw = &self.raw[self.raw_left.clone()];
            let (_, used, written, _) = self.decoder.decode_to_utf8(raw, &mut self.text, self.ended);
            self.raw_left.start += used;
            self.text_left = 0..written;
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let length = (&self.text[self.text_left.clone()]).read(buffer)?;
        self.text_left.start += length;
        Ok(length)
    }
}
