//! `rosterd check --sample` by the program, on a real server.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::server::slapd::SERVICE;
use crate::server::slapd::SERVICE_PASSWORD;
use crate::server::slapd::Slapd;

use super::create;
use super::ldap;
use super::person;

#[tokio::test]
async fn a_row_is_shown_as_it_would_be_written_and_a_probe_is_made_like_it() {
    let territory = Slapd::shared().territory().await;
    let boss = create(&ldap(&territory), person("boss")).await;
    let unit = format!("ou=sales,ou=people,{}", territory.base);
    territory.add(&unit, &[("objectClass", &["organizationalUnit"]), ("ou", &["sales"])]).await;
    let group = territory.group("staff");
    territory
        .add(&group, &[("objectClass", &["groupOfNames"]), ("cn", &["staff"]), ("member", &[&boss.locator])])
        .await;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = |name: &str| folder.path().join(name);
    let base = &territory.base;
    let toml = format!(
        "data_dir = {data:?}\n[[target]]\nname = \"staff\"\nkind = \"ldap\"\n[target.ldap]\n\
         url = \"ldap://localhost:{port}\"\nca_file = {ca:?}\nbind_dn = \"{SERVICE}\"\n\
         bind_password = {{ file = {secret:?} }}\npeople_base = \"ou=people,{base}\"\ngroup_base = \"ou=groups,{base}\"\n\
         [[feed]]\nname = \"hr\"\ntarget = \"staff\"\nmatch = \"employeeNumber\"\n[feed.map]\n\
         employeeNumber = \"No\"\nmail = \"{{{{ username }}}}@example.org\"\n\
         manager = {{ column = \"Boss\", reference = \"username\" }}\n\
         dn = \"uid={{{{ username }}}},ou={{{{ dept }}}},ou=people,{base}\"\n",
        data = path("data"),
        port = territory.server.port(),
        ca = territory.server.ca(),
        secret = path("secret"),
    );
    std::fs::write(path("rosterd.toml"), toml).expect("a configuration");
    std::fs::write(path("secret"), SERVICE_PASSWORD).expect("a secret");
    std::fs::set_permissions(path("secret"), Permissions::from_mode(0o600)).expect("a secret");
    let roster = "Username,First name,Surname,Password,No,Boss,Dept,Groups\n\
                  ada,Ada,Byron,first-Passw0rd.1,7,boss,sales,staff\n\
                  eve,Eve,Low,first-Passw0rd.1,8,boss,nowhere,\n";
    std::fs::write(path("roster.csv"), roster).expect("a roster");
    let run = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_rosterd"));
        program.arg("--config").arg(path("rosterd.toml")).args(["check", "--format", "csv"]).args(arguments);
        let output = program.current_dir(folder.path()).output().expect("the program starts");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), said)
    };
    let before = territory.below().await;
    let (code, said) = run(&["--sample", "roster.csv"]);
    assert_eq!(code, Some(0), "{said}");
    for part in [
        &format!("\"it would be uid=ada,{unit}; the name is free\""),
        &format!("it is {group}"),
        "mail: ada@example.org",
        "manager: boss",
        "userPassword: (never shown)",
        "rights to write",
        "unproved",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("Passw0rd"), "{said}");
    let (code, said) = run(&["--sample", "roster.csv", "--sample-row", "3"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains(&format!("there is no ou=nowhere,ou=people,{base}")), "{said}");
    let (code, said) = run(&["--sample", "roster.csv", "--write-probe"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!(",{unit}\",created")) && !said.contains("unproved"), "{said}");
    assert!(said.contains("probe: find the account again,\"found, with all that was written\""), "{said}");
    // Without a row nobody knows where.
    let (code, said) = run(&["--write-probe"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("probe: place"), "{said}");
    assert_eq!(territory.below().await, before, "nothing is left");
}
