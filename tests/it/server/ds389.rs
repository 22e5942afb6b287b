//! A real 389 Directory Server in a temporary folder, on free ports of the loopback interface.
//!
//! It is set up by the LDIF of `docs/389-ds.md`, as an admin would do it, so the service account has exactly the rights
//! of that page, and is not the Directory Manager.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use ldap3::LdapConnAsync;
use ldap3::Mod;
use ldap3::Scope;
use ldap3::SearchEntry;
use rosterd::directory::ldap::LdapSettings;
use rosterd::roster::secret::Secret;
use tempfile::TempDir;
use url::Url;

mod files;

pub const SUFFIX: &str = "dc=example,dc=org";
pub const SERVICE: &str = "cn=rosterd,ou=services,dc=example,dc=org";
pub const SERVICE_PASSWORD: &str = "service-Secret.1";
/// May read, and gets 20 entries at most.
pub const LIMITED: &str = "cn=limited,ou=services,dc=example,dc=org";
/// May read, and has the server look at 20 entries at most.
pub const LOOKTHROUGH: &str = "cn=lookthrough,ou=services,dc=example,dc=org";
const ADMIN: &str = "cn=Directory Manager";
const ADMIN_PASSWORD: &str = "admin-Secret.1";
const TERRITORIES: usize = 120;
const PAGE: &str = include_str!("../../../docs/389-ds.md");
const INSTALL: &str = "389-ds-base is needed for this test: apt-get install -y --no-install-recommends 389-ds-base libnss3-tools ldap-utils openssl";
/// The password is right and must be changed; there is no RFC, every server of this family has it.
const EXPIRED: &str = "2.16.840.1.113730.3.4.4";

/// A running server. It ends when the test binary ends in whatever way, and its folder goes with it.
pub struct Ds389 {
    folder: PathBuf,
    port: u16,
    shell: Child,
    territories: AtomicUsize,
}

impl Ds389 {
    /// Returns a server that many tests use, each in a territory of its own.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Ds389> = LazyLock::new(Ds389::start);
        &SHARED
    }

    /// Starts a server for one test alone.
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("ds389-").expect("temporary folder").keep();
        let (port, tls_port) = (free_port(), free_port());
        files::write(&folder, port, tls_port);
        // The page says: first the server's own settings, then a restart, then the entries and the rights.
        let mut shell = launch(&folder);
        await_start(&folder, &mut shell);
        let mut first = Self { folder, port, shell, territories: AtomicUsize::new(0) };
        first.load("suffix.ldif", include_str!("ds389/suffix.ldif"));
        let subtrees: Vec<String> =
            (0..TERRITORIES).map(|t| format!("uniqueness-subtrees: ou=t{t},ou=people,{SUFFIX}\n")).collect();
        let everywhere = format!("uniqueness-subtrees: ou=people,{SUFFIX}\n");
        let server = block("1-server.ldif");
        assert!(server.contains(&everywhere));
        first.load("1-server.ldif", &server.replace(&everywhere, &subtrees.concat()));
        first.tell("restart");
        await_start(&first.folder, &mut first.shell);
        first.load("2-entries.ldif", &block("2-entries.ldif").replace("@PASSWORD@", SERVICE_PASSWORD));
        first.load("3-rights.ldif", &block("3-rights.ldif"));
        first.load("limited.ldif", include_str!("ds389/limited.ldif"));
        first
    }

    /// Applies an LDIF with every right.
    pub fn load(&self, name: &str, ldif: &str) {
        let file = self.folder.join(name);
        fs::write(&file, ldif).expect(name);
        let mut modify = Command::new("ldapmodify");
        modify.args(["-x", "-D", ADMIN, "-w", ADMIN_PASSWORD, "-H", &self.socket_url(), "-f"]).arg(file);
        let made = modify.output().unwrap_or_else(|error| panic!("ldapmodify: {error}; {INSTALL}"));
        assert!(made.status.success(), "{name}: {}", String::from_utf8_lossy(&made.stderr));
    }

    /// Tells the shell what to do with the server.
    fn tell(&mut self, what: &str) {
        writeln!(self.shell.stdin.as_mut().expect("stdin"), "{what}").expect("the shell listens");
    }

    /// Returns a place of its own for people, groups, roles and channels, all empty.
    pub async fn territory(&self) -> Territory<'_> {
        let number = self.territories.fetch_add(1, Ordering::Relaxed);
        assert!(number < TERRITORIES, "raise TERRITORIES");
        let name = format!("t{number}");
        let territory = Territory { server: self, name: name.clone() };
        let mut admin = self.admin().await;
        for branch in ["people", "groups", "roles"] {
            let dn = format!("ou={name},ou={branch},{SUFFIX}");
            add(&mut admin, &dn, &[("objectClass", &["organizationalUnit"]), ("ou", &[&name])]).await;
        }
        for (unit, base) in [("groups", territory.group_base()), ("channels", territory.channel_base())] {
            add(&mut admin, &base, &[("objectClass", &["organizationalUnit"]), ("ou", &[unit])]).await;
        }
        territory
    }

    /// Returns a connection with every right.
    pub async fn admin(&self) -> ldap3::Ldap {
        self.bound(ADMIN, ADMIN_PASSWORD).await
    }

    /// Returns a connection as somebody, over the socket.
    pub async fn bound(&self, dn: &str, password: &str) -> ldap3::Ldap {
        let (connection, mut ldap) = LdapConnAsync::new(&self.socket_url()).await.expect("the server listens");
        ldap3::drive!(connection);
        ldap.simple_bind(dn, password).await.expect("an answer").success().expect(dn);
        ldap
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn socket_url(&self) -> String {
        format!("ldapi://{}", self.folder.join("socket").display().to_string().replace('/', "%2F"))
    }

    /// The certificate of the CA that signed the server's, which is for `localhost`.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }
}

impl Drop for Ds389 {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A part of a server that one test has for itself.
pub struct Territory<'a> {
    pub server: &'a Ds389,
    name: String,
}

/// What came of a person's attempt to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// It worked.
    Welcome,
    /// The password is right, and must be changed before anything else.
    MustChange,
    /// The account is switched off.
    Locked,
    /// There were too many wrong passwords.
    LockedForNow,
    /// Wrong password, or no such account.
    Refused,
}

impl Territory<'_> {
    /// Returns settings for the territory: StartTLS, the service account, every kind of group.
    pub fn settings(&self) -> LdapSettings {
        let url = Url::parse(&format!("ldap://localhost:{}", self.server.port)).expect("a URL");
        let mut settings = LdapSettings::new(url, &self.people_base());
        settings.ca_file = Some(self.server.ca());
        settings.bind_dn = Some(SERVICE.to_owned());
        settings.bind_password = Some(Secret::from(SERVICE_PASSWORD));
        settings.group_base = Some(self.group_base());
        settings.role_base = Some(self.role_base());
        settings.channel_base = Some(self.channel_base());
        settings
    }

    pub fn people_base(&self) -> String {
        format!("ou={},ou=people,{SUFFIX}", self.name)
    }

    pub fn group_base(&self) -> String {
        format!("ou=groups,ou={},ou=groups,{SUFFIX}", self.name)
    }

    pub fn role_base(&self) -> String {
        format!("ou={},ou=roles,{SUFFIX}", self.name)
    }

    pub fn channel_base(&self) -> String {
        format!("ou=channels,ou={},ou=groups,{SUFFIX}", self.name)
    }

    pub fn person(&self, uid: &str) -> String {
        format!("uid={uid},{}", self.people_base())
    }

    pub fn group(&self, name: &str) -> String {
        format!("cn={name},{}", self.group_base())
    }

    pub fn role(&self, name: &str) -> String {
        format!("cn={name},{}", self.role_base())
    }

    /// Adds an entry with every right.
    pub async fn add(&self, dn: &str, attributes: &[(&str, &[&str])]) {
        add(&mut self.server.admin().await, dn, attributes).await;
    }

    /// Reads an entry, with those operational attributes that matter here.
    pub async fn read(&self, dn: &str) -> Option<SearchEntry> {
        let mut admin = self.server.admin().await;
        let asked = [
            "*",
            "nsUniqueId",
            "nsAccountLock",
            "nsRole",
            "nsRoleDN",
            "nsRoleScopeDN",
            "passwordExpirationTime",
            "aci",
        ];
        let found = admin.search(dn, Scope::Base, "(objectClass=*)", asked).await.expect("an answer");
        if found.1.rc == 32 {
            return None;
        }
        let (entries, _) = found.success().expect("readable");
        entries.into_iter().next().map(SearchEntry::construct)
    }

    /// Returns the values of one attribute, sorted.
    pub async fn values(&self, dn: &str, attribute: &str) -> Vec<String> {
        let entry = self.read(dn).await.expect(dn);
        let values = entry.attrs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
        let mut values = values.map(|(_, values)| values).unwrap_or_default();
        values.sort();
        values
    }

    /// Does what a person does who must change the password.
    pub async fn change_own_password(&self, uid: &str, old: &str, new: &str) {
        let person = self.person(uid);
        let mut ldap = self.server.bound(&person, old).await;
        let change = Mod::Replace("userPassword", HashSet::from([new]));
        ldap.modify(&person, vec![change]).await.expect("an answer").success().expect("people may do that");
    }

    /// Logs in as a person would, and tries to do something then.
    pub async fn login(&self, uid: &str, password: &str) -> Login {
        let (connection, mut ldap) = LdapConnAsync::new(&self.server.socket_url()).await.expect("the server listens");
        ldap3::drive!(connection);
        let person = self.person(uid);
        let answer = ldap.simple_bind(&person, password).await.expect("an answer");
        let must_change = answer.ctrls.iter().any(|control| control.1.ctype == EXPIRED);
        match (answer.rc, must_change) {
            (0, _) => {
                let read = ldap.search(&person, Scope::Base, "(objectClass=*)", ["1.1"]).await.expect("an answer");
                assert_eq!(read.1.rc, if must_change { 53 } else { 0 }, "{}", read.1.text);
                if must_change { Login::MustChange } else { Login::Welcome }
            }
            (53, _) if answer.text.contains("inactivated") => Login::Locked,
            (19, _) if answer.text.contains("retry limit") => Login::LockedForNow,
            // An empty password is refused with unwillingToPerform (RFC 4513 section 5.1.2).
            (53, _) if password.is_empty() => Login::Refused,
            (49, _) => Login::Refused,
            _ => panic!("unexpected answer to a bind: {answer}"),
        }
    }
}

async fn add(admin: &mut ldap3::Ldap, dn: &str, attributes: &[(&str, &[&str])]) {
    let attributes = attributes.iter().map(|(name, values)| (*name, values.iter().copied().collect())).collect();
    admin.add(dn, attributes).await.expect("an answer").success().expect(dn);
}

/// Returns an LDIF of the page.
pub fn block(name: &str) -> String {
    let start = format!("```ldif\n# {name}\n");
    let (_, rest) = PAGE.split_once(&start).unwrap_or_else(|| panic!("docs/389-ds.md has no {name}"));
    rest.split_once("\n```").expect("a block ends").0.to_owned() + "\n"
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Starts a shell that starts the server, starts it again when told so, and kills it when its standard input is closed.
///
/// The server leaves a semaphore behind that is named like the folder of its configuration.
fn launch(folder: &Path) -> Child {
    let script = r#"
        name="${1##*/}"
        start() { ns-slapd -D "$1/$name" -i "$1/pid" -d 0 >>"$1/log/output" 2>&1 & echo started; }
        start "$1"
        while read -r line; do
            kill "$!"
            wait "$!"
            start "$1"
        done
        kill -KILL "$!"
        wait "$!" 2>/dev/null
        rm -rf "$1" "/dev/shm/sem.$name.stats"
    "#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    shell.spawn().expect("sh")
}

/// Waits until the server answers a bind, which it does after it has opened its databases.
fn await_start(folder: &Path, shell: &mut Child) {
    // Until then a server that is to end may still answer.
    let mut line = [0; 8];
    shell.stdout.as_mut().expect("stdout").read_exact(&mut line).expect("the shell says `started`");
    let socket = format!("ldapi://{}", folder.join("socket").display().to_string().replace('/', "%2F"));
    let started = Instant::now();
    loop {
        let mut search = Command::new("ldapsearch");
        search.args(["-x", "-D", ADMIN, "-w", ADMIN_PASSWORD, "-H", &socket, "-s", "base", "-b", "cn=config", "1.1"]);
        let made = search.output().unwrap_or_else(|error| panic!("ldapsearch: {error}; {INSTALL}"));
        if made.status.success() {
            return;
        }
        let log = || {
            let of = |name| fs::read_to_string(folder.join(name)).unwrap_or_default();
            format!("{}\n{}\n{INSTALL}", of("log/output"), of("log/errors"))
        };
        assert!(shell.try_wait().expect("a child").is_none(), "the server has ended: {}", log());
        assert!(started.elapsed() < Duration::from_secs(60), "the server does not start: {}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
}
