//! What is found out before any row is mapped.

use super::*;

#[test]
fn a_roster_of_a_few_columns_can_change_accounts() {
    let (mapper, notices) =
        bind(settings(&[("title", "Job title")]), "username,Job title,Shoe size").expect("in order");
    let texts: Vec<&str> = notices.iter().map(|n| n.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "not used: not mentioned in [feed.map]",
            "the roster has no column for a first name or surname, nor for a mail address: it can change accounts, but create none",
        ]
    );
    let account = account(&mapper, "ada,Countess,38");
    assert_eq!(shown(&account), r#"{"title": ["Countess"]}"#);
    assert_eq!(
        mapper.missing_for_create(&account, true),
        [Problem::error(None, ProblemKind::MissingName), Problem::error(Some("email"), ProblemKind::Missing)]
    );
}

#[test]
fn missing_columns_are_found_before_any_row() {
    let header = "username,firstname,surname,email";
    assert_eq!(missing(settings(&[("title", "Job title")]), header), "Job title (map.title)");
    assert_eq!(missing(settings(&[("title", "{{ job_title }}")]), header), "job_title (map.title)");
    assert_eq!(missing(settings(&[("title", "{{ row['Job'] }}")]), header), "Job (map.title)");
    assert_eq!(missing(settings(&[("title", "{{ first }}")]), "username,surname"), "first (map.title)");
    assert_eq!(missing(settings(&[("username", "{{ first }}.{{ nick }}")]), header), "nick (map.username)");
    assert_eq!(
        missing(settings(&[("username", "Login ID"), ("title", "x")]), header),
        "Login ID (map.username), x (map.title)"
    );
    assert_eq!(missing(settings(&[]), "firstname,email"), "username");
    let mut required = settings(&[]);
    required.checks.required = vec!["Room".to_owned()];
    assert_eq!(missing(required, header), "Room (checks.required)");
}

#[test]
fn a_first_line_that_names_nothing_is_no_header_and_is_not_quoted() {
    let Err(Damage { kind: DamageKind::NoHeader(text), .. }) = bind(settings(&[]), "ada,Ada,Byron,geheim") else {
        panic!("it is no header")
    };
    assert_eq!(text, "none of its 4 cells names a column that is known or mapped");
}

#[test]
fn unused_columns_are_told_once_and_rosterds_own_never() {
    let header = "rosterd line,rosterd column,rosterd reason,username,login x,firstname,email";
    let (_, notices) = bind(settings(&[("username", "{{ first|lower }}")]), header).expect("in order");
    let columns: Vec<&str> = notices.iter().filter_map(|n| n.column.as_deref()).collect();
    assert_eq!(columns, ["username", "login x"]);
    assert_eq!(notices[0].text, "not used: [feed.map] says where the username comes from");
}

#[test]
fn what_rosterd_wrote_into_an_errors_file_is_not_held_against_the_corrected_row() {
    let mapper = mapper(settings(&[]), "rosterd line,rosterd column,rosterd reason,username,firstname,email");
    let fields = cells("7,firstname,looks like text read wrongly: `Ã¼`,jm,Jürgen,jm@example.org");
    let in_column = |column| Problem::error(Some(column), ProblemKind::Mojibake("Ã¼".into()));
    let account = |column| mapper.account(LineNo(2), &fields, vec![in_column(column)]);
    assert!(matches!(account("rosterd reason"), Mapped::Account { .. }));
    assert!(matches!(account("firstname"), Mapped::Rejected(_)));
}

#[test]
fn a_password_goes_nowhere_else() {
    let secret = "which templates never see";
    for rules in [
        &[("title", "{{ password }}")][..],
        &[("title", "{{ Pass_word }}")],
        &[("title", "{{ row['Initial password'] }}")],
        &[("title", "{{ pin }}"), ("password", "PIN")],
    ] {
        let told = faults(settings(rules));
        assert_eq!(told.len(), 1, "{rules:?}");
        assert!(told[0].contains(secret), "{told:?}");
    }
    assert_eq!(
        faults(settings(&[("title", "PIN"), ("password", "PIN")])),
        ["`map.title`: the column is the password, which goes nowhere else"]
    );
    assert_eq!(
        faults(settings(&[("password", "{{ first }}")])),
        ["`map.password`: a password comes from a column; templates never see one"]
    );
}

#[test]
fn mistakes_in_the_settings_are_all_told_with_their_keys() {
    let mut bad = settings(&[("cn", "{{ first|uper }}"), ("dn", "DN"), ("CN", "x"), ("username", "y")]);
    bad.rules[3].policy = Policy::Keep;
    bad.rules[3].multi = true;
    bad.match_by = MatchBy::Attribute("employeeNumber".into());
    assert_eq!(
        faults(bad),
        [
            "`map.cn`: there is no filter `uper`; the filters are ascii, default, initials, lower, replace, slug, title, trim, truncate, upper",
            "`map.dn`: a DN needs a template, in which every value is escaped",
            "`map.CN`: the same target is mapped twice",
            "`map.username`: it has one value: neither `multi` nor `separator` fits",
            "`map.username`: a policy is for attributes only",
            "`match`: nothing in [feed.map] fills `employeeNumber`",
        ]
    );
    let by_username = MappingSettings { collision: Collision::Counter, ..settings(&[]) };
    assert_eq!(
        faults(by_username),
        ["`match`: with `collision = \"counter\"` rows must find their entries by another attribute than the username"]
    );
    let mut circular = counting(&[]);
    circular.rules[0] = Rule::short("employeeNumber", "{{ username }}");
    assert_eq!(faults(circular), ["`match`: `employeeNumber` changes with the username, which a counter may change"]);
}

#[test]
fn policies_are_by_attribute() {
    let mut settings = settings(&[("title", "Title")]);
    settings.rules[0].policy = Policy::Keep;
    let mapping = Mapping::new(settings).expect("in order");
    assert_eq!(mapping.policy(&"TITLE".into()), Policy::Keep);
    assert_eq!(mapping.policy(&"mail".into()), Policy::Force);
    let names: Vec<&str> = mapping.schema().names().map(AttributeName::as_str).collect();
    assert_eq!(names, ["cn", "displayName", "givenName", "mail", "sn", "title"]);
}
