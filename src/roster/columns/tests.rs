use super::*;

fn header(names: &str) -> Vec<String> {
    names.split(',').map(str::to_owned).collect()
}

fn columns(names: &str, wishes: &Wishes) -> Columns {
    Columns::new(&header(names), wishes).expect("a header in order")
}

fn duplicate(names: &str, wishes: &Wishes) -> String {
    match Columns::new(&header(names), wishes) {
        Err(Damage { kind: DamageKind::DuplicateColumn(name), .. }) => name,
        other => panic!("no duplicate: {other:?}"),
    }
}

#[test]
fn names_are_compared_without_case_blanks_underscores_and_hyphens() {
    for name in
        ["First name", "FIRST_NAME", "first-name", "\u{a0}FirstName ", "ＦｉｒｓｔＮａｍｅ", "\u{feff}firstname"]
    {
        assert_eq!(Known::named(name), Some(Known::FirstName), "{name:?}");
    }
    assert_eq!(Known::named("E-Mail Address"), Some(Known::Email));
    assert_eq!(Known::named("Change password next time"), Some(Known::MustChange));
    assert_eq!(Known::named("Subscribe to all news channels"), Some(Known::Subscribe));
    assert_eq!(Known::named("Job title"), None);
}

#[test]
fn every_alias_is_normalized_and_means_one_thing() {
    let all: Vec<&str> = KNOWN.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    let distinct: HashSet<&str> = all.iter().copied().collect();
    assert_eq!(distinct.len(), all.len());
    for name in all {
        assert_eq!(normalized(name), name);
    }
}

#[test]
fn the_header_of_the_manual_is_known() {
    let columns = columns("username,firstname,surname,email,change password next time", &Wishes::default());
    let known: Vec<Known> = columns.all_known().map(|(known, _)| known).collect();
    assert_eq!(known, [Known::Username, Known::FirstName, Known::Surname, Known::Email, Known::MustChange]);
    assert_eq!(columns.known(Known::Email), Some(3));
}

#[test]
fn two_columns_of_one_meaning_are_refused() {
    assert_eq!(duplicate("username,Login,email", &Wishes::default()), "username (username, Login)");
    assert_eq!(duplicate("username,email,email", &Wishes::default()), "email");
}

#[test]
fn a_column_that_the_feed_maps_does_not_become_the_username() {
    let wishes = Wishes { claimed: ["UserID".to_owned()].into(), ..Wishes::default() };
    assert_eq!(columns("UserID,email", &wishes).known(Known::Username), None);
    assert_eq!(columns("UserID,Username,email", &wishes).known(Known::Username), Some(1));
    assert_eq!(columns("UserID,email", &Wishes::default()).known(Known::Username), Some(0));
}

#[test]
fn a_column_that_a_template_uses_stands_back_only_for_another() {
    let wishes = Wishes { used: ["login".to_owned()].into(), ..Wishes::default() };
    assert_eq!(columns("login,email", &wishes).known(Known::Username), Some(0));
    assert_eq!(columns("login,username,email", &wishes).known(Known::Username), Some(1));
}

#[test]
fn a_column_with_the_canonical_name_stays_known_when_it_is_mapped_too() {
    let wishes = Wishes { claimed: ["username".to_owned()].into(), ..Wishes::default() };
    assert_eq!(columns("username,email", &wishes).known(Known::Username), Some(0));
}

#[test]
fn a_mapped_mail_column_is_still_where_letters_go() {
    let wishes = Wishes { claimed: ["Mail".to_owned()].into(), ..Wishes::default() };
    assert_eq!(columns("username,Mail", &wishes).known(Known::Email), Some(1));
    assert_eq!(columns("username,Mail,E-Mail", &wishes).known(Known::Email), Some(2));
}

#[test]
fn a_rule_decides_over_an_alias() {
    let wishes = Wishes { assigned: vec![(Known::Username, "Account".to_owned())], ..Wishes::default() };
    assert_eq!(columns("login,Account", &wishes).known(Known::Username), Some(1));
    let wishes = Wishes { assigned: vec![(Known::Email, "Work address".to_owned())], ..Wishes::default() };
    assert_eq!(columns("login,Work address", &wishes).known(Known::Email), Some(1));
    assert_eq!(columns("login,Work address,email", &wishes).known(Known::Email), Some(2));
}

#[test]
fn an_alias_of_the_feed_renames_a_column() {
    let aliases = vec![
        ("Vorname".to_owned(), "firstname".to_owned()),
        ("Login".to_owned(), "legacy login".to_owned()),
        ("Personalnummer".to_owned(), "employeeNumber".to_owned()),
    ];
    let wishes = Wishes { aliases, ..Wishes::default() };
    let columns = columns("Vorname,LOGIN,username,Personalnummer", &wishes);
    assert_eq!(columns.known(Known::FirstName), Some(0));
    assert_eq!(columns.known(Known::Username), Some(2));
    assert_eq!(columns.find("EmployeeNumber").expect("one"), Some(3));
    assert_eq!(columns.find("personalnummer").expect("one"), Some(3));
    assert_eq!(columns.find("givenName").expect("one"), Some(0));
    assert_eq!(columns.find("username").expect("one"), Some(2));
    assert_eq!(columns.find("user id").expect("none"), None);
    assert_eq!(columns.find("department").expect("none"), None);
}

#[test]
fn one_alias_for_two_columns_is_refused() {
    let aliases = vec![("A".to_owned(), "email".to_owned()), ("B".to_owned(), "mail".to_owned())];
    assert_eq!(duplicate("A,B", &Wishes { aliases, ..Wishes::default() }), "email (A, B)");
}

#[test]
fn password_columns_are_secret_under_every_name() {
    let wishes = Wishes {
        aliases: vec![("PIN".to_owned(), "password".to_owned()), ("Key".to_owned(), "start".to_owned())],
        assigned: vec![(Known::Password, "Start".to_owned())],
        ..Wishes::default()
    };
    let columns = columns("PIN,Key,Start,Pwd,email", &wishes);
    let secret: Vec<bool> = (0..columns.len()).map(|i| columns.is_secret(i)).collect();
    assert_eq!(secret, [true, true, true, true, false]);
}

#[test]
fn columns_that_rosterd_adds_are_its_own() {
    let columns = columns("rosterd line,rosterd column,rosterd reason,username", &Wishes::default());
    let own: Vec<bool> = (0..columns.len()).map(|i| columns.is_own(i)).collect();
    assert_eq!(own, [true, true, true, false]);
    assert_eq!(columns.known(Known::Username), Some(3));
}
