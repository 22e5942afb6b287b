//! One roster carried through one feed: read, planned, shown, applied, reported.

mod ahead;
pub mod choices;
mod ending;
pub mod feed;
mod leavers;
mod noted;
mod offered;
mod pages;
pub mod planning;
pub mod reading;
mod referents;
pub mod reports;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use tokio_util::sync::CancellationToken;

use crate::directory::Directory;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::mail::MailPace;
use crate::mail::Mailer;
use crate::provision::Progress;
use crate::provision::Work;
use crate::provision::letters::LetterDesk;
use crate::provision::letters::LetterProof;
use crate::provision::letters::LetterRules;
use crate::provision::provision;
use crate::report::Ending;
use crate::report::Subject;
use crate::roster::forecast::Forecast;
use crate::roster::guard;
use crate::roster::plan::Hold;
use crate::roster::plan::HoldClass;
use crate::roster::plan::Plan;
use crate::roster::plan_id;
use crate::roster::remark::Remark;
use crate::sqlite::DatabaseError;
use crate::state::State;
use crate::state::run::Phase;
use crate::state::run::Run;
use crate::state::waiting::Waiting;
use feed::Feed;
use feed::Mode;
use noted::Noted;
use planning::Planned;
use planning::Resume;

/// Carries rosters; one for the whole program.
pub struct Carrier {
    /// Journal and history.
    pub state: State,
    /// The mail server, if there is one.
    pub mailer: Option<Arc<Mailer>>,
    /// One pace per feed, over all its runs.
    pub mail_paces: Mutex<HashMap<String, Arc<MailPace>>>,
    /// Cancelled when runs must end after the operations in flight.
    pub stop: CancellationToken,
    /// The present time as RFC 3339.
    pub now: fn() -> String,
}

/// Is shown what happens to a roster.
pub trait Audience: Progress {
    /// The plan, before anything is written.
    fn preview(&self, subject: &Subject<'_>);
    /// The same plan: it is not applied now, but waits for approval.
    fn waiting(&self, _subject: &Subject<'_>) {}
    /// What came of it.
    fn result(&self, subject: &Subject<'_>, ending: &Ending<'_>);
}

/// One roster's way through one feed.
pub struct Errand<'e, D> {
    /// The run as it is stored.
    pub run: Run,
    /// The feed.
    pub feed: &'e Feed,
    /// Its target.
    pub directory: &'e D,
    /// What to do with the plan.
    pub order: Order,
    /// Told what happens.
    pub audience: &'e dyn Audience,
}

/// What to do with a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// What the feed says: apply it, or let it wait for approval.
    AsTheFeedSays,
    /// An operator has approved the plan with this id, holds included.
    Approved(String),
    /// An operator says that the directory is empty on purpose.
    DirectoryWasEmptied,
}

/// What is written beside the roster at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Results,
    PreviewAndResults,
}

/// How an errand ended.
#[derive(Debug)]
pub enum Carried {
    /// Everything is done; some rows may be in error.
    Done(Exit),
    /// The plan, or part of it, waits for approval.
    Waiting,
    /// The roster was refused as a whole.
    Refused(Failure),
    /// The target looks empty, and somebody has to say whether that is so.
    Doubted(Failure),
    /// It goes on later.
    TryAgain(Failure),
}

impl Carried {
    /// Returns the exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Done(exit) => *exit,
            Self::Waiting => Exit::Refused,
            Self::Refused(failure) | Self::Doubted(failure) | Self::TryAgain(failure) => failure.exit,
        }
    }
}

impl Carrier {
    /// Stores a new run. Without it nobody needs the copy of the roster.
    pub async fn begin(&self, run: &Run) -> Result<(), Failure> {
        let begun = self.state.begin(run.clone()).await.map_err(broken);
        if begun.is_err() {
            remove_spool(run)?;
        }
        begun
    }

    /// Carries one roster as far as it goes now.
    pub async fn carry<D: Directory>(&self, errand: Errand<'_, D>) -> Result<Carried, Failure> {
        let id = errand.run.id.clone();
        errand.directory.heed(&self.stop);
        let resume = Resume::of(&self.state, &id).await.map_err(broken)?;
        let is_begun = !resume.journaled.is_empty();
        let emptied =
            errand.order == Order::DirectoryWasEmptied || self.state.believes_empty(&id).await.map_err(broken)?;
        let now = (self.now)();
        // A plan only reads, so it is made meanwhile.
        let is_whole = reading::is_whole(errand.run.spool.clone().into(), &errand.run.fingerprint);
        let (is_whole, planned) =
            tokio::join!(is_whole, Box::pin(planning::plan(&errand, &self.state, &resume, emptied, &now)));
        if !is_whole {
            return self.without_copy(&errand.run).await;
        }
        let planned = match planned {
            Ok(planned) => planned,
            Err(error) => return self.not_planned(&errand.run, error, is_begun).await,
        };
        self.keep_what_was_seen(&errand.run, &planned).await?;
        let is_resumed = is_begun && errand.run.phase == Phase::Applying;
        let noted = Noted::new(&self.state, &errand.run, errand.directory);
        if emptied && planned.n_entries == Some(0) {
            noted.own.tell(Remark::BelievedEmpty);
        }
        if is_resumed {
            noted.own.tell(Remark::WentOn);
        }
        let remarks = noted.keep().await?;
        let roster = PathBuf::from(&errand.run.path);
        let subject = subject(&planned, &errand, &roster, &remarks);
        // Where nothing is going to be written nobody waits for the preview: it is written while the results are.
        let shows = match errand.order {
            Order::AsTheFeedSays if planned.plan.is_noop() && !is_resumed => Shows::PreviewAndResults,
            _ => Shows::Results,
        };
        if !is_resumed && shows == Shows::Results {
            // What was shown before the first write stays beside the roster until there is something new to approve.
            reports::write_preview(&roster, &subject).map_err(|error| misplaced(&error))?;
        }
        let shown = planned.shown.to_string();
        let approved = match &errand.order {
            Order::Approved(approved) if *approved != shown => {
                // The operator said yes to something else.
                errand.audience.preview(&subject);
                errand.audience.waiting(&subject);
                let phase = if is_begun { Phase::Held } else { Phase::Waiting };
                self.wait(&id, phase, &planned, &planned.plan.holds).await?;
                return Ok(Carried::Refused(
                    Failure::new(
                        Exit::Refused,
                        "the plan is not the one that was approved: the directory or the rules of the feed have changed since",
                    )
                    .hint("look at the new preview, and approve it if it is right"),
                ));
            }
            Order::Approved(_) => {
                let parts = planned.plan.items.iter().flat_map(|item| plan_id::parts(&planned.plan, item)).collect();
                self.state.enter_approved(&id, &shown, parts).await.map_err(broken)?;
                self.state.approved(&id).await.map_err(broken)?
            }
            Order::AsTheFeedSays | Order::DirectoryWasEmptied => self.state.approved(&id).await.map_err(broken)?,
        };
        errand.audience.preview(&subject);
        if errand.feed.mode == Mode::Review && approved.is_none() && !planned.plan.is_noop() {
            if is_resumed {
                reports::write_preview(&roster, &subject).map_err(|error| misplaced(&error))?;
            }
            self.state.next_round(&id).await.map_err(broken)?;
            self.wait(&id, Phase::Waiting, &planned, &planned.plan.holds).await?;
            errand.audience.waiting(&subject);
            return Ok(Carried::Waiting);
        }
        let holds = if approved.is_some() { Vec::new() } else { self.holds(&id, &planned.plan).await? };
        let held: Vec<HoldClass> = holds.iter().map(|hold| hold.class).collect();
        self.state.enter(&id, Phase::Applying, &shown, &holds).await.map_err(broken)?;
        let work = Work {
            run: &id,
            target: &errand.run.target,
            plan: &planned.plan,
            held: &held,
            approved: approved.as_ref(),
            directory: errand.directory,
            roster: &roster,
            attributes: &errand.feed.attributes,
            state: &self.state,
            journaled: &resume.journaled,
            lettered: &resume.lettered,
            throttle: errand.feed.throttle,
            passwords: &errand.feed.passwords,
            letters: self.letter_desk(&id, errand.feed),
            letter_proof: errand.feed.letters.as_ref().map_or(LetterProof::Login, |letters| letters.proof),
            remarks: &noted.own,
            progress: errand.audience,
            stop: &self.stop,
            now: self.now,
        };
        let writes = !planned.plan.is_noop();
        if writes {
            noted.keep_newest().await?;
        }
        let ended = noted.during(writes, Box::pin(provision(work))).await.map_err(broken)?;
        if writes {
            noted.keep_newest().await?;
        }
        let closed = self.close(&errand, &planned, &holds, &ended, shows, &noted).await;
        // To give back the memory of many people takes a while, and nobody need wait for it. Without a thread it is given
        // back here.
        let _ = std::thread::Builder::new().spawn(move || drop((planned, ended)));
        closed
    }

    /// Returns the limits that the plan breaches, and those that the run has breached before: what is held stays held
    /// until somebody approves it, though the plan gets smaller with everything that is done.
    async fn holds(&self, run: &str, plan: &Plan) -> Result<Vec<Hold>, Failure> {
        let mut holds = plan.holds.clone();
        for before in self.state.holds(run).await.map_err(broken)? {
            let is_left = plan.items.iter().any(|item| guard::count(item, before.class) > 0);
            if is_left && !holds.iter().any(|hold| hold.class == before.class) {
                holds.push(before);
            }
        }
        Ok(holds)
    }

    /// Lets a run wait for approval of a plan, or of what is held of it.
    async fn wait(&self, run: &str, phase: Phase, planned: &Planned, holds: &[Hold]) -> Result<(), Failure> {
        let waiting = Waiting { since: (self.now)(), counts: planned.plan.counts() };
        self.state.wait(run, phase, &planned.shown.to_string(), holds, waiting).await.map_err(broken)
    }

    async fn keep_what_was_seen(&self, run: &Run, planned: &Planned) -> Result<(), Failure> {
        if let Some(n_entries) = planned.n_entries {
            self.state.keep_size(&run.target, n_entries).await.map_err(broken)?;
        }
        self.state.seen_again(&run.target, planned.leavers_back.clone()).await.map_err(broken)?;
        self.state.seen_enabled(&run.target, planned.enabled_again.clone()).await.map_err(broken)
    }

    fn letter_desk(&self, run: &str, feed: &Feed) -> Option<LetterDesk> {
        let settings = feed.letters.as_ref()?;
        let mailer = self.mailer.clone()?;
        let pace = self.pace_of(&feed.name, settings.per_minute);
        let rules = LetterRules { template: Arc::clone(&settings.template), domain: mailer.domain().to_owned() };
        Some(LetterDesk::open(run.to_owned(), rules, mailer, pace, self.state.clone(), &self.stop))
    }

    fn pace_of(&self, feed: &str, per_minute: NonZeroU32) -> Arc<MailPace> {
        let mut paces = self.mail_paces.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(paces.entry(feed.to_owned()).or_insert_with(|| Arc::new(MailPace::per_minute(per_minute))))
    }
}

fn remove_spool(run: &Run) -> Result<(), Failure> {
    match std::fs::remove_file(&run.spool) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(Exit::TryAgain, format!("cannot remove {}", run.spool)).caused_by(&error))
        }
        _ => Ok(()),
    }
}

fn subject<'s, D: Directory>(
    planned: &'s Planned,
    errand: &'s Errand<'_, D>,
    roster: &'s Path,
    remarks: &'s [Remark],
) -> Subject<'s> {
    let roster = roster.file_name().and_then(|name| name.to_str()).unwrap_or("roster");
    let forecast = Forecast::of(&planned.plan, errand.feed.throttle.tempo(errand.directory.max_rate()));
    Subject { plan: &planned.plan, form: &planned.form, feed: &errand.feed.name, roster, remarks, forecast }
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub(crate) fn broken(error: DatabaseError) -> Failure {
    Failure::new(Exit::TryAgain, "the journal cannot be used")
        .caused_by(&error)
        .hint("look at the disk that holds `data_dir`")
}

fn misplaced(error: &crate::report::place::Misplaced) -> Failure {
    Failure::new(Exit::TryAgain, "a report cannot be written")
        .caused_by(error)
        .hint("rosterd needs to write into the roster's folder; nothing is lost, the run goes on at the next start")
}
