//! A listener that answers StartTLS as it likes, and shows what TLS it likes. It keeps all that it hears in clear.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;

use tempfile::TempDir;

/// What a client is told that asks for StartTLS.
#[derive(Clone, Copy, Debug)]
pub enum StartTlsAnswer {
    /// Success, and then nothing of TLS: the connection goes on in clear, as with somebody in the middle.
    Feigned,
    /// A refusal with this result code.
    Refused(u8),
    /// Nothing; it hangs up.
    HangUp,
}

/// Answers every client in the same way.
pub struct Listener {
    pub port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Listener {
    pub fn answering(answer: StartTlsAnswer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&heard);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let notes = Arc::clone(&notes);
                std::thread::spawn(move || converse(client, answer, &notes));
            }
        });
        Self { port, heard }
    }

    /// Returns whether anybody sent `text` in clear.
    pub fn heard(&self, text: &str) -> bool {
        self.heard.lock().expect("lock").windows(text.len()).any(|window| window == text.as_bytes())
    }
}

fn converse(mut client: TcpStream, answer: StartTlsAnswer, notes: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    let mut is_answered = false;
    while let Ok(n) = client.read(&mut buffer) {
        if n == 0 {
            return;
        }
        notes.lock().expect("lock").extend_from_slice(&buffer[..n]);
        let code = match answer {
            StartTlsAnswer::Feigned => 0,
            StartTlsAnswer::Refused(code) => code,
            StartTlsAnswer::HangUp => return,
        };
        // Once an ExtendedResponse of message 1; after that, a success for whatever is asked, as a BindResponse.
        let response: &[u8] = if is_answered {
            &[0x30, 0x0c, 2, 1, 2, 0x61, 7, 10, 1, 0, 4, 0, 4, 0]
        } else {
            &[0x30, 0x0c, 2, 1, 1, 0x78, 7, 10, 1, code, 4, 0, 4, 0]
        };
        is_answered = true;
        if client.write_all(response).is_err() {
            return;
        }
    }
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    OtherName,
    Expired,
    NotYetValid,
    SelfSigned,
    WrongPurpose,
}

/// OpenSSL's server, with a certificate of its own and the TLS that it is told to speak.
pub struct TlsServer {
    folder: TempDir,
    pub port: u16,
    process: Child,
}

impl TlsServer {
    /// Starts one with a certificate for `localhost` that has a flaw; `versions` are arguments of `openssl s_server`.
    pub fn start(flaw: Flaw, versions: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        make_certificate(folder.path(), flaw);
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut process = Command::new("openssl")
            .args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-cert", "cert.pem", "-key", "key.pem"])
            .args(["-quiet", "-naccept", "20"])
            .args(versions)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("openssl is needed for this test: apt-get install -y openssl");
        let began = std::time::Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = process.try_wait().expect("a process") {
                let mut said = String::new();
                let _ = BufReader::new(process.stderr.take().expect("piped")).read_line(&mut said);
                panic!("openssl s_server ended ({status}): {said}");
            }
            assert!(began.elapsed().as_secs() < 20, "openssl s_server does not start");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Self { folder, port, process }
    }

    pub fn ca(&self) -> std::path::PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Ends it, and returns whether it was told `text` by anybody, through TLS or not.
    pub fn was_told(mut self, text: &str) -> bool {
        let _ = self.process.kill();
        let mut said = Vec::new();
        self.process.stdout.take().expect("piped").read_to_end(&mut said).expect("what it was told");
        said.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn make_certificate(dir: &Path, flaw: Flaw) {
    let name = if flaw == Flaw::OtherName { "elsewhere.example.org" } else { "localhost" };
    let (from, to) = match flaw {
        Flaw::Expired => ("20200101000000Z", "20210101000000Z"),
        Flaw::NotYetValid => ("20600101000000Z", "20700101000000Z"),
        _ => ("20200101000000Z", "20991231000000Z"),
    };
    let usage = if flaw == Flaw::WrongPurpose { "emailProtection" } else { "serverAuth" };
    let script = r#"
        set -e
        key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256"
        mkdir -p issued; : > index.txt; echo 01 > serial
        printf '[ca]\ndefault_ca=d\n[d]\ndir=.\nnew_certs_dir=issued\ndatabase=index.txt\nserial=serial\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n[leaf]\nbasicConstraints=critical,CA:FALSE\nextendedKeyUsage=%s\nsubjectAltName=DNS:%s\n' "$4" "$1" > ca.cnf
        openssl req -x509 $key -days 36500 -subj "/CN=Test CA" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca-key.pem -out ca.pem
        if [ "$5" = self ]; then
            openssl req -x509 $key -days 3650 -subj "/CN=$1" -addext subjectAltName=DNS:$1 -addext extendedKeyUsage=serverAuth -keyout key.pem -out cert.pem
        else
            openssl req $key -subj "/CN=$1" -keyout key.pem -out csr.pem
            openssl ca -batch -notext -config ca.cnf -extensions leaf -cert ca.pem -keyfile ca-key.pem -startdate "$2" -enddate "$3" -in csr.pem -out cert.pem
        fi
    "#;
    let kind = if flaw == Flaw::SelfSigned { "self" } else { "issued" };
    let made = Command::new("sh").args(["-c", script, "sh", name, from, to, usage, kind]).current_dir(dir).output();
    let made = made.expect("sh");
    assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
}
