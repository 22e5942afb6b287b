//! Which byte stands between two fields.

use std::collections::HashSet;
use std::io::Read;

use super::Sure;
use super::header::fold;
use super::lines::Break;
use super::lines::Lines;
use super::quotes::Quotes;
use super::split::Splitter;

/// How many bytes of text are looked at.
pub(super) const SAMPLE: u64 = 256 * 1024;

const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
const RECORDS: usize = 200;

/// Names of columns that say, two together, that a header was taken apart rightly. Folded.
const KNOWN: [&str; 56] = [
    "abteilung",
    "action",
    "benutzername",
    "changepasswordnexttime",
    "city",
    "company",
    "country",
    "department",
    "displayname",
    "division",
    "email",
    "emailaddress",
    "employeeid",
    "employeenumber",
    "enabled",
    "familyname",
    "firstname",
    "forename",
    "fullname",
    "givenname",
    "groups",
    "id",
    "jobtitle",
    "kennwort",
    "lastname",
    "location",
    "login",
    "mail",
    "manager",
    "mobile",
    "name",
    "nachname",
    "office",
    "passwd",
    "password",
    "personalnummer",
    "phone",
    "prénom",
    "roles",
    "samaccountname",
    "sn",
    "status",
    "surname",
    "telephone",
    "telephonenumber",
    "title",
    "type",
    "uid",
    "user",
    "userid",
    "username",
    "userprincipalname",
    "vorname",
    "workerid",
    "workeremail",
    "zipcode",
];

/// The delimiter of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) delimiter: u8,
    pub(super) sure: Sure,
    /// The header stays one field although it has this other delimiter.
    pub(super) rival: Option<u8>,
}

/// Finds the delimiter of a text that begins with `sample`, which is `whole` or breaks off anywhere.
pub(super) fn find(sample: &[u8], whole: bool, configured: Option<u8>) -> Found {
    let stated = sample_line(sample).and_then(|line| stated(&line));
    let scores = CANDIDATES.map(|delimiter| Score::of(sample, whole, delimiter));
    let best = scores.iter().rev().filter(|score| score.fields > 1).max_by_key(|score| score.rank());
    if let Some(delimiter) = configured.or(stated) {
        let one_field = Score::of(sample, whole, delimiter).fields == 1;
        let sure = if configured.is_some() { Sure::Configured } else { Sure::Certain };
        return Found { delimiter, sure, rival: best.filter(|_| one_field).map(|score| score.delimiter) };
    }
    let Some(best) = best else {
        return Found { delimiter: b',', sure: Sure::Likely, rival: None };
    };
    let alone = scores.iter().filter(|score| score.fields > 1 && score.consistent()).count() == 1;
    let sure = match () {
        () if best.known > 1 => Sure::Certain,
        () if best.consistent() && alone => Sure::Likely,
        () => Sure::Guess,
    };
    Found { delimiter: best.delimiter, sure, rival: None }
}

/// Returns the delimiter that a line such as `sep=;` states; Excel writes and obeys it.
pub(super) fn stated(line: &[u8]) -> Option<u8> {
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [s, e, p, b'=', delimiter] if [s, e, p].map(u8::to_ascii_lowercase) == *b"sep" => Some(*delimiter),
        _ => None,
    }
    .filter(|delimiter| may_delimit(*delimiter))
}

/// Returns whether a byte can stand between two fields.
pub(super) fn may_delimit(byte: u8) -> bool {
    byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0)
}

/// Returns the first line with text.
fn sample_line(sample: &[u8]) -> Option<Vec<u8>> {
    let mut lines = Lines::new(sample, sample.len());
    let mut line = Vec::new();
    while lines.read(&mut line).ok()?.is_some() {
        if !line.trim_ascii().is_empty() {
            return Some(line.trim_ascii_end().to_owned());
        }
        line.clear();
    }
    None
}

/// How well a candidate does.
struct Score {
    delimiter: u8,
    /// Fields of the header.
    fields: usize,
    /// Header cells that are known names.
    known: usize,
    /// Header cells that look like names, all different.
    named: bool,
    records: usize,
    /// Records with as many fields as the header.
    matching: usize,
}

impl Score {
    fn of(sample: &[u8], whole: bool, delimiter: u8) -> Self {
        let mut score = Self { delimiter, fields: 0, known: 0, named: false, records: 0, matching: 0 };
        let mut records = Records { lines: Lines::new(sample, sample.len()), record: Vec::new(), whole };
        while score.records < RECORDS
            && let Some(fields) = records.next(delimiter)
        {
            if records.is_blank(delimiter) || (score.fields == 0 && stated(&records.record).is_some()) {
                continue;
            }
            if score.fields == 0 {
                score.header(&records.record);
            } else {
                score.records += 1;
                score.matching += usize::from(fields == score.fields);
            }
        }
        score
    }

    fn header(&mut self, record: &[u8]) {
        let mut splitter = Splitter::new(self.delimiter, record.len() + 1);
        let Ok(fields) = splitter.split(record) else { return };
        self.fields = fields.ranges.len();
        let cells: Vec<String> = fields
            .ranges
            .iter()
            .map(|range| fold(String::from_utf8_lossy(&fields.bytes[range.clone()]).trim()))
            .filter(|cell| !cell.is_empty())
            .collect();
        self.known = cells.iter().filter(|cell| KNOWN.contains(&cell.as_str())).count();
        self.named = cells.iter().collect::<HashSet<_>>().len() == cells.len()
            && cells.iter().all(|cell| cell.len() <= 64 && !cell.contains('@') && cell.contains(char::is_alphabetic));
    }

    fn consistent(&self) -> bool {
        self.matching == self.records
    }

    fn rank(&self) -> (usize, usize, bool, usize) {
        let known = if self.known > 1 { self.known } else { 0 };
        (known, self.matching * 1000 / self.records.max(1), self.named, self.fields)
    }
}

struct Records<S> {
    lines: Lines<S>,
    record: Vec<u8>,
    whole: bool,
}

impl<S: Read> Records<S> {
    /// Reads the next whole record and returns how many fields it has.
    fn next(&mut self, delimiter: u8) -> Option<usize> {
        self.record.clear();
        let mut quotes = Quotes::new(delimiter);
        let mut from = 0;
        loop {
            let end = self.lines.read(&mut self.record).ok()??;
            let goes_on = quotes.line(&self.record[from..]);
            // A record that was cut off with the sample is no measure.
            if end == Break::End && (goes_on || !self.whole) {
                return None;
            }
            if !goes_on {
                return Some(quotes.fields);
            }
            self.record.extend_from_slice(end.bytes());
            from = self.record.len();
        }
    }

    fn is_blank(&self, delimiter: u8) -> bool {
        self.record.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'"') || *byte == delimiter)
    }
}
