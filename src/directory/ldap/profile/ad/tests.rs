use std::collections::HashMap;

use super::*;

fn entry(pairs: &[(&str, &str)]) -> Entry {
    let text = pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
    Entry::of("CN=Ada,DC=x".to_owned(), text, HashMap::new())
}

fn texts(mods: &[Mod<Vec<u8>>]) -> Vec<String> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).replace('\0', "");
    let told = mods.iter().map(|one| match one {
        Mod::Add(name, values) => ("add", name, values),
        Mod::Delete(name, values) => ("delete", name, values),
        Mod::Replace(name, values) => ("replace", name, values),
        Mod::Increment(name, _) => panic!("{}", text(name)),
    });
    told.map(|(verb, name, values)| {
        let values: Vec<String> = values.iter().map(|value| text(value)).collect();
        format!("{verb} {} {}", text(name), values.join(" "))
    })
    .collect()
}

fn written(wanted: Wanted<'_>, bits: &str) -> Result<Vec<String>, String> {
    modifications(wanted, Some(&entry(&[(CONTROL, bits)]))).map(|mods| texts(&mods))
}

#[test]
fn the_state_is_that_of_two_attributes() {
    let state = |bits, set| state(&entry(&[(CONTROL, bits), (LAST_SET, set)]));
    assert_eq!(state("512", "134398479330936910"), State { enabled: true, must_change: Some(false) });
    assert_eq!(state("512", "0"), State { enabled: true, must_change: Some(true) });
    assert_eq!(state("514", "0"), State { enabled: false, must_change: Some(true) });
    assert_eq!(state("66048", "0"), State { enabled: true, must_change: Some(false) });
    assert!(!state("-2147483134", "1").enabled, "the highest bit makes the number negative");
    assert_eq!(super::state(&entry(&[])).must_change, None);
}

#[test]
fn a_new_account_is_enabled_only_with_a_password() {
    let secret = Secret::from("Ä\"1");
    let values = |password, must_change, suffix| -> HashMap<&str, Vec<u8>> {
        of_new(&New { username: "ada", suffix, password, must_change }).expect("it can be had").into_iter().collect()
    };
    let with = values(Some(&secret), true, "example.org");
    assert_eq!(with[CONTROL], b"512");
    assert_eq!(with[LAST_SET], b"0");
    assert_eq!(with[PRINCIPAL], b"ada@example.org");
    assert_eq!(with[PASSWORD], [0x22, 0, 0xc4, 0, 0x22, 0, 0x31, 0, 0x22, 0]);
    let without = values(None, false, "");
    assert_eq!(without, HashMap::from([(CONTROL, b"514".to_vec())]));
}

#[test]
fn only_the_bits_concerned_are_changed_and_only_if_the_others_are_as_seen() {
    let enable = |enabled| Wanted { enabled: Some(enabled), ..Wanted::default() };
    let (off, on) = (enable(false), enable(true));
    assert_eq!(
        written(off, "66048").expect("good"),
        ["delete userAccountControl 66048", "add userAccountControl 66050"]
    );
    assert_eq!(written(off, "514").expect("good"), [""; 0]);
    assert_eq!(written(on, "546").expect("good"), ["delete userAccountControl 546", "add userAccountControl 512"]);
    assert_eq!(
        written(on, "-2147483134").expect("good"),
        ["delete userAccountControl -2147483134", "add userAccountControl -2147483136"]
    );
    assert!(modifications(on, Some(&entry(&[]))).is_err());
    assert_eq!(presumes(on), Presumes::ALook);
}

#[test]
fn a_change_is_not_forced_where_it_would_not_be() {
    let force = |must_change| Wanted { must_change: Some(must_change), ..Wanted::default() };
    assert_eq!(presumes(force(true)), Presumes::ALook);
    assert!(written(force(true), "66048").expect_err("refused").contains("DONT_EXPIRE_PASSWD"));
    assert_eq!(written(force(true), "512").expect("good"), ["replace pwdLastSet 0"]);
    assert_eq!(written(force(false), "66048").expect("good"), ["replace pwdLastSet -1"]);
    let secret = Secret::from("pw");
    let both = Wanted { password: Some(&secret), must_change: Some(true), enabled: None };
    assert_eq!(written(both, "514").expect("good"), ["replace unicodePwd \"pw\"", "replace pwdLastSet 0"]);
}

#[test]
fn login_names_are_what_windows_takes() {
    for good in ["ada", "Ada.Byron", "a b", "ädä", "abcdefghijklmnopqrst", "x-1_2!#&'()"] {
        assert_eq!(bad_username(good), None, "{good}");
    }
    let refused =
        ["abcdefghijklmnopqrstu", "a/b", "a\"b", "a[b", "a@b", "a=b", "a\\b", "a*", "a?", "a<b", "a.", "a\u{7}"];
    for bad in refused {
        assert!(bad_username(bad).is_some(), "{bad}");
    }
}

#[test]
fn a_group_has_a_type_and_a_second_name() {
    let of = |name, of_type| -> Vec<String> {
        let values = of_new_group(name, of_type).into_iter();
        values.map(|(_, value)| String::from_utf8(value).expect("text")).collect()
    };
    assert_eq!(of("R&D, \"new\" + <old>.", GroupType::GlobalSecurity), ["R&D_ _new_ _ _old_", "-2147483646"]);
    assert_eq!(of("staff", GroupType::UniversalSecurity)[1], "-2147483640");
    assert_eq!(of("staff", GroupType::DomainLocalDistribution)[1], "4");
}

#[test]
fn the_text_of_a_refused_bind_says_why() {
    let answer =
        |rc, text: &str| LdapResult { rc, matched: String::new(), text: text.to_owned(), refs: vec![], ctrls: vec![] };
    let text = |data: &str| {
        format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1")
    };
    assert_eq!(login(&answer(0, "")), Login::Welcome);
    assert_eq!(login(&answer(49, &text("773"))), Login::MustChange);
    for data in ["52e", "525", "532", "533", "701", "775", "7", "7730", ""] {
        assert!(matches!(login(&answer(49, &text(data))), Login::Refused(_)), "{data}");
    }
    assert!(matches!(login(&answer(8, &text("773"))), Login::Refused(_)));
}
