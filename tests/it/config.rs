//! `config/rosterd.toml` is the reference: it is accepted as it is, its examples are, and its defaults are the code's.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use assert_cmd::cargo::cargo_bin_cmd;
use rosterd::config::Config;
use rosterd::roster::letter::BUILT_IN_SUBJECT;
use tempfile::TempDir;

const REFERENCE: &str = include_str!("../../config/rosterd.toml");
const RAW: [&str; 2] = [include_str!("../../src/config/raw.rs"), include_str!("../../src/config/raw/scim.rs")];

/// A key that the reference has commented out.
struct Commented {
    /// Its place among the lines.
    line: usize,
    table: String,
    key: String,
    value: String,
    is_example: bool,
}

fn commented() -> Vec<Commented> {
    let mut found = Vec::new();
    let mut table = String::new();
    for (line, text) in REFERENCE.lines().enumerate() {
        if text.starts_with('[') {
            table = text.split('#').next().unwrap_or_default().trim().trim_matches(['[', ']']).to_owned();
        }
        let Some((key, rest)) = text.strip_prefix('#').and_then(|text| text.split_once(" = ")) else { continue };
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()) {
            continue;
        }
        let is_example = rest.contains("# Example:");
        let value = match rest.rsplit_once(" # ") {
            Some((value, _)) => value.trim().to_owned(),
            None => rest.to_owned(),
        };
        found.push(Commented { line, table: table.clone(), key: key.to_owned(), value, is_example });
    }
    assert!(found.len() > 80, "only {} keys are recognised", found.len());
    found
}

/// The reference with some of its lines replaced.
fn with(lines: impl IntoIterator<Item = (usize, String)>) -> String {
    let mut all: Vec<String> = REFERENCE.lines().map(str::to_owned).collect();
    for (line, text) in lines {
        all[line] = text;
    }
    all.join("\n") + "\n"
}

/// What the reference refers to: secrets, certificate, templates.
fn site() -> TempDir {
    let folder = TempDir::new().expect("temporary folder");
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        fs::write(&path, text).expect(name);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(path, mode).expect("mode");
    };
    put("ldap-bind", "not a real secret\n");
    put("smtp", "not a real secret either\n");
    put("scim-token", "nor is this\n");
    put("letters/credentials.txt", "{{ username }} {{ password }}\n");
    put("letters/credentials.html", "<p>{{ username }} {{ password }}</p>\n");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x"])
        .args(["-keyout", "key.pem", "-out", "ca.pem"])
        .current_dir(&folder)
        .output()
        .expect("openssl is needed for this test: apt-get install -y openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

/// Proves `text` as if it stood in `site`, and shows the result without what stands for the text itself. The lines are
/// sorted, since sets have no order.
fn proven(site: &Path, text: &str) -> Vec<String> {
    // Credentials are for daemons that systemd started; files hold the same here.
    let text = text.replace("{ credential = ", "{ file = ");
    let mut config = match Config::parse(&site.join("rosterd.toml"), &text, None) {
        Ok(config) => config,
        Err(faults) => panic!("{faults}"),
    };
    for feed in &mut config.feeds {
        Arc::get_mut(&mut feed.feed).expect("nobody else has it").digest.clear();
    }
    let mut lines: Vec<String> = format!("{config:#?}").lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn a_secret_of_nothing_but_blanks_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let site = site();
    let file = site.path().join("blank");
    let text = "[[target]]\nname = \"staff\"\nkind = \"ldap\"\n[target.ldap]\nurl = \"ldaps://ldap.example.org\"\n\
                bind_dn = \"cn=rosterd,dc=example,dc=org\"\nbind_password = { file = \"blank\" }\n\
                people_base = \"ou=people,dc=example,dc=org\"\n[[feed]]\nname = \"hr\"\ntarget = \"staff\"\n";
    let proven = || Config::parse(&site.path().join("rosterd.toml"), text, None).map(drop);
    for (content, is_good) in [("", false), ("\n", false), (" ", false), (" \t\r\n\n", false), (" s \n", true)] {
        std::fs::write(&file, content).expect("a secret");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("a secret");
        let told = proven().err().map(|faults| faults.to_string()).unwrap_or_default();
        assert_eq!(told.contains("the secret is empty, or nothing but blanks"), !is_good, "{content:?}: {told}");
        assert_eq!(told.contains("rosterd.toml:7:"), !is_good, "{content:?}: {told}");
        assert_eq!(told.is_empty(), is_good, "{content:?}: {told}");
    }
}

#[test]
fn the_reference_is_accepted_as_it_is() {
    let site = site();
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rosterd.toml");
    cargo_bin_cmd!("rosterd")
        .arg("--config")
        .arg(reference)
        .arg("--data-dir")
        .arg(site.path().join("data"))
        .arg("status")
        .env("CREDENTIALS_DIRECTORY", site.path())
        .assert()
        .success();
}

#[test]
fn the_defaults_that_it_shows_are_those_of_the_code() {
    let site = site();
    let shown = commented().into_iter().filter(|one| !one.is_example);
    let uncommented = with(shown.map(|one| (one.line, format!("{} = {}", one.key, one.value))));
    let different = |left: Vec<String>, right: Vec<String>| -> Vec<(String, String)> {
        assert_eq!(left.len(), right.len());
        left.into_iter().zip(right).filter(|(left, right)| left != right).collect()
    };
    assert_eq!(different(proven(site.path(), REFERENCE), proven(site.path(), &uncommented)), []);
    // The other keys of [feed.letters] matter only when letters are wanted.
    let wanted = |text: &str| {
        let is_off = |line: &&str| line.trim_start_matches('#').starts_with("email_credentials = false");
        let line = text.lines().find(is_off).expect("the key");
        proven(site.path(), &text.replace(line, "email_credentials = true"))
    };
    assert_eq!(different(wanted(REFERENCE), wanted(&uncommented)), []);
    let subject = commented().into_iter().find(|one| one.key == "subject").expect("the key");
    assert_eq!(subject.value, format!("\"{BUILT_IN_SUBJECT}\""));
}

/// Without this the comparison above might look at nothing: another value than the default makes a difference.
#[test]
fn every_default_makes_a_difference() {
    let site = site();
    for one in commented().into_iter().filter(|one| !one.is_example) {
        // A template of a letter is not shown; the test above compares the subject itself.
        if one.table == "feed.letters" && one.key == "subject" {
            continue;
        }
        let Some(other) = other_value(&one) else { panic!("no other value for {} in [{}]", one.key, one.table) };
        // Some keys matter only with others; both sides get those.
        let companions: &[(&str, &str)] = match (one.table.as_str(), one.key.as_str()) {
            ("feed.letters", "mails_per_minute" | "without_proof" | "prove_login") => {
                &[("#email_credentials = false", "email_credentials = true")]
            }
            ("target.ldap", "tls") => {
                &[("ldaps://", "ldap://"), ("#allow_cleartext = false", "allow_cleartext = true")]
            }
            ("mail", "tls") => &[("smtps://", "smtp://")],
            ("feed.old", "grace") => &[("#policy = \"report\"", "policy = \"delete\"")],
            _ => &[],
        };
        let completed = |text: &str| {
            companions.iter().fold(text.to_owned(), |text, (from, to)| {
                assert!(text.contains(from));
                text.replacen(from, to, 1)
            })
        };
        let text = with([(one.line, format!("{} = {other}", one.key))]);
        let differs = proven(site.path(), &completed(REFERENCE)) != proven(site.path(), &completed(&text));
        assert!(differs, "{} in [{}]", one.key, one.table);
    }
}

fn other_value(one: &Commented) -> Option<String> {
    if let Ok(number) = one.value.parse::<u64>() {
        return Some((number + 1).to_string());
    }
    let other = match (one.table.as_str(), one.key.as_str()) {
        (_, _) if one.value == "true" => "false",
        (_, _) if one.value == "false" => "true",
        ("", "data_dir") => return Some("\"elsewhere\"".to_owned()),
        (_, "protected" | "protected_groups" | "approvers" | "owned" | "required" | "unique") => "[\"x*\"]",
        (_, "pause" | "rescan" | "settle" | "timeout" | "connect_timeout" | "replication_wait") => "\"7s\"",
        (_, "tls" | "proxy") => "\"none\"",
        (_, "media_type") => "\"json\"",
        ("target.ldap", "scope") => "\"one\"",
        ("target.ldap", "group_type") => "\"universal-distribution\"",
        ("target.ldap", "kind") => "\"openldap\"",
        (_, "group_gid_range") => "[1, 2]",
        (_, "password_policy") => "\"none\"",
        (_, "password_storage") => "\"argon2\"",
        ("target.ldap", "in_flight") => "7",
        (_, "file") => "\"other.sqlite\"",
        (_, "argon2") => "{ memory_kib = 19456, iterations = 3, parallelism = 1 }",
        (_, "pattern") => "[\"*.txt\"]",
        (_, "mode") => "\"review\"",
        (_, "watch") => "\"poll\"",
        (_, "locale") => "\"de\"",
        (_, "encoding") => "\"windows-1252\"",
        (_, "delimiter") => "\";\"",
        (_, "final_newline") => "\"optional\"",
        (_, "separators") => "\"/\"",
        (_, "empty") => "\"clear\"",
        (_, "dangling" | "files") => "\"error\"",
        (_, "username") => "{ min = 2, max = 64, characters = \"a-z\" }",
        (_, "alphabet") => "\"ABCDEFGHabcdefgh23456789\"",
        (_, "action") => "\"disable\"",
        (_, "policy") => "\"disable\"",
        (_, "grace") => "\"7d\"",
        ("feed.limits", "updates" | "creates") => "\"1%\"",
        ("feed.limits", _) => "3",
        _ => return None,
    };
    Some(other.to_owned())
}

#[test]
fn the_configurations_in_the_documents_are_accepted() {
    let site = site();
    let readme = blocks(include_str!("../../README.md"));
    let [whole] = readme.as_slice() else { panic!("one block") };
    proven(site.path(), whole);
    let pages = [
        include_str!("../../docs/openldap.md"),
        include_str!("../../docs/active-directory.md"),
        include_str!("../../docs/389-ds.md"),
        include_str!("../../docs/scim.md"),
    ];
    for page in pages.map(blocks) {
        // The target comes first; the feed has what else there is.
        let (target, rest) = page.split_first().expect("a block");
        let feed = "[[feed]]\nname = \"hr\"\ntarget = \"staff\"\n";
        let target = target.replace("/etc/rosterd/ca.pem", "ca.pem");
        // What goes on with the target is a further choice, each by itself.
        let (further, rest): (Vec<_>, Vec<_>) = rest.iter().partition(|block| block.starts_with("[target.ldap]"));
        let rest: Vec<&str> = rest.into_iter().map(String::as_str).collect();
        proven(site.path(), &format!("{target}\n{feed}\n{}", rest.join("\n")));
        for block in further {
            let more = block.trim_start_matches("[target.ldap]");
            let (more, map) = more.split_once("\n[").expect("a feed");
            proven(site.path(), &format!("{target}\n{more}\n{feed}\n[{map}"));
        }
    }
}

/// The TOML in a document, without indentation.
fn blocks(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = document.lines().map(str::trim_start);
    while lines.any(|line| line == "```toml") {
        found.push(lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n"));
    }
    found
}

#[test]
fn all_its_examples_are_accepted_together() {
    let site = site();
    let all = with(commented().into_iter().map(|one| (one.line, format!("{} = {}", one.key, one.value))));
    let proven = proven(site.path(), &all);
    assert!(proven.iter().any(|line| line.trim() == "seats: Some("), "{proven:#?}");
}

#[test]
fn the_first_try_checks_out_and_says_that_nobody_learns_the_passwords() {
    let site = TempDir::new().expect("temporary folder");
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/quickstart.toml");
    let checked = cargo_bin_cmd!("rosterd")
        .arg("--config")
        .arg(quickstart)
        .arg("--data-dir")
        .arg(site.path())
        .args(["check", "--format", "json"])
        .assert()
        .success();
    let found: serde_json::Value = serde_json::from_slice(&checked.get_output().stdout).expect("JSON");
    let warnings: Vec<_> = found.as_array().expect("a list").iter().filter(|one| one["verdict"] == "warning").collect();
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert_eq!((&warning["where"], &warning["what"]), (&"feed quickstart".into(), &"passwords".into()));
}

#[test]
fn rows_are_not_for_what_they_may_not_say() {
    let parse = |defaults: &str| {
        let text = format!(
            "[[target]]\nname = \"t\"\nkind = \"local\"\n[[feed]]\nname = \"f\"\ntarget = \"t\"\n[feed.defaults]\n{defaults}\n"
        );
        Config::parse(Path::new("rosterd.toml"), &text, None)
    };
    assert!(parse("action = \"disable\"").is_ok());
    assert!(parse("action = \"delete\"\nallow_row_delete = true").is_ok());
    for refused in ["action = \"delete\"", "action = \"disable\"\nallow_row_disable = false", "action = \"vanish\""] {
        assert_eq!(parse(refused).expect_err(refused).faults.len(), 1, "{refused}");
    }
}

#[test]
fn rows_are_found_by_an_attribute_and_then_by_the_username_alone() {
    let site = site();
    let parse = |list: &str, username: &str| {
        let text = format!(
            "[[target]]\nname = \"t\"\nkind = \"local\"\n[[feed]]\nname = \"f\"\ntarget = \"t\"\nmatch = {list}\n\
             [feed.map]\nemployeeNumber = \"Number\"\n{username}\n"
        );
        Config::parse(&site.path().join("rosterd.toml"), &text, None).map(drop)
    };
    let counted = "username = { template = \"{{ first }}\", collision = \"counter\" }";
    parse("[\"employeeNumber\", \"username\"]", "").expect("an attribute, then the username");
    parse("[\"username\"]", "").expect("a list of one");
    parse("[\"employeeNumber\"]", counted).expect("a counter beside an attribute");
    for list in [
        "[]",
        "[\"username\", \"employeeNumber\"]",
        "[\"employeeNumber\", \"mail\"]",
        "[\"employeeNumber\", \"username\", \"mail\"]",
    ] {
        let faults = parse(list, "").expect_err(list).to_string();
        assert!(faults.contains("a list names an attribute, and then \"username\""), "{list}: {faults}");
    }
    let faults = parse("[\"employeeNumber\", \"username\"]", counted).expect_err("a counter").to_string();
    assert!(faults.contains("does not say who somebody is"), "{faults}");
}

#[test]
fn the_action_of_a_row_is_not_taken_for_an_attribute() {
    let site = site();
    let text = "[[target]]\nname = \"a\"\nkind = \"local\"\n[[feed]]\nname = \"b\"\ntarget = \"a\"\n\
                [feed.map]\naction = \"{% if left %}disable{% endif %}\"\n";
    let faults = Config::parse(&site.path().join("rosterd.toml"), text, None).expect_err("a trap").to_string();
    assert!(faults.contains("`action` is no attribute") && faults.contains("rosterd.toml:8"), "{faults}");
}

#[test]
fn it_has_every_key_that_the_code_reads() {
    let mut renamed = None;
    for line in RAW.iter().flat_map(|raw| raw.lines()).map(str::trim) {
        if let Some((_, name)) = line.split_once("rename = \"") {
            renamed = name.split('"').next();
        }
        let Some((field, _)) = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) else { continue };
        let key = renamed.take().unwrap_or(field);
        let has = REFERENCE.lines().any(|line| {
            let line = line.trim_start_matches('#');
            line.starts_with(&format!("{key} = "))
                || line.contains(&format!(" {key} = "))
                || line.split('#').next().is_some_and(|l| {
                    l.trim().trim_matches(['[', ']']).rsplit('.').next().is_some_and(|table| table == key)
                })
        });
        assert!(has, "`{key}` is not in config/rosterd.toml");
    }
}
