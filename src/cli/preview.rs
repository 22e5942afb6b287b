//! `rosterd preview`

use std::path::PathBuf;

use super::Format;
use super::open;
use super::open::Site;
use super::progress::Console;
use super::progress::Parts;
use crate::config::Secrets;
use crate::directory::Directory;
use crate::directory::Remarks;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::report::Subject;
use crate::roster::forecast::Forecast;
use crate::run::Audience;
use crate::run::Errand;
use crate::run::Order;
use crate::run::planning;
use crate::run::planning::Resume;

/// Show what a roster would change, and change nothing.
///
/// Exit code 0: every row could be applied; 1: some rows are in error; 3: the roster is refused as a whole, or a limit
/// would hold something for approval.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The roster: a CSV or XLSX file
    roster: PathBuf,
    /// The feed whose rules apply; needed when the roster is in no feed's folder and there are several feeds
    #[arg(long)]
    feed: Option<String>,
    /// How to print the preview
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// List everybody, however many they are
    #[arg(long)]
    all: bool,
}

/// Shows the plan of one roster.
pub async fn preview(site: &Site, args: Args) -> Result<Exit, Failure> {
    let outline = site.outline()?;
    let feed = open::feed(&outline.feeds, args.feed.as_deref(), &args.roster)?;
    let config = site.config_with(Secrets::Of { target: &feed.feed.target, mail: false })?;
    let state = open::state(&config.data_dir)?;
    let directory = open::target(&config, &feed.feed.target)?;
    let (spool, _lock) = open::preview_spool(&config)?;
    let claim = open::claim_one(&spool, feed, &args.roster)?;
    let console = Console::new(args.format, Parts::Preview, args.all);
    let errand = Errand {
        run: open::new_run(&claim, feed),
        feed: &feed.feed,
        directory: &directory,
        order: Order::AsTheFeedSays,
        audience: &console,
    };
    let planned = planning::plan(&errand, &state, &Resume::default(), false, &open::now()).await;
    claim.close().map_err(|error| Failure::new(Exit::TryAgain, "cannot remove the spool copy").caused_by(&error))?;
    let planned = planned.map_err(|error| error.failure(&errand.run))?;
    let remarks = directory.remarks().map(Remarks::told).unwrap_or_default();
    let subject = Subject {
        plan: &planned.plan,
        form: &planned.form,
        feed: &feed.feed.name,
        roster: claim.name.as_str(),
        remarks: &remarks,
        forecast: Forecast::of(&planned.plan, feed.feed.throttle.tempo(directory.max_rate())),
    };
    console.preview(&subject);
    Ok(match planned.plan.counts().error {
        _ if !planned.plan.holds.is_empty() => Exit::Refused,
        0 => Exit::Done,
        _ => Exit::RowsInError,
    })
}
