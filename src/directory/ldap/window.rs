//! How many operations may be unanswered at the same time: enough to keep the server busy, and not more.
//!
//! What waits in the server's queue gains nothing, keeps its other clients waiting, and is in doubt when the connection
//! is lost. So the window follows the latency, as TCP Vegas does (Brakmo and Peterson, 1995): the shortest answer tells
//! how long one takes that waits for nobody, and what answers take longer than that, they have waited.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

/// Where a window begins that follows the latency.
const FIRST: usize = 8;
/// It does not get smaller.
const LEAST: usize = 2;
/// With fewer operations in the server's queue than this the window grows. OpenLDAP works on eight of a connection at a
/// time: it writes a fifth more when the next ones are always there.
const LOW: f64 = 16.0;
/// With more it shrinks.
const HIGH: f64 = 32.0;
/// After so many answers the shortest latency is measured anew: the way to the server may be another one.
const PROBE_EVERY: usize = 4096;

/// How wide the window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// As wide as the latency asks for, up to this.
    UpTo(usize),
    /// Always so many.
    Fixed(usize),
}

/// The operations of one target that are not answered yet.
#[derive(Debug)]
pub struct Window {
    slots: Semaphore,
    gauge: Mutex<Gauge>,
}

/// The right to one unanswered operation.
#[derive(Debug)]
pub struct Slot<'a> {
    window: &'a Window,
    permit: Option<SemaphorePermit<'a>>,
    since: Instant,
}

impl Window {
    pub fn new(width: Width) -> Self {
        let gauge = Gauge::new(width);
        Self { slots: Semaphore::new(gauge.size), gauge: Mutex::new(gauge) }
    }

    /// Waits until one more operation may be sent.
    pub async fn slot(&self) -> Slot<'_> {
        let permit = self.slots.acquire().await.ok();
        Slot { window: self, permit, since: Instant::now() }
    }

    /// Returns how many operations may be unanswered at the very most.
    pub fn most(&self) -> usize {
        self.gauge().most
    }

    /// Waits until one more operation may be sent that the server only queues: none of those waits for another, so
    /// only a size that is fixed holds for them.
    pub async fn slot_in_queue(&self) -> Option<Slot<'_>> {
        let is_fixed = {
            let gauge = self.gauge();
            gauge.least == gauge.most
        };
        if is_fixed { Some(self.slot().await) } else { None }
    }

    fn gauge(&self) -> MutexGuard<'_, Gauge> {
        self.gauge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot<'_> {
    /// Says that the operation goes out now.
    pub fn sent(&mut self) {
        self.since = Instant::now();
    }

    /// Gives the slot back, and learns from the time that one answer took. `busy`: the server said that it is.
    pub fn answered(self, busy: bool) {
        let mut gauge = self.window.gauge();
        let before = gauge.size;
        if busy {
            gauge.halve();
        } else {
            gauge.learn(self.since.elapsed());
        }
        let more = gauge.size.saturating_sub(before);
        let settled = more.min(gauge.owed);
        gauge.owed -= settled;
        gauge.owed += before.saturating_sub(gauge.size);
        self.window.slots.add_permits(more - settled);
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut gauge = self.window.gauge();
        if gauge.owed > 0 {
            gauge.owed -= 1;
            self.permit.take().into_iter().for_each(SemaphorePermit::forget);
        }
    }
}

/// What is known of the latency.
#[derive(Debug)]
struct Gauge {
    most: usize,
    least: usize,
    size: usize,
    /// Slots that are too many, to be taken out of use as they come back.
    owed: usize,
    /// The shortest time that an answer took.
    shortest: Duration,
    /// Whether the window still doubles, as at the beginning.
    doubles: bool,
    /// Answers in this round, and how long they took in all.
    n: usize,
    took: Duration,
    /// Answers since `shortest` was measured anew, and the size to go back to while it is.
    n_since_probe: usize,
    after_probe: Option<usize>,
}

impl Gauge {
    fn new(width: Width) -> Self {
        let (least, size, most) = match width {
            Width::Fixed(n) => (n, n, n),
            Width::UpTo(most) => (LEAST.min(most), FIRST.min(most), most),
        };
        Self {
            most,
            least,
            size,
            owed: 0,
            shortest: Duration::MAX,
            doubles: true,
            n: 0,
            took: Duration::ZERO,
            n_since_probe: 0,
            after_probe: None,
        }
    }

    fn learn(&mut self, latency: Duration) {
        self.shortest = self.shortest.min(latency);
        self.took += latency;
        self.n += 1;
        self.n_since_probe += 1;
        // While the shortest latency is measured, first the answers must come that waited in the longer queue.
        if self.n < self.after_probe.map_or(self.size, |size| size + 2 * self.size) {
            return;
        }
        let (n, took) = (std::mem::take(&mut self.n), std::mem::take(&mut self.took));
        if let Some(size) = self.after_probe.take() {
            self.resize(size);
        } else if self.n_since_probe >= PROBE_EVERY && self.least < self.most {
            self.n_since_probe = 0;
            self.shortest = Duration::MAX;
            self.after_probe = Some(self.size);
            self.resize(LEAST);
        } else {
            self.follow(took.as_secs_f64() / n as f64);
        }
    }

    /// Follows the mean latency of a round.
    fn follow(&mut self, latency: f64) {
        let waiting = self.size as f64 * (1.0 - self.shortest.as_secs_f64() / latency.max(f64::EPSILON));
        self.doubles &= waiting < LOW;
        if self.doubles {
            self.resize(self.size * 2);
        } else if waiting < LOW {
            self.resize(self.size + 1);
        } else if waiting > HIGH {
            let too_many = ((waiting - HIGH) / 2.0).ceil() as usize;
            self.resize(self.size.saturating_sub(too_many));
        }
    }

    fn halve(&mut self) {
        self.doubles = false;
        self.resize(self.size / 2);
    }

    fn resize(&mut self, size: usize) {
        self.size = size.clamp(self.least, self.most);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    /// Lets a server answer that works on `workers` operations at a time, `work` each, behind a way of `way`.
    /// Returns the window's size over time.
    fn sizes(width: Width, (way, work, workers): (f64, f64, usize), n: usize) -> Vec<usize> {
        let mut gauge = Gauge::new(width);
        let mut free = vec![0.0_f64; workers];
        let mut under_way: Vec<(f64, f64)> = Vec::new();
        let mut now = 0.0;
        let mut sizes = Vec::new();
        for _ in 0..n {
            while under_way.len() < gauge.size {
                free.sort_by(f64::total_cmp);
                let end = free[0].max(now + way / 2.0) + work;
                free[0] = end;
                under_way.push((end + way / 2.0, now));
            }
            let first = (0..under_way.len()).min_by(|a, b| under_way[*a].0.total_cmp(&under_way[*b].0)).expect("some");
            let (answered, sent) = under_way.swap_remove(first);
            now = answered;
            gauge.learn(Duration::from_secs_f64(answered - sent));
            sizes.push(gauge.size);
        }
        sizes
    }

    #[test]
    fn a_near_server_has_a_short_queue_and_a_far_one_a_full_pipe() {
        let near = sizes(Width::UpTo(128), (0.000_05, 0.000_5, 1), 3000);
        assert!(near[100..].iter().all(|size| (16..=48).contains(size)), "{:?}", &near[100..200]);
        // 5 ms at 5,000 a second: 26 on the way, the others in the queue.
        let far = sizes(Width::UpTo(128), (0.005, 0.000_2, 1), 4000);
        assert!(far[1000..].iter().all(|size| (38..=66).contains(size)), "{:?}", &far[1000..1100]);
        let very_far = sizes(Width::UpTo(128), (0.1, 0.000_2, 1), 4000);
        assert_eq!(very_far.last(), Some(&128), "the pipe holds more, but not of ours");
    }

    #[test]
    fn the_shortest_latency_is_measured_anew() {
        let sizes = sizes(Width::UpTo(128), (0.005, 0.000_2, 1), 3 * PROBE_EVERY);
        let n_probes = sizes.windows(2).filter(|pair| pair[0] > 10 && pair[1] == LEAST).count();
        assert_eq!(n_probes, 2);
        assert!(sizes.iter().rev().take(1000).all(|size| *size >= 30), "and then it goes on as before");
    }

    #[test]
    fn a_number_is_kept_and_a_busy_server_is_spared() {
        assert!(sizes(Width::Fixed(5), (0.1, 0.000_2, 1), 6000).iter().all(|size| *size == 5));
        let mut gauge = Gauge::new(Width::UpTo(128));
        gauge.resize(100);
        (0..20).for_each(|_| gauge.halve());
        assert_eq!(gauge.size, LEAST);
    }

    #[tokio::test]
    async fn only_a_fixed_number_holds_for_what_is_queued() {
        let adapted = Window::new(Width::UpTo(128));
        assert!(adapted.slot_in_queue().await.is_none());
        let fixed = Window::new(Width::Fixed(1));
        let slot = fixed.slot_in_queue().await.expect("a slot");
        assert!(fixed.slot_in_queue().now_or_never().is_none(), "another one waits");
        drop(slot);
        assert!(fixed.slot_in_queue().await.is_some());
    }

    #[tokio::test]
    async fn slots_come_and_go_with_the_size() {
        let window = Window::new(Width::UpTo(128));
        let slots = |n: usize| futures_util::future::join_all((0..n).map(|_| window.slot()));
        let mut taken = slots(FIRST).await;
        assert_eq!(window.slots.available_permits(), 0);
        // Halved: of two that come back, none is free.
        taken.pop().expect("a slot").answered(true);
        taken.pop().expect("a slot").answered(false);
        assert_eq!(window.gauge().size, 4);
        assert_eq!(window.slots.available_permits(), 0);
        drop(taken);
        assert_eq!(window.slots.available_permits(), 4);
        assert_eq!(window.gauge().owed, 0);
        // Doubled again while all are in use.
        let mut taken = slots(4).await;
        window.gauge().doubles = true;
        window.gauge().n = 3;
        taken.pop().expect("a slot").answered(false);
        let size = window.gauge().size;
        assert_eq!((size, window.slots.available_permits()), (8, 8 - taken.len()));
    }
}
