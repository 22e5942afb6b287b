//! The files beside a roster.

use std::os::unix::fs::PermissionsExt;

use super::HEADER;
use super::Site;
use super::people;

#[test]
fn a_preview_leaves_nothing_behind() {
    let site = Site::new("");
    let roster = site.drop("starters.csv", people(&["ada"]));
    site.good(&["preview", &roster]);
    assert_eq!(site.dropped(), ["starters.csv"]);
    assert_eq!(site.users(), Vec::<String>::new());
    assert_eq!(super::names(&site.path("data/preview")), Vec::<String>::new(), "not even a copy");
    assert!(site.good(&["status"]).out.contains("No roster was carried through yet."));
}

#[test]
fn a_preview_works_where_nothing_may_be_written() {
    let site = Site::new("");
    let roster = site.drop("starters.csv", people(&["ada"]));
    let sealed = |mode| std::fs::set_permissions(site.path("drop"), std::fs::Permissions::from_mode(mode));
    sealed(0o500).expect("a folder that is only read");
    let ran = site.run(&["preview", &roster]);
    sealed(0o700).expect("as before");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn an_import_leaves_its_reports_and_the_roster_as_it_was() {
    let site = Site::new("");
    let bytes = format!("{}eve,Eve,Fox,nowhere\n", people(&["ada"]));
    let roster = site.drop("starters.csv", &bytes);
    assert_eq!(site.run(&["import", &roster]).code, 1);
    assert_eq!(
        site.dropped(),
        [
            "starters.csv",
            "starters.errors.csv",
            "starters.preview.csv",
            "starters.preview.html",
            "starters.report.html",
            "starters.result.csv",
            "starters.result.json",
        ]
    );
    assert_eq!(site.beside("starters.csv"), bytes);
}

#[test]
fn reports_are_read_by_those_who_read_the_roster_and_data_by_nobody_else() {
    let site = Site::new("");
    let mode = |path: &str| std::fs::metadata(site.path(path)).expect(path).permissions().mode() & 0o777;
    for (of_roster, of_reports) in [(0o640, 0o640), (0o600, 0o600), (0o666, 0o664), (0o755, 0o644)] {
        let roster = site.drop("starters.csv", people(&["ada"]));
        std::fs::set_permissions(&roster, std::fs::Permissions::from_mode(of_roster)).expect("a mode");
        site.good(&["import", &roster]);
        for name in ["preview.csv", "preview.html", "result.csv", "result.json", "report.html"] {
            assert_eq!(mode(&format!("drop/starters.{name}")), of_reports, "{name}");
        }
    }
    assert_eq!(mode("data"), 0o700);
    for name in super::names(&site.path("data")) {
        assert_eq!(mode(&format!("data/{name}")) & 0o077, 0, "{name}");
    }
}

#[test]
fn rows_in_error_dropped_again_as_they_are_give_the_same_errors_and_corrected_ones_are_new() {
    let site = Site::new("");
    let roster = site.drop(
        "starters.csv",
        format!("{HEADER}\r\nada,Ada,\"By,ron\",ada@x.org\r\neve,Eve,\"Fo\"\"x\",nowhere\r\n,No,Name,no@x.org\r\n"),
    );
    assert_eq!(site.run(&["import", &roster]).code, 1);
    let errors = site.beside("starters.errors.csv");
    let mut lines = errors.lines();
    assert_eq!(lines.next(), Some(format!("rosterd line,rosterd column,rosterd reason,{HEADER}").as_str()));
    assert_eq!(lines.next(), Some("3,Email,`nowhere` is not an e-mail address,eve,Eve,\"Fo\"\"x\",nowhere"));
    assert_eq!(lines.next(), Some("4,Username,\"required, but empty\",,No,Name,no@x.org"));
    assert_eq!(lines.next(), None);

    let again = site.drop("again.csv", &errors);
    let told = site.run(&["import", &again, "--format", "json"]).json();
    assert_eq!(told["counts"]["rejected"], 2);
    assert_eq!(told["problems"], serde_json::json!([]), "rosterd's own columns are nothing to talk about");
    assert_eq!(told["items"][0]["problems"][0]["reason"], "`nowhere` is not an e-mail address");

    let corrected = errors.replace("nowhere", "eve@x.org").replace(",,No", ",nn,No");
    let corrected = site.drop("corrected.csv", corrected);
    let told = site.good(&["import", &corrected, "--format", "json"]).json();
    assert_eq!((&told["counts"]["created"], &told["items"][0]["username"]), (&2.into(), &"eve".into()));
    assert_eq!(site.users(), ["ada", "eve", "nn"]);
    assert_eq!(site.user("eve")["surname"], "Fo\"x");
}

#[test]
fn an_errors_file_goes_when_there_are_no_errors_any_more_unless_somebody_works_on_it() {
    let site = Site::new("");
    let roster = site.drop("starters.csv", format!("{HEADER}\neve,Eve,Fox,nowhere\n"));
    assert_eq!(site.run(&["import", &roster]).code, 1);
    site.drop("starters.csv", format!("{HEADER}\neve,Eve,Fox,eve@x.org\n"));
    site.good(&["import", &roster]);
    assert!(!site.dropped().contains(&"starters.errors.csv".to_owned()));

    site.drop("starters.csv", format!("{HEADER}\neve,Eve,Fox,nowhere\n"));
    assert_eq!(site.run(&["import", &roster]).code, 1);
    site.drop("starters.errors.csv", "somebody is at work on this\n");
    site.drop("starters.csv", format!("{HEADER}\neve,Eve,Fox,eve@x.org\n"));
    site.good(&["import", &roster]);
    assert_eq!(site.beside("starters.errors.csv"), "somebody is at work on this\n");
}

#[test]
fn where_no_report_can_be_left_nothing_is_written_into_the_directory() {
    let site = Site::new("");
    let roster = site.drop("starters.csv", people(&["ada"]));
    std::fs::create_dir(site.path("drop/starters.preview.csv")).expect("a folder in the way");
    let ran = site.run(&["import", &roster]);
    assert_eq!((ran.code, &*ran.out), (75, ""), "{ran:?}");
    assert!(ran.err.contains("is a folder, so the report cannot be written there"), "{ran:?}");
    assert_eq!(site.users(), Vec::<String>::new());
    std::fs::remove_dir(site.path("drop/starters.preview.csv")).expect("out of the way");
    site.good(&["import", &roster]);
    assert_eq!(site.users(), ["ada"], "the run went on");
}
