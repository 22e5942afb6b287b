//! Bytes to text.

use encoding_rs::Encoding;
use insta::assert_snapshot;
use proptest::prelude::*;

use super::damage;
use super::read;
use super::read_as;
use super::shown;
use crate::roster::problem::DamageKind;
use crate::roster::problem::ProblemKind;
use crate::roster::read::Dialect;
use crate::roster::read::Sure;
use crate::roster::read::mojibake;

const ROSTER: &str = "username,first,last\nbm\u{fc}ller,J\u{f6}rg,M\u{fc}ller\nagarcia,Jos\u{e9},Garc\u{ed}a\n";

fn utf_16(text: &str, little: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

#[test]
fn one_roster_in_every_encoding_gives_the_same_rows() {
    let latin: Vec<u8> = encoding_rs::WINDOWS_1252.encode(ROSTER).0.into();
    let (little, big) = (utf_16(ROSTER, true), utf_16(ROSTER, false));
    let cases: [(Vec<u8>, &str, Sure); 7] = [
        (ROSTER.into(), "UTF-8", Sure::Likely),
        ([b"\xEF\xBB\xBF", ROSTER.as_bytes()].concat(), "UTF-8", Sure::Certain),
        (latin, "windows-1252", Sure::Guess),
        ([b"\xFF\xFE", &little[..]].concat(), "UTF-16LE", Sure::Certain),
        ([b"\xFE\xFF", &big[..]].concat(), "UTF-16BE", Sure::Certain),
        (little, "UTF-16LE", Sure::Likely),
        (big, "UTF-16BE", Sure::Likely),
    ];
    for (bytes, encoding, sure) in cases {
        let roster = read(bytes).expect(encoding);
        assert_eq!((roster.form.encoding, roster.form.encoding_sure), (encoding, sure));
        let expected = read(ROSTER).expect("UTF-8").shown();
        assert_eq!(roster.shown(), expected, "{encoding} {sure:?}");
    }
}

#[test]
fn an_encoding_can_be_configured_and_a_byte_order_mark_is_stronger() {
    let text = "id;name\n1;\u{141}ukasz \u{17b}\u{f3}\u{142}\u{107}\n2;|\u{8868}|\n";
    for label in ["iso-8859-2", "windows-1250", "shift_jis", "big5", "gb18030", "utf-16le", "utf-8"] {
        let encoding = Encoding::for_label(label.as_bytes()).expect("a label");
        // These characters exist in some of the encodings only.
        let text: String = text
            .chars()
            .filter(|c| label.starts_with("utf") || label == "gb18030" || !encoding.encode(&c.to_string()).2)
            .collect();
        let bytes: Vec<u8> = if label == "utf-16le" { utf_16(&text, true) } else { encoding.encode(&text).0.into() };
        let dialect = Dialect { encoding: Some(encoding), delimiter: Some(b';'), ..Dialect::default() };
        let roster = read_as(bytes, &dialect).expect(label);
        assert_eq!(roster.form.encoding_sure, Sure::Configured);
        let names: Vec<&str> = roster.rows.iter().map(|row| row.fields[1].as_str()).collect();
        let expected: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(';').nth(1)).collect();
        assert_eq!(names, expected, "{label}");
        assert!(roster.rows.iter().all(|row| row.problems.is_empty()), "{label}");
    }
    let marked = ["\u{FEFF}", ROSTER].concat();
    let dialect = Dialect { encoding: Some(encoding_rs::WINDOWS_1252), ..Dialect::default() };
    assert_eq!(read_as(marked, &dialect).expect("readable").form.encoding, "UTF-8");
}

#[test]
fn a_few_bad_bytes_cost_their_rows_only() {
    let mut bytes = "id,name,city\n1,Jörg,Köln\n2,José,Málaga\n".as_bytes().to_vec();
    bytes.extend_from_slice(b"3,Ren\xE9,Paris\n4,\"Ren\xE9\n\",Bonn\n5,x\xED\xA0\x80,y\n");
    bytes.extend_from_slice("6,Zoë,Ærø\n7,lost \u{FFFD},Łódź\n8,Ñá,Éí\n".as_bytes());
    assert_snapshot!(shown(bytes), @r"
    id / name / city
    2: 1 / Jörg / Köln
    3: 2 / José / Málaga
    4: 3 / Ren� / Paris  !! name: bytes that are not valid UTF-8
    5: 4 / Ren�\n / Bonn  !! name: bytes that are not valid UTF-8
    7: 5 / x��� / y  !! name: bytes that are not valid UTF-8
    8: 6 / Zoë / Ærø
    9: 7 / lost � / Łódź  !! name: bytes that are not valid UTF-8
    10: 8 / Ñá / Éí
    ");
}

#[test]
fn half_a_surrogate_costs_its_row_only() {
    let mut bytes = utf_16("\u{FEFF}id,name\n1,😀\n2,", true);
    bytes.extend_from_slice(&[0x3D, 0xD8]);
    bytes.extend(utf_16("\n3,c\n", true));
    assert_snapshot!(shown(bytes), @r"
    id / name
    2: 1 / 😀
    3: 2 / �  !! name: bytes that are not valid UTF-16LE
    4: 3 / c
    ");
}

#[test]
fn bytes_without_a_character_are_told() {
    let dialect = Dialect { encoding: Some(encoding_rs::WINDOWS_1252), ..Dialect::default() };
    let roster = read_as(b"id,name\n1,Ren\xE9\n2,a\x81b\n", &dialect).expect("readable");
    assert!(roster.rows[0].problems.is_empty());
    assert_eq!(roster.rows[1].problems[0].kind, ProblemKind::Undecodable("windows-1252"));
}

#[test]
fn rows_in_utf_8_within_a_legacy_file_are_mojibake() {
    let mut bytes: Vec<u8> = Vec::new();
    for name in ["Łukasz", "Żółć", "Świątek", "Gąsior", "Wiśniewska", "Zając"] {
        bytes.extend_from_slice(&encoding_rs::ISO_8859_2.encode(&format!("1,{name},x\n")).0);
    }
    let dialect = Dialect { encoding: Some(encoding_rs::ISO_8859_2), ..Dialect::default() };
    let bytes = [b"id,name,note\n", &bytes[..], "2,Łukasz,x\n".as_bytes()].concat();
    let roster = read_as(bytes, &dialect).expect("readable");
    let bad: Vec<u32> = roster.rows.iter().filter(|r| !r.problems.is_empty()).map(|r| super::line(r).0).collect();
    assert_eq!(bad, [8]);
}

#[test]
fn utf_32_is_not_read() {
    let little: Vec<u8> = "\u{FEFF}id\n1\n".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let big: Vec<u8> = "\u{FEFF}id\n1\n".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    assert_eq!(damage(little), DamageKind::Unsupported("UTF-32"));
    assert_eq!(damage(big), DamageKind::Unsupported("UTF-32"));
}

/// What a program makes of UTF-8 that it takes for windows-1252.
fn misread(text: &str) -> String {
    encoding_rs::WINDOWS_1252.decode_without_bom_handling(text.as_bytes()).0.into_owned()
}

#[test]
fn mojibake_is_found() {
    for text in [
        "Müller",
        "José",
        "ÖSTERREICH",
        "MÖLLER",
        "Łukasz",
        "Wąsik",
        "Erdős",
        "Szőke",
        "Šimon",
        "Čapek",
        "Đorđe",
        "O’Neill",
        "5 €",
        "Nguyễn",
        "Ștefan",
        "Țepeș",
        "Əliyev",
        "Иван",
        "Γιώργος",
        "王小明",
        "김민준",
        "Ağaoğlu",
        "İpek",
        "a – b",
        "“x”",
        "née…",
        "à",
        "ÁLVAREZ",
        "Ásgeir",
        "Sørensen",
        "Strauß",
        "Zoë",
        "naïve",
        "Ærø",
        "ﬁn",
        "😀",
        "\u{FEFF}x",
        "lost \u{FFFD}",
        "Austė",
        "a\u{a0}b",
        "Ó",
        "João",
    ] {
        let broken = misread(text);
        assert!(mojibake::find(&broken).is_some(), "{text}: {broken}");
        // Twice is no better.
        assert!(mojibake::find(&misread(&broken)).is_some(), "{text} twice");
    }
}

#[test]
fn real_names_are_no_mojibake() {
    for text in [
        "Müller",
        "José",
        "Ângela",
        "São",
        "JOÃO",
        "CRISTÃ",
        "CONCEIÇÃO",
        "MAÇÃ",
        "Âşık",
        "ÂNGELA",
        "Łukasz Żółć",
        "JOSÉ’S",
        "José’s",
        "“JOSÉ”",
        "«CAFÉ»",
        "„Weiß“",
        "Weiß’",
        "Strauß–Groß",
        "MÄKELÄ–VIRTANEN",
        "LUNEDÌ’",
        "CAFÉ™",
        "KŘÍŽ",
        "RŮŽIČKA",
        "DÚŠKA",
        "KNÍŽKA",
        "ŽŮŽO",
        "Åsa",
        "ÅSA",
        "Ö–Ä",
        "Ärzte",
        "Ä",
        "Ã",
        "Â",
        "ÎLE",
        "Îžle",
        "Ñ",
        "PIÑÓN",
        "NÚÑEZ",
        "œuvre",
        "Œ",
        "Þór",
        "ÐÓR",
        "Ýr",
        "ß",
        "Großstraße",
        "café…",
        "café”",
        "née–x",
        "à…",
        "“é”…",
        "Nguyễn",
        "Ștefan",
        "Иван",
        "Γιώργος",
        "王小明",
        "Ağaoğlu",
        "İpek",
        "O’Neill",
        "1º ESO",
        "ESPAÑA®",
        "5 €",
        "½",
        "CATALUÑA·2",
        "L·L",
        "Ó’Neill",
        "Ó Súilleabháin",
        "D’ÀNGELO",
        "É",
        "ÜŠ",
        "a\u{a0}b",
        "Ø”",
        "😀",
    ] {
        assert_eq!(mojibake::find(text), None, "{text}");
    }
}

#[test]
fn the_problem_shows_a_piece_and_never_the_value() {
    assert_snapshot!(shown("id,password\n1,S\u{c3}\u{bc}per-geheim\n"), @r"
    id / password
    2: 1 / SÃ¼per-geheim  !! password: looks like text in another encoding read wrongly: `Ã¼`
    ");
}

proptest! {
    #[test]
    fn any_name_in_latin_letters_is_found_broken_and_passed_whole(name in "[A-Z][a-zà-öø-ÿāăąćčďđēęěğıľłńňőœřśşšťůűźżž]{1,12}") {
        prop_assert_eq!(mojibake::find(&name), None);
        if !name.is_ascii() {
            prop_assert!(mojibake::find(&misread(&name)).is_some());
        }
    }
}
