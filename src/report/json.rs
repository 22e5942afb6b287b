//! Previews and results for programs: one JSON document each, with a number for its format.
//!
//! Format 1. A member may be added without a new number; none is taken away or changes its meaning. Preview: `format`,
//! `plan`, `feed`, `roster`, `encoding`, `encoding_confidence` (`configured`, `certain`, `likely`, `guess`),
//! `delimiter`, `counts`, `problems` of the roster as a whole, `holds`, `seats` (or null), `forecast` (or null:
//! `writes`, `seconds`, `text`), `remarks` on the run as a whole (`kind`, `detail`, `text`, `hint`), `items`. Result: `format`, `run`, `plan`, `feed`, `roster`, `started`,
//! `ended`, `ended_early` (or null), `counts`, `holds`, `problems`, `notes` (the texts of the remarks), `remarks`,
//! `items`; an item is `incomplete` when its account was written, but not all of its references or memberships. Items
//! stand in the order of the file, one per line of text, Old accounts last with `"line":null`.
//!
//! Values are the raw ones. Characters that a terminal obeys are escaped, as JSON allows for any character.

use std::io;
use std::io::Write;

use serde::Serialize;
use serde::Serializer;

use crate::roster::forecast::Forecast;
use crate::roster::plan::Hold;
use crate::roster::plan::Item;
use crate::roster::plan::Plan;
use crate::roster::plan::Seats;
use crate::roster::remark::Remark;

use super::Ending;
use super::Subject;
use super::difference::Difference;
use super::difference::done;
use super::difference::planned;
use super::tally::Tally;
use super::visible::is_harmless;
use super::visible::is_hidden;
use super::words::letter_key;
use super::words::outcome_key;
use super::words::severity_key;
use super::words::skipped;
use super::words::status_key;
use super::words::sure_key;

/// The number of the format.
pub const FORMAT: u32 = 1;

/// Writes the preview as JSON.
pub fn preview_json(subject: &Subject<'_>, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let Subject { plan, form, feed, roster, remarks, forecast } = *subject;
    let counts = plan.counts();
    let preview = Preview {
        format: FORMAT,
        plan: &plan.id.0,
        feed,
        roster,
        encoding: form.encoding,
        encoding_confidence: sure_key(form.encoding_sure),
        delimiter: char::from(form.delimiter),
        counts: PreviewCounts {
            new: counts.new,
            update: counts.update,
            unchanged: counts.unchanged,
            old: counts.old,
            error: counts.error,
        },
        problems: notices(plan),
        holds: holds(&plan.holds),
        seats: plan.seats.map(seats),
        forecast: forecast.map(forecast_shape),
        remarks: shapes(remarks),
        items: Streamed(|| plan.items.iter().map(|item| preview_item(plan, item))),
    };
    write(&preview, out)
}

/// Writes the result as JSON. The changes are those that were made.
pub fn result_json(subject: &Subject<'_>, ending: &Ending<'_>, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let Subject { plan, form: _, feed, roster, remarks, forecast: _ } = *subject;
    let tally = Tally::of(plan, ending);
    let result = RunResult {
        format: FORMAT,
        run: ending.run,
        plan: &plan.id.0,
        feed,
        roster,
        started: ending.started,
        ended: ending.ended,
        ended_early: ending.ended_early,
        counts: ResultCounts {
            created: tally.created,
            updated: tally.updated,
            unchanged: tally.unchanged,
            disabled: tally.disabled,
            moved: tally.moved,
            enabled: tally.enabled,
            deleted: tally.deleted,
            old: tally.reported,
            rejected: tally.rejected,
            failed: tally.failed,
            not_attempted: tally.not_attempted,
            letters_sent: tally.letters_sent,
            letters_owed: tally.letters_owed,
            letters_failed: tally.letters_failed,
        },
        holds: holds(ending.holds),
        problems: notices(plan),
        notes: remarks.iter().map(ToString::to_string).collect(),
        remarks: shapes(remarks),
        items: Streamed(|| {
            ending.people(plan).map(|(item, result)| ResultItem {
                line: item.line.map(|line| line.0),
                status: status_key(item.status),
                outcome: outcome_key(&result.outcome),
                username: plan.username(item),
                reason: result.outcome.reason(),
                letter: letter_key(result.letter),
                incomplete: result.incomplete,
                changes: done(plan, item, result, ending.holds),
                problems: problems(item),
                notes: &result.notes,
            })
        }),
    };
    write(&result, out)
}

#[derive(Serialize)]
struct Preview<'a, I> {
    format: u32,
    plan: &'a str,
    feed: &'a str,
    roster: &'a str,
    encoding: &'a str,
    encoding_confidence: &'static str,
    delimiter: char,
    counts: PreviewCounts,
    problems: Vec<RosterProblem<'a>>,
    holds: Vec<HoldShape>,
    seats: Option<SeatsShape>,
    forecast: Option<ForecastShape>,
    remarks: Vec<RemarkShape<'a>>,
    items: I,
}

#[derive(Serialize)]
struct ForecastShape {
    writes: usize,
    seconds: u64,
    text: String,
}

fn forecast_shape(forecast: Forecast) -> ForecastShape {
    let seconds = forecast.takes().as_secs_f64().ceil() as u64;
    ForecastShape { writes: forecast.writes, seconds, text: forecast.to_string() }
}

#[derive(Serialize)]
struct PreviewCounts {
    new: usize,
    update: usize,
    unchanged: usize,
    old: usize,
    error: usize,
}

#[derive(Serialize)]
struct PreviewItem<'a> {
    line: Option<u32>,
    status: &'static str,
    username: &'a str,
    changes: Vec<Difference<'a>>,
    problems: Vec<RowProblem<'a>>,
}

#[derive(Serialize)]
struct RunResult<'a, I> {
    format: u32,
    run: &'a str,
    plan: &'a str,
    feed: &'a str,
    roster: &'a str,
    started: &'a str,
    ended: &'a str,
    ended_early: Option<&'a str>,
    counts: ResultCounts,
    holds: Vec<HoldShape>,
    problems: Vec<RosterProblem<'a>>,
    notes: Vec<String>,
    remarks: Vec<RemarkShape<'a>>,
    items: I,
}

#[derive(Serialize)]
struct ResultCounts {
    created: usize,
    updated: usize,
    unchanged: usize,
    disabled: usize,
    moved: usize,
    enabled: usize,
    deleted: usize,
    old: usize,
    rejected: usize,
    failed: usize,
    not_attempted: usize,
    letters_sent: usize,
    letters_owed: usize,
    letters_failed: usize,
}

#[derive(Serialize)]
struct ResultItem<'a> {
    line: Option<u32>,
    status: &'static str,
    outcome: &'static str,
    username: &'a str,
    reason: Option<&'a str>,
    letter: &'static str,
    incomplete: bool,
    changes: Vec<Difference<'a>>,
    problems: Vec<RowProblem<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct RosterProblem<'a> {
    column: Option<&'a str>,
    reason: &'a str,
}

#[derive(Serialize)]
struct RowProblem<'a> {
    column: Option<&'a str>,
    reason: String,
    severity: &'static str,
}

#[derive(Serialize)]
struct HoldShape {
    class: &'static str,
    planned: usize,
    limit: usize,
    of: usize,
}

#[derive(Serialize)]
struct RemarkShape<'a> {
    kind: &'static str,
    detail: &'a str,
    text: String,
    hint: &'static str,
}

#[derive(Serialize)]
struct SeatsShape {
    limit: usize,
    taken: usize,
    after: usize,
}

fn preview_item<'a>(plan: &'a Plan, item: &'a Item) -> PreviewItem<'a> {
    let skipped = skipped(item).map(|reason| RowProblem { column: None, reason, severity: "warning" });
    PreviewItem {
        line: item.line.map(|line| line.0),
        status: status_key(item.status),
        username: plan.username(item),
        changes: planned(plan, item),
        problems: skipped.into_iter().chain(problems(item)).collect(),
    }
}

fn problems(item: &Item) -> Vec<RowProblem<'_>> {
    let told = item.problems.iter().map(|problem| RowProblem {
        column: problem.column.as_deref(),
        reason: problem.kind.to_string(),
        severity: severity_key(problem.severity),
    });
    told.collect()
}

fn notices(plan: &Plan) -> Vec<RosterProblem<'_>> {
    plan.notices.iter().map(|n| RosterProblem { column: n.column.as_deref(), reason: &n.text }).collect()
}

fn holds(holds: &[Hold]) -> Vec<HoldShape> {
    let shape = |hold: &Hold| {
        let Hold { class, planned, limit, of } = *hold;
        HoldShape { class: class.key(), planned, limit, of }
    };
    holds.iter().map(shape).collect()
}

fn shapes(remarks: &[Remark]) -> Vec<RemarkShape<'_>> {
    let shape = |remark| RemarkShape {
        kind: Remark::key(remark),
        detail: remark.detail(),
        text: remark.to_string(),
        hint: remark.hint(),
    };
    remarks.iter().map(shape).collect()
}

fn seats(seats: Seats) -> SeatsShape {
    let Seats { limit, taken, after } = seats;
    SeatsShape { limit, taken, after }
}

/// A sequence whose elements are made one at a time, while they are written.
struct Streamed<F>(F);

impl<F, I> Serialize for Streamed<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

fn write(document: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    document.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, OneLineEach::default()))?;
    out.write_all(b"\n")
}

/// Compact JSON with a line break before every element of the document's own lists, and with every hidden character
/// escaped (RFC 8259 section 7).
#[derive(Default)]
struct OneLineEach {
    depth: u32,
}

impl OneLineEach {
    const LISTS_OF_THE_DOCUMENT: u32 = 2;
}

impl serde_json::ser::Formatter for OneLineEach {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"}")
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if self.depth == Self::LISTS_OF_THE_DOCUMENT { writer.write_all(b"\n") } else { Ok(()) }
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if is_harmless(fragment) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + hidden.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}
