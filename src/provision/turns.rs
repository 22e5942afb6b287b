//! Names and places in the order of the plan: who waits for somebody comes after them, and a circle goes step by step.
//!
//! The plan says the order (`Turns`). A circle is done as a whole: the journal has every step before it is sent, and
//! when one is refused, those before it are taken back, so that nobody is left under a temporary name.

mod stopped;

use std::collections::BTreeMap;
use std::collections::HashMap;

pub(super) use self::stopped::stopped;
use super::Early;
use super::Progression;
use super::Work;
use super::courier::Announced;
use super::courier::Fate;
use super::look::differences;
use super::tasks;
use super::tasks::Task;
use crate::directory::Directory;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::Values;
use crate::roster::change::Change;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;
use crate::roster::operation::Update;
use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::roster::place::Before;
use crate::roster::place::Relocation;
use crate::roster::turns::Circle;
use crate::roster::turns::way;
use crate::sqlite::DatabaseError;
use crate::state::journal::JournalKey;
use crate::state::journal::Kind;

/// People of a plan whose tasks have not been sent yet, by their place in it.
pub(super) type Waiting = BTreeMap<usize, Task>;

/// One step of a circle.
struct Pace {
    item: usize,
    key: JournalKey,
    way: Relocation,
    first: Before,
}

/// How a step ended.
pub(super) enum Step {
    Done(Box<ExistingAccount>),
    /// It was refused, or somebody else has been there, and this is why.
    Refused(String),
    /// Nobody knows, or nothing more is to be sent.
    Open,
}

impl<D: Directory> Progression<'_, D> {
    /// Sends the tasks of accounts in their order.
    pub(super) async fn in_turn(&mut self, tasks: Vec<Task>) -> Result<(), DatabaseError> {
        let turns = &self.work.plan.turns;
        if turns.waves.is_empty() {
            return self.in_batches(tasks).await;
        }
        let mut waiting: Waiting = tasks.into_iter().map(|task| (task.item, task)).collect();
        for wave in &turns.waves {
            for circle in &wave.circles {
                let members = circle.links.iter().filter_map(|link| waiting.remove(&link.item)).collect();
                let members = self.whose_turn_it_is(members, Some(circle));
                let renamed = Box::pin(self.circle(circle, members)).await?;
                self.hand_over(circle, renamed).await?;
            }
            let ready = wave.alone.iter().filter_map(|item| waiting.remove(item)).collect();
            let ready = self.whose_turn_it_is(ready, None);
            self.in_batches(ready).await?;
        }
        let rest = self.whose_turn_it_is(waiting.into_values().collect(), None);
        self.in_batches(rest).await
    }

    /// Leaves those out who wait for somebody who has not left; of a circle all, if one of them does.
    fn whose_turn_it_is(&mut self, tasks: Vec<Task>, circle: Option<&Circle>) -> Vec<Task> {
        if self.courier.is_over() {
            return tasks;
        }
        let is_one = |item: &usize| circle.is_some_and(|circle| circle.links.iter().any(|link| link.item == *item));
        let why = |task: &Task| {
            let holders = self.work.plan.turns.waits.get(&task.item).into_iter().flatten();
            let stays = holders.filter(|holder| !is_one(holder)).find(|holder| !self.has_left(**holder))?;
            let outcome = &self.results[*stays].outcome;
            Some(waits_for(self.work, *stays, outcome.reason().unwrap_or("its old name is still in use")))
        };
        let whys: Vec<Option<String>> = tasks.iter().map(why).collect();
        let of_all = whys.iter().flatten().next().filter(|_| circle.is_some()).cloned();
        let mut ready = Vec::with_capacity(tasks.len());
        for (task, why) in tasks.into_iter().zip(whys) {
            match why.or_else(|| of_all.clone()) {
                Some(why) => self.leave(&task, &why),
                None => ready.push(task),
            }
        }
        ready
    }

    /// Returns whether an account is known to have left its name and its place, and nothing is left there of it.
    pub(super) fn has_left(&self, item: usize) -> bool {
        let result = &self.results[item];
        result.outcome.reason().is_none() && !result.incomplete
    }

    pub(super) fn leave(&mut self, task: &Task, why: &str) {
        let result = &mut self.results[task.item];
        tasks::leave(result, self.work.journaled.get(&task.key), why);
        if task.replaces_owed {
            result.letter = LetterOutcome::Owed;
        }
    }

    /// Lets a circle go round. Returns what is left to be done with everybody, by their new names; nothing if one of
    /// them could not go.
    async fn circle(&mut self, circle: &Circle, members: Vec<Task>) -> Result<Vec<Task>, DatabaseError> {
        if members.is_empty() || !self.may_go_on().await {
            return Ok(members);
        }
        if members.len() < circle.links.len() {
            members
                .iter()
                .for_each(|task| self.leave(task, "somebody who takes part in the exchange of names is not written"));
            return Ok(Vec::new());
        }
        let keys: Vec<JournalKey> = members.iter().map(|task| task.key.clone()).collect();
        let mut now: HashMap<usize, Member> = circle
            .links
            .iter()
            .filter_map(|link| {
                let entry = self.work.plan.items[link.item].entry.as_deref()?;
                Some((link.item, Member { id: entry.clone(), username: link.called.clone() }))
            })
            .collect();
        let mut gone: Vec<Pace> = Vec::new();
        let mut entries: HashMap<usize, ExistingAccount> = HashMap::new();
        for pace in self.paces(circle, &members) {
            if self.is_behind(&pace, &now[&pace.item]) {
                gone.push(pace);
                continue;
            }
            match self.step(&pace, &mut now).await? {
                Step::Done(entry) => {
                    entries.insert(pace.item, *entry);
                    gone.push(pace);
                }
                Step::Open => return Ok(members),
                Step::Refused(why) => {
                    gone.push(pace);
                    return self.go_back(gone, &why, members, now, &keys).await;
                }
            }
        }
        self.work.state.arrived(self.work.run, &keys).await?;
        let mut left = Vec::new();
        for task in members {
            let entry = match entries.remove(&task.item) {
                Some(entry) => Some(entry),
                None => self.read_one(&now[&task.item].id).await,
            };
            let Some(entry) = entry else {
                self.leave(&task, "the account could not be read after it was renamed");
                continue;
            };
            left.extend(self.what_is_left(task, &entry).await?);
        }
        Ok(left)
    }

    /// Returns the steps in their order: those who step aside, then everybody.
    fn paces(&self, circle: &Circle, members: &[Task]) -> Vec<Pace> {
        let pace = |item: usize, step: &Relocation| {
            let key = members.iter().find(|task| task.item == item)?.key.clone();
            let first = way(&self.work.plan.items[item])?.before();
            Some(Pace { item, key, way: step.clone(), first })
        };
        let asides = circle.asides.iter().filter_map(|aside| pace(aside.item, &aside.there));
        let links = circle.links.iter().filter_map(|link| {
            let aside = circle.asides.iter().find(|aside| aside.item == link.item);
            pace(link.item, aside.map_or_else(|| way(&self.work.plan.items[link.item]), |aside| Some(&aside.back))?)
        });
        asides.chain(links).collect()
    }

    /// Returns whether a step was taken before an interruption, with all that follows from it.
    fn is_behind(&self, pace: &Pace, now: &Member) -> bool {
        let is_at = |way: &Relocation| way.is_done(&now.username, &now.id.locator);
        let goal = way(&self.work.plan.items[pace.item]);
        if goal.is_some_and(|goal| pace.way != *goal && is_at(goal) && !is_at(&pace.way)) {
            return true;
        }
        let on_the_way = self.work.journaled.get(&pace.key).is_some_and(|known| known.before == pace.way.before());
        is_at(&pace.way) && !on_the_way
    }

    async fn step(&mut self, pace: &Pace, now: &mut HashMap<usize, Member>) -> Result<Step, DatabaseError> {
        let Some(member) = now.get(&pace.item).cloned() else { return Ok(Step::Open) };
        let (first, way) = (pace.first.clone(), Some(pace.way.clone()));
        let step = self.send_step(pace.item, &pace.key, first, member, (way, Vec::new())).await?;
        if let Step::Done(entry) = &step {
            now.insert(pace.item, Member { id: entry.id.clone(), username: entry.username.clone() });
        }
        Ok(step)
    }

    /// Sends one step by itself. The journal has it before, and after.
    pub(super) async fn send_step(
        &mut self,
        item: usize,
        key: &JournalKey,
        first: Before,
        member: Member,
        (relocation, changes): (Option<Relocation>, Vec<Change>),
    ) -> Result<Step, DatabaseError> {
        let (run, state) = (self.work.run, self.work.state);
        let now = relocation.as_ref().map(Relocation::before).unwrap_or_default();
        state.stepping(run, key, first, now).await?;
        let Member { id, username } = member;
        let (password, must_change, enabled) = (None, None, None);
        let operation = Operation::Update(Update { id, username, relocation, changes, password, must_change, enabled });
        let (kind, generate, letter, replaces_owed) = (Kind::Update, false, false, false);
        let task = Task { item, key: key.clone(), kind, operation, generate, letter, replaces_owed, creates: false };
        let sent = self.courier.carry_out(Announced { tasks: vec![task], generations: HashMap::new() }).await;
        if let Some((_, what)) = sent.left_behind.into_iter().next() {
            return Ok(Step::Refused(what));
        }
        let Some(Fate::Settled(outcome)) = sent.fates.into_iter().next() else { return Ok(Step::Open) };
        if let Some(why) = outcome.reason() {
            return Ok(Step::Refused(why.to_owned()));
        }
        let operation = &sent.batch.tasks[0].operation;
        let Operation::Update(update) = operation else { return Ok(Step::Open) };
        let Some(entry) = self.read_one(&update.id_after()).await else {
            return Ok(if self.courier.is_over() {
                Step::Open
            } else {
                Step::Refused("the account is gone from the directory".to_owned())
            });
        };
        if let (Some(why), _) = differences(operation, &entry) {
            return Ok(Step::Refused(why));
        }
        state.stepped(run, key).await?;
        Ok(Step::Done(Box::new(entry)))
    }

    async fn read_one(&self, id: &EntryId) -> Option<ExistingAccount> {
        match self.courier.read_patiently(vec![id.clone()], self.work.attributes).await {
            Ok(found) => found.into_iter().next(),
            Err(fault) => {
                self.courier.end(Early::after(fault));
                None
            }
        }
    }

    /// Takes every step back, the last one first, and tells why.
    async fn go_back(
        &mut self,
        gone: Vec<Pace>,
        why: &str,
        members: Vec<Task>,
        mut now: HashMap<usize, Member>,
        keys: &[JournalKey],
    ) -> Result<Vec<Task>, DatabaseError> {
        let mut stuck: HashMap<usize, String> = HashMap::new();
        let refused = gone.last().map(|pace| pace.item);
        for pace in gone.into_iter().rev() {
            if let Some(entry) = self.read_one(&now[&pace.item].id).await {
                now.insert(pace.item, Member { id: entry.id, username: entry.username });
            }
            let Pace { way, .. } = &pace;
            let member = &now[&pace.item];
            let back = Pace { way: way.reversed(), ..pace };
            if back.way.is_done(&member.username, &member.id.locator) {
                continue;
            }
            match self.step(&back, &mut now).await? {
                Step::Done(_) => {}
                Step::Open => return Ok(members),
                Step::Refused(why) => {
                    stuck.insert(back.item, why);
                }
            }
        }
        if self.courier.is_over() {
            return Ok(members);
        }
        self.work.state.arrived(self.work.run, keys).await?;
        let mut evidence = self.evidence();
        for task in &members {
            let reason = match stuck.get(&task.item) {
                Some(stuck) => {
                    let Member { id, username } = &now[&task.item];
                    format!(
                        "it is called `{username}` now, and is at {}: {why}; it could not go back: {stuck}",
                        id.locator
                    )
                }
                None if Some(task.item) == refused => why.to_owned(),
                None => format!(
                    "it keeps its name and place, since {}",
                    refused.map_or_else(String::new, |item| waits_for(self.work, item, why))
                ),
            };
            let result = &mut self.results[task.item];
            result.outcome = Outcome::Failed(reason);
            if task.replaces_owed {
                result.letter = LetterOutcome::Owed;
            }
            evidence.finish(task.key.clone(), result);
        }
        self.keep_evidence(evidence).await?;
        Ok(Vec::new())
    }

    /// Returns what is left of a task when its account has its name; nothing if that was all.
    pub(super) async fn what_is_left(
        &mut self,
        mut task: Task,
        entry: &ExistingAccount,
    ) -> Result<Option<Task>, DatabaseError> {
        let Operation::Update(update) = &mut task.operation else { return Ok(None) };
        update.id = entry.id.clone();
        update.username = entry.username.clone();
        update.relocation = None;
        update.changes = update.changes.iter().filter_map(|change| since_renamed(change, entry)).collect();
        let is_all = update.changes.is_empty()
            && update.password.is_none()
            && update.must_change.is_none()
            && update.enabled.is_none()
            && !task.generate;
        if !is_all {
            return Ok(Some(task));
        }
        let member = Member { id: entry.id.clone(), username: entry.username.clone() };
        self.entries.insert(task.item, member);
        let result = &mut self.results[task.item];
        result.outcome = Outcome::Updated;
        let mut evidence = self.evidence();
        evidence.finish(task.key.clone(), &self.results[task.item]);
        self.keep_evidence(evidence).await?;
        self.work.progress.advance(1);
        Ok(None)
    }
}

/// Returns what is left of a change when the request for another name has written some of the attribute: of what is
/// there now, all is known from the plan.
fn since_renamed(change: &Change, entry: &ExistingAccount) -> Option<Change> {
    let values = entry.attributes.get(change.attribute.as_str()).into_iter().flat_map(Values::octets);
    let now: Box<[Box<[u8]>]> = values.map(Box::from).collect();
    let is_known = now.iter().all(|value| change.old.contains(value) || change.new.contains(value));
    let old = if is_known { now } else { change.old.clone() };
    let left = Change { attribute: change.attribute.clone(), old, new: change.new.clone() };
    (left.added().next().is_some() || left.removed().next().is_some()).then_some(left)
}

/// Says why somebody who waits for `item` cannot go.
pub(super) fn waits_for<D>(work: &Work<'_, D>, item: usize, why: &str) -> String {
    let plan = work.plan;
    let holder = &plan.items[item];
    let name =
        way(holder).and_then(|way| way.username.as_ref()).map_or_else(|| plan.username(holder), |step| &step.from);
    let line = holder.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    let what = if way(holder).is_some() { "who is not renamed or moved" } else { "who keeps it" };
    format!("it waits for what `{name}`{line} has, {what}: {why}")
}
