//! The results on a terminal, in the words of the manual.

use std::io;
use std::io::Write;

use crate::roster::outcome::ItemResult;
use crate::roster::outcome::Outcome;
use crate::roster::plan::Item;
use crate::roster::plan::Plan;

use super::Ending;
use super::Subject;
use super::names;
use super::pick::Picker;
use super::pick::Rows;
use super::tally::Tally;
use super::visible::cut;
use super::visible::visible;
use super::words::errors_text;
use super::words::outcome_share;
use super::words::remark_sentence;

/// Longer reasons are cut on the terminal; `*.result.csv` has them whole.
const LONGEST_LINE: usize = 1000;

/// Writes how a run ended: the verdict, a line per person who was not unchanged, and the counts.
pub fn result_lines(subject: &Subject<'_>, ending: &Ending<'_>, rows: Rows, out: &mut dyn Write) -> io::Result<()> {
    let plan = subject.plan;
    let tally = Tally::of(plan, ending);
    writeln!(out, "{}\n", visible(&tally.verdict(ending).to_string()))?;
    let mut picker = Picker::new(rows, plan.items.len() - tally.unchanged);
    for (item, result) in ending.people(plan) {
        let told = result.outcome != Outcome::Unchanged || result.incomplete || !result.notes.is_empty();
        if !told || !picker.takes(result.outcome.word(), outcome_share(&result.outcome)) {
            continue;
        }
        writeln!(out, "{}", cut(&visible(&sentence(plan, item, result)), LONGEST_LINE))?;
        for note in &result.notes {
            writeln!(out, "  {}", cut(&visible(note), LONGEST_LINE))?;
        }
    }
    if let Some(sentence) = picker.left_out(&visible(&names::beside_name(subject.roster).result_csv)) {
        writeln!(out, "{sentence}")?;
    }
    for hold in ending.holds {
        writeln!(out, "Held for approval: {hold}")?;
    }
    for remark in subject.remarks {
        writeln!(out, "{}", visible(&remark_sentence(remark)))?;
    }
    for (words, count) in tally.lines() {
        writeln!(out, "{words} {count}")?;
    }
    Ok(())
}

/// `User1 (First Name: Hannah, Surname: Bridge) New user added successfully`
fn sentence(plan: &Plan, item: &Item, result: &ItemResult) -> String {
    format!("{} {}", who(plan, item), said(plan, item, &result.outcome))
}

fn who(plan: &Plan, item: &Item) -> String {
    let mut names = Vec::new();
    if let Some(person) = plan.person(item) {
        for (label, name) in [("First Name", person.first()), ("Surname", person.surname())] {
            if !name.is_empty() {
                names.push(format!("{label}: {name}"));
            }
        }
    }
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    match (plan.username(item), item.line) {
        ("", Some(line)) => format!("Line {line}{names}"),
        ("", None) => format!("An account without a user name{names}"),
        (username, _) => format!("{username}{names}"),
    }
}

fn said(plan: &Plan, item: &Item, outcome: &Outcome) -> String {
    let line = match item.line {
        Some(line) if !plan.username(item).is_empty() => format!(" (line {line})"),
        _ => String::new(),
    };
    match outcome {
        Outcome::Created => "New user added successfully".to_owned(),
        Outcome::Updated => "User updated successfully".to_owned(),
        Outcome::Unchanged => "User unchanged".to_owned(),
        Outcome::Disabled => "User disabled successfully".to_owned(),
        Outcome::Moved => "User disabled and moved to the archive successfully".to_owned(),
        Outcome::Enabled => "User enabled successfully".to_owned(),
        Outcome::Deleted => "User deleted successfully".to_owned(),
        Outcome::Reported => "Old user, not in the file: left as it is".to_owned(),
        Outcome::Rejected(reason) => {
            let errors = errors_text(item);
            format!("Rejected{line}: {}", if errors.is_empty() { reason } else { &errors })
        }
        Outcome::Failed(reason) => format!("Failed{line}: {reason}"),
        Outcome::NotAttempted(reason) if reason.is_empty() => format!("Not attempted{line}"),
        Outcome::NotAttempted(reason) => format!("Not attempted{line}: {reason}"),
    }
}
