//! One roster carried through one feed: read, planned, shown, applied, reported.

pub mod feed;
pub mod planning;
mod reading;
pub mod reports;

use std::collections::HashMap;
use std::collections::HashSet;
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
use crate::provision::Early;
use crate::provision::Ended;
use crate::provision::Progress;
use crate::provision::Work;
use crate::provision::letters::LetterDesk;
use crate::provision::letters::LetterRules;
use crate::provision::owed_lines;
use crate::provision::provision;
use crate::report::Ending;
use crate::report::Subject;
use crate::report::Tally;
use crate::report::Verdict;
use crate::report::names::ReportNames;
use crate::report::place::Placed;
use crate::report::place::remove_placed;
use crate::roster::account::LineNo;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::Outcome;
use crate::roster::plan::Hold;
use crate::roster::plan::HoldClass;
use crate::roster::plan::Intent;
use crate::roster::plan::Plan;
use crate::roster::plan_id;
use crate::sqlite::DatabaseError;
use crate::state::State;
use crate::state::journal::JournalKey;
use crate::state::journal::Journaled;
use crate::state::run::Phase;
use crate::state::run::Run;
use feed::Feed;
use feed::Mode;
use planning::Planned;
use planning::PlanningError;
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

/// How an errand ended.
#[derive(Debug)]
pub enum Carried {
    /// Everything is done; some rows may be in error.
    Done(Exit),
    /// The plan, or part of it, waits for approval.
    Waiting,
    /// The roster was refused as a whole.
    Refused(Failure),
    /// It goes on later.
    TryAgain(Failure),
}

impl Carried {
    /// Returns the exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Done(exit) => *exit,
            Self::Waiting => Exit::Refused,
            Self::Refused(failure) | Self::TryAgain(failure) => failure.exit,
        }
    }
}

impl Carrier {
    /// Carries one roster as far as it goes now.
    pub async fn carry<D: Directory>(&self, errand: Errand<'_, D>) -> Result<Carried, Failure> {
        let id = errand.run.id.clone();
        let resume = self.resume(&id).await?;
        let letters: HashSet<LineNo> = owed_lines(&self.state.letters(&id).await.map_err(broken)?);
        let resume = Resume { letters_owed: letters, ..resume };
        let emptied = errand.order == Order::DirectoryWasEmptied;
        let planned = match planning::plan(&errand, &self.state, &resume, emptied).await {
            Ok(planned) => planned,
            Err(error) => return self.not_planned(&errand, error).await,
        };
        if let Some(n_entries) = planned.n_entries {
            self.state.keep_size(&errand.run.target, n_entries).await.map_err(broken)?;
        }
        // Whoever switches them off next has reasons of their own: they stay off.
        let let_in = planned.let_in.clone();
        self.state.switched(&errand.run.target, Vec::new(), let_in, (self.now)()).await.map_err(broken)?;
        let roster = PathBuf::from(&errand.run.path);
        let subject = subject(&planned, &errand, &roster);
        crate::run::reports::write_preview(&roster, &subject).map_err(|error| misplaced(&error))?;
        let plan_id = planned.plan.id.to_string();
        let digests_approved = match &errand.order {
            Order::Approved(approved) if *approved != plan_id => {
                // The operator said yes to something else.
                errand.audience.preview(&subject);
                errand.audience.waiting(&subject);
                let phase = if errand.run.holds.is_empty() { Phase::Waiting } else { Phase::Held };
                self.state.enter(&id, phase, &plan_id, &errand.run.holds).await.map_err(broken)?;
                return Ok(Carried::Refused(
                    Failure::new(
                        Exit::Refused,
                        "the plan is not the one that was approved: the directory or the rules of the feed have changed since",
                    )
                    .hint("look at the new preview, and approve it if it is right"),
                ));
            }
            Order::Approved(_) => {
                let digests = planned.plan.items.iter().map(|item| plan_id::item_digest(&planned.plan, item)).collect();
                self.state.keep_approved(&id, digests).await.map_err(broken)?;
                self.state.approved(&id).await.map_err(broken)?
            }
            Order::AsTheFeedSays | Order::DirectoryWasEmptied => self.state.approved(&id).await.map_err(broken)?,
        };
        let is_approved = digests_approved.is_some();
        errand.audience.preview(&subject);
        if errand.feed.mode == Mode::Review
            && !is_approved
            && errand.run.phase != Phase::Applying
            && !planned.plan.is_noop()
        {
            self.state.enter(&id, Phase::Waiting, &plan_id, "").await.map_err(broken)?;
            errand.audience.waiting(&subject);
            return Ok(Carried::Waiting);
        }
        let holds: &[Hold] = if is_approved { &[] } else { &planned.plan.holds };
        let held: Vec<HoldClass> = holds.iter().map(|hold| hold.class).collect();
        // What an approved run had held is remembered: those people were not done with before.
        let held_ever = if is_approved { errand.run.holds.clone() } else { words(&held) };
        self.state.enter(&id, Phase::Applying, &plan_id, &held_ever).await.map_err(broken)?;
        let ended = provision(Work {
            run: &id,
            target: &errand.run.target,
            plan: &planned.plan,
            held: &held,
            approved: digests_approved.as_ref(),
            directory: errand.directory,
            attributes: &errand.feed.attributes,
            state: &self.state,
            journaled: &resume.journaled,
            throttle: errand.feed.throttle,
            passwords: &errand.feed.passwords,
            letters: self.letter_desk(&id, errand.feed),
            letters_without_proof: errand.feed.letters.as_ref().is_some_and(|letters| letters.without_proof),
            progress: errand.audience,
            stop: &self.stop,
            now: self.now,
        })
        .await
        .map_err(broken)?;
        self.close(&errand, &planned, holds, ended).await
    }

    async fn resume(&self, id: &str) -> Result<Resume, Failure> {
        let journaled: HashMap<JournalKey, Journaled> = self.state.journaled(id).await.map_err(broken)?;
        Ok(Resume { journaled, letters_owed: HashSet::new() })
    }

    fn letter_desk(&self, run: &str, feed: &Feed) -> Option<LetterDesk> {
        let settings = feed.letters.as_ref()?;
        let mailer = self.mailer.clone()?;
        let pace = self.pace_of(&feed.name, settings.per_minute);
        let rules = LetterRules { template: Arc::clone(&settings.template), domain: mailer.domain().to_owned() };
        Some(LetterDesk::open(run.to_owned(), rules, mailer, pace, self.state.clone(), self.stop.clone()))
    }

    fn pace_of(&self, feed: &str, per_minute: NonZeroU32) -> Arc<MailPace> {
        let mut paces = self.mail_paces.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(paces.entry(feed.to_owned()).or_insert_with(|| Arc::new(MailPace::per_minute(per_minute))))
    }

    /// Writes the reports and closes the run, or leaves it open when something of it is still to come.
    async fn close<D>(
        &self,
        errand: &Errand<'_, D>,
        planned: &Planned,
        holds: &[Hold],
        ended: Ended,
    ) -> Result<Carried, Failure>
    where
        D: Directory,
    {
        let Errand { run, feed, .. } = errand;
        let roster = PathBuf::from(&run.path);
        let subject = subject(planned, errand, &roster);
        let early = ended.early.as_ref().map(ToString::to_string);
        let now = (self.now)();
        let ending = Ending {
            run: &run.id,
            results: &ended.results,
            holds,
            started: &run.started_at,
            ended: &now,
            ended_early: early.as_deref(),
            notes: &[],
        };
        let spool = Path::new(&run.spool);
        let errors = reports::write_errors(&roster, spool, &feed.dialect, &planned.form, &planned.plan, &ended.results)
            .map_err(|error| misplaced(&error))?;
        self.keep_placed(&roster, errors).await?;
        reports::write_results(&roster, &subject, &ending).map_err(|error| misplaced(&error))?;
        errand.audience.result(&subject, &ending);
        let tally = Tally::of(&planned.plan, &ending);
        if let Some(before) = planned.n_entries {
            let now = size_after(before, &planned.plan, &ended.results);
            self.state.keep_size(&run.target, now).await.map_err(broken)?;
        }
        if let Some(early) = &ended.early {
            return Ok(Carried::TryAgain(ended_early(early, errand)));
        }
        if !holds.is_empty() {
            return self.hold(errand, holds).await;
        }
        self.end(run, Phase::Done, None, Some(counts(&tally))).await?;
        let clean = matches!(tally.verdict(&ending), Verdict::Successful | Verdict::NothingToChange | Verdict::LeftOut);
        Ok(Carried::Done(if clean { Exit::Done } else { Exit::RowsInError }))
    }

    /// Plans what is left once more, so that its id is what an operator approves.
    async fn hold<D: Directory>(&self, errand: &Errand<'_, D>, holds: &[Hold]) -> Result<Carried, Failure> {
        let resume = self.resume(&errand.run.id).await?;
        let held: Vec<HoldClass> = holds.iter().map(|hold| hold.class).collect();
        let errand = Errand {
            run: Run { holds: words(&held), ..errand.run.clone() },
            feed: errand.feed,
            directory: errand.directory,
            order: errand.order.clone(),
            audience: errand.audience,
        };
        match planning::plan(&errand, &self.state, &resume, false).await {
            Ok(left) => {
                let plan = left.plan.id.to_string();
                self.state.enter(&errand.run.id, Phase::Held, &plan, &errand.run.holds).await.map_err(broken)?;
                Ok(Carried::Waiting)
            }
            Err(error) => self.not_planned(&errand, error).await,
        }
    }

    async fn keep_placed(&self, roster: &Path, errors: Option<Placed>) -> Result<(), Failure> {
        let path = ReportNames::beside(roster).errors_csv;
        let key = path.to_string_lossy().into_owned();
        match errors {
            Some(placed) => self.state.placed(key, Some((placed.length, placed.sha256))).await.map_err(broken),
            None => {
                let Some((length, sha256)) = self.state.as_placed(key.clone()).await.map_err(broken)? else {
                    return Ok(());
                };
                remove_placed(&path, &Placed { length, sha256 })
                    .map_err(|error| Failure::new(Exit::TryAgain, format!("cannot remove {key}")).caused_by(&error))?;
                self.state.placed(key, None).await.map_err(broken)
            }
        }
    }

    async fn not_planned<D>(&self, errand: &Errand<'_, D>, error: PlanningError) -> Result<Carried, Failure> {
        let failure = error.failure(&errand.run);
        match failure.exit {
            Exit::Refused => {
                self.end(&errand.run, Phase::Refused, Some(failure.sentence().to_owned()), None).await?;
                Ok(Carried::Refused(failure))
            }
            _ => Ok(Carried::TryAgain(failure)),
        }
    }

    /// Ends a run: its file is done, its copy goes.
    pub async fn end(
        &self,
        run: &Run,
        phase: Phase,
        reason: Option<String>,
        counts: Option<String>,
    ) -> Result<(), Failure> {
        let name = Path::new(&run.path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.state.file_done(&run.feed, &name, &run.identity, &run.id).await.map_err(broken)?;
        self.state.end(&run.id, phase, reason, counts, (self.now)()).await.map_err(broken)?;
        match std::fs::remove_file(&run.spool) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::new(Exit::TryAgain, format!("cannot remove {}", run.spool)).caused_by(&error))
            }
            _ => Ok(()),
        }
    }
}

fn subject<'s, D>(planned: &'s Planned, errand: &'s Errand<'_, D>, roster: &'s Path) -> Subject<'s> {
    let roster = roster.file_name().and_then(|name| name.to_str()).unwrap_or("roster");
    Subject { plan: &planned.plan, form: &planned.form, feed: &errand.feed.name, roster }
}

/// Returns how many accounts a directory of `before` has after what was done.
fn size_after(before: usize, plan: &Plan, results: &[ItemResult]) -> usize {
    let done = || plan.items.iter().zip(results).map(|(item, result)| (&item.intent, &result.outcome));
    let come = done().filter(|done| matches!(done, (Intent::Create(_), Outcome::Created))).count();
    let go = done().filter(|done| matches!(done, (Intent::Delete, Outcome::Deleted))).count();
    (before + come).saturating_sub(go)
}

fn words(held: &[HoldClass]) -> String {
    held.iter().map(|class| class.key()).collect::<Vec<_>>().join(",")
}

fn counts(tally: &Tally) -> String {
    serde_json::json!({
        "created": tally.created, "updated": tally.updated, "unchanged": tally.unchanged,
        "disabled": tally.disabled, "enabled": tally.enabled, "deleted": tally.deleted, "old": tally.reported,
        "rejected": tally.rejected, "failed": tally.failed, "not_attempted": tally.not_attempted,
        "letters_sent": tally.letters_sent, "letters_owed": tally.letters_owed,
    })
    .to_string()
}

fn ended_early<D>(early: &Early, errand: &Errand<'_, D>) -> Failure {
    let sentence = format!("{}: {early}", errand.run.path);
    match early {
        Early::Useless(_) => Failure::new(Exit::Config, sentence).hint(format!(
            "`rosterd check` says what is missing on target `{}`; the run goes on at the next start",
            errand.run.target
        )),
        Early::Stopped | Early::Unavailable(_) | Early::LettersOwed(_) => Failure::new(Exit::TryAgain, sentence)
            .hint("nothing is lost: the run goes on at the next `rosterd import` or `rosterd run`"),
    }
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
