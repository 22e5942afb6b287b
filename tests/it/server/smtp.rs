//! A real mail server (aiosmtpd), as a child process on a loopback port.

use std::fs;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

const AIOSMTPD: &str = "aiosmtpd==1.4.6";

/// What the server is like. The default takes every letter, over STARTTLS, from everybody.
#[derive(Clone, Debug, Default)]
pub struct SmtpOptions {
    pub security: SmtpSecurity,
    /// Name and password that a client must log in with.
    pub login: Option<(&'static str, &'static str)>,
    /// Addresses that get 550 at RCPT.
    pub refuse_recipients: Vec<&'static str>,
    /// Addresses that get 550 at MAIL.
    pub refuse_senders: Vec<&'static str>,
    /// The first RCPT of every address gets 451.
    pub greylist: bool,
    /// After so many letters a connection gets 421; 0 is no limit.
    pub letters_per_connection: u32,
    pub after_data: AfterData,
    /// Addresses beyond ASCII are not taken.
    pub ascii_only: bool,
    /// Nothing is ever said, not even the greeting.
    pub mute: bool,
    /// The certificate is for another server.
    pub other_name: bool,
    /// Replies in cleartext follow the answer to STARTTLS.
    pub inject: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmtpSecurity {
    #[default]
    StartTls,
    Smtps,
    /// No encryption, and no offer of it.
    None,
}

/// What happens to a letter whose content has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterData {
    #[default]
    Accept,
    /// 554, with a quotation from the letter.
    Refuse,
    /// The letter is stored and the connection is cut before the answer.
    Drop,
    /// The letter is stored and never answered.
    Hang,
}

/// A running server. It ends when this is dropped.
pub struct SmtpServer {
    pub port: u16,
    /// The certificate of the CA that signed the server's, for `localhost` and 127.0.0.1.
    pub ca_pem: Vec<u8>,
    child: Child,
    folder: TempDir,
}

/// A message as the server got it and as Python's parser reads it.
#[derive(Clone, Debug)]
pub struct Received {
    pub sender: String,
    /// Every RCPT of the envelope.
    pub recipients: Vec<String>,
    /// Which connection it came over, counted from 1.
    pub connection: u64,
    pub tls: bool,
    /// All headers, in order, decoded.
    pub headers: Vec<(String, String)>,
    /// Display names and addresses of the header `To`.
    pub to: Vec<(String, String)>,
    pub content_type: String,
    pub parts: Vec<Part>,
    /// The message's bytes.
    pub raw: Vec<u8>,
}

#[derive(Clone, Debug)]
pub struct Part {
    pub content_type: String,
    pub encoding: String,
    /// Decoded.
    pub text: String,
}

impl Received {
    /// Returns the values of all headers called `name`.
    pub fn header(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| &**value).collect()
    }
}

impl SmtpServer {
    pub fn start(options: SmtpOptions) -> Self {
        let python = python_with_aiosmtpd();
        let folder = TempDir::new().expect("a temporary folder");
        let SmtpOptions {
            security,
            login,
            refuse_recipients,
            refuse_senders,
            greylist,
            letters_per_connection,
            after_data,
            ascii_only,
            mute,
            other_name,
            inject,
        } = options;
        let names = if other_name { "DNS:mail.elsewhere.test" } else { "DNS:localhost,IP:127.0.0.1" };
        let certificates = Certificates::make(folder.path(), names);
        let options = json!({
            "folder": folder.path(),
            "certificate": certificates.certificate,
            "key": certificates.key,
            "security": match security {
                SmtpSecurity::StartTls => "starttls",
                SmtpSecurity::Smtps => "smtps",
                SmtpSecurity::None => "none",
            },
            "login": login,
            "refuse_recipients": refuse_recipients,
            "refuse_senders": refuse_senders,
            "greylist": greylist,
            "letters_per_connection": letters_per_connection,
            "after_data": match after_data {
                AfterData::Accept => "accept",
                AfterData::Refuse => "refuse",
                AfterData::Drop => "drop",
                AfterData::Hang => "hang",
            },
            "smtputf8": !ascii_only,
            "mute": mute,
            "inject": inject,
        });
        let mut child = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/server/smtp_server.py"))
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test mail server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("the server talks");
        let port = line.trim().strip_prefix("READY ").and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("the test mail server did not start: {line:?}"));
        let ca_pem = fs::read(&certificates.ca).expect("the CA was made");
        Self { port, ca_pem, child, folder }
    }

    /// Returns the messages that have come, in order.
    pub fn messages(&self) -> Vec<Received> {
        let mut paths: Vec<PathBuf> = fs::read_dir(self.folder.path())
            .expect("the server's folder")
            .map(|entry| entry.expect("readable").path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        paths.sort();
        paths.iter().map(|path| received(path)).collect()
    }

    /// Returns the commands that have come, in order: `EHLO`, `EHLO tls`, `MAIL`, `RCPT`, `DATA`, `RSET`, `QUIT`.
    pub fn commands(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("commands.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn received(path: &Path) -> Received {
    let stored: Value =
        serde_json::from_slice(&fs::read(path).expect("a stored message")).expect("JSON from the test mail server");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let pairs = |value: &Value| {
        let pairs = value.as_array().expect("a list").iter();
        pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
    };
    Received {
        sender: text(&stored["sender"]),
        recipients: stored["recipients"].as_array().expect("a list").iter().map(text).collect(),
        connection: stored["connection"].as_u64().expect("a number"),
        tls: stored["tls"].as_bool().expect("yes or no"),
        headers: pairs(&stored["headers"]),
        to: pairs(&stored["to"]),
        content_type: text(&stored["content_type"]),
        parts: stored["parts"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|part| Part {
                content_type: text(&part["type"]),
                encoding: text(&part["encoding"]),
                text: text(&part["text"]),
            })
            .collect(),
        raw: fs::read(path.with_extension("eml")).expect("the message"),
    }
}

/// A CA and a server certificate that it signed.
struct Certificates {
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificates {
    fn make(folder: &Path, names: &str) -> Self {
        let path = |name: &str| folder.join(name);
        let ca = path("ca.pem");
        let ca_key = path("ca.key");
        let certificate = path("server.pem");
        let key = path("server.key");
        let request = path("server.csr");
        let extensions = path("server.ext");
        fs::write(&extensions, format!("subjectAltName={names}\nextendedKeyUsage=serverAuth\n")).expect("writable");
        let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        run(Command::new("openssl")
            .args(["req", "-x509", "-days", "2", "-subj", "/CN=rosterd test CA"])
            .args(ec)
            .arg("-keyout")
            .arg(&ca_key)
            .arg("-out")
            .arg(&ca));
        run(Command::new("openssl")
            .args(["req", "-new", "-subj", "/CN=localhost"])
            .args(ec)
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&request));
        run(Command::new("openssl")
            .args(["x509", "-req", "-days", "2", "-CAcreateserial"])
            .arg("-in")
            .arg(&request)
            .arg("-CA")
            .arg(&ca)
            .arg("-CAkey")
            .arg(&ca_key)
            .arg("-extfile")
            .arg(&extensions)
            .arg("-out")
            .arg(&certificate));
        Self { ca, certificate, key }
    }
}

/// Returns a Python that has aiosmtpd, in a virtual environment below `target` that is made when it is missing.
fn python_with_aiosmtpd() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    let made = PYTHON.get_or_init(|| {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("below target").join("test-venv");
        fs::create_dir_all(&base).expect("target is writable");
        let venv = base.join("smtp");
        let python = venv.join("bin/python");
        let complete = venv.join(AIOSMTPD);
        let lock = File::create(base.join("smtp.lock")).expect("target is writable");
        lock.lock().expect("a lock");
        if !complete.exists() {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
            run(Command::new(&python).args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                AIOSMTPD,
            ]));
            fs::write(&complete, "").expect("target is writable");
        }
        python
    });
    made.clone()
}

/// Runs a tool that the tests need; without it they fail and say how to get it.
fn run(command: &mut Command) {
    const HINT: &str = "the mail tests need python3, its venv module, openssl and PyPI: \
                        apt-get install python3 python3-venv openssl";
    let shown = format!("{command:?}");
    let output = command.output().unwrap_or_else(|error| panic!("{shown}: {error}\n{HINT}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}: {}\n{said}\n{HINT}", output.status);
}
