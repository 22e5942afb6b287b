//! The result as a page.

use std::io;
use std::io::Write;

use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::roster::plan::Status;

use super::Kind;
use super::MOST_ROWS;
use super::Page;
use crate::report::Ending;
use crate::report::Subject;
use crate::report::difference::done;
use crate::report::names;
use crate::report::pick::Picker;
use crate::report::tally::Tally;
use crate::report::words::outcome_share;
use crate::report::words::problems_text;
use crate::report::words::remark_sentence;

/// Writes `*.report.html`. Of more than twenty thousand people it shows those with errors and the first of each kind.
pub fn result_html(subject: &Subject<'_>, ending: &Ending<'_>, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let Subject { plan, form: _, feed, roster, remarks, forecast: _ } = *subject;
    let Ending { run, results: _, holds, started, ended, ended_early: _ } = *ending;
    let tally = Tally::of(plan, ending);
    let mut page = Page::begin(out, &format!("Report on {roster}"))?;
    page.paragraph(&tally.verdict(ending).to_string())?;
    page.paragraph(&format!("Feed {feed}, run {run}, from {started} to {ended}. Plan {}.", plan.id))?;
    for hold in holds {
        page.paragraph(&format!("Held for approval: {hold}"))?;
    }
    for remark in remarks {
        page.paragraph(&remark_sentence(remark))?;
    }
    for (words, count) in tally.lines() {
        page.paragraph(&format!("{words} {count}"))?;
    }
    let kinds = [
        ("created", "created", tally.created),
        ("updated", "updated", tally.updated),
        ("enabled", "enabled", tally.enabled),
        ("disabled", "disabled", tally.disabled),
        ("deleted", "deleted", tally.deleted),
        ("unchanged", "unchanged", tally.unchanged),
        ("reported", "old", tally.reported),
        ("rejected", "rejected", tally.rejected),
        ("failed", "failed", tally.failed),
        ("undone", "not attempted", tally.not_attempted),
    ];
    let kinds = kinds.map(|(class, label, count)| Kind { class, label, count });
    let columns = ["Line", "Outcome", "Username", "First name", "Surname", "Email", "What"];
    page.begin_table(plan.items.len(), &kinds, &columns)?;
    let mut picker = Picker::new(MOST_ROWS, plan.items.len());
    for (item, result) in ending.people(plan) {
        if !picker.takes(result.outcome.word(), outcome_share(&result.outcome)) {
            continue;
        }
        page.begin_row(class(&result.outcome), plan, item, result.outcome.word())?;
        page.differences(&done(plan, item, result, holds))?;
        // An Error of the plan was rejected for its problems, which follow.
        if item.status != Status::Error {
            page.remark(result.outcome.reason().unwrap_or_default())?;
        }
        page.remark(&problems_text(item))?;
        page.remark(letter(result.letter))?;
        if result.incomplete {
            page.remark("not all references, groups or roles could be written")?;
        }
        for note in &result.notes {
            page.remark(note)?;
        }
        page.end_row()?;
    }
    page.end(picker.left_out(&names::beside_name(roster).result_csv).as_deref())
}

fn class(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::NotAttempted(_) => "undone",
        other => other.word(),
    }
}

fn letter(letter: LetterOutcome) -> &'static str {
    match letter {
        LetterOutcome::NotWanted => "",
        LetterOutcome::Sent => "credential letter sent",
        LetterOutcome::Owed => "credential letter still to be sent",
        LetterOutcome::Failed => "credential letter cannot be sent",
    }
}
