//! Names that are settled when the directory has been read.

use super::*;

#[test]
fn a_person_with_one_name_gets_sn_and_cn_only_when_created() {
    let mapper = mapper(settings(&[]), "username,firstname,surname,email");
    let mut account = account(&mapper, "suharto,Suharto,,s@example.org");
    assert_eq!(shown(&account), r#"{"givenName": ["Suharto"], "mail": ["s@example.org"]}"#);
    mapper.complete_new(&mut account);
    assert_eq!(
        shown(&account),
        r#"{"cn": ["Suharto"], "displayName": ["Suharto"], "givenName": ["Suharto"], "mail": ["s@example.org"], "sn": ["Suharto"]}"#
    );
}

#[test]
fn with_clear_an_empty_surname_is_meant() {
    let clear = MappingSettings { empty: EmptyCell::Clear, ..settings(&[]) };
    let account = account(&mapper(clear, "username,firstname,surname,email"), "suharto,Suharto,,s@example.org");
    assert_eq!(account.attributes.first_text("sn"), Some("Suharto"));
    assert_eq!(account.attributes.first_text("cn"), Some("Suharto"));
}

#[test]
fn a_counted_username_reaches_everything_that_uses_it() {
    let rules = [
        ("username", "{{ first|ascii|lower|truncate(1,'') }}{{ last|ascii|lower }}"),
        ("mail", "{{ username }}@example.org"),
        ("homeDirectory", "/home/{{ dept|lower }}/{{ username }}"),
        ("dn", "uid={{ username }},ou={{ dept }},dc=x"),
        ("title", "{{ dept }}"),
    ];
    let mapper = mapper(counting(&rules), "Number,Firstname,Surname,Dept");
    let (mut account, late) = account_with_late(&mapper, "7,Ada,Byron,R+D");
    assert_eq!((&*account.username, account.match_value()), ("abyron", "7"));
    assert_eq!(account.person.email(), "abyron@example.org");
    assert_eq!(mapper.rename(&mut account, &late, "abyron2"), []);
    assert_eq!(
        shown(&account),
        r#"{"cn": ["Ada Byron"], "displayName": ["Ada Byron"], "employeeNumber": ["7"], "givenName": ["Ada"], "homeDirectory": ["/home/r+d/abyron2"], "mail": ["abyron2@example.org"], "sn": ["Byron"], "title": ["R+D"]}"#
    );
    assert_eq!(account.locator.as_deref(), Some("uid=abyron2,ou=R\\+D,dc=x"));
    assert_eq!(account.person.email(), "abyron2@example.org");
    assert_eq!(account.person.first(), "Ada");
}

#[test]
fn a_renamed_account_is_checked_again() {
    let mut settings = counting(&[("username", "{{ last|lower }}")]);
    settings.checks.username.max = 6;
    let mapper = mapper(settings, "number,surname,email");
    let (mut account, late) = account_with_late(&mapper, "7,Byron,a@x.org");
    let problems = mapper.rename(&mut account, &late, "byron22");
    assert_eq!(problems, [Problem::error(Some("username"), ProblemKind::TooLong { length: 7, limit: 6 })]);
}

#[test]
fn nothing_is_kept_for_later_without_need() {
    let rules = [("username", "{{ last|lower }}"), ("title", "{{ dept }}")];
    let mapper = mapper(counting(&rules), "Number,Surname,Dept,email");
    let (_, late) = account_with_late(&mapper, "7,Byron,R+D,a@x.org");
    assert_eq!(&*late.0, "");
}
