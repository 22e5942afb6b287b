use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn parse(text: &str) -> AttributePath {
    AttributePath::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn of(name: &str) -> String {
    AttributePath::of(&AttributeName::new(name)).unwrap_or_else(|fault| panic!("{name}: {fault}")).to_string()
}

/// The examples of RFC 7644 section 3.5.2, figure 8, and what services and other clients use.
#[test]
fn paths_are_written_as_they_are_read() {
    for text in [
        "members",
        "name.familyName",
        r#"addresses[type eq "work"]"#,
        r#"members[value eq "2819c223-7f76-453a-919d-413861904646"]"#,
        r#"members[value eq "2819c223-7f76-453a-919d-413861904646"].displayName"#,
        r#"emails[type eq "work" and primary eq true].value"#,
        r#"emails[(type eq "work" or type eq "home") and primary eq true].value"#,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        r#"urn:example:params:scim:schemas:extension:school:1.0:User:rooms[floor eq 3].name"#,
        "urn:scim:schemas:extension:atlassian-external:1.0:teams.$ref",
        r#"roles[value eq "a]b.c\"d\\e"].display"#,
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
}

#[test]
fn a_path_has_its_parts() {
    let path = parse(&format!(r#"{ENTERPRISE}:things[type eq "a:b"].value"#));
    assert_eq!(path.urn().map(Urn::as_str), Some(ENTERPRISE));
    assert_eq!((path.attribute(), path.sub()), ("things", Some("value")));
    assert_eq!(path.filter().map(ToString::to_string).as_deref(), Some(r#"type eq "a:b""#));
    assert_eq!(path.whole().to_string(), format!("{ENTERPRISE}:things"));
    assert_eq!(path.elements().to_string(), format!(r#"{ENTERPRISE}:things[type eq "a:b"]"#));
    assert_eq!(path.without_filter().to_string(), format!("{ENTERPRISE}:things.value"));
}

#[test]
fn core_attributes_are_written_without_their_schema() {
    assert_eq!(parse("urn:ietf:params:scim:schemas:core:2.0:User:userName"), AttributePath::user_name());
    assert_eq!(parse("URN:IETF:params:scim:schemas:core:2.0:group:displayName").to_string(), "displayName");
    assert!(parse("ACTIVE").is_core("active"));
    assert!(!parse("name.active").is_core("active") && !parse(&format!("{ENTERPRISE}:active")).is_core("active"));
}

#[test]
fn the_usual_names_have_their_places() {
    for (name, path) in [
        ("givenName", "name.givenName"),
        ("GIVENNAME", "name.givenName"),
        ("sn", "name.familyName"),
        ("cn", "name.formatted"),
        ("displayName", "displayName"),
        ("mail", r#"emails[type eq "work"].value"#),
        ("telephoneNumber", r#"phoneNumbers[type eq "work"].value"#),
        ("title", "title"),
        ("department", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"),
        ("departmentNumber", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"),
        ("employeeNumber", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"),
        ("manager", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"),
        ("externalId", "externalId"),
        ("nickName", "nickName"),
        ("emails", "emails"),
    ] {
        assert_eq!(of(name), path, "{name}");
    }
}

#[test]
fn what_is_no_path_is_a_fault() {
    let fault = |text| AttributePath::parse(text).expect_err(text);
    for text in ["", " ", "1st", "a b", "a.b.c", "a.", ".a", "name.given name", "a\"b", "cn;lang-de", "Größe"] {
        assert!(matches!(fault(text), PathFault::Name(_)), "{text}: {:?}", fault(text));
    }
    for text in [ENTERPRISE, "urn:ietf:params:scim:schemas:core:2.0:User", "urn:x", "urn:a[b:c:d", "urn:a:b\"c:d"] {
        assert!(!matches!(fault(text), PathFault::Filter(_)), "{text}: {:?}", fault(text));
    }
    for text in ["emails[", "emails[]", "emails[type]", r#"emails[type eq "work""#, r#"emails[type eq "work].value"#] {
        assert!(matches!(fault(text), PathFault::Filter(_)), "{text}: {:?}", fault(text));
    }
    assert_eq!(fault(r#"emails[type eq "work"]value"#), PathFault::Rest("value".to_owned()));
    assert!(matches!(fault(r#"a.b[type eq "work"]"#), PathFault::Name(_)));
    assert!(matches!(fault(r#"a[b eq 1].c[d eq 2]"#), PathFault::Name(_)));
}

#[test]
fn paths_compare_without_case() {
    let spellings = ["name.givenName", "NAME.givenname", "urn:ietf:params:scim:schemas:core:2.0:User:Name.GivenName"];
    let distinct: HashSet<AttributePath> = spellings.iter().map(|text| parse(text)).collect();
    assert_eq!(distinct.len(), 1);
    assert_ne!(parse("name.givenName"), parse("name"));
    assert_ne!(parse("department"), parse(&format!("{ENTERPRISE}:department")));
    assert_ne!(parse(r#"emails[type eq "work"]"#), parse(r#"emails[type eq "home"]"#));
}

#[test]
fn the_id_of_a_member_cannot_change_the_path() {
    let id = ResourceId::new(r#"x"] or value eq "y"#).expect("an id");
    let path = AttributePath::member(&id);
    assert_eq!(path.to_string(), r#"members[value eq "x\"] or value eq \"y"]"#);
    assert_eq!(parse(&path.to_string()), path);
}

/// Any path, by the grammar of RFC 7644 section 3.5.2.
pub(in crate::directory::scim) fn any_path() -> impl Strategy<Value = AttributePath> {
    let urn = prop_oneof![
        Just(String::new()),
        Just(format!("{ENTERPRISE}:")),
        "urn:[a-z]{1,6}:[a-zA-Z0-9.:-]{0,10}[a-z0-9]:".prop_filter("no empty part", |urn| !urn.contains("::")),
    ];
    let sub = prop_oneof![Just(String::new()), r"\.[a-zA-Z][a-zA-Z0-9_-]{0,6}", Just(".$ref".to_owned())];
    let filter = proptest::option::of(crate::directory::scim::filter::any_filter());
    (urn, "[a-zA-Z][a-zA-Z0-9_$-]{0,8}", filter, sub).prop_map(|(urn, attribute, filter, sub)| {
        let filter = filter.map(|filter| format!("[{filter}]")).unwrap_or_default();
        parse(&format!("{urn}{attribute}{filter}{sub}"))
    })
}

proptest! {
    #[test]
    fn every_path_is_read_back(path in any_path()) {
        prop_assert_eq!(parse(&path.to_string()), path);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), rest in r#"[a-z\[\]"\\.: ()eq]{0,40}"#) {
        let _ = AttributePath::parse(&text);
        if let Ok(path) = AttributePath::parse(&rest) {
            prop_assert_eq!(parse(&path.to_string()), path);
        }
        let _ = AttributePath::of(&AttributeName::new(&text));
    }

    #[test]
    fn every_id_makes_a_valid_path(text in any::<String>()) {
        if let Some(id) = ResourceId::new(&text) {
            let path = AttributePath::member(&id);
            prop_assert_eq!(parse(&path.to_string()), path);
        }
    }
}
