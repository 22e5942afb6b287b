//! `rosterd status`

use std::io::Write;

use serde_json::Value;
use serde_json::json;

use super::Format;
use super::list::List;
use super::open;
use super::open::Site;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::report::visible::visible;
use crate::roster::plan::Counts;
use crate::roster::plan::Hold;
use crate::roster::remark::Remark;
use crate::run::broken;
use crate::state::State;
use crate::state::run::Phase;
use crate::state::run::Run;
use crate::state::waiting::Waiting;

/// List rosters that are under way, waiting for approval, or done, latest first.
///
/// Exit code 3 says that something waits for approval.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many runs
    #[arg(short, long, default_value_t = 20, value_name = "N")]
    number: usize,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What people are shown; programs get everything.
const FOR_PEOPLE: &[&str] = &["started", "phase", "feed", "roster", "what", "run"];
const COLUMNS: &[&str] = &[
    "run", "feed", "roster", "phase", "plan", "holds", "started", "ended", "counts", "reason", "since", "planned",
    "held", "approve", "notes",
];

/// A run with what an operator has to know of it while it is open.
struct Standing {
    run: Run,
    waiting: Option<Waiting>,
    holds: Vec<Hold>,
    remarks: Vec<Remark>,
}

/// Lists runs.
pub async fn status(site: &Site, args: Args) -> Result<Exit, Failure> {
    let outline = site.outline()?;
    let state = open::state(&outline.data_dir)?;
    let mut runs = state.open_runs().await.map_err(broken)?;
    for run in state.latest_runs(args.number).await.map_err(broken)? {
        if !runs.iter().any(|known| known.id == run.id) {
            runs.push(run);
        }
    }
    runs.sort_by(|a, b| b.id.cmp(&a.id));
    let mut all = Vec::new();
    for run in runs {
        all.push(Standing::of(run, &state).await?);
    }
    let list = match args.format {
        Format::Table => List { columns: FOR_PEOPLE, rows: all.iter().map(Standing::row_for_people).collect() },
        Format::Json => List { columns: COLUMNS, rows: all.iter().map(Standing::row).collect() },
        Format::Csv => List { columns: COLUMNS, rows: all.iter().map(Standing::flat_row).collect() },
    };
    list.print(args.format, "No roster was carried through yet.")?;
    if matches!(args.format, Format::Table) {
        let mut out = std::io::stdout().lock();
        for standing in all.iter().filter(|standing| standing.waits()) {
            match standing.tell(site, &mut out) {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    return Err(Failure::new(Exit::TryAgain, "cannot write to stdout").caused_by(&error));
                }
                _ => {}
            }
        }
    }
    Ok(if all.iter().any(Standing::waits) { Exit::Refused } else { Exit::Done })
}

impl Standing {
    async fn of(run: Run, state: &State) -> Result<Self, Failure> {
        if !run.phase.is_open() {
            return Ok(Self { run, waiting: None, holds: Vec::new(), remarks: Vec::new() });
        }
        let waits = matches!(run.phase, Phase::Waiting | Phase::Held);
        let waiting = state.waiting(&run.id).await.map_err(broken)?.filter(|_| waits);
        // A run that went on after an approval remembers what was held, but holds nothing any more.
        let mut holds = state.holds(&run.id).await.map_err(broken)?;
        holds.retain(|hold| waits && run.holds.split(',').any(|class| class == hold.class.key()));
        let remarks = state.remarks(&run.id).await.map_err(broken)?;
        Ok(Self { run, waiting, holds, remarks })
    }

    fn waits(&self) -> bool {
        matches!(self.run.phase, Phase::Waiting | Phase::Held)
    }

    /// Returns whether it waits because the directory looks empty.
    fn is_doubted(&self) -> bool {
        self.run.phase == Phase::Waiting && self.run.plan.is_none()
    }

    /// Returns what approves it. The id of a run is safe to paste into a shell; the name of a roster need not be.
    fn approval(&self) -> Option<String> {
        let flag = if self.is_doubted() { "--directory-was-emptied " } else { "" };
        self.waits().then(|| format!("rosterd approve {flag}{}", self.run.id))
    }

    /// Writes what waits, why, since when, and what to do.
    fn tell(&self, site: &Site, out: &mut dyn Write) -> std::io::Result<()> {
        let Run { path, feed, id, .. } = &self.run;
        let since = self.waiting.as_ref().map(|waiting| format!(", since {}", waiting.since)).unwrap_or_default();
        writeln!(out, "\n{} (feed {}) waits for approval{since}:", visible(path), visible(feed))?;
        if let (Some(waiting), false) = (&self.waiting, self.is_doubted()) {
            let rest = if self.run.phase == Phase::Held { "; applied, but for what is held" } else { "" };
            writeln!(out, "  {}{rest}", counts_sentence(waiting.counts))?;
        }
        for hold in &self.holds {
            writeln!(out, "  held: {hold}")?;
        }
        if let Some(reason) = &self.run.reason {
            writeln!(out, "  {}", visible(reason))?;
        }
        for remark in &self.remarks {
            writeln!(out, "  note: {}", visible(&remark.to_string()))?;
        }
        let options = site.options();
        let approval = self.approval().unwrap_or_default();
        writeln!(out, "  rosterd{options}{}", approval.trim_start_matches("rosterd"))?;
        writeln!(out, "  rosterd{options} reject {id}")
    }

    fn what(&self) -> String {
        let run = &self.run;
        match run.phase {
            Phase::Waiting if self.is_doubted() => "the directory looks empty".to_owned(),
            Phase::Waiting => "look at the preview, then approve or reject it".to_owned(),
            Phase::Held => format!("held for approval: {}", run.holds.replace(',', ", ")),
            _ => [told(run), run.reason.clone().unwrap_or_default()].join(" ").trim().to_owned(),
        }
    }

    fn row_for_people(&self) -> Vec<Value> {
        let Run { started_at, phase, feed, path, id, .. } = &self.run;
        vec![json!(started_at), json!(phase.word()), json!(feed), json!(path), json!(self.what()), json!(id)]
    }

    fn row(&self) -> Vec<Value> {
        let run = &self.run;
        let planned = self.waiting.as_ref().filter(|_| !self.is_doubted()).map(|waiting| waiting.counts);
        let planned = planned.map(|Counts { new, update, unchanged, old, error }| {
            json!({"new": new, "update": update, "unchanged": unchanged, "old": old, "error": error})
        });
        let held = self.holds.iter().map(|hold| {
            let Hold { class, planned, limit, of } = *hold;
            json!({"class": class.key(), "planned": planned, "limit": limit, "of": of, "why": hold.to_string()})
        });
        let notes: Vec<String> = self.remarks.iter().map(ToString::to_string).collect();
        vec![
            json!(run.id),
            json!(run.feed),
            json!(run.path),
            json!(run.phase.word()),
            json!(run.plan),
            json!(if run.phase == Phase::Held { &run.holds } else { "" }),
            json!(run.started_at),
            json!(run.ended_at),
            counts(run),
            json!(run.reason),
            json!(self.waiting.as_ref().map(|waiting| &waiting.since)),
            planned.unwrap_or_default(),
            held.collect(),
            json!(self.approval()),
            json!(notes),
        ]
    }

    /// The same with words in place of objects.
    fn flat_row(&self) -> Vec<Value> {
        let mut row = self.row();
        for (column, value) in COLUMNS.iter().zip(&mut row) {
            match *column {
                "counts" => *value = json!(told(&self.run)),
                "planned" if !value.is_null() => {
                    *value = json!(self.waiting.as_ref().map(|waiting| counts_sentence(waiting.counts)));
                }
                "held" => *value = json!(self.holds.iter().map(ToString::to_string).collect::<Vec<_>>()),
                _ => {}
            }
        }
        row
    }
}

fn counts_sentence(counts: Counts) -> String {
    let Counts { new, update, unchanged, old, error } = counts;
    format!("New {new}, Update {update}, unchanged {unchanged}, Old {old}, Error {error}")
}

fn counts(run: &Run) -> Value {
    run.counts.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The counts in words, without those that are zero.
fn told(run: &Run) -> String {
    let Value::Object(all) = counts(run) else { return String::new() };
    let some = all.iter().filter(|(_, n)| **n != json!(0));
    some.map(|(word, n)| format!("{n} {}", word.replace('_', " "))).collect::<Vec<_>>().join(", ")
}
