//! Values that people of a circle take from each other: one after the other, when all have their names.
//!
//! Where nobody could begin, somebody is without the value for a while (`Turns` says who). What nobody took after all
//! goes back to them.

use std::collections::HashSet;

use super::Progression;
use super::tasks::Task;
use super::turns::Step;
use super::turns::Waiting;
use super::turns::waits_for;
use crate::directory::Directory;
use crate::roster::change::Change;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;
use crate::roster::outcome::Outcome;
use crate::roster::place::Before;
use crate::roster::turns::Circle;
use crate::roster::turns::Handed;
use crate::roster::turns::Yield;
use crate::sqlite::DatabaseError;
use crate::state::journal::JournalKey;

/// Somebody who has given values up.
struct Without<'c> {
    one: &'c Yield,
    key: JournalKey,
    member: Member,
}

impl<D: Directory> Progression<'_, D> {
    /// Writes what is left of people who have gone round.
    pub(super) async fn hand_over(&mut self, circle: &Circle, left: Vec<Task>) -> Result<(), DatabaseError> {
        if circle.handed.is_empty() || self.courier.is_over() {
            return self.in_batches(left).await;
        }
        let mut waiting: Waiting = left.into_iter().map(|task| (task.item, task)).collect();
        let mut without = Vec::new();
        for one in &circle.yields {
            let Some(task) = waiting.remove(&one.item) else { continue };
            let Operation::Update(update) = &task.operation else { continue };
            let (key, member) = (task.key.clone(), Member { id: update.id.clone(), username: update.username.clone() });
            match self.send_step(one.item, &key, Before::default(), member, (None, one.changes.clone())).await? {
                Step::Done(entry) => {
                    let member = Member { id: entry.id.clone(), username: entry.username.clone() };
                    without.push(Without { one, key, member });
                    waiting.extend(self.what_is_left(task, &entry).await?.map(|task| (task.item, task)));
                }
                Step::Refused(why) => {
                    self.fail(&task, format!("it could not give up what others wait for: {why}")).await?;
                }
                Step::Open => {
                    waiting.insert(task.item, task);
                    return self.in_batches(waiting.into_values().collect()).await;
                }
            }
        }
        for Handed { item, from } in &circle.handed {
            let Some(task) = waiting.remove(item) else { continue };
            let has_it = |holder: &&usize| !without.iter().any(|w| w.one.item == **holder) && !self.has_left(**holder);
            match from.iter().find(has_it) {
                Some(holder) if !self.courier.is_over() => {
                    let outcome = &self.results[*holder].outcome;
                    let why =
                        waits_for(self.work, *holder, outcome.reason().unwrap_or("its old value is still in use"));
                    self.leave(&task, &why);
                }
                _ => self.in_batches(vec![task]).await?,
            }
        }
        self.give_back(circle, without).await
    }

    async fn fail(&mut self, task: &Task, why: String) -> Result<(), DatabaseError> {
        self.results[task.item].outcome = Outcome::Failed(why);
        let mut evidence = self.evidence();
        evidence.finish(task.key.clone(), &self.results[task.item]);
        self.keep_evidence(evidence).await
    }

    /// Gives values back to those who have got no others, unless somebody has taken them.
    async fn give_back(&mut self, circle: &Circle, without: Vec<Without<'_>>) -> Result<(), DatabaseError> {
        for Without { one, key, member } in without {
            if self.has_left(one.item) || self.courier.is_over() {
                continue;
            }
            let takers: HashSet<usize> =
                circle.handed.iter().filter(|h| h.from.contains(&one.item)).map(|handed| handed.item).collect();
            let names: Vec<&str> = one.changes.iter().map(|change| change.attribute.as_str()).collect();
            let names = names.join("`, `");
            let note = if takers.iter().any(|taker| self.has_left(*taker)) {
                Some(format!("its `{names}` is somebody else's now, and it has got no other"))
            } else {
                let back = |Change { attribute, old, new }: &Change| Change {
                    attribute: attribute.clone(),
                    old: new.clone(),
                    new: old.clone(),
                };
                let changes = one.changes.iter().map(back).collect();
                match self.send_step(one.item, &key, Before::default(), member, (None, changes)).await? {
                    Step::Done(_) => None,
                    Step::Refused(why) => Some(format!("its `{names}` could not be given back: {why}")),
                    Step::Open => Some(format!("nobody knows whether it has its `{names}` back")),
                }
            };
            self.results[one.item].notes.extend(note);
            let mut evidence = self.evidence();
            evidence.finish(key, &self.results[one.item]);
            self.keep_evidence(evidence).await?;
        }
        Ok(())
    }
}
