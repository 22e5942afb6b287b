//! What somebody on the wire hears.

use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering;

/// A server in front of the server: it keeps all that clients send.
pub struct Eavesdropper {
    pub port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
    /// The port of the server.
    server: Arc<AtomicU16>,
}

impl Eavesdropper {
    /// Starts passing bytes on to a port.
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let own = listener.local_addr().expect("an address").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = heard.clone();
        let server = Arc::new(AtomicU16::new(port));
        let leads_to = server.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", leads_to.load(Ordering::SeqCst))) else { continue };
                let (from, to) = (client.try_clone().expect("clone"), server.try_clone().expect("clone"));
                let notes = notes.clone();
                std::thread::spawn(move || pass(from, to, Some(&notes)));
                std::thread::spawn(move || pass(server, client, None));
            }
        });
        Self { port: own, heard, server }
    }

    /// Leads new connections to another port.
    pub fn lead_to(&self, port: u16) {
        self.server.store(port, Ordering::SeqCst);
    }

    /// Returns whether anybody sent `text` in clear.
    pub fn heard(&self, text: &str) -> bool {
        self.heard.lock().expect("lock").windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// Returns how often anybody sent `text` in clear.
    pub fn count(&self, text: &str) -> usize {
        self.heard.lock().expect("lock").windows(text.len()).filter(|window| *window == text.as_bytes()).count()
    }

    /// Returns how many bytes were sent.
    pub fn len(&self) -> usize {
        self.heard.lock().expect("lock").len()
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, notes: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = [0; 4096];
    while let Ok(n) = std::io::Read::read(&mut from, &mut buffer) {
        // Noted first: the other side may answer, and the test look, before this thread goes on.
        if let Some(notes) = notes {
            notes.lock().expect("lock").extend_from_slice(&buffer[..n]);
        }
        if n == 0 || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
