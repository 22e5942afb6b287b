//! Whole commands against a service: what an admin types on the first day.

use std::process::Output;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::LONG;
use crate::server::scim_faults::FaultServer;
use crate::server::scim_faults::Quirks;
use crate::server::scim_faults::TOKEN;

const ROSTER: &str = "username,first name,surname,email\nada,Ada,Byron,ada@example.org\n";

/// A configuration with one feed, and a roster.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new(url: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "[mail]\nserver = 'smtp://127.0.0.1:9'\ntls = 'none'\nfrom = 'it@example.org'\n\
             [[target]]\nname = 'staff'\nkind = 'scim'\n\
             [target.scim]\nurl = '{url}'\nauth = {{ bearer = {{ env = 'SCIM_TOKEN' }} }}\n\
             [[feed]]\nname = 'hr'\ntarget = 'staff'\n{more}"
        );
        std::fs::write(folder.path().join("rosterd.toml"), text).expect("written");
        std::fs::write(folder.path().join("hr.csv"), ROSTER).expect("written");
        Self { folder }
    }

    async fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rosterd"));
        command.arg("--config").arg("rosterd.toml").args(args).current_dir(self.folder.path());
        let unset = ["ROSTERD_CONFIG", "ROSTERD_DATA_DIR", "NOTIFY_SOCKET", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
        for name in unset.into_iter().chain(["http_proxy", "https_proxy", "all_proxy", "NO_PROXY", "no_proxy"]) {
            command.env_remove(name);
        }
        command.env("SCIM_TOKEN", TOKEN).envs(variables.iter().copied()).kill_on_drop(true);
        tokio::time::timeout(LONG, command.output()).await.expect("it comes to an end").expect("it runs")
    }

    async fn findings(&self, variables: &[(&str, &str)]) -> Vec<Value> {
        let output = self.run(&["check", "--format", "json"], variables).await;
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn finding<'f>(findings: &'f [Value], subject: &str) -> Option<&'f Value> {
    findings.iter().find(|finding| finding["what"].as_str().is_some_and(|what| what.starts_with(subject)))
}

/// The roster is read long before the service has said what it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_roster_does_not_wait_for_ever_for_a_slow_service() {
    let server = FaultServer::with(Quirks { latency: Duration::from_millis(60), ..Quirks::default() }).await;
    let desk = Desk::new(server.base().as_str(), "");
    let output = desk.run(&["preview", "hr.csv"], &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = desk.run(&["import", "hr.csv"], &[]).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(server.user("ada").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_that_would_never_go_out_are_told_beforehand() {
    let server = FaultServer::start().await;
    let base = server.base();
    for (more, is_told) in [
        ("[feed.letters]\nemail_credentials = true\n", true),
        ("[feed.letters]\nemail_credentials = true\nprove_login = false\n", true),
        ("[feed.letters]\nemail_credentials = true\nwithout_proof = true\n", false),
        ("", false),
    ] {
        let findings = Desk::new(base.as_str(), more).findings(&[]).await;
        let found = finding(&findings, "letters");
        assert_eq!(found.is_some(), is_told, "{more}: {findings:?}");
        assert!(found.is_none_or(|found| found["verdict"] == "BAD"), "{found:?}");
    }
}

/// A proxy that refuses every tunnel, and notes what was asked of it.
async fn refusing() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let heads = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let n = client.read(&mut head).await.expect("a request");
            notes.lock().expect("lock").push(String::from_utf8_lossy(&head[..n]).into_owned());
            client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await.expect("an answer");
        }
    });
    (url, heads)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_of_the_environment_is_taken_unless_it_says_not_for_whom() {
    let (proxy, heads) = refusing().await;
    let desk = Desk::new("https://scim.rosterd.invalid/v2", "");
    let findings = desk.findings(&[("HTTPS_PROXY", &proxy), ("NO_PROXY", "other.invalid,127.0.0.1")]).await;
    assert_eq!(finding(&findings, "reach https").expect("a finding")["verdict"], "BAD");
    let asked = std::mem::take(&mut *heads.lock().expect("lock"));
    assert!(!asked.is_empty());
    for head in &asked {
        assert!(head.starts_with("CONNECT scim.rosterd.invalid:443 HTTP/1.1\r\n"), "{head}");
        assert!(!head.contains(TOKEN), "{head}");
    }
    let findings = desk.findings(&[("HTTPS_PROXY", &proxy), ("NO_PROXY", "rosterd.invalid")]).await;
    assert_eq!(finding(&findings, "reach https").expect("a finding")["verdict"], "BAD");
    assert_eq!(*heads.lock().expect("lock"), Vec::<String>::new());
    // What stays on this machine goes through nobody else's hands.
    let server = FaultServer::start().await;
    let near = Desk::new(server.base().as_str(), "");
    let findings = near.findings(&[("HTTP_PROXY", &proxy), ("http_proxy", &proxy), ("ALL_PROXY", &proxy)]).await;
    assert_eq!(finding(&findings, "reach http").expect("a finding")["verdict"], "good");
    assert_eq!(*heads.lock().expect("lock"), Vec::<String>::new());
}
