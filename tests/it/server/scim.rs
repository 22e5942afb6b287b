//! Real SCIM services: scim2-server, django-scim2, django-scim2-server and scimmy-routers, each in a process of its own on
//! a free port of the loopback interface.
//!
//! One process serves all tests of a kind: every test is another tenant of it, with accounts and groups of its own.

use std::fs;
use std::fs::File;
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
use std::sync::LazyLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

mod installed;
mod tenant;

pub use tenant::Tenant;

use installed::Installed;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Which service, and what of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// scim2-server: nearly all of RFC 7644, over HTTP/1.0 without keep-alive.
    Scim2,
    /// The same that offers no PATCH, no filter and no `ETag`, pages of five, and Bulk of ten operations and 4 KiB.
    Limited,
    /// The same without the extension for enterprises: what belongs to it is refused.
    WithoutEnterprise,
    /// django-scim2: most of what PATCH should do is refused with 501, most filters find nothing.
    DjangoScim2,
    /// django-scim2-server: most attributes are dropped, PATCH mostly says 200 and does nothing.
    DjangoScim2Server,
    /// scimmy-routers on express 4: pages go on beyond the end.
    Scimmy,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Scim2, Self::Limited, Self::WithoutEnterprise, Self::DjangoScim2, Self::DjangoScim2Server, Self::Scimmy];

    fn is_scim2(self) -> bool {
        matches!(self, Self::Scim2 | Self::Limited | Self::WithoutEnterprise)
    }
}

/// A running service. It ends when this is dropped, and when the test binary ends in whatever way.
pub struct ScimServer {
    kind: Kind,
    port: u16,
    shell: Child,
    tenants: AtomicUsize,
    _folder: TempDir,
}

impl ScimServer {
    /// Returns the server of a kind that all tests use, each as a tenant of its own.
    pub fn shared(kind: Kind) -> &'static Self {
        static SHARED: [LazyLock<ScimServer>; 6] = [
            LazyLock::new(|| ScimServer::start(Kind::Scim2)),
            LazyLock::new(|| ScimServer::start(Kind::Limited)),
            LazyLock::new(|| ScimServer::start(Kind::WithoutEnterprise)),
            LazyLock::new(|| ScimServer::start(Kind::DjangoScim2)),
            LazyLock::new(|| ScimServer::start(Kind::DjangoScim2Server)),
            LazyLock::new(|| ScimServer::start(Kind::Scimmy)),
        ];
        &SHARED[kind as usize]
    }

    /// Starts a server for one test alone.
    pub fn start(kind: Kind) -> Self {
        let installed = Installed::get();
        let folder = TempDir::new().expect("temporary folder");
        let port = free_port();
        // The shell ends the whole process group when its standard input is closed: gunicorn has children.
        let mut shell = Command::new("sh")
            .args(["-c", "setsid \"$@\" >&2 & echo $!; read -r line; kill -s KILL -- -$!; wait", "sh"])
            .args(command(kind, installed, port, folder.path()))
            .current_dir(installed::shims())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("DATA", folder.path())
            .env("PORT", port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("log")).expect("log"))
            .spawn()
            .expect("sh");
        let mut line = String::new();
        BufReader::new(shell.stdout.take().expect("stdout")).read_line(&mut line).expect("the shell says the pid");
        let started = Instant::now();
        while !answers(port) {
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_secs(60), "{kind:?} does not start: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { kind, port, shell, tenants: AtomicUsize::new(0), _folder: folder }
    }

    /// Returns a tenant without accounts and groups.
    pub fn tenant(&self) -> Tenant {
        let tenant = format!("tenant-{}", self.tenants.fetch_add(1, Ordering::Relaxed));
        let root = match self.kind.is_scim2() {
            true => format!("http://127.0.0.1:{}/{tenant}/", self.port),
            false => format!("http://127.0.0.1:{}/", self.port),
        };
        let root = Url::parse(&root).expect("a URL");
        let path = match self.kind {
            Kind::Scim2 | Kind::Limited | Kind::WithoutEnterprise => "v2",
            Kind::DjangoScim2 | Kind::DjangoScim2Server => "scim/v2",
            Kind::Scimmy => "scim",
        };
        let base = root.join(path).expect("a URL");
        let token = if self.kind.is_scim2() { TOKEN.to_owned() } else { tenant };
        Tenant::new(base, root.join("login").expect("a URL"), token)
    }
}

impl Drop for ScimServer {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

const TOKEN: &str = "token-Of.rosterd";

fn command(kind: Kind, installed: &Installed, port: u16, folder: &Path) -> Vec<String> {
    let python = installed.python.display().to_string();
    let port = port.to_string();
    let arguments: Vec<String> = match kind {
        Kind::Scim2 | Kind::Limited | Kind::WithoutEnterprise => {
            let mut arguments = vec![python, "scim2.py".into(), "--port".into(), port, "--dynamic-tenants".into()];
            arguments.extend(["--bearer-token".into(), TOKEN.into()]);
            if kind == Kind::Limited {
                arguments.extend(["--service-provider-config".into(), "limited.json".into()]);
            }
            if kind == Kind::WithoutEnterprise {
                arguments.extend(without_enterprise(installed, folder));
            }
            arguments
        }
        Kind::DjangoScim2 => gunicorn(python, &port, "django_scim2_app:application"),
        Kind::DjangoScim2Server => gunicorn(python, &port, "django_scim2_server_app:application"),
        Kind::Scimmy => {
            let scimmy = installed.node_folder.join("scimmy.mjs");
            vec![installed.node.display().to_string(), scimmy.display().to_string(), port]
        }
    };
    arguments
}

fn gunicorn(python: String, port: &str, application: &str) -> Vec<String> {
    // One process, so that the tenants' databases are made once.
    let options = ["-m", "gunicorn", "--workers", "1", "--threads", "8", "--keep-alive", "60", "--bind"];
    let options = options.map(str::to_owned).into_iter();
    [python].into_iter().chain(options).chain([format!("127.0.0.1:{port}"), application.to_owned()]).collect()
}

/// Writes the server's own schemas and resource types without the extension, and returns the arguments that name them.
fn without_enterprise(installed: &Installed, folder: &Path) -> Vec<String> {
    let read = |name: &str| {
        let path = installed.packages.join("scim2_server/resources").join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str::<Vec<Value>>(&text).expect("JSON")
    };
    let mut schemas = read("default-schemas.json");
    let all = schemas.len();
    schemas.retain(|schema| schema["id"] != ENTERPRISE);
    assert_eq!(schemas.len(), all - 1);
    let mut types = read("default-resource-types.json");
    for resource_type in &mut types {
        resource_type.as_object_mut().expect("an object").remove("schemaExtensions");
    }
    let write = |name: &str, value: Vec<Value>| {
        let path = folder.join(name);
        fs::write(&path, Value::from(value).to_string()).expect("written");
        path.display().to_string()
    };
    let (schemas, types) = (write("schemas.json", schemas), write("types.json", types));
    ["--schema".into(), schemas, "--resource-type".into(), types].into()
}

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
    stream.read(&mut [0; 1]).is_ok_and(|read| read == 1)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
