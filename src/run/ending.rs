//! How a run ends, or comes to wait: reports beside the roster, and what the journal keeps of it.

use std::path::Path;
use std::path::PathBuf;

use super::Carried;
use super::Carrier;
use super::Errand;
use super::Shows;
use super::broken;
use super::misplaced;
use super::noted::Noted;
use super::planning;
use super::planning::Planned;
use super::planning::PlanningError;
use super::planning::Resume;
use super::remove_spool;
use super::reports;
use super::subject;
use crate::directory::Directory;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::provision::Early;
use crate::provision::Ended;
use crate::report::Ending;
use crate::report::Tally;
use crate::report::Verdict;
use crate::report::names::ReportNames;
use crate::report::place::Placed;
use crate::report::place::remove_placed;
use crate::report::refused::Refusal;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::Outcome;
use crate::roster::plan::Hold;
use crate::roster::plan::Intent;
use crate::roster::plan::Plan;
use crate::state::run::Phase;
use crate::state::run::Run;

impl Carrier {
    /// Ends a run that has lost its copy of the roster. One that nothing was written for is simply over: the dropped
    /// file is taken anew.
    pub(super) async fn without_copy(&self, run: &Run) -> Result<Carried, Failure> {
        let sentence = format!("{}: rosterd's own copy of the roster is gone or damaged", run.path);
        let failure = Failure::new(Exit::TryAgain, sentence).hint("look at the disk that holds `data_dir`");
        if run.phase != Phase::Claimed {
            return Ok(Carried::TryAgain(failure));
        }
        let reason = Some(failure.sentence().to_owned());
        self.state.end(&run.id, Phase::Failed, reason, None, (self.now)()).await.map_err(broken)?;
        remove_spool(run)?;
        Ok(Carried::Refused(failure.hint("import the roster again, or drop it again")))
    }

    /// Writes the reports and closes the run, or leaves it open when something of it is still to come.
    pub(super) async fn close<D>(
        &self,
        errand: &Errand<'_, D>,
        planned: &Planned,
        holds: &[Hold],
        ended: &Ended,
        shows: Shows,
        noted: &Noted<'_>,
    ) -> Result<Carried, Failure>
    where
        D: Directory,
    {
        let Errand { run, feed, .. } = errand;
        let roster = PathBuf::from(&run.path);
        let remarks = noted.keep().await?;
        let subject = subject(planned, errand, &roster, &remarks);
        let early = ended.early.as_ref().map(ToString::to_string);
        let now = (self.now)();
        let ending = Ending {
            run: &run.id,
            results: &ended.results,
            holds,
            started: &run.started_at,
            ended: &now,
            ended_early: early.as_deref(),
        };
        let spool = Path::new(&run.spool);
        let errors = reports::write_errors(&roster, spool, &feed.dialect, &planned.form, &planned.plan, &ended.results)
            .map_err(|error| misplaced(&error))?;
        self.keep_placed(&roster, errors).await?;
        let write = match shows {
            Shows::Results => reports::write_results,
            Shows::PreviewAndResults => reports::write_preview_and_results,
        };
        write(&roster, &subject, &ending).map_err(|error| misplaced(&error))?;
        errand.audience.result(&subject, &ending);
        let tally = Tally::of(&planned.plan, &ending);
        if let Some(before) = planned.n_entries {
            let now = size_after(before, &planned.plan, &ended.results);
            self.state.keep_size(&run.target, now).await.map_err(broken)?;
        }
        if let Some(early) = &ended.early {
            return Ok(Carried::TryAgain(ended_early(early, errand)));
        }
        self.state.missing_since(&run.target, planned.leavers_gone.clone(), now.clone()).await.map_err(broken)?;
        if !holds.is_empty() {
            return self.hold(errand, holds, noted).await;
        }
        self.end(run, Phase::Done, None, Some(counts(&tally))).await?;
        let clean = matches!(tally.verdict(&ending), Verdict::Successful | Verdict::NothingToChange | Verdict::LeftOut);
        Ok(Carried::Done(if clean { Exit::Done } else { Exit::RowsInError }))
    }

    /// Plans what is left once more, and shows it: this is what an operator approves.
    async fn hold<D: Directory>(
        &self,
        errand: &Errand<'_, D>,
        holds: &[Hold],
        noted: &Noted<'_>,
    ) -> Result<Carried, Failure> {
        let Errand { run, .. } = errand;
        self.state.next_round(&run.id).await.map_err(broken)?;
        let resume = Resume::of(&self.state, &run.id).await.map_err(broken)?;
        match planning::plan(errand, &self.state, &resume, false, &(self.now)()).await {
            Ok(left) => {
                let roster = PathBuf::from(&run.path);
                let remarks = noted.keep().await?;
                let subject = subject(&left, errand, &roster, &remarks);
                reports::write_preview(&roster, &subject).map_err(|error| misplaced(&error))?;
                self.wait(&run.id, Phase::Held, &left, holds).await?;
                Ok(Carried::Waiting)
            }
            Err(error) => self.not_planned(run, error, true).await,
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

    /// Ends a run whose roster is refused. One that has begun to write stays open: its people are not to be forgotten.
    pub(super) async fn not_planned(
        &self,
        run: &Run,
        error: PlanningError,
        is_begun: bool,
    ) -> Result<Carried, Failure> {
        let is_doubted = matches!(error, PlanningError::SuddenlyEmpty { .. });
        let failure = error.failure(run);
        match failure.exit {
            Exit::Refused if !is_begun => {
                let roster = Path::new(&run.path);
                let refusal = Refusal {
                    run: &run.id,
                    feed: &run.feed,
                    roster: roster.file_name().and_then(|name| name.to_str()).unwrap_or("roster"),
                    ended: &(self.now)(),
                    why: failure.sentence(),
                    hints: failure.hints(),
                };
                reports::write_refusal(roster, &refusal).map_err(|error| misplaced(&error))?;
                if is_doubted {
                    let why = failure.sentence().to_owned();
                    self.state.doubt(&run.id, why, (self.now)()).await.map_err(broken)?;
                    return Ok(Carried::Doubted(failure));
                }
                self.end(run, Phase::Refused, Some(failure.sentence().to_owned()), None).await?;
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
        remove_spool(run)
    }
}

/// Returns how many accounts a directory of `before` has after what was done.
fn size_after(before: usize, plan: &Plan, results: &[ItemResult]) -> usize {
    let done = || plan.items.iter().zip(results).map(|(item, result)| (&item.intent, &result.outcome));
    let come = done().filter(|done| matches!(done, (Intent::Create(_), Outcome::Created))).count();
    let go = done().filter(|done| matches!(done, (Intent::Delete | Intent::Purge { .. }, Outcome::Deleted))).count();
    (before + come).saturating_sub(go)
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
