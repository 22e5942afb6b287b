use proptest::prelude::*;

use super::*;

fn dn(text: &str) -> Dn {
    Dn::parse(text).expect(text)
}

#[test]
fn one_spelling_for_one_name() {
    for (text, canonical) in [
        ("UID=ada , OU=People,dc=Example,dc=org", "uid=ada,ou=People,dc=Example,dc=org"),
        (r"cn=Byron\, Ada,o=x", r"cn=Byron\2C Ada,o=x"),
        (r"cn=Byron\2C Ada,o=x", r"cn=Byron\2C Ada,o=x"),
        (r"sn=b+cn=a,o=x", r"cn=a+sn=b,o=x"),
        (r"cn=\ a\ ,o=x", "cn=a,o=x"),
        (r"cn=\#1,o=x", r"cn=\231,o=x"),
        ("2.5.4.3=a,organizationName=x", "cn=a,o=x"),
        ("cn=M\\C3\\BCller,o=x", "cn=Müller,o=x"),
        ("cn=a，b,o=x", r"cn=a\EF\BC\8Cb,o=x"),
        ("cn=#0403414243,o=x", "cn=#0403414243,o=x"),
        (r"cn=a\=b=c,o=x", r"cn=a\3Db\3Dc,o=x"),
        (r"cn=\FF\FE,o=x", r"cn=\FF\FE,o=x"),
    ] {
        assert_eq!(dn(text).to_string(), canonical, "{text}");
        assert_eq!(dn(canonical).to_string(), canonical, "{canonical}");
    }
}

#[test]
fn what_is_no_name_is_refused() {
    for text in [
        "",
        "ada",
        "=ada,o=x",
        "uid=,o=x",
        "uid=ada,,o=x",
        r"uid=ada\",
        "cn=\"a,b\",o=x",
        "u(d=a",
        "cn=#0,o=x",
        "uid=a;b",
    ] {
        assert!(Dn::parse(text).is_err(), "{text}");
    }
}

#[test]
fn names_compare_as_directories_compare() {
    assert_eq!(dn("uid=Ada,ou=People,o=x").key(), dn("UID=ada, OU=people,O=X").key());
    assert_eq!(dn("cn=Ada  Byron,o=x").key(), dn("cn=ada byron,o=x").key());
    assert_eq!(dn("cn=\u{e9},o=x").key(), dn("cn=e\u{301},o=x").key());
    assert_ne!(dn("cn=a，ou=b,o=x").key(), dn("cn=a,ou=b,o=x").key());
    assert_ne!(dn("uid=ada,o=x").key(), dn("uid=adam,o=x").key());
}

#[test]
fn within_goes_by_whole_parts() {
    let base = dn("ou=people,dc=example,dc=org");
    assert!(dn("uid=ada,OU=People,dc=example,dc=org").is_within(&base));
    assert!(base.is_within(&base));
    assert!(!dn("uid=ada,dc=example,dc=org").is_within(&base));
    assert!(!dn(r"uid=ada\,ou=people,dc=example,dc=org").is_within(&base));
    assert_eq!(dn("uid=ada,ou=people,dc=example,dc=org").parent(), Some(base));
}

#[test]
fn a_value_cannot_leave_its_rdn() {
    let base = dn("ou=people,o=x");
    let rdn = Rdn::new("uid", "ada,ou=admins").expect("not blank");
    assert_eq!(base.child(rdn).to_string(), r"uid=ada\2Cou\3Dadmins,ou=people,o=x");
    assert_eq!(Rdn::new("uid", "  "), None);
}

proptest! {
    #[test]
    fn every_value_comes_back(value in "\\PC{1,20}", binary in proptest::collection::vec(any::<u8>(), 1..12)) {
        let base = dn("o=x");
        if let Some(rdn) = Rdn::new("cn", &value) {
            let made = base.child(rdn);
            let parsed = dn(&made.to_string());
            prop_assert_eq!(&parsed, &made);
            prop_assert_eq!(parsed.rdn().value("cn"), Some(value.trim_matches(' ')));
            prop_assert_eq!(parsed.parent(), Some(base));
        }
        if let Some(ava) = Ava::new("cn", binary) {
            prop_assert_eq!(Ava::parse(&ava.to_string()), Ok(ava));
        }
    }

    #[test]
    fn parsing_never_panics_and_is_stable(text in "\\PC{0,30}") {
        if let Ok(parsed) = Dn::parse(&text) {
            prop_assert_eq!(Dn::parse(&parsed.to_string()), Ok(parsed));
        }
    }
}
