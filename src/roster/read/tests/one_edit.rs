//! One quote too many, one too few, or an end too early: refused, or only the touched row differs.

use proptest::prelude::*;
use proptest::sample::Index;

use super::line;
use super::optional;
use super::read;
use super::read_as;
use crate::roster::read::Dialect;

/// Values that tempt a parser, each of which is written with quotes when it must be.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,3}",
        1 => Just(String::new()),
        1 => Just(",".to_owned()),
        1 => Just("\"".to_owned()),
        1 => Just(",\"".to_owned()),
        1 => Just("\",".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\n\"".to_owned()),
        1 => Just("a\nb".to_owned()),
        1 => Just("a,b\nc,\"d\"\n".to_owned()),
        1 => "[a\" ,\n]{0,5}",
    ]
}

/// A roster as a program that keeps to RFC 4180 writes it: the text, and for each row its fields and its bytes' range.
#[derive(Debug)]
struct Good {
    text: String,
    rows: Vec<(Vec<String>, std::ops::Range<usize>)>,
}

fn good() -> impl Strategy<Value = Good> {
    let rows = (1..5_usize).prop_flat_map(|columns| {
        let row = (proptest::collection::vec(value(), columns), "[a-z]{2}", any::<u8>());
        proptest::collection::vec(row, 1..7)
    });
    (rows, any::<bool>()).prop_map(|(rows, all_quoted)| {
        let columns = rows[0].0.len();
        let mut text: String = ["id", "one", "two", "three"][..columns].join(",");
        text.push('\n');
        let mut ranges = Vec::new();
        for (number, (mut fields, id, quote)) in rows.into_iter().enumerate() {
            // Rows differ from each other and have text, so that they can be told apart.
            fields[0] = format!("{id}{number}");
            let start = text.len();
            for (index, field) in fields.iter().enumerate() {
                text += if index > 0 { "," } else { "" };
                let wanted = all_quoted || (quote >> index) & 1 == 1;
                if wanted || field.contains(['"', ',', '\n']) || field.starts_with(' ') {
                    text += &["\"", &field.replace('"', "\"\""), "\""].concat();
                } else {
                    text += field;
                }
            }
            text.push('\n');
            ranges.push((fields, start..text.len()));
        }
        Good { text, rows: ranges }
    })
}

/// Every row without problems is an original one, but for what comes from the lines of the touched row: one row, or
/// more if one of its values spanned lines.
fn assert_contained(good: &Good, edited: &str, at: usize, dialect: &Dialect) -> Result<(), TestCaseError> {
    let Ok(roster) = read_as(edited, dialect) else { return Ok(()) };
    let originals: Vec<&Vec<String>> = good.rows.iter().map(|(fields, _)| fields).collect();
    let strange: Vec<u32> = roster
        .rows
        .iter()
        .filter(|row| row.problems.is_empty() && !originals.contains(&&row.fields))
        .map(|row| line(row).0)
        .collect();
    let Some((_, touched)) = good.rows.iter().find(|(_, range)| range.contains(&at)) else {
        prop_assert_eq!(strange, Vec::<u32>::new(), "{:?}", edited);
        return Ok(());
    };
    let breaks = |text: &str| u32::try_from(text.matches('\n').count()).expect("few lines");
    let first = 1 + breaks(&good.text[..touched.start]);
    let lines = first..first + breaks(&good.text[touched.clone()]);
    prop_assert!(strange.iter().all(|line| lines.contains(line)), "{strange:?} of {lines:?}: {edited:?}");
    prop_assert!(strange.len() <= 1 || lines.len() > 2, "{strange:?} of {lines:?}: {edited:?}");
    Ok(())
}

/// No row but the touched one is missing.
fn assert_nothing_lost(good: &Good, edited: &str, at: usize) -> Result<(), TestCaseError> {
    let Ok(roster) = read(edited) else { return Ok(()) };
    for (fields, range) in &good.rows {
        let there = roster.rows.iter().any(|row| row.problems.is_empty() && row.fields == *fields);
        prop_assert!(there || range.contains(&at), "{fields:?} is lost: {edited:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn good_rosters_are_read_as_they_were_meant(good in good()) {
        // Among few columns no value can look like rows; among four it can.
        if good.rows[0].0.len() > 3 {
            return Ok(());
        }
        let roster = read(&good.text).expect("a good roster");
        let fields: Vec<&Vec<String>> = roster.rows.iter().map(|row| &row.fields).collect();
        let meant: Vec<&Vec<String>> = good.rows.iter().map(|(fields, _)| fields).collect();
        prop_assert_eq!(fields, meant);
        prop_assert!(roster.rows.iter().all(|row| row.problems.is_empty()), "{}", roster.shown());
    }

    #[test]
    fn a_quote_added_touches_one_row_at_most(good in good(), places in any::<[Index; 4]>()) {
        for place in places {
            let body = good.rows[0].1.start;
            let at = body + place.index(good.text.len() - body);
            let mut added = good.text.clone();
            added.insert(at, '"');
            assert_contained(&good, &added, at, &Dialect::default())?;
            assert_nothing_lost(&good, &added, at)?;
        }
    }

    #[test]
    fn a_quote_lost_touches_one_row_at_most(good in good(), places in any::<[Index; 4]>()) {
        let body = good.rows[0].1.start;
        let quotes: Vec<usize> = good.text.match_indices('"').map(|(at, _)| at).filter(|at| *at >= body).collect();
        prop_assume!(!quotes.is_empty());
        for place in places {
            let at = *place.get(&quotes);
            let mut lost = good.text.clone();
            lost.remove(at);
            assert_contained(&good, &lost, at, &Dialect::default())?;
            assert_nothing_lost(&good, &lost, at)?;
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_refused_or_holds_only_whole_rows(good in good(), places in any::<[Index; 4]>()) {
        for place in places {
            let at = 1 + place.index(good.text.len() - 1);
            let cut = &good.text[..at];
            if let Ok(roster) = read(cut) {
                for row in &roster.rows {
                    prop_assert!(good.rows.iter().any(|(fields, _)| *fields == row.fields), "{cut:?}");
                    prop_assert!(row.problems.is_empty(), "{cut:?}");
                }
            }
            assert_contained(&good, cut, at - 1, &optional())?;
        }
    }
}

/// Every edit of one roster with everything in it.
#[test]
fn every_edit_of_one_roster_is_safe() {
    let rows = [
        vec!["u1", "Ann", "12 High St\nLeeds, LS1", "a,b"],
        vec!["u2", "Bob \"B\"", "", ""],
        vec!["u3", "\nCy", ",", "\""],
        vec!["u4", "Di", "x", "24"],
        vec!["u5", "", "a\r\nb\r\nc", "\"\""],
    ];
    let mut text = "id,name,address,note\n".to_owned();
    let mut good = Good { text: String::new(), rows: Vec::new() };
    for fields in rows {
        let start = text.len();
        let written: Vec<String> = fields
            .iter()
            .map(|field| match field.contains(['"', ',', '\n']) {
                true => format!("\"{}\"", field.replace('"', "\"\"")),
                false => (*field).to_owned(),
            })
            .collect();
        text += &(written.join(",") + "\n");
        good.rows.push((fields.into_iter().map(str::to_owned).collect(), start..text.len()));
    }
    good.text.clone_from(&text);
    assert_eq!(read(&text).expect("a good roster").rows.len(), 5);
    for at in good.rows[0].1.start..text.len() {
        let mut added = text.clone();
        added.insert(at, '"');
        assert_contained(&good, &added, at, &Dialect::default()).expect("contained");
        assert_nothing_lost(&good, &added, at).expect("nothing lost");
        assert_contained(&good, &text[..at], at - 1, &Dialect::default()).expect("contained");
        assert_contained(&good, &text[..at], at - 1, &optional()).expect("contained");
        if text[at..].starts_with('"') {
            let lost = [&text[..at], &text[at + 1..]].concat();
            assert_contained(&good, &lost, at, &Dialect::default()).expect("contained");
            assert_nothing_lost(&good, &lost, at).expect("nothing lost");
        }
    }
}
