//! Credential letters from end to end: the program as it is started, a real mail server, and passwords that work.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::server::smtp::AfterData;
use crate::server::smtp::Received;
use crate::server::smtp::SmtpOptions;
use crate::server::smtp::SmtpServer;
use crate::world::password_in;

mod patience;

const ROSTER: &str = "\
Username,First name,Surname,Email
ada,Ada,Byron,ada@example.org
bob,Bob,Ball,bob@example.org
cyd,Cyd,Cole,no address
";

/// A folder with a configuration and a roster.
struct Site {
    folder: TempDir,
}

impl Site {
    /// A site whose letters go to this port; `ca` is the certificate of its CA.
    fn new(roster: &str, port: u16, ca: &[u8]) -> Self {
        let site = Self { folder: tempfile::tempdir().expect("a folder") };
        site.mail_to(port, ca);
        fs::write(site.roster(), roster).expect("a roster");
        site
    }

    fn mail_to(&self, port: u16, ca: &[u8]) {
        fs::write(self.folder.path().join("ca.pem"), ca).expect("a certificate");
        let data = self.folder.path().join("data");
        let config = format!(
            "data_dir = {data:?}
            [[target]]
            name = \"staff\"
            kind = \"local\"
            [mail]
            server = \"smtp://localhost:{port}\"
            ca_file = \"ca.pem\"
            from = \"it@example.org\"
            timeout = \"10s\"
            [[feed]]
            name = \"hr\"
            target = \"staff\"
            [feed.letters]
            email_credentials = true
            mails_per_minute = 6000
            "
        );
        fs::write(self.folder.path().join("rosterd.toml"), config).expect("a configuration");
    }

    fn roster(&self) -> PathBuf {
        self.folder.path().join("people.csv")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rosterd"));
        command.arg("--config").arg(self.folder.path().join("rosterd.toml")).env_remove("ROSTERD_DATA_DIR");
        command
    }

    /// Imports the roster; returns the exit code and what was said.
    fn import(&self) -> (i32, String) {
        let output = self.command().arg("import").arg(self.roster()).output().expect("rosterd starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().expect("it ends by itself"), String::from_utf8_lossy(&said).into_owned())
    }

    /// Returns outcome and letter of everybody.
    fn outcomes(&self) -> Vec<String> {
        let items = self.result()["items"].as_array().expect("items").clone();
        let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
        items
            .iter()
            .map(|item| format!("{} {} {}", text(item, "username"), text(item, "outcome"), text(item, "letter")))
            .collect()
    }

    fn result(&self) -> Value {
        let path = self.folder.path().join("people.result.json");
        serde_json::from_slice(&fs::read(path).expect("a result")).expect("JSON")
    }

    /// Tries a login with `rosterd local verify`; returns the exit code and the answer.
    fn verify(&self, username: &str, password: &str) -> (i32, String) {
        let mut command = self.command();
        command.args(["local", "verify", username]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("rosterd starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(password.as_bytes()).expect("the password is read");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        (output.status.code().expect("by itself"), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Proves that the password of a letter works, and must be changed.
    fn works(&self, username: &str, letter: &Received) {
        let (code, answer) = self.verify(username, password_in(&letter.parts[0].text).expose());
        assert_eq!(code, 0, "{username}: {answer}");
        assert!(answer.contains("must be changed at the next login"), "{answer}");
    }
}

fn letters_to(server: &SmtpServer, address: &str) -> Vec<Received> {
    server.messages().into_iter().filter(|letter| letter.recipients == [address]).collect()
}

/// Returns a port at which nobody listens.
fn nobodys_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn every_new_person_gets_one_letter_with_a_password_that_works() {
    let server = SmtpServer::start(SmtpOptions::default());
    let site = Site::new(ROSTER, server.port, &server.ca_pem);
    let (code, said) = site.import();
    assert_eq!(code, 1, "{said}");
    assert_eq!(site.outcomes(), ["ada created sent", "bob created sent", "cyd rejected none"]);
    assert_eq!(server.messages().len(), 2, "none for the row in error");
    for name in ["ada", "bob"] {
        let letters = letters_to(&server, &format!("{name}@example.org"));
        assert_eq!(letters.len(), 1);
        assert!(letters[0].parts[0].text.contains("an account has been set up for you"));
        site.works(name, &letters[0]);
        assert_ne!(site.verify(name, "something else").0, 0);
    }
    // The same again changes nothing and sends nothing.
    assert_eq!(site.import().0, 1);
    assert_eq!(server.messages().len(), 2);
}

#[test]
fn without_a_mail_server_accounts_are_made_and_the_next_import_sends_letters_that_work() {
    let roster = ROSTER.replace("no address", "cyd@example.org");
    let server = SmtpServer::start(SmtpOptions::default());
    let site = Site::new(&roster, nobodys_port(), &server.ca_pem);
    let (code, said) = site.import();
    assert_eq!(code, 75, "{said}");
    assert!(said.contains("3 letters could not be handed to the mail server yet"), "{said}");
    assert_eq!(site.outcomes(), ["ada created owed", "bob created owed", "cyd created owed"]);

    site.mail_to(server.port, &server.ca_pem);
    let (code, said) = site.import();
    assert_eq!(code, 0, "{said}");
    assert_eq!(site.outcomes(), ["ada created sent", "bob created sent", "cyd created sent"]);
    for name in ["ada", "bob", "cyd"] {
        let letters = letters_to(&server, &format!("{name}@example.org"));
        assert_eq!(letters.len(), 1);
        assert!(letters[0].parts[0].text.contains("an account has been set up for you"), "it is still new to them");
        site.works(name, &letters[0]);
    }
}

#[test]
fn a_recipient_that_is_refused_is_told() {
    let refused = SmtpOptions { refuse_recipients: vec!["bob@example.org"], ..Default::default() };
    let server = SmtpServer::start(refused);
    let site = Site::new(&ROSTER.replace("no address", "cyd@example.org"), server.port, &server.ca_pem);
    let (code, said) = site.import();
    assert_eq!(code, 1, "{said}");
    assert_eq!(site.outcomes(), ["ada created sent", "bob created failed", "cyd created sent"]);
    let notes = site.result()["items"][1]["notes"].to_string();
    assert!(notes.contains("refused the recipient") && !notes.contains("bob@"), "{notes}");
    assert!(site.command().arg("status").output().expect("it starts").status.success(), "the run is over");
}

#[test]
fn a_letter_whose_answer_is_lost_is_sent_once_more_as_it_was_and_never_again() {
    let server = SmtpServer::start(SmtpOptions { after_data: AfterData::Drop, ..Default::default() });
    let site = Site::new(ROSTER, server.port, &server.ca_pem);
    let (code, said) = site.import();
    assert_eq!(code, 1, "{said}");
    assert_eq!(site.outcomes(), ["ada created failed", "bob created failed", "cyd rejected none"]);
    assert!(site.result()["items"][0]["notes"].to_string().contains("nobody knows whether the letter has arrived"));
    for name in ["ada", "bob"] {
        let letters = letters_to(&server, &format!("{name}@example.org"));
        assert_eq!(letters.len(), 2, "letters to {name}");
        assert_eq!(letters[0].header("Message-ID"), letters[1].header("Message-ID"));
        assert_eq!(password_in(&letters[0].parts[0].text).expose(), password_in(&letters[1].parts[0].text).expose());
        site.works(name, &letters[1]);
    }
    assert_eq!(site.import().0, 1);
    assert_eq!(server.messages().len(), 4, "a third letter would be one too many");
}

#[test]
fn a_server_that_defers_every_recipient_at_first_gets_every_letter_in_the_end() {
    let server = SmtpServer::start(SmtpOptions { greylist: true, ..Default::default() });
    let many: String = (0..12).map(|n| format!("user{n},User,Number{n},user{n}@example.org\n")).collect();
    let site = Site::new(&format!("Username,First name,Surname,Email\n{many}"), server.port, &server.ca_pem);
    let (code, said) = site.import();
    assert_eq!(code, 0, "{said}");
    for n in 0..12 {
        let letters = letters_to(&server, &format!("user{n}@example.org"));
        assert_eq!(letters.len(), 1);
        site.works(&format!("user{n}"), &letters[0]);
    }
}
