//! When the service says that it is asked too often, and how often it is asked at all.

use std::num::NonZeroU32;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use futures_util::future::join_all;
use rosterd::directory::Pace;
use rosterd::directory::scim::transport::Request;
use rosterd::directory::scim::transport::TransportSettings;
use rosterd::directory::scim::transport::Trouble;
use rosterd::roster::fault::Next;
use serde_json::json;

use super::at_most;
use super::desk::Desk;
use super::desk::bare;
use super::desk::plain;
use super::desk::scim;
use super::desk::with;
use super::limit;
use super::settings;
use super::transport;
use super::user;
use super::users;

#[tokio::test]
async fn too_many_requests_keep_the_whole_target_waiting() {
    for is_date in [false, true] {
        let desk = Desk::taking_time(move |n, _| {
            Box::pin(async move {
                if n == 2 {
                    // A date has no parts of a second: it lies 2 to 3 s ahead.
                    let then = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3));
                    return with(bare(429), &[("retry-after", if is_date { &then } else { "2" })]);
                }
                // Those that are on their way already are answered after that.
                tokio::time::sleep(Duration::from_millis(20)).await;
                scim(200, &json!({}))
            })
        })
        .await;
        let transport = transport(&TransportSettings { in_flight: at_most(3), ..settings(desk.port) });
        let all = (0..12).map(|_| transport.send(Request::get(users(desk.port)), None));
        for reply in join_all(all).await {
            assert_eq!(reply.expect("a reply").status, 200);
        }
        // Twelve were wanted, and one was asked again.
        let times = desk.times();
        assert_eq!(times.len(), 13);
        let refused = times[2];
        // The clock of headers has only seconds, and our own date is rounded down.
        let pause = Duration::from_millis(if is_date { 1_900 } else { 2_000 });
        let in_the_pause = times[3..].iter().filter(|at| **at < refused + pause).count();
        assert_eq!(in_the_pause, 0, "{times:?}");
        assert!(times[12] < Duration::from_secs(8), "{times:?}");
    }
}

#[tokio::test]
async fn what_was_refused_for_its_number_is_created_once_all_the_same() {
    let desk = Desk::answering(|n, _| match n {
        0 | 1 => with(bare(429), &[("retry-after", "0")]),
        _ => scim(201, &json!({"id": "1"})),
    })
    .await;
    let transport = transport(&settings(desk.port));
    let reply = transport.send(Request::post(users(desk.port), json!({"userName": "ann"})), None).await;
    assert_eq!(reply.expect("a reply").status, 201);
    let asked = desk.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|one| one.body == r#"{"userName":"ann"}"#));
}

#[tokio::test]
async fn an_outage_is_sat_out_but_nothing_is_created_twice_in_it() {
    // Whatever stands in front of the service says 503 as well when it has lost patience.
    let desk = Desk::answering(|n, _| if n < 2 { plain(503, "text/html", "<html>") } else { scim(200, &json!({})) });
    let desk = desk.await;
    let transport = transport(&settings(desk.port));
    let trouble = transport.send(Request::post(users(desk.port), json!({})), None).await.expect_err("no reply");
    assert!(matches!(trouble, Trouble::Unanswered(_)), "{trouble:?}");
    assert_eq!(trouble.fault_of_write(), {
        let fault = rosterd::roster::fault::Fault::new(Next::LookAgain, "the service is busy (HTTP 503)");
        assert_eq!(fault.code, None);
        fault
    });
    assert_eq!(desk.count(), 1);
    let reply = transport.send(Request::get(users(desk.port)), None).await;
    assert_eq!((reply.expect("a reply").status, desk.count()), (200, 3));
}

#[tokio::test]
async fn a_service_that_is_away_for_a_while_may_have_created_it() {
    let desk = Desk::answering(|_, _| with(bare(503), &[("retry-after", "1")])).await;
    let transport = transport(&settings(desk.port));
    let trouble = transport.send(Request::post(users(desk.port), json!({})), None).await.expect_err("no reply");
    assert!(matches!(trouble, Trouble::Unanswered(_)), "{trouble:?}");
    assert_eq!((trouble.fault_of_write().next, desk.count()), (Next::LookAgain, 1));
    // Whoever looks now does so when the service is back.
    let began = Instant::now();
    let _ = transport.send(Request::get(users(desk.port)), None).await;
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_service_that_stays_busy_is_given_up_for_now() {
    let desk = Desk::answering(|_, _| {
        let body =
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "429", "detail": "slow down"});
        with(scim(429, &body), &[("retry-after", "0")])
    })
    .await;
    let patience = TransportSettings { tries: NonZeroU32::new(3).expect("not zero"), ..settings(desk.port) };
    let transport = transport(&patience);
    for request in [Request::get(users(desk.port)), Request::post(users(desk.port), json!({}))] {
        let before = desk.count();
        let trouble = transport.send(request, None).await.expect_err("no reply");
        assert_eq!(trouble, Trouble::NotSent("the service is busy (HTTP 429): slow down".into()));
        assert_eq!(trouble.fault_of_write().next, Next::Retry);
        assert_eq!(desk.count() - before, 3);
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_is_set() {
    let desk = Desk::answering(|n, _| match n {
        0 => with(bare(429), &[("retry-after", "86400")]),
        1 => with(bare(200), &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "86400")]),
        _ => bare(204),
    })
    .await;
    let patience = TransportSettings { longest_pause: Duration::from_millis(400), ..settings(desk.port) };
    let transport = transport(&patience);
    for _ in 0..2 {
        transport.send(Request::get(users(desk.port)), None).await.expect("a reply");
    }
    let times = desk.times();
    for (earlier, later) in [(0, 1), (1, 2)] {
        let pause = (times[later] - times[earlier]).as_millis();
        assert!((395..1500).contains(&pause), "{times:?}");
    }
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_waited_for_before_there_is_a_refusal() {
    let desk = Desk::answering(|n, _| {
        let left = if n == 0 { "0" } else { "5" };
        with(bare(204), &[("x-ratelimit-remaining", left), ("x-ratelimit-reset", "1")])
    })
    .await;
    let transport = transport(&settings(desk.port));
    for _ in 0..3 {
        transport.send(Request::get(users(desk.port)), None).await.expect("a reply");
    }
    let times = desk.times();
    assert!(times[1] >= Duration::from_secs(1) && times[2] - times[1] < Duration::from_millis(500), "{times:?}");
}

#[tokio::test]
async fn a_403_that_says_when_to_come_back_is_about_the_rate() {
    let desk = Desk::answering(|n, _| if n == 0 { with(bare(403), &[("retry-after", "0")]) } else { bare(204) }).await;
    let reply = transport(&settings(desk.port)).send(Request::get(users(desk.port)), None).await;
    assert_eq!(reply.map(|reply| reply.status), Ok(204));
}

#[tokio::test]
async fn those_that_are_refused_together_halve_the_rate_once() {
    let desk = Desk::taking_time(|n, _| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if n < 4 { with(bare(429), &[("retry-after", "0")]) } else { bare(204) }
        })
    })
    .await;
    let transport = transport(&TransportSettings { rate: limit(200), ..settings(desk.port) });
    assert_eq!(transport.rate().each_second(), Some(200.0));
    let all = (0..4).map(|_| transport.send(Request::get(users(desk.port)), None));
    assert!(join_all(all).await.iter().all(Result::is_ok));
    assert_eq!(transport.rate().each_second(), Some(100.0));
}

#[tokio::test]
async fn the_service_never_sees_more_than_the_rate_in_any_second() {
    for (rate, feed, slower) in [(20, None, 20), (40, Some(15), 15)] {
        let desk = Desk::taking_time(|n, _| {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis((n as u64 * 37) % 90)).await;
                bare(204)
            })
        })
        .await;
        let transport = transport(&TransportSettings { rate: limit(rate), ..settings(desk.port) });
        let pace = feed.map(|n| Pace::per_second(NonZeroU32::new(n).expect("not zero")));
        let all = (0..60).map(|n| {
            let request = Request::patch(user(desk.port, &n.to_string()), json!({}));
            transport.send(request, pace.as_ref())
        });
        assert!(join_all(all).await.iter().all(Result::is_ok));
        let times = desk.times();
        assert_eq!(times.len(), 60);
        let in_window =
            |at: &Duration| times.iter().filter(|other| (*at..*at + Duration::from_secs(1)).contains(*other)).count();
        let most = times.iter().map(in_window).max().expect("some");
        // The feed's pace is held where we stand; on the way one may come a little later than the next.
        let excess = usize::from(feed.is_some());
        assert!(most <= slower + excess, "{most} in a second: {times:?}");
        assert!(times[59] < Duration::from_secs_f64(75.0 / slower as f64), "{:?}", times[59]);
    }
}
