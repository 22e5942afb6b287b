//! `rosterd approve` and `rosterd reject`

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::Format;
use super::import::carry;
use super::open;
use super::open::Site;
use super::progress::Console;
use super::progress::Parts;
use crate::config::Outline;
use crate::config::Secrets;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::intake::lock::Exclusive;
use crate::intake::lock::LockFault;
use crate::roster::account::LineNo;
use crate::run::Order;
use crate::run::broken;
use crate::run::choices;
use crate::state::State;
use crate::state::run::Phase;
use crate::state::run::Run;

/// Apply the plan that waits for approval: that very plan, or nothing.
///
/// Choices that were edited in the roster's `*.preview.csv` count: add, update, sync groups, sync roles, subscribe.
///
/// When the roster's entries have changed since the preview, nothing is written and a new preview is shown. If the daemon is
/// running it applies the plan; else this command does.
#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    /// The roster's path, or the id of its run
    roster: String,
    /// The directory was emptied on purpose: the run that waits because the directory has no accounts at all goes on
    #[arg(long)]
    directory_was_emptied: bool,
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
    let outline = site.outline()?;
    let state = open::state(&outline.data_dir)?;
    let phases: &[Phase] = if args.directory_was_emptied { EMPTIED } else { APPROVED };
    let run = waiting(&state, &args.roster, phases).await?;
    let plan = run.plan.clone().filter(|_| APPROVED.contains(&run.phase));
    if plan.is_none() && !args.directory_was_emptied {
        return Err(Failure::new(Exit::Refused, without_plan(&run)).hint(format!(
            "if it is so on purpose, run `rosterd approve --directory-was-emptied {}`; else repair the directory, and \
             drop or import the roster again",
            run.id
        )));
    }
    let choices = edited(&outline, &run).await?;
    if args.directory_was_emptied {
        state.believe_empty(&run.id).await.map_err(broken)?;
    }
    let _held = match Exclusive::take(&outline.data_dir) {
        Ok(held) => held,
        Err(LockFault::Held { .. }) => {
            let told = match &plan {
                None => "The running daemon goes on with it, and believes that the directory is empty.".to_owned(),
                Some(plan) => {
                    if run.phase != Phase::Approved && !state.approve(&run.id, plan, choices).await.map_err(broken)? {
                        let sentence = format!("the plan for {} has changed this very moment", run.path);
                        return Err(Failure::new(Exit::Refused, sentence).hint("`rosterd status` says how it stands"));
                    }
                    format!("Approved plan {plan}. The running daemon applies it.")
                }
            };
            Console::new(args.format, Parts::Run, false).tell(&told);
            return Ok(Exit::Done);
        }
        Err(fault) => return Err(Failure::new(Exit::TryAgain, fault.to_string()).hint(fault.hint())),
    };
    let mail = outline.feed(&run.feed).is_some_and(|feed| feed.feed.letters.is_some());
    let config = site.config_with(Secrets::Of { target: &run.target, mail })?;
    let stop = CancellationToken::new();
    open::obey_signals(&stop)?;
    state.keep_choices(&run.id, choices).await.map_err(broken)?;
    let carrier = open::carrier(config.mail.as_ref(), state, stop)?;
    let console = Console::new(args.format, Parts::Run, false);
    let order = plan.map_or(Order::AsTheFeedSays, Order::Approved);
    carry(&config, &carrier, run, order, &console).await
}

/// What waits for approval of a plan.
const APPROVED: &[Phase] = &[Phase::Waiting, Phase::Held, Phase::Approved];
/// What may be unable to go on because the directory looks empty.
const EMPTIED: &[Phase] = &[Phase::Claimed, Phase::Waiting, Phase::Approved, Phase::Applying, Phase::Held];

fn without_plan(run: &Run) -> String {
    match &run.reason {
        Some(reason) => reason.clone(),
        None => format!("run {} has no plan yet", run.id),
    }
}

/// Returns the choices that the operator has edited in the preview.
async fn edited(outline: &Outline, run: &Run) -> Result<Vec<(LineNo, u8)>, Failure> {
    // A feed that is gone is told of when the run is carried. Without a plan there was no preview.
    let Some(feed) = outline.feed(&run.feed).filter(|_| run.plan.is_some()) else { return Ok(Vec::new()) };
    let edited = choices::edited(run, &feed.feed).await.map_err(|fault| fault.failure())?;
    Ok(edited.into_iter().map(|(line, bits)| (line, bits.0)).collect())
}

/// Rejects a plan.
pub async fn reject(site: &Site, args: RejectArgs) -> Result<Exit, Failure> {
    let outline = site.outline()?;
    let state = open::state(&outline.data_dir)?;
    let run = waiting(&state, &args.roster, &[Phase::Waiting, Phase::Held]).await?;
    let carrier = open::carrier(None, state, CancellationToken::new())?;
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
