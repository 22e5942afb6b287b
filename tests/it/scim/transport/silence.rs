//! When there is no answer: what may be sent again, and what never is.

use std::time::Duration;
use std::time::Instant;

use axum::body::Body;
use axum::body::Bytes;
use futures_util::StreamExt;
use rosterd::directory::scim::transport::Request;
use rosterd::directory::scim::transport::Timeouts;
use rosterd::directory::scim::transport::TransportSettings;
use rosterd::directory::scim::transport::Trouble;
use rosterd::roster::fault::Next;
use serde_json::json;
use socket2::Domain;
use socket2::Socket;
use socket2::Type;

use super::desk::Desk;
use super::desk::bare;
use super::desk::broken;
use super::desk::hanging_up;
use super::desk::plain;
use super::desk::scim;
use super::settings;
use super::transport;
use super::user;
use super::users;

/// Every way to ask, and how often it may be asked when there is no answer.
fn requests(port: u16) -> [(Request, usize); 6] {
    let body = json!({"userName": "ann"});
    [
        (Request::post(users(port), body.clone()), 1),
        (Request::patch(user(port, "1"), body.clone()), 1),
        (Request::patch(user(port, "1"), body.clone()).repeatable(), 3),
        (Request::put(user(port, "1"), body), 3),
        (Request::get(users(port)), 3),
        (Request::delete(user(port, "1")), 3),
    ]
}

#[tokio::test]
async fn what_creates_is_never_sent_again_after_a_connection_was_lost() {
    let (port, count) = hanging_up().await;
    let transport = transport(&settings(port));
    for (request, times) in requests(port) {
        let shown = format!("{request:?}");
        *count.lock().expect("lock") = 0;
        let trouble = transport.send(request, None).await.expect_err("no reply");
        assert!(matches!(trouble, Trouble::Unanswered(_)), "{shown}: {trouble:?}");
        assert_eq!(*count.lock().expect("lock"), times, "{shown}");
        let fault = trouble.fault_of_write();
        assert_eq!((fault.next, fault.code), (Next::LookAgain, None));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none_even_if_it_began_with_success() {
    let desk = Desk::answering(|_, _| broken(201)).await;
    let transport = transport(&settings(desk.port));
    let mut before = 0;
    for (request, times) in requests(desk.port) {
        let shown = format!("{request:?}");
        let trouble = transport.send(request, None).await.expect_err("no reply");
        assert!(matches!(trouble, Trouble::Unanswered(_)), "{shown}: {trouble:?}");
        assert_eq!(desk.count() - before, times, "{shown}");
        before = desk.count();
    }
}

#[tokio::test]
async fn a_status_that_was_read_counts_without_the_rest() {
    let desk = Desk::answering(|_, _| broken(409)).await;
    let transport = transport(&settings(desk.port));
    let trouble = transport.send(Request::post(users(desk.port), json!({})), None).await.expect_err("no reply");
    assert!(matches!(&trouble, Trouble::Refused(reply) if reply.status == 409), "{trouble:?}");
}

#[tokio::test]
async fn a_read_that_was_lost_is_asked_again_and_its_answer_is_taken() {
    let desk = Desk::answering(|n, _| if n == 0 { broken(200) } else { scim(200, &json!({"n": n})) }).await;
    let reply = transport(&settings(desk.port)).send(Request::get(users(desk.port)), None).await.expect("a reply");
    assert_eq!(reply.body, Some(json!({"n": 1})));
}

#[tokio::test]
async fn a_service_that_failed_may_have_done_it() {
    for status in [500, 502, 504] {
        let desk = Desk::answering(move |_, _| bare(status)).await;
        let transport = transport(&settings(desk.port));
        let mut before = 0;
        for (request, times) in requests(desk.port).into_iter().take(if status == 500 { 6 } else { 2 }) {
            let shown = format!("{status} {request:?}");
            let trouble = transport.send(request, None).await.expect_err("no reply");
            assert!(matches!(&trouble, Trouble::Refused(reply) if reply.status == status), "{shown}: {trouble:?}");
            assert_eq!(desk.count() - before, times, "{shown}");
            before = desk.count();
            let fault = trouble.fault_of_write();
            assert_eq!((fault.next, fault.code), (Next::LookAgain, None), "{shown}");
        }
    }
}

#[tokio::test]
async fn silence_ends_after_the_time_that_is_set() {
    let silent = Desk::taking_time(|_, _| Box::pin(std::future::pending())).await;
    let dripping = Desk::answering(|_, _| {
        let drops = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        plain(200, "application/json", Body::from_stream(drops.boxed()))
    })
    .await;
    let timeouts = Timeouts {
        connect: Duration::from_secs(5),
        read: Duration::from_millis(300),
        whole: Duration::from_millis(900),
    };
    for (desk, least, most) in [(silent, 300, 800), (dripping, 900, 1500)] {
        let transport = transport(&TransportSettings { timeouts, ..settings(desk.port) });
        let began = Instant::now();
        let trouble = transport.send(Request::post(users(desk.port), json!({})), None).await.expect_err("no reply");
        assert_eq!(trouble, Trouble::Unanswered("there was no answer in time".into()));
        let took = began.elapsed().as_millis();
        assert!((least..most).contains(&took), "{took}");
        assert_eq!(desk.count(), 1);
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let transport = transport(&TransportSettings { tries: 2.try_into().expect("not zero"), ..settings(port) });
    for (request, _) in requests(port) {
        let trouble = transport.send(request, None).await.expect_err("no reply");
        let Trouble::NotSent(why) = &trouble else { panic!("{trouble:?}") };
        assert!(why.contains("no connection") && why.contains("refused"), "{why}");
        assert_eq!(trouble.fault_of_write().next, Next::Retry);
    }
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_given_up() {
    // The kernel lets two in before anybody is accepted, and is silent to the others.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().expect("an address").into()).expect("a free port");
    socket.listen(0).expect("listening");
    let address = socket.local_addr().expect("an address").as_socket().expect("an address");
    let fill = || {
        let one = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        one.set_nonblocking(true).expect("not blocking");
        let _ = one.connect(&address.into());
        one
    };
    let _in_the_way: Vec<_> = (0..4).map(|_| fill()).collect();
    let timeouts = Timeouts { connect: Duration::from_millis(300), ..settings(0).timeouts };
    let patience = TransportSettings { timeouts, tries: 1.try_into().expect("not zero"), ..settings(address.port()) };
    let began = Instant::now();
    let post = Request::post(users(address.port()), json!({}));
    let trouble = transport(&patience).send(post, None).await.expect_err("no reply");
    assert_eq!(trouble, Trouble::NotSent(format!("http://127.0.0.1:{}: no connection in time", address.port())));
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_costs_nothing() {
    // Every answer is the last of its connection, but says so by closing it only.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        use tokio::io::AsyncReadExt;
        use tokio::io::AsyncWriteExt;
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.read(&mut [0; 4096]).await;
            let _ = client.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    });
    let transport = transport(&settings(port));
    for _ in 0..20 {
        let post = Request::post(users(port), json!({}));
        assert_eq!(transport.send(post, None).await.map(|reply| reply.status), Ok(204));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
