//! A record taken apart into fields.

use std::ops::Range;

use csv_core::ReadRecordResult;
use csv_core::Reader;
use csv_core::ReaderBuilder;

/// Takes records apart, keeping its buffers from one to the next.
pub(super) struct Splitter {
    delimiter: u8,
    max_fields: usize,
    csv: Reader,
    unquoted: Vec<u8>,
    ends: Vec<usize>,
    ranges: Vec<Range<usize>>,
}

/// The bytes of a record's fields, without the quotes.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    /// All fields, with delimiters between them or not.
    pub(super) bytes: &'a [u8],
    /// Where each one is.
    pub(super) ranges: &'a [Range<usize>],
}

/// More fields than allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Splitter {
    pub(super) fn new(delimiter: u8, max_fields: usize) -> Self {
        let mut csv = ReaderBuilder::new().delimiter(delimiter).build();
        // Past its very first bytes the reader no longer drops a byte order mark, which here is text.
        csv.read_record(b"\n", &mut [], &mut [0]);
        Self { delimiter, max_fields, csv, unquoted: Vec::new(), ends: Vec::new(), ranges: Vec::new() }
    }

    /// Takes apart `record`, one whole record without its line break.
    pub(super) fn split<'a>(&'a mut self, record: &'a [u8]) -> Result<Fields<'a>, TooMany> {
        self.ranges.clear();
        if memchr::memchr(b'"', record).is_none() {
            let mut start = 0;
            for end in memchr::memchr_iter(self.delimiter, record).chain([record.len()]) {
                if self.ranges.len() == self.max_fields {
                    return Err(TooMany);
                }
                self.ranges.push(start..end);
                start = end + 1;
            }
            return Ok(Fields { bytes: record, ranges: &self.ranges });
        }
        self.unquoted.resize(self.unquoted.len().max(record.len() + 1), 0);
        self.ends.resize(self.max_fields + 1, 0);
        let (_, _, written, ended) = self.csv.read_record(record, &mut self.unquoted, &mut self.ends);
        let (result, _, _, last) =
            self.csv.read_record(b"\n", &mut self.unquoted[written..], &mut self.ends[ended.min(self.max_fields)..]);
        if result != ReadRecordResult::Record || ended + last > self.max_fields {
            self.csv.reset();
            self.csv.read_record(b"\n", &mut [], &mut [0]);
            return Err(TooMany);
        }
        let mut start = 0;
        for &end in &self.ends[..ended + last] {
            self.ranges.push(start..end);
            start = end;
        }
        Ok(Fields { bytes: &self.unquoted[..start], ranges: &self.ranges })
    }
}
