use proptest::prelude::*;

use super::*;
use crate::report::sample;
use crate::roster::plan::Intent;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::read::Sure;

fn form(encoding: &'static str, delimiter: u8) -> Form {
    Form { encoding, delimiter, ..sample::form() }
}

/// Returns a plan with an Error for each line and reason.
fn plan_of(errors: &[(u32, &str)]) -> Plan {
    let mut plan = sample::plan();
    plan.items = errors
        .iter()
        .map(|(line, reason)| {
            let mut item = sample::item(*line, Status::Error, 0, Intent::Nothing);
            item.problems = [Problem::error(Some("email"), ProblemKind::Other((*reason).to_owned()))].into();
            item
        })
        .collect();
    plan
}

fn file(
    plan: &Plan,
    results: &[ItemResult],
    original: &Original<'_>,
    rows: &[(u32, &[u8])],
) -> io::Result<(usize, Vec<u8>)> {
    let mut out = Vec::new();
    let mut errors = ErrorRows::begin(plan, results, original, &mut out)?;
    for (line, raw) in rows {
        errors.offer(LineNo(*line), raw)?;
    }
    let n_written = errors.finish()?;
    Ok((n_written, out))
}

fn original<'a>(header: &'a [u8], form: &'a Form) -> Original<'a> {
    let encoding = raw_encoding(form);
    Original { header, form, encoding, mark: ByteOrderMark::Absent }
}

#[test]
fn only_rows_in_error_are_kept_with_their_reason_in_front() {
    let (plan, form) = (sample::plan(), sample::form());
    let rows: [(u32, &[u8]); 5] = [
        (2, b"User1,Hannah,Bridge,hannah@test.co"),
        (3, b"User2,Lucy,Smith,lucy@test.co"),
        (4, b"User3,Jenna,Fraser,jenna@test.co"),
        (5, b"User4,Peter,Stuart,peter@test.co"),
        (6, b",Kevin,\"Mi\nles\",=cmd()"),
    ];
    let header = original(b"User name,First name,Surname,Email", &form);
    assert_eq!(n_in_error(&plan, &[]), 1);
    let (n_written, bytes) = file(&plan, &[], &header, &rows).unwrap();
    assert_eq!(n_written, 1);
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "rosterd line,rosterd column,rosterd reason,User name,First name,Surname,Email\r\n\
         6,User name | Email,\"User name: required, but empty; Email: `=cmd()` is not an e-mail address\",\
         ,Kevin,\"Mi\nles\",=cmd()\r\n"
    );
}

#[test]
fn what_the_directory_refused_is_in_error_and_what_was_not_tried_is_not() {
    let (mut plan, form) = (sample::plan(), sample::form());
    plan.items.truncate(4);
    let results = [
        Outcome::Rejected("the server says no (19)".into()),
        Outcome::Failed("no answer".into()),
        Outcome::Unchanged,
        Outcome::NotAttempted("`add` is off".into()),
    ]
    .map(sample::came);
    assert_eq!((n_in_error(&plan, &[]), n_in_error(&plan, &results)), (0, 2));
    let rows: [(u32, &[u8]); 4] = [(2, b"a"), (3, b"b"), (4, b"c"), (5, b"d")];
    let (n_written, bytes) = file(&plan, &results, &original(b"username", &form), &rows).unwrap();
    assert_eq!(n_written, 2);
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "rosterd line,rosterd column,rosterd reason,username\r\n2,,the server says no (19),a\r\n3,,no answer,b\r\n"
    );
}

#[test]
fn an_old_account_that_failed_has_no_row() {
    let mut plan = sample::plan();
    plan.items.drain(..6);
    assert_eq!(n_in_error(&plan, &[sample::came(Outcome::Failed("no answer".into()))]), 0);
}

#[test]
fn bytes_stay_and_reasons_are_encoded_like_them() {
    let plan = plan_of(&[(2, "`Zoë ☃; x` is odd")]);
    let form = form("windows-1252", b';');
    let (_, bytes) = file(&plan, &[], &original(b"Stra\xdfe;email", &form), &[(2, b"\xfc\x81;")]).unwrap();
    assert_eq!(
        bytes,
        b"rosterd line;rosterd column;rosterd reason;Stra\xdfe;email\r\n2;email;\"`Zo\xeb ?; x` is odd\";\xfc\x81;\r\n"
    );
}

#[test]
fn a_byte_order_mark_is_kept_and_converted_rows_get_one() {
    let plan = plan_of(&[(2, "wrong")]);
    let begins = |form: &Form, mark| {
        let original = Original { header: "größe".as_bytes(), form, encoding: raw_encoding(form), mark };
        let (_, bytes) = file(&plan, &[], &original, &[(2, "ä".as_bytes())]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.trim_start_matches('\u{feff}').starts_with("rosterd line,") && text.ends_with(",ä\r\n"));
        text.starts_with('\u{feff}')
    };
    let utf16 = form("UTF-16LE", b',');
    let workbook = Form { kind: "XLSX", ..sample::form() };
    let utf8 = form("UTF-8", b',');
    assert!(begins(&utf8, ByteOrderMark::Present));
    assert!(!begins(&utf8, ByteOrderMark::Absent));
    assert!(begins(&utf16, ByteOrderMark::Absent));
    assert!(begins(&workbook, ByteOrderMark::Absent));
    assert_eq!(ByteOrderMark::of(b"\xef\xbb\xbfuser"), ByteOrderMark::Present);
    assert_eq!(ByteOrderMark::of(b"\xff\xfeu\0"), ByteOrderMark::Present);
    assert_eq!(ByteOrderMark::of(b"user"), ByteOrderMark::Absent);
}

#[test]
fn our_own_cells_are_no_formulas_and_the_rosters_are_left_alone() {
    let form = Form { encoding_sure: Sure::Certain, ..sample::form() };
    let (_, bytes) = file(&plan_of(&[(2, "=1+1")]), &[], &original(b"=a,b", &form), &[(2, b"=1+1,-2")]).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(text.lines().nth(1), Some("2,email,'=1+1,=1+1,-2"));
}

#[test]
fn a_corrected_errors_file_gets_new_columns_in_place_of_the_old_ones() {
    let form = form("UTF-8", b';');
    let plan = plan_of(&[(2, "still wrong"), (3, "lost its columns"), (4, "too short")]);
    let header = b"\"Rosterd Line\"; rosterd column;rosterd reason;username;email";
    let rows: [(u32, &[u8]); 3] = [(2, b"\"7\";;\"a \"\"b\"\"; c\";ada;\"x;y\""), (3, b"bob;x;y;z"), (4, b"9;;")];
    let (_, bytes) = file(&plan, &[], &original(header, &form), &rows).unwrap();
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        "rosterd line;rosterd column;rosterd reason;username;email\r\n\
         2;email;still wrong;ada;\"x;y\"\r\n\
         3;email;lost its columns;bob;x;y;z\r\n\
         4;email;too short;9;;\r\n"
    );
}

#[test]
fn a_roster_that_is_not_the_plans_is_an_error() {
    let (plan, form) = (plan_of(&[(3, "wrong")]), sample::form());
    let header = original(b"a", &form);
    for rows in [&[(2, b"x".as_slice())][..], &[(2, b"x"), (4, b"y")]] {
        let error = file(&plan, &[], &header, rows).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}

proptest! {
    #[test]
    fn rows_survive_any_number_of_corrections(
        fields in proptest::collection::vec("[a=,;\"\\n ü]{0,6}", 2..5),
        reason in "[a=,;\" ü]{1,12}",
        delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|']),
    ) {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
        writer.write_record(&fields).unwrap();
        let mut raw = writer.into_inner().unwrap();
        raw.pop();
        let (plan, form) = (plan_of(&[(2, &reason)]), form("UTF-8", delimiter));
        let (_, once) = file(&plan, &[], &original(b"", &form), &[(2, &raw)]).unwrap();
        let header_end = once.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let (header, row) = (&once[..header_end], &once[header_end + 2..once.len() - 2]);
        prop_assert!(row.ends_with(&raw));
        let (_, twice) = file(&plan, &[], &original(header, &form), &[(2, row)]).unwrap();
        prop_assert_eq!(&once, &twice);
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(row);
        let record = reader.records().next().unwrap().unwrap();
        prop_assert_eq!(record.len(), 3 + fields.len());
        prop_assert_eq!(record.iter().skip(3).collect::<Vec<_>>(), fields);
    }
}

/// What reading says about the bytes of rows: UTF-8 for what it converts.
fn raw_encoding(form: &Form) -> &'static Encoding {
    match form.encoding {
        "UTF-16LE" | "UTF-16BE" => UTF_8,
        _ if form.kind == "XLSX" => UTF_8,
        label => Encoding::for_label(label.as_bytes()).expect("tests name encodings rightly"),
    }
}
