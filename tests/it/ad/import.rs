//! A whole import by the program, twice.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::server::samba::Login;
use crate::server::samba::SERVICE;
use crate::server::samba::SERVICE_PASSWORD;
use crate::server::samba::Territory;
use crate::server::samba::unit_dn;

#[tokio::test]
async fn what_was_imported_is_unchanged_the_next_night() {
    let territory = Territory::new().await;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = |name: &str| folder.path().join(name);
    let toml = format!(
        "data_dir = {data:?}\n[[target]]\nname = \"staff\"\nkind = \"ldap\"\n[target.ldap]\nurl = \"{url}\"\n\
         ca_file = {ca:?}\nbind_dn = \"{SERVICE}\"\nbind_password = {{ file = {secret:?} }}\n\
         people_base = \"{people}\"\ngroup_base = \"{groups}\"\n\
         [[feed]]\nname = \"hr\"\ntarget = \"staff\"\n[feed.map]\ntitle = \"Title\"\notherTelephone = {{ column = \"Phones\", multi = true }}\n",
        data = path("data"),
        url = territory.url("ldaps"),
        ca = territory.ca(),
        secret = path("secret"),
        people = unit_dn("people"),
        groups = unit_dn("groups"),
    );
    std::fs::write(path("rosterd.toml"), toml).expect("a configuration");
    std::fs::write(path("secret"), SERVICE_PASSWORD).expect("a secret");
    std::fs::set_permissions(path("secret"), Permissions::from_mode(0o600)).expect("a secret");
    let roster = "Username,First name,Surname,Email,Password,Title,Phones,Groups\n\
                  ada,Ada,Byron,ada@example.org,first-Passw0rd,Countess,1|2,\n\
                  jdoe,Zoë,Œuvré,zoe@example.org,first-Passw0rd,\" Dr, med. \",3,\n";
    std::fs::write(path("roster.csv"), roster).expect("a roster");
    let run = |command: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_rosterd"));
        program.arg("--config").arg(path("rosterd.toml")).args(command).current_dir(folder.path());
        let output = program.output().expect("the program starts");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), said)
    };
    let (code, said) = run(&["check"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&["check", "--write-probe", "--format", "csv"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("probe: log in while disabled,\"refused, as it must be\""), "{said}");
    let (code, said) = run(&["import", "roster.csv"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Number of new users 2"), "{said}");
    assert_eq!(territory.login("ada", "first-Passw0rd").await, Login::MustChange);
    assert_eq!(territory.values(&territory.person("Zoë Œuvré"), "mail").await, ["zoe@example.org"]);
    assert_eq!(territory.values(&territory.person("Ada Byron"), "otherTelephone").await, ["1", "2"]);
    let (code, said) = run(&["import", "roster.csv"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Nothing to change"), "{said}");
}
