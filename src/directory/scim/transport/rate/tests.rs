use std::num::NonZeroU32;
use std::sync::Arc;

use rand::RngExt;
use rand::SeedableRng;
use rand::prelude::StdRng;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn per_second(n: u32) -> Rate {
    Rate::per_second(NonZeroU32::new(n).expect("not zero"))
}

fn rate(in_flight: usize, limit: Option<Rate>) -> Arc<Turnstile> {
    Arc::new(Turnstile::new(NonZeroUsize::new(in_flight).expect("not zero"), limit))
}

/// When requests left, and when the service saw them.
#[derive(Default)]
struct Trace {
    left: Vec<Duration>,
    seen: Vec<Duration>,
}

/// Sends `n` requests as fast as they may go. Each is seen by the service at some time between its turn and its answer.
async fn trace(rate: &Arc<Turnstile>, pace: &Arc<Pace>, n: usize, way: impl Fn(&mut StdRng) -> Duration) -> Trace {
    let start = Instant::now();
    let mut drawn = StdRng::seed_from_u64(n as u64);
    let tasks: Vec<_> = (0..n)
        .map(|_| {
            let (rate, pace) = (Arc::clone(rate), Arc::clone(pace));
            let (there, back) = (way(&mut drawn), way(&mut drawn));
            tokio::spawn(async move {
                let turn = rate.turn(Some(&pace)).await.expect("a turn");
                let left = start.elapsed();
                sleep(there).await;
                let seen = start.elapsed();
                sleep(back).await;
                drop(turn);
                (left, seen)
            })
        })
        .collect();
    let mut trace = Trace::default();
    for task in tasks {
        let (left, seen) = task.await.expect("a task");
        trace.left.push(left);
        trace.seen.push(seen);
    }
    trace.left.sort();
    trace.seen.sort();
    trace
}

/// Returns the most that lie in any window.
fn most_in(window: Duration, times: &[Duration]) -> usize {
    let in_window = |(i, at): (usize, &Duration)| times[i..].iter().take_while(|later| **later < *at + window).count();
    times.iter().enumerate().map(in_window).max().unwrap_or(0)
}

fn at_once(_: &mut StdRng) -> Duration {
    Duration::ZERO
}

fn up_to_700_ms(drawn: &mut StdRng) -> Duration {
    Duration::from_millis(drawn.random_range(0..700))
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_rate_in_any_second_neither_here_nor_there() {
    for (in_flight, n) in [(1, 3), (4, 5), (4, 25), (16, 20), (64, 40)] {
        let rate = rate(in_flight, Some(per_second(n)));
        let unlimited = Arc::new(Pace::unlimited());
        for way in [at_once, up_to_700_ms] {
            let trace = trace(&rate, &unlimited, 150, way).await;
            assert!(most_in(SECOND, &trace.left) <= n as usize, "{n}/s: {:?}", trace.left);
            assert!(most_in(SECOND, &trace.seen) <= n as usize, "{n}/s: {:?}", trace.seen);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_allowed_is_used() {
    let rate = rate(4, Some(per_second(25)));
    let trace = trace(&rate, &Arc::new(Pace::unlimited()), 250, |_| Duration::from_millis(10)).await;
    let took = trace.left[249];
    assert!(took >= Duration::from_millis(9_900), "{took:?}");
    assert!(took <= Duration::from_millis(10_500), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_slower_of_rate_and_pace_counts() {
    for (limit, feed) in [(25, 7), (7, 25), (10, 10)] {
        let rate = rate(4, Some(per_second(limit)));
        let pace = Arc::new(Pace::per_second(NonZeroU32::new(feed).expect("not zero")));
        let trace = trace(&rate, &pace, 60, |_| Duration::from_millis(3)).await;
        let slower = limit.min(feed) as usize;
        assert!(most_in(SECOND, &trace.left) <= slower, "{limit} {feed}: {:?}", trace.left);
        let took = trace.left[59].as_secs_f64() * slower as f64;
        assert!((59.0..65.0).contains(&took), "{limit} {feed}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_nothing_is_made_up_for() {
    let rate = rate(8, Some(per_second(25)));
    let pace = Arc::new(Pace::per_second(NonZeroU32::new(5).expect("not zero")));
    let pausing = Arc::clone(&rate);
    tokio::spawn(async move {
        for _ in 0..3 {
            sleep(Duration::from_millis(2_150)).await;
            pausing.pause(Duration::from_secs(3));
        }
    });
    let trace = trace(&rate, &pace, 60, |_| Duration::from_millis(50)).await;
    assert!(most_in(SECOND, &trace.left) <= 5, "{:?}", trace.left);
    let is_in_a_pause = |at: &&Duration| (2_151..5_150).contains(&at.as_millis());
    assert_eq!(trace.left.iter().find(is_in_a_pause), None);
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_for_everybody_and_the_longest_counts() {
    let rate = rate(4, None);
    let start = Instant::now();
    rate.pause(Duration::from_secs(9));
    rate.pause(Duration::from_secs(2));
    for _ in 0..4 {
        drop(rate.turn(None).await.expect("a turn"));
    }
    assert_eq!(start.elapsed().as_secs(), 9);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_feed_keeps_nobody_else() {
    let rate = rate(1, Some(per_second(100)));
    let pace = Arc::new(Pace::per_second(NonZeroU32::MIN));
    let writes: Vec<_> = (0..4)
        .map(|_| {
            let (rate, pace) = (Arc::clone(&rate), Arc::clone(&pace));
            tokio::spawn(async move { drop(rate.turn(Some(&pace)).await.expect("a turn")) })
        })
        .collect();
    tokio::task::yield_now().await;
    let start = Instant::now();
    for _ in 0..20 {
        drop(rate.turn(None).await.expect("a turn"));
    }
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    for write in writes {
        write.await.expect("a write");
    }
    assert!(start.elapsed() >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn no_more_are_on_their_way_than_allowed() {
    let rate = rate(3, None);
    let turns = [
        rate.turn(None).await.expect("a turn"),
        rate.turn(None).await.expect("a turn"),
        rate.turn(None).await.expect("a turn"),
    ];
    let fourth = tokio::time::timeout(Duration::from_secs(60), rate.turn(None)).await;
    assert!(fourth.is_err());
    drop(turns);
    rate.turn(None).await.expect("a turn");
}

#[tokio::test(start_paused = true)]
async fn a_complaint_halves_the_rate_and_peace_brings_it_back() {
    let rate = rate(4, Some(per_second(20)));
    let since = rate.turn(None).await.expect("a turn").since();
    assert_eq!(rate.each_second(), Some(20.0));
    assert_eq!(rate.slow_down(since), Some(10.0));
    // What was sent before that says nothing new.
    assert_eq!(rate.slow_down(since), None);
    assert_eq!(rate.each_second(), Some(10.0));
    tokio::time::advance(Duration::from_millis(1)).await;
    let start = Instant::now();
    for _ in 0..11 {
        drop(rate.turn(None).await.expect("a turn"));
    }
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
    let since = rate.turn(None).await.expect("a turn").since();
    assert_eq!(rate.slow_down(since), Some(5.0));
    tokio::time::advance(CLEAN).await;
    assert_eq!(rate.each_second(), Some(5.8));
    tokio::time::advance(CLEAN * 2).await;
    assert!((rate.each_second().expect("limited") - 7.4).abs() < 1e-9);
    tokio::time::advance(CLEAN * 20).await;
    assert_eq!(rate.each_second(), Some(20.0));
}

#[tokio::test(start_paused = true)]
async fn the_rate_falls_to_a_trickle_and_not_to_nothing() {
    let rate = rate(4, Some(per_second(64)));
    for _ in 0..30 {
        let since = rate.turn(None).await.expect("a turn").since();
        rate.slow_down(since);
    }
    assert_eq!(rate.each_second(), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_limit_what_was_too_fast_becomes_one() {
    let rate = rate(4, None);
    assert_eq!(rate.each_second(), None);
    let mut since = Instant::now();
    for _ in 0..150 {
        since = rate.turn(None).await.expect("a turn").since();
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let slowed = rate.slow_down(since).expect("slowed down");
    assert!((45.0..55.0).contains(&slowed), "{slowed}");
    tokio::time::advance(CLEAN * 13).await;
    assert_eq!(rate.each_second(), None);
}
