//! When the next request may be sent: so many on their way, so many in a time, and nobody while the service asks for
//! peace. One place for the whole target, together with the pace of the feed.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::Semaphore;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::sleep_until;

use super::stop::Stop;
use super::stop::Stopping;
use crate::directory::Pace;
use crate::roster::forecast::Rate;

/// How long there must be no complaint before it goes a little faster again.
const CLEAN: Duration = Duration::from_secs(30);

/// In how many steps the full rate is come back to: 25 a second goes up by 1 a second.
const STEPS: f64 = 25.0;

/// How far the rate may fall.
const FLOOR: f64 = 1.0 / 64.0;

/// What is taken for too fast at least where no limit is set: one refusal among few requests says little.
const LEAST_FULL: f64 = 25.0;

/// How late a request may leave without the next ones being later for it: what timers are good for.
const CATCH_UP: Duration = Duration::from_millis(20);

/// Hands out turns.
///
/// A limit of n in a time holds for every window of that time, wherever it begins, and where the service stands, not
/// only where we do: a request is taken to arrive at any moment between its turn and its answer, so it counts until a
/// whole window has passed since the answer. Within that, turns are evenly spaced.
#[derive(Debug)]
pub struct Turnstile {
    limit: Option<Rate>,
    seats: Semaphore,
    /// Whoever holds it is next: turns are given in the order in which they were asked for.
    next: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    ended: Notify,
    pub(super) stop: Stop,
}

#[derive(Debug)]
struct State {
    /// Requests on their way.
    under_way: usize,
    /// When those were answered that still count.
    answered: VecDeque<Instant>,
    /// When the next turn is due.
    due: Instant,
    /// The rate a second, if it is not the limit.
    slowed: Option<Slowed>,
    paused_until: Option<Instant>,
    /// Turns of late, to know the rate where no limit is set: how many, since when.
    of_late: (u32, Instant),
}

#[derive(Clone, Copy, Debug)]
struct Slowed {
    each_second: f64,
    /// What was too fast.
    full: f64,
    /// When it was last made slower or faster.
    since: Instant,
    /// When it was last made slower.
    cut: Instant,
}

enum Wait {
    /// The service asks for it.
    InPeace(Instant),
    Until(Instant),
    ForAnAnswer,
}

impl Turnstile {
    /// Returns the rate of a target.
    pub fn new(in_flight: NonZeroUsize, limit: Option<Rate>) -> Self {
        let now = Instant::now();
        Self {
            limit,
            seats: Semaphore::new(in_flight.get().min(Semaphore::MAX_PERMITS)),
            next: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                under_way: 0,
                answered: VecDeque::new(),
                due: now,
                slowed: None,
                paused_until: None,
                of_late: (0, now),
            }),
            ended: Notify::new(),
            stop: Stop::default(),
        }
    }

    /// Waits until one more request may be sent, for `pace` as well. The turn lasts until the answer is there. There is
    /// none when the service asks for peace and the run is to end.
    pub async fn turn(&self, pace: Option<&Pace>) -> Result<Turn<'_>, Stopping> {
        loop {
            let seat = self.seats.acquire().await.expect("the seats are never closed");
            let next = self.next.lock().await;
            // From one look at the state to the next there is no await, so nothing changes in between.
            let wait = loop {
                let wait = {
                    let mut state = self.state();
                    match state.wait(self.limit) {
                        None => match pace.map_or(Ok(()), Pace::try_permit) {
                            Ok(()) => {
                                let since = state.grant(self.limit);
                                return Ok(Turn { rate: self, since, _seat: seat });
                            }
                            Err(wait) => break wait,
                        },
                        Some(wait) => wait,
                    }
                };
                match wait {
                    Wait::InPeace(until) => self.stop.unless_long(until).await?,
                    Wait::Until(instant) => sleep_until(instant).await,
                    Wait::ForAnAnswer => self.ended.notified().await,
                }
            };
            // The feed's pace concerns writes only: reads may go ahead meanwhile.
            drop(next);
            drop(seat);
            sleep(wait).await;
        }
    }

    /// Lets nobody go for `pause`, whatever else is so.
    pub fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.state();
        state.paused_until = Some(state.paused_until.map_or(until, |other| other.max(until)));
    }

    /// Halves the rate, since the service found the request whose turn began at `since` one too many. Requests that
    /// were sent before the rate was halved the last time say nothing about the rate of now.
    ///
    /// Returns the rate a second if it was changed.
    pub fn slow_down(&self, since: Instant) -> Option<f64> {
        let now = Instant::now();
        let mut state = self.state();
        let full = match (state.slowed, self.limit) {
            (Some(slowed), _) if since <= slowed.cut => return None,
            (Some(slowed), _) => slowed.full,
            (None, Some(limit)) => limit.each_second(),
            (None, None) => state.of_late(now).max(LEAST_FULL),
        };
        let each_second = state.slowed.map_or(full, |slowed| slowed.each_second) / 2.0;
        let each_second = each_second.max(full * FLOOR);
        state.slowed = Some(Slowed { each_second, full, since: now, cut: now });
        Some(each_second)
    }

    /// Returns how many a second are sent at most at present.
    pub fn each_second(&self) -> Option<f64> {
        let mut state = self.state();
        state.recover(Instant::now());
        state.slowed.map(|slowed| slowed.each_second).or(self.limit.map(Rate::each_second))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns what to wait for before one more may go.
    fn wait(&mut self, limit: Option<Rate>) -> Option<Wait> {
        let now = Instant::now();
        self.recover(now);
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Some(Wait::InPeace(until));
        }
        self.paused_until = None;
        if let Some(limit) = limit {
            while self.answered.front().is_some_and(|answered| *answered + limit.per <= now) {
                self.answered.pop_front();
            }
            if self.under_way + self.answered.len() >= limit.n.get() as usize {
                return Some(match self.answered.front() {
                    Some(answered) => Wait::Until(*answered + limit.per),
                    None => Wait::ForAnAnswer,
                });
            }
        }
        let is_spaced = self.slowed.is_some() || limit.is_some();
        (is_spaced && self.due > now).then_some(Wait::Until(self.due))
    }

    fn grant(&mut self, limit: Option<Rate>) -> Instant {
        let now = Instant::now();
        self.under_way += 1;
        let each_second = self.slowed.map(|slowed| slowed.each_second).or(limit.map(Rate::each_second));
        let space = each_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate));
        let oldest = now.checked_sub(CATCH_UP).unwrap_or(now);
        self.due = self.due.max(oldest) + space;
        let (n, since) = self.of_late;
        self.of_late =
            if now.saturating_duration_since(since) < 2 * Duration::from_secs(1) { (n + 1, since) } else { (1, now) };
        now
    }

    /// Goes faster by a step for every while without a complaint.
    fn recover(&mut self, now: Instant) {
        while let Some(slowed) = &mut self.slowed
            && now.saturating_duration_since(slowed.since) >= CLEAN
        {
            slowed.since += CLEAN;
            slowed.each_second += slowed.full / STEPS;
            if slowed.each_second >= slowed.full {
                self.slowed = None;
            }
        }
    }

    /// Returns how many a second were sent of late.
    fn of_late(&self, now: Instant) -> f64 {
        let (n, since) = self.of_late;
        f64::from(n.max(1)) / now.saturating_duration_since(since).as_secs_f64().max(1.0)
    }
}

/// The right to send one request, until it is dropped.
#[derive(Debug)]
pub struct Turn<'r> {
    rate: &'r Turnstile,
    since: Instant,
    _seat: SemaphorePermit<'r>,
}

impl Turn<'_> {
    /// Returns when it began.
    pub fn since(&self) -> Instant {
        self.since
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.rate.state();
        state.under_way -= 1;
        if self.rate.limit.is_some() {
            state.answered.push_back(Instant::now());
        }
        drop(state);
        self.rate.ended.notify_one();
    }
}

#[cfg(test)]
mod tests;
