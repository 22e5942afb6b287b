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
    let rows = runs.iter().map(row).collect();
    List { columns: COLUMNS, rows }.print(args.format, "No roster was carried through yet.")?;
    Ok(if waits { Exit::Refused } else { Exit::Done })
}

fn row(run: &Run) -> Vec<Value> {
    let counts: Value = run.counts.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let counts = match counts {
        Value::Object(all) => {
            let told: Vec<String> = all
                .iter()
                .filter(|(_, n)| **n != json!(0))
                .map(|(word, n)| format!("{n} {}", word.replace('_', " ")))
                .collect();
            json!(told.join(", "))
        }
        other => other,
    };
    vec![
        json!(run.id),
        json!(run.feed),
        json!(run.path),
        json!(run.phase.word()),
        json!(run.plan),
        json!(run.holds),
        json!(run.started_at),
        json!(run.ended_at),
        counts,
        json!(run.reason),
    ]
}
