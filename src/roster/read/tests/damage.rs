//! What refuses a whole file.

use insta::assert_snapshot;

use super::damage;
use super::optional;
use super::read;
use super::read_as;
use super::shown;
use crate::roster::account::LineNo;
use crate::roster::problem::DamageKind;
use crate::roster::read::Dialect;

#[test]
fn a_swallowed_row_refuses_the_file() {
    // The csv crate makes one good row of the last three lines.
    assert_snapshot!(shown("id,mail,name\n1,a@x,\"Ann\n2,b@x,Bob\n3,c@x,Cy\n"), @"refused: line 2: the quote opened here is never closed");
    assert_snapshot!(shown("id,mail,name\n1,a@x,\"Ann\n2,b@x,\"Bob\"\n3,c@x,Cy\n"), @"refused: line 3: a quoted field that began in line 2 ends in the middle of a value: a quote is missing or doubled");
    assert_snapshot!(shown("id,mail,name,city\n1,a@x,\"Ann,Rome\n2,b@x,Bob,Bonn\n3,c@x,Cy\",Cork\n4,d@x,Di,Dubai\n"), @"refused: line 4: the quoted field that began in line 2 holds whole rows: a quote is missing or doubled");
    assert_snapshot!(shown("id,mail,name\n1,a@x,\"Ann\n2,b@x,\"\nBob\"\n3,c@x,Cy\n"), @"refused: line 4: the stray quote in line 4 and the quoted field over several lines that began in line 2 do not go together: a quote is missing or doubled");
    // A quote opened in the second field of line 3, after the one that closes the first.
    assert_snapshot!(shown("id,a,b\n1,x,y\n2,\"x\",\"y\n3,x,y\n"), @"refused: line 3: the quote opened here is never closed");
}

#[test]
fn values_over_several_lines_are_fine_in_a_clean_file() {
    assert_snapshot!(shown("id,mail,address\n1,a@x,\"1 Main St\nSpringfield, IL\"\n2,b@x,\"Dwayne \"\"The Rock\"\"\"\n"), @r#"
    id / mail / address
    2: 1 / a@x / 1 Main St\nSpringfield, IL
    4: 2 / b@x / Dwayne \"The Rock\"
    "#);
}

#[test]
fn a_file_that_may_be_cut_off_is_refused() {
    assert_eq!(damage("id,name\n1,a\n2,bo"), DamageKind::NoFinalNewline);
    assert_eq!(damage("id,name\n1,a\n2"), DamageKind::NoFinalNewline);
    assert_eq!(damage("id,name\n1,a\n,"), DamageKind::NoFinalNewline);
    assert_eq!(damage("id,name"), DamageKind::NoFinalNewline);
    let roster = read_as("id,name\n1,a\n2,bo", &optional()).expect("readable");
    assert_eq!(roster.rows.len(), 2);
    let cut = read_as("id,name\n1,a\n2", &optional()).expect_err("cut");
    assert_eq!((cut.line, cut.kind), (Some(LineNo(3)), DamageKind::CutOff));
    let half_a_character = read_as(b"id,name\n1,\xC3\xA4\n2,J\xC3", &optional()).expect_err("cut");
    assert_eq!(half_a_character.kind, DamageKind::CutOff);
    let half_a_unit = read_as(b"\xFF\xFEi\0d\0\n\x001\0\n\x002", &optional()).expect_err("cut");
    assert_eq!(half_a_unit.kind, DamageKind::CutOff);
    // What DOS programs wrote as the end of a text.
    assert!(read("id,name\r\n1,a\r\n\x1A").is_ok());
}

#[test]
fn nothing_is_no_roster() {
    for nothing in ["", "\n", " \r\n\t\r\n", "\u{FEFF}", ",,\n,,\n", "\"\",\"\"\n", "sep=;\n"] {
        assert_eq!(damage(nothing), DamageKind::Empty, "{nothing:?}");
    }
    for header in ["id,name\n", "id,name\n\n \n,\n", "id\r"] {
        assert_eq!(damage(header), DamageKind::HeaderOnly, "{header:?}");
    }
}

#[test]
fn zeros_are_damage() {
    assert_snapshot!(shown(b"id,name\n1,a\n2,b\0\n"), @"refused: line 3: NUL byte: the file is damaged, or is no text");
    assert_eq!(damage([0; 5000]), DamageKind::Nul);
    let sparse = [&b"id,name\n1,a\n"[..], &[0; 4096]].concat();
    assert_eq!(damage(sparse), DamageKind::Nul);
    assert_eq!(damage(b"\xFF\xFEi\0d\0\n\x001\0\0\0\n\0"), DamageKind::Nul);
}

#[test]
fn columns_need_names_of_their_own() {
    assert_eq!(damage("id,,name\n1,2,3\n"), DamageKind::UnnamedColumn(2));
    assert_eq!(damage(",id\n1,2\n"), DamageKind::UnnamedColumn(1));
    assert_snapshot!(shown("id,name,,\n1,a,,\n2,b,,x\n"), @"refused: line 3: column 4 of the header has no name");
    assert_eq!(damage("First name,x,first_NAME\n1,2,3\n"), DamageKind::DuplicateColumn("first_NAME".to_owned()));
    assert_eq!(damage("id,Straße,STRASSE,straße\n1,2,3,4\n"), DamageKind::DuplicateColumn("straße".to_owned()));
    assert!(read("id,-,_\n1,2,3\n").is_ok());
}

#[test]
fn a_header_in_shreds_is_refused() {
    assert_snapshot!(shown("id,\"na\"me\n1,a\n"), @"refused: line 1: the header cannot be read: a quote is missing, doubled or out of place");
    assert_snapshot!(shown("id,pr\u{c3}\u{a9}nom\n1,a\n"), @"refused: line 1: the header cannot be read: looks like text in another encoding read wrongly: `Ã©`");
    assert_snapshot!(shown(b"id,pr\xE9nom,\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\n1,a,b\n"), @"refused: line 1: the header cannot be read: bytes that are not valid UTF-8");
}

#[test]
fn there_are_limits() {
    let small = Dialect { max_row_bytes: 20, max_columns: 3, ..Dialect::default() };
    let limit = |text: &str| read_as(text, &small).expect_err("over a limit").kind;
    assert!(read_as("a,b,c\n1,2,3\n", &small).is_ok());
    assert_eq!(limit("a,b,c,d\n1,2,3,4\n"), DamageKind::TooManyColumns(3));
    assert_eq!(limit("a,b,c\n1,2,3\n1,2,3,4\n"), DamageKind::TooManyColumns(3));
    assert_eq!(limit("a,b,c\n1,2,3\n1,2,\"3\",4\n"), DamageKind::TooManyColumns(3));
    assert_eq!(limit("a,b\n1,12345678901234567890\n"), DamageKind::RowTooLong(20));
    assert_eq!(limit("a,b\n1,\"1234567890\n2,1234567890\n"), DamageKind::RowTooLong(20));
}

#[test]
fn damage_is_told_again() {
    let mut sheet =
        crate::roster::read::Sheet::open(std::io::Cursor::new("a,b\n1,2\n3,\"4\n"), &optional()).expect("ok");
    let mut row = crate::roster::read::Row::default();
    assert_eq!(sheet.read_row(&mut row), Ok(true));
    let first = sheet.read_row(&mut row).expect_err("damaged");
    assert_eq!(sheet.read_row(&mut row), Err(first));
}
