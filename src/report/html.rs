//! `*.preview.html` and `*.report.html`: for people, in a browser, from a file.
//!
//! One page without scripts and without anything loaded from elsewhere; its content security policy allows just its own
//! style sheet. Filtering by status is done by the style sheet.

use std::borrow::Cow;
use std::io;
use std::io::Write;

use crate::roster::plan::Item;
use crate::roster::plan::Plan;

use super::difference::About;
use super::difference::Difference;
use super::pick::Rows;
use super::visible::is_plain;
use super::visible::visible;
use super::words::who;

pub(super) mod preview;
mod refused;
mod result;

pub use preview::preview_html;
pub use refused::refused_html;
pub use result::result_html;

/// Browsers become slow with more.
const MOST_ROWS: Rows = Rows::AtMost(20_000);

/// A page being written. Markup is `&'static str`, so a value can only come in as text.
struct Page<'a, W: ?Sized> {
    out: &'a mut W,
}

/// One button of the filter.
struct Kind {
    /// The class of its rows: one of those in the style sheet.
    class: &'static str,
    label: &'static str,
    count: usize,
}

impl<'a, W: Write + ?Sized> Page<'a, W> {
    /// Begins a page with its title as heading.
    fn begin(out: &'a mut W, title: &str) -> io::Result<Self> {
        let mut page = Self { out };
        page.markup(concat!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '",
        ))?;
        page.markup(STYLE_HASH)?;
        page.markup(concat!(
            "'; base-uri 'none'; form-action 'none'\">\n",
            "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n",
            "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
        ))?;
        page.text(title)?;
        page.markup("</title>\n<style>")?;
        page.markup(STYLE)?;
        page.markup("</style>\n</head>\n<body>\n<h1>")?;
        page.text(title)?;
        page.markup("</h1>\n")?;
        Ok(page)
    }

    /// Writes markup.
    fn markup(&mut self, markup: &'static str) -> io::Result<()> {
        self.out.write_all(markup.as_bytes())
    }

    /// Writes a value as text, fit for elements and quoted attributes.
    fn text(&mut self, value: &str) -> io::Result<()> {
        // As nearly all values are.
        if is_plain(value) {
            return self.out.write_all(value.as_bytes());
        }
        let shown = visible(value);
        let mut rest = shown.as_bytes();
        let special = |byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
        while let Some(at) = rest.iter().position(|byte| special(*byte)) {
            self.out.write_all(&rest[..at])?;
            write!(self.out, "&#{};", rest[at])?;
            rest = &rest[at + 1..];
        }
        self.out.write_all(rest)
    }

    /// Writes a paragraph.
    fn paragraph(&mut self, text: &str) -> io::Result<()> {
        self.markup("<p>")?;
        self.text(text)?;
        self.markup("</p>\n")
    }

    /// Writes the filter and the head of the table. Kinds without people get no button.
    fn begin_table(&mut self, total: usize, kinds: &[Kind], columns: &[&'static str]) -> io::Result<()> {
        self.button("all", "All", total, " checked")?;
        for kind in kinds.iter().filter(|kind| kind.count > 0) {
            self.button(kind.class, kind.label, kind.count, "")?;
        }
        self.markup("<table>\n<thead><tr>")?;
        for column in columns {
            self.markup("<th scope=\"col\">")?;
            self.markup(column)?;
        }
        self.markup("</thead>\n<tbody>\n")
    }

    fn button(&mut self, id: &'static str, label: &'static str, count: usize, state: &'static str) -> io::Result<()> {
        self.markup("<input type=\"radio\" name=\"show\" id=\"")?;
        self.markup(id)?;
        self.markup("\"")?;
        self.markup(state)?;
        self.markup("><label for=\"")?;
        self.markup(id)?;
        self.markup("\">")?;
        self.markup(label)?;
        writeln!(self.out, " {count}</label>")
    }

    /// Begins the row of a person: line, status or outcome, and who it is.
    fn begin_row(&mut self, class: &'static str, plan: &Plan, item: &Item, word: &str) -> io::Result<()> {
        self.markup("<tr class=\"")?;
        self.markup(class)?;
        self.markup("\"><td>")?;
        if let Some(line) = item.line {
            write!(self.out, "{line}")?;
        }
        self.markup("<td>")?;
        self.text(word)?;
        for value in who(plan, item) {
            self.markup("<td>")?;
            self.text(value)?;
        }
        self.markup("<td>")
    }

    /// Writes differences, old and new beside each other.
    fn differences(&mut self, all: &[Difference<'_>]) -> io::Result<()> {
        for Difference { name, old, new, about } in all {
            self.markup("<div><b>")?;
            self.text(name)?;
            self.markup("</b> ")?;
            if *about != About::Fresh {
                self.values("del", old)?;
                self.markup(" → ")?;
            }
            self.values("ins", new)?;
            self.markup("</div>")?;
        }
        Ok(())
    }

    fn values(&mut self, element: &'static str, values: &[Cow<'_, str>]) -> io::Result<()> {
        if values.is_empty() {
            return self.markup("<i>none</i>");
        }
        for (index, value) in values.iter().enumerate() {
            self.markup(if index == 0 { "<" } else { " <" })?;
            self.markup(element)?;
            self.markup(">")?;
            self.text(value)?;
            self.markup("</")?;
            self.markup(element)?;
            self.markup(">")?;
        }
        Ok(())
    }

    /// Writes a remark on a person.
    fn remark(&mut self, remark: &str) -> io::Result<()> {
        if remark.is_empty() {
            return Ok(());
        }
        self.markup("<div class=\"remark\">")?;
        self.text(remark)?;
        self.markup("</div>")
    }

    fn end_row(&mut self) -> io::Result<()> {
        self.markup("\n")
    }

    /// Ends table and page.
    fn end(mut self, left_out: Option<&str>) -> io::Result<()> {
        self.markup("</tbody>\n</table>\n")?;
        if let Some(sentence) = left_out {
            self.paragraph(sentence)?;
        }
        self.markup("</body>\n</html>\n")
    }
}

/// The hash of [`STYLE`], by which the content security policy knows it (CSP level 3 section 6.7.3.2).
const STYLE_HASH: &str = "sha256-Y0OlI5FjbebAnKqB5iEn3sVbmw5Cr7Wt4xyxdj6vASQ=";

const STYLE: &str = include_str!("html/style.css");
