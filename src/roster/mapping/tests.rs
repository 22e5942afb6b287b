use super::*;
use crate::roster::account::Account;
use crate::roster::account::GroupName;
use crate::roster::account::LineNo;
use crate::roster::plan::Notice;
use crate::roster::problem::Damage;
use crate::roster::problem::DamageKind;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::secret::Secret;

mod any_row;
mod header;
mod late;

fn settings(rules: &[(&str, &str)]) -> MappingSettings {
    let rules = rules.iter().map(|(key, text)| Rule::short(key, text)).collect();
    MappingSettings { rules, ..MappingSettings::default() }
}

fn counting(rules: &[(&str, &str)]) -> MappingSettings {
    let match_by = MatchBy::Attribute("employeeNumber".into());
    let mut settings = MappingSettings { collision: Collision::Counter, match_by, ..settings(rules) };
    settings.rules.push(Rule::short("employeeNumber", "Number"));
    settings
}

fn cells(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

fn bind(settings: MappingSettings, header: &str) -> Result<(Mapper, Vec<Notice>), Damage> {
    Mapper::new(&Mapping::new(settings).expect("settings in order"), &cells(header))
}

fn mapper(settings: MappingSettings, header: &str) -> Mapper {
    bind(settings, header).expect("a header in order").0
}

fn map(mapper: &Mapper, row: &str) -> Mapped {
    mapper.account(LineNo(2), &cells(row), Vec::new())
}

fn account_with_late(mapper: &Mapper, row: &str) -> (Account, Late) {
    match map(mapper, row) {
        Mapped::Account { account, late, .. } => (account, late),
        Mapped::Rejected(rejected) => panic!("rejected: {:?}", rejected.problems),
    }
}

fn account(mapper: &Mapper, row: &str) -> Account {
    account_with_late(mapper, row).0
}

fn problems(mapper: &Mapper, row: &str) -> Vec<String> {
    match map(mapper, row) {
        Mapped::Account { account, .. } => panic!("accepted: {account:?}"),
        Mapped::Rejected(rejected) => rejected.problems.iter().map(ToString::to_string).collect(),
    }
}

fn shown(account: &Account) -> String {
    format!("{:?}", account.attributes)
}

fn faults(settings: MappingSettings) -> Vec<String> {
    match Mapping::new(settings) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

fn missing(settings: MappingSettings, header: &str) -> String {
    match bind(settings, header) {
        Err(Damage { kind: DamageKind::MissingColumn(what), .. }) => what,
        other => panic!("nothing is missing: {other:?}"),
    }
}

#[test]
fn the_manuals_roster_needs_no_mapping() {
    let mapper = mapper(settings(&[]), "username,firstname,surname,email,change password next time");
    let account = account(&mapper, "User1,Alice,Johnson,alice@example.org,1");
    assert_eq!(&*account.username, "User1");
    assert_eq!(
        shown(&account),
        r#"{"cn": ["Alice Johnson"], "displayName": ["Alice Johnson"], "givenName": ["Alice"], "mail": ["alice@example.org"], "sn": ["Johnson"]}"#
    );
    assert_eq!(account.must_change, Some(true));
    assert_eq!(account.person.email(), "alice@example.org");
    assert_eq!(account.match_value(), "User1");
    assert_eq!((account.locator, account.groups), (None, None));
}

#[test]
fn the_documented_example_works() {
    let rules = [
        ("username", "{{ first|ascii|lower|truncate(1,'') }}{{ last|ascii|lower }}"),
        ("employeeNumber", "Personalnummer"),
        ("title", "Job title"),
        ("displayName", "{{ first }} {{ last }}"),
        ("dn", "uid={{ username }},ou={{ department }},ou=people,dc=example,dc=org"),
    ];
    let de = MappingSettings { locale: Locale::named("de").expect("a language tag"), ..settings(&rules) };
    let mapper = mapper(de, "Personalnummer,Vorname,Nachname,First name,Last name,E-Mail,Department,Job title");
    let account = account(&mapper, "0042,,,Jörg,Müller-Lüdenscheidt,jm@example.org,R&D=Köln,Boss");
    assert_eq!(&*account.username, "jmueller-luedenscheidt");
    let dn = "uid=jmueller-luedenscheidt,ou=R&D\\=Köln,ou=people,dc=example,dc=org";
    assert_eq!(account.locator.as_deref(), Some(dn));
}

#[test]
fn cells_are_trimmed_and_composed() {
    let mapper = mapper(settings(&[]), "username,firstname,surname,email");
    let account = account(&mapper, " ada\u{a0},\u{feff}Ju\u{308}rgen ,  Byron,ada@example.org ");
    assert_eq!((&*account.username, account.person.first(), account.person.surname()), ("ada", "Jürgen", "Byron"));
}

#[test]
fn the_feeds_rules_override_the_targets() {
    let rules = [("displayName", "{{ last }}, {{ first }}"), ("title", "Job title"), ("CN", "{{ username }}")];
    let mapper = mapper(settings(&rules), "username,first name,last name,mail,Job_Title");
    let account = account(&mapper, "ada,Ada,Byron,ada@example.org,Countess");
    assert_eq!(
        shown(&account),
        r#"{"CN": ["ada"], "displayName": ["Byron, Ada"], "givenName": ["Ada"], "mail": ["ada@example.org"], "sn": ["Byron"], "title": ["Countess"]}"#
    );
}

#[test]
fn an_empty_cell_keeps_or_clears() {
    let keep = settings(&[("title", "Title")]);
    let clear = MappingSettings { empty: EmptyCell::Clear, ..keep.clone() };
    let header = "username,firstname,surname,email,title";
    let kept = account(&mapper(keep, header), "ada,Ada,Byron,ada@example.org, ");
    assert!(kept.attributes.get("title").is_none() && !kept.attributes.is_cleared("title"));
    let cleared = account(&mapper(clear, header), "ada,Ada,Byron,ada@example.org, ");
    assert!(cleared.attributes.is_cleared("title"));
}

#[test]
fn a_default_fills_an_empty_cell() {
    let mut settings = settings(&[("title", "Title")]);
    settings.rules[0].default = Some("Staff".to_owned());
    settings.empty = EmptyCell::Clear;
    let mapper = mapper(settings, "username,email,title");
    assert_eq!(account(&mapper, "ada,ada@example.org,").attributes.first_text("title"), Some("Staff"));
    assert_eq!(account(&mapper, "ada,ada@example.org,Boss").attributes.first_text("title"), Some("Boss"));
}

#[test]
fn only_lists_are_split() {
    let mut settings = settings(&[("title", "Title"), ("mobile", "Mobile"), ("seeAlso", "Also")]);
    settings.rules[1].multi = true;
    settings.rules[2].separators = Some("/".to_owned());
    let mapper = mapper(settings, "username,email,Title,Mobile,Also,Groups,Roles");
    let account = account(&mapper, "ada,ada@example.org,a|b,1|2;1,x/y|z,Staff;Sales|staff,");
    assert_eq!(
        shown(&account),
        r#"{"mail": ["ada@example.org"], "mobile": ["1", "2"], "seeAlso": ["x", "y|z"], "title": ["a|b"]}"#
    );
    let groups: Vec<&str> = account.groups.iter().flatten().map(GroupName::as_str).collect();
    assert_eq!(groups, ["Staff", "Sales"]);
    assert!(account.roles.is_none(), "an empty cell says nothing about roles");
}

#[test]
fn a_username_template_sees_the_raw_column_and_the_others_its_result() {
    let rules =
        [("username", "{{ username|ascii|lower }}"), ("uid2", "{{ username }}"), ("dn", "uid={{ username }},o=x")];
    let mapper = mapper(settings(&rules), "username,firstname,surname,email");
    let account = account(&mapper, "BYRÖN,Ada,Byron,ada@example.org");
    assert_eq!(&*account.username, "byron");
    assert_eq!(account.attributes.first_text("uid2"), Some("byron"));
    assert_eq!(account.locator.as_deref(), Some("uid=byron,o=x"));
}

#[test]
fn templates_reach_columns_by_any_spelling_and_by_header() {
    let rules = [("title", "{{ job_title }}/{{ jobtitle }}/{{ row['Job-Title'] }}/{{ last }}/{{ e_mail }}")];
    let mapper = mapper(settings(&rules), "username,firstname,surname,email,Job-Title");
    let account = account(&mapper, "ada,Ada,Byron,ada@example.org,X");
    assert_eq!(account.attributes.first_text("title"), Some("X/X/X/Byron/ada@example.org"));
}

#[test]
fn a_template_may_ask_for_a_header_that_a_cell_names() {
    let mapper = mapper(settings(&[("title", "{{ row[choice] }}")]), "username,email,choice,A,B,Password");
    assert_eq!(account(&mapper, "ada,a@x.org,B,1,2,s").attributes.first_text("title"), Some("2"));
    let told = problems(&mapper, "ada,a@x.org,Password,1,2,s");
    assert_eq!(told, ["title: the template cannot be filled: undefined value"]);
}

#[test]
fn an_empty_template_leaves_the_attribute_out_but_a_username_is_needed() {
    let rules = [("title", "{{ job }}"), ("username", "{{ first|lower }}"), ("homeDirectory", "/home/{{ username }}")];
    let mapper = mapper(settings(&rules), "firstname,surname,email,job");
    assert!(account(&mapper, "Ada,Byron,ada@example.org,").attributes.get("title").is_none());
    assert_eq!(problems(&mapper, ",Byron,ada@example.org,x"), ["username: the template gives nothing for this person"]);
}

#[test]
fn a_dn_is_escaped_and_never_has_an_empty_value() {
    let mapper = mapper(settings(&[("dn", "uid={{ username }},ou={{ dept }},dc=x")]), "username,email,dept");
    let account = account(&mapper, "ada,ada@example.org,R&D+x");
    assert_eq!(account.locator.as_deref(), Some("uid=ada,ou=R&D\\+x,dc=x"));
    assert_eq!(problems(&mapper, "ada,ada@example.org,"), ["dn: the template gives nothing for this person"]);
}

#[test]
fn all_problems_of_a_row_are_told_at_once() {
    let mut settings = settings(&[("username", "{{ first|truncate(1,'') }} {{ last }}")]);
    settings.checks.required = vec!["Room".to_owned()];
    let mapper = mapper(settings, "firstname,surname,email,room,action,add,groups");
    let told = problems(&mapper, "A\u{7}da,Byron,ada@,,destroy,maybe,x");
    assert_eq!(
        told,
        [
            "firstname: has a control character (U+0007)",
            "room: required, but empty",
            "add: `maybe` is neither yes nor no (use 1, 0, yes, no, true or false)",
            "action: `destroy` is not an action (use add, update, disable or delete)",
            "username: `A Byron` has the character blank, which is not allowed in a username",
            "email: `ada@` is not an e-mail address",
        ]
    );
}

#[test]
fn a_rejected_row_still_says_who_it_is_about() {
    let mut by_number = settings(&[("employeeNumber", "Number")]);
    by_number.match_by = MatchBy::Attribute("employeenumber".into());
    let mapper = mapper(by_number, "username,firstname,surname,email,number");
    let Mapped::Rejected(rejected) = map(&mapper, "ada,Ada,Byron,nonsense,0042") else { panic!("accepted") };
    assert_eq!((&*rejected.named.username, &*rejected.match_value, rejected.line), ("ada", "0042", LineNo(2)));
    assert_eq!(rejected.named.person.surname(), "Byron");
    assert_eq!(problems(&mapper, "ada,Ada,Byron,a@x.org,"), ["number: required, but empty"]);
}

#[test]
fn a_row_with_shifted_cells_is_not_interpreted() {
    let mapper = mapper(settings(&[]), "username,firstname,surname,email");
    let shifted = vec![Problem::error(None, ProblemKind::FieldCount { found: 2, expected: 4 })];
    let Mapped::Rejected(rejected) = mapper.account(LineNo(9), &cells("ada,x"), shifted) else { panic!("accepted") };
    assert_eq!(rejected.problems.len(), 1);
    assert_eq!(&*rejected.named.username, "ada");
}

#[test]
fn the_rows_own_problems_come_along() {
    let mapper = mapper(settings(&[]), "username,email");
    let warning = vec![Problem::warning(Some("username"), ProblemKind::TextAfterQuote)];
    let Mapped::Account { warnings, .. } = mapper.account(LineNo(2), &cells("ada,a@x.org"), warning.clone()) else {
        panic!("rejected")
    };
    assert_eq!(warnings, warning);
    let error = vec![Problem::error(None, ProblemKind::TextAfterQuote)];
    assert!(matches!(mapper.account(LineNo(2), &cells("ada,a@x.org"), error), Mapped::Rejected(_)));
}

#[test]
fn a_feed_of_leavers_says_what_its_rows_are_for() {
    let leavers = || {
        let mut leavers = settings(&[]);
        leavers.choices.action = Action::Disable;
        leavers
    };
    assert_eq!(account(&mapper(leavers(), "username"), "ada").choices.action, Action::Disable);
    let mapper = mapper(leavers(), "username,action");
    let action = |row: &str| account(&mapper, &format!("ada,{row}")).choices.action;
    assert_eq!(action(""), Action::Disable);
    assert_eq!(action("update"), Action::Auto);
    assert_eq!(action("add"), Action::Auto);
}

#[test]
fn actions_and_choices_of_a_row_override_the_feeds() {
    let mapper = mapper(settings(&[]), "username,email,action,add,update,sync groups,subscribe to all news channels");
    let choices = |row: &str| account(&mapper, &format!("ada,a@x.org,{row}")).choices;
    let plain = choices(",,,,");
    assert_eq!(plain, MappingSettings::default().choices);
    assert_eq!(
        choices(",0,no,X,1"),
        Choices { add: false, update: false, sync_groups: true, subscribe: true, ..plain }
    );
    assert_eq!(choices("ADD,,,,"), Choices { update: false, ..plain });
    assert_eq!(choices("update,,,,"), Choices { add: false, ..plain });
    assert_eq!(choices("update,,0,,"), Choices { add: false, update: false, ..plain });
    assert_eq!(choices("disable,,,,"), Choices { action: Action::Disable, ..plain });
    assert_eq!(
        problems(&mapper, "ada,a@x.org,delete,,,,"),
        ["action: the feed does not allow the action `delete` in a row"]
    );
}

#[test]
fn a_password_is_taken_as_it_is_and_never_shown() {
    let header = "username,email,Initial PIN";
    let mapper = mapper(settings(&[("password", "Initial PIN")]), header);
    let Mapped::Account { account, warnings, .. } = map(&mapper, "ada,a@x.org, s3cret|; ") else { panic!("rejected") };
    assert_eq!(account.password.as_ref().map(Secret::expose), Some(" s3cret|; "));
    assert!(!format!("{account:?}{warnings:?}{mapper:?}").contains("s3cret"));
    assert_eq!(warnings.len(), 1);
    assert!(self::account(&mapper, "ada,a@x.org,  ").password.is_none());
    let told = problems(&mapper, "ada,a@x.org,s3cr\u{1}et");
    assert_eq!(told, ["Initial PIN: has a control character"]);
}

#[test]
fn a_feeds_column_for_a_name_is_the_persons_name() {
    let rules =
        [("givenName", "Rufname"), ("sn", "Nachname"), ("mail", "Dienstmail"), ("title", "{{ first }} {{ email }}")];
    let mapper = mapper(settings(&rules), "username,Rufname,Nachname,Dienstmail");
    let account = account(&mapper, "ada,Ada,Byron,ada@example.org");
    assert_eq!((account.person.first(), account.person.surname()), ("Ada", "Byron"));
    assert_eq!(account.attributes.first_text("cn"), Some("Ada Byron"));
    assert_eq!(account.attributes.first_text("title"), Some("Ada ada@example.org"));
}

#[test]
fn an_address_that_is_made_is_a_persons_address_whether_the_cell_is_empty_or_missing() {
    let rules = [("mail", "{{ username }}@example.org")];
    let address = |header: &str, row: &str| {
        let mapper = mapper(settings(&rules), header);
        let account = account(&mapper, row);
        assert_eq!(mapper.missing_for_create(&account, true), [], "{row}");
        let mail = account.attributes.first_text("mail").map(str::to_owned);
        (mail.unwrap_or_default(), account.person.email().to_owned())
    };
    let made = ("ada@example.org".to_owned(), "ada@example.org".to_owned());
    assert_eq!(address("username,firstname", "ada,Ada"), made);
    assert_eq!(address("username,firstname,email", "ada,Ada,"), made);
    // A letter goes where the roster says.
    let told = ("ada@example.org".to_owned(), "ada@home.example".to_owned());
    assert_eq!(address("username,firstname,email", "ada,Ada,ada@home.example"), told);
}
