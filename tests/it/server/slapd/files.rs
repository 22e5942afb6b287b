//! What a slapd starts from.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::INSTALL;
use super::Options;
use super::SERVICE;
use super::SUFFIX;
use super::TERRITORIES;

pub fn make_certificates(dir: &Path) {
    let script = r#"
        set -e
        for ca in ca other-ca; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 -subj "/CN=Test $ca" \
                -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
                -keyout $ca-key.pem -out $ca.pem
        done
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout key.pem -out csr.pem
        printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost\n' > ext.cnf
        openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 3650 -sha256 -extfile ext.cnf -out cert.pem
    "#;
    let made = Command::new("sh").args(["-c", script]).current_dir(dir).output().expect("sh");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "openssl: {said}; {INSTALL}");
}

pub fn config(dir: &Path, options: Options) -> String {
    let schemas: String = ["core", "cosine", "nis", "inetorgperson"]
        .map(|name| {
            let path = format!("/etc/ldap/schema/{name}.ldif");
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}; {INSTALL}")) + "\n"
        })
        .concat();
    let mail = format!("olcUniqueURI: ldap:///ou=people,ou=t0,{SUFFIX}?mail?sub");
    let unique: Vec<String> = (0..TERRITORIES)
        .map(|t| format!("olcUniqueURI: ldap:///ou=people,ou=t{t},{SUFFIX}?uid?sub?(objectClass=inetOrgPerson)"))
        .chain(options.unique_mail.then_some(mail))
        .collect();
    let policy = if options.without_policy || options.policy_elsewhere { "" } else { include_str!("policy.ldif") };
    let module = if options.without_policy { "" } else { "olcModuleLoad: ppolicy" };
    let text = include_str!("config.ldif")
        .replace("@DIR@", &dir.display().to_string())
        .replace("@SCHEMAS@", &schemas)
        .replace("@UNIQUE@", &unique.join("\n"))
        .replace("@POLICY_MODULE@", module);
    let text = match options.shows_config {
        true => {
            text.replace("dn: olcDatabase={1}mdb,cn=config\n", &format!("{SHOWN}dn: olcDatabase={{1}}mdb,cn=config\n"))
        }
        false => text,
    };
    let text = match options.without_unique {
        true => without(&text, "dn: olcOverlay={2}unique,"),
        false => text,
    };
    let text = match options.small_messages {
        true => text.replace("olcLogLevel: none\n", "olcLogLevel: none\nolcSockbufMaxIncomingAuth: 100000\n"),
        false => text,
    };
    let text = match options.schemes {
        true => text.replace(
            "olcModuleLoad: unique\n",
            "olcModuleLoad: unique\nolcModuleLoad: argon2\nolcModuleLoad: pw-sha2\n",
        ),
        false => text,
    };
    let (write, manage) = (format!("\"{SERVICE}\" write by self"), format!("\"{SERVICE}\" manage by self"));
    assert!(text.contains(&write));
    let text = if options.manages_passwords { text.replace(&write, &manage) } else { text };
    let text = match options.may_not_delete {
        true => text.replace(
            "olcAccess: {1}to *",
            &format!("olcAccess: {{1}}to attrs=entry by dn.exact=\"{SERVICE}\" =arscxd by users read by anonymous none\nolcAccess: {{2}}to *"),
        ),
        false => text,
    };
    let text = if options.documented_rights { with_documented_rights(&text) } else { text };
    text + policy
}

const SHOWN: &str = "dn: olcDatabase={0}config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: {0}config
olcAccess: {0}to attrs=olcRootPW,olcSyncrepl by * none
olcAccess: {1}to * by dn.exact=cn=rosterd,dc=example,dc=org read by * none

";

/// Takes the entry out that begins so.
fn without(ldif: &str, begin: &str) -> String {
    let kept: Vec<&str> = ldif.split("\n\n").filter(|entry| !entry.starts_with(begin)).collect();
    kept.join("\n\n")
}

/// Puts the rights of the documentation in the place of the tests' own. Its branches are those of the first territory.
fn with_documented_rights(config: &str) -> String {
    let page = include_str!("../../../../docs/openldap.md");
    let begin = page.find("olcAccess: {0}").expect("the page has rights");
    let end = begin + page[begin..].find("\n-\n").expect("they end");
    let mut rights = page[begin..end].to_owned();
    for branch in ["people", "groups", "roles"] {
        let own = format!("ou={branch},ou=t0,dc=example,dc=org");
        assert!(rights.contains(&format!("ou={branch},dc=example,dc=org")), "rights for {branch}");
        rights = rights.replace(&format!("ou={branch},dc=example,dc=org"), &own);
    }
    let (before, after) = config.split_once("olcDatabase: {1}mdb").expect("the database");
    let kept: Vec<&str> = after.lines().filter(|line| !line.starts_with("olcAccess: ")).collect();
    [before, "olcDatabase: {1}mdb\n", &rights, &kept.join("\n"), "\n"].concat()
}

pub fn base(options: Options) -> String {
    let policies = if options.without_policy { "" } else { include_str!("policies.ldif") };
    let policies = if options.lax_policy { policies.replace("pwdMustChange: TRUE\n", "") } else { policies.to_owned() };
    let policies = match options.takes_hashes {
        true => policies.replace("pwdCheckQuality: 2", "pwdCheckQuality: 1"),
        false => policies,
    };
    [include_str!("base.ldif"), &policies].concat()
}
