use std::collections::BTreeMap;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::roster::attribute::Schema;

type Table = BTreeMap<String, Vec<Vec<u8>>>;

fn text<const N: usize>(pairs: [(&str, &[&str]); N]) -> Attributes {
    pairs.into_iter().map(|(name, values)| (name, values.to_vec())).collect()
}

fn shown(existing: &Attributes, wanted: &Attributes, policy: Policy) -> Vec<String> {
    changes(existing, wanted, |_| policy).iter().map(ToString::to_string).collect()
}

#[test]
fn each_policy_on_the_same_difference() {
    let existing = text([("mail", &["old@x.org", "both@x.org"]), ("title", &["Dr"])]);
    let wanted = text([("mail", &["both@x.org", "new@x.org"]), ("sn", &["Byron"]), ("title", &[])]);
    assert_eq!(
        shown(&existing, &wanted, Policy::Force),
        ["mail: old@x.org | both@x.org -> both@x.org | new@x.org", "sn: (none) -> Byron", "title: Dr -> (none)"]
    );
    assert_eq!(shown(&existing, &wanted, Policy::Keep), ["sn: (none) -> Byron"]);
    assert_eq!(shown(&existing, &wanted, Policy::CreateOnly), [""; 0]);
    assert_eq!(
        shown(&existing, &wanted, Policy::Merge),
        ["mail: old@x.org | both@x.org -> old@x.org | both@x.org | new@x.org", "sn: (none) -> Byron"]
    );
}

#[test]
fn names_match_in_any_spelling_and_the_policy_is_asked_per_name() {
    let existing = text([("GIVENNAME", &["Ada"]), ("sn", &["Byron"])]);
    let wanted = text([("givenName", &["Augusta"]), ("SN", &["King"])]);
    let changes = changes(&existing, &wanted, |name| if name.is("sn") { Policy::Keep } else { Policy::Force });
    assert_eq!(changes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["givenName: Ada -> Augusta"]);
}

#[test]
fn order_repetition_and_unicode_form_are_no_difference() {
    let existing = text([("cn", &["Ren\u{e9}e", "R"]), ("sn", &["Zo\u{65}\u{308}"])]);
    let wanted = text([("cn", &["R", "Rene\u{301}e", "R"]), ("sn", &["Zo\u{eb}"])]);
    for policy in [Policy::Force, Policy::Keep, Policy::Merge, Policy::CreateOnly] {
        assert_eq!(shown(&existing, &wanted, policy), [""; 0], "{policy:?}");
    }
}

#[test]
fn case_and_blanks_are_a_difference() {
    let existing = text([("cn", &["ada"]), ("sn", &["Byron "])]);
    let wanted = text([("cn", &["Ada"]), ("sn", &["Byron"])]);
    assert_eq!(shown(&existing, &wanted, Policy::Force), ["cn: ada -> Ada", "sn: Byron  -> Byron"]);
}

#[test]
fn a_value_that_stays_keeps_the_spelling_of_the_directory() {
    let existing = text([("cn", &["Rene\u{301}e"])]);
    let wanted = text([("cn", &["Ren\u{e9}e", "Renate"])]);
    let change = changes(&existing, &wanted, |_| Policy::Force).remove(0);
    assert_eq!(change.removed().count(), 0);
    assert_eq!(change.added().collect::<Vec<_>>(), [b"Renate"]);
}

#[test]
fn octets_that_are_no_text_are_compared_as_they_are() {
    let schema = Schema::new(["jpegPhoto".into()]);
    let photo = |octets: &'static [u8]| schema.pack([("jpegPhoto", [octets])]);
    assert_eq!(changes(&photo(b"\xff\xd8\x01"), &photo(b"\xff\xd8\x01"), |_| Policy::Force), []);
    assert_eq!(changes(&photo(b"\xff\xd8\x01"), &photo(b"\xff\xd8\x02"), |_| Policy::Force).len(), 1);
}

fn pack(table: &Table) -> Attributes {
    let schema = Schema::new(table.keys().map(|name| AttributeName::new(name)));
    schema.pack(table.iter().map(|(name, values)| (name.as_str(), values.iter().map(Vec::as_slice))))
}

fn apply(existing: &Table, changes: &[Change]) -> Table {
    let mut after = existing.clone();
    for change in changes {
        let name = change.attribute.as_str().to_lowercase();
        let held = after.remove(&name).unwrap_or_default();
        assert_eq!(
            held.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            change.old.iter().map(AsRef::as_ref).collect::<Vec<&[u8]>>()
        );
        if !change.new.is_empty() {
            after.insert(name, change.new.iter().map(|value| value.to_vec()).collect());
        }
    }
    after
}

fn as_set(table: &Table, name: &str) -> BTreeSet<Vec<u8>> {
    let nfc = |value: &Vec<u8>| match String::from_utf8(value.clone()) {
        Ok(text) => text.nfc().collect::<String>().into_bytes(),
        Err(_) => value.clone(),
    };
    table.get(name).map(|values| values.iter().map(nfc).collect()).unwrap_or_default()
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "A", "b", "\u{e9}", "e\u{301}", "\u{1100}\u{1161}", "\u{ac00}"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..3),
    ]
}

fn table(least: usize) -> impl Strategy<Value = Table> {
    prop::collection::btree_map("[a-d]", prop::collection::vec(value(), least..4), 0..5)
}

fn policies() -> impl Strategy<Value = Vec<Policy>> {
    prop::collection::vec(prop::sample::select(vec![Policy::Force, Policy::Keep, Policy::CreateOnly, Policy::Merge]), 4)
}

proptest! {
    #[test]
    fn applying_the_changes_gives_what_is_wanted(existing in table(1), wanted in table(0), policies in policies()) {
        let policy = |name: &AttributeName| policies[usize::from(name.as_str().as_bytes()[0] - b'a')];
        let after = apply(&existing, &changes(&pack(&existing), &pack(&wanted), policy));
        for name in ["a", "b", "c", "d"] {
            let (before, wish) = (as_set(&existing, name), as_set(&wanted, name));
            let expected = match policy(&AttributeName::new(name)) {
                _ if !wanted.contains_key(name) => before,
                Policy::Force => wish,
                Policy::Keep if before.is_empty() => wish,
                Policy::Keep | Policy::CreateOnly => before,
                Policy::Merge => &before | &wish,
            };
            prop_assert_eq!(as_set(&after, name), expected, "{}", name);
        }
    }

    #[test]
    fn applying_twice_changes_nothing_more(existing in table(1), wanted in table(0), policies in policies()) {
        let policy = |name: &AttributeName| policies[usize::from(name.as_str().as_bytes()[0] - b'a')];
        let after = apply(&existing, &changes(&pack(&existing), &pack(&wanted), policy));
        prop_assert_eq!(changes(&pack(&after), &pack(&wanted), policy), []);
    }

    #[test]
    fn changes_come_in_name_order_and_each_changes_something(existing in table(1), wanted in table(0)) {
        let changes = changes(&pack(&existing), &pack(&wanted), |_| Policy::Force);
        prop_assert!(changes.windows(2).all(|pair| pair[0].attribute < pair[1].attribute));
        for change in &changes {
            prop_assert!(change.added().next().is_some() || change.removed().next().is_some(), "{}", change);
        }
    }
}
