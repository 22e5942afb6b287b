//! What a file is, by its first bytes.

/// How many bytes of the file's beginning are looked at.
pub(super) const HEAD: u64 = 64 * 1024;

/// What kind of reader a file needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, as far as the first bytes tell.
    Text,
    /// A ZIP archive: a workbook, maybe.
    Zip,
    /// A form that is not read, in words.
    Unsupported(&'static str),
}

const KNOWN: [(&[u8], Kind); 18] = [
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
    (b"PK\x07\x08", Kind::Zip),
    (b"\xFF\xFE\x00\x00", Kind::Unsupported("UTF-32")),
    (b"\x00\x00\xFE\xFF", Kind::Unsupported("UTF-32")),
    (
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        Kind::Unsupported("an Excel workbook in the old format (XLS), or one locked with a password"),
    ),
    (b"%PDF-", Kind::Unsupported("a PDF document")),
    (b"\x1F\x8B", Kind::Unsupported("compressed with gzip")),
    (b"BZh", Kind::Unsupported("compressed with bzip2")),
    (b"\xFD7zXZ\x00", Kind::Unsupported("compressed with xz")),
    (b"\x28\xB5\x2F\xFD", Kind::Unsupported("compressed with zstd")),
    (b"7z\xBC\xAF\x27\x1C", Kind::Unsupported("a 7z archive")),
    (b"Rar!\x1A\x07", Kind::Unsupported("a RAR archive")),
    (b"{\\rtf", Kind::Unsupported("an RTF document")),
    (b"\x89PNG\r\n", Kind::Unsupported("a picture")),
    (b"\xFF\xD8\xFF", Kind::Unsupported("a picture")),
    (b"SQLite format 3\x00", Kind::Unsupported("an SQLite database")),
    (b"\x7FELF", Kind::Unsupported("a program")),
];

/// Web pages and XML under the name of a sheet are what many "export to Excel" buttons give.
const MARKUP: [(&str, &str); 4] = [
    ("<?xml", "an XML document"),
    ("<!doctype html", "an HTML page"),
    ("<html", "an HTML page"),
    ("<table", "an HTML page"),
];

/// Tells what a file that begins with `head` is.
pub(super) fn kind(head: &[u8]) -> Kind {
    if let Some((_, kind)) = KNOWN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *kind;
    }
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let begins = |tag: &str| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()));
    MARKUP.iter().find(|(tag, _)| begins(tag)).map_or(Kind::Text, |(_, what)| Kind::Unsupported(what))
}
