//! Where a record ends, and whether its quotes can be trusted.
//!
//! The grammar is RFC 4180 section 2, read as the `csv-core` crate reads it: a quote at the very start of a field opens
//! it, a quote anywhere else in a field that is not quoted is literal, and text after a closing quote belongs to the
//! field. What the crate passes in silence is noted here.
//!
//! In a record that keeps to RFC 4180 quotes come in pairs. So when one quote was lost or added somewhere in a file that
//! kept to it, some record is left with an odd number of quotes and breaks the rules; if all records are single
//! lines, it can only be the line that was touched. The reader relies on this.

/// The state between two bytes of a record, and what was seen so far.
#[derive(Clone, Debug)]
pub(super) struct Quotes {
    delimiter: u8,
    place: Place,
    quotes_in_field: usize,
    /// The last byte of the field that is no blank is a literal quote.
    quote_last: bool,
    /// Fields begun.
    pub(super) fields: usize,
    /// Quotes in all.
    pub(super) quotes: usize,
    /// A quoted field begins in the line read last.
    pub(super) opened: bool,
    /// There is a quoted field.
    pub(super) quoted: bool,
    /// There is text after a closing quote.
    pub(super) text_after_quote: bool,
    /// A field that is not quoted has a quote.
    pub(super) stray: bool,
    /// A field that is not quoted has an odd number of quotes.
    pub(super) odd_stray: bool,
    /// Such a field ends with its quote, as the end of a quoted field does whose first quote was lost.
    pub(super) odd_end: bool,
    /// Only blanks stand before the first quote of a field.
    pub(super) blank_before_quote: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At the start of a field.
    Start,
    /// In a field that is not quoted, after nothing but blanks.
    Blanks,
    /// In a field that is not quoted.
    Plain,
    /// In a quoted field.
    Quoted,
    /// After a quote in a quoted field: it closes the field unless another one follows.
    Closed,
    /// After a closing quote and a blank.
    BlanksAfter,
    /// After a closing quote and text.
    TextAfter,
}

impl Quotes {
    /// Begins a record.
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            place: Place::Start,
            quotes_in_field: 0,
            quote_last: false,
            fields: 1,
            quotes: 0,
            opened: false,
            quoted: false,
            text_after_quote: false,
            stray: false,
            odd_stray: false,
            odd_end: false,
            blank_before_quote: false,
        }
    }

    /// Reads a line of the record, without its break; `true` when the record goes on in the next line.
    pub(super) fn line(&mut self, line: &[u8]) -> bool {
        self.opened = false;
        if self.place == Place::Start && memchr::memchr(b'"', line).is_none() {
            self.fields += memchr::memchr_iter(self.delimiter, line).count();
            return false;
        }
        for &byte in line {
            self.step(byte);
        }
        if self.place == Place::Quoted {
            return true;
        }
        self.end_field();
        false
    }

    /// Returns whether the record breaks RFC 4180 in a way that a quote too many or too few does.
    pub(super) fn broken(&self) -> bool {
        self.text_after_quote || self.stray
    }

    /// Returns whether a quote must be missing or too many.
    pub(super) fn odd(&self) -> bool {
        self.quotes % 2 == 1
    }

    fn step(&mut self, byte: u8) {
        self.quotes += usize::from(byte == b'"');
        if byte == self.delimiter && self.place != Place::Quoted {
            self.end_field();
            self.fields += 1;
            return;
        }
        let blank = byte == b' ' || byte == b'\t';
        self.place = match (self.place, byte) {
            (Place::Start, b'"') => {
                (self.quoted, self.opened) = (true, true);
                Place::Quoted
            }
            (Place::Start | Place::Blanks, _) if blank => Place::Blanks,
            (Place::Blanks | Place::Plain, b'"') => {
                self.stray = true;
                self.blank_before_quote |= self.place == Place::Blanks;
                self.quotes_in_field += 1;
                self.quote_last = true;
                Place::Plain
            }
            (Place::Start | Place::Blanks | Place::Plain, _) => {
                self.quote_last &= blank;
                Place::Plain
            }
            (Place::Quoted, b'"') => Place::Closed,
            (Place::Quoted, _) | (Place::Closed, b'"') => Place::Quoted,
            (Place::Closed | Place::BlanksAfter, _) if blank => Place::BlanksAfter,
            (Place::Closed | Place::BlanksAfter | Place::TextAfter, _) => {
                self.text_after_quote = true;
                Place::TextAfter
            }
        };
    }

    fn end_field(&mut self) {
        let odd = self.quotes_in_field % 2 == 1;
        self.odd_stray |= odd;
        self.odd_end |= odd && self.quote_last;
        (self.quotes_in_field, self.quote_last) = (0, false);
        self.place = Place::Start;
    }
}

/// Tells whether the one field of `record` that spans lines swallowed whole rows: every line, read for itself, has as
/// many fields as the header.
///
/// `record` keeps to RFC 4180. With few columns this happens to honest values, such as an address, so it says nothing
/// there.
pub(super) fn holds_rows(record: &[u8], delimiter: u8, columns: usize) -> bool {
    const TOO_FEW_COLUMNS: usize = 4;
    if columns < TOO_FEW_COLUMNS {
        return false;
    }
    let (mut outside, mut inside) = (0, 0);
    let (mut quoted, mut spans) = (false, false);
    let mut bytes = record.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            // A doubled quote closes and opens at once, which changes nothing.
            b'"' if quoted => {
                let doubled = bytes.next_if_eq(&b'"').is_some();
                if !doubled {
                    outside += if spans { inside } else { 0 };
                    (quoted, spans, inside) = (false, false, 0);
                }
            }
            b'"' => quoted = true,
            b'\n' | b'\r' => {
                if byte == b'\r' {
                    let _ = bytes.next_if_eq(&b'\n');
                }
                if outside + inside + 1 != columns {
                    return false;
                }
                (outside, inside, spans) = (0, 0, true);
            }
            byte if byte == delimiter => *if quoted { &mut inside } else { &mut outside } += 1,
            _ => {}
        }
    }
    outside + 1 == columns
}
