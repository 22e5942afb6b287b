use super::super::account::Action;
use super::super::account::Choices;
use super::super::account::LineNo;
use super::super::account::Person;
use super::super::attribute::Attributes;
use super::*;

pub(super) fn account(line: u32, username: &str, email: &str) -> Account {
    Account {
        line: LineNo(line),
        username: username.into(),
        match_value: "".into(),
        locator: None,
        attributes: [("mail", vec![email]), ("title", vec!["Countess"])]
            .into_iter()
            .filter(|(_, values)| !values[0].is_empty())
            .collect(),
        deferred: None,
        groups: None,
        roles: None,
        password: None,
        must_change: None,
        choices: Choices {
            add: true,
            update: true,
            sync_groups: false,
            sync_roles: false,
            subscribe: false,
            action: Action::Auto,
        },
        person: Person::new("Ada", "Byron", email),
    }
}

fn problems(account: &Account, settings: &CheckSettings) -> Vec<String> {
    let labels = Labels::default();
    let mut problems = Vec::new();
    check(&Subject { account, settings, labels: &labels }, &mut problems);
    problems.iter().map(|p| format!("{:?} {p}", p.severity)).collect()
}

fn default_problems(account: &Account) -> Vec<String> {
    problems(account, &CheckSettings::default())
}

#[test]
fn an_account_in_order_has_no_problems() {
    assert_eq!(default_problems(&account(2, "ada.byron", "ada@example.org")), Vec::<String>::new());
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut account = account(2, "ada byron", "ada@example");
    account.person = Person::new("A\u{202e}da", "Byron", "ada@example");
    account.groups = Some([GroupName::new(&"g".repeat(1025))].into());
    assert_eq!(
        default_problems(&account),
        [
            "Error username: `ada byron` has the character blank, which is not allowed in a username",
            "Error email: `ada@example` is not an e-mail address",
            "Error groups: 1025 characters, at most 1024 are allowed",
            "Error firstname: `A<U+202E>da` has the character U+202E, which is invisible or changes the reading direction",
        ]
    );
}

#[test]
fn a_username_is_given_and_fits() {
    assert_eq!(default_problems(&account(2, "", "")), ["Error username: required, but empty"]);
    let settings = CheckSettings {
        username: UsernameRule { min: 3, max: 5, characters: Characters::default() },
        ..CheckSettings::default()
    };
    assert_eq!(problems(&account(2, "ada", ""), &settings), Vec::<String>::new());
    assert_eq!(
        problems(&account(2, "al", ""), &settings),
        ["Error username: `al` has 2 characters, at least 3 are needed"]
    );
    assert_eq!(problems(&account(2, "alonzo", ""), &settings), ["Error username: 6 characters, at most 5 are allowed"]);
}

#[test]
fn single_attributes_have_limits_of_their_own_in_characters() {
    let settings = CheckSettings { limits: vec![(AttributeName::new("TITLE"), 8)], ..CheckSettings::default() };
    let mut account = account(2, "ada", "");
    assert_eq!(problems(&account, &settings), Vec::<String>::new());
    account.attributes = [("title", vec!["Größe äö"])].into_iter().collect();
    assert_eq!(problems(&account, &settings), Vec::<String>::new());
    account.attributes = [("title", vec!["Countess "])].into_iter().collect();
    assert_eq!(problems(&account, &settings), ["Error title: 9 characters, at most 8 are allowed"]);
}

#[test]
fn hidden_characters_outside_of_names_are_a_warning() {
    let mut account = account(2, "ada", "");
    account.attributes = [("description", vec!["Donau\u{ad}dampf"])].into_iter().collect();
    let expected = "Warning description: `Donau<U+00AD>dampf` has the character U+00AD, which is invisible or changes the reading direction";
    assert_eq!(default_problems(&account), [expected]);
}

#[test]
fn a_mail_attribute_that_is_not_the_persons_address_is_checked_too() {
    let mut account = account(2, "ada", "ada@example.org");
    account.attributes = [("mail", vec!["ada@example.org", "nonsense"])].into_iter().collect();
    assert_eq!(default_problems(&account), ["Error mail: `nonsense` is not an e-mail address"]);
}

#[test]
fn creating_needs_a_name_an_address_and_a_password() {
    let labels = Labels::default();
    let complete = account(2, "ada", "ada@example.org");
    assert_eq!(missing_for_create(&complete, true, &labels), []);
    let mut bare = account(2, "ada", "");
    bare.person = Person::default();
    bare.attributes = Attributes::default();
    assert_eq!(
        missing_for_create(&bare, false, &labels),
        [
            Problem::error(None, ProblemKind::MissingName),
            Problem::error(Some("email"), ProblemKind::Missing),
            Problem::error(Some("password"), ProblemKind::MissingPassword),
        ]
    );
    bare.person = Person::new("Ada", "", "ada@example.org");
    bare.password = Some("secret".into());
    assert_eq!(missing_for_create(&bare, false, &labels), []);
}

#[test]
fn a_password_is_never_part_of_a_problem() {
    let mut account = account(2, "ada", "ada@example.org");
    account.password = Some("secret".repeat(300).as_str().into());
    let told = default_problems(&account);
    assert_eq!(told, ["Error password: 1800 characters, at most 1024 are allowed"]);
}
