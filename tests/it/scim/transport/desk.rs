//! A service that answers as a test says, and keeps what it was asked.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::Version;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::serve::Listener;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
    pub version: Version,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }
}

pub type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// The service. It ends with the runtime of its test.
#[derive(Clone)]
pub struct Desk {
    pub port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Desk {
    /// Answers each request by its number, from 0, and what it is.
    pub async fn answering(answer: impl Fn(usize, &Asked) -> Response + Clone + Send + Sync + 'static) -> Self {
        Self::taking_time(move |n, asked| {
            let response = answer(n, asked);
            Box::pin(async { response })
        })
        .await
    }

    pub async fn taking_time(answer: impl Fn(usize, &Asked) -> Answering + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (desk, router) = Self::make(port, answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        desk
    }

    /// The same behind TLS, with the certificate of [`certificates`], for HTTP/2 and HTTP/1.1.
    pub async fn behind_tls(
        folder: &Path,
        answer: impl Fn(usize, &Asked) -> Response + Clone + Send + Sync + 'static,
    ) -> Self {
        let chain = CertificateDer::pem_file_iter(folder.join("cert.pem")).expect("certificates");
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).expect("a key");
        let mut config = rustls::ServerConfig::builder_with_provider(rosterd::tls::provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = tcp.local_addr().expect("an address").port();
        let (desk, router) = Self::make(port, move |n, asked| {
            let response = answer(n, asked);
            Box::pin(async { response })
        });
        let listener = Tls { tcp, acceptor: TlsAcceptor::from(Arc::new(config)) };
        tokio::spawn(async move { axum::serve(listener, router).await });
        desk
    }

    fn make(port: u16, answer: impl Fn(usize, &Asked) -> Answering + Clone + Send + Sync + 'static) -> (Self, Router) {
        let desk = Self { port, asked: Arc::default() };
        let notes = Arc::clone(&desk.asked);
        let router = Router::new().fallback(move |request: Request| {
            let (notes, answer) = (Arc::clone(&notes), answer.clone());
            async move {
                let at = Instant::now();
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, usize::MAX).await.expect("a body");
                let asked = Asked {
                    at,
                    method: parts.method.to_string(),
                    path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
                    headers: parts.headers,
                    body: String::from_utf8_lossy(&body).into_owned(),
                    version: parts.version,
                };
                let n = {
                    let mut notes = notes.lock().expect("lock");
                    notes.push(asked.clone());
                    notes.len() - 1
                };
                Ok::<_, Infallible>(answer(n, &asked).await)
            }
        });
        (desk, router)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("lock").clone()
    }

    pub fn count(&self) -> usize {
        self.asked.lock().expect("lock").len()
    }

    /// Returns when requests came, after the first.
    pub fn times(&self) -> Vec<Duration> {
        let asked = self.asked();
        asked.iter().map(|one| one.at - asked[0].at).collect()
    }
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.tcp.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

pub fn scim(status: u16, body: &Value) -> Response {
    plain(status, "application/scim+json", body.to_string())
}

pub fn plain(status: u16, named: &str, body: impl Into<Body>) -> Response {
    (axum::http::StatusCode::from_u16(status).expect("a status"), [("content-type", named)], body.into())
        .into_response()
}

pub fn bare(status: u16) -> Response {
    Response::builder().status(status).body(Body::empty()).expect("a response")
}

pub fn with(mut response: Response, headers: &[(&str, &str)]) -> Response {
    for (name, value) in headers {
        let name = axum::http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
        response.headers_mut().insert(name, value.parse().expect("a value"));
    }
    response
}

/// A body that breaks off after its beginning.
pub fn broken(status: u16) -> Response {
    let chunks = futures_util::stream::unfold(0, |n| async move {
        // What is to break off must have been sent before.
        tokio::time::sleep(Duration::from_millis(30 * n)).await;
        match n {
            0 => Some((Ok(Bytes::from_static(b"{\"id\":\"1\",")), 1)),
            1 => Some((Err(std::io::Error::other("broken off")), 2)),
            _ => None,
        }
    });
    plain(status, "application/scim+json", Body::from_stream(chunks))
}

/// Reads a request and hangs up without a word; counts how often.
pub async fn hanging_up() -> (u16, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let count = Arc::new(Mutex::new(0));
    let notes = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.read(&mut [0; 4096]).await;
            *notes.lock().expect("lock") += 1;
            drop(client);
        }
    });
    (port, count)
}

/// A proxy that makes tunnels, and keeps what it is told in clear before them.
pub async fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let notes = Arc::clone(&notes);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.expect("a byte"));
                }
                let head = String::from_utf8(head).expect("UTF-8");
                notes.lock().expect("lock").push(head.clone());
                let place = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
                let Some(place) = place else {
                    let refusal = "HTTP/1.1 204 No Content\r\n\r\n";
                    client.write_all(refusal.as_bytes()).await.expect("an answer");
                    return;
                };
                let mut server = TcpStream::connect(place).await.expect("the service");
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("an answer");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, heads)
}

/// Makes `ca.pem`, `other-ca.pem`, and `cert.pem` with `key.pem` for this machine, signed by the first.
pub fn certificates() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"
        set -e
        for ca in ca other-ca; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 30 -subj "/CN=Test $ca" \
                -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
                -keyout $ca-key.pem -out $ca.pem
        done
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout key.pem -out csr.pem
        printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost\n' > ext.cnf
        openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 -sha256 -extfile ext.cnf -out cert.pem
    "#;
    let made = Command::new("sh").args(["-c", script]).current_dir(folder.path()).output().expect("sh");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "openssl: {said}; apt-get install -y --no-install-recommends openssl");
    folder
}
