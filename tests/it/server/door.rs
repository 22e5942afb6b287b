//! A door in front of a server, which can be shut.

use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

const OPEN: u8 = 0;
const MUTE: u8 = 1;
const SHUT: u8 = 2;

/// Passes bytes to and fro while it is open.
pub struct Door {
    pub port: u16,
    state: Arc<AtomicU8>,
    through: Arc<Mutex<Vec<TcpStream>>>,
    came: Arc<AtomicUsize>,
}

impl Door {
    /// Opens a door before a port.
    pub fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let own = listener.local_addr().expect("an address").port();
        let (state, through) = (Arc::new(AtomicU8::new(OPEN)), Arc::new(Mutex::new(Vec::new())));
        let came = Arc::new(AtomicUsize::new(0));
        let (is, ends, count) = (Arc::clone(&state), Arc::clone(&through), Arc::clone(&came));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                if is.load(Ordering::SeqCst) != OPEN {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let clone = |stream: &TcpStream| stream.try_clone().expect("clone");
                ends.lock().expect("lock").extend([clone(&client), clone(&server)]);
                let (from, to) = (clone(&client), clone(&server));
                std::thread::spawn(move || pass(from, to, None));
                let is = Arc::clone(&is);
                std::thread::spawn(move || pass(server, client, Some(&is)));
            }
        });
        Self { port: own, state, through, came }
    }

    /// Lets requests through and no answers any more; the first answer shuts the door.
    pub fn mute(&self) {
        self.state.store(MUTE, Ordering::SeqCst);
    }

    /// Lets everything through again.
    pub fn open(&self) {
        self.state.store(OPEN, Ordering::SeqCst);
    }

    /// Returns how many have come so far.
    pub fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    /// Ends all connections and takes no new ones.
    pub fn shut(&self) {
        self.state.store(SHUT, Ordering::SeqCst);
        for end in self.through.lock().expect("lock").drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, state: Option<&AtomicU8>) {
    let mut buffer = [0; 4096];
    while let Ok(n) = from.read(&mut buffer) {
        let is_mute = state.is_some_and(|state| state.load(Ordering::SeqCst) == MUTE);
        if n == 0 || is_mute || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
