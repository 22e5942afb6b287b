//! A small world for the tests of all forms: one person of every kind.

use crate::roster::account::Account;
use crate::roster::account::Action;
use crate::roster::account::Choices;
use crate::roster::account::EntryId;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::account::LineNo;
use crate::roster::account::Person;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::change::Change;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::roster::plan::CreateIntent;
use crate::roster::plan::Hold;
use crate::roster::plan::HoldClass;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::MembershipChange;
use crate::roster::plan::Named;
use crate::roster::plan::Notice;
use crate::roster::plan::PasswordSource;
use crate::roster::plan::Plan;
use crate::roster::plan::PlanId;
use crate::roster::plan::Seats;
use crate::roster::plan::Status;
use crate::roster::plan::Subject as Who;
use crate::roster::plan::UpdateIntent;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::read::Form;
use crate::roster::read::Sure;
use crate::roster::secret::Secret;

use super::Ending;
use super::Subject;

/// Every password of the sample; no report may hold it.
pub(super) const CANARY: &str = "canary-Xy7-password";

pub(super) fn form() -> Form {
    Form { kind: "CSV", encoding: "UTF-8", encoding_sure: Sure::Likely, delimiter: b',', delimiter_sure: Sure::Certain }
}

pub(super) fn account(line: u32, username: &str, first: &str, surname: &str, email: &str) -> Account {
    Account {
        line: LineNo(line),
        username: username.into(),
        match_value: "".into(),
        locator: None,
        deferred: None,
        attributes: Attributes::from_iter([
            ("displayName", vec![format!("{first} {surname}")]),
            ("title", vec![]),
            ("userPassword", vec![CANARY.to_owned()]),
        ]),
        groups: None,
        roles: None,
        password: Some(Secret::from(CANARY)),
        must_change: Some(true),
        choices: Choices {
            add: true,
            update: true,
            sync_groups: false,
            sync_roles: false,
            subscribe: false,
            action: Action::Auto,
        },
        person: Person::new(first, surname, email),
    }
}

fn names(names: &[&str]) -> Box<[GroupName]> {
    names.iter().map(|name| GroupName::new(name)).collect()
}

pub(super) fn change(attribute: &str, old: &[&str], new: &[&str]) -> Change {
    let values = |values: &[&str]| values.iter().map(|value| Box::from(value.as_bytes())).collect();
    Change { attribute: AttributeName::new(attribute), old: values(old), new: values(new) }
}

pub(super) fn item(line: u32, status: Status, index: u32, intent: Intent) -> Item {
    Item {
        line: Some(LineNo(line)),
        status,
        subject: Who::Account(index),
        entry: None,
        intent,
        problems: Box::default(),
    }
}

pub(super) fn create(groups: &[&str]) -> Intent {
    let membership =
        MembershipChange { kind: GroupKind::Group, add: names(groups), remove: Box::default(), before: Box::default() };
    Intent::Create(CreateIntent {
        allocates: Vec::new(),
        password: PasswordSource::Row,
        must_change: true,
        deferred: Vec::new(),
        memberships: if groups.is_empty() { Box::default() } else { [membership].into() },
    })
}

fn old(username: &str, intent: Intent) -> Item {
    let named = Named { username: username.into(), person: Person::new("Olga", "Old", "olga@test.co") };
    Item {
        line: None,
        status: Status::Old,
        subject: Who::Named(Box::new(named)),
        entry: Some(Box::new(EntryId { locator: "uid=x".into(), stable: "1".into() })),
        intent,
        problems: Box::default(),
    }
}

/// Line 2 New, 3 Update, 4 unchanged, 5 New but not to be added, 6 Error, then two Old ones.
pub(super) fn plan() -> Plan {
    let mut accounts = vec![
        account(2, "User1", "Hannah", "Bridge", "hannah@test.co"),
        account(3, "User2", "Lucy", "Smith", "lucy@test.co"),
        account(4, "User3", "Jenna", "Fraser", "jenna@test.co"),
        account(5, "User4", "Peter", "Stuart", "peter@test.co"),
    ];
    accounts[3].choices.add = false;
    let update = UpdateIntent {
        relocation: None,
        changes: vec![
            change("mail", &["old@test.co"], &["lucy@test.co"]),
            change("title", &["Boss"], &[]),
            change("userPassword", &[CANARY], &[CANARY, "new"]),
        ],
        deferred: Vec::new(),
        password: Some(PasswordSource::Generated),
        must_change: Some(true),
        enabled: Some(true),
        letter_owed: false,
        memberships: vec![MembershipChange {
            kind: GroupKind::Group,
            add: names(&["IT"]),
            remove: names(&["sales"]),
            before: names(&["Staff", "Sales"]),
        }],
    };
    let wrong = Item {
        line: Some(LineNo(6)),
        status: Status::Error,
        subject: Who::Named(Box::new(Named { username: "".into(), person: Person::new("Kevin", "Miles", "=cmd()") })),
        entry: None,
        intent: Intent::Nothing,
        problems: [
            Problem::error(Some("User name"), ProblemKind::Missing),
            Problem::error(Some("Email"), ProblemKind::NotAnAddress("=cmd()".into())),
            Problem::warning(None, ProblemKind::Shared(LineNo(2))),
        ]
        .into(),
    };
    Plan {
        id: PlanId("00112233445566778899aabbccddeeff".into()),
        accounts,
        items: vec![
            item(2, Status::New, 0, create(&["Staff", "Sales"])),
            item(3, Status::Update, 1, Intent::Update(Box::new(update))),
            item(4, Status::Update, 2, Intent::Nothing),
            item(5, Status::New, 3, Intent::Skip("`add` is off for this row")),
            wrong,
            old("User8", Intent::Report),
            old("User9", Intent::Disable),
        ],
        notices: vec![Notice { column: Some("Shoe size".into()), text: "nothing maps it".into() }],
        holds: vec![Hold { class: HoldClass::Old, planned: 1, limit: 0, of: 6 }],
        seats: Some(Seats { limit: 8, taken: 8, after: 9 }),
        turns: Default::default(),
    }
}

pub(super) fn subject<'a>(plan: &'a Plan, form: &'a Form) -> Subject<'a> {
    Subject { plan, form, feed: "hr", roster: "starters.csv", remarks: &[], forecast: None }
}

pub(super) fn came(outcome: Outcome) -> ItemResult {
    ItemResult::new(outcome)
}

/// What could have come of [`plan`].
pub(super) fn results() -> Vec<ItemResult> {
    let mut results = vec![
        came(Outcome::Created),
        came(Outcome::Updated),
        came(Outcome::Unchanged),
        came(Outcome::NotAttempted("`add` is off for this row".into())),
        came(Outcome::Rejected("the row is in error".into())),
        came(Outcome::Reported),
        came(Outcome::NotAttempted("held for approval".into())),
    ];
    results[0].letter = LetterOutcome::Sent;
    results[1].letter = LetterOutcome::Failed;
    results[1].notes = vec!["the mail server refuses lucy@test.co: no such mailbox".into()];
    results
}

pub(super) fn ending<'a>(plan: &'a Plan, results: &'a [ItemResult]) -> Ending<'a> {
    Ending {
        run: "0192-run",
        results,
        holds: &plan.holds,
        started: "2026-11-22T02:15:00Z",
        ended: "2026-11-22T02:15:09Z",
        ended_early: None,
    }
}
