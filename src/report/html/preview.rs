//! The preview as a page.

use std::borrow::Cow;
use std::io;
use std::io::Write;

use crate::roster::plan::Item;

use super::Kind;
use super::MOST_ROWS;
use super::Page;
use crate::report::Subject;
use crate::report::difference::planned;
use crate::report::names;
use crate::report::pick::Picker;
use crate::report::pick::Rows;
use crate::report::words;
use crate::report::words::Class;
use crate::report::words::forecast_sentence;
use crate::report::words::form_sentence;
use crate::report::words::notes;
use crate::report::words::remark_sentence;
use crate::report::words::remarks_text;
use crate::report::words::seats_sentence;

/// Writes `*.preview.html`. Of more than twenty thousand people it shows those in error and the first of each kind.
pub fn preview_html(subject: &Subject<'_>, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    page(subject, MOST_ROWS, out)
}

/// Writes the page with just so many people.
pub(in crate::report) fn page(subject: &Subject<'_>, rows: Rows, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let Subject { plan, form, feed, roster, remarks, forecast } = *subject;
    let mut page = Page::begin(out, &format!("Preview of {roster}"))?;
    page.paragraph(&format!("Feed {feed}. Nothing has been changed yet. Plan {}.", plan.id))?;
    page.paragraph(&form_sentence(form))?;
    if let Some(seats) = plan.seats {
        page.paragraph(&seats_sentence(seats))?;
    }
    if let Some(forecast) = &forecast {
        page.paragraph(&forecast_sentence(forecast))?;
    }
    for note in notes(plan) {
        page.paragraph(&note)?;
    }
    for remark in remarks {
        page.paragraph(&remark_sentence(remark))?;
    }
    for hold in &plan.holds {
        page.paragraph(&format!("Held for approval: {hold}"))?;
    }
    let counts = plan.counts();
    let kinds = [
        (Class::New, counts.new),
        (Class::Update, counts.update),
        (Class::Unchanged, counts.unchanged),
        (Class::Old, counts.old),
        (Class::Error, counts.error),
    ];
    let kinds = kinds.map(|(class, count)| Kind { class: key(class), label: class.word(), count });
    let columns = ["Line", "Status", "Username", "First name", "Surname", "Email", "What"];
    page.begin_table(plan.items.len(), &kinds, &columns)?;
    let mut picker = Picker::new(rows, plan.items.len());
    for item in &plan.items {
        let class = Class::of(item);
        if !picker.takes(class.word(), class.share()) {
            continue;
        }
        page.begin_row(key(class), plan, item, item.status.word())?;
        page.differences(&planned(plan, item))?;
        page.remark(&decision(item))?;
        page.remark(&remarks_text(item))?;
        page.end_row()?;
    }
    page.end(picker.left_out(&names::beside_name(roster).preview_csv).as_deref())
}

/// What is to be done, where no difference says it.
fn decision(item: &Item) -> Cow<'static, str> {
    let is_unchanged = Class::of(item) == Class::Unchanged;
    if is_unchanged { "unchanged".into() } else { words::decision(item) }
}

fn key(class: Class) -> &'static str {
    match class {
        Class::New => "new",
        Class::Update => "update",
        Class::Unchanged => "unchanged",
        Class::Old => "old",
        Class::Error => "error",
    }
}
