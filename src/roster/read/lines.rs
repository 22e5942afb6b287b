//! Physical lines.

use std::io::ErrorKind;
use std::io::Read;

use super::unreadable;
use crate::roster::account::LineNo;
use crate::roster::problem::Damage;
use crate::roster::problem::DamageKind;

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// With the end of the file.
    End,
    Lf,
    Cr,
    CrLf,
}

impl Break {
    /// Returns the bytes of the break.
    pub(super) fn bytes(self) -> &'static [u8] {
        match self {
            Self::End => b"",
            Self::Lf => b"\n",
            Self::Cr => b"\r",
            Self::CrLf => b"\r\n",
        }
    }
}

/// The lines of a text, each of LF, CR and CRLF ending one, as in RFC 4180 section 2.1 and on old Macs.
pub(super) struct Lines<S> {
    input: S,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    number: u32,
    max_bytes: usize,
}

impl<S: Read> Lines<S> {
    /// Reads lines from `input`, no more than `max_bytes` of them together.
    pub(super) fn new(input: S, max_bytes: usize) -> Self {
        Self { input, buffer: vec![0; 64 * 1024].into(), start: 0, end: 0, number: 0, max_bytes }
    }

    /// Returns the number of the line that was read last.
    pub(super) fn number(&self) -> LineNo {
        LineNo(self.number)
    }

    /// Appends the next line to `out`, without its break; `None` at the end of the text.
    pub(super) fn read(&mut self, out: &mut Vec<u8>) -> Result<Option<Break>, Damage> {
        if !self.fill()? {
            return Ok(None);
        }
        self.number = self.number.saturating_add(1);
        loop {
            let ready = &self.buffer[self.start..self.end];
            let found = memchr::memchr2(b'\n', b'\r', ready);
            let text = &ready[..found.unwrap_or(ready.len())];
            if memchr::memchr(0, text).is_some() {
                return Err(self.damage(DamageKind::Nul));
            }
            if out.len() + text.len() > self.max_bytes {
                return Err(self.damage(DamageKind::RowTooLong(self.max_bytes)));
            }
            out.extend_from_slice(text);
            let last = found.map(|at| ready[at]);
            self.start += text.len() + usize::from(last.is_some());
            match last {
                Some(b'\n') => return Ok(Some(Break::Lf)),
                Some(_) if self.fill()? && self.buffer[self.start] == b'\n' => {
                    self.start += 1;
                    return Ok(Some(Break::CrLf));
                }
                Some(_) => return Ok(Some(Break::Cr)),
                None if self.fill()? => {}
                None => return Ok(Some(Break::End)),
            }
        }
    }

    /// Makes sure that there are bytes in the buffer; `false` at the end of the text.
    fn fill(&mut self) -> Result<bool, Damage> {
        while self.start == self.end {
            match self.input.read(&mut self.buffer) {
                Ok(0) => return Ok(false),
                Ok(length) => (self.start, self.end) = (0, length),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        Ok(true)
    }

    fn damage(&self, kind: DamageKind) -> Damage {
        Damage { line: Some(self.number()), kind }
    }
}
