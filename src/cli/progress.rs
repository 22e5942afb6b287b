//! What a person at a terminal, or a program behind a pipe, is shown of a run.

use std::io::IsTerminal;
use std::io::Write;

use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;

use super::Format;
use crate::provision::Progress;
use crate::report;
use crate::report::Colour;
use crate::report::Ending;
use crate::report::Look;
use crate::report::Rows;
use crate::report::Subject;
use crate::roster::forecast::Forecast;
use crate::run::Audience;

/// How many people are listed at a terminal unless all are asked for.
const AT_MOST: usize = 300;

/// Shows previews and results on stdout and a progress bar on stderr.
pub struct Console {
    format: Format,
    look: Look,
    bar: ProgressBar,
    parts: Parts,
}

/// Which parts of a run are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// The preview.
    Preview,
    /// The preview for people, and the result; for programs one of the two, the preview when the plan has to wait.
    Run,
    /// Nothing.
    Nothing,
}

impl Console {
    /// Makes a console for stdout as it is.
    pub fn new(format: Format, parts: Parts, all: bool) -> Self {
        let stdout = std::io::stdout();
        let colour =
            if stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none() { Colour::Ansi } else { Colour::Plain };
        let width = stdout.is_terminal().then(terminal_width).flatten();
        let rows = if all { Rows::All } else { Rows::AtMost(AT_MOST) };
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:32} {pos}/{len} people, {per_sec}, {eta} left {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { format, look: Look { rows, width, colour }, bar, parts }
    }

    /// Says one thing on stderr.
    pub fn tell(&self, text: &str) {
        self.bar.suspend(|| {
            // Nobody may be listening; the exit code and the reports say it too.
            let _ = writeln!(std::io::stderr(), "{text}");
        });
    }

    fn print(&self, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        // Who closes the pipe has seen enough; the run goes on and its reports have it all.
        let _ = write(&mut out).and_then(|()| out.flush());
    }
}

fn terminal_width() -> Option<u16> {
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}

impl Progress for Console {
    fn total(&self, n: usize, forecast: Option<Forecast>) {
        // The bar itself knows only after a while how long it takes, and there is none where nobody looks at it.
        match forecast {
            Some(forecast) if self.bar.is_hidden() => self.tell(&forecast.to_string()),
            Some(forecast) => self.bar.set_message(format!("({forecast})")),
            None => {}
        }
        self.bar.set_length(n as u64);
        if n > 0 {
            self.bar.tick();
        }
    }

    fn advance(&self, n: usize) {
        self.bar.inc(n as u64);
    }

    fn letters(&self, n: usize) {
        let so_far: usize = self.bar.message().split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default();
        self.bar.set_message(format!("{} letters", so_far + n));
    }
}

impl Audience for Console {
    fn preview(&self, subject: &Subject<'_>) {
        match (self.format, self.parts) {
            (_, Parts::Nothing) => {}
            (Format::Table, _) => self.print(|out| report::preview_table(subject, &self.look, out)),
            (Format::Json, Parts::Preview) => self.print(|out| report::preview_json(subject, out)),
            (Format::Csv, Parts::Preview) => self.print(|out| report::preview_csv(subject, out)),
            (Format::Json | Format::Csv, Parts::Run) => {}
        }
    }

    fn waiting(&self, subject: &Subject<'_>) {
        // There will be no result, and a program is owed one document all the same.
        match (self.format, self.parts) {
            (Format::Json, Parts::Run) => self.print(|out| report::preview_json(subject, out)),
            (Format::Csv, Parts::Run) => self.print(|out| report::preview_csv(subject, out)),
            _ => {}
        }
    }

    fn result(&self, subject: &Subject<'_>, ending: &Ending<'_>) {
        self.bar.finish_and_clear();
        if self.parts == Parts::Nothing {
            return;
        }
        match self.format {
            Format::Table => {
                self.print(|out| {
                    writeln!(out)?;
                    report::result_lines(subject, ending, self.look.rows, out)
                });
            }
            Format::Json => self.print(|out| report::result_json(subject, ending, out)),
            Format::Csv => self.print(|out| report::result_csv(subject, ending, out)),
        }
    }
}
