//! `rosterd approve` and `rosterd reject`

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::Format;
use super::import::carry;
use super::open;
use super::open::Site;
use super::progress::Console;
use super::progress::Parts;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::intake::lock::Exclusive;
use crate::intake::lock::LockFault;
use crate::run::Order;
use crate::run::broken;
use crate::state::State;
use crate::state::run::Phase;
use crate::state::run::Run;

/// Apply the plan that waits for approval: that very plan, or nothing.
///
/// When the roster's entries have changed since the preview, nothing is written and a new preview is shown. If the daemon is
/// running it applies the plan; else this command does.
#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    /// The roster's path, or the id of its run
    roster: String,
    /// How to print the results
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Drop the plan that waits for approval. The roster stays where it is and is not taken again until it changes.
#[derive(Debug, clap::Args)]
pub struct RejectArgs {
    /// The roster's path, or the id of its run
    roster: String,
}

/// Approves a plan.
pub async fn approve(site: &Site, args: ApproveArgs) -> Result<Exit, Failure> {
    let config = site.config()?;
    let state = open::state(&config)?;
    let run = waiting(&state, &args.roster, &[Phase::Waiting, Phase::Held, Phase::Approved]).await?;
    let Some(plan) = run.plan.clone() else {
        return Err(Failure::new(Exit::Refused, format!("run {} has no plan yet", run.id)));
    };
    let _held = match Exclusive::take(&config.data_dir) {
        Ok(held) => held,
        Err(LockFault::Held { .. }) => {
            if run.phase != Phase::Approved && !state.approve(&run.id, &plan).await.map_err(broken)? {
                let sentence = format!("the plan for {} has changed this very moment", run.path);
                return Err(Failure::new(Exit::Refused, sentence).hint("`rosterd status` says how it stands"));
            }
            Console::new(args.format, Parts::Run, false)
                .tell(&format!("Approved plan {plan}. The running daemon applies it."));
            return Ok(Exit::Done);
        }
        Err(fault) => return Err(Failure::new(Exit::TryAgain, fault.to_string()).hint(fault.hint())),
    };
    let stop = CancellationToken::new();
    open::obey_signals(&stop)?;
    let carrier = open::carrier(&config, state, stop)?;
    let console = Console::new(args.format, Parts::Run, false);
    carry(&config, &carrier, run, Order::Approved(plan), &console).await
}

/// Rejects a plan.
pub async fn reject(site: &Site, args: RejectArgs) -> Result<Exit, Failure> {
    let config = site.config()?;
    let state = open::state(&config)?;
    let run = waiting(&state, &args.roster, &[Phase::Waiting, Phase::Held]).await?;
    let carrier = open::carrier(&config, state, CancellationToken::new())?;
    carrier.end(&run, Phase::Rejected, Some("rejected by an operator".to_owned()), None).await?;
    Console::new(Format::Table, Parts::Run, false).tell(&rejected(&run));
    Ok(Exit::Done)
}

fn rejected(run: &Run) -> String {
    // What is held was planned beside other things, which were applied at once.
    match run.phase {
        Phase::Held => {
            format!("Rejected what was held of {} ({}). The rest of it was applied before.", run.path, run.holds)
        }
        _ => format!("Rejected the plan for {}. Nothing was written.", run.path),
    }
}

/// Finds the run that is meant among those in one of `phases`; of several the latest.
async fn waiting(state: &State, roster: &str, phases: &[Phase]) -> Result<Run, Failure> {
    let runs = state.open_runs().await.map_err(broken)?;
    let path = Path::new(roster).canonicalize().ok().map(|path| path.to_string_lossy().into_owned());
    let is_meant = |run: &Run| run.id == roster || run.path == roster || Some(&run.path) == path.as_ref();
    let mut meant: Vec<Run> = runs.into_iter().filter(|run| phases.contains(&run.phase) && is_meant(run)).collect();
    meant.pop().ok_or_else(|| {
        Failure::new(Exit::Usage, format!("nothing waits for approval under `{roster}`"))
            .hint("`rosterd status` lists what is waiting")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_says_what_was_written_already() {
        let run = |phase, holds: &str| Run {
            id: "1".to_owned(),
            feed: "hr".to_owned(),
            target: "staff".to_owned(),
            path: "/drop/a.csv".to_owned(),
            spool: String::new(),
            fingerprint: String::new(),
            identity: String::new(),
            phase,
            plan: None,
            holds: holds.to_owned(),
            reason: None,
            counts: None,
            started_at: String::new(),
            ended_at: None,
        };
        assert_eq!(rejected(&run(Phase::Waiting, "")), "Rejected the plan for /drop/a.csv. Nothing was written.");
        assert_eq!(
            rejected(&run(Phase::Held, "old")),
            "Rejected what was held of /drop/a.csv (old). The rest of it was applied before."
        );
    }
}
