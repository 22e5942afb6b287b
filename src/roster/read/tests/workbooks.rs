//! XLSX workbooks.

use std::io::Cursor;
use std::io::Read;
use std::io::Write;

use insta::assert_snapshot;
use proptest::prelude::*;
use rust_xlsxwriter::ExcelDateTime;
use rust_xlsxwriter::Format;
use rust_xlsxwriter::Workbook;
use rust_xlsxwriter::Worksheet;
use zip::ZipArchive;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::damage;
use super::read;
use super::read_as;
use super::shown;
use crate::roster::problem::DamageKind;
use crate::roster::read::Dialect;
use crate::roster::read::Row;
use crate::roster::read::Sheet;
use crate::roster::read::Sure;

fn workbook(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    fill(workbook.add_worksheet());
    workbook.save_to_buffer().expect("in memory")
}

fn write(sheet: &mut Worksheet, row: u32, cells: &[&str]) {
    for (column, cell) in (0..).zip(cells) {
        if !cell.is_empty() {
            sheet.write_string(row, column, *cell).expect("in range");
        }
    }
}

/// The workbook with some of its parts changed.
fn repacked(bytes: &[u8], change: impl Fn(&str, String) -> String) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("a workbook");
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let name = entry.name().expect("a name").into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("XML");
        out.start_file(&name, SimpleFileOptions::default()).expect("in memory");
        out.write_all(change(&name, text).as_bytes()).expect("in memory");
    }
    out.finish().expect("in memory").into_inner()
}

fn small() -> Vec<u8> {
    workbook(|sheet| {
        write(sheet, 0, &["username", "email"]);
        write(sheet, 1, &["ann", "ann@example.org"]);
        write(sheet, 2, &["bob", "bob@example.org"]);
    })
}

#[test]
fn a_sheet_gives_the_rows_that_csv_would() {
    let bytes = workbook(|sheet| {
        write(sheet, 1, &[" User name ", "staff no", "born", "seen", "at", "active", "score", "note", " "]);
        let zeros = Format::new().set_num_format("00000");
        let day = Format::new().set_num_format("dd/mm/yyyy");
        let moment = Format::new().set_num_format("yyyy-mm-dd hh:mm");
        let time = Format::new().set_num_format("hh:mm");
        let date = |text: &str| ExcelDateTime::parse_from_str(text).expect("a date");
        write(sheet, 3, &["ann"]);
        sheet.write_number_with_format(3, 1, 123, &zeros).expect("in range");
        sheet.write_datetime_with_format(3, 2, date("1990-02-28"), &day).expect("in range");
        sheet.write_datetime_with_format(3, 3, date("2026-11-23T08:30:00"), &moment).expect("in range");
        sheet.write_datetime_with_format(3, 4, date("08:30:00"), &time).expect("in range");
        sheet.write_boolean(3, 5, true).expect("in range");
        sheet.write_number(3, 6, 1.5).expect("in range");
        write(sheet, 4, &["bob, \"b\"", "", "", "", "", "", "", "two\nlines"]);
        sheet.write_number(4, 1, 1_234_567).expect("in range");
        sheet.write_number(4, 6, -0.1).expect("in range");
        sheet.write_string(4, 9, "beside").expect("in range");
        sheet.write_blank(5, 0, &day).expect("in range");
        sheet.write_string(6, 0, "  ").expect("in range");
        sheet.write_string(7, 0, "J\u{c3}\u{b6}rg").expect("in range");
        sheet.write_number(7, 1, 12_345_678_901_234_567_f64).expect("in range");
        sheet.write_formula(8, 0, rust_xlsxwriter::Formula::new("=NA()").set_result("#N/A")).expect("in range");
        sheet.write_number_with_format(8, 2, -5, &day).expect("in range");
    });
    assert_snapshot!(shown(&bytes), @r#"
    User name / staff no / born / seen / at / active / score / note
    4: ann / 00123 / 1990-02-28 / 2026-11-23T08:30:00 / 08:30:00 / true / 1.5 / 
    5: bob, \"b\" / 1234567 /  /  /  /  / -0.1 / two\nlines /  / beside  !! 10 fields, the header has 8
    8: JÃ¶rg / 12345678901234568 /  /  /  /  /  /   !! User name: looks like text in another encoding read wrongly: `Ã¶`  !! staff no: a number of more than 15 digits, of which Excel keeps 15: make it text
    9: #N/A /  / -5 /  /  /  /  /   !! User name: the cell shows the error #N/A  !! born: `-5` is not a date
    "#);
    let mut sheet = Sheet::open(Cursor::new(&bytes), &Dialect::default()).expect("readable");
    assert_eq!((sheet.form().kind, sheet.form().encoding_sure, sheet.form().delimiter), ("XLSX", Sure::Certain, b','));
    assert_eq!(sheet.raw_header(), b" User name ,staff no,born,seen,at,active,score,note");
    let mut row = Row::default();
    assert_eq!(sheet.read_row(&mut row), Ok(true));
    assert_eq!(row.raw, b"ann,00123,1990-02-28,2026-11-23T08:30:00,08:30:00,true,1.5,");
    assert_eq!(sheet.read_row(&mut row), Ok(true));
    assert!(row.raw.starts_with(b"\"bob, \"\"b\"\"\",1234567,,,,,-0.1,\"two\nlines\""));
}

#[test]
fn the_first_visible_sheet_is_read() {
    let mut workbook = Workbook::new();
    write(workbook.add_worksheet().set_hidden(true), 0, &["secret"]);
    write(workbook.add_worksheet().set_active(true), 0, &["id"]);
    write(workbook.add_worksheet(), 0, &["other"]);
    let sheet = Sheet::open(Cursor::new(workbook.save_to_buffer().expect("in memory")), &Dialect::default());
    assert_eq!(sheet.expect("readable").header(), ["id"]);
}

#[test]
fn the_shape_of_a_sheet_is_proved_like_that_of_a_text() {
    assert_eq!(damage(workbook(|_| {})), DamageKind::Empty);
    assert_eq!(damage(workbook(|sheet| write(sheet, 0, &["id", "name"]))), DamageKind::HeaderOnly);
    assert_eq!(damage(workbook(|sheet| write(sheet, 0, &["id", "", "name"]))), DamageKind::UnnamedColumn(2));
    let twice = workbook(|sheet| write(sheet, 0, &["First name", "id", "first_name"]));
    assert!(matches!(damage(twice), DamageKind::DuplicateColumn(_)));
    let wide = workbook(|sheet| {
        write(sheet, 0, &["id"]);
        write(sheet, 1, &["1"]);
        sheet.write_string(1, 16_383, "far").expect("in range");
    });
    assert_eq!(damage(wide), DamageKind::TooManyColumns(1000));
    let long = workbook(|sheet| write(sheet, 0, &["id", &"x".repeat(100)]));
    let limit = Dialect { max_row_bytes: 100, ..Dialect::default() };
    assert_eq!(read_as(long, &limit).expect_err("long").kind, DamageKind::RowTooLong(100));
}

#[test]
fn a_workbook_cut_anywhere_is_refused() {
    let bytes = small();
    for length in 4..bytes.len() {
        assert!(matches!(damage(&bytes[..length]), DamageKind::Workbook(_)), "{length}");
    }
}

#[test]
fn archives_of_other_kinds_are_named() {
    let cases: [(&[&str], &str); 4] = [
        (&["mimetype", "content.xml", "META-INF/manifest.xml"], "an OpenDocument sheet (ODS)"),
        (&["[Content_Types].xml", "word/document.xml"], "a Word document"),
        (&["[Content_Types].xml", "xl/workbook.bin"], "a binary Excel workbook (XLSB)"),
        (&["roster.csv"], "a ZIP archive"),
    ];
    for (names, what) in cases {
        let mut out = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            out.start_file(*name, SimpleFileOptions::default()).expect("in memory");
        }
        let bytes = out.finish().expect("in memory").into_inner();
        assert_eq!(damage(bytes), DamageKind::Unsupported(what));
    }
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    let bytes = repacked(&small(), |name, text| match name {
        "xl/worksheets/sheet1.xml" => text.replace("<sheetData>", &format!("{}<sheetData>", " ".repeat(9 << 20))),
        _ => text,
    });
    assert_snapshot!(damage(bytes), @"the file is not a readable XLSX workbook: a part of it unpacks to more than 100 times its size");
}

#[test]
fn a_workbook_that_lies_about_its_parts_is_refused() {
    let bytes = small();
    let name = b"xl/sharedStrings.xml";
    // The size after unpacking stands 22 bytes before the name in the directory of the archive (APPNOTE 4.3.12).
    let entry = bytes.windows(name.len()).rposition(|window| window == name).expect("an entry");
    let mut smaller = bytes.clone();
    smaller[entry - 22] -= 1;
    assert!(matches!(damage(smaller), DamageKind::Workbook(_)));
    let mut larger = bytes;
    larger[entry - 22] += 1;
    assert!(matches!(damage(larger), DamageKind::Workbook(_)));

    for count in ["uniqueCount=\"99999999999\"", "uniqueCount =\n'99999999999'"] {
        let bytes = repacked(&small(), |name, text| match name {
            "xl/sharedStrings.xml" => text.replace("uniqueCount=\"6\"", count),
            _ => text,
        });
        let why = "it says that it has more texts than it can have".to_owned();
        assert_eq!(damage(bytes), DamageKind::Workbook(why), "{count}");
    }
}

#[test]
fn cells_out_of_order_are_refused() {
    for (from, to) in [("r=\"A3\"", "r=\"A2\""), ("r=\"B2\"", "r=\"A2\"")] {
        let bytes = repacked(&small(), |name, text| match name {
            "xl/worksheets/sheet1.xml" => text.replace(from, to),
            _ => text,
        });
        assert_eq!(damage(bytes), DamageKind::Workbook("its cells are not in order".to_owned()), "{from}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_flipped_bit_is_refused_or_changes_nothing(place in any::<proptest::sample::Index>(), bit in 0..8_u32) {
        let good = small();
        let mut bytes = good.clone();
        let at = place.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(roster) = read(&bytes) && roster.form.kind == "XLSX" {
            prop_assert_eq!(roster.shown(), read(&good).expect("a good workbook").shown());
        }
    }
}
