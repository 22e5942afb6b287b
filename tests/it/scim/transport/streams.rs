//! HTTP/2 streams that the service resets: only a refused one was certainly not looked at (RFC 9113 section 8.7).

use std::sync::Arc;
use std::sync::Mutex;

use h2::Reason;
use rosterd::directory::scim::transport::Request;
use rosterd::directory::scim::transport::TransportSettings;
use rosterd::directory::scim::transport::Trouble;
use rosterd::directory::scim::url::BaseUrl;
use rosterd::roster::fault::Next;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::desk::acceptor;
use super::desk::certificates;
use super::settings;
use super::transport;

/// Resets the first so many streams, and answers the others with 201; notes every request.
async fn resetting(folder: &TempDir, reason: Reason, times: usize) -> (u16, Arc<Mutex<Vec<String>>>) {
    let acceptor = acceptor(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = acceptor.accept(stream).await.expect("TLS");
            let notes = Arc::clone(&notes);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let n = {
                        let mut notes = notes.lock().expect("lock");
                        notes.push(request.method().to_string());
                        notes.len()
                    };
                    if n <= times {
                        respond.send_reset(reason);
                        continue;
                    }
                    let response = axum::http::Response::builder().status(201).body(()).expect("a response");
                    respond.send_response(response, true).expect("sent");
                }
            });
        }
    });
    (port, asked)
}

fn secured(folder: &TempDir, port: u16) -> TransportSettings {
    let base = BaseUrl::parse(&format!("https://localhost:{port}/scim/v2")).expect("a base");
    TransportSettings { base, ca_file: Some(folder.path().join("ca.pem")), ..settings(port) }
}

fn creation(ours: &TransportSettings) -> Request {
    let users = ours.base.endpoint("Users").expect("an endpoint").url();
    Request::post(users, json!({"userName": "ada"}))
}

#[tokio::test]
async fn what_creates_is_sent_again_after_its_stream_was_refused() {
    let folder = certificates();
    let (port, asked) = resetting(&folder, Reason::REFUSED_STREAM, 2).await;
    let ours = secured(&folder, port);
    let reply = transport(&ours).send(creation(&ours), None).await.expect("a reply");
    assert_eq!(reply.status, 201);
    assert_eq!(*asked.lock().expect("lock"), ["POST"; 3]);
}

#[tokio::test]
async fn what_creates_is_not_sent_again_after_its_stream_was_cut() {
    let folder = certificates();
    for reason in [Reason::INTERNAL_ERROR, Reason::CANCEL, Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM] {
        let (port, asked) = resetting(&folder, reason, 1).await;
        let ours = secured(&folder, port);
        let trouble = transport(&ours).send(creation(&ours), None).await.expect_err("no reply");
        assert!(matches!(trouble, Trouble::Unanswered(_)), "{reason:?}: {trouble:?}");
        assert_eq!(trouble.fault_of_write().next, Next::LookAgain);
        assert_eq!(*asked.lock().expect("lock"), ["POST"], "{reason:?}");
    }
}

#[tokio::test]
async fn a_service_that_refuses_every_stream_is_given_up_with_nothing_done() {
    let folder = certificates();
    let (port, asked) = resetting(&folder, Reason::REFUSED_STREAM, usize::MAX).await;
    let ours = TransportSettings { tries: 3.try_into().expect("not zero"), ..secured(&folder, port) };
    let trouble = transport(&ours).send(creation(&ours), None).await.expect_err("no reply");
    assert!(matches!(trouble, Trouble::NotSent(_)), "{trouble:?}");
    assert_eq!(asked.lock().expect("lock").len(), 3);
}
