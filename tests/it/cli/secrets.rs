//! A password is in the roster, in the directory's hash, and nowhere else.

use std::path::Path;

use super::HEADER;
use super::Site;
use super::ran;

const PASSWORD: &str = "Tr0ub4dor&3-of-ada";

/// Every file below `folder` that holds `text`, in the encodings that anything here could write.
fn holders(folder: &Path, text: &str) -> Vec<String> {
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let escaped = text.replace('&', "&amp;");
    let needles: [&[u8]; 4] = [text.as_bytes(), &wide, hex.as_bytes(), escaped.as_bytes()];
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("a file");
            if needles.iter().any(|needle| memchr::memmem::find(&bytes, needle).is_some()) {
                found.push(path.file_name().expect("a name").to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_password_of_a_roster_goes_into_the_hash_and_nowhere_else() {
    let site = Site::new("[feed.passwords]\nfrom_file_for_existing = true\n[feed.limits]\npasswords = \"none\"");
    let roster = site.drop("starters.csv", format!("{HEADER},Password\nada,Ada,Byron,ada@x.org,{PASSWORD}\n"));
    let mut told = String::new();
    for args in [
        &["preview", &roster][..],
        &["preview", &roster, "--format", "json"],
        &["preview", &roster, "--format", "csv"],
        &["import", &roster],
        &["import", &roster, "--format", "json"],
        &["import", &roster, "--format", "csv"],
        &["status", "--format", "json"],
        &["local", "users", "--format", "json"],
        &["check"],
    ] {
        let ran = site.good(args);
        told += &ran.out;
        told += &ran.err;
    }
    assert!(told.contains("ada@x.org"), "the person is told of");
    assert!(!told.contains(PASSWORD), "{told}");
    assert_eq!(holders(site.folder.path(), PASSWORD), ["starters.csv"]);
    assert_eq!(verify(&site, "ada", PASSWORD).0, 0);
    assert_eq!(verify(&site, "ada", "Tr0ub4dor&3-of-eve").0, 1);
}

#[test]
fn a_password_in_a_row_in_error_goes_into_the_errors_file_and_nowhere_else() {
    let site = Site::new("");
    let roster = site.drop(
        "starters.csv",
        format!(
            "{HEADER},Password,Change password next time\n\
             ada,Ada,Byron,nowhere,{PASSWORD},\n\
             bob,Bob,Ray,bob@x.org,{PASSWORD},{PASSWORD}x\n\
             cat,Cat,Low,cat@x.org,\u{7}{PASSWORD},\n\
             dan,Dan,Elk,dan@x.org,\"{PASSWORD}\"x,\n"
        )
        .replace(&format!("{PASSWORD}x"), "maybe"),
    );
    let ran = site.run(&["import", &roster]);
    assert_eq!(ran.code, 1);
    assert!(!ran.out.contains(PASSWORD) && !ran.err.contains(PASSWORD), "{ran:?}");
    // The rows in error are copied byte for byte, so that they can be corrected: the one place besides the roster.
    assert_eq!(holders(site.folder.path(), PASSWORD), ["starters.csv", "starters.errors.csv"]);
}

#[test]
fn a_password_column_that_nothing_uses_is_not_shown_either() {
    let site = Site::new("[feed.map]\npassword = \"Secret word\"");
    let header = "Username,First name,Surname,Email,Password,Secret word";
    let roster = site.drop("starters.csv", format!("{header}\nada,Ada,Byron,ada@x.org,{PASSWORD},real-{PASSWORD}\n"));
    let ran = site.good(&["import", &roster]);
    assert!(!ran.out.contains(PASSWORD), "{ran:?}");
    assert_eq!(holders(site.folder.path(), PASSWORD), ["starters.csv"]);
    assert_eq!(verify(&site, "ada", &format!("real-{PASSWORD}")).0, 0);
}

#[test]
fn while_a_plan_waits_the_copy_of_the_roster_is_rosterds_alone() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new("mode = \"review\"");
    let roster = site.drop("starters.csv", format!("{HEADER},Password\nada,Ada,Byron,ada@x.org,{PASSWORD}\n"));
    assert_eq!(site.run(&["import", &roster]).code, 3);
    let spool = site.path("data/spool");
    assert_eq!(std::fs::metadata(&spool).expect("the spool").permissions().mode() & 0o777, 0o700);
    assert_eq!(super::names(&spool).len(), 1);
    site.good(&["approve", &roster]);
    assert_eq!(super::names(&spool), Vec::<String>::new());
    assert_eq!(holders(&site.path("data"), PASSWORD), Vec::<String>::new());
    assert_eq!(verify(&site, "ada", PASSWORD).0, 0);
}

#[test]
fn copies_that_a_killed_process_left_are_removed_and_those_of_open_runs_are_kept() {
    let site = Site::new("mode = \"review\"");
    let waiting = site.drop("waiting.csv", format!("{HEADER}\nada,Ada,Byron,ada@x.org\n"));
    assert_eq!(site.run(&["import", &waiting]).code, 3);
    let kept = super::names(&site.path("data/spool"));
    let left = format!("0190a5b0c0de7000800000000000beef-{}.roster", "ab".repeat(32));
    for folder in ["data/spool", "data/preview"] {
        std::fs::create_dir_all(site.path(folder)).expect("a folder");
        std::fs::write(site.path(folder).join(&left), PASSWORD).expect("a copy");
        std::fs::write(site.path(folder).join("0190a5b0c0de7000800000000000dead.part"), PASSWORD).expect("a copy");
    }
    let other = site.drop("other.csv", format!("{HEADER}\nbob,Bob,Ray,bob@x.org\n"));
    site.good(&["preview", &other]);
    assert_eq!(super::names(&site.path("data/preview")), Vec::<String>::new());
    assert_eq!(site.run(&["import", &other]).code, 3);
    site.good(&["reject", &other]);
    assert_eq!(super::names(&site.path("data/spool")), kept);
    assert_eq!(holders(&site.path("data"), PASSWORD), Vec::<String>::new());
    site.good(&["approve", &waiting]);
}

#[test]
fn the_log_has_no_password_however_much_it_says() {
    for format in ["text", "json"] {
        let site = Site::new("folder = \"incoming\"\nsettle = \"100ms\"\nrescan = \"1s\"");
        let incoming = site.path("data/incoming");
        std::fs::create_dir_all(&incoming).expect("a folder");
        let roster = format!("{HEADER},Password\nada,Ada,Byron,ada@x.org,{PASSWORD}\nbob,Bob,Ray,nowhere,{PASSWORD}\n");
        std::fs::write(incoming.join("starters.csv"), roster).expect("a roster");
        let log = std::fs::File::create(site.path("log")).expect("a log");
        let mut command = site.command();
        command.args(["run", "--log-format", format]).env("ROSTERD_LOG", "trace").stderr(log);
        let mut daemon = command.stdout(std::process::Stdio::null()).spawn().expect("started");
        let begun = std::time::Instant::now();
        while !incoming.join("starters.result.json").exists() {
            assert!(begun.elapsed().as_secs() < 30, "{}", std::fs::read_to_string(site.path("log")).expect("the log"));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let id = rustix::process::Pid::from_raw(daemon.id().try_into().expect("a number")).expect("an id");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("a signal");
        assert_eq!(daemon.wait().expect("it ends").code(), Some(0));
        let log = std::fs::read_to_string(site.path("log")).expect("the log");
        assert!(log.contains("starters.csv") && log.contains("1 created"), "{log}");
        assert_eq!(holders(site.folder.path(), PASSWORD), ["starters.csv", "starters.errors.csv"], "{log}");
        assert_eq!(super::names(&site.path("data/spool")), Vec::<String>::new());
    }
}

#[test]
fn generated_passwords_leave_no_trace() {
    // Signs that nothing here writes in a row, so that a password would stand out wherever it is.
    const SIGNS: &str = "~^`{}[]|<>#!%&@$?;Q";
    let site = Site::new(&format!("[feed.passwords]\nlength = 20\nalphabet = '{SIGNS}'"));
    let ran = site.good(&["import", &site.drop("starters.csv", format!("{HEADER}\nada,Ada,Byron,ada@x.org\n"))]);
    assert_eq!(site.user("ada")["has_password"], true);
    let has_password = |bytes: &[u8]| bytes.windows(12).any(|run| run.iter().all(|b| SIGNS.as_bytes().contains(b)));
    assert!(!has_password(ran.out.as_bytes()) && !has_password(ran.err.as_bytes()));
    for folder in ["data", "drop"] {
        for name in super::names(&site.path(folder)) {
            let path = site.path(folder).join(&name);
            assert!(path.is_dir() || !has_password(&std::fs::read(&path).expect("a file")), "{name}");
        }
    }
}

fn verify(site: &Site, username: &str, password: &str) -> (i32, String) {
    let input = site.path("input");
    std::fs::write(&input, format!("{password}\n")).expect("an input");
    let file = std::fs::File::open(&input).expect("the input");
    let ran = ran(site.command().args(["local", "verify", username]).stdin(file));
    std::fs::remove_file(&input).expect("gone");
    (ran.code, ran.out)
}

/// Two targets, of which one has a password that this user cannot read, and a mail server with another one.
const LOCKED: &str = r#"
[[target]]
name = "staff"
kind = "local"
[[target]]
name = "head-office"
kind = "ldap"
[target.ldap]
url = "ldaps://ldap.example.org"
bind_dn = "cn=rosterd,dc=example,dc=org"
bind_password = { file = "not-there" }
people_base = "ou=people,dc=example,dc=org"
[mail]
server = "smtps://smtp.example.org"
username = "rosterd"
password = { file = "not-there-either" }
from = "it@example.org"
[[feed]]
name = "hr"
target = "staff"
mode = "review"
[[feed]]
name = "managers"
target = "head-office"
"#;

#[test]
fn looking_and_deciding_need_no_secrets() {
    let site = Site::new("mode = \"review\"");
    let roster = site.drop("starters.csv", super::people(&["ada"]));
    assert_eq!(site.run(&["import", &roster]).code, 3);
    let other = site.drop("others.csv", super::people(&["eve"]));
    assert_eq!(site.run(&["import", &other]).code, 3);

    site.configure(LOCKED);
    assert_eq!(site.run(&["status"]).code, 3);
    assert_eq!(site.run(&["preview", &roster, "--feed", "hr"]).code, 0, "of its own target, which has none");
    assert!(site.users().is_empty(), "the embedded directory has no secret either");
    site.good(&["reject", &other]);
    let run = site.run(&["status", "--format", "json"]).json()[1].clone();
    assert_eq!((&run["phase"], &run["roster"]), (&"waiting".into(), &roster.as_str().into()));

    // As when the daemon runs: it applies what is approved.
    let lock = std::fs::File::open(site.path("data/rosterd.lock")).expect("a lock file");
    lock.lock().expect("locked");
    let ran = site.good(&["approve", &roster]);
    assert!(ran.err.contains("The running daemon applies it."), "{ran:?}");
    drop(lock);
    assert_eq!(site.run(&["status", "--format", "json"]).json()[1]["phase"], "approved");

    for args in [&["import", &roster, "--feed", "hr"][..], &["run"], &["check"]] {
        let ran = site.run(args);
        assert_eq!(ran.code, 78, "{args:?}: {ran:?}");
        for missing in ["not-there", "not-there-either"] {
            assert!(ran.err.contains(&format!("/{missing}: No such file")), "{args:?}: all at once: {ran:?}");
        }
    }
    let ran = site.run(&["preview", &roster, "--feed", "managers"]);
    assert_eq!(ran.code, 78);
    assert!(
        ran.err.contains("/not-there: ") && !ran.err.contains("not-there-either"),
        "its own, and no other: {ran:?}"
    );
}

#[test]
fn approving_without_a_daemon_needs_the_secrets_of_its_own_target_alone() {
    let site = Site::new("mode = \"review\"");
    let roster = site.drop("starters.csv", super::people(&["ada"]));
    assert_eq!(site.run(&["import", &roster]).code, 3);
    // The rules of a feed are part of its plans' ids.
    let only_more_targets = LOCKED.split("[[feed]]").next().expect("targets").to_owned()
        + "[[feed]]\nname = \"hr\"\ntarget = \"staff\"\nmode = \"review\"\n";
    site.configure(&only_more_targets);
    site.good(&["approve", &roster]);
    assert_eq!(site.users(), ["ada"]);
}

#[test]
fn a_secret_that_is_not_read_still_has_to_say_where_it_is() {
    let site = Site::new("");
    site.configure(&LOCKED.replace("{ file = \"not-there\" }", "{ file = \"a\", env = \"B\" }"));
    let ran = site.run(&["status"]);
    assert_eq!(ran.code, 78);
    assert!(ran.err.contains("one of `file`, `credential` and `env`"), "{ran:?}");
}
