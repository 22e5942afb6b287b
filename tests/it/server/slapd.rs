//! A real OpenLDAP: slapd 2.5 or later in a temporary folder, on free ports of the loopback interface.
//!
//! The service account has `write`, not `manage`, and is not the root DN, as in a well-kept directory: an administrator
//! of passwords would skip the quality checks.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use ldap3::LdapConnAsync;
use ldap3::Mod;
use ldap3::Scope;
use ldap3::SearchEntry;
use ldap3::controls::RawControl;
use rosterd::directory::ldap::LdapSettings;
use rosterd::roster::secret::Secret;
use tempfile::TempDir;
use url::Url;

mod files;
mod mirrors;

pub use self::mirrors::Mirrors;

pub const SUFFIX: &str = "dc=example,dc=org";
pub const SERVICE: &str = "cn=rosterd,dc=example,dc=org";
pub const SERVICE_PASSWORD: &str = "service-Secret.1";
/// May read and write like the service account, but gets 20 entries at most.
pub const LIMITED: &str = "cn=limited,dc=example,dc=org";
/// May read pages of 60 entries at most.
pub const SMALL_PAGES: &str = "cn=small-pages,dc=example,dc=org";
const ADMIN: &str = "cn=admin,dc=example,dc=org";
const ADMIN_PASSWORD: &str = "admin-Secret.1";
const TERRITORIES: usize = 240;
const INSTALL: &str =
    "slapd is needed for this test: apt-get install -y --no-install-recommends slapd ldap-utils openssl";
const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// A running slapd. It ends when this is dropped, and when the test binary ends in whatever way.
pub struct Slapd {
    folder: TempDir,
    port: u16,
    tls_port: u16,
    process: Mutex<Option<Process>>,
    territories: AtomicUsize,
}

/// A shell that started slapd and kills it when its standard input is closed.
struct Process {
    shell: Child,
    pid: u32,
}

/// What differs from one server to another.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// Leave the password policy out.
    pub without_policy: bool,
    /// Load the module of the password policy, and put its overlay on no database.
    pub policy_elsewhere: bool,
    /// Give the service account the rights that `docs/openldap.md` tells an admin to give, for the first territory.
    pub documented_rights: bool,
    /// Have a policy that knows forced changes, and does not enforce them.
    pub lax_policy: bool,
    /// Load what knows `{ARGON2}` and `{SSHA512}`.
    pub schemes: bool,
    /// Have a policy that takes hashes, the quality of which nobody can check.
    pub takes_hashes: bool,
    /// Let the service account manage passwords.
    pub manages_passwords: bool,
    /// Keep the service account from deleting entries.
    pub may_not_delete: bool,
    /// Let the service account read the configuration.
    pub shows_config: bool,
    /// Keep no login name unique.
    pub without_unique: bool,
    /// Keep mail addresses unique too, in the first territory.
    pub unique_mail: bool,
    /// Hang up on a request of more than 100,000 octets.
    pub small_messages: bool,
}

impl Slapd {
    /// Returns a server that many tests use, each in a territory of its own.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Slapd> = LazyLock::new(Slapd::start);
        &SHARED
    }

    /// Returns another one, for what a server may not survive.
    pub fn risked() -> &'static Self {
        static RISKED: LazyLock<Slapd> = LazyLock::new(Slapd::start);
        &RISKED
    }

    /// Returns one to which hashes can be written, for passwords in every form.
    pub fn hashing() -> &'static Self {
        static HASHING: LazyLock<Slapd> =
            LazyLock::new(|| Slapd::start_with(Options { schemes: true, takes_hashes: true, ..Options::default() }));
        &HASHING
    }

    /// Starts a server for one test alone.
    pub fn start() -> Self {
        Self::start_with(Options::default())
    }

    /// Starts a server for one test alone.
    pub fn start_with(options: Options) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let config = files::config(folder.path(), options);
        Self::start_from(folder, free_port(), &config, Some(&files::base(options)))
    }

    /// Starts a server with this configuration on this port; without entries it is to get them from elsewhere.
    fn start_from(folder: TempDir, port: u16, config: &str, base: Option<&str>) -> Self {
        let dir = folder.path();
        fs::create_dir_all(dir.join("slapd.d")).expect("folder");
        fs::create_dir_all(dir.join("db")).expect("folder");
        files::make_certificates(dir);
        fs::write(dir.join("config.ldif"), config).expect("config.ldif");
        slapadd(dir, &["-n0", "-l", "config.ldif"]);
        if let Some(base) = base {
            fs::write(dir.join("base.ldif"), base).expect("base.ldif");
            slapadd(dir, &["-n1", "-q", "-w", "-l", "base.ldif"]);
        }
        let tls_port = free_port();
        let server = Self { folder, port, tls_port, process: Mutex::new(None), territories: AtomicUsize::new(0) };
        server.launch();
        server
    }

    /// Starts slapd again after [`Slapd::kill`], with the same data on the same ports.
    pub fn launch(&self) {
        let urls = format!("ldap://127.0.0.1:{} ldaps://127.0.0.1:{} {}", self.port, self.tls_port, self.socket_url());
        let config = self.folder.path().join("slapd.d");
        let mut shell = Command::new("sh")
            .args(["-c", "slapd -F \"$1\" -h \"$2\" -d 0 & echo $!; read -r line; kill -KILL $!; wait", "sh"])
            .arg(config)
            .arg(urls)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(self.folder.path().join("log")).expect("log"))
            .spawn()
            .expect("sh");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("stdout")).read_line(&mut line).expect("the shell says the pid");
        let pid = line.trim().parse().expect("a pid");
        *self.process.lock().expect("lock") = Some(Process { shell, pid });
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_secs(20), "slapd does not start: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills slapd, as a crash would.
    pub fn kill(&self) {
        self.signal("KILL");
        if let Some(mut process) = self.process.lock().expect("lock").take() {
            drop(process.shell.stdin.take());
            process.shell.wait().expect("the shell ends");
        }
    }

    /// Starts slapd again so that it takes no writes.
    pub fn make_read_only(&self) {
        self.kill();
        let path = self.folder.path().join("slapd.d/cn=config/olcDatabase={1}mdb.ldif");
        let text = fs::read_to_string(&path).expect("the configuration");
        fs::write(&path, format!("{}\nolcReadOnly: TRUE\n", text.trim_end())).expect("written");
        self.launch();
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let pid = self.process.lock().expect("lock").as_ref().expect("slapd runs").pid;
        let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().expect("kill");
        assert!(status.success());
    }

    /// Returns a suffix of its own with people, groups, roles and channels below it, all empty.
    pub async fn territory(&self) -> Territory<'_> {
        let number = self.territories.fetch_add(1, Ordering::Relaxed);
        assert!(number < TERRITORIES, "raise TERRITORIES");
        let territory = Territory { server: self, base: format!("ou=t{number},{SUFFIX}") };
        let mut admin = self.admin().await;
        for unit in ["", "ou=people,", "ou=groups,", "ou=roles,", "ou=channels,"] {
            let name = if unit.is_empty() { format!("t{number}") } else { unit[3..unit.len() - 1].to_owned() };
            let dn = format!("{unit}{}", territory.base);
            add(&mut admin, &dn, &[("objectClass", &["organizationalUnit"]), ("ou", &[&name])]).await;
        }
        territory
    }

    /// Returns a connection with every right.
    pub async fn admin(&self) -> ldap3::Ldap {
        let (connection, mut ldap) = LdapConnAsync::new(&self.socket_url()).await.expect("slapd listens");
        ldap3::drive!(connection);
        ldap.simple_bind(ADMIN, ADMIN_PASSWORD).await.expect("an answer").success().expect("the admin may bind");
        ldap
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    pub fn socket_url(&self) -> String {
        let path = self.folder.path().join("ldapi");
        format!("ldapi://{}", path.display().to_string().replace('/', "%2F"))
    }

    /// The certificate of the CA that signed the server's, which is for `localhost`.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The certificate of a CA that has nothing to do with the server.
    pub fn other_ca(&self) -> PathBuf {
        self.folder.path().join("other-ca.pem")
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.lock().expect("lock").take() {
            drop(process.shell.stdin.take());
            let _ = process.shell.wait();
        }
    }
}

/// A part of a server that one test has for itself.
pub struct Territory<'a> {
    pub server: &'a Slapd,
    pub base: String,
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
    /// Wrong password, or no such account.
    Refused,
}

impl Territory<'_> {
    /// Returns settings for the territory: StartTLS, the service account, every kind of group.
    pub fn settings(&self) -> LdapSettings {
        let url = Url::parse(&format!("ldap://localhost:{}", self.server.port)).expect("a URL");
        let mut settings = LdapSettings::new(url, &format!("ou=people,{}", self.base));
        settings.ca_file = Some(self.server.ca());
        settings.bind_dn = Some(SERVICE.to_owned());
        settings.bind_password = Some(Secret::from(SERVICE_PASSWORD));
        settings.group_base = Some(format!("ou=groups,{}", self.base));
        settings.role_base = Some(format!("ou=roles,{}", self.base));
        settings.channel_base = Some(format!("ou=channels,{}", self.base));
        settings
    }

    pub fn person(&self, uid: &str) -> String {
        format!("uid={uid},ou=people,{}", self.base)
    }

    pub fn group(&self, name: &str) -> String {
        format!("cn={name},ou=groups,{}", self.base)
    }

    /// Adds an entry with every right.
    pub async fn add(&self, dn: &str, attributes: &[(&str, &[&str])]) {
        add(&mut self.server.admin().await, dn, attributes).await;
    }

    /// Sets the values of one attribute with every right.
    pub async fn set(&self, dn: &str, attribute: &str, values: &[&str]) {
        let change = Mod::Replace(attribute, values.iter().copied().collect());
        let changed = self.server.admin().await.modify(dn, vec![change]).await.expect("an answer");
        changed.success().expect(dn);
    }

    /// Reads an entry, operational attributes included.
    pub async fn read(&self, dn: &str) -> Option<SearchEntry> {
        let mut admin = self.server.admin().await;
        let found = admin.search(dn, Scope::Base, "(objectClass=*)", ["*", "+"]).await.expect("an answer");
        if found.1.rc == 32 {
            return None;
        }
        let (entries, _) = found.success().expect("readable");
        entries.into_iter().next().map(SearchEntry::construct)
    }

    /// Returns the names of all entries below the territory's branches.
    pub async fn below(&self) -> Vec<String> {
        let mut admin = self.server.admin().await;
        let found = admin.search(&self.base, Scope::Subtree, "(!(objectClass=organizationalUnit))", ["1.1"]).await;
        let (entries, _) = found.expect("an answer").success().expect("readable");
        entries.into_iter().map(|entry| SearchEntry::construct(entry).dn).collect()
    }

    /// Returns the values of one attribute, sorted.
    pub async fn values(&self, dn: &str, attribute: &str) -> Vec<String> {
        let entry = self.read(dn).await.expect(dn);
        let mut values = entry.attrs.get(attribute).cloned().unwrap_or_default();
        values.sort();
        values
    }

    /// Logs in as a person would, and asks for the server's password policy response.
    pub async fn login(&self, uid: &str, password: &str) -> Login {
        let (connection, mut ldap) = LdapConnAsync::new(&self.server.socket_url()).await.expect("slapd listens");
        ldap3::drive!(connection);
        let ask = RawControl { ctype: PASSWORD_POLICY.to_owned(), crit: false, val: None };
        let answer = ldap.with_controls(vec![ask]).simple_bind(&self.person(uid), password).await.expect("an answer");
        let response = answer.ctrls.iter().find(|control| control.1.ctype == PASSWORD_POLICY);
        // PasswordPolicyResponseValue: SEQUENCE { warning [0] OPTIONAL, error [1] ENUMERATED OPTIONAL }
        let value = response.and_then(|control| control.1.val.clone()).unwrap_or_default();
        let error = value.windows(3).find(|w| w[0] == 0x81 && w[1] == 1).map(|w| w[2]);
        match (answer.rc, error) {
            (0, None) => Login::Welcome,
            (0, Some(2)) => Login::MustChange,
            (49, Some(1)) => Login::Locked,
            // An empty password is refused with unwillingToPerform (RFC 4513 section 5.1.2).
            (49, None) | (53, None) => Login::Refused,
            other => panic!("unexpected answer to a bind: {other:?} {}", answer.text),
        }
    }
}

async fn add(admin: &mut ldap3::Ldap, dn: &str, attributes: &[(&str, &[&str])]) {
    let attributes = attributes.iter().map(|(name, values)| (*name, values.iter().copied().collect())).collect();
    admin.add(dn, attributes).await.expect("an answer").success().expect(dn);
}

fn slapadd(dir: &Path, arguments: &[&str]) {
    let made = Command::new("slapadd").arg("-F").arg(dir.join("slapd.d")).args(arguments).current_dir(dir).output();
    let made = made.unwrap_or_else(|error| panic!("slapadd: {error}; {INSTALL}"));
    assert!(made.status.success(), "slapadd: {}", String::from_utf8_lossy(&made.stderr));
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
