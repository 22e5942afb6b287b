//! The daemon as a process: signals, its folder, its unit.

use super::*;

#[tokio::test]
async fn the_first_signal_stops_and_the_second_aborts() {
    // Signals that nothing else here uses, so that the test itself can still be ended.
    let kinds = [("SIGUSR1", SignalKind::user_defined1()), ("SIGUSR2", SignalKind::user_defined2())];
    let signals = Signals::listen(&kinds).expect("installed");
    let stop = CancellationToken::new();
    let obeying = tokio::spawn(signals.obey(stop.clone()));
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, rustix::process::Signal::USR1).expect("sent");
    within("the stop", stop.cancelled()).await;
    assert!(!obeying.is_finished());
    rustix::process::kill_process(own, rustix::process::Signal::USR2).expect("sent");
    assert_eq!(within("the abort", obeying).await.expect("no panic"), Abort);
}

#[test]
fn a_data_folder_has_one_owner_also_between_processes() {
    let data = tempfile::tempdir().expect("folder");
    // `flock` of util-linux takes the same kind of lock, from another process.
    let mut other = std::process::Command::new("flock")
        .args(["--exclusive", "--no-fork"])
        .arg(data.path().join("rosterd.lock"))
        .args(["sh", "-c", "echo held; read line"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("flock is installed");
    let mut said = [0; 4];
    std::io::Read::read_exact(other.stdout.as_mut().expect("piped"), &mut said).expect("held");
    assert!(Exclusive::take(data.path()).is_err());
    other.kill().expect("killed");
    other.wait().expect("ended");
    Exclusive::take(data.path()).expect("a process that died holds nothing");
}

#[test]
fn the_unit_is_valid_and_lets_the_daemon_do_no_more_than_it_needs() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/rosterd.service");
    let text = fs::read_to_string(unit).expect("the unit");
    let folder = tempfile::tempdir().expect("folder");
    let copy = folder.path().join("rosterd.service");
    // The program need not be installed to check the rest.
    fs::write(&copy, text.replace("/usr/bin/rosterd", "/bin/true")).expect("written");
    let analyze = |arguments: &[&str]| {
        let output = std::process::Command::new("systemd-analyze")
            .args(arguments)
            .arg(&copy)
            .output()
            .expect("systemd-analyze is installed");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
        said
    };
    assert_eq!(analyze(&["verify", "--man=no"]), "");
    // Tenths: what remains at 1.0 is the network.
    analyze(&["security", "--offline=true", "--no-pager", "--threshold=10"]);
}

#[test]
fn the_world_is_on_this_machine() {
    // Events are what most tests here rely on.
    let local = rosterd::intake::filesystem::of(Path::new(&std::env::temp_dir())).expect("statfs");
    assert_eq!(local, rosterd::intake::filesystem::Filesystem::Local);
}
