//! Two servers that copy each other: whatever is written to one of them gets to the other one, unless it is held up.

use std::time::Duration;
use std::time::Instant;

use ldap3::Scope;
use ldap3::SearchEntry;
use tempfile::NamedTempFile;
use tempfile::TempDir;

use super::ADMIN;
use super::ADMIN_PASSWORD;
use super::Options;
use super::SUFFIX;
use super::Slapd;
use super::files;
use super::free_port;
use crate::server::door::Door;

/// Two servers, each of which takes writes.
pub struct Mirrors {
    pub first: Slapd,
    pub second: Slapd,
    /// What the second one gets from the first one goes through here.
    pub to_second: Door,
    /// Both CAs.
    pub ca: NamedTempFile,
}

impl Mirrors {
    /// Starts them.
    pub async fn start() -> Self {
        let (one, two) = (free_port(), free_port());
        let to_second = Door::before(one);
        let options = Options::default();
        let server = |number: u8, port: u16, provider: u16, base: Option<&str>| {
            let folder = TempDir::new().expect("temporary folder");
            let config = mirrored(&files::config(folder.path(), options), number, provider);
            Slapd::start_from(folder, port, &config, base)
        };
        let first = server(1, one, two, Some(&files::base(options)));
        let second = server(2, two, to_second.port, None);
        let both = [first.ca(), second.ca()].map(|path| std::fs::read(path).expect("a CA")).concat();
        let ca = NamedTempFile::new().expect("a file");
        std::fs::write(ca.path(), both).expect("written");
        let mirrors = Self { first, second, to_second, ca };
        mirrors.are_alike().await;
        mirrors
    }

    /// Waits until both have come equally far.
    pub async fn are_alike(&self) {
        let began = Instant::now();
        loop {
            let (one, two) = (progress(&self.first).await, progress(&self.second).await);
            if !one.is_empty() && one == two {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "they do not become alike: {one:?} {two:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn progress(server: &Slapd) -> Vec<String> {
    let mut admin = server.admin().await;
    let found = admin.search(SUFFIX, Scope::Base, "(objectClass=*)", ["contextCSN"]).await.expect("an answer");
    let entry = found.0.into_iter().next().map(SearchEntry::construct);
    let mut values = entry.and_then(|mut entry| entry.attrs.remove("contextCSN")).unwrap_or_default();
    values.sort();
    values
}

/// Has a server send what is written to it, and get what is written to another one.
fn mirrored(config: &str, number: u8, provider: u16) -> String {
    let database = format!(
        "olcSuffix: {SUFFIX}
olcSyncrepl: rid=00{number} provider=ldap://127.0.0.1:{provider} bindmethod=simple binddn=\"{ADMIN}\"
  credentials={ADMIN_PASSWORD} searchbase=\"{SUFFIX}\" type=refreshAndPersist retry=\"1 +\"
olcMultiProvider: TRUE
"
    );
    let overlay = "dn: olcOverlay={4}syncprov,olcDatabase={1}mdb,cn=config
objectClass: olcOverlayConfig
objectClass: olcSyncProvConfig
olcOverlay: {4}syncprov

";
    let changed = config
        .replace("olcLogLevel: none\n", &format!("olcLogLevel: none\nolcServerID: {number}\n"))
        .replace("olcModuleLoad: unique\n", "olcModuleLoad: unique\nolcModuleLoad: syncprov\n")
        .replace(&format!("olcSuffix: {SUFFIX}\n"), &database);
    [changed.trim_end(), "\n\n", overlay].concat()
}
