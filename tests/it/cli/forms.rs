//! Rosters in every form that they come in.

use rust_xlsxwriter::Workbook;

use super::HEADER;
use super::Site;

const ROSTER: &str =
    "Username,First name,Surname,Email\nzmuller,Zoë,Müller,zoe@x.org\nmobrien,Maya,O’Brien,maya@x.org\n";

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// Imports the roster and returns what it was found to be, after proving that names came through.
fn imported(feed: &str, name: &str, bytes: &[u8]) -> (String, String) {
    let site = Site::new(feed);
    let roster = site.drop(name, bytes);
    let preview = site.good(&["preview", &roster, "--format", "json"]).json();
    site.good(&["import", &roster]);
    let people: Vec<_> = ["zmuller", "mobrien"].map(|name| site.user(name)).into_iter().collect();
    assert_eq!((&people[0]["firstname"], &people[0]["surname"]), (&"Zoë".into(), &"Müller".into()), "{preview}");
    assert_eq!(people[1]["surname"], "O’Brien");
    let text = |key: &str| preview[key].as_str().unwrap_or_default().to_owned();
    (text("encoding"), text("delimiter"))
}

#[test]
fn encodings_are_found() {
    let windows: Vec<u8> = encoding_rs::WINDOWS_1252.encode(ROSTER).0.into_owned();
    let marked = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
    for (wanted, bytes) in [
        ("UTF-8", ROSTER.as_bytes().to_vec()),
        ("UTF-8", marked(b"\xef\xbb\xbf", ROSTER.as_bytes().to_vec())),
        ("windows-1252", windows),
        ("UTF-16LE", marked(b"\xff\xfe", utf16(ROSTER, u16::to_le_bytes))),
        ("UTF-16BE", marked(b"\xfe\xff", utf16(ROSTER, u16::to_be_bytes))),
        ("UTF-16LE", utf16(ROSTER, u16::to_le_bytes)),
    ] {
        assert_eq!(imported("", "starters.csv", &bytes), (wanted.to_owned(), ",".to_owned()));
    }
}

#[test]
fn delimiters_are_found() {
    for delimiter in [",", ";", "\t", "|"] {
        let roster = ROSTER.replace(',', delimiter);
        assert_eq!(imported("", "starters.csv", roster.as_bytes()).1, delimiter);
        let windows_lines = roster.replace('\n', "\r\n");
        assert_eq!(imported("", "starters.csv", windows_lines.as_bytes()).1, delimiter);
    }
}

#[test]
fn what_the_feed_says_comes_before_what_is_found() {
    let windows = encoding_rs::WINDOWS_1252.encode(ROSTER).0.into_owned();
    let feed = "[feed.csv]\nencoding = \"windows-1252\"\ndelimiter = \",\"";
    assert_eq!(imported(feed, "starters.csv", &windows).0, "windows-1252");
}

#[test]
fn a_workbook_is_a_roster_too() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, line) in (0..).zip(ROSTER.lines()) {
        for (column, cell) in (0..).zip(line.split(',')) {
            sheet.write_string(row, column, cell).expect("a cell");
        }
    }
    let bytes = workbook.save_to_buffer().expect("a workbook");
    imported("", "Starters.XLSX", &bytes);
}

#[test]
fn rows_in_error_of_a_workbook_can_be_dropped_again() {
    let site = Site::new("");
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let rows = [["Username", "First name", "Surname", "Email"], ["eve", "Eve", "Fö\"x, y", "nowhere"]];
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            sheet.write_string(row, column, cell).expect("a cell");
        }
    }
    let roster = site.drop("starters.xlsx", workbook.save_to_buffer().expect("a workbook"));
    assert_eq!(site.run(&["import", &roster]).code, 1);
    let corrected = site.beside("starters.errors.csv").replace("nowhere", "eve@x.org");
    site.good(&["import", &site.drop("corrected.csv", corrected)]);
    assert_eq!(site.user("eve")["surname"], "Fö\"x, y");
}

#[test]
fn aliases_of_columns_and_separators_of_values_are_understood() {
    let site = Site::new("[feed.csv]\ncolumns = { \"Benutzer\" = \"username\" }\n[feed.groups]\ncreate = true");
    let roster =
        site.drop("starters.csv", "Benutzer;given_name;LAST-NAME;E-Mail;Groups\nada;Ada;Byron;ada@x.org;Staff|Sales\n");
    site.good(&["import", &roster]);
    assert_eq!(site.user("ada")["groups"], serde_json::json!(["Sales", "Staff"]));
}

#[test]
fn formulas_and_controls_from_a_roster_have_no_power_in_reports() {
    let site = Site::new("[feed.map]\ntitle = \"Title\"");
    let roster = site.drop("starters.csv", format!("{HEADER},Title\nada,Ada,<b>Byron</b>,ada@x.org,=1+1\n"));
    let ran = site.good(&["import", &roster]);
    assert!(!site.beside("starters.report.html").contains("<b>Byron"), "markup");
    let csv = site.beside("starters.result.csv");
    assert!(!csv.split([',', '\n', '"']).any(|cell| cell.starts_with('=')), "{csv}");
    assert!(ran.out.contains("<b>Byron</b>"), "{ran:?}");
}
