//! The ZIP archive around a workbook, proved before anything in it is believed.
//!
//! Every entry is unpacked once, into nothing: sizes and checksums in the archive's directory must be true, and nothing
//! may unpack to much more than it should. A workbook damaged on its way is found here, before its first row.

use std::collections::HashSet;
use std::io::Cursor;
use std::io::Read;

use zip::ZipArchive;

use crate::roster::problem::DamageKind;

/// The largest workbook, in bytes as it stands in the file.
pub(super) const MAX_PACKED: u64 = 128 << 20;
/// The most bytes that all entries unpack to.
const MAX_UNPACKED: u64 = 2 << 30;
/// The most bytes that the texts shared between cells unpack to, since they are held in memory.
const MAX_SHARED: u64 = 256 << 20;
/// An entry over this size may not unpack to more than `MAX_RATIO` times its packed size.
const RATIO_COUNTS: u64 = 8 << 20;
const MAX_RATIO: u64 = 100;
const MAX_ENTRIES: usize = 10_000;

/// Proves that `bytes` are an XLSX workbook that is whole and unpacks to what it says.
pub(super) fn prove(bytes: &[u8]) -> Result<(), DamageKind> {
    if bytes.len() as u64 > MAX_PACKED {
        return Err(dangerous(&format!("it is larger than {} MiB", MAX_PACKED >> 20)));
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| dangerous(&error.to_string()))?;
    if archive.len() > MAX_ENTRIES {
        return Err(dangerous("it has too many parts"));
    }
    let mut names = HashSet::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| dangerous(&error.to_string()))?;
        let name = String::from_utf8_lossy(entry.name_raw()).replace('\\', "/").to_ascii_lowercase();
        if !names.insert(name) {
            return Err(dangerous("two parts have the same name"));
        }
    }
    if let Some(other) = other_form(&names) {
        return Err(DamageKind::Unsupported(other));
    }
    let mut unpacked = 0;
    for index in 0..archive.len() {
        unpacked += prove_entry(&mut archive, index, MAX_UNPACKED - unpacked)?;
    }
    Ok(())
}

/// Returns what an archive with these entries is, when it is no XLSX workbook.
fn other_form(names: &HashSet<String>) -> Option<&'static str> {
    let has = |start: &str| names.iter().any(|name| name.starts_with(start));
    match () {
        () if has("xl/workbook.bin") => Some("a binary Excel workbook (XLSB)"),
        () if has("word/") => Some("a Word document"),
        () if has("ppt/") => Some("a PowerPoint presentation"),
        () if names.contains("[content_types].xml") => None,
        () if names.contains("mimetype") && names.contains("content.xml") => Some("an OpenDocument sheet (ODS)"),
        () if has("index/document.iwa") || has("index.zip") => Some("an Apple Numbers sheet"),
        () => Some("a ZIP archive"),
    }
}

/// Unpacks one entry and returns its size.
fn prove_entry(archive: &mut ZipArchive<Cursor<&[u8]>>, index: usize, left: u64) -> Result<u64, DamageKind> {
    let mut entry = archive.by_index(index).map_err(|error| dangerous(&error.to_string()))?;
    let (packed, said) = (entry.compressed_size(), entry.size());
    let shared = String::from_utf8_lossy(entry.name_raw()).to_ascii_lowercase().ends_with("sharedstrings.xml");
    if said > left || (shared && said > MAX_SHARED) {
        return Err(dangerous("it unpacks to too many bytes"));
    }
    if said > RATIO_COUNTS && said / MAX_RATIO > packed {
        return Err(dangerous(&format!("a part of it unpacks to more than {MAX_RATIO} times its size")));
    }
    let mut counts = shared.then(SharedCount::default);
    let mut buffer = vec![0; 64 * 1024];
    let mut seen = 0;
    loop {
        let length = entry.read(&mut buffer).map_err(|error| dangerous(&error.to_string()))?;
        if length == 0 {
            break;
        }
        seen += length as u64;
        if seen > said {
            return Err(dangerous("a part of it unpacks to more bytes than it says"));
        }
        if let Some(counts) = &mut counts {
            counts.see(&buffer[..length], said)?;
        }
    }
    if seen != said { Err(dangerous("a part of it unpacks to fewer bytes than it says")) } else { Ok(seen) }
}

/// Finds a count of shared texts that cannot be true. The reader of the workbook reserves memory for as many as it says.
#[derive(Default)]
struct SharedCount {
    window: Vec<u8>,
    begun: bool,
}

impl SharedCount {
    const NAME: &[u8] = b"uniqueCount";
    /// How far after the name its value may end.
    const REACH: usize = 64;

    fn see(&mut self, block: &[u8], size: u64) -> Result<(), DamageKind> {
        if !std::mem::replace(&mut self.begun, true) && block.iter().take(4).any(|byte| *byte == 0 || *byte >= 0xFE) {
            return Err(dangerous("a part of it is not in UTF-8"));
        }
        self.window.extend_from_slice(block);
        for at in memchr::memmem::find_iter(&self.window, Self::NAME) {
            let rest = &self.window[at + Self::NAME.len()..];
            let rest = rest[..rest.len().min(Self::REACH)].trim_ascii_start();
            let value = match rest {
                [b'=', value @ ..] => value.trim_ascii_start(),
                // What fills the whole reach with blanks wants not to be seen.
                [] if at + Self::NAME.len() + Self::REACH <= self.window.len() => &b"\"99999999999999999999"[..],
                _ => continue,
            };
            let digits = value.get(1..).unwrap_or_default();
            let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
            let count = digits.fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
            // The shortest shared text is `<si/>`.
            if count > size / 5 {
                return Err(dangerous("it says that it has more texts than it can have"));
            }
        }
        let keep = self.window.len().min(Self::NAME.len() + Self::REACH);
        self.window.drain(..self.window.len() - keep);
        Ok(())
    }
}

fn dangerous(why: &str) -> DamageKind {
    DamageKind::Workbook(why.to_owned())
}
