use proptest::prelude::*;
use serde_json::json;

use super::*;

fn path(text: &str) -> AttributePath {
    AttributePath::parse(text).expect("a path")
}

fn eq(attribute: &str, value: &str) -> Filter {
    Filter::eq(&path(attribute), value)
}

fn parse(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

#[test]
fn filters_are_written_as_the_rfc_has_them() {
    assert_eq!(eq("userName", "bjensen").to_string(), r#"userName eq "bjensen""#);
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber";
    assert_eq!(eq(urn, "7").to_string(), format!(r#"{urn} eq "7""#));
    assert_eq!(Filter::eq(&path("active"), true).to_string(), "active eq true");
    let both = eq("title", "a").and(eq("userType", "b")).and(eq("locale", "c"));
    assert_eq!(both.to_string(), r#"title eq "a" and userType eq "b" and locale eq "c""#);
    let any = Filter::any(["a", "b", "c"].map(|name| eq("userName", name))).expect("three");
    assert_eq!(any.to_string(), r#"userName eq "a" or userName eq "b" or userName eq "c""#);
    assert_eq!(Filter::any([]), None);
}

#[test]
fn and_goes_before_or() {
    let (a, b, c) = (eq("a", "1"), eq("b", "2"), eq("c", "3"));
    let or_within = a.clone().or(b.clone()).and(c.clone());
    assert_eq!(or_within.to_string(), r#"(a eq "1" or b eq "2") and c eq "3""#);
    let and_within = a.clone().or(b.clone().and(c.clone()));
    assert_eq!(and_within.to_string(), r#"a eq "1" or b eq "2" and c eq "3""#);
    assert_eq!(parse(&or_within.to_string()), or_within);
    assert_eq!(parse(&and_within.to_string()), and_within);
    assert_ne!(or_within, and_within);
}

#[test]
fn values_cannot_change_the_meaning() {
    let filter = eq("userName", r#"x" or userName eq "admin"#);
    assert_eq!(filter.to_string(), r#"userName eq "x\" or userName eq \"admin""#);
    assert_eq!(eq("userName", "a\\").to_string(), r#"userName eq "a\\""#);
    assert_eq!(eq("userName", "a\nb\u{1}").to_string(), r#"userName eq "a\nb\u0001""#);
    assert_eq!(eq("displayName", "Ä 😀").to_string(), r#"displayName eq "Ä 😀""#);
}

#[test]
fn a_value_filter_is_left_out_of_a_comparison() {
    assert_eq!(eq(r#"emails[type eq "work"].value"#, "a@x.org").to_string(), r#"emails.value eq "a@x.org""#);
}

#[test]
fn filters_are_read_in_any_case_and_with_any_blanks() {
    let wanted = r#"(userName eq "a" or active eq false) and n eq -1.5"#;
    assert_eq!(parse("  ( userName  EQ\t\"a\"Or active eq false)AND n eq -1.5 ").to_string(), wanted);
    assert_eq!(parse(r#"((userName eq "\u0061"))"#), eq("userName", "a"));
}

#[test]
fn what_is_no_filter_is_a_fault() {
    let fault = |text: &str| Filter::parse(text).expect_err(text);
    for text in [
        "",
        "userName",
        "userName eq",
        "userName eq a",
        "userName eq null",
        "userName eq [1]",
        r#"userName eq "a"#,
        r#"(userName eq "a""#,
        r#"userName eq "a")"#,
        r#"userName eq "a" userName eq "b""#,
        r#"userName eq "a" and"#,
        "()",
    ] {
        assert!(matches!(fault(text), FilterFault::Missing { .. }), "{text}: {:?}", fault(text));
    }
    assert_eq!(fault(r#"userName sw "a""#), FilterFault::Operator("sw".to_owned()));
    assert_eq!(fault("title pr"), FilterFault::Operator("pr".to_owned()));
    assert_eq!(fault(r#"1a eq "b""#), FilterFault::Attribute("1a".to_owned()));
    assert_eq!(fault(&"(".repeat(100_000)), FilterFault::TooDeep);
}

#[test]
fn elements_match() {
    let work = parse(r#"type eq "work""#);
    assert!(work.matches(&json!({"type": "work"})) && work.matches(&json!({"Type": "WORK"})));
    assert!(!work.matches(&json!({"type": "home"})) && !work.matches(&json!({})) && !work.matches(&json!("work")));
    assert!(work.is_answered_by(&json!({"type": "home"})) && !work.is_answered_by(&json!({"type": null})));
    let primary = parse(r#"primary eq true and (type eq "work" or type eq "home")"#);
    assert!(primary.matches(&json!({"primary": "True", "type": "home"})));
    assert!(!primary.matches(&json!({"primary": true, "type": "other"})));
    assert!(parse("n eq 3").matches(&json!({"n": "3"})) && !parse("n eq 3").matches(&json!({"n": 4})));
    assert!(parse(r#"manager.value eq "7""#).matches(&json!({"manager": {"value": "7"}})));
}

#[test]
fn what_an_element_must_hold() {
    assert_eq!(
        parse(r#"type eq "work" and primary eq true"#).demands(),
        Some(vec![("type", json!("work")), ("primary", json!(true))])
    );
    assert_eq!(parse(r#"type eq "work" or type eq "home""#).demands(), None);
    assert_eq!(parse(r#"a.b eq "work""#).demands(), None);
}

/// Any filter of a few terms.
pub(in crate::directory::scim) fn any_filter() -> impl Strategy<Value = Filter> {
    let comparand = prop_oneof![
        any::<String>().prop_map(Comparand::Text),
        any::<bool>().prop_map(Comparand::Boolean),
        any::<i64>().prop_map(|number| Comparand::Number(number.into())),
    ];
    let name = prop_oneof!["[a-zA-Z][a-zA-Z0-9_-]{0,6}", Just("urn:example:x:1.0:User:a.b".to_owned())];
    let term = (name, comparand).prop_map(|(name, comparand)| Filter::eq(&path(&name), comparand));
    term.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| a.and(b)),
            (inner.clone(), inner).prop_map(|(a, b)| a.or(b)),
        ]
    })
}

proptest! {
    #[test]
    fn every_filter_is_read_back(filter in any_filter()) {
        prop_assert_eq!(parse(&filter.to_string()), filter);
    }

    #[test]
    fn every_value_stays_what_it_is(value in any::<String>()) {
        let filter = eq("userName", &value);
        prop_assert_eq!(filter.demands(), Some(vec![("userName", Value::String(value))]));
        prop_assert_eq!(parse(&filter.to_string()), filter);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), likely in r#"[a-z"\\. ()eqandor0-9]{0,60}"#) {
        let _ = Filter::parse(&text);
        if let Ok(filter) = Filter::parse(&likely) {
            prop_assert_eq!(parse(&filter.to_string()), filter);
        }
    }
}
