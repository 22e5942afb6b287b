//! Files that are no text.

use super::damage;
use crate::roster::problem::DamageKind;

#[test]
fn other_forms_are_named() {
    let cases: [(&[u8], &str); 8] = [
        (
            b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0",
            "an Excel workbook in the old format (XLS), or one locked with a password",
        ),
        (b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n", "a PDF document"),
        (b"\x1F\x8B\x08\0", "compressed with gzip"),
        (b"\x89PNG\r\n\x1A\n", "a picture"),
        (b"{\\rtf1\\ansi", "an RTF document"),
        (b"\r\n <HTML><body><table><tr><td>id", "an HTML page"),
        (b"\xEF\xBB\xBF<?xml version=\"1.0\"?><Workbook>", "an XML document"),
        (b"7z\xBC\xAF\x27\x1C\0\x04", "a 7z archive"),
    ];
    for (bytes, what) in cases {
        assert_eq!(damage(bytes), DamageKind::Unsupported(what));
    }
}
