//! `rosterd import`

use std::path::Path;
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::Format;
use super::open;
use super::open::Site;
use super::progress::Console;
use super::progress::Parts;
use crate::config::Config;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::run::Carrier;
use crate::run::Errand;
use crate::run::Order;
use crate::run::broken;
use crate::state::run::Phase;
use crate::state::run::Run;

/// Carry one roster through now: preview, writes, reports beside the roster.
///
/// An import that was interrupted goes on where it was, before anything new is done.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The roster: a CSV or XLSX file
    roster: PathBuf,
    /// The feed whose rules apply; needed when the roster is in no feed's folder and there are several feeds
    #[arg(long)]
    feed: Option<String>,
    /// How to print preview and results
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// List everybody, however many they are
    #[arg(long)]
    all: bool,
    /// The directory was emptied on purpose: an answer of no accounts at all is believed once
    #[arg(long)]
    directory_was_emptied: bool,
}

/// Carries one roster through.
pub async fn import(site: &Site, args: Args) -> Result<Exit, Failure> {
    let config = site.config()?;
    let feed = open::feed(&config.feeds, args.feed.as_deref(), &args.roster)?;
    let held = open::exclusive(&config)?;
    let state = open::state(&config.data_dir)?;
    let spool = open::spool(&config)?;
    open::clean(&spool, &held, &state).await?;
    let stop = CancellationToken::new();
    open::obey_signals(&stop)?;
    let carrier = open::carrier(config.mail.as_ref(), state, stop)?;
    let console = Console::new(args.format, Parts::Run, args.all);
    let claim = open::claim_one(&spool, feed, &args.roster)?;
    let fresh = open::new_run(&claim, feed);
    let order = if args.directory_was_emptied { Order::DirectoryWasEmptied } else { Order::AsTheFeedSays };
    let mut same = None;
    for run in carrier.state.open_runs().await.map_err(broken)? {
        let is_this = run.fingerprint == fresh.fingerprint && run.path == fresh.path && run.feed == fresh.feed;
        match (run.phase, &run.plan) {
            (Phase::Claimed | Phase::Applying, _) if is_this => same = Some(run),
            (Phase::Claimed | Phase::Applying, _) => {
                finish_other(&config, &carrier, run, Order::AsTheFeedSays).await;
            }
            (Phase::Approved, None) if is_this => same = Some(run),
            (Phase::Approved, None) => finish_other(&config, &carrier, run, Order::AsTheFeedSays).await,
            (Phase::Approved, Some(plan)) => {
                let approved = Order::Approved(plan.clone());
                finish_other(&config, &carrier, run, approved).await;
            }
            // A roster dropped again takes the place of the one that waits.
            (Phase::Waiting | Phase::Held, _) if run.path == fresh.path && run.feed == fresh.feed => {
                let why = "the roster was imported again";
                carrier.end(&run, Phase::Rejected, Some(why.to_owned()), None).await?;
            }
            _ => {}
        }
    }
    if let Some(run) = same {
        claim
            .close()
            .map_err(|error| Failure::new(Exit::TryAgain, "cannot remove the spool copy").caused_by(&error))?;
        console.tell("An earlier import of this roster was interrupted and goes on.");
        return carry(&config, &carrier, run, order, &console).await;
    }
    carrier.begin(&fresh).await?;
    carry(&config, &carrier, fresh, order, &console).await
}

/// Carries one run and tells what is to be told about its end.
pub async fn carry(
    config: &Config,
    carrier: &Carrier,
    run: Run,
    order: Order,
    console: &Console,
) -> Result<Exit, Failure> {
    let Some(feed) = config.feed(&run.feed) else {
        return Err(Failure::new(
            Exit::Config,
            format!("run {} belongs to the feed `{}`, which is gone", run.id, run.feed),
        )
        .hint(format!("restore the feed, or run `rosterd reject {}`", run.id)));
    };
    let directory = open::target(config, &run.target)?;
    let path = run.path.clone();
    let errand = Errand { run, feed: &feed.feed, directory: &directory, order, audience: console };
    match carrier.carry(errand).await? {
        crate::run::Carried::Done(exit) => Ok(exit),
        crate::run::Carried::Waiting => {
            console.tell(&format!(
                "Held for approval. Look at {} and run `rosterd approve {path}` or `rosterd reject {path}`.",
                crate::report::names::ReportNames::beside(Path::new(&path)).preview_html.display()
            ));
            Ok(Exit::Refused)
        }
        crate::run::Carried::Refused(failure)
        | crate::run::Carried::Doubted(failure)
        | crate::run::Carried::TryAgain(failure) => Err(failure),
    }
}

/// Goes on with a run of another roster that was interrupted. Its failure is told and does not stop this import.
async fn finish_other(config: &Config, carrier: &Carrier, run: Run, order: Order) {
    let silent = Console::new(Format::Table, Parts::Nothing, false);
    silent.tell(&format!("{} was interrupted earlier and goes on first.", run.path));
    if let Err(failure) = carry(config, carrier, run, order, &silent).await {
        silent.tell(&failure.to_string());
    }
}
