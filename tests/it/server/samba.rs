//! A real Active Directory: a domain controller of Samba 4.17 or later in a temporary folder, on an address of the
//! loopback interface that nobody else uses, since its ports cannot be chosen.
//!
//! The service account has the rights that `docs/active-directory.md` gives it, by the script of that page, and no
//! others. Making a domain takes some seconds, so it is made once and kept below `target/`, as long as Samba's
//! version and the two scripts stay the same; every server starts with a copy. Both need root, as a domain controller does.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::io::BufRead;
use std::io::BufReader;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use ldap3::LdapConnAsync;
use ldap3::LdapConnSettings;
use ldap3::Scope;
use ldap3::SearchEntry;
use rosterd::directory::ldap::LdapSettings;
use rosterd::roster::secret::Secret;
use url::Url;

pub const DOMAIN: &str = "DC=ad,DC=example,DC=org";
pub const SERVICE: &str = "CN=rosterd,CN=Users,DC=ad,DC=example,DC=org";
pub const SERVICE_PASSWORD: &str = "service-Secret.1";
/// What a login name is followed by at a login.
pub const UPN_SUFFIX: &str = "ad.example.org";
const UNITS: [&str; 4] = ["people", "groups", "roles", "channels"];
const SOCKET: &str = "private/ldap_priv/ldapi";
const INSTALL: &str = "Samba is needed for this test: apt-get install -y --no-install-recommends \
                       samba samba-dsdb-modules samba-vfs-modules samba-ad-provision openssl";
const PAGE: &str = include_str!("../../../docs/active-directory.md");
const PROVISION: &str = include_str!("samba/provision.sh");
const CONFIGURATION: &str = include_str!("samba/smb.conf");

/// A running domain controller. It ends, and its folder goes, when this is dropped and when the test binary ends in
/// whatever way.
struct Samba {
    folder: PathBuf,
    address: Ipv4Addr,
    /// A shell that started Samba and kills it when its standard input is closed.
    shell: Child,
}

/// Servers that no test uses at the moment.
static IDLE: Mutex<Vec<Samba>> = Mutex::new(Vec::new());

impl Samba {
    fn start() -> Self {
        let made = tempfile::Builder::new().prefix("samba-").tempdir().expect("temporary folder");
        let address = free_address();
        copy(TEMPLATE.as_path(), made.path());
        make_certificates(made.path(), address);
        configure(made.path(), address);
        // The shell removes it.
        let folder = made.keep();
        let script = "samba -s \"$1/smb.conf\" -F --no-process-group -M single --debuglevel=1 </dev/null >\"$1/out\" 2>&1 & \
                      echo $!; read -r line; kill -KILL $!; wait; rm -rf \"$1\"";
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("stdout")).read_line(&mut line).expect("the shell says the pid");
        let server = Self { folder, address, shell };
        server.wait(line.trim());
        server
    }

    fn wait(&self, pid: &str) {
        let started = Instant::now();
        // The socket for administrators is the last thing that it opens.
        let socket = self.folder.join(SOCKET);
        while UnixStream::connect(&socket).is_err() || TcpStream::connect((self.address, 636)).is_err() {
            let runs = Path::new("/proc").join(pid).join("exe").exists();
            let log = ["log", "out"].map(|name| fs::read_to_string(self.folder.join(name)).unwrap_or_default());
            assert!(runs && started.elapsed() < Duration::from_secs(30), "Samba does not start: {}", log.concat());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// A domain that one test has for itself: login names are unique in the whole domain, so tests cannot share it.
pub struct Territory {
    server: Option<Samba>,
    is_spoiled: bool,
}

/// What came of a person's attempt to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// It worked.
    Welcome,
    /// The password is right, and must be changed before anything else.
    MustChange,
    /// The password is right, and the account is switched off.
    Disabled,
    /// Wrong password, or no such account.
    Refused,
}

impl Territory {
    /// Returns a domain with empty units for people, groups, roles and channels.
    pub async fn new() -> Self {
        let idle = IDLE.lock().expect("lock").pop();
        let territory = Self { server: Some(idle.unwrap_or_else(Samba::start)), is_spoiled: false };
        territory.clear().await;
        territory
    }

    /// Keeps the domain from being used by another test: this one changes what belongs to the domain.
    pub fn spoil(&mut self) {
        self.is_spoiled = true;
    }

    fn server(&self) -> &Samba {
        self.server.as_ref().expect("taken back only at the end")
    }

    async fn clear(&self) {
        let mut admin = self.admin().await;
        for unit in UNITS {
            let base = unit_dn(unit);
            let found = admin.search(&base, Scope::Subtree, "(objectClass=*)", ["1.1"]).await.expect("an answer");
            let (entries, _) = found.success().expect("readable");
            let mut names: Vec<String> = entries.into_iter().map(|raw| SearchEntry::construct(raw).dn).collect();
            names.retain(|dn| !dn.eq_ignore_ascii_case(&base));
            names.sort_by_key(|dn| std::cmp::Reverse(dn.matches(',').count()));
            for dn in names {
                admin.delete(&dn).await.expect("an answer").success().expect("deleted");
            }
        }
    }

    /// Returns settings for the domain: StartTLS, the service account, every kind of group.
    pub fn settings(&self) -> LdapSettings {
        let mut settings = LdapSettings::new(self.url("ldap"), &unit_dn("people"));
        settings.ca_file = Some(self.ca());
        settings.bind_dn = Some(SERVICE.to_owned());
        settings.bind_password = Some(Secret::from(SERVICE_PASSWORD));
        settings.group_base = Some(unit_dn("groups"));
        settings.role_base = Some(unit_dn("roles"));
        settings.channel_base = Some(unit_dn("channels"));
        settings
    }

    /// Returns the server's URL with `ldap` or `ldaps` before it.
    pub fn url(&self, scheme: &str) -> Url {
        Url::parse(&format!("{scheme}://{}", self.server().address)).expect("a URL")
    }

    /// The certificate of the CA that signed the server's, which is for its address.
    pub fn ca(&self) -> PathBuf {
        self.server().folder.join("ca.pem")
    }

    pub fn person(&self, cn: &str) -> String {
        format!("CN={cn},{}", unit_dn("people"))
    }

    pub fn group(&self, name: &str) -> String {
        format!("CN={name},{}", unit_dn("groups"))
    }

    /// Returns a connection with every right.
    pub async fn admin(&self) -> ldap3::Ldap {
        let socket = self.server().folder.join(SOCKET).display().to_string();
        let url = format!("ldapi://{}", socket.replace('/', "%2F"));
        let (connection, ldap) = LdapConnAsync::new(&url).await.expect("Samba listens");
        ldap3::drive!(connection);
        ldap
    }

    /// Returns a connection with TLS and without a bind.
    pub async fn stranger(&self) -> ldap3::Ldap {
        let config = rosterd::tls::client_config(Some(&self.ca())).expect("the CA");
        let settings = LdapConnSettings::new().set_config(config);
        let url = self.url("ldaps");
        let (connection, ldap) = LdapConnAsync::with_settings(settings, url.as_str()).await.expect("Samba listens");
        ldap3::drive!(connection);
        ldap
    }

    /// Returns a connection of the service account.
    pub async fn service(&self) -> ldap3::Ldap {
        let mut ldap = self.stranger().await;
        ldap.simple_bind(SERVICE, SERVICE_PASSWORD).await.expect("an answer").success().expect("it may bind");
        ldap
    }

    /// Adds an entry with every right.
    pub async fn add(&self, dn: &str, attributes: &[(&str, &[&str])]) {
        let attributes = attributes.iter().map(|(name, values)| (*name, values.iter().copied().collect())).collect();
        self.admin().await.add(dn, attributes).await.expect("an answer").success().expect(dn);
    }

    /// Reads an entry with every right.
    pub async fn read(&self, dn: &str) -> Option<SearchEntry> {
        let found = self.admin().await.search(dn, Scope::Base, "(objectClass=*)", ["*"]).await.expect("an answer");
        if found.1.rc == 32 {
            return None;
        }
        let (entries, _) = found.success().expect("readable");
        entries.into_iter().next().map(SearchEntry::construct)
    }

    /// Returns the values of one attribute, sorted.
    pub async fn values(&self, dn: &str, attribute: &str) -> Vec<String> {
        let entry = self.read(dn).await.expect(dn);
        let mut values = entry.attrs.get(attribute).cloned().unwrap_or_default();
        values.sort();
        values
    }

    /// Logs in as a person would.
    pub async fn login(&self, username: &str, password: &str) -> Login {
        let mut ldap = self.stranger().await;
        let answer = ldap.simple_bind(&format!("{username}@{UPN_SUFFIX}"), password).await.expect("an answer");
        if answer.rc == 0 {
            return Login::Welcome;
        }
        assert_eq!(answer.rc, 49, "{answer:?}");
        let code = answer.text.split_once("data ").and_then(|(_, rest)| rest.split(',').next());
        match code {
            Some("773") => Login::MustChange,
            Some("533") => Login::Disabled,
            Some("52e") => Login::Refused,
            _ => panic!("unexpected answer to a bind: {}", answer.text),
        }
    }
}

impl Drop for Territory {
    fn drop(&mut self) {
        if let Some(server) = self.server.take().filter(|_| !self.is_spoiled) {
            IDLE.lock().expect("lock").push(server);
        }
    }
}

/// Returns the name of `people`, `groups`, `roles` or `channels`.
pub fn unit_dn(unit: &str) -> String {
    format!("OU={unit},{DOMAIN}")
}

/// A domain with the service account and its rights, which never runs.
static TEMPLATE: LazyLock<PathBuf> = LazyLock::new(|| {
    let script = PAGE.split("\n```sh\n# delegate.sh\n").nth(1).and_then(|rest| rest.split("\n```").next());
    let script = script.expect("docs/active-directory.md has the script");
    let version = Command::new("samba").arg("--version").output().unwrap_or_else(|e| panic!("samba: {e}; {INSTALL}"));
    let mut hasher = DefaultHasher::new();
    (version.stdout, PROVISION, script).hash(&mut hasher);
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("samba-{:016x}", hasher.finish()));
    if !kept.exists() {
        let made = tempfile::Builder::new().prefix("samba-new-").tempdir_in(env!("CARGO_TARGET_TMPDIR"));
        let made = made.expect("temporary folder");
        provision(made.path(), script);
        match fs::rename(made.path(), &kept) {
            Ok(()) => drop(made.keep()),
            // Another process was faster; its domain is as good.
            Err(error) => assert!(kept.exists(), "{}: {error}", kept.display()),
        }
    }
    kept
});

fn provision(folder: &Path, delegate: &str) {
    fs::write(folder.join("empty.conf"), "[global]\n").expect("empty.conf");
    configure(folder, Ipv4Addr::LOCALHOST);
    run(folder, PROVISION);
    run(folder, delegate);
}

/// Runs a script in a folder with Samba's tools working on the domain of that folder.
fn run(folder: &Path, script: &str) {
    let done = Command::new("sh")
        .args(["-euc", script])
        .current_dir(folder)
        .env("SMB_CONF_PATH", folder.join("smb.conf"))
        .output()
        .expect("sh");
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{script}: {}; {INSTALL}", String::from_utf8_lossy(&said));
}

fn configure(folder: &Path, address: Ipv4Addr) {
    for name in ["cache", "ncalrpc", "ntp", "winbind", "usershare", "bind-dns", "state/sysvol", "state/lock"] {
        fs::create_dir_all(folder.join(name)).expect("folder");
    }
    let dir = folder.display().to_string();
    let text = CONFIGURATION.replace("@DIR@", &dir).replace("@ADDRESS@", &address.to_string());
    fs::write(folder.join("smb.conf"), text).expect("smb.conf");
}

/// Copies what a server needs: the shares' folders have ACLs that only a file server needs.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .args(["-r", "--preserve=mode", "--sparse=always"])
        .arg(from.join("private"))
        .arg(to)
        .status()
        .expect("cp");
    assert!(copied.success());
    fs::create_dir_all(to.join("state")).expect("folder");
    for entry in fs::read_dir(from.join("state")).expect("readable").flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "tdb") {
            fs::copy(entry.path(), to.join("state").join(entry.file_name())).expect("copied");
        }
    }
}

/// Any address will do but those that others are likely to use.
fn free_address() -> Ipv4Addr {
    loop {
        let [_, _, _, _, a, b, c, _] = RandomState::new().hash_one(0).to_be_bytes();
        let address = Ipv4Addr::new(127, 64 + a % 128, b, c.clamp(1, 254));
        let taken = [389, 636, 3268, 3269].iter().find_map(|port| TcpListener::bind((address, *port)).err());
        match taken {
            None => return address,
            Some(error) => assert_ne!(error.kind(), ErrorKind::PermissionDenied, "Samba's ports are for root: {error}"),
        }
    }
}

fn make_certificates(folder: &Path, address: Ipv4Addr) {
    let script = format!(
        r#"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 -subj "/CN=Test CA" \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
            -keyout ca-key.pem -out ca.pem
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=dc1 -keyout key.pem -out csr.pem
        printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=IP:{address}\n' > ext.cnf
        openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 3650 -sha256 -extfile ext.cnf -out cert.pem
        chmod 600 key.pem
        "#
    );
    run(folder, &script);
}
