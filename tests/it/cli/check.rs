//! `rosterd check --sample`.

use insta::assert_snapshot;

use super::Site;

const MAIL: &str = "[mail]\nserver = \"smtp://localhost:1\"\nfrom = \"it@example.org\"\n";
const ROSTER: &str = "Username,First name,Surname,Email,Password,Title,Groups\n\
                      ada,Ada,Byron,nonsense,first-Passw0rd.1,Dr,\n\
                      bob,Bob,Low,bob@example.org,second-Passw0rd.2,Prof,Staff|Sales\n";

fn site() -> Site {
    let site = Site::new("");
    let feed = "[[feed]]\nname = \"hr\"\ntarget = \"staff\"\n[feed.map]\ntitle = \"Title\"\n\
                [feed.letters]\nemail_credentials = true\n[feed.groups]\ncreate = true\n";
    site.configure(&format!("{MAIL}[[target]]\nname = \"staff\"\nkind = \"local\"\n{feed}"));
    site
}

/// The findings about the sample, a line each.
fn told(site: &Site, args: &[&str]) -> (i32, String) {
    let ran = site.run(&[&["check", "--format", "json"], args].concat());
    let of = |finding: &serde_json::Value| {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        format!("{} | {} | {}\n", text("verdict"), text("what"), text("finding"))
    };
    let findings = ran.json();
    let of_sample = |finding: &&serde_json::Value| finding["what"].as_str().is_some_and(|w| w.starts_with("sample"));
    (ran.code, findings.as_array().expect("a list").iter().filter(of_sample).map(of).collect())
}

#[test]
fn one_row_goes_the_whole_way() {
    let site = site();
    let roster = site.drop("starters.csv", ROSTER);
    let (_, findings) = told(&site, &["--sample", &roster]);
    assert_snapshot!(findings, @r#"
    warning | sample: read starters.csv | Encoding UTF-8 (likely), delimiter , (certain); 2 rows, 1 of them in error
    good | sample: line 3 | bob (Bob Low) is New
    good | sample: would write | cn: Bob Low
    good | sample: would write | displayName: Bob Low
    good | sample: would write | givenName: Bob
    good | sample: would write | mail: bob@example.org
    good | sample: would write | sn: Low
    good | sample: would write | title: Prof
    good | sample: would write | groups: Sales | Staff
    good | sample: would write | password: (from the roster)
    good | sample: would write | change password next time: true
    good | sample: letter | to bob@example.org: "Your new account", 11 lines, and HTML; sent to nobody
    "#);
    assert!(!findings.contains("Passw0rd"));
    // Nothing is written, not even a journal or a report.
    assert_eq!(site.dropped(), ["starters.csv"]);
    assert!(!site.path("data/state.sqlite").exists());
    assert!(site.users().is_empty());
}

#[test]
fn who_is_there_is_located_and_a_row_can_be_chosen() {
    let site = site();
    let roster = site.drop("starters.csv", ROSTER);
    site.good(&["local", "users"]);
    let (code, findings) = told(&site, &["--sample", &roster, "--sample-row", "2"]);
    assert_eq!(code, 78);
    assert_snapshot!(findings, @r"
    warning | sample: read starters.csv | Encoding UTF-8 (likely), delimiter , (certain); 2 rows, 1 of them in error
    BAD | sample: line 2 | Email: `nonsense` is not an e-mail address
    ");
    let (code, findings) = told(&site, &["--sample", &roster, "--sample-row", "9"]);
    assert_eq!(code, 78);
    assert_snapshot!(findings, @r"
    warning | sample: read starters.csv | Encoding UTF-8 (likely), delimiter , (certain); 2 rows, 1 of them in error
    BAD | sample: row | no row starts at line 9
    ");
    let feed = "[[feed]]\nname = \"hr\"\ntarget = \"staff\"\n[feed.map]\ntitle = \"Title\"\n";
    site.configure(&format!("[[target]]\nname = \"staff\"\nkind = \"local\"\n{feed}"));
    let first = ROSTER.replace("Staff|Sales", "").replace("nonsense", "ada@example.org");
    site.good(&["import", &site.drop("first.csv", &first)]);
    let (code, findings) = told(&site, &["--sample", &site.drop("first.csv", &first)]);
    assert_eq!(code, 0);
    for line in [
        "good | sample: line 2 | ada (Ada Byron) is unchanged\ngood | sample: account | it is ",
        ", by its username\ngood | sample: would write | nothing: the directory has it already\n",
    ] {
        assert!(findings.contains(line), "{findings}");
    }
    let (code, findings) = told(&site, &["--sample", &site.drop("second.csv", first.replace("Dr", "Prof"))]);
    assert_eq!(code, 0);
    for line in ["ada (Ada Byron) is Update\n", "good | sample: would write | title: Dr -> Prof\n"] {
        assert!(findings.contains(line), "{findings}");
    }
}

#[test]
fn a_damaged_roster_is_told() {
    let site = site();
    let (code, findings) = told(&site, &["--sample", &site.drop("cut.csv", "Username,Email\nada,ada@x")]);
    assert_eq!(code, 78);
    assert!(findings.starts_with("BAD | sample: read cut.csv"), "{findings}");
}
