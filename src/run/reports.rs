//! The files beside a roster: the preview before, the results after.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;
use std::thread;
use std::thread::ScopedJoinHandle;

use crate::report;
use crate::report::Ending;
use crate::report::Subject;
use crate::report::errors::ByteOrderMark;
use crate::report::errors::ErrorRows;
use crate::report::errors::Original;
use crate::report::names::ReportNames;
use crate::report::place::Misplaced;
use crate::report::place::Placed;
use crate::report::place::place;
use crate::report::place::prepare;
use crate::report::refused::Refusal;
use crate::report::refused::refused_json;
use crate::roster::outcome::ItemResult;
use crate::roster::plan::Plan;
use crate::roster::read::Dialect;
use crate::roster::read::Form;
use crate::roster::read::Row;
use crate::roster::read::Sheet;

/// Writes `*.preview.csv` and `*.preview.html` beside the roster, at the same time.
pub fn write_preview(roster: &Path, subject: &Subject<'_>) -> Result<(), Misplaced> {
    let names = ReportNames::beside(roster);
    thread::scope(|scope| {
        let html = scope.spawn(|| prepare(&names.preview_html, roster, |out| report::preview_html(subject, out)));
        prepare(&names.preview_csv, roster, |out| report::preview_csv(subject, out))?.commit()?;
        joined(html)?.commit()?;
        Ok(())
    })
}

/// Writes the result reports beside the roster at the same time; the JSON one comes into its place last, so that it says
/// that all are there.
pub fn write_results(roster: &Path, subject: &Subject<'_>, ending: &Ending<'_>) -> Result<(), Misplaced> {
    write_results_after(roster, subject, ending, || Ok(()))
}

/// Writes the preview, and the result reports after it; everything that takes long at the same time.
pub fn write_preview_and_results(roster: &Path, subject: &Subject<'_>, ending: &Ending<'_>) -> Result<(), Misplaced> {
    thread::scope(|scope| {
        let preview = scope.spawn(|| write_preview(roster, subject));
        write_results_after(roster, subject, ending, || joined(preview))
    })
}

fn write_results_after(
    roster: &Path,
    subject: &Subject<'_>,
    ending: &Ending<'_>,
    before: impl FnOnce() -> Result<(), Misplaced>,
) -> Result<(), Misplaced> {
    let names = ReportNames::beside(roster);
    thread::scope(|scope| {
        let html = scope.spawn(|| prepare(&names.report_html, roster, |out| report::result_html(subject, ending, out)));
        let json = scope.spawn(|| prepare(&names.result_json, roster, |out| report::result_json(subject, ending, out)));
        let csv = prepare(&names.result_csv, roster, |out| report::result_csv(subject, ending, out));
        before()?;
        csv?.commit()?;
        joined(html)?.commit()?;
        joined(json)?.commit()?;
        Ok(())
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Writes beside a roster that it is refused, and why.
pub fn write_refusal(roster: &Path, refusal: &Refusal<'_>) -> Result<(), Misplaced> {
    let names = ReportNames::beside(roster);
    place(&names.report_html, roster, |out| report::refused_html(refusal, out))?;
    place(&names.result_json, roster, |out| refused_json(refusal, out))?;
    Ok(())
}

/// Writes `*.errors.csv` beside the roster from rosterd's own copy; `None` when no row is in error.
pub fn write_errors(
    roster: &Path,
    spool: &Path,
    dialect: &Dialect,
    form: &Form,
    plan: &Plan,
    results: &[ItemResult],
) -> Result<Option<Placed>, Misplaced> {
    if report::errors::n_in_error(plan, results) == 0 {
        return Ok(None);
    }
    let names = ReportNames::beside(roster);
    place(&names.errors_csv, roster, |out| copy_errors(spool, dialect, form, plan, results, out)).map(Some)
}

fn copy_errors(
    spool: &Path,
    dialect: &Dialect,
    form: &Form,
    plan: &Plan,
    results: &[ItemResult],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut beginning = [0; 3];
    let n = File::open(spool)?.read(&mut beginning)?;
    let mark = ByteOrderMark::of(&beginning[..n]);
    let mut sheet = Sheet::open(File::open(spool)?, dialect).map_err(io::Error::other)?;
    let header = sheet.raw_header().to_vec();
    let original = Original { header: &header, form, encoding: sheet.raw_encoding(), mark };
    let mut rows = ErrorRows::begin(plan, results, &original, out)?;
    let mut row = Row::default();
    while sheet.read_row(&mut row).map_err(io::Error::other)? {
        if let Some(line) = row.line {
            rows.offer(line, &row.raw)?;
        }
    }
    rows.finish().map(|_| ())
}
