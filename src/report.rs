//! What people and programs are shown of a plan, and of what came of it.
//!
//! Every form is written from the same two arguments, a [`Subject`] and, for results, an [`Ending`], to any writer and
//! piece by piece, since a plan may hold a million people. Only [`place`] touches the file system.
//!
//! Values come from whoever fills in a roster or a directory. So every form has one door for values, which takes their
//! power away: [`visible`] for control characters, [`cell`] for formulas, `html::Page::text` for markup. Passwords have
//! no door at all. The one exception is `*.errors.csv`, which repeats rows of the roster byte for byte.

use crate::roster::forecast::Forecast;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::roster::plan::Hold;
use crate::roster::plan::Item;
use crate::roster::plan::Plan;
use crate::roster::read::Form;
use crate::roster::remark::Remark;

pub mod cell;
mod difference;
pub mod errors;
mod html;
mod json;
pub mod names;
mod pick;
pub mod place;
pub mod refused;
#[cfg(test)]
mod sample;
mod sheet;
mod table;
mod tally;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test ends where something unexpected begins")]
mod tests;
mod told;
pub mod visible;
mod words;

pub use difference::planned_lines;
pub use html::preview_html;
pub use html::refused_html;
pub use html::result_html;
pub use json::preview_json;
pub use json::result_json;
pub use pick::Rows;
pub use sheet::preview_csv;
pub use sheet::result_csv;
pub use table::Colour;
pub use table::Look;
pub use table::preview_table;
pub use tally::Tally;
pub use tally::Verdict;
pub use told::result_lines;
pub use words::form_sentence;

/// What a preview is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The decisions.
    pub plan: &'a Plan,
    /// What the roster was found to be.
    pub form: &'a Form,
    /// The feed's name.
    pub feed: &'a str,
    /// The roster's file name, without its folder.
    pub roster: &'a str,
    /// What is true of the run as a whole, as far as it has got.
    pub remarks: &'a [Remark],
    /// How long it takes to apply, where the speed is limited.
    pub forecast: Option<Forecast>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// The run's id.
    pub run: &'a str,
    /// One result per item of the plan, in the same order.
    pub results: &'a [ItemResult],
    /// The holds that nobody had approved: what they hold back was not done.
    pub holds: &'a [Hold],
    /// When the run started, as in RFC 3339.
    pub started: &'a str,
    /// When it ended, as in RFC 3339.
    pub ended: &'a str,
    /// Why it ended before its time, if it did: a clause such as `the server refuses the bind password`.
    pub ended_early: Option<&'a str>,
}

static UNRECORDED: ItemResult = ItemResult {
    outcome: Outcome::NotAttempted(String::new()),
    letter: LetterOutcome::NotWanted,
    notes: Vec::new(),
    incomplete: false,
};

impl<'a> Ending<'a> {
    /// Iterates over the people of `plan` with what came of each. Nobody is left out: a person without a result was
    /// not attempted.
    pub fn people(self, plan: &'a Plan) -> impl Iterator<Item = (&'a Item, &'a ItemResult)> {
        let results = self.results.iter().chain(std::iter::repeat(&UNRECORDED));
        plan.items.iter().zip(results)
    }
}
