//! What the server needs before its first start.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::ADMIN;
use super::ADMIN_PASSWORD;
use super::INSTALL;
use super::SUFFIX;

/// Writes everything that the server needs before its first start.
pub fn write(folder: &Path, port: u16, tls_port: u16) {
    let name = folder.file_name().expect("a name").to_str().expect("text");
    for inner in ["", "/schema"] {
        fs::create_dir_all(folder.join(format!("{name}{inner}"))).expect("folder");
    }
    for inner in ["db/userRoot", "home", "log", "lock", "run", "ldif", "bak", "inst", "tmp"] {
        fs::create_dir_all(folder.join(inner)).expect("folder");
    }
    let config = folder.join(name);
    fs::write(config.join("schema/99user.ldif"), include_str!("99user.ldif")).expect("schema");
    let script = include_str!("certificates.sh");
    let made = Command::new("sh").args(["-c", script, "sh", name]).current_dir(folder).output().expect("sh");
    assert!(made.status.success(), "certificates: {}; {INSTALL}", String::from_utf8_lossy(&made.stderr));
    fs::write(config.join("dse.ldif"), dse(folder, name, port, tls_port)).expect("dse.ldif");
}

/// Returns the server's own configuration, made from the template that comes with it.
fn dse(folder: &Path, name: &str, port: u16, tls_port: u16) -> String {
    let template = |file: &str| {
        let path = format!("/usr/share/dirsrv/data/{file}");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}; {INSTALL}"))
    };
    let hash = Command::new("pwdhash").args(["-s", "SSHA512", ADMIN_PASSWORD]).output();
    let hash = hash.unwrap_or_else(|error| panic!("pwdhash: {error}; {INSTALL}"));
    let user = Command::new("id").arg("-un").output().expect("id");
    let text = |octets: Vec<u8>| String::from_utf8(octets).expect("text").trim().to_owned();
    let within = |inner: &str| folder.join(inner).display().to_string();
    let suffix = template("template-suffix-db.ldif");
    let suffix: String = suffix.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let filled = [
        ("schema_dir", within(&format!("{name}/schema"))),
        ("config_dir", within(name)),
        ("cert_dir", within(name)),
        ("lock_dir", within("lock")),
        ("tmp_dir", within("tmp")),
        ("ldif_dir", within("ldif")),
        ("bak_dir", within("bak")),
        ("run_dir", within("run")),
        ("inst_dir", within("inst")),
        ("log_dir", within("log")),
        ("db_dir", within("db")),
        ("db_home_dir", within("home")),
        ("db_lib", "bdb".to_owned()),
        ("ldapi", within("socket")),
        ("ldapi_enabled", "on".to_owned()),
        ("ldapi_autobind", "off".to_owned()),
        ("fqdn", "localhost".to_owned()),
        ("ds_port", port.to_string()),
        ("ds_user", text(user.stdout)),
        ("rootdn", ADMIN.to_owned()),
        ("ds_passwd", text(hash.stdout)),
        ("ds_suffix", SUFFIX.to_owned()),
        ("ds_bename", "userRoot".to_owned()),
    ];
    let mut whole = format!("{}\n{suffix}", template("template-dse.ldif"));
    for (key, value) in filled {
        whole = whole.replace(&format!("%{key}%"), &value);
    }
    let listen = include_str!("listen.ldif").replace("@TLS_PORT@", &tls_port.to_string());
    let at = format!("nsslapd-port: {port}\n");
    assert!(whole.contains(&at), "the template of the server has changed");
    let whole = whole.replacen(&at, &format!("{at}{listen}"), 1);
    // Two empty lines in a row end the server without a word.
    let entries: Vec<&str> = whole.split("\n\n").map(|e| e.trim_matches('\n')).filter(|e| !e.is_empty()).collect();
    entries.join("\n\n") + "\n"
}
