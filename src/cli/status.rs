//! `rosterd status`

use serde_json::Value;
use serde_json::json;

use super::Format;
use super::list::List;
use super::open;
use super::open::Site;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::run::broken;
use crate::state::run::Phase;
use crate::state::run::Run;

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
const COLUMNS: &[&str] = &["run", "feed", "roster", "phase", "plan", "holds", "started", "ended", "counts", "reason"];

/// Lists runs.
pub async fn status(site: &Site, args: Args) -> Result<Exit, Failure> {
    let config = site.config()?;
    let state = open::state(&config)?;
    let mut runs = state.open_runs().await.map_err(broken)?;
    for run in state.latest_runs(args.number).await.map_err(broken)? {
        if !runs.iter().any(|known| known.id == run.id) {
            runs.push(run);
        }
    }
    runs.sort_by(|a, b| b.id.cmp(&a.id));
    let waits = runs.iter().any(|run| matches!(run.phase, Phase::Waiting | Phase::Held));
    let list = match args.format {
        Format::Table => List { columns: FOR_PEOPLE, rows: runs.iter().map(row_for_people).collect() },
        Format::Json => List { columns: COLUMNS, rows: runs.iter().map(|run| row(run, counts(run))).collect() },
        Format::Csv => List { columns: COLUMNS, rows: runs.iter().map(|run| row(run, json!(told(run)))).collect() },
    };
    list.print(args.format, "No roster was carried through yet.")?;
    Ok(if waits { Exit::Refused } else { Exit::Done })
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

/// The classes that are held now. A run that went on after an approval remembers them, but holds nothing any more.
fn holds(run: &Run) -> &str {
    if run.phase == Phase::Held { &run.holds } else { "" }
}

fn row_for_people(run: &Run) -> Vec<Value> {
    let what = match run.phase {
        Phase::Waiting => "look at the preview, then approve or reject it".to_owned(),
        Phase::Held => format!("held for approval: {}", run.holds.replace(',', ", ")),
        _ => [told(run), run.reason.clone().unwrap_or_default()].join(" ").trim().to_owned(),
    };
    vec![json!(run.started_at), json!(run.phase.word()), json!(run.feed), json!(run.path), json!(what), json!(run.id)]
}

fn row(run: &Run, counts: Value) -> Vec<Value> {
    vec![
        json!(run.id),
        json!(run.feed),
        json!(run.path),
        json!(run.phase.word()),
        json!(run.plan),
        json!(holds(run)),
        json!(run.started_at),
        json!(run.ended_at),
        counts,
        json!(run.reason),
    ]
}
