//! `*.preview.csv` and `*.result.csv`: one line per person, in the order of the file, for spreadsheets and scripts.
//!
//! Both have a byte order mark, the roster's own delimiter, and CRLF, so that they open in the spreadsheet that the
//! roster came from.

use std::io;
use std::io::Write;

use crate::roster::account::Choices;
use crate::roster::plan::Item;

use super::Ending;
use super::Subject;
use super::cell::Lines;
use super::difference::done;
use super::difference::in_one_line;
use super::difference::planned;
use super::words::letter_key;
use super::words::outcome_key;
use super::words::problems_text;
use super::words::remarks_text;
use super::words::who;

/// The columns of `*.preview.csv`.
pub const PREVIEW_COLUMNS: [&str; 13] = [
    "line",
    "status",
    "add",
    "update",
    "sync groups",
    "sync roles",
    "subscribe",
    "username",
    "firstname",
    "surname",
    "email",
    "changes",
    "problems",
];

/// The columns of `*.result.csv`.
pub const RESULT_COLUMNS: [&str; 12] = [
    "line",
    "status",
    "outcome",
    "letter",
    "username",
    "firstname",
    "surname",
    "email",
    "changes",
    "reason",
    "problems",
    "notes",
];

/// Writes `*.preview.csv`. The choices are `yes` and `no`, and empty for people whose row did not become an account.
pub fn preview_csv(subject: &Subject<'_>, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let plan = subject.plan;
    let mut lines = Lines::begin(out, subject.form.delimiter, &PREVIEW_COLUMNS)?;
    for item in &plan.items {
        let [username, first, surname, email] = who(plan, item);
        let [add, update, sync_groups, sync_roles, subscribe] =
            plan.account(item).map(|account| choice_cells(account.choices)).unwrap_or_default();
        lines.line([
            &line_cell(item),
            item.status.word(),
            add,
            update,
            sync_groups,
            sync_roles,
            subscribe,
            username,
            first,
            surname,
            email,
            &in_one_line(&planned(plan, item)),
            &remarks_text(item),
        ])?;
    }
    lines.finish()
}

/// Writes `*.result.csv`. The changes are those that were made.
pub fn result_csv(subject: &Subject<'_>, ending: &Ending<'_>, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let plan = subject.plan;
    let mut lines = Lines::begin(out, subject.form.delimiter, &RESULT_COLUMNS)?;
    for (item, result) in ending.people(plan) {
        let [username, first, surname, email] = who(plan, item);
        lines.line([
            &line_cell(item),
            item.status.word(),
            outcome_key(&result.outcome),
            letter_key(result.letter),
            username,
            first,
            surname,
            email,
            &in_one_line(&done(plan, item, result, ending.holds)),
            result.outcome.reason().unwrap_or_default(),
            &problems_text(item),
            &result.notes.join("; "),
        ])?;
    }
    lines.finish()
}

fn line_cell(item: &Item) -> String {
    item.line.map(|line| line.to_string()).unwrap_or_default()
}

fn choice_cells(choices: Choices) -> [&'static str; 5] {
    let Choices { add, update, sync_groups, sync_roles, subscribe, action: _ } = choices;
    [add, update, sync_groups, sync_roles, subscribe].map(|choice| if choice { "yes" } else { "no" })
}
