//! The words of the reports, each chosen once.

use std::borrow::Cow;

use crate::roster::forecast::Forecast;
use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::Plan;
use crate::roster::plan::Seats;
use crate::roster::plan::Status;
use crate::roster::problem::Severity;
use crate::roster::read::Form;
use crate::roster::read::Sure;
use crate::roster::remark::Remark;

use super::pick::Share;

/// A person's status, with Update told apart by whether anything differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    New,
    Update,
    Unchanged,
    Old,
    Error,
}

impl Class {
    pub(super) fn of(item: &Item) -> Self {
        match item.status {
            Status::New => Self::New,
            Status::Update if item.is_unchanged() => Self::Unchanged,
            Status::Update => Self::Update,
            Status::Old => Self::Old,
            Status::Error => Self::Error,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Update => "Update",
            Self::Unchanged => "unchanged",
            Self::Old => "Old",
            Self::Error => "Error",
        }
    }

    pub(super) fn share(self) -> Share {
        if self == Self::Error { Share::Half } else { Share::Eighth }
    }
}

/// User name, first name, surname and mail address of a person, each maybe empty.
pub(super) fn who<'p>(plan: &'p Plan, item: &'p Item) -> [&'p str; 4] {
    let names = plan.person(item).map(|person| [person.first(), person.surname(), person.email()]);
    let [first, surname, email] = names.unwrap_or_default();
    [plan.username(item), first, surname, email]
}

/// What a reader should know about the roster as a whole, one sentence each; columns of which the same is to be said
/// share one.
pub(super) fn notes(plan: &Plan) -> Vec<String> {
    let mut told: Vec<(&str, Vec<&str>)> = Vec::new();
    for notice in &plan.notices {
        let column = notice.column.as_deref();
        let alike = told.iter_mut().find(|(text, columns)| *text == notice.text && !columns.is_empty());
        match (alike, column) {
            (Some((_, columns)), Some(column)) => columns.push(column),
            _ => told.push((&notice.text, column.into_iter().collect())),
        }
    }
    let sentence = |(text, columns): (&str, Vec<&str>)| match columns.as_slice() {
        [] => format!("Note: {text}"),
        [column] => format!("Note: column {column}: {text}"),
        columns => format!("Note: columns {}: {text}", columns.join(", ")),
    };
    told.into_iter().map(sentence).collect()
}

/// What is true of the run as a whole, with what to do about it.
pub(super) fn remark_sentence(remark: &Remark) -> String {
    format!("Note: {remark} ({})", remark.hint())
}

/// The status as programs read it.
pub(super) fn status_key(status: Status) -> &'static str {
    match status {
        Status::New => "new",
        Status::Update => "update",
        Status::Old => "old",
        Status::Error => "error",
    }
}

/// The outcome as programs read it.
pub(super) fn outcome_key(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::NotAttempted(_) => "not_attempted",
        other => other.word(),
    }
}

/// The part of a page that people with this outcome may take.
pub(super) fn outcome_share(outcome: &Outcome) -> Share {
    match outcome {
        Outcome::Rejected(_) | Outcome::Failed(_) => Share::Half,
        _ => Share::Eighth,
    }
}

/// The letter's outcome as programs read it.
pub(super) fn letter_key(letter: LetterOutcome) -> &'static str {
    match letter {
        LetterOutcome::NotWanted => "none",
        LetterOutcome::Sent => "sent",
        LetterOutcome::Owed => "owed",
        LetterOutcome::Failed => "failed",
    }
}

/// How sure a detection is, as programs read it.
pub(super) fn sure_key(sure: Sure) -> &'static str {
    match sure {
        Sure::Configured => "configured",
        Sure::Certain => "certain",
        Sure::Likely => "likely",
        Sure::Guess => "guess",
    }
}

/// What a problem weighs, as programs read it.
pub(super) fn severity_key(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// What the roster was found to be, in one sentence.
pub fn form_sentence(form: &Form) -> String {
    if form.kind == "XLSX" {
        return "XLSX workbook".to_owned();
    }
    let delimiter = match form.delimiter {
        b'\t' => "tab".to_owned(),
        byte => char::from(byte).to_string(),
    };
    let look = match form.encoding_sure {
        Sure::Guess => "; look at names with accents",
        _ => "",
    };
    format!(
        "Encoding {} ({}{look}), delimiter {delimiter} ({})",
        form.encoding,
        sure_key(form.encoding_sure),
        sure_key(form.delimiter_sure)
    )
}

/// How long it takes to apply, in one sentence.
pub(super) fn forecast_sentence(forecast: &Forecast) -> String {
    format!("Forecast: {forecast}")
}

/// The forecast of licence seats, in one sentence.
pub(super) fn seats_sentence(seats: Seats) -> String {
    let Seats { limit, taken, after } = seats;
    let over = match after.saturating_sub(limit) {
        0 => String::new(),
        over => format!(", {over} too many"),
    };
    format!("Seats: {taken} of {limit} taken now, {after} when this is applied{over}")
}

/// What is to be done for a person of whom nothing but that is to be said; else nothing.
pub(super) fn decision(item: &Item) -> Cow<'static, str> {
    match &item.intent {
        Intent::Report => "not in the file: left as it is".into(),
        Intent::Disable => "to be disabled".into(),
        Intent::Archive { .. } => "to be disabled and moved to the archive".into(),
        Intent::Purge { since } if !since.is_empty() => format!("to be deleted: not in any file since {since}").into(),
        Intent::Delete | Intent::Purge { .. } => "to be deleted".into(),
        Intent::Nothing | Intent::Skip(_) | Intent::Create(_) | Intent::Update(_) => "".into(),
    }
}

/// Why nothing is done for a person although something could be, as a clause.
pub(super) fn skipped(item: &Item) -> Option<String> {
    match item.intent {
        Intent::Skip(why) => Some(format!("not applied: {why}")),
        _ => None,
    }
}

/// All there is to say about a person in a preview besides the changes, in one line.
pub(super) fn remarks_text(item: &Item) -> String {
    let parts = [skipped(item).unwrap_or_default(), problems_text(item)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The errors and warnings of a person in one line; warnings say that they are.
pub(super) fn problems_text(item: &Item) -> String {
    let told = item.problems.iter().map(|problem| match problem.severity {
        Severity::Error => problem.to_string(),
        Severity::Warning => format!("warning: {problem}"),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// The errors of a person in one line, without the warnings.
pub(super) fn errors_text(item: &Item) -> String {
    let errors = item.problems.iter().filter(|problem| problem.severity == Severity::Error);
    errors.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
