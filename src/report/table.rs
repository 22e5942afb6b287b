//! The preview on a terminal.

use std::io;
use std::io::Write;

use comfy_table::Attribute;
use comfy_table::Cell;
use comfy_table::Color;
use comfy_table::ContentArrangement;
use comfy_table::LineStyle;
use comfy_table::Table;
use comfy_table::TableStyle;

use crate::roster::plan::Counts;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::Plan;

use super::Subject;
use super::difference::About;
use super::difference::in_one_line;
use super::difference::planned;
use super::names;
use super::pick::Picker;
use super::pick::Rows;
use super::visible::cut;
use super::visible::visible;
use super::words;
use super::words::Class;
use super::words::forecast_sentence;
use super::words::form_sentence;
use super::words::notes;
use super::words::remark_sentence;
use super::words::remarks_text;
use super::words::seats_sentence;
use super::words::who;

/// How text for a terminal is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// How many people are shown one by one.
    pub rows: Rows,
    /// Columns of the terminal; `None` makes lines as long as they need to be.
    pub width: Option<u16>,
    /// Whether statuses are coloured.
    pub colour: Colour,
}

impl Default for Look {
    fn default() -> Self {
        Self { rows: Rows::AtMost(300), width: None, colour: Colour::Plain }
    }
}

/// Whether text for a terminal has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Only text: files, pipes, `NO_COLOR`.
    Plain,
    /// ANSI escape codes.
    Ansi,
}

/// The table is laid out this many people at a time, so that a long one is neither held in memory nor late.
const PAGE: usize = 300;
/// Longer values are cut on the terminal; `*.preview.csv` has them whole.
const LONGEST_CELL: usize = 400;

/// Writes what a plan would do: what is known about the roster, counts, what is held, then person by person.
pub fn preview_table(subject: &Subject<'_>, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let Subject { plan, form, feed, roster, remarks, forecast } = subject;
    writeln!(out, "Preview of {} (feed {})", visible(roster), visible(feed))?;
    writeln!(out, "{}", form_sentence(form))?;
    writeln!(out, "{}", counts_sentence(plan.counts()))?;
    if let Some(seats) = plan.seats {
        writeln!(out, "{}", seats_sentence(seats))?;
    }
    if let Some(forecast) = forecast {
        writeln!(out, "{}", forecast_sentence(forecast))?;
    }
    for note in notes(plan) {
        writeln!(out, "{}", visible(&note))?;
    }
    for remark in *remarks {
        writeln!(out, "{}", visible(&remark_sentence(remark)))?;
    }
    for hold in &plan.holds {
        writeln!(out, "Held for approval: {hold}")?;
    }
    if plan.items.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut picker = Picker::new(look.rows, plan.items.len());
    let mut shown = plan.items.iter().filter(|item| {
        let class = Class::of(item);
        picker.takes(class.word(), class.share())
    });
    loop {
        let page: Vec<&Item> = shown.by_ref().take(PAGE).collect();
        if page.is_empty() {
            break;
        }
        write_page(plan, &page, look, out)?;
    }
    if let Some(sentence) = picker.left_out(&visible(&names::beside_name(roster).preview_csv)) {
        writeln!(out, "{sentence}")?;
    }
    Ok(())
}

fn counts_sentence(counts: Counts) -> String {
    let Counts { new, update, unchanged, old, error } = counts;
    format!("New {new}, Update {update}, unchanged {unchanged}, Old {old}, Error {error}")
}

fn write_page(plan: &Plan, page: &[&Item], look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('-').junction('-')));
    match look.width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    match look.colour {
        Colour::Plain => table.force_no_tty(),
        Colour::Ansi => table.enforce_styling(),
    };
    table.set_header(["Line", "Status", "Username", "First name", "Surname", "Email", "What"]);
    for item in page {
        let [username, first, surname, email] = who(plan, item);
        let text = |value: &str| Cell::new(cut(&visible(value), LONGEST_CELL));
        table.add_row([
            Cell::new(item.line.map(|line| line.to_string()).unwrap_or_default()),
            status_cell(Class::of(item), look.colour),
            text(username),
            text(first),
            text(surname),
            text(email),
            text(&what(plan, item)),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn status_cell(class: Class, colour: Colour) -> Cell {
    let word = match class {
        Class::Unchanged => Class::Update.word(),
        other => other.word(),
    };
    let cell = Cell::new(word);
    match (colour, class) {
        (Colour::Plain, _) | (Colour::Ansi, Class::Unchanged) => cell,
        (Colour::Ansi, Class::New) => cell.fg(Color::Green),
        (Colour::Ansi, Class::Update) => cell.fg(Color::Cyan),
        (Colour::Ansi, Class::Old) => cell.fg(Color::Yellow),
        (Colour::Ansi, Class::Error) => cell.fg(Color::Red).add_attribute(Attribute::Bold),
    }
}

/// What is to be done for a person, and what is wrong, in one line.
fn what(plan: &Plan, item: &Item) -> String {
    let decision = match &item.intent {
        _ if Class::of(item) == Class::Error => String::new(),
        Intent::Nothing => "unchanged".to_owned(),
        Intent::Skip(_) => String::new(),
        Intent::Create(_) => {
            let mut comes = planned(plan, item);
            comes.retain(|difference| difference.about == About::Membership);
            in_one_line(&comes)
        }
        Intent::Update(_) => in_one_line(&planned(plan, item)),
        Intent::Report | Intent::Disable | Intent::Archive { .. } | Intent::Delete | Intent::Purge { .. } => {
            words::decision(item).into_owned()
        }
    };
    let remarks = remarks_text(item);
    match (decision.is_empty(), remarks.is_empty()) {
        (false, false) => format!("{decision}; {remarks}"),
        _ => decision + &remarks,
    }
}
